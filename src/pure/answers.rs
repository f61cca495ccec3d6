//! The meaning of a Kinto server's answers: from an HTTP response to data, or to a typed error.

use super::cursor::Made;
use super::http::Response;
use super::json;
use super::merge::Remote as RemoteRecord;
use super::record::{RecordId, invalid, is_reserved, read_record, read_timestamp};
use super::refusal;
use crate::error::{Error, Result};

/// Returns the body of an answer below 400, checked to be valid JSON (except for a 304). For any other answer, returns the error that tells the
/// caller what to do.
pub fn accept<'a>(response: &'a Response, url: &str) -> Result<&'a str> {
    if response.redirected || (300..400).contains(&response.status) && response.status != 304 {
        return Err(Error::Redirected { url: url.to_owned() });
    }
    let body = response.body.as_str();
    let bad = |message: String| Error::BadResponse {
        message,
        url: url.to_owned(),
        status: response.status,
    };
    if let Some(limit) = response.exceeded {
        return Err(too_large(response, limit, url));
    }
    if response.status >= 400 {
        return Err(refusal::error(response, url));
    }
    if response.status != 304 {
        json::validate(body).map_err(bad)?;
    }
    Ok(body)
}

/// The error for a 304 to a request that had no condition (`If-None-Match`).
pub fn unasked(url: String) -> Error {
    Error::BadResponse {
        message: "it says that nothing changed, which was not asked".into(),
        url,
        status: 304,
    }
}

pub fn too_large(response: &Response, limit: usize, url: &str) -> Error {
    Error::BadResponse {
        message: format!(
            "its body is larger than the {} MiB that are read of such an answer; a list can be asked for in parts",
            limit >> 20
        ),
        url: url.to_owned(),
        status: response.status,
    }
}

/// The version in the `ETag` header: `"123"` → 123. Proxies that compress change it to `W/"123"` or `"123-gzip"`.
pub fn etag(response: &Response) -> Option<u64> {
    let tag = response.header("etag")?.trim().trim_start_matches("W/").trim_matches('"');
    let digits = tag.trim_end_matches(|char: char| !char.is_ascii_digit());
    let is_added = |added: &str| ["", "-gzip", "-br", "-zstd", "-deflate", "--gzip", ";gzip"].contains(&added);
    json::whole(digits).filter(|_| is_added(tag[digits.len()..].trim_start_matches('"')))
}

/// The seconds in the header `name`, as milliseconds, at most one day: `1e30` or `Infinity` would mean waiting for ever. A proxy may append a
/// second value after a comma; the first value counts.
pub fn seconds(response: &Response, name: &str) -> Option<u64> {
    const DAY_S: f64 = 86_400.0;
    let first = response.header(name)?.split([',', ';']).next()?;
    let seconds: f64 = first.trim().parse().ok()?;
    (seconds > 0.0).then_some((seconds.min(DAY_S) * 1000.0) as u64)
}

/// Creation time and owners of a collection, from the answer to a request for its metadata.
pub fn made(body: &str) -> Option<Made> {
    const MOST_BYTES: usize = 4096;
    let at = json::member(body, "data")
        .and_then(|data| json::member(data, "last_modified"))
        .and_then(json::whole)?;
    let owners = json::member(body, "permissions").and_then(|permissions| json::member(permissions, "write"));
    Some(Made {
        at,
        owners: owners.filter(|owners| owners.len() <= MOST_BYTES).map(str::to_owned),
    })
}

/// The member `data` of an answer, as JSON text.
pub fn data<'a>(body: &'a str, url: &str, status: u16) -> Result<&'a str> {
    let bad = || Error::BadResponse {
        message: "it has no \"data\"".into(),
        url: url.to_owned(),
        status,
    };
    json::member(body, "data").ok_or_else(bad)
}

/// The records of a listing, each as JSON text.
pub fn records<'a>(body: &'a str, url: &str, status: u16) -> Result<Vec<&'a str>> {
    let bad = || Error::BadResponse {
        message: "its \"data\" is not a list".into(),
        url: url.to_owned(),
        status,
    };
    json::elements(data(body, url, status)?).map(Iterator::collect).ok_or_else(bad)
}

