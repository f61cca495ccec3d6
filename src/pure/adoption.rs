//! Migration from Kinto.js: makes rows, cursor and marker from its data. It happens once per collection, in one commit.
//!
//! **The first pull does not begin at Kinto.js's timestamp.** Kinto.js keeps the timestamp of the last page that it read. A record that was
//! written between two of its pages is older than that, and would never be pulled. So the first pull after the migration first compares all
//! versions (`engine/recognise`), and begins where the server's first differs from those here. A record that is here in the same version as on
//! the server is not downloaded, uploaded, or in conflict. The newest version up to that timestamp serves as the
//! [`witness`](super::cursor::Cursor::witness): a server that does not show the newest version known here was flushed.

mod marker;

use super::cursor::Cursor;
use super::draft::Draft;
use super::json;
use super::operations::{ADOPTED, ADOPTED_CURSOR, LAST_MODIFIED, METADATA};
use super::record::{Parsed, RecordId, Row, Status, is_bare_deletion, read_record, split_local};
use crate::error::Result;
pub(super) use marker::Marker;

/// The data of one collection as Kinto.js stored it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The rows, as a JSON array.
    pub rows: String,
    /// Rows that cannot be written as JSON.
    pub unreadable: Vec<Refused>,
    /// The collection's timestamp (ms), if it was ever synced.
    pub last_modified: Option<u64>,
    /// The metadata of the collection from the server, as JSON.
    pub metadata: Option<String>,
}

impl Earlier {
    pub fn is_empty(&self) -> bool {
        self.rows().next().is_none() && self.unreadable.is_empty() && self.last_modified.is_none() && self.metadata.is_none()
    }

    fn rows(&self) -> impl Iterator<Item = &str> {
        json::elements(&self.rows).into_iter().flatten()
    }

    /// The rows that the server does not have, in the order in which they were stored.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = (RecordId, Row)> {
        let read = |text| read_row(text, self.last_modified).ok().flatten();
        self.rows().filter_map(read).filter(|(_, row)| row.is_dirty())
    }
}

/// A row that could not be migrated. It stays in the old database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub id: String,
    pub message: String,
}

/// The result of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// The number of live records.
    pub records: usize,
    /// The number of records and deletions that the server does not have yet.
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

/// Migrates everything into an empty collection. A bad row does not prevent the others from being migrated.
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
                    marker.add(&id, &row);
                }
                if is_of_nothing(&row) {
                    continue;
                }
                adopted.unsynced += usize::from(row.is_dirty());
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
    draft.set_note(ADOPTED_CURSOR, earlier.last_modified.map(|_| cursor.to_json()));
    draft.set_note(ADOPTED, Some(marker.to_json()));
    adopted
}

/// Whether this is the deletion of a record that never was on the server. It only matters to a tab in which the record was migrated before.
pub(super) fn is_of_nothing(row: &Row) -> bool {
    row.status == Status::Deleted && row.last_modified.is_none()
}

/// Reads a row of Kinto.js. `None` if it becomes nothing. `known_upto` is the collection's timestamp in Kinto.js.
///
/// | `_status` | `last_modified` | becomes |
/// |---|---|---|
/// | `synced` | any | the same; nothing if it is a tombstone of the server, which Kinto.js kept as a record |
/// | `updated` | given | the same |
/// | `updated` | none | `created`: no version of it is on the server |
/// | `created` | any | `created`, without a version |
/// | `deleted` | given | the same |
/// | `deleted` | none | the same, but it is not stored ([`is_of_nothing`]) |
/// | none (a transaction of the app can write that) | given, none | `updated`, `created`: Kinto.js never sent it |
///
/// A deletion without `last_modified` might be that of a record whose creation was sent and whose answer was lost. Kinto.js keeps such rows for
/// ever, so most are old, and a record that has the id on the server by now may be somebody else's. So this deletion is not sent, and that
/// record is pulled.
fn read_row(text: &str, known_upto: Option<u64>) -> Result<Option<(RecordId, Row)>> {
    let parsed = read_as_kinto_js_does(text)?;
    let body = split_local(&parsed.body, &["_cid".to_owned()]).0;
    if parsed.deleted && (parsed.status == Some(Status::Synced) || is_bare_deletion(&body)) {
        return Ok(None);
    }
    let id = parsed.id()?.clone();
    let status = match (parsed.status, parsed.last_modified) {
        (Some(Status::Created), _) | (Some(Status::Updated) | None, None) => Status::Created,
        (None, Some(_)) => Status::Updated,
        (Some(status), _) => status,
    };
    let version = parsed.last_modified.filter(|_| status != Status::Created);
    let mut row = Row::new(body, status, version);
    // Kinto.js has seen every deletion up to its timestamp, and the record was kept or created in spite of it. That deletion is listed once
    // more.
    row.gone_at = known_upto.filter(|_| status == Status::Created);
    Ok(Some((id, row)))
}

