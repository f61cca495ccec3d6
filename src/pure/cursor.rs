//! The cursor: how far a remote collection has been read. It is kept as a note and committed with each page.
//!
//! Kinto gives each write of a collection a greater `last_modified`, and `_since` excludes its own value. So a listing sorted by
//! `last_modified`, oldest first, can be interrupted anywhere and resumed. Kinto.js sorts the other way and keeps the last page's ETag, so it
//! never sees a record that is written between two of its pages.

use super::json;
use super::record::RecordId;

/// How far one remote has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// All changes up to this version have been dealt with. Held back while a conflict or an undecodable record is open, so that it is listed
    /// again.
    pub since: Option<u64>,
    /// The newest version seen, with its record. A server that shows neither this version nor a later one of the record was flushed or
    /// restored.
    pub witness: Option<(RecordId, u64)>,
    /// The collection's timestamp when nothing was left to read, and the local time (ms) of that reading.
    pub etag: Option<u64>,
    pub read_at_ms: Option<u64>,
    /// Nothing can appear behind the cursor any more. The next pull only asks whether the timestamp has changed.
    pub confirmed: bool,
    /// Where the next listing begins. It is before `since` as long as something may still appear late.
    pub again: Option<u64>,
    /// The last version that an interrupted listing showed. The next sync resumes there. Until then `etag`, `read_at_ms`, `confirmed` and
    /// `again` are what will hold when that listing has been read to its end.
    pub reached: Option<u64>,
    /// The versions listed are still being compared with records that were here before the first pull (see `engine::recognise`).
    pub comparing: bool,
    /// The identity of the collection that was read.
    pub made: Option<Made>,
}

/// The identity of a collection on a server, which tells it from a later one of the same name: the time when it was created or its metadata
/// last changed (ms), and who may write it (JSON), if the user may know that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    pub at: u64,
    pub owners: Option<String>,
}

/// The span (ms) before the beginning of a listing that is read again after its end. On PostgreSQL a write gets its timestamp before its
/// transaction commits, so it may appear behind a younger one: with one batch writer beside a single one, an incremental reader never saw 524
/// of 1,155 records. So this span is read again until a listing that begins at least this long after the previous one finds that nothing has
/// changed. It is not read again while a listing is in progress: a large number of writes within ten seconds would keep the listing at its
/// first page.
pub const LATE_MS: u64 = 10_000;

impl Cursor {
    pub fn read(note: &str) -> Self {
        // An earlier version accepted any number of a server as a version, also `1e400`. Such a number is ignored, since nothing could be
        // newer.
        let number = |name: &str| json::member(note, name).and_then(json::whole);
        let witness = json::member(note, "witness").and_then(|raw| RecordId::read(raw).ok());
        let (since, confirmed) = (number("since"), json::member(note, "confirmed") == Some("true"));
        let late_ms = if confirmed { 0 } else { LATE_MS };
        Cursor {
            since,
            witness: witness.zip(number("witness_at")),
            etag: number("etag"),
            read_at_ms: number("read_at"),
            confirmed,
            again: number("again").or(since.map(|since| since.saturating_sub(late_ms))),
            reached: number("reached"),
            comparing: json::member(note, "comparing") == Some("true"),
            made: number("made").map(|at| Made {
                at,
                owners: json::member(note, "owners").filter(|raw| *raw != "null").map(str::to_owned),
            }),
        }
    }

    pub fn to_json(&self) -> String {
        let number = |ms: Option<u64>| ms.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
        let (witness, at) = match &self.witness {
            Some((id, at)) => (id.as_json(), Some(*at)),
            None => ("null", None),
        };
        let (since, at, etag, read_at) = (number(self.since), number(at), number(self.etag), number(self.read_at_ms));
        let (confirmed, again, reached, comparing) = (self.confirmed, number(self.again), number(self.reached), self.comparing);
        let (made, owners) = match &self.made {
            Some(made) => (Some(made.at), made.owners.as_deref()),
            None => (None, None),
        };
        let (made, owners) = (number(made), owners.unwrap_or("null"));
        format!(
            "{{\"since\":{since},\"witness\":{witness},\"witness_at\":{at},\"etag\":{etag},\"read_at\":{read_at},\"confirmed\":{confirmed},\"again\":{again},\"reached\":{reached},\"comparing\":{comparing},\"made\":{made},\"owners\":{owners}}}"
        )
    }

    /// The `_since` of a request that shows what is new, and also the newest version seen.
    pub fn ask_since(&self) -> Option<u64> {
        let before_witness = self.witness.as_ref().map(|(_, at)| at.saturating_sub(1));
        let begin = self.reached.or_else(|| [self.since, self.again].into_iter().flatten().min());
        [begin, before_witness].into_iter().flatten().min()
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
            again: Some(4),
            reached: Some(3),
            comparing: true,
            made: Some(Made {
                at: 2,
                owners: Some("[\"me\"]".into()),
            }),
        };
        for cursor in [full, Cursor::default()] {
            assert_eq!(Cursor::read(&cursor.to_json()), cursor);
        }
    }

    #[test]
    fn what_an_earlier_version_took_for_a_version_is_none() {
        for (id, at) in [("inf", "9"), ("\"a\"", "18446744073709551615"), ("\"a\"", "9007199254740992")] {
            let note = format!("{{\"since\":{at},\"witness\":{id},\"witness_at\":{at},\"etag\":null,\"read_at\":8,\"confirmed\":true}}");
            let cursor = Cursor::read(&note);
            assert_eq!(
                (cursor.witness, cursor.since, cursor.read_at_ms),
                (None, Some(9).filter(|_| at == "9"), Some(8)),
                "{note}"
            );
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
        let read = |confirmed| Cursor::read(&format!("{{\"since\":50000,\"witness\":\"a\",\"witness_at\":49000,\"confirmed\":{confirmed}}}"));
        assert_eq!(read(false).ask_since(), Some(50_000 - LATE_MS));
        assert_eq!(read(true).ask_since(), Some(48_999));
    }

    #[test]
    fn a_listing_that_was_cut_goes_on_where_it_was() {
        let mut cursor = Cursor {
            since: Some(9_000),
            again: Some(0),
            reached: Some(5_000),
            ..Cursor::default()
        };
        cursor.saw(&RecordId::from_text("a"), 9_000);
        assert_eq!(cursor.ask_since(), Some(5_000));
        cursor.reached = None;
        assert_eq!(cursor.ask_since(), Some(0));
    }
}
