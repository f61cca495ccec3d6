//! What Kinto.js kept of a collection, and what becomes of it here. Taken over once, in one commit with a marker.
//!
//! **Its timestamp is not where the next pull begins.** Kinto.js keeps the timestamp of the last page that it read: what was
//! written between two of its pages is behind that timestamp, and nobody would ever ask for it. So the first pull after the
//! adoption reads the whole list once, deletions too, and a record that is here on the same version is passed without a
//! word: nothing is downloaded again into the app's lists, uploaded, or in conflict. The timestamp serves as
//! [`witness`](super::cursor::Cursor::witness): a server that does not show the newest version known here was flushed.

use super::crypto::encoding::base64url;
use super::crypto::hash::sha256_of;
use super::cursor::Cursor;
use super::draft::Draft;
use super::json;
use super::operations::{ADOPTED, ADOPTED_CURSOR, LAST_MODIFIED, METADATA};
use super::record::{Parsed, RecordId, Row, Status, read_record, split_local};
use crate::error::Result;
use std::collections::BTreeSet;

/// What an earlier library keeps of one collection, as it is stored there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// A JSON array of its rows.
    pub rows: String,
    /// Rows of which JSON makes nothing.
    pub unreadable: Vec<Refused>,
    /// The collection's timestamp (ms), once it was in step with its server.
    pub last_modified: Option<u64>,
    /// The server's data on the collection, as JSON.
    pub metadata: Option<String>,
}

impl Earlier {
    pub fn is_empty(&self) -> bool {
        self.rows().next().is_none() && self.unreadable.is_empty() && self.last_modified.is_none() && self.metadata.is_none()
    }

    fn rows(&self) -> impl Iterator<Item = &str> {
        json::elements(&self.rows).into_iter().flatten()
    }

    /// What its server does not have, in the order in which it was stored.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = (RecordId, Row)> {
        let read = |text| read_row(text, self.last_modified).ok().flatten();
        self.rows().filter_map(read).filter(|(_, row)| row.is_dirty())
    }
}

/// A row that stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub id: String,
    pub message: String,
}

/// What was taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Records that live.
    pub records: usize,
    /// Records, and deletions, that the server does not have yet.
    pub unsynced: usize,
    pub refused: Vec<Refused>,
}

impl Adopted {
    /// `{"records", "unsynced", "refused": [{"id", "message"}]}`
    pub fn to_json(&self) -> String {
        let refused = |one: &Refused| format!("{{\"id\":{},\"message\":{}}}", json::quote(&one.id), json::quote(&one.message));
        let refused: Vec<String> = self.refused.iter().map(refused).collect();
        let (records, unsynced) = (self.records, self.unsynced);
        format!("{{\"records\":{records},\"unsynced\":{unsynced},\"refused\":[{}]}}", refused.join(","))
    }
}

/// Takes everything over into an empty collection. One bad row never stops the others.
pub fn adopt(draft: &mut Draft, earlier: &Earlier) -> Adopted {
    let mut adopted = Adopted {
        refused: earlier.unreadable.clone(),
        ..Adopted::default()
    };
    let mut marker = Marker::default();
    let mut cursor = Cursor {
        since: Some(0),
        ..Cursor::default()
    };
    for text in earlier.rows() {
        match read_row(text, earlier.last_modified) {
            Ok(None) => {}
            Ok(Some((id, row))) => {
                adopted.records += usize::from(row.is_live());
                if row.is_dirty() {
                    adopted.unsynced += 1;
                    marker.add(&id, &row);
                }
                if let Some(seen_at) = row.last_modified.filter(|at| Some(*at) <= earlier.last_modified) {
                    cursor.saw(&id, seen_at);
                }
                draft.put(&id, row);
            }
            Err(error) => adopted.refused.push(Refused {
                id: json::member(text, "id").unwrap_or_default().to_owned(),
                message: error.to_string(),
            }),
        }
    }
    draft.set_note(METADATA, earlier.metadata.clone());
    draft.set_note(LAST_MODIFIED, earlier.last_modified.map(|ms| ms.to_string()));
    draft.set_note(ADOPTED_CURSOR, cursor.witness.is_some().then(|| cursor.to_json()));
    draft.set_note(ADOPTED, Some(marker.to_json()));
    adopted
}

