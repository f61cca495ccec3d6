//! Runs the contract of a Kinto server on the simulated one. `tests/kinto.rs` runs the same rules on real ones.
#![cfg(not(target_arch = "wasm32"))]

#[path = "contract/server/mod.rs"]
#[macro_use]
mod contract;
#[path = "sim/server/mod.rs"]
mod sim;

use contract::{Client, Server};
use essaim::ports::{Request, Response};
use sim::{SimConfig, SimServer};

/// A simulated server whose clock stands still, so that no test passes merely because time passes between two requests.
struct Simulated {
    server: SimServer,
    config: SimConfig,
    names: u32,
}

impl Server for Simulated {
    fn root(&self) -> String {
        ROOT.to_owned()
    }

    fn send(&mut self, request: Request) -> Response {
        self.server.handle(1_800_000_000_000, &request)
    }

    fn unique_name(&mut self) -> String {
        self.names += 1;
        format!("name{}", self.names)
    }

    fn is_postgresql(&self) -> bool {
        self.config.postgresql
    }

    fn page_size(&self) -> Option<usize> {
        self.config.page_size
    }
}

fn client(config: SimConfig) -> Client {
    Client::new(Simulated {
        server: SimServer::new(config.clone()),
        config,
        names: 0,
    })
}

mod on_memory {
    use super::{SimConfig, client, contract};
    server_contract! { #[cfg(all())] client(SimConfig::default()) }
}

mod on_postgresql {
    use super::{SimConfig, client, contract};
    server_contract! { #[cfg(all())] client(SimConfig { postgresql: true, ..SimConfig::default() }) }
}

mod with_pages_of_three {
    use super::{SimConfig, client, contract};
    server_contract! { #[cfg(all())] client(SimConfig { page_size: Some(3), ..SimConfig::default() }) }
}

const ROOT: &str = "http://server.test/v1";

fn request(method: &'static str, path: &str, body: Option<&str>) -> Request {
    let headers = vec![
        ("Authorization".to_owned(), "Basic YTpi".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    Request {
        method,
        url: format!("{ROOT}{path}"),
        headers,
        body: body.map(str::to_owned),
        ..Request::default()
    }
}

const RECORDS: &str = "/buckets/default/collections/notes/records";

fn put(id: &str) -> Request {
    request("PUT", &format!("{RECORDS}/{id}"), Some("{}"))
}

fn put_all(ids: &[&str]) -> Request {
    let requests: Vec<_> = ids
        .iter()
        .map(|id| serde_json::json!({"method": "PUT", "path": format!("{RECORDS}/{id}")}))
        .collect();
    request("POST", "/batch", Some(&serde_json::json!({"requests": requests}).to_string()))
}

fn ids(server: &mut SimServer, query: &str) -> Vec<String> {
    let response = server.handle(9000, &request("GET", &format!("{RECORDS}{query}"), None));
    let body: serde_json::Value = serde_json::from_str(&response.body).expect("JSON");
    contract::ids(body["data"].as_array().expect("a list"))
}

fn postgresql() -> SimServer {
    let mut server = SimServer::new(SimConfig {
        postgresql: true,
        ..SimConfig::default()
    });
    server.handle(100, &put("first"));
    server
}

#[test]
fn a_clone_is_a_backup_that_later_writes_do_not_reach() {
    let mut server = postgresql();
    let mut backup = server.clone();
    server.handle(2000, &put("second"));
    assert_eq!(ids(&mut server, ""), ["second", "first"]);
    assert_eq!(ids(&mut backup, ""), ["first"]);
}

#[test]
fn a_batch_that_ends_late_is_behind_who_pulled_meanwhile() {
    let mut server = postgresql();
    let begun = server.begin(1000, &put_all(&["late1", "late2"]));
    server.handle(2000, &put("second"));
    assert_eq!(ids(&mut server, ""), ["second", "first"]);
    assert_eq!(server.commit(3000, begun).status, 200);
    assert_eq!(ids(&mut server, "?_since=2000"), [""; 0]);
    assert_eq!(ids(&mut server, "?_since=999"), ["second", "late2", "late1"]);
}

#[test]
fn who_writes_what_is_being_written_waits() {
    let mut server = postgresql();
    let begun = server.begin(1000, &put("same"));
    server.handle(1000, &put("same"));
    assert_eq!(server.commit(3000, begun).status, 200, "the record was there by then");
    assert_eq!(ids(&mut server, "?_since=1000"), ["same"]);
}

#[test]
fn a_collision_undoes_what_the_batch_answered_before_it() {
    let mut server = postgresql();
    server.collide_after(1);
    let response = server.handle(1000, &put_all(&["undone", "collides", "kept"]));
    let body: serde_json::Value = serde_json::from_str(&response.body).expect("JSON");
    let statuses: Vec<_> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|response| response["status"].as_u64())
        .collect();
    assert_eq!(statuses, [Some(201), Some(409), Some(201)]);
    assert_eq!(ids(&mut server, ""), ["kept", "first"]);
}

#[test]
fn a_collision_after_all_writes_undoes_the_whole_batch() {
    let mut server = postgresql();
    server.collide_after(3);
    assert_eq!(server.handle(1000, &put_all(&["all", "are", "undone"])).status, 409);
    assert_eq!(ids(&mut server, ""), ["first"]);
    assert_eq!(server.handle(1000, &put_all(&["stands"])).status, 200);
    assert_eq!(ids(&mut server, ""), ["stands", "first"]);
}