/// What a row of a listing is, judged by its member `deleted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A record that has no member `deleted`, or one with another value than `true`.
    Record,
    /// A tombstone: `deleted: true` and no other member, except the reserved ones.
    Tombstone,
    /// A record of an app that has a field `deleted: true` beside other fields.
    WithField,
}

/// Classifies the JSON text of a row in one pass, without a copy.
pub fn shown(text: &str) -> Shown {
    let (mut is_deleted, mut has_others) = (false, false);
    for (key, value) in json::members(text).into_iter().flatten().filter(|(key, _)| !is_reserved(key)) {
        match json::is_key(key, "deleted") {
            true => is_deleted = value == "true",
            false => has_others = true,
        }
    }
    match (is_deleted, has_others) {
        (false, _) => Shown::Record,
        (true, false) => Shown::Tombstone,
        (true, true) => Shown::WithField,
    }
}

pub fn is_tombstone(text: &str) -> bool {
    shown(text) == Shown::Tombstone
}

/// Parses a record or tombstone of a listing into the form that the merge takes.
pub fn read_remote(text: &str) -> Result<RemoteRecord> {
    read_decoded(text, None, Shown::WithField)
}

/// Like [`read_remote`], for the result of the app's transformers or hooks. `shown` says what the server's row was, `at` its version. A
/// transformer that returns only the app's own members drops `last_modified`; then `at` is used. Without a version, the next local edit could
/// not name the version that it was made on, and the server would refuse it in every sync.
///
/// A transformer may delete a record on this device by adding `deleted: true`, unless the record already has a field of that name. A tombstone
/// stays a deletion, whatever the transformer returns.
pub fn read_decoded(text: &str, at: Option<u64>, shown: Shown) -> Result<RemoteRecord> {
    let parsed = read_record(text)?;
    let deleted = match shown {
        Shown::Record => parsed.deleted,
        Shown::Tombstone => true,
        Shown::WithField => parsed.is_tombstone(),
    };
    let id = parsed.id.ok_or_else(|| invalid("A record of the server has no id.", "id"))?;
    Ok(RemoteRecord {
        id,
        body: if deleted { "\"deleted\":true".into() } else { parsed.body.into() },
        last_modified: parsed.last_modified.or(at),
        deleted,
    })
}

/// Reads the id and the version of a row of a listing. The cursor needs both, even if the rest of the record cannot be decoded. A row without
/// them is an error, and so is an id that is not a string: a server has no others.
pub fn read_version(text: &str) -> Result<(RecordId, u64)> {
    let missing = |name: &str| invalid(&format!("A record of the server has no {name}."), name);
    let member = |name: &str| json::member(text, name).ok_or_else(|| missing(name));
    let id = RecordId::read(member("id")?)?;
    if !id.is_addressable() {
        return Err(invalid("A record of the server has an id that no server can have.", "id"));
    }
    Ok((id, read_timestamp(member("last_modified")?)?.ok_or_else(|| missing("last_modified"))?))
}

pub fn version(text: &str) -> Option<(RecordId, u64)> {
    read_version(text).ok()
}

/// Reads `settings.batch_max_requests` from the server's root document ("hello"); Kinto's default if it is missing.
pub fn batch_max_requests(hello: &str) -> usize {
    const DEFAULT: usize = 25;
    let setting = json::member(hello, "settings")
        .and_then(|settings| json::member(settings, "batch_max_requests"))
        .and_then(json::number);
    setting.map_or(DEFAULT, |max| if max >= 1.0 { max as usize } else { DEFAULT })
}

/// The answer to one request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartAnswer {
    /// 2xx: the record (or tombstone) as stored, as JSON.
    Done(String),
    NotFound(String),
    /// 412: the version on the server differs from the expected one. Holds the server's record as JSON, if the answer has it.
    Overtaken(Option<String>),
    /// Not done, or rolled back. Kinto on PostgreSQL answers 409 to truly simultaneous writers, and rolls back the earlier requests of the same
    /// batch as well, although it reports them as 201.
    Undone,
    Refused(String),
}

