//! Records, their ids and statuses.
//!
//! A record is kept as the text of its own members; what the library adds (`id`, `last_modified`, `_status`) stands beside it.

use super::crypto::encoding;
use super::crypto::hash::sha256;
use super::equality;
use super::json;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

/// The canonical JSON text of an id, as `JSON.stringify` writes it: `"abc"`, or `12` or `true` where the app's schema has such.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Rc<str>);

impl RecordId {
    /// From the JSON text of a string, a finite number or a boolean: all spellings of one value are one id.
    pub fn read(raw: &str) -> Result<Self> {
        let raw = raw.trim();
        let is_scalar = raw.starts_with('"') || matches!(raw, "true" | "false") || json::number(raw).is_some_and(f64::is_finite);
        match is_scalar {
            true => Ok(RecordId(equality::canonical(raw).into())),
            false => Err(Error::InvalidId {
                message: format!("Invalid Id: {}", json::kind(raw)),
            }),
        }
    }

    /// From text that [`RecordId::as_json`] gave, perhaps of an earlier version, which wrote some numbers otherwise. `None` for what is no
    /// JSON: it wrote `inf` for a server's `1e400`.
    pub fn from_disk(json: &str) -> Option<Self> {
        match json.starts_with('"') {
            true => Some(RecordId(json.into())),
            false => RecordId::read(json).ok(),
        }
    }

    pub fn from_text(text: &str) -> Self {
        RecordId(json::quote(text).into())
    }

    pub fn is_text(&self) -> bool {
        self.0.starts_with('"')
    }

    /// Whether it can be a record's on a server: a text, and in an address it leads to that record.
    pub fn is_addressable(&self) -> bool {
        self.is_text() && ![r#""""#, r#"".""#, r#""..""#].contains(&self.as_json())
    }

    /// JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// As `String(id)` in JavaScript: for messages and URLs.
    pub fn display(&self) -> String {
        json::units(&self.0).map_or_else(|| self.0.to_string(), |units| String::from_utf16_lossy(&units))
    }
}

impl std::fmt::Debug for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a record stands towards the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Only here; the server never acknowledged it.
    Created,
    /// The server knows it; changed here since.
    Updated,
    /// Deleted here; kept until the server knows.
    Deleted,
    /// As the server has it, at `last_modified`.
    Synced,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Updated => "updated",
            Status::Deleted => "deleted",
            Status::Synced => "synced",
        }
    }

    pub fn read(name: &str) -> Option<Self> {
        [Status::Created, Status::Updated, Status::Deleted, Status::Synced]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// The text of a record's own members, without braces: `"title":"x","done":false`.
pub type Body = Rc<str>;

/// What the server has or may have of this device: what was sent and whose answer never came, or what a change here was made
/// on. A listing that shows it, in whatever version, shows nothing that the change here does not know: without this a device
/// meets its own older edit as a conflict with itself, and what a flushed server was given back as somebody else's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Body(Body),
    Deletion,
}

/// What an encrypted collection's journal holds of a record, and a local change is made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The page of the record's last change: its version. 0 for one that the server lost (see `sealed::repair`).
    pub position: u64,
    /// When that page was written (ms).
    pub t: u64,
    /// The members as they stand there, to the byte: encoded by the app's transformers, without local members.
    pub text: Body,
}

/// A record as this device keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub body: Body,
    pub status: Status,
    /// Milliseconds, the server's (or what the caller supplied).
    pub last_modified: Option<u64>,
    pub sent: Option<Sent>,
    /// The deletion on the server (ms) that this was kept or made again in spite of: its tombstone may be listed again.
    pub gone_at: Option<u64>,
    /// In encrypted collections, for what their journal has.
    pub base: Option<Base>,
}

impl Row {
    pub fn new(body: impl Into<Body>, status: Status, last_modified: Option<u64>) -> Self {
        Row {
            body: body.into(),
            status,
            last_modified,
            sent: None,
            gone_at: None,
            base: None,
        }
    }

