//! Runs the contract that the simulated Kinto keeps (`tests/server.rs`) on a real Kinto, and tests that only a real one allows.
//!
//! `make test-kinto` runs this against Kinto on memory and on PostgreSQL, with short pages and without:
//! `target/kinto/bin/python tests/kinto/serve.py -- cargo test --test kinto -- --include-ignored`
#![cfg(not(target_arch = "wasm32"))]

#[path = "contract/server/mod.rs"]
#[macro_use]
mod contract;

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use contract::{Client, Server};
use essaim::ports::{Request, Response};
use serde_json::json;

/// Only one test runs at a time: one of them empties the server, and PostgreSQL answers 409 if two users create their first buckets at
/// once.
static SERVER: Mutex<()> = Mutex::new(());
static NAMES: AtomicU32 = AtomicU32::new(0);

struct Real {
    agent: ureq::Agent,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Real {
    fn new(alone: Option<MutexGuard<'static, ()>>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true);
        Self {
            agent: config.build().into(),
            _alone: alone,
        }
    }
}

impl Server for Real {
    fn root(&self) -> String {
        env::var("KINTO_URL").expect("KINTO_URL says where the server is, as in http://localhost:8888/v1")
    }

    fn send(&mut self, request: Request) -> Response {
        // Parsing the URL escapes quotes in its query string, as `fetch` does.
        let url = url::Url::parse(&request.url).expect("a URL");
        let mut builder = ureq::http::Request::builder().method(request.method).uri(url.as_str());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let answer = match request.body {
            Some(body) => self.agent.run(builder.body(body).expect("a request")),
            None => self.agent.run(builder.body(()).expect("a request")),
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.url));
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let status = answer.status().as_u16();
        let body = answer.body_mut().read_to_string().expect("text");
        Response {
            status,
            headers,
            body,
            redirected: matches!(status, 301..=303 | 307 | 308),
            ..Response::default()
        }
    }

    /// The name is unique across runs, too, since the server may be the same.
    fn unique_name(&mut self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970").as_nanos();
        format!("t{now}-{}", NAMES.fetch_add(1, Ordering::Relaxed))
    }

    fn is_postgresql(&self) -> bool {
        env::var("KINTO_BACKEND").is_ok_and(|backend| backend == "postgresql")
    }

    fn page_size(&self) -> Option<usize> {
        env::var("KINTO_PAGE_SIZE").ok().map(|size| size.parse().expect("KINTO_PAGE_SIZE is a number"))
    }
}

fn client() -> Client {
    Client::new(Real::new(Some(SERVER.lock().unwrap_or_else(|failed_before| failed_before.into_inner()))))
}

/// Sends simultaneous requests and returns their statuses. How Kinto handles them depends on Kinto alone, so no simulation can show it.
fn at_once(count: usize, path: &str, headers: &[(&str, &str)], user: &str) -> Vec<u16> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..count)
            .map(|number| {
                let start = &start;
                scope.spawn(move || {
                    let mut client = Client::new(Real::new(None));
                    client.user = user.to_owned();
                    client.get(path);
                    start.wait();
                    client.put_if(path, headers, json!({"writer": number})).status
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
    })
}

/// Of simultaneous updates guarded by `If-Match`, PostgreSQL lets several through, and the last one wins: essaim must not rely on them.
#[test]
#[ignore = "needs a Kinto: make test-kinto"]
fn of_simultaneous_creations_one_goes_through() {
    let mut client = client();
    client.write("a");
    for round in 0..5 {
        let path = client.record(&format!("round{round}"));
        let statuses = at_once(8, &path, &[("If-None-Match", "*")], &client.user);
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [201, 409, 412].contains(status)), "{statuses:?}");
    }
}

/// A position is never used twice, even if several writers compete for it.
#[test]
#[ignore = "needs a Kinto: make test-kinto"]
fn of_simultaneous_creations_none_goes_over_an_emptied_record() {
    let mut client = client();
    for round in 0..5 {
        let path = client.record(&format!("round{round}"));
        client.put(&path, json!({"v": 1, "ct": "sealed"}));
        let emptied = client.put(&path, json!({"v": 1}));
        let statuses = at_once(8, &path, &[("If-None-Match", "*")], &client.user);
        assert!(statuses.iter().all(|status| [409, 412].contains(status)), "{statuses:?}");
        assert_eq!(client.get(&path).data(), emptied.data());
    }
}

server_contract! { #[ignore = "needs a Kinto: make test-kinto"] client() }