/// Reads the answers of a batch, in the order of its requests. `expected` is the number of requests.
pub fn batch(body: &str, url: &str, status: u16, expected: usize) -> Result<Vec<PartAnswer>> {
    let bad = |message: String| Error::BadResponse {
        message,
        url: url.to_owned(),
        status,
    };
    let answers = json::member(body, "responses")
        .and_then(json::elements)
        .ok_or_else(|| bad("it has no \"responses\"".into()))?;
    let mut answers: Vec<PartAnswer> = answers.map(part).collect();
    let rolled_back = answers.iter().rposition(|answer| *answer == PartAnswer::Undone).unwrap_or(0);
    answers[..rolled_back].fill(PartAnswer::Undone);
    if answers.len() != expected {
        return Err(bad(format!("it has {} responses for {expected} requests", answers.len())));
    }
    Ok(answers)
}

fn part(answer: &str) -> PartAnswer {
    let status = json::member(answer, "status").and_then(json::number).unwrap_or(0.0) as u16;
    part_answer(status, json::member(answer, "body").unwrap_or("null"))
}

/// Reads the answer to a write that was sent outside a batch. Returns an error if the answer says nothing about the record.
pub fn single(response: &Response, url: &str) -> Result<PartAnswer> {
    let about_the_record = matches!(response.status, 404 | 409 | 412) && json::validate(&response.body).is_ok();
    let body = if about_the_record { response.body.as_str() } else { accept(response, url)? };
    Ok(part_answer(response.status, body))
}

