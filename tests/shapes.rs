//! Checks that the errors in Rust and their types in TypeScript are the same.
#![cfg(not(target_arch = "wasm32"))]

use essaim::error::{Error, Evidence, Found};
use std::collections::{BTreeMap, BTreeSet};

/// One error of each kind. The match makes a new kind fail to compile until it is listed here.
fn one_of_each() -> Vec<Error> {
    let text = String::new;
    let evidence = Box::<Evidence>::default;
    let all = vec![
        Error::InvalidRecord { message: text(), path: text() },
        Error::InvalidId { message: text() },
        Error::InvalidOption { message: text() },
        Error::InvalidKey,
        Error::NotFound { id: text() },
        Error::AlreadyExists { id: text() },
        Error::Network { url: text(), message: text() },
        Error::Timeout { url: text(), timeout_ms: 0 },
        Error::Unauthorized {
            message: text(),
            url: text(),
            errno: None,
            answer: None,
        },
        Error::Forbidden {
            message: text(),
            url: text(),
            errno: None,
            answer: None,
        },
        Error::Gone {
            message: text(),
            url: text(),
            errno: None,
            answer: None,
        },
        Error::RemoteNotFound {
            message: text(),
            url: text(),
            errno: None,
            answer: None,
        },
        Error::Server {
            message: text(),
            url: text(),
            status: 500,
            errno: None,
            retry_after_ms: None,
            answer: None,
        },
        Error::Backoff { retry_after_ms: 0 },
        Error::BadResponse {
            message: text(),
            url: text(),
            status: 200,
        },
        Error::Redirected { url: text() },
        Error::OtherOrigin { url: text(), next: text() },
        Error::ServerFlushed {
            client_timestamp: 1,
            server_timestamp: 2,
            found: Found::Restored,
        },
        Error::KeyRequired { name: text() },
        Error::NotEncrypted { name: text() },
        Error::Limit {
            id: text(),
            bytes: 2,
            limit_bytes: 1,
        },
        Error::NoKey { epoch: 2 },
        Error::ServerLost { url: text() },
        Error::Moved { destination: text() },
        Error::Omission { evidence: evidence() },
        Error::Rollback { evidence: evidence() },
        Error::Fork { evidence: evidence() },
        Error::Tampered { evidence: evidence() },
        Error::BadSnapshot { evidence: evidence() },
        Error::Busy { name: text() },
        Error::Interrupted { message: text() },
        Error::Quota { message: text() },
        Error::StorageLost { message: text() },
        Error::StorageBlocked { name: text() },
        Error::UpgradeRequired { found: 2, known: 1 },
        Error::Storage { message: text() },
        Error::Callback { message: text() },
        Error::Closed,
        Error::Bug { message: text() },
    ];
    for error in &all {
        match error {
            Error::InvalidRecord { .. }
            | Error::InvalidId { .. }
            | Error::InvalidOption { .. }
            | Error::InvalidKey
            | Error::NotFound { .. }
            | Error::AlreadyExists { .. }
            | Error::Network { .. }
            | Error::Timeout { .. }
            | Error::Unauthorized { .. }
            | Error::Forbidden { .. }
            | Error::Gone { .. }
            | Error::RemoteNotFound { .. }
            | Error::Server { .. }
            | Error::Backoff { .. }
            | Error::BadResponse { .. }
            | Error::Redirected { .. }
            | Error::OtherOrigin { .. }
            | Error::ServerFlushed { .. }
            | Error::KeyRequired { .. }
            | Error::NotEncrypted { .. }
            | Error::Limit { .. }
            | Error::NoKey { .. }
            | Error::ServerLost { .. }
            | Error::Moved { .. }
            | Error::Omission { .. }
            | Error::Rollback { .. }
            | Error::Fork { .. }
            | Error::Tampered { .. }
            | Error::BadSnapshot { .. }
            | Error::Busy { .. }
            | Error::Interrupted { .. }
            | Error::Quota { .. }
            | Error::StorageLost { .. }
            | Error::StorageBlocked { .. }
            | Error::UpgradeRequired { .. }
            | Error::Storage { .. }
            | Error::Callback { .. }
            | Error::Closed
            | Error::Bug { .. } => {}
        }
    }
    all
}

#[test]
fn typescript_knows_every_error_code_and_no_other() {
    let source = std::fs::read_to_string("pkg-template/src/errors.ts").unwrap();
    let union = source
        .split("export type ErrorCode")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .expect("errors.ts has the ErrorCode union");
    let alarms = source
        .split("export type AlarmCode")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .expect("errors.ts has the AlarmCode union");
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let in_typescript: BTreeSet<String> = quoted(union).into_iter().chain(quoted(alarms)).collect();
    let mut in_rust: BTreeSet<String> = one_of_each().iter().map(Error::code).collect();
    assert_eq!(in_rust.len(), one_of_each().len(), "two errors share a code");
    // Only the facade raises this error: without WebAssembly there is no engine.
    in_rust.insert("wasm_unavailable".into());
    assert_eq!(in_typescript, in_rust);
}

