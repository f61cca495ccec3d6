//! The Kinto HTTP API as data: builds URLs, requests and batches. It sends nothing.
//!
//! Obeys docs.kinto-storage.org, "API": records, batch operations, timestamps, pagination, backoff.

use super::http::{Asks, Request};
use super::json;
use super::record::{Body, RecordId};
use crate::error::{Error, Result};
use std::fmt;

pub type Headers = Vec<(String, String)>;

/// The URL of a server's root: `https://kinto.example/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote(String);

impl Remote {
    pub fn read(url: &str) -> Result<Self> {
        let root = url.strip_suffix('/').unwrap_or(url);
        // The URL in error messages, without the part that may be a password.
        let shown = url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("…@{rest}"));
        let bad = |message: String| Error::InvalidOption { message };
        let version = root.rsplit('/').next().and_then(|last| last.strip_prefix('v')).unwrap_or("");
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad(format!("The remote URL must contain the version: {shown}. Give it as https://server/v1.")));
        }
        if origin(root).is_none() {
            return Err(bad(format!(
                "Invalid remote URL: {shown}. Give it as https://server/v1, without credentials; these belong in `headers`."
            )));
        }
        Ok(Remote(root.to_owned()))
    }

    pub fn url(&self) -> &str {
        &self.0
    }

    pub fn origin(&self) -> String {
        origin(&self.0).unwrap_or_default()
    }

    /// Checks the URL of a `Next-Page` header, for `KintoClient`: credentials are sent to no other origin. A sync never requests that URL (see
    /// `pure::listing`).
    pub fn next_page(&self, next: &str) -> Result<String> {
        match origin(next) {
            Some(there) if there == self.origin() => Ok(next.to_owned()),
            _ => Err(Error::OtherOrigin {
                url: self.0.clone(),
                next: next.chars().take(200).collect(),
            }),
        }
    }
}

/// The origin of a URL as `scheme://host:port`, in lower case and without a default port; `None` for all but a plain absolute http(s) URL. This
/// is stricter than the URL standard on purpose: backslashes, spaces, control characters and credentials, which parsers read differently, are
/// refused.
pub fn origin(url: &str) -> Option<String> {
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let (scheme, rest) = url.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|host| !host.is_empty() && !host.contains('@'))?
        .to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    Some(format!("{scheme}://{}", authority.strip_suffix(default_port).unwrap_or(&authority)))
}

/// Encodes a text as JavaScript's `encodeURIComponent` does.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// One remote collection, and the headers of every request to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub remote: Remote,
    pub bucket: String,
    pub collection: String,
    pub headers: Headers,
    /// The timestamp that the caller knows the server to have. Sent as `_expected`, so that an HTTP cache does not answer with older data.
    pub expected_timestamp: Option<String>,
}

/// Leaves out the headers: they carry credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

/// How many records a page of a listing may have. A page is one local commit; an interrupted pull loses at most one.
pub const PAGE_RECORDS: usize = 2000;

impl Target {
    /// The URL of the remote collection. Its cursor is stored under this name.
    pub fn url(&self) -> String {
        format!("{}{}", self.remote.url(), self.path())
    }

    /// The path of the collection, relative to the server's root.
    pub fn path(&self) -> String {
        format!("/buckets/{}/collections/{}", encode(&self.bucket), encode(&self.collection))
    }

    pub fn record_path(&self, id: &RecordId) -> String {
        format!("{}/records/{}", self.path(), encode(&id.display()))
    }

    fn get(&self, url: String) -> Request {
        Request {
            method: "GET",
            url,
            headers: self.headers_with(&[("Accept", "application/json")]),
            ..Request::default()
        }
    }

    /// A GET request for a page of a listing.
    fn get_page(&self, url: String) -> Request {
        Request {
            asks: Asks::Many,
            ..self.get(url)
        }
    }

    /// The app's headers replace the library's of the same name, in whatever case.
    fn headers_with(&self, ours: &[(&str, &str)]) -> Headers {
        let given = |name: &str| self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        let added = ours
            .iter()
            .filter(|(name, _)| !given(name))
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        added.chain(self.headers.iter().cloned()).collect()
    }

    pub fn hello(&self) -> Request {
        self.get(format!("{}/", self.remote.url()))
    }

    pub fn metadata(&self) -> Request {
        let expected = self
            .expected_timestamp
            .as_ref()
            .map_or_else(String::new, |ts| format!("?_expected={}", encode(ts)));
        self.get(format!("{}{expected}", self.url()))
    }

