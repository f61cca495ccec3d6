//! Tests of HTTP through the browser's `fetch`. The tests of the package try redirects and other origins, on a real server.

use crate::contract::abandoned;
use crate::script;
use essaim::browser::Fetch;
use essaim::error::Error;
use essaim::ports::{Request, Transport};
use essaim::pure::http::Asks;
use wasm_bindgen_test::wasm_bindgen_test;

fn get(url: &str) -> Request {
    Request {
        method: "GET",
        url: url.to_owned(),
        ..Request::default()
    }
}

async fn here(path: &str) -> String {
    script("", "return location.origin").await.as_string().expect("text") + path
}

#[wasm_bindgen_test]
async fn an_answer_has_status_headers_and_body() {
    let response = Fetch::default().send(get(&here("/").await)).await.expect("an answer");
    assert_eq!((response.status, response.redirected), (200, false));
    assert!(
        response.header("content-type").is_some_and(|kind| kind.contains("text/html")),
        "{:?}",
        response.headers
    );
    assert!(response.headers.iter().all(|(name, _)| name.to_ascii_lowercase() == *name));
    assert!(response.body.contains("<html"), "{}", response.body);
}

#[wasm_bindgen_test]
async fn a_body_is_decoded_as_a_browser_does_and_read_up_to_the_limit() {
    let decoded = Fetch::default().send(get("data:text/plain,%EF%BB%BFd%C3%A9%FF")).await.expect("an answer");
    assert_eq!((decoded.body.as_str(), decoded.exceeded), ("dé\u{fffd}", None));
    let limit = Asks::Object.limit(200);
    for (bytes, exceeded) in [(limit, None), (limit + 1, Some(limit))] {
        let answer = Fetch::default()
            .send(get(&format!("data:text/plain,{}", "x".repeat(bytes))))
            .await
            .expect("an answer");
        assert_eq!((answer.body.len(), answer.exceeded), (if exceeded.is_none() { bytes } else { 0 }, exceeded));
    }
}

#[wasm_bindgen_test]
async fn an_answer_of_any_status_is_an_answer() {
    assert_eq!(Fetch::default().send(get(&here("/no such page").await)).await.expect("an answer").status, 404);
}

#[wasm_bindgen_test]
async fn a_server_that_is_not_there_is_a_network_error() {
    let url = "http://127.0.0.1:61999/v1/";
    let answer = Fetch::default().send(get(url)).await;
    assert!(
        matches!(&answer, Err(Error::Network { url: told, message }) if told == url && !message.is_empty()),
        "{answer:?}"
    );
}

#[wasm_bindgen_test]
async fn what_cannot_be_a_request_is_an_invalid_option() {
    let header = |name: &str, value: &str| Request {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..get("http://127.0.0.1:61999/v1/")
    };
    for request in [
        header("Authorization", "one\ntwo"),
        header("Authorization", "Bearer 日本"),
        header("a b", "c"),
        get("http://user:password@127.0.0.1:61999/v1/"),
        get("http://["),
    ] {
        let answer = Fetch::default().send(request.clone()).await;
        assert!(matches!(answer, Err(Error::InvalidOption { .. })), "{request:?}: {answer:?}");
    }
    assert!(Fetch::with_mode("same-origin").is_ok());
    assert!(matches!(Fetch::with_mode("navigate"), Err(Error::InvalidOption { .. })));
}

/// From here on, `request` is the last request that was made.
const WATCH: &str = "
    const { fetch } = globalThis;
    globalThis.stopWatching = () => { globalThis.fetch = fetch; };
    globalThis.fetch = request => { globalThis.request = request.clone(); return fetch(request); };
";

#[wasm_bindgen_test]
async fn a_request_says_what_it_was_told() {
    script("", WATCH).await;
    let url = here("/v1/?_sort=-last_modified&in_id=%22a%2Fb%22").await;
    let request = Request {
        method: "PATCH",
        headers: vec![("If-Match".to_owned(), "\"42\"".to_owned())],
        body: Some("{\"é\":\"日本\"}".to_owned()),
        ..get(&url)
    };
    Fetch::default().send(request).await.expect("an answer");
    let text = script("", "stopWatching(); return [request.method, request.url, request.headers.get('if-match'), await request.text(), request.cache, request.redirect, request.mode].join(' ')").await;
    let expected = format!("PATCH {url} \"42\" {{\"é\":\"日本\"}} no-store manual cors");
    assert_eq!(text.as_string(), Some(expected));
}

#[wasm_bindgen_test]
async fn a_request_nobody_waits_for_is_aborted() {
    script("", WATCH).await;
    assert!(abandoned(1, Fetch::default().send(get(&here("/").await))).await.is_none());
    let aborted = script("", "stopWatching(); return request.signal.aborted").await;
    assert_eq!(aborted.as_bool(), Some(true));
}