#[test]
fn an_error_crosses_to_javascript_with_its_code_its_message_and_its_data() {
    let error = Error::ServerFlushed {
        client_timestamp: 1,
        server_timestamp: 2,
        found: Found::Flushed,
    };
    let crossed: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
    assert_eq!(crossed["code"], "server_flushed");
    // Apps that were written for Kinto.js look for its wording.
    let message = crossed["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("Server has been flushed. Client Side Timestamp: 1 Server Side Timestamp: 2"),
        "{message}"
    );
    assert_eq!(crossed["found"], "flushed");
    assert_eq!((crossed["client_timestamp"].as_u64(), crossed["server_timestamp"].as_u64()), (Some(1), Some(2)));
}

/// The members of an interface or of an object type, each with its type; `name?` if it may be absent.
fn members(body: &str) -> BTreeMap<String, String> {
    let (mut members, mut depth, mut start) = (BTreeMap::new(), 0, 0);
    let mut add = |member: &str| {
        if let Some((name, kind)) = member.split_once(':') {
            members.insert(name.trim().to_owned(), kind.trim().to_owned());
        }
    };
    for (at, char) in body.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {
                add(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    add(&body[start..]);
    members
}

/// The source of `errors.ts` without comments.
fn typescript_errors() -> String {
    let source = std::fs::read_to_string("pkg-template/src/errors.ts").unwrap();
    let mut parts = source.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |code, part| code + part.split_once("*/").map_or("", |(_, rest)| rest))
}

fn interface(source: &str, name: &str) -> BTreeMap<String, String> {
    let (_, rest) = source.split_once(&format!("export interface {name} {{")).expect(name);
    members(rest.split_once("\n}").expect("its end").0)
}

/// The members of a type: an object type, an interface, or several of them joined by `&`.
fn members_of(source: &str, kind: &str) -> BTreeMap<String, String> {
    let parts = kind.split('&').map(str::trim);
    let of = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(body) => members(body),
        None if part == "object" => BTreeMap::new(),
        None => interface(source, part),
    };
    parts.flat_map(of).collect()
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The places where a value does not match its type, with the mismatch.
fn misfits(source: &str, at: &str, value: &serde_json::Value, kind: &str) -> Vec<String> {
    let is = |name: &str| kind.split('|').any(|one| one.trim() == name);
    let fits = match value {
        serde_json::Value::Null => is("null"),
        serde_json::Value::Number(_) => is("number"),
        serde_json::Value::String(text) => is("string") || is(&format!("\"{text}\"")),
        serde_json::Value::Object(object) => return data_misfits(source, at, object, kind),
        _ => false,
    };
    if fits {
        Vec::new()
    } else {
        vec![format!("{at} is {value}, and a {kind} by errors.ts")]
    }
}

fn data_misfits(source: &str, at: &str, data: &serde_json::Map<String, serde_json::Value>, kind: &str) -> Vec<String> {
    let mut promised = members_of(source, kind);
    let mut found = Vec::new();
    // The server's answer is passed on beside the data, and unpacked by the facade.
    for (name, value) in data.iter().filter(|(name, _)| !["code", "message", "answer"].contains(&name.as_str())) {
        let name = camel_case(name);
        let optional = promised.remove(&format!("{name}?"));
        match promised.remove(&name).or(optional) {
            Some(kind) => found.extend(misfits(source, &format!("{at}.{name}"), value, &kind)),
            None => found.push(format!("{at}.{name} is not in errors.ts")),
        }
    }
    let missing = promised.into_keys().filter(|name| !name.ends_with('?'));
    found.extend(missing.map(|name| format!("{at}.{name} never comes")));
    found
}

#[test]
fn the_data_of_each_error_is_what_typescript_says_member_by_member() {
    let source = typescript_errors();
    let promised = interface(&source, "ErrorData");
    let misfits = |error: &Error, promised: &BTreeMap<String, String>| {
        let json: serde_json::Map<_, _> = serde_json::from_str(&error.to_json()).unwrap();
        data_misfits(&source, &error.code(), &json, &promised[&error.code()])
    };
    let found: Vec<String> = one_of_each().iter().flat_map(|error| misfits(error, &promised)).collect();
    assert!(found.is_empty(), "{found:#?}");

    let mut planted = promised.clone();
    planted.insert("backoff".into(), "{ retryAfter: number }".into());
    planted.insert("no_key".into(), "{ epoch: string }".into());
    assert_eq!(misfits(&Error::Backoff { retry_after_ms: 0 }, &planted).len(), 2);
    assert_eq!(misfits(&Error::NoKey { epoch: 2 }, &planted).len(), 1);
}
