//! Requests made through `KintoClient`, not by `sync()`: how their answers are read and their batches are written.

use super::answers;
use super::http::Response;
use super::json;
use super::protocol::{BATCH_BYTES, lengths_within};
use super::refusal;
use crate::error::Error;

/// Checks that the answer is below 400, and returns the error otherwise. It is stricter than a sync: a body that is not JSON is `bad_response`,
/// whatever the status. A sync needs no body to know that a gateway is down.
pub fn accept(response: &Response, url: &str) -> Result<(), Error> {
    if let Some(limit) = response.exceeded {
        return Err(answers::too_large(response, limit, url));
    }
    if !response.body.is_empty() && !response.redirected {
        json::validate(&response.body).map_err(|message| Error::BadResponse {
            message,
            url: url.to_owned(),
            status: response.status,
        })?;
    } else if (200..300).contains(&response.status) {
        return Ok(()); // the answer to a HEAD request
    }
    answers::accept(response, url).map(drop)
}

/// Like [`Error::to_json`], with a message that says only what happened. The advice of a sync (create the collection, log in for the next sync,
/// sync when online) does not help an app that asked for one record.
pub fn refusal(error: &Error) -> String {
    match error.plainly() {
        Some(said) => error.to_json_saying(&said),
        None => error.to_json(),
    }
}

/// Reads an answer as TypeScript passes it: a line `{"status", "reason", "headers": [[name, value]], "redirected", "exceeded"}`, then the body.
pub fn read_answer(text: &str) -> Option<Response> {
    let (head, body) = text.split_once('\n')?;
    let text_of = |raw: &str| json::string(raw).map(|text| text.into_owned());
    let header = |pair: &str| {
        let mut parts = json::elements(pair)?;
        Some((text_of(parts.next()?)?.to_ascii_lowercase(), text_of(parts.next()?)?))
    };
    let mut headers: Vec<(String, String)> = json::elements(json::member(head, "headers")?)?.filter_map(header).collect();
    if let Some(reason) = json::member(head, "reason").and_then(text_of).filter(|reason| !reason.is_empty()) {
        headers.push((refusal::REASON.to_owned(), reason));
    }
    Some(Response {
        status: json::member(head, "status").and_then(json::number)? as u16,
        headers,
        body: body.to_owned(),
        redirected: json::member(head, "redirected") == Some("true"),
        exceeded: json::member(head, "exceeded").and_then(json::number).map(|limit| limit as usize),
    })
}

/// The bodies of the batches that carry `requests` (a JSON array), in order. `defaults` is the JSON of the headers that all requests share;
/// `max_requests` is the server's limit, 0 for none.
///
/// A batch also stays within `BATCH_BYTES`, since a proxy may limit the size of bodies. A sync does the same.
pub fn batch_bodies(requests: &str, defaults: &str, max_requests: usize) -> Option<Vec<String>> {
    let requests: Vec<&str> = json::elements(requests)?.collect();
    let max = if max_requests == 0 { usize::MAX } else { max_requests };
    let mut bodies = Vec::new();
    let mut left = requests.as_slice();
    while !left.is_empty() {
        let (batch, rest) = left.split_at(lengths_within(left.iter().map(|request| request.len()), max, BATCH_BYTES));
        bodies.push(format!("{{\"defaults\":{{\"headers\":{defaults}}},\"requests\":[{}]}}", batch.join(",")));
        left = rest;
    }
    Some(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![("etag".into(), "\"5\"".into())],
            body: body.into(),
            ..Response::default()
        }
    }

    #[test]
    fn an_answer_is_a_line_about_it_and_its_body() {
        let text = "{\"status\":200,\"reason\":\"\",\"headers\":[[\"ETag\",\"\\\"5\\\"\"]],\"redirected\":false}\n{\"data\":\n1}";
        assert_eq!(read_answer(text).unwrap(), response(200, "{\"data\":\n1}"));
    }

    #[test]
    fn the_answer_to_a_head_has_no_body() {
        assert!(accept(&response(200, ""), "u").is_ok());
        assert_eq!(accept(&response(404, ""), "u").unwrap_err().code(), "remote_not_found");
    }

    #[test]
    fn what_is_not_json_is_a_bad_response_whatever_its_status() {
        for status in [200, 404, 502] {
            assert_eq!(accept(&response(status, "<html>"), "u").unwrap_err().code(), "bad_response");
        }
    }

    #[test]
    fn a_refusal_without_a_body_is_told_by_its_status() {
        let response = read_answer("{\"status\":403,\"reason\":\"Forbidden\",\"headers\":[]}\n").unwrap();
        let refused = accept(&response, "u").unwrap_err();
        assert_eq!(json::member(&refusal(&refused), "message"), Some("\"HTTP 403 Forbidden\""));
    }

    #[test]
    fn a_refusal_says_what_happened_and_nothing_of_syncs() {
        let body = r#"{"code":404,"errno":111,"error":"Not Found","details":{"id":"x"}}"#;
        let text = refusal(&accept(&response(404, body), "http://s/v1/x").unwrap_err());
        assert_eq!(json::member(&text, "message"), Some("\"HTTP 404 Not Found: Missing Token / id\""));
        let unreachable = Error::Network {
            url: "u".into(),
            message: "no line".into(),
        };
        assert_eq!(
            json::member(&refusal(&unreachable), "message"),
            Some("\"The server could not be reached (no line).\"")
        );
    }

    #[test]
    fn batches_are_cut_by_count_and_by_bytes() {
        let requests = r#"[{"path":"a"},{"path":"b"},{"path":"c"}]"#;
        let bodies = batch_bodies(requests, "{}", 2).unwrap();
        assert_eq!(
            bodies,
            [
                r#"{"defaults":{"headers":{}},"requests":[{"path":"a"},{"path":"b"}]}"#,
                r#"{"defaults":{"headers":{}},"requests":[{"path":"c"}]}"#
            ]
        );
        assert_eq!(batch_bodies(requests, "{}", 0).unwrap().len(), 1);
        let large = format!("[\"{0}\",\"{0}\"]", "x".repeat(BATCH_BYTES - 100));
        assert_eq!(batch_bodies(&large, "{}", 25).unwrap().len(), 2);
        assert_eq!(batch_bodies("[]", "{}", 25).unwrap().len(), 0);
    }
}
