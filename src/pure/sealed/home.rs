//! Chain state: what this device knows of its journal. Kept as notes, and committed with the records.
//!
//! * `journal`: the head, the latest snapshot, and the cursor for one server.
//! * `device`: the random name of this device in its pages.
//! * `page <position>`: the hash of a page since the snapshot before the latest one, and the data that `pages()` returns of it.
//! * `older`: short marks of the hashes of earlier pages (`sealed::older`).
//! * `deleted`: ids of records that were deleted lately (`sealed::deleted`).
//! * `pending <hash>`: a page that may have reached the server (`sealed::pending`).
//! * `held <id>`: a deferred change of a record (`sealed::held`).
//! * `told <id>`: changes that a repair found beside the chain, and the user has to decide (`sealed::told`).
//! * `refused`: ids of records that the journal does not have, but other devices may have.
//! * `group <n>`: ids of records that one `execute` wrote, to be published in one page.

use super::item;
use super::seal::Hash;
use super::snapshot::{History, read_history, write_history};
use crate::pure::json;

pub const JOURNAL: &str = "journal";
pub const DEVICE: &str = "device";
pub const PAGE: &str = "page ";
/// Short marks of the hashes of older pages (`sealed::older`).
pub const OLDER: &str = "older";
/// Ids of records that were deleted lately (`sealed::deleted`).
pub const DELETED: &str = "deleted";
pub const GROUP: &str = "group ";
pub const PENDING: &str = "pending ";
/// Ids of records that the journal does not have, and that other devices may have: they were in a page that the server refused, or in a history
/// that it has lost.
pub const REFUSED: &str = "refused";

/// The last page known, and its hash. The position is 0 if nothing is known of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub position: u64,
    pub hash: Hash,
}

/// The chain state of a journal, as the note `journal` keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Home {
    pub head: Head,
    /// The time in the head page (ms).
    pub t: u64,
    /// The position of the latest snapshot.
    pub snapshot: u64,
    /// The first position whose hash is in `covered` of the latest snapshot. `history` lists the segments with the hashes before it.
    pub covered_from: u64,
    pub history: Vec<History>,
    /// The bytes that were live at the latest snapshot, and those of the pages since. A new device downloads both.
    pub live_bytes: usize,
    pub page_bytes: usize,
    /// The destination of the journal, if its head closes it.
    pub closed: Option<String>,
    pub cursor: Cursor,
}

/// How far the journal has been read at one server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursor {
    pub url: String,
    /// The `last_modified` of the head's own row. Not the greatest one seen: PostgreSQL may show a row after a younger one, and a client can
    /// force any value.
    pub since: u64,
    /// The collection's timestamp when all was read, and the local time of that reading (ms).
    pub etag: Option<u64>,
    pub read_at_ms: u64,
    /// Nothing can appear behind that timestamp any more. For a while it is enough to ask whether the timestamp has changed.
    pub confirmed: bool,
}

/// How long (ms) a confirmed timestamp is relied on. If it was relied on for ever, a page that the server hid when the timestamp was confirmed
/// would stay hidden, even after the server has stopped lying: the timestamp stays the same.
const VOUCHED_MS: u64 = 3_600_000;

impl Cursor {
    /// Whether it is enough to ask if the timestamp has changed.
    pub fn is_vouched_for(&self, now_ms: u64) -> bool {
        self.confirmed && self.read_at_ms.abs_diff(now_ms) < VOUCHED_MS
    }
}

/// The members of a note, read in one pass: notes are read at every step of a sync.
struct Members<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Members<'a> {
    fn of(note: &'a str) -> Self {
        Members(json::members(note).into_iter().flatten().collect())
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rfind(|(key, _)| json::is_key(key, name)).map(|(_, value)| *value)
    }

    fn whole(&self, name: &str) -> Option<u64> {
        self.raw(name).and_then(json::number).map(|number| number as u64)
    }

    fn string(&self, name: &str) -> Option<String> {
        self.raw(name).and_then(json::string).map(|text| text.into_owned())
    }
}