    /// On this version of an encrypted collection's journal.
    pub fn on(self, base: Option<Base>) -> Self {
        Row { base, ..self }
    }

    pub fn is_live(&self) -> bool {
        self.status != Status::Deleted
    }

    pub fn is_dirty(&self) -> bool {
        self.status != Status::Synced
    }

    /// A deletion that the server no longer knows of, and another device may not know of yet: it has to be told by a tombstone.
    pub fn is_lost_deletion(&self) -> bool {
        !self.is_live() && self.last_modified.is_none() && self.sent == Some(Sent::Deletion)
    }

    /// What a change of this row is made on, as [`Sent`]. In an encrypted collection that is its base.
    pub fn sent_before_change(&self) -> Option<Sent> {
        match self.status {
            Status::Synced if self.base.is_none() => Some(Sent::Body(self.body.clone())),
            _ => self.sent.clone(),
        }
    }

    /// Made here, and never sent: no version or deletion of the server's is of this record.
    pub fn is_new_here(&self) -> bool {
        self.status == Status::Created && self.sent.is_none()
    }

    /// This row without the content that was deleted; `None` if there is none, or the engine still needs it: to recognise the
    /// lost answer to a push, or (in an encrypted collection) because the server's journal has it.
    pub fn without_deleted_content(&self) -> Option<Row> {
        let is_needed = self.is_live() || matches!(self.sent, Some(Sent::Body(_))) || self.base.is_some();
        (!is_needed && !self.body.is_empty() && !is_digest(&self.body)).then(|| Row {
            body: digest(&self.body),
            ..self.clone()
        })
    }

    /// Appends the record as JavaScript sees it.
    pub fn write(&self, id: &RecordId, out: &mut String) {
        out.push('{');
        if !self.body.is_empty() && !is_digest(&self.body) {
            out.push_str(&self.body);
            out.push(',');
        }
        out.push_str("\"id\":");
        out.push_str(id.as_json());
        if let Some(last_modified) = self.last_modified {
            out.push_str(",\"last_modified\":");
            out.push_str(&last_modified.to_string());
        }
        out.push_str(",\"_status\":\"");
        out.push_str(self.status.name());
        out.push_str("\"}");
    }

    pub fn to_json(&self, id: &RecordId) -> String {
        let mut out = String::with_capacity(self.body.len() + 96);
        self.write(id, &mut out);
        out
    }
}

/// A record from outside, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub id: Option<RecordId>,
    pub last_modified: Option<u64>,
    pub status: Option<Status>,
    /// Has a member `deleted` that is true: see [`Parsed::is_tombstone`].
    pub deleted: bool,
    pub body: String,
}

impl Parsed {
    /// A deletion as a server lists it: `deleted: true` and no other member of its own. With another one it is a record of an app
    /// that has a field of that name.
    pub fn is_tombstone(&self) -> bool {
        self.deleted && is_bare_deletion(&self.body)
    }

    pub fn id(&self) -> Result<&RecordId> {
        self.id.as_ref().ok_or_else(|| Error::InvalidId {
            message: "Cannot use a record missing id.".into(),
        })
    }
}

/// Members that every record has beside its own: they are kept elsewhere.
pub fn is_reserved(key: &str) -> bool {
    ["id", "last_modified", "_status"].iter().any(|name| json::is_key(key, name))
}

/// The members of a body that are a record's own.
pub fn own_members(body: &str) -> Cow<'_, str> {
    match json::body_members(body).any(|(key, _)| is_reserved(key)) {
        false => body.into(),
        true => join(json::body_members(body).filter(|(key, _)| !is_reserved(key)).collect()).into(),
    }
}

/// Whether `deleted: true` is all that a body has: on a server such a record cannot be told from a deletion.
pub fn is_bare_deletion(body: &str) -> bool {
    let mut members = json::body_members(body).peekable();
    members.peek().is_some() && members.all(|(key, value)| value == "true" && json::is_key(key, "deleted"))
}