/// Reads a record, and ignores a `last_modified` that is no timestamp (a text, a fraction): the record itself is worth more.
fn read_as_kinto_js_does(text: &str) -> Result<Parsed> {
    read_record(text).or_else(|error| {
        let is_usable = |(key, _): &(&str, &str)| !json::is_key(key, "last_modified");
        let members = json::members(text).ok_or(error)?.filter(is_usable);
        let members: Vec<String> = members.map(|(key, value)| format!("{key}:{value}")).collect();
        read_record(&format!("{{{}}}", members.join(",")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::merge::{self, Fate, Strategy};
    use crate::pure::state::State;
    use std::cell::RefCell;
    use std::rc::Rc;

    const KNOWN_UPTO: u64 = 50;

    fn adopted(rows: &str) -> (State, Adopted) {
        let earlier = Earlier {
            rows: format!("[{rows}]"),
            last_modified: Some(KNOWN_UPTO),
            metadata: Some("{\"id\":\"tasks\"}".into()),
            ..Earlier::default()
        };
        let mut draft = Draft::new(Rc::new(RefCell::new(State::default())));
        let adopted = adopt(&mut draft, &earlier);
        let mut state = State::default();
        draft.into_changes().into_iter().for_each(|change| state.apply(change));
        (state, adopted)
    }

    #[test]
    fn each_status_becomes_what_the_server_has_to_be_told() {
        use Status::*;
        for (members, expected) in [
            (r#""_status":"synced","last_modified":7"#, Some((Synced, Some(7)))),
            (r#""_status":"synced""#, Some((Synced, None))),
            (r#""_status":"updated","last_modified":7"#, Some((Updated, Some(7)))),
            (r#""_status":"updated","last_modified":null"#, Some((Created, None))),
            (r#""_status":"created""#, Some((Created, None))),
            (r#""_status":"created","last_modified":7"#, Some((Created, None))),
            (r#""_status":"deleted","last_modified":7"#, Some((Deleted, Some(7)))),
            (r#""_status":"deleted""#, None),
            (r#""last_modified":7"#, Some((Updated, Some(7)))),
            (r#""_status":"odd""#, Some((Created, None))),
            // A tombstone of the server that Kinto.js keeps as a record.
            (r#""_status":"synced","last_modified":7,"deleted":true"#, None),
            // A field of the app that is called `deleted`.
            (r#""_status":"updated","last_modified":7,"deleted":true"#, Some((Updated, Some(7)))),
            (r#""_status":"synced","last_modified":"yesterday""#, Some((Synced, None))),
            (r#""_status":"updated","last_modified":7.5"#, Some((Created, None))),
        ] {
            let (state, adopted) = adopted(&format!(r#"{{"id":"a","n":1,{members},"_cid":"default/tasks"}}"#));
            let row = state.rows.get(&RecordId::from_text("a"));
            assert_eq!(row.map(|row| (row.status, row.last_modified)), expected, "{members}");
            assert!(row.is_none_or(|row| !row.body.contains("_cid")), "{members}");
            assert_eq!(adopted.refused, []);
        }
        assert!(adopted(r#"{"id":"a","_status":"updated","deleted":true,"last_modified":7}"#).0.rows.is_empty());
    }

    #[test]
    fn ids_are_any_scalar_and_a_row_without_one_stops_nobody() {
        let (state, adopted) = adopted(r#"{"id":12,"_status":"created"},{"id":{},"_status":"created"},{"id":null},{"id":"12","_status":"synced"}"#);
        let ids: Vec<_> = state.rows.keys().map(RecordId::as_json).collect();
        assert_eq!(ids, ["\"12\"", "12"]);
        assert_eq!((adopted.records, adopted.unsynced, adopted.refused.len()), (2, 1, 2));
        assert_eq!(adopted.refused[0].id, "{}");
    }

    #[test]
    fn metadata_and_timestamp_come_along_and_the_newest_version_is_the_witness() {
        let rows = r#"{"id":"a","_status":"synced","last_modified":7},{"id":"b","_status":"deleted","last_modified":49},{"id":"c","_status":"created","last_modified":48},{"id":"d","_status":"synced","last_modified":51}"#;
        let (state, _) = adopted(rows);
        assert_eq!(state.notes[METADATA], "{\"id\":\"tasks\"}");
        assert_eq!(state.notes[LAST_MODIFIED], "50");
        let cursor = Cursor::read(&state.notes[ADOPTED_CURSOR]);
        // A version newer than the timestamp does not count: it may come from a dump.
        assert_eq!(cursor.witness, Some((RecordId::from_text("b"), 49)));
        assert_eq!(cursor.ask_since(), Some(0));
    }

    #[test]
    fn without_a_timestamp_there_is_nothing_to_miss_at_the_server() {
        let mut draft = Draft::new(Rc::new(RefCell::new(State::default())));
        let earlier = Earlier {
            rows: r#"[{"id":"a","_status":"synced","last_modified":7}]"#.into(),
            ..Earlier::default()
        };
        adopt(&mut draft, &earlier);
        assert_eq!((draft.note(ADOPTED_CURSOR), draft.note(LAST_MODIFIED)), (None, None));
        assert!(draft.note(ADOPTED).is_some());
    }

    /// The first pull lists all versions; a record that is here in the same version gives no entry and no change.
    #[test]
    fn the_first_pull_finds_nothing_to_say_of_what_kinto_js_knew() {
        let (state, _) = adopted(concat!(
            r#"{"id":"s","n":1,"_status":"synced","last_modified":7},{"id":"u","n":2,"_status":"updated","last_modified":8},"#,
            r#"{"id":"d","n":3,"_status":"deleted","last_modified":9},{"id":"again","n":4,"_status":"updated"}"#
        ));
        for shown in [
            r#"{"id":"s","n":1,"last_modified":7}"#,
            r#"{"id":"u","n":1,"last_modified":8}"#,
            r#"{"id":"d","n":1,"last_modified":9}"#,
            r#"{"id":"again","deleted":true,"last_modified":10}"#,
        ] {
            let remote = crate::pure::answers::read_remote(shown).unwrap();
            let outcome = merge::meet(state.rows.get(&remote.id), &remote, Strategy::Manual, &[]);
            assert_eq!((outcome.fate, outcome.entry, outcome.open), (Fate::Keep, None, false), "{shown}");
        }
    }

    #[test]
    fn what_was_adopted_is_no_leftover_and_every_later_change_is() {
        let row = r#"{"id":"a","n":1,"_status":"updated","last_modified":7}"#;
        let (state, _) = adopted(row);
        let left = |row: &str| {
            let earlier = Earlier {
                rows: format!("[{row}]"),
                last_modified: Some(KNOWN_UPTO),
                ..Earlier::default()
            };
            crate::pure::leftover::find(&state, &earlier).len()
        };
        assert_eq!(left(row), 0);
        assert_eq!(left(r#"{"id":"a","n":2,"_status":"updated","last_modified":7}"#), 1);
        assert_eq!(left(r#"{"id":"a","n":1,"_status":"deleted","last_modified":7}"#), 1);
        assert_eq!(left(r#"{"id":"b","_status":"created"}"#), 1);
        assert_eq!(left(r#"{"id":"b","_status":"synced","last_modified":9}"#), 0);
    }
}
