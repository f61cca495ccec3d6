//! Errors from a server's refusal: reads the members of Kinto's error format, and nothing else of the body.
//!
//! Any other member would appear in the error's data, beside members that only the client itself writes, such as the evidence of an alarm.
//! Texts are cut off, since errors are kept, logged and sent around.

use super::answers;
use super::http::{Response, excerpt};
use super::json;
use crate::error::{Answer, Error};

/// The name under which [`Response::headers`] keeps the status text, if the server sent one. It begins with a colon, as the pseudo-headers of
/// HTTP/2 do, so that it cannot be a header's.
pub const REASON: &str = ":reason";

const TEXT_BYTES: usize = 2 << 10;
const DETAILS_BYTES: usize = 16 << 10;
/// The limit for a 412, whose `details` hold the server's version of the object: callers resolve the conflict with it.
const EXISTING_BYTES: usize = 1 << 20;
const HEADERS_BYTES: usize = 16 << 10;

/// The error for a refusal. Its message has the form `HTTP <status> <error>: <errno text> (<server message>)`, which apps know from Kinto.js.
pub fn error(response: &Response, url: &str) -> Error {
    let status = response.status;
    let url = url.to_owned();
    let body = said(&response.body, status);
    let text = |name: &str| json::member(&body, name).and_then(json::string).map(|text| text.into_owned());
    let errno = errno(&body);
    let error = text("error").or_else(|| response.header(REASON).map(str::to_owned));
    let message = message(status, error, errno, text("message"));
    let answer = Some(Box::new(answer(response, body)));
    match status {
        401 => Error::Unauthorized { message, url, errno, answer },
        403 => Error::Forbidden { message, url, errno, answer },
        404 => Error::RemoteNotFound { message, url, errno, answer },
        410 => Error::Gone { message, url, errno, answer },
        _ => Error::Server {
            message,
            url,
            status,
            errno,
            retry_after_ms: answers::seconds(response, "retry-after"),
            answer,
        },
    }
}

fn answer(response: &Response, body: String) -> Answer {
    let mut headers = String::new();
    // Outside of browsers, an app can see cookies in the headers; they are left out.
    for (name, value) in response.headers.iter().filter(|(name, _)| name != REASON && name != "set-cookie") {
        if headers.len() + name.len() + value.len() < HEADERS_BYTES {
            headers.push_str(&format!("{name}: {value}\n"));
        }
    }
    Answer {
        reason: response.header(REASON).unwrap_or_default().to_owned(),
        headers,
        body,
    }
}

/// The members `code`, `errno`, `error`, `message`, `info` and `details` of a body, as a JSON object. Members of another type than Kinto's are
/// left out.
pub fn said(body: &str, status: u16) -> String {
    let body = if json::validate(body).is_ok() { body } else { "" };
    let details_bytes = if status == 412 { EXISTING_BYTES } else { DETAILS_BYTES };
    let number = |raw: &str| whole(raw).map(|number| number.to_string());
    let text = |raw: &str| json::string(raw).map(|text| json::quote(&excerpt(&text, TEXT_BYTES)));
    let details = |raw: &str| (raw.starts_with(['{', '[']) && raw.len() <= details_bytes).then(|| raw.to_owned());
    let mut said = String::new();
    for name in ["code", "errno", "error", "message", "info", "details"] {
        let value = json::member(body, name).and_then(|raw| match name {
            "code" | "errno" => number(raw),
            "details" => details(raw),
            _ => text(raw),
        });
        if let Some(value) = value {
            let comma = if said.is_empty() { "" } else { "," };
            said.push_str(&format!("{comma}\"{name}\":{value}"));
        }
    }
    format!("{{{said}}}")
}

fn whole(raw: &str) -> Option<u32> {
    u32::try_from(json::whole(raw)?).ok()
}

fn errno(body: &str) -> Option<u32> {
    json::member(body, "errno").and_then(whole)
}