/// What [`is_bare_deletion`] is refused with.
pub fn is_no_record() -> Error {
    invalid(
        "A record whose only field is `deleted: true` cannot be told from a deletion on the server. Give it another field, or delete it.",
        "deleted",
    )
}

/// Takes a record apart. The text has to be valid JSON already.
pub fn read_record(text: &str) -> Result<Parsed> {
    let members = json::members(text).ok_or_else(|| invalid("Record is not an object.", ""))?;
    let mut parsed = Parsed {
        id: None,
        last_modified: None,
        status: None,
        deleted: false,
        body: String::with_capacity(text.len()),
    };
    for (key, value) in members {
        if json::is_key(key, "id") {
            parsed.id = Some(RecordId::read(value)?);
        } else if json::is_key(key, "last_modified") {
            parsed.last_modified = read_timestamp(value)?;
        } else if json::is_key(key, "_status") {
            parsed.status = json::string(value).and_then(|name| Status::read(&name));
        } else {
            parsed.deleted |= value == "true" && json::is_key(key, "deleted");
            push_member(&mut parsed.body, key, value);
        }
    }
    Ok(parsed)
}

/// A version: a whole number that JavaScript holds exactly. Any other number would be newer or older than all others.
pub fn read_timestamp(raw: &str) -> Result<Option<u64>> {
    match json::whole(raw) {
        _ if raw == "null" => Ok(None),
        Some(ms) => Ok(Some(ms)),
        _ => Err(invalid(
            &format!("last_modified is not a whole number of milliseconds but {}", json::kind(raw)),
            "last_modified",
        )),
    }
}

pub fn invalid(message: &str, path: &str) -> Error {
    Error::InvalidRecord {
        message: message.to_owned(),
        path: path.to_owned(),
    }
}

fn push_member(body: &mut String, key: &str, value: &str) {
    if !body.is_empty() {
        body.push(',');
    }
    body.push_str(key);
    body.push(':');
    body.push_str(value);
}

/// Stands for the body of a deleted record: it only tells whether the server has the same content. A body is JSON and never
/// begins with NUL.
fn digest(body: &str) -> Body {
    let content = equality::canonical(&format!("{{{body}}}"));
    format!("\0{}", encoding::base64url(&sha256(content.as_bytes()))).into()
}

fn is_digest(body: &str) -> bool {
    body.starts_with('\0')
}

/// `{...base, ...over}`.
pub fn merge_bodies(base: &str, over: &str) -> String {
    let base = if is_digest(base) { "" } else { base };
    if base.is_empty() || over.is_empty() {
        return if base.is_empty() { over } else { base }.to_owned();
    }
    let mut merged: Vec<(&str, &str)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (key, value) in json::body_members(base).chain(json::body_members(over)) {
        match places.entry(equality::canonical(key)) {
            Entry::Occupied(place) => merged[*place.get()].1 = value,
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push((key, value));
            }
        }
    }
    join(merged)
}

/// Splits off the members that never leave this device: (what is shared, what is local).
pub fn split_local(body: &str, local_fields: &[String]) -> (String, String) {
    if local_fields.is_empty() {
        return (body.to_owned(), String::new());
    }
    let is_local = |(key, _): &(&str, &str)| local_fields.iter().any(|field| json::is_key(key, field));
    let (local, shared): (Vec<_>, Vec<_>) = json::body_members(body).partition(is_local);
    (join(shared), join(local))
}

fn join(members: Vec<(&str, &str)>) -> String {
    let mut body = String::new();
    for (key, value) in members {
        push_member(&mut body, key, value);
    }
    body
}

/// Whether two bodies are the same record: deeply equal but for local fields.
pub fn same_content(a: &str, b: &str, local_fields: &[String]) -> bool {
    a == b || equality::equal(&shared_object(a, local_fields), &shared_object(b, local_fields))
}