/// What a row of Kinto.js is here, if it is anything. `known_upto` is the collection's timestamp there.
///
/// | `_status` | `last_modified` | becomes |
/// |---|---|---|
/// | `synced` | any | the same, but for a "record" that is only a tombstone of the server's |
/// | `updated` | given | the same |
/// | `updated` | none | `created`: no version of it is on the server |
/// | `created` | any | `created`, on no version |
/// | `deleted` | given | the same |
/// | `deleted` | none | nothing: it never was on the server |
/// | none, which a transaction of the app's may write | given, none | `updated`, `created`: Kinto.js never sent it |
///
/// A tombstone without `last_modified` might be that of a record whose creation was sent and whose answer was lost. Kinto.js
/// keeps these for ever, so most are old, and what has the same id on the server by now may be somebody else's: it comes back.
fn read_row(text: &str, known_upto: Option<u64>) -> Result<Option<(RecordId, Row)>> {
    let parsed = read_as_kinto_js_does(text)?;
    let body = split_local(&parsed.body, &["_cid".to_owned()]).0;
    if parsed.deleted && (parsed.status == Some(Status::Synced) || json::body_members(&body).count() == 1) {
        return Ok(None);
    }
    let id = parsed.id()?.clone();
    let status = match (parsed.status, parsed.last_modified) {
        (Some(Status::Deleted), None) => return Ok(None),
        (Some(Status::Created), _) | (Some(Status::Updated) | None, None) => Status::Created,
        (None, Some(_)) => Status::Updated,
        (Some(status), _) => status,
    };
    let version = parsed.last_modified.filter(|_| status != Status::Created);
    let mut row = Row::new(body, status, version);
    // Kinto.js met every deletion up to its timestamp, and the record was kept or made in spite of it: it is listed once more.
    row.gone_at = known_upto.filter(|_| status == Status::Created);
    Ok(Some((id, row)))
}

/// A timestamp that is none (a text, a fraction) is not worth a record.
fn read_as_kinto_js_does(text: &str) -> Result<Parsed> {
    read_record(text).or_else(|error| {
        let is_usable = |(key, _): &(&str, &str)| !json::is_key(key, "last_modified");
        let members = json::members(text).ok_or(error)?.filter(is_usable);
        let members: Vec<String> = members.map(|(key, value)| format!("{key}:{value}")).collect();
        read_record(&format!("{{{}}}", members.join(",")))
    })
}

/// Which unsynced rows were taken over or settled, as digests: what is not among them is new since. Kept as a note.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marker(BTreeSet<String>);

impl Marker {
    pub fn read(note: Option<&str>) -> Self {
        let digests = note.and_then(|note| json::member(note, "unsynced")).and_then(json::elements);
        let text = |raw: &str| json::string(raw).map(|text| text.into_owned());
        Marker(digests.into_iter().flatten().filter_map(text).collect())
    }

    pub fn to_json(&self) -> String {
        let digests: Vec<String> = self.0.iter().map(|digest| format!("\"{digest}\"")).collect();
        format!("{{\"unsynced\":[{}]}}", digests.join(","))
    }

    pub fn add(&mut self, id: &RecordId, row: &Row) {
        self.0.insert(digest(id, row));
    }

    pub fn has(&self, id: &RecordId, row: &Row) -> bool {
        self.0.contains(&digest(id, row))
    }
}

/// Eight bytes tell ten thousand rows apart, and a marker has to be small. Lengths, since two parts are of free length.
fn digest(id: &RecordId, row: &Row) -> String {
    let version = format!("{} {:?} {}", row.status.name(), row.last_modified, id.as_json().len());
    let hash = sha256_of(&[version.as_bytes(), id.as_json().as_bytes(), row.body.as_bytes()]);
    base64url(&hash[..8])
}

#[cfg(test)]
#[path = "adoption/tests.rs"]
mod tests;
