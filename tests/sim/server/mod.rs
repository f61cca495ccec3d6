//! A Kinto server for simulations, without socket, thread or clock. To everything that essaim asks of a server, it answers as Kinto 26.5
//! with the memory backend does. `tests/contract` checks this rule by rule, on it and on real servers.
//!
//! ```ignore
//! let mut server = SimServer::new(SimConfig::default()); let response = server.handle(now_ms, &request); let backup = server.clone();
//! // a server restored from a backup is `server = backup`
//! ```
//!
//! With [`SimConfig::postgresql`] it behaves as on PostgreSQL, where requests are transactions: [`SimServer::begin`] and
//! [`SimServer::commit`] let requests overlap, [`SimServer::collide_after`] lets two writes get the same millisecond.
//!
//! The same state, time and request give the same answer: nothing is random. A request that a real Kinto would serve, but that is not
//! simulated here, panics with "not simulated": a wrong answer would mislead.
//!
//! Left out of the answers: `Last-Modified`, `Cache-Control`, CORS and security headers, which the client does not read.

mod answer;
mod auth;
mod batch;
mod condition;
mod filter;
mod listing;
mod number;
mod object;
mod resource;
pub mod transaction;

use std::collections::BTreeMap;

use essaim::ports::{Request, Response};
use url::Url;

use answer::Answer;
use auth::User;
use resource::{Address, Resource};

/// Whether Kinto accepts an id of a bucket, collection or record. <https://docs.kinto-storage.org/en/stable/api/1.x/records.html>
fn is_valid_id(id: &str) -> bool {
    let mut bytes = id.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric()) && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The settings that the administrator of a Kinto server chooses.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// `kinto.paginate_by`: the greatest number of records in one answer. `None`: 10,000, Kinto's own limit.
    pub page_size: Option<usize>,
    /// `kinto.batch_max_requests`.
    pub batch_max_requests: usize,
    /// Behave as on PostgreSQL: each request is a transaction, a timestamp is given only once (409), NUL characters are not stored (503).
    pub postgresql: bool,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            page_size: None,
            batch_max_requests: 25,
            postgresql: false,
        }
    }
}

/// All data of a Kinto server: one [`Resource`] per parent (`/buckets/b/collections/c` for the records of `c`), and the owner of each
/// bucket.
#[derive(Clone, Debug)]
pub struct SimServer {
    config: SimConfig,
    resources: BTreeMap<Address, Resource>,
    owners: BTreeMap<String, String>,
    /// How many writes are left before the one that collides.
    collision: Option<u32>,
}