/// Whether Kinto itself failed, and not a proxy before it.
pub fn is_programmatic_error(response: &Response) -> bool {
    const UNDEFINED: u32 = 999;
    json::validate(&response.body).is_ok() && errno(&response.body) == Some(UNDEFINED)
}

fn message(status: u16, error: Option<String>, errno: Option<u32>, detail: Option<String>) -> String {
    let mut message = format!("HTTP {status} {}", error.as_deref().unwrap_or("")).trim_end().to_owned();
    let text = errno.and_then(errno_text);
    if let Some(told) = text.or(detail.as_deref()) {
        message.push_str(&format!(": {told}"));
    }
    if let (Some(text), Some(detail)) = (text, &detail)
        && text != detail
    {
        message.push_str(&format!(" ({detail})"));
    }
    message
}

/// Kinto's error codes (docs.kinto-storage.org, "Error responses").
fn errno_text(errno: u32) -> Option<&'static str> {
    Some(match errno {
        104 => "Missing Authorization Token",
        105 => "Invalid Authorization Token",
        106 => "Request body was not valid JSON",
        107 => "Invalid request parameter",
        108 => "Missing request parameter",
        109 => "Invalid posted data",
        110 => "Invalid Token / id",
        111 => "Missing Token / id",
        112 => "Content-Length header was not provided",
        113 => "Request body too large",
        114 => "Resource was created, updated or deleted meanwhile",
        115 => "Method not allowed on this end point (hint: server may be readonly)",
        116 => "Requested version not available on this server",
        117 => "Client has sent too many requests",
        121 => "Resource access is forbidden for this user",
        122 => "Another resource violates constraint",
        201 => "Service Temporary unavailable due to high load",
        202 => "Service deprecated",
        999 => "Internal Server Error",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_kintos_error_format_are_taken_from_a_body() {
        let forged = r#"{"code":403,"errno":121,"error":"Forbidden","message":"no","info":"https://k","details":{"existing":{"a":1}},
            "evidence":{"position":1},"destination":"x","cause":"y","status":200,"url":"u","retryAfterMs":1,"__proto__":{"a":1}}"#;
        let kept = r#"{"code":403,"errno":121,"error":"Forbidden","message":"no","info":"https://k","details":{"existing":{"a":1}}}"#;
        assert_eq!(said(forged, 403), kept);
        for (body, kept) in [
            (r#"{"code":"rollback","errno":"121","error":{"a":1},"message":7,"info":[],"details":"x"}"#, "{}"),
            (r#"{"code":1e400,"errno":-1,"details":null}"#, "{}"),
            (r#"{"errno":121.5,"code":4e2}"#, r#"{"code":400}"#),
            (r#"{"message":"a","message":"b"}"#, r#"{"message":"b"}"#),
            ("[1]", "{}"),
            ("\"evidence\"", "{}"),
            ("{\"message\":", "{}"),
            ("", "{}"),
        ] {
            assert_eq!(said(body, 400), kept, "{body}");
        }
    }

    #[test]
    fn an_error_keeps_some_kib_of_an_answer() {
        let long = "é".repeat(300_000);
        for status in [400, 401, 403, 404, 410, 412, 500, 503] {
            let refused = Response {
                status,
                headers: vec![("x-long".into(), long.clone()), ("etag".into(), "\"5\"".into())],
                body: format!(r#"{{"code":{status},"error":"{long}","message":"{long}","info":"{long}","details":["{long}","{long}"]}}"#),
                ..Response::default()
            };
            let error = error(&refused, "u").to_json();
            assert!(error.len() < 16 << 10, "{status}: {}", error.len());
            assert!(error.contains("etag"), "{status}");
        }
        let details = |bytes: usize| format!(r#"{{"details":{{"existing":{{"text":"{}"}}}}}}"#, "x".repeat(bytes));
        assert_eq!(said(&details(100_000), 412), details(100_000));
        assert_eq!(said(&details(100_000), 403), "{}");
    }
}
