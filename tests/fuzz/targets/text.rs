//! Targets that read JSON as text, and records.

use super::*;
use essaim::pure::record::{RecordId, Row, Status, merge_bodies, read_record, same_content, same_on_server, split_local};
use essaim::pure::{equality, json};

const TEXTS: [&str; 4] = [
    RECORD,
    r#"[1,-0,1e400,"\u0041\n",{"a":[true,{}]},[]]"#,
    "\"\\ud83d\\ude00 \\\" \u{e9}\"",
    "12.50e3",
];

/// The input need not be JSON: reading garbage must end early.
pub fn json_text() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let is_valid = json::validate(text).is_ok();
            let members = json::members(text).map(|all| all.map(|(key, value)| key.len() + value.len()).sum::<usize>());
            let elements = json::elements(text).map(|all| all.map(str::len).sum::<usize>());
            assert!(members.unwrap_or(0).max(elements.unwrap_or(0)) <= text.len());
            let _ = (json::member(text, "id"), json::is_key(text, "id"), json::number(text), json::string(text));
            if let Some(units) = json::units(text).filter(|_| is_valid) {
                let quoted = json::string(text).map(|string| json::quote(&string));
                assert!(quoted.is_none_or(|quoted| json::units(&quoted) == Some(units)));
            }
        });
    }
    Target::json("json_text", read, TEXTS)
}

pub fn equality() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let canonical = equality::canonical(text);
            let other = format!(" {text}\n");
            let _ = (equality::equal(text, &other), equality::nearly_equal(text, "{}"));
            if json::validate(text).is_ok() {
                assert!(equality::equal(text, &other) && equality::nearly_equal(text, &canonical));
            }
        });
    }
    Target::json("equality", read, TEXTS)
}

pub fn record() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let Ok(parsed) = read_record(text) else { return };
            let row = Row::new(parsed.body.as_str(), parsed.status.unwrap_or(Status::Created), parsed.last_modified);
            if let Some(id) = parsed.id.as_ref().filter(|_| json::validate(text).is_ok()) {
                let again = read_record(&row.to_json(id)).expect("what was written is read");
                assert_eq!(
                    (again.id.as_ref(), again.last_modified, again.body),
                    (Some(id), parsed.last_modified, parsed.body)
                );
            }
        });
    }
    Target::json("record", read, [RECORD, TOMBSTONE, r#"{"id":12}"#])
}

pub fn record_id() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let Ok(id) = RecordId::read(text) else { return };
            let _ = (id.display(), id.is_text());
            if json::validate(text).is_ok() {
                assert_eq!(RecordId::read(id.as_json()).ok(), Some(id));
            }
        });
    }
    Target::json("record_id", read, ["\"a1\"", "12", "1.0", "\"\\u0061\\ud800\"", "true"])
}

/// Two records that are merged or compared.
pub fn members() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let Some(body) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
                return;
            };
            let other = "\"title\":\"y\",\"new\":1";
            let longer = if body.trim().is_empty() {
                other.to_owned()
            } else {
                format!("{body},{other}")
            };
            let merged = [merge_bodies(body, other), merge_bodies(other, body), merge_bodies(body, &longer)];
            let local = ["title".to_owned(), "n".to_owned()];
            let _ = (
                split_local(body, &local),
                same_content(body, &merged[0], &local),
                same_on_server(body, &merged[0], &local),
            );
            if json::validate(text).is_ok() {
                for merged in merged {
                    assert!(json::validate(&format!("{{{merged}}}")).is_ok());
                }
            }
        });
    }
    Target::json("members", read, [RECORD, "{}", r#"{"a":1,"a":2}"#])
}
