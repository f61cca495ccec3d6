//! What the HTTP client of the package asks, and what it is told: requests that an app makes itself, beside any sync.

use super::answers;
use super::http::Response;
use super::json;
use super::protocol::{BATCH_BYTES, lengths_within};
use crate::error::Error;

/// An answer below 400 as text: a line of JSON, `{"status", "headers": [[name, value]]}`, then the body as it came. A body
/// within JSON would be escaped and read twice.
pub fn answer(response: &Response, url: &str) -> Result<String, Box<Refused>> {
    match meaning(response, url) {
        Ok(()) => Ok(answer_text(response)),
        Err(error) => Err(Box::new(Refused {
            error,
            response: Some(response.clone()),
        })),
    }
}

/// Stricter than a sync, which needs no body to know that a gateway is down: what is not JSON is `bad_response`, whatever its status.
fn meaning(response: &Response, url: &str) -> Result<(), Error> {
    if !response.body.is_empty() && !response.redirected {
        json::validate(&response.body).map_err(|message| Error::BadResponse {
            message,
            url: url.to_owned(),
            status: response.status,
        })?;
    } else if (200..300).contains(&response.status) {
        return Ok(()); // the answer to a HEAD
    }
    answers::accept(response, url).map(drop)
}

/// Why a request has no answer, and the answer that says so, if there was one.
#[derive(Clone, Debug)]
pub struct Refused {
    pub error: Error,
    pub response: Option<Response>,
}

impl From<Error> for Box<Refused> {
    fn from(error: Error) -> Self {
        Box::new(Refused { error, response: None })
    }
}

impl Refused {
    /// As [`Error::to_json`], with `"answer"`: the text of what the server answered, as [`answer`] has it.
    ///
    /// The message is what the server said: what a sync advises (create the collection, log in for the next sync) is no
    /// advice to somebody who asks for one record.
    pub fn to_json(&self) -> String {
        let mut text = match self.error.said() {
            Some(said) => self.error.to_json_saying(said),
            None => self.error.to_json(),
        };
        if let Some(response) = &self.response {
            text.truncate(text.len() - 1);
            text.push_str(&format!(",\"answer\":{}}}", json::quote(&answer_text(response))));
        }
        text
    }
}

fn answer_text(response: &Response) -> String {
    let header = |(name, value): &(String, String)| format!("[{},{}]", json::quote(name), json::quote(value));
    let headers: Vec<String> = response.headers.iter().filter(|(name, _)| name != answers::REASON).map(header).collect();
    format!("{{\"status\":{},\"headers\":[{}]}}\n{}", response.status, headers.join(","), response.body)
}

/// Reads an answer as `fetch` gave it: `{"status", "reason", "headers": [[name, value]], "redirected"}`, then the body.
pub fn read_answer(text: &str) -> Option<Response> {
    let (head, body) = text.split_once('\n')?;
    let text_of = |raw: &str| json::string(raw).map(|text| text.into_owned());
    let header = |pair: &str| {
        let mut parts = json::elements(pair)?;
        Some((text_of(parts.next()?)?.to_ascii_lowercase(), text_of(parts.next()?)?))
    };
    let mut headers: Vec<(String, String)> = json::elements(json::member(head, "headers")?)?.filter_map(header).collect();
    if let Some(reason) = json::member(head, "reason").and_then(text_of).filter(|reason| !reason.is_empty()) {
        headers.push((answers::REASON.to_owned(), reason));
    }
    Some(Response {
        status: json::member(head, "status").and_then(json::number)? as u16,
        headers,
        body: body.to_owned(),
        redirected: json::member(head, "redirected") == Some("true"),
    })
}

/// The bodies of the batches that carry these requests (a JSON array), in their order. `defaults` is the JSON of the headers
/// of all; `max_requests` is the server's limit, 0 for none.
///
/// A front server's limit on bodies counts too, as in a sync.
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
            redirected: false,
        }
    }

    #[test]
    fn an_answer_is_a_line_about_it_and_its_body() {
        let text = answer(&response(200, "{\"data\":\n1}"), "u").unwrap();
        assert_eq!(text, "{\"status\":200,\"headers\":[[\"etag\",\"\\\"5\\\"\"]]}\n{\"data\":\n1}");
        assert_eq!(read_answer(&text).unwrap(), response(200, "{\"data\":\n1}"));
    }

    #[test]
    fn the_answer_to_a_head_has_no_body() {
        assert!(answer(&response(200, ""), "u").is_ok());
        assert_eq!(answer(&response(404, ""), "u").unwrap_err().error.code(), "remote_not_found");
    }

    #[test]
    fn what_is_not_json_is_a_bad_response_whatever_its_status() {
        for status in [200, 404, 502] {
            assert_eq!(answer(&response(status, "<html>"), "u").unwrap_err().error.code(), "bad_response");
        }
    }

    #[test]
    fn a_refusal_without_a_body_is_told_by_its_status() {
        let response = read_answer("{\"status\":403,\"reason\":\"Forbidden\",\"headers\":[]}\n").unwrap();
        let refused = answer(&response, "u").unwrap_err();
        assert_eq!(refused.error.said(), Some("HTTP 403 Forbidden"));
        assert!(refused.to_json().contains(r#"{\"status\":403,\"headers\":[]}\n"#));
    }

    #[test]
    fn a_refusal_says_what_the_server_said_and_nothing_of_syncs() {
        let body = r#"{"code":404,"errno":111,"error":"Not Found","details":{"id":"x"}}"#;
        let refused = answer(&response(404, body), "http://s/v1/x").unwrap_err();
        let text = refused.to_json();
        assert!(json::validate(&text).is_ok(), "{text}");
        assert_eq!(json::member(&text, "message"), Some("\"HTTP 404 Not Found: Missing Token / id\""));
        let answered = json::member(&text, "answer").and_then(json::string).unwrap();
        assert_eq!(read_answer(&answered).unwrap().body, body);
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
