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
        // Ghosts: a deletion of the server's that Kinto.js keeps as a record.
        (r#""_status":"synced","last_modified":7,"deleted":true"#, None),
        // A field of the app's that has the same name.
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
    // Nothing vouches for a version past the timestamp: it may come from a dump.
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

/// The whole list comes once more: what is here on the same version is passed without a word.
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

#[test]
fn a_marker_survives_being_written() {
    let mut marker = Marker::default();
    marker.add(&RecordId::from_text("a"), &Row::new("\"n\":1", Status::Created, None));
    assert_eq!(Marker::read(Some(&marker.to_json())), marker);
    assert_eq!(Marker::read(None), Marker::default());
}
