//! Records, their ids and statuses.
//!
//! A record is kept as the text of its own members. The members that the library adds (`id`, `last_modified`, `_status`) are kept beside it.

use super::crypto::encoding;
use super::crypto::hash::sha256;
use super::equality;
use super::json;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

/// The id of a record, as the JSON text that `JSON.stringify` writes: `"abc"`, or `12` or `true` if the app's schema has such ids.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Rc<str>);

impl RecordId {
    /// Reads the JSON text of a string, a finite number or a boolean. All spellings of one value give the same id.
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

    /// Reads a stored text of [`RecordId::as_json`]. It may come from an earlier version, which wrote some numbers differently. `None` if the
    /// text is not JSON: that version wrote `inf` for an id `1e400` of a server.
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

    /// Whether a record on a server can have this id: a string, and none that leads a URL elsewhere (the empty string, `.`, `..`).
    pub fn is_addressable(&self) -> bool {
        self.is_text() && ![r#""""#, r#"".""#, r#""..""#].contains(&self.as_json())
    }

    /// The id as canonical JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The id as `String(id)` in JavaScript, for messages and URLs.
    pub fn display(&self) -> String {
        json::units(&self.0).map_or_else(|| self.0.to_string(), |units| String::from_utf16_lossy(&units))
    }
}

impl std::fmt::Debug for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a record relative to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Exists only here; the server has never acknowledged it.
    Created,
    /// The server has it; it was changed here since.
    Updated,
    /// Deleted here; kept until the server knows of the deletion.
    Deleted,
    /// Equal to the server's record of version `last_modified`.
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

/// Content from this device that the server has or may have: content that was sent and whose answer was lost, or the content that a local
/// change was made on. If a listing shows this content, in whatever version, it shows nothing that the local change does not know already.
/// Without this, a device would report its own earlier edit as a conflict, and would take what was uploaded again to a flushed server for a
/// change of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Body(Body),
    Deletion,
}

/// The version of a record in the journal of an encrypted collection on which a local change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The position of the page with the record's last change: its version. 0 if the server has lost the record (see `sealed::repair`).
    pub position: u64,
    /// The time of that page (ms).
    pub t: u64,
    /// The members as that page has them, byte for byte: encoded by the app's transformers, without local fields.
    pub text: Body,
}

/// A record as this device keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub body: Body,
    pub status: Status,
    /// The record's version in milliseconds, from the server (or supplied by the caller).
    pub last_modified: Option<u64>,
    pub sent: Option<Sent>,
    /// The version (ms) of the server's tombstone, if the record was kept or created again in spite of that deletion. Listings may show the
    /// tombstone again.
    pub gone_at: Option<u64>,
    /// The version in the server's journal. Only in encrypted collections.
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

    /// This row, based on the given version of an encrypted collection's journal.
    pub fn on(self, base: Option<Base>) -> Self {
        Row { base, ..self }
    }

    pub fn is_live(&self) -> bool {
        self.status != Status::Deleted
    }

    pub fn is_dirty(&self) -> bool {
        self.status != Status::Synced
    }

    /// Whether this is a deletion that the server no longer knows and another device may not know yet. It has to be uploaded as a tombstone.
    pub fn is_lost_deletion(&self) -> bool {
        !self.is_live() && self.last_modified.is_none() && self.sent == Some(Sent::Deletion)
    }

    /// The content that a change of this row is made on, as [`Sent`]. In an encrypted collection `base` has it instead.
    pub fn sent_before_change(&self) -> Option<Sent> {
        match self.status {
            Status::Synced if self.base.is_none() => Some(Sent::Body(self.body.clone())),
            _ => self.sent.clone(),
        }
    }

    /// Whether the record was created here and never sent: no version or deletion on the server is of this record.
    pub fn is_new_here(&self) -> bool {
        self.status == Status::Created && self.sent.is_none()
    }

    /// This row with the deleted content replaced by a digest. `None` if there is no content, or if the engine still needs it: to recognise a
    /// push whose answer was lost, or (in an encrypted collection) because the server's journal has the record.
    pub fn without_deleted_content(&self) -> Option<Row> {
        let is_needed = self.is_live() || matches!(self.sent, Some(Sent::Body(_))) || self.base.is_some();
        (!is_needed && !self.body.is_empty() && !is_digest(&self.body)).then(|| Row {
            body: digest(&self.body),
            ..self.clone()
        })
    }

    /// Appends the record as JSON, in the form that JavaScript sees.
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

/// A record from outside (an app or a server), split into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub id: Option<RecordId>,
    pub last_modified: Option<u64>,
    pub status: Option<Status>,
    /// Whether it has a member `deleted: true`: see [`Parsed::is_tombstone`].
    pub deleted: bool,
    pub body: String,
}

impl Parsed {
    /// Whether this is a deletion as a server lists it: `deleted: true` and no other member, except the reserved ones. With another member it
    /// is a record of an app that has a field of that name.
    pub fn is_tombstone(&self) -> bool {
        self.deleted && is_bare_deletion(&self.body)
    }

    pub fn id(&self) -> Result<&RecordId> {
        self.id.as_ref().ok_or_else(|| Error::InvalidId {
            message: "Cannot use a record missing id.".into(),
        })
    }
}

/// Whether this is one of the members that every record has and that are kept outside its body.
pub fn is_reserved(key: &str) -> bool {
    ["id", "last_modified", "_status"].iter().any(|name| json::is_key(key, name))
}

/// The members of a body without the reserved ones.
pub fn own_members(body: &str) -> Cow<'_, str> {
    match json::body_members(body).any(|(key, _)| is_reserved(key)) {
        false => body.into(),
        true => join(json::body_members(body).filter(|(key, _)| !is_reserved(key)).collect()).into(),
    }
}

/// Whether a body has only `deleted: true`. On a server such a record cannot be told from a deletion.
pub fn is_bare_deletion(body: &str) -> bool {
    let mut members = json::body_members(body).peekable();
    members.peek().is_some() && members.all(|(key, value)| value == "true" && json::is_key(key, "deleted"))
}

/// The error for a record that [`is_bare_deletion`].
pub fn is_no_record() -> Error {
    invalid(
        "A record whose only field is `deleted: true` cannot be told from a deletion on the server. Give it another field, or delete it.",
        "deleted",
    )
}

/// Splits a record into its parts. The text has to be valid JSON.
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

/// Reads a version: an integer from 0 on that JavaScript can hold exactly. Any other number could count as newer, or as older, than all versions.
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

/// A digest that replaces the body of a deleted record. It only tells whether the server has the same content. It begins with NUL, which no
/// JSON body does.
fn digest(body: &str) -> Body {
    let content = equality::canonical(&format!("{{{body}}}"));
    format!("\0{}", encoding::base64url(&sha256(content.as_bytes()))).into()
}

fn is_digest(body: &str) -> bool {
    body.starts_with('\0')
}

/// The members of both bodies, as in JavaScript's `{...base, ...over}`.
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

/// Splits a body into (the members that are shared, the local fields, which never leave this device).
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

/// Whether two bodies are deeply equal, apart from local fields.
pub fn same_content(a: &str, b: &str, local_fields: &[String]) -> bool {
    a == b || equality::equal(&shared_object(a, local_fields), &shared_object(b, local_fields))
}

/// Whether the server would show `shown` if it had stored the body `sent`.
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