/// Whether the server, having been sent `sent`, would show `shown`.
pub fn same_on_server(sent: &str, shown: &str, local_fields: &[String]) -> bool {
    if is_digest(sent) {
        return *sent == *digest(shown);
    }
    sent == shown || equality::nearly_equal(&shared_object(sent, local_fields), &shared_object(shown, local_fields))
}

fn shared_object(body: &str, local_fields: &[String]) -> String {
    format!("{{{}}}", split_local(body, local_fields).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart_and_put_together() {
        let parsed = read_record(r#"{"id":"a","title":"\ud800","last_modified":12,"n":1.50,"_status":"synced"}"#).unwrap();
        assert_eq!(parsed.body, r#""title":"\ud800","n":1.50"#);
        let row = Row::new(parsed.body.clone(), Status::Synced, parsed.last_modified);
        assert_eq!(
            row.to_json(parsed.id().unwrap()),
            r#"{"title":"\ud800","n":1.50,"id":"a","last_modified":12,"_status":"synced"}"#
        );
    }

    #[test]
    fn ids_have_one_form() {
        assert_eq!(RecordId::read(r#""\u0061""#).unwrap(), RecordId::from_text("a"));
        assert_eq!(RecordId::read("1.0").unwrap(), RecordId::read("1").unwrap());
        assert_ne!(RecordId::read("\"1\"").unwrap(), RecordId::read("1").unwrap());
        assert_eq!(RecordId::read("1e21").unwrap().as_json(), "1e+21");
        assert_eq!(RecordId::from_disk("9007199254740992.0"), RecordId::read("9007199254740992").ok());
        for (raw, kind) in [
            ("{}", "an object"),
            ("", "nothing"),
            ("null", "null"),
            ("[\"secret\"]", "an array"),
            ("1e400", "a number beyond those of JavaScript"),
        ] {
            let error = RecordId::read(raw).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid Id: {kind}"), "{raw}");
        }
    }

    #[test]
    fn a_timestamp_is_a_whole_number_of_milliseconds() {
        assert!(read_record(r#"{"last_modified":"yesterday"}"#).is_err());
        assert!(read_record(r#"{"last_modified":1.5}"#).is_err());
        assert_eq!(read_record(r#"{"last_modified":null}"#).unwrap().last_modified, None);
    }

    #[test]
    fn a_deletion_without_its_content_shows_nothing_and_knows_the_same_content_again() {
        let deleted = Row::new("\"n\":1.0,\"a\":\"x\"", Status::Deleted, Some(5));
        let bare = deleted.without_deleted_content().unwrap();
        assert_eq!(bare.to_json(&RecordId::from_text("a")), r#"{"id":"a","last_modified":5,"_status":"deleted"}"#);
        assert!(same_on_server(&bare.body, "\"a\":\"x\",\"n\":1", &[]) && !same_on_server(&bare.body, "\"a\":\"x\"", &[]));
        assert_eq!(merge_bodies(&bare.body, "\"b\":2"), "\"b\":2");
        assert_eq!(json::body_members(&bare.body).count(), 0);
        assert_eq!(split_local(&bare.body, &["a".into()]), (String::new(), String::new()));
        assert_eq!(bare.without_deleted_content(), None);
        let sent = Some(Sent::Body(deleted.body.clone()));
        for needed in [Row { sent, ..deleted.clone() }, Row::new("\"n\":1", Status::Updated, None)] {
            assert_eq!(needed.without_deleted_content(), None);
        }
    }

    #[test]
    fn merging_keeps_what_is_not_replaced() {
        assert_eq!(merge_bodies(r#""a":1,"b":2"#, r#""b":3,"c":4"#), r#""a":1,"b":3,"c":4"#);
        assert_eq!(split_local(r#""a":1,"b":2"#, &["b".into()]), (r#""a":1"#.into(), r#""b":2"#.into()));
        assert!(same_content(r#""a":1,"l":2"#, r#""l":3,"a":1.0"#, &["l".into()]));
    }
}
