//! Runs the real engine on a simulated Kinto without faults. (`tests/sim` simulates faults.)

use crate::kinto::{SimConfig, SimServer};
use essaim::engine::client::Client;
use essaim::engine::collection::Collection;
use essaim::error::Result;
use essaim::memory::MemoryStorage;
use essaim::ports::{App, Clock, DatabaseNotice, Platform, Request, Response, Rng, Tabs, Transport, Witness};
use essaim::pure::crypto::hash::sha256;
use essaim::pure::equality::equal;
use essaim::pure::sealed::Limits;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub const COLLECTION: &str = "tasks";
pub const REMOTE: &str = "https://kinto.example.org/v1";
const AUTHORIZATION: &str = "Basic YWxpY2U6c2VjcmV0";
/// In milliseconds: the time that passes between any two requests.
const PAUSE: u64 = 7;

/// One Kinto for several devices, with the clock that they share.
#[derive(Clone)]
pub struct Kinto {
    remote: &'static str,
    servers: Rc<RefCell<BTreeMap<&'static str, SimServer>>>,
    now_ms: Rc<Cell<u64>>,
    /// Rows that the server shows literally, instead of what was stored.
    shown: Option<Rc<Vec<String>>>,
}

impl Kinto {
    pub fn new() -> Self {
        let kinto = Kinto {
            remote: REMOTE,
            servers: Rc::default(),
            now_ms: Rc::new(Cell::new(1_800_000_000_000)),
            shown: None,
        };
        kinto.beside(REMOTE)
    }

    /// A read-only Kinto that shows these rows.
    pub fn showing(rows: &[String]) -> Self {
        Kinto {
            shown: Some(Rc::new(rows.to_vec())),
            ..Kinto::new()
        }
    }

    /// Adds another server, which the same devices can reach.
    pub fn beside(&self, remote: &'static str) -> Self {
        self.servers.borrow_mut().insert(remote, SimServer::new(SimConfig::default()));
        Kinto { remote, ..self.clone() }
    }

    pub fn handle(&self, request: &Request) -> Response {
        self.now_ms.set(self.now_ms.get() + PAUSE);
        if let Some(rows) = &self.shown {
            return show(rows, request);
        }
        let mut servers = self.servers.borrow_mut();
        let (_, server) = servers
            .iter_mut()
            .find(|(remote, _)| request.url.starts_with(*remote))
            .expect("a server at that address");
        server.handle(self.now_ms.get(), request)
    }

    /// All records of a Kinto collection, as any client of its owner gets them.
    pub fn dump(&self, collection: &str) -> Vec<Value> {
        let response = self.ask("GET", collection, "", None);
        response["data"].as_array().expect("a list").clone()
    }

    pub fn put(&self, collection: &str, row: &Value) {
        let id = row["id"].as_str().expect("a row has an id");
        let answer = self.ask("PUT", collection, &format!("/{id}"), Some(json!({ "data": row }).to_string()));
        assert_eq!(answer["data"]["id"], id);
    }

    fn ask(&self, method: &'static str, collection: &str, record: &str, body: Option<String>) -> Value {
        let headers = [("Authorization", AUTHORIZATION), ("Content-Type", "application/json")];
        let request = Request {
            method,
            url: format!("{}/buckets/default/collections/{collection}/records{record}", self.remote),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body,
            ..Request::default()
        };
        serde_json::from_str(&self.handle(&request).body).expect("JSON")
    }
}

/// The answer that shows the list of rows, or one of them.
fn show(rows: &[String], request: &Request) -> Response {
    let (path, _) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let (status, data) = match path.split_once("/records/") {
        _ if request.method != "GET" => (403, "{}".to_owned()),
        None => (200, format!("[{}]", rows.join(","))),
        Some((_, id)) => match rows.iter().find(|row| row.contains(&format!("\"{id}\""))) {
            Some(row) => (200, row.clone()),
            None => (404, "{}".to_owned()),
        },
    };
    Response {
        status,
        headers: vec![("etag".into(), "\"9\"".into())],
        body: format!("{{\"data\":{data}}}"),
        ..Response::default()
    }
}

/// A device whose tab runs its tasks one after the other.
pub struct Device {
    kinto: Kinto,
    storage: MemoryStorage,
    random: Random,
    limits: Limits,
}

impl Device {
    pub fn open(kinto: &Kinto, key: &str, name: &str, limits: Limits) -> Collection<Device> {
        let device = Device {
            kinto: kinto.clone(),
            storage: MemoryStorage::default(),
            random: Random {
                seed: name.to_owned(),
                drawn: Cell::default(),
            },
            limits,
        };
        let client = Client::new(Rc::new(device), "test");
        client.sealed_collection("default", COLLECTION, NoApp, Vec::new(), key).expect("a key")
    }
}