/// A parsed request, with all that every endpoint needs.
struct Call<'a> {
    now_ms: u64,
    method: &'a str,
    url: Url,
    headers: Vec<(String, String)>,
    body: Option<&'a str>,
    user: Option<User>,
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl SimServer {
    pub fn new(config: SimConfig) -> Self {
        Self {
            config,
            resources: BTreeMap::new(),
            owners: BTreeMap::new(),
            collision: None,
        }
    }

    /// Answers one request. `now_ms` is the server's time (ms since 1970); it need not grow.
    ///
    /// Every Basic name and password is a user, whose buckets are inaccessible to others. Redirects are answered (`redirected` is true,
    /// `location` says where to), never followed.
    pub fn handle(&mut self, now_ms: u64, request: &Request) -> Response {
        let call = Call {
            now_ms,
            method: request.method,
            url: Url::parse(&request.url).expect("a client sends absolute URLs"),
            headers: request.headers.clone(),
            body: request.body.as_deref(),
            user: User::of(&request.headers),
        };
        self.answer(&call).into_response()
    }

    fn answer(&mut self, call: &Call) -> Answer {
        let path = call.url.path();
        let Some(rest) = path.strip_prefix("/v1/") else {
            return match path {
                "/" | "/v1" => answer::redirect("/v1/"),
                _ => answer::wrong_version(),
            };
        };
        match rest.split('/').collect::<Vec<_>>()[..] {
            [""] => self.hello(call),
            // Kinto removes a slash at the end by a redirect, whatever was requested and by whomever.
            [.., ""] => answer::redirect(path.trim_end_matches('/')),
            ["batch"] => self.batch(call),
            ["__flush__"] => self.flush(call),
            ["buckets", bucket, ref rest @ ..] => self.in_bucket(call, bucket, rest),
            ["buckets" | "permissions" | "accounts", ..] => panic!("not simulated: {} {path}", call.method),
            _ => answer::no_such_path(),
        }
    }

    /// <https://docs.kinto-storage.org/en/stable/api/1.x/utilities.html>
    fn hello(&mut self, call: &Call) -> Answer {
        let mut body = serde_json::json!({
            "project_name": "kinto",
            "project_version": "26.5.0",
            "http_api_version": "1.23",
            "url": call.url.join("/v1/").expect("a URL with an origin").as_str(),
            "settings": {"batch_max_requests": self.config.batch_max_requests, "readonly": false, "explicit_permissions": true},
            "capabilities": {"default_bucket": {}, "flush_endpoint": {}, "basicauth": {}},
        });
        if let Some(user) = &call.user {
            body["user"] = serde_json::json!({"id": user.principal(), "bucket": user.default_bucket()});
        }
        Answer::json(200, body)
    }

    /// <https://docs.kinto-storage.org/en/stable/api/1.x/flush.html>
    fn flush(&mut self, call: &Call) -> Answer {
        if call.method != "POST" {
            return answer::wrong_method();
        }
        self.resources.clear();
        self.owners.clear();
        Answer::json(202, serde_json::json!({}))
    }

    fn in_bucket(&mut self, call: &Call, bucket: &str, rest: &[&str]) -> Answer {
        let bucket = if bucket == "default" {
            let Some(user) = &call.user else { return answer::not_logged_in() };
            let bucket = user.default_bucket();
            if let Err(refusal) = self.make_default(call, &bucket, rest) {
                return refusal;
            }
            bucket
        } else {
            bucket.to_owned()
        };
        match *rest {
            [] => self.object(call, &Address::buckets(), &bucket),
            ["collections", collection] => self.object(call, &Address::collections(&bucket), collection),
            ["collections", collection, "records"] => self.plural(call, &Address::records(&bucket, collection)),
            ["collections", collection, "records", record] => self.object(call, &Address::records(&bucket, collection), record),
            ["collections"] | ["groups", ..] | ["history", ..] => panic!("not simulated: {} {}", call.method, call.url),
            _ => answer::no_such_path(),
        }
    }

    /// The `default` bucket and its collections are created when they are first requested, even by a GET.
    /// <https://docs.kinto-storage.org/en/stable/api/1.x/buckets.html#personal-bucket-default>
    fn make_default(&mut self, call: &Call, bucket: &str, rest: &[&str]) -> Result<(), Answer> {
        if !(rest.is_empty() && call.method == "PUT") {
            self.make(call, &Address::buckets(), bucket);
        }
        // Kinto assumes that any PUT on a path that ends with the collection's name creates the collection itself. So record `abc` cannot
        // be the first one that is put in collection `c`.
        let puts_collection = |name: &str| call.method == "PUT" && call.url.path().ends_with(name);
        match *rest {
            ["collections", name, ..] if !puts_collection(name) => {
                if !is_valid_id(name) {
                    return Err(answer::invalid("path", None, "Invalid collection id"));
                }
                self.make(call, &Address::collections(bucket), name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn make(&mut self, call: &Call, parent: &Address, id: &str) {
        if self.resources.get(parent).is_none_or(|resource| resource.get(id).is_none()) {
            self.resource(parent).put(call.now_ms, id, resource::Object::new());
            self.own(call, parent, id);
        }
    }

    fn own(&mut self, call: &Call, parent: &Address, id: &str) {
        if let (true, Some(user)) = (*parent == Address::buckets(), &call.user) {
            self.owners.insert(id.to_owned(), user.principal());
        }
    }

    fn resource(&mut self, address: &Address) -> &mut Resource {
        self.resources.entry(address.clone()).or_default()
    }
}
