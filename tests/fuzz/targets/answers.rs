//! Targets that read the answers of a server.

use super::*;
use essaim::error::{Error, Result};
use essaim::pure::http::{Request, Response};
use essaim::pure::listing::Listing;
use essaim::pure::protocol::{Remote, encode, origin};
use essaim::pure::{answers, exchange as exchanged, json, refusal};

const URL: &str = "http://localhost:8888/v1/buckets/default/collections/tasks/records";

fn response(status: u16, body: &str) -> Response {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Response {
        status,
        headers: vec![
            header("etag", "\"1767225600000\""),
            header("content-type", "application/json"),
            header(refusal::REASON, "OK"),
        ],
        body: body.to_owned(),
        ..Response::default()
    }
}

/// Converts an error to all the forms in which it reaches the app.
fn tell(error: &Error) {
    for text in [error.to_json(), exchanged::refusal(error), error.briefly().to_json()] {
        assert!(json::validate(&text).is_ok(), "{text}");
    }
    let _ = (error.code(), error.to_string());
}

fn read_all<T>(result: Result<T>) {
    if let Err(error) = result {
        tell(&error);
    }
}

pub fn accepted() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            for status in [200, 201, 304, 307] {
                let response = response(status, text);
                read_all(answers::accept(&response, URL));
                read_all(exchanged::accept(&response, URL));
                read_all(answers::single(&response, URL));
            }
        });
    }
    Target::json("accepted", read, [list(&[RECORD]), format!("{{\"data\":{RECORD}}}")])
}

pub fn refused() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            for status in [400, 401, 403, 404, 409, 410, 412, 413, 500, 503] {
                let response = response(status, text);
                read_all(answers::accept(&response, URL));
                read_all(exchanged::accept(&response, URL));
                read_all(answers::single(&response, URL));
                let _ = refusal::is_programmatic_error(&response);
            }
        });
    }
    let kinto = r#"{"code":403,"errno":121,"error":"Forbidden","message":"This user cannot access this resource.","details":{"existing":{"id":"a1","last_modified":17}}}"#;
    let mut target = Target::json(
        "refused",
        read,
        [kinto, r#"{"errno":999,"evidence":{"position":1},"destination":"x","cause":"fork"}"#, "<html>"],
    );
    target.memory = (100, 1 << 18);
    target
}

pub fn listing() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| match answers::records(text, URL, 200) {
            Err(error) => tell(&error),
            Ok(records) => {
                for record in records {
                    let version = answers::version(record);
                    let at = version.as_ref().map(|(_, at)| *at);
                    if let Ok(remote) = answers::read_decoded(record, at, answers::shown(record)) {
                        let written = remote.to_json();
                        assert!(json::validate(&written).is_ok(), "{written}");
                        assert!(remote.last_modified.is_none_or(|at| at < 1 << 53));
                    }
                    read_all(answers::read_remote(record));
                }
            }
        });
    }
    Target::json(
        "listing",
        read,
        [format!("{{\"data\":{}}}", list(&[RECORD, TOMBSTONE, r#"{"id":"a3","last_modified":1e400}"#]))],
    )
}

/// A listing that is followed page by page.
pub fn pages() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let first = Request {
                method: "GET",
                url: format!("{URL}?_sort=last_modified&_limit=2000"),
                ..Request::default()
            };
            let mut listing = Listing::new(first, 1_767_225_600_000).of_journal(text.len() % 2 == 0);
            for page in json::elements(text).into_iter().flatten() {
                let Some(request) = listing.take_next() else { break };
                assert!(request.url.starts_with(URL), "{}", request.url);
                let header = |name: &str| {
                    json::member(page, name)
                        .and_then(json::string)
                        .map(|value| (name.to_owned(), value.into_owned()))
                };
                let response = Response {
                    headers: ["etag", "next-page"].into_iter().filter_map(header).collect(),
                    ..response(json::member(page, "status").and_then(json::number).unwrap_or(200.0) as u16, page)
                };
                if !listing.is_refused(&response) && listing.read(&response, &request.url).is_err() {
                    break;
                }
                let _ = (listing.has_more(), listing.last());
            }
        });
    }
    let next = format!("{URL}?_token=abc%3D");
    let page = |rows: &[&str]| {
        format!(
            "{{\"etag\":\"\\\"1767225600005\\\"\",\"next-page\":\"{next}\",\"status\":200,\"data\":{}}}",
            list(rows)
        )
    };
    Target::json("pages", read, [list(&[&page(&[RECORD]), &page(&[TOMBSTONE]), &page(&[])])])
}