impl Home {
    pub fn read(note: &str) -> Self {
        let members = Members::of(note);
        let whole = |name: &str| members.whole(name).unwrap_or(0);
        Home {
            head: Head {
                position: whole("position"),
                hash: members.string("hash").and_then(|hash| Hash::read(&hash)).unwrap_or_default(),
            },
            t: whole("t"),
            snapshot: whole("snapshot"),
            covered_from: whole("covered_from"),
            history: members.raw("history").and_then(read_history).unwrap_or_default(),
            live_bytes: whole("live_bytes") as usize,
            page_bytes: whole("page_bytes") as usize,
            closed: members.raw("closed").filter(|raw| *raw != "null").map(str::to_owned),
            cursor: Cursor {
                url: members.string("url").unwrap_or_default(),
                since: whole("since"),
                etag: members.whole("etag"),
                read_at_ms: whole("read_at"),
                confirmed: members.raw("confirmed") == Some("true"),
            },
        }
    }

    pub fn to_json(&self) -> String {
        let Home { head, cursor, .. } = self;
        format!(
            "{{\"position\":{},\"hash\":\"{}\",\"t\":{},\"snapshot\":{},\"covered_from\":{},\"history\":{},\"live_bytes\":{},\"page_bytes\":{},\"closed\":{},\
             \"url\":{},\"since\":{},\"etag\":{},\"read_at\":{},\"confirmed\":{}}}",
            head.position,
            head.hash.to_text(),
            self.t,
            self.snapshot,
            self.covered_from,
            write_history(&self.history),
            self.live_bytes,
            self.page_bytes,
            self.closed.as_deref().unwrap_or("null"),
            json::quote(&cursor.url),
            cursor.since,
            cursor.etag.map_or_else(|| "null".to_owned(), |etag| etag.to_string()),
            cursor.read_at_ms,
            cursor.confirmed
        )
    }
}

/// The data that is kept of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct PageNote {
    /// `None` for a void position, which was emptied before anybody could read it.
    pub hash: Option<Hash>,
    pub t: u64,
    pub device: String,
    pub kind: String,
    pub bytes: usize,
}

impl PageNote {
    pub fn void() -> Self {
        PageNote {
            hash: None,
            t: 0,
            device: String::new(),
            kind: "void".into(),
            bytes: 0,
        }
    }

    pub fn to_json(&self) -> String {
        format!(
            "{{\"hash\":{},\"t\":{},\"device\":{},\"kind\":\"{}\",\"bytes\":{}}}",
            self.hash.map_or_else(|| "null".to_owned(), |hash| format!("\"{}\"", hash.to_text())),
            self.t,
            json::quote(&self.device),
            self.kind,
            self.bytes
        )
    }

    pub fn read(note: &str) -> Self {
        let members = Members::of(note);
        PageNote {
            hash: members.string("hash").and_then(|hash| Hash::read(&hash)),
            t: members.whole("t").unwrap_or(0),
            device: members.string("device").unwrap_or_default(),
            kind: members.string("kind").unwrap_or_default(),
            bytes: members.whole("bytes").unwrap_or(0) as usize,
        }
    }
}

/// Whether resetting the sync status removes this note.
pub fn is_of_journal(note: &str) -> bool {
    [JOURNAL, OLDER, DELETED].contains(&note) || super::held::is_note(note) || [PAGE, PENDING, GROUP].iter().any(|prefix| note.starts_with(prefix))
}

pub fn page_note(position: u64) -> String {
    format!("{PAGE}{}", &item::page_id(position)[1..])
}

pub fn read_page_note(name: &str) -> Option<u64> {
    name.strip_prefix(PAGE)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_journal_survives_being_written() {
        let home = Home {
            head: Head {
                position: 9,
                hash: Hash([9; 32]),
            },
            t: 5,
            snapshot: 4,
            covered_from: 2,
            history: vec![History {
                id: "s-x".into(),
                hash: Hash([1; 32]),
                first: 1,
                last: 1,
            }],
            live_bytes: 7,
            page_bytes: 8,
            closed: Some("{\"remote\":\"x\"}".into()),
            cursor: Cursor {
                url: "u\"".into(),
                since: 3,
                etag: Some(4),
                read_at_ms: 6,
                confirmed: true,
            },
        };
        for home in [home, Home::default()] {
            assert_eq!(Home::read(&home.to_json()), home);
        }
        for note in [
            PageNote::void(),
            PageNote {
                hash: Some(Hash([3; 32])),
                t: 1,
                device: "d".into(),
                kind: "changes".into(),
                bytes: 10,
            },
        ] {
            assert_eq!(PageNote::read(&note.to_json()), note);
        }
        assert_eq!(read_page_note(&page_note(42)), Some(42));
    }
}