    /// With `since`: the changes after that version, oldest first, with tombstones. Without: all live records.
    pub fn list(&self, since: Option<u64>, if_none_match: Option<u64>) -> Request {
        self.listing("", since, if_none_match)
    }

    /// Like [`Target::list`], but only the id, the version and the member `deleted` of each row.
    pub fn list_versions(&self, since: Option<u64>) -> Request {
        self.listing("_fields=id,last_modified,deleted&", since, None)
    }

    fn listing(&self, fields: &str, since: Option<u64>, if_none_match: Option<u64>) -> Request {
        let mut query = format!("{fields}_sort=last_modified&_limit={PAGE_RECORDS}");
        if let Some(since) = since {
            query.push_str(&format!("&_since={since}"));
        }
        if let Some(expected) = &self.expected_timestamp {
            query.push_str(&format!("&_expected={}", encode(expected)));
        }
        let mut request = self.get_page(format!("{}/records?{query}", self.url()));
        if let Some(etag) = if_none_match {
            request.headers.push(("If-None-Match".into(), format!("\"{etag}\"")));
        }
        request
    }

    /// A live record that has a field `deleted: true`, if there is one.
    pub fn list_with_field(&self) -> Request {
        self.get_page(format!("{}/records?deleted=true&_fields=id&_limit=1", self.url()))
    }

    /// The rows of an encrypted collection that were written after `since`, oldest first.
    pub fn list_journal_since(&self, since: u64, rows: usize, if_none_match: Option<u64>) -> Request {
        let mut request = self.get_page(format!("{}/records?_since={since}&_sort=last_modified&_limit={rows}", self.url()));
        if let Some(etag) = if_none_match {
            request.headers.push(("If-None-Match".into(), format!("\"{etag}\"")));
        }
        request
    }

    /// All rows of an encrypted collection that are not emptied. Never together with `_since`: Kinto's memory backend then ignores `_since`.
    pub fn list_journal(&self, rows: usize) -> Request {
        self.get_page(format!("{}/records?has_ct=true&_sort=last_modified&_limit={rows}", self.url()))
    }

    /// Like [`Target::list_journal`], but only names, versions, and `e`, which an emptied page does not have.
    pub fn list_journal_names(&self) -> Request {
        self.get_page(format!(
            "{}/records?has_ct=true&_fields=id,e,last_modified&_sort=last_modified&_limit={PAGE_RECORDS}",
            self.url()
        ))
    }

    pub fn record(&self, id: &RecordId) -> Request {
        self.get(format!("{}{}", self.remote.url(), self.record_path(id)))
    }

    /// Creates the collection if it does not exist.
    pub fn create(&self) -> Request {
        self.send("PUT", &self.path(), &[("If-None-Match", "*")], Some("{}".to_owned()))
    }

    /// Whether batches can be used for this collection. Kinto takes a request whose path has `/batch` in it for a batch within a batch, and
    /// refuses it.
    pub fn takes_batches(&self) -> bool {
        !self.path().split('/').any(|part| part.starts_with("batch"))
    }

    pub fn batch(&self, parts: &[Part]) -> Request {
        let parts: Vec<String> = parts.iter().map(Part::to_json).collect();
        let body = format!("{{\"requests\":[{}]}}", parts.join(","));
        Request {
            asks: Asks::Many,
            ..self.send("POST", "/batch", &[], Some(body))
        }
    }

    pub fn single(&self, part: &Part) -> Request {
        let body = part.data.as_ref().map(|data| format!("{{\"data\":{data}}}"));
        self.send(part.method, &part.path, &[(part.condition.0, &part.condition.1)], body)
    }

    fn send(&self, method: &'static str, path: &str, ours: &[(&str, &str)], body: Option<String>) -> Request {
        let ours = [&[("Accept", "application/json"), ("Content-Type", "application/json")], ours].concat();
        Request {
            method,
            url: format!("{}{path}", self.remote.url()),
            headers: self.headers_with(&ours),
            body,
            asks: Asks::Object,
        }
    }

    /// The body has no id, since the path has it: within a body, Kinto's `default` bucket rewrites ids that contain "default".
    pub fn put(&self, id: &RecordId, body: &Body, version: Option<u64>) -> Part {
        let condition = match version {
            Some(version) => ("If-Match", format!("\"{version}\"")),
            None => ("If-None-Match", "*".to_owned()),
        };
        Part {
            method: "PUT",
            path: self.record_path(id),
            condition,
            data: Some(format!("{{{body}}}")),
        }
    }

    /// Like [`Target::record`], as part of a batch.
    pub fn read(&self, id: &RecordId) -> Part {
        Part {
            method: "GET",
            path: self.record_path(id),
            condition: ("Accept", "application/json".to_owned()),
            data: None,
        }
    }