pub fn batch() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            for expected in [0, 1, 4] {
                read_all(answers::batch(text, URL, 200, expected));
            }
            let count = json::member(text, "responses").and_then(json::elements).map_or(0, Iterator::count);
            if let Ok(parts) = answers::batch(text, URL, 200, count) {
                assert_eq!(parts.len(), count);
            }
        });
    }
    let done = format!("{{\"status\":201,\"path\":\"/v1/x\",\"headers\":{{}},\"body\":{{\"data\":{RECORD}}}}}");
    let overtaken = format!("{{\"status\":412,\"body\":{{\"details\":{{\"existing\":{RECORD}}}}}}}");
    let seed = format!("{{\"responses\":[{done},{overtaken},{{\"status\":409,\"body\":{{}}}},{{\"status\":404,\"body\":{{\"errno\":110}}}}]}}");
    Target::json("batch", read, [seed])
}

pub fn hello() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| assert!(answers::batch_max_requests(text) > 0));
    }
    Target::json(
        "hello",
        read,
        [r#"{"project_name":"kinto","url":"http://x/v1/","settings":{"batch_max_requests":25,"readonly":false}}"#],
    )
}

pub fn headers() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let named = ["etag", "retry-after", "backoff", "alert"].map(|name| (name.to_owned(), text.to_owned()));
            let response = Response {
                headers: named.to_vec(),
                ..response(200, "{}")
            };
            let _ = (
                answers::etag(&response),
                answers::seconds(&response, "retry-after"),
                answers::seconds(&response, "backoff"),
            );
        });
    }
    let seeds = [
        "\"1767225600000\"",
        "W/\"5\"",
        "1e30",
        "Infinity",
        "3, 4",
        "Fri, 31 Dec 1999 23:59:59 GMT",
        "-1",
        "NaN",
    ];
    Target::bytes("headers", read, seeds.map(|seed| seed.as_bytes().to_vec())).grows(of_texts(&["1", "0", " ", "9,", "\"", "W/"]))
}

pub fn addresses() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let _ = (origin(text), encode(text));
            let remote = Remote::read("https://kinto.example.org/v1").expect("it is one");
            if let Ok(next) = remote.next_page(text) {
                assert_eq!(origin(&next), Some(remote.origin()));
                let url = url::Url::parse(&next).expect("an address");
                assert_eq!(
                    (url.scheme(), url.host_str(), url.port_or_known_default()),
                    ("https", Some("kinto.example.org"), Some(443))
                );
            }
            read_all(Remote::read(text));
        });
    }
    let seeds = [
        "https://kinto.example.org/v1/buckets/b/collections/c/records?_token=x",
        "https://KINTO.example.org:443/v1",
        "https://user@kinto.example.org/v1",
        "//kinto.example.org/v1",
        "/v1/x",
        "https://kinto.example.org\\@evil/v1",
        "http://[::1]:80/v1#?",
    ];
    Target::bytes("addresses", read, seeds.map(|seed| seed.as_bytes().to_vec())).grows(of_texts(&["https://kinto.example.org/", "/", "@", ":", "é", "https:"]))
}

/// Answers in the form in which the package's HTTP client passes them on.
pub fn exchange() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            if let Some(answer) = exchanged::read_answer(text) {
                read_all(exchanged::accept(&answer, URL));
            }
            let _ = exchanged::batch_bodies(text, "{}", 25).map(|bodies| bodies.len());
        });
    }
    let head = r#"{"status":200,"reason":"OK","headers":[["ETag","\"5\""],["Next-Page","http://x"]],"redirected":false}"#;
    let mut target = Target::json("exchange", read, [head, r#"[{"path":"a","method":"PUT"}]"#]);
    target
        .seeds
        .extend([format!("{head}\n{{\"data\":[]}}").into_bytes(), format!("{head}\n").into_bytes()]);
    target
}

/// Shapes that repeat one short text.
fn of_texts(texts: &'static [&'static str]) -> impl Iterator<Item = Shape> {
    texts
        .iter()
        .map(|text| Shape::new(format!("{text:?} again and again"), move |n| text.repeat(n / text.len()).into_bytes()))
}