pub fn sync(collection: &Collection<Device>) -> Value {
    sync_at(collection, REMOTE).expect("nothing goes wrong")
}

pub fn sync_at(collection: &Collection<Device>, remote: &str) -> Result<Value> {
    let report = now(collection.sync(&options(remote)))?;
    Ok(serde_json::from_str(&report).expect("JSON"))
}

pub fn options(remote: &str) -> String {
    json!({ "remote": remote, "headers": { "Authorization": AUTHORIZATION }, "strategy": "client_wins" }).to_string()
}

/// The records that `list` returns, sorted by id and without `_status`, which the device adds.
pub fn list(collection: &Collection<Device>) -> Vec<Value> {
    let list = now(collection.list("{\"order\":\"id\"}")).expect("nothing goes wrong");
    let mut records: Vec<Value> = serde_json::from_str(&list).expect("JSON");
    for record in records.iter_mut().filter_map(Value::as_object_mut) {
        assert_eq!(record.remove("_status"), Some(json!("synced")), "{record:?}");
    }
    records.sort_by_key(|record| record["id"].to_string());
    records
}

/// Compares records, sorted by id, in the same way as JavaScript: it prints 7.0 as 7.
pub fn assert_same(opened: &[Value], listed: &[Value]) {
    let ids = |records: &[Value]| records.iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(opened), ids(listed));
    for (opened, listed) in opened.iter().zip(listed) {
        assert!(equal(&opened.to_string(), &listed.to_string()), "{opened} is {listed} elsewhere");
    }
}

/// Polls a future that never has to wait.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
    panic!("it waits for something that never comes");
}

impl Platform for Device {
    type Storage = MemoryStorage;
    type Transport = Kinto;
    type Clock = Kinto;
    type Rng = Random;
    type Tabs = Alone;
    type Witness = Alone;
    type Predecessor = ();
    type App = NoApp;

    /// Only compactions of the local journal are ever spawned, and these may be left out.
    fn spawn(&self, _: impl Future<Output = ()> + 'static) {}
    fn sealed_limits(&self) -> Limits {
        self.limits
    }
    fn storage(&self) -> &MemoryStorage {
        &self.storage
    }
    fn transport(&self) -> &Kinto {
        &self.kinto
    }
    fn clock(&self) -> &Kinto {
        &self.kinto
    }
    fn rng(&self) -> &Random {
        &self.random
    }
    fn tabs(&self) -> &Alone {
        &Alone
    }
    fn witness(&self) -> &Alone {
        &Alone
    }
    fn predecessor(&self) -> &() {
        &()
    }
}

impl Transport for Kinto {
    async fn send(&self, request: Request) -> Result<Response> {
        Ok(self.handle(&request))
    }
}

impl Clock for Kinto {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
    async fn sleep_ms(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }
    async fn next_turn(&self) {}
}

/// Numbers that are not random: the same in every run, but different for each device.
pub struct Random {
    seed: String,
    drawn: Cell<u64>,
}

impl Rng for Random {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            self.drawn.set(self.drawn.get() + 1);
            let hash = sha256(format!("{} {}", self.seed, self.drawn.get()).as_bytes());
            part.copy_from_slice(&hash[..part.len()]);
        }
    }
}

/// A tab without other tabs, and without an eviction marker.
pub struct Alone;

impl Tabs for Alone {
    type Guard = ();
    type Listener = ();
    async fn lock(&self, _: &str) -> Result<()> {
        Ok(())
    }
    async fn try_lock(&self, _: &str) -> Result<Option<()>> {
        Ok(Some(()))
    }
    fn notify(&self, _: &str) {}
    fn listen(&self, _: &str, _: impl Fn(DatabaseNotice) + 'static) {}
}

impl Witness for Alone {
    fn read(&self, _: &str) -> Option<String> {
        None
    }
    fn write(&self, _: &str, _: Option<&str>) {}
}

/// An app without transformers or hooks.
pub struct NoApp;

impl App for NoApp {
    fn has_transformers(&self) -> bool {
        false
    }
    fn has_incoming_hook(&self) -> bool {
        false
    }
    async fn encode(&self, records: String) -> Result<String> {
        Ok(records)
    }
    async fn decode(&self, records: String) -> Result<String> {
        Ok(records)
    }
    async fn incoming(&self, payload: String) -> Result<String> {
        Ok(payload)
    }
}