    pub fn delete(&self, id: &RecordId, version: u64) -> Part {
        Part {
            method: "DELETE",
            path: self.record_path(id),
            condition: ("If-Match", format!("\"{version}\"")),
            data: None,
        }
    }
}

/// One request about a record, in a batch or on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub method: &'static str,
    pub path: String,
    /// The header that makes a write safe (`If-Match` or `If-None-Match`).
    pub condition: (&'static str, String),
    /// The record to send, as JSON.
    pub data: Option<String>,
}

impl Part {
    pub fn to_json(&self) -> String {
        let (name, value) = &self.condition;
        let body = self.data.as_ref().map_or_else(String::new, |data| format!(",\"body\":{{\"data\":{data}}}"));
        let (path, value) = (json::quote(&self.path), json::quote(value));
        format!("{{\"method\":\"{}\",\"path\":{path},\"headers\":{{\"{name}\":{value}}}{body}}}", self.method)
    }

    fn bytes(&self) -> usize {
        self.data.as_ref().map_or(0, String::len) + self.path.len() + 128
    }
}

/// The most bytes of a batch: proxies commonly refuse bodies above 1 MiB.
pub(super) const BATCH_BYTES: usize = 900 << 10;

/// How many of these parts go into one batch: as many as the server and a proxy accept, but at least one.
pub fn batch_length<'a>(parts: impl Iterator<Item = &'a Part>, max_requests: usize) -> usize {
    lengths_within(parts.map(Part::bytes), max_requests, BATCH_BYTES)
}

/// How many of the first lengths have a sum of at most `max_sum`; at least one.
pub(super) fn lengths_within(lengths: impl Iterator<Item = usize>, max_count: usize, max_sum: usize) -> usize {
    let mut sum = 0;
    lengths
        .take(max_count.max(1))
        .take_while(|length| {
            let first = sum == 0;
            sum += length;
            first || sum <= max_sum
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_needs_a_version_and_no_credentials() {
        for good in ["http://localhost:8888/v1", "https://example.com/kinto/v2/", "HTTPS://Example.com:443/v1"] {
            assert!(Remote::read(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "http://localhost:8888",
            "http://localhost/v",
            "http://localhost/v1/x",
            "ftp://x/v1",
            "/v1",
            "http://u:p@x/v1",
            "http:///v1",
            "http://a b/v1",
        ] {
            assert_eq!(Remote::read(bad).map_err(|error| error.code()), Err("invalid_option".into()), "{bad}");
        }
        assert!(Remote::read("http://x").unwrap_err().to_string().contains("must contain the version"));
    }

    #[test]
    fn a_next_page_is_followed_only_to_the_same_origin() {
        let remote = Remote::read("https://example.com/v1").unwrap();
        assert!(remote.next_page("https://EXAMPLE.com:443/v1/buckets/b/collections/c/records?_token=x").is_ok());
        for other in [
            "http://example.com/v1",
            "https://example.com.evil.org/v1",
            "https://evil.org/?https://example.com/v1",
            "https://example.com:8443/v1",
            "https://example.com@evil.org/v1",
            "https://evil.org\\@example.com/v1",
            "//evil.org/v1",
            "/v1/buckets",
            "https://example.com\t.evil.org",
        ] {
            assert!(matches!(remote.next_page(other), Err(Error::OtherOrigin { .. })), "{other}");
        }
    }

    #[test]
    fn names_and_ids_cannot_leave_their_place_in_the_path() {
        let target = Target {
            remote: Remote::read("http://x/v1").unwrap(),
            bucket: "a/b".into(),
            collection: "?c#".into(),
            headers: vec![],
            expected_timestamp: None,
        };
        assert_eq!(
            target.record_path(&RecordId::from_text("../é")),
            "/buckets/a%2Fb/collections/%3Fc%23/records/..%2F%C3%A9"
        );
    }

    #[test]
    fn a_batch_is_cut_by_count_and_by_bytes() {
        let part = |bytes: usize| Part {
            method: "PUT",
            path: String::new(),
            condition: ("If-None-Match", "*".into()),
            data: Some("x".repeat(bytes)),
        };
        let small: Vec<Part> = (0..60).map(|_| part(10)).collect();
        assert_eq!(batch_length(small.iter(), 25), 25);
        let large: Vec<Part> = (0..4).map(|_| part(400 << 10)).collect();
        assert_eq!(batch_length(large.iter(), 25), 2);
        assert_eq!(batch_length([part(2 << 20)].iter(), 25), 1);
    }
}