fn part_answer(status: u16, body: &str) -> PartAnswer {
    match (status, json::member(body, "data")) {
        (200..=299, Some(data)) => PartAnswer::Done(data.to_owned()),
        (404, _) => PartAnswer::NotFound(refusal::said(body, status)),
        (409, _) => PartAnswer::Undone,
        (412, _) => {
            let existing = json::member(body, "details").and_then(|details| json::member(details, "existing"));
            PartAnswer::Overtaken(existing.filter(|raw| raw.starts_with('{')).map(str::to_owned))
        }
        _ => PartAnswer::Refused(refusal::said(body, status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            body: body.into(),
            ..Response::default()
        }
    }

    #[test]
    fn every_bad_answer_is_a_typed_error() {
        let kinto = r#"{"code":401,"errno":104,"error":"Unauthorized","message":"Please authenticate"}"#;
        for (status, body, code) in [
            (401, kinto, "unauthorized"),
            (403, "{}", "forbidden"),
            (404, "{}", "remote_not_found"),
            (410, "gone", "gone"),
            (500, "<html>", "server"),
            (503, "", "server"),
            (200, "<html>", "bad_response"),
            (200, r#"{"data":["#, "bad_response"),
            (200, "", "bad_response"),
            (302, "", "redirected"),
            (307, "{}", "redirected"),
        ] {
            assert_eq!(
                accept(&answer(status, body), "u").map_err(|error| error.code()),
                Err(code.to_owned()),
                "{status} {body}"
            );
        }
        let message = accept(&answer(401, kinto), "u").unwrap_err().to_string();
        assert!(
            message.starts_with("HTTP 401 Unauthorized: Missing Authorization Token (Please authenticate)"),
            "{message}"
        );
    }

    #[test]
    fn of_several_times_to_wait_the_first_counts() {
        let wait = |value: &str| {
            let headers = vec![("backoff".to_owned(), value.to_owned())];
            seconds(
                &Response {
                    headers,
                    ..Response::default()
                },
                "backoff",
            )
        };
        assert_eq!([wait("30"), wait("30, 60"), wait(" 1.5 ;x")], [Some(30_000), Some(30_000), Some(1500)]);
        assert_eq!(["86401", "1e30", "1e400", "Infinity"].map(wait), [Some(86_400_000); 4]);
        assert_eq!([wait("-Infinity"), wait("NaN")], [None; 2]);
        assert_eq!([wait("0"), wait("-1"), wait(""), wait("Wed, 21 Oct 2035 07:28:00 GMT")], [None; 4]);
    }

    #[test]
    fn a_batch_is_read_part_by_part() {
        let body = r#"{"responses":[{"status":201,"body":{"data":{"id":"a"}}},{"status":412,"body":{"details":{"existing":{"id":"b"}}}},
            {"status":412,"body":{"details":{}}},{"status":404,"body":{}},{"status":400,"body":{"errno":107}},{"status":200}]}"#;
        let parts = batch(body, "u", 200, 6).unwrap();
        assert_eq!(parts[0], PartAnswer::Done(r#"{"id":"a"}"#.into()));
        assert_eq!(parts[1], PartAnswer::Overtaken(Some(r#"{"id":"b"}"#.into())));
        assert_eq!(parts[2], PartAnswer::Overtaken(None));
        assert!(matches!(parts[3], PartAnswer::NotFound(_)));
        assert!(matches!(parts[4], PartAnswer::Refused(_)));
        assert!(matches!(parts[5], PartAnswer::Refused(_)));
        assert!(batch(body, "u", 200, 5).is_err());
    }

    #[test]
    fn what_a_409_rolled_back_counts_as_not_done() {
        let done = r#"{"status":201,"body":{"data":{"id":"a"}}}"#;
        let body = format!(r#"{{"responses":[{done},{{"status":409,"body":{{}}}},{done}]}}"#);
        let parts = batch(&body, "u", 200, 3).unwrap();
        assert_eq!(parts, [PartAnswer::Undone, PartAnswer::Undone, PartAnswer::Done(r#"{"id":"a"}"#.into())]);
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in [
            r#"{"id":"a"}"#,
            r#"{"last_modified":5}"#,
            r#"{"id":null,"last_modified":5}"#,
            r#"{"id":1e400,"last_modified":5}"#,
            r#"{"id":-1e400,"last_modified":5}"#,
            r#"{"id":{"a":1},"last_modified":5}"#,
            r#"{"id":["a"],"last_modified":5}"#,
            r#"{"id":"a","last_modified":null}"#,
            r#"{"id":"a","last_modified":"5"}"#,
            r#"{"id":"a","last_modified":1e400}"#,
            r#"{"id":"a","last_modified":-1e400}"#,
            r#"{"id":"a","last_modified":9007199254740993}"#,
            r#"{"id":"a","last_modified":-1}"#,
            r#"{"id":"a","last_modified":5.5}"#,
            r#"{"id":"a","last_modified":true}"#,
            r#"{"id":"a","last_modified":[5]}"#,
            "[1]",
            "1e400",
            "null",
        ] {
            assert_eq!(version(text), None, "{text}");
        }
        assert_eq!(version(r#"{"id":"a","last_modified":5e0}"#), Some((RecordId::from_text("a"), 5)));
        let tag = |tag: &str| {
            etag(&Response {
                headers: vec![("etag".into(), tag.into())],
                ..Response::default()
            })
        };
        assert_eq!(["\"5\"", "W/\"5-gzip\""].map(tag), [Some(5); 2]);
        assert_eq!(
            ["\"1e400\"", "\"9007199254740993\"", "\"-1\"", "\"99999999999999999999\"", "\"\"", "5.5"].map(tag),
            [None; 6]
        );
    }

    #[test]
    fn a_tombstone_is_bare_and_an_apps_own_field_is_a_field() {
        use Shown::*;
        let bare = r#"{"id":"a","last_modified":3,"deleted":true}"#;
        let field = r#"{"id":"a","last_modified":3,"deleted":true,"n":1}"#;
        let plain = r#"{"id":"a","last_modified":3,"deleted":"true","n":1}"#;
        assert_eq!([bare, field, plain].map(shown), [Tombstone, WithField, Record]);
        for (decoded, was, deleted) in [
            (bare, Tombstone, true),
            (plain, Tombstone, true),
            (field, WithField, false),
            (plain, WithField, false),
            (bare, WithField, true),
            (field, Record, true),
            (plain, Record, false),
        ] {
            let remote = read_decoded(decoded, None, was).unwrap();
            assert_eq!(remote.deleted, deleted, "{decoded} {was:?}");
            assert_eq!(&*remote.body == "\"deleted\":true", deleted, "{decoded} {was:?}");
        }
    }

    #[test]
    fn a_tombstone_carries_nothing_else() {
        let remote = read_remote(r#"{"id":"a","deleted":true,"last_modified":3}"#).unwrap();
        assert!(remote.deleted);
        assert_eq!(remote.to_json(), r#"{"deleted":true,"id":"a","last_modified":3}"#);
    }
}
