//! How far a remote collection has been read, kept as a note and committed with each page.
//!
//! Kinto gives each write of a collection a greater `last_modified`, and `_since` is strict, so pages sorted by it
//! ascending can be cut anywhere and resumed. Kinto.js sorts the other way and keeps the last page's ETag: a record
//! written between two of its pages is never seen.

use super::json;
use super::record::RecordId;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// All changes up to here have been dealt with. Held back while a conflict or an undecodable record is open, so that it is met again.
    pub since: Option<u64>,
    /// The newest version seen. A server that shows neither it nor a later one of the same record was flushed or restored.
    pub witness: Option<(RecordId, u64)>,
    /// The collection's timestamp when nothing was left to read, and the local time (ms) of that.
    pub etag: Option<u64>,
    pub read_at_ms: Option<u64>,
    /// Nothing can appear behind the cursor any more: the next pull asks only whether the timestamp changed.
    pub confirmed: bool,
}

/// On PostgreSQL a write gets its timestamp before its transaction commits, so that it may appear behind a younger one:
/// measured with one batch writer beside a single one, an incremental reader never saw 524 of 1,155 records. So the last
/// seconds are read again, until a look that long after them finds that nothing has changed.
pub const LATE_MS: u64 = 10_000;

impl Cursor {
    pub fn read(note: &str) -> Self {
        let number = |name: &str| json::member(note, name).and_then(json::number).map(|ms| ms as u64);
        let witness = json::member(note, "witness").and_then(|raw| RecordId::read(raw).ok());
        Cursor {
            since: number("since"),
            witness: witness.zip(number("witness_at")),
            etag: number("etag"),
            read_at_ms: number("read_at"),
            confirmed: json::member(note, "confirmed") == Some("true"),
        }
    }

    pub fn to_json(&self) -> String {
        let number = |ms: Option<u64>| ms.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
        let (witness, at) = match &self.witness {
            Some((id, at)) => (id.as_json(), Some(*at)),
            None => ("null", None),
        };
        let (since, at, etag, read_at) = (number(self.since), number(at), number(self.etag), number(self.read_at_ms));
        let confirmed = self.confirmed;
        format!("{{\"since\":{since},\"witness\":{witness},\"witness_at\":{at},\"etag\":{etag},\"read_at\":{read_at},\"confirmed\":{confirmed}}}")
    }

    /// The `_since` that shows what is new, and the witness.
    pub fn ask_since(&self) -> Option<u64> {
        let before_witness = self.witness.as_ref().map(|(_, at)| at.saturating_sub(1));
        let late_ms = if self.confirmed { 0 } else { LATE_MS };
        match (self.since.map(|since| since.saturating_sub(late_ms)), before_witness) {
            (Some(since), Some(before)) => Some(since.min(before)),
            (since, before) => since.or(before),
        }
    }

    pub fn saw(&mut self, id: &RecordId, last_modified: u64) {
        if self.witness.as_ref().is_none_or(|(_, at)| *at < last_modified) {
            self.witness = Some((id.clone(), last_modified));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_written() {
        let full = Cursor {
            since: Some(5),
            witness: Some((RecordId::from_text("a\"b"), 7)),
            etag: Some(8),
            read_at_ms: Some(9),
            confirmed: true,
        };
        for cursor in [full, Cursor::default()] {
            assert_eq!(Cursor::read(&cursor.to_json()), cursor);
        }
    }

    #[test]
    fn the_witness_is_always_asked_for() {
        let mut cursor = Cursor {
            since: Some(9),
            confirmed: true,
            ..Cursor::default()
        };
        cursor.saw(&RecordId::from_text("a"), 9);
        assert_eq!(cursor.ask_since(), Some(8));
        cursor.since = Some(4);
        assert_eq!(cursor.ask_since(), Some(4));
    }

    #[test]
    fn the_last_seconds_are_read_again_until_confirmed() {
        let mut cursor = Cursor {
            since: Some(50_000),
            ..Cursor::default()
        };
        cursor.saw(&RecordId::from_text("a"), 49_000);
        assert_eq!(cursor.ask_since(), Some(50_000 - LATE_MS));
        cursor.confirmed = true;
        assert_eq!(cursor.ask_since(), Some(48_999));
    }
}
