//! Targets that read Kinto.js data and dumps.

use super::merging::draft;
use super::*;
use essaim::pure::adoption::{Earlier, Refused, adopt};
use essaim::pure::json;
use essaim::pure::leftover::{self, Prefer};
use essaim::pure::operations::{ADOPTED, import_bulk};
use essaim::pure::record::read_record;
use essaim::pure::state::{Change, State};

const ROWS: [&str; 5] = [
    r#"{"id":"a1","n":1,"_status":"synced","last_modified":1767225600000,"_cid":"default/tasks"}"#,
    r#"{"id":"a2","_status":"updated","last_modified":7,"deep":{"x":[1]}}"#,
    r#"{"id":"a3","_status":"deleted","last_modified":8}"#,
    r#"{"id":"a4","_status":"created"}"#,
    r#"{"id":"a5","_status":"synced","deleted":true,"last_modified":9.5}"#,
];

fn earlier(rows: &str) -> Earlier {
    Earlier {
        rows: rows.to_owned(),
        unreadable: vec![Refused {
            id: "x".into(),
            message: "no JSON".into(),
        }],
        last_modified: Some(50),
        metadata: Some("{}".into()),
    }
}

fn taken(rows: &str) -> State {
    let mut draft = draft(&[]);
    let adopted = adopt(&mut draft, &earlier(rows));
    assert!(json::validate(&adopted.to_json()).is_ok(), "{}", adopted.to_json());
    let mut state = State::default();
    draft.into_changes().into_iter().for_each(|change| state.apply(change));
    state
}

pub fn kinto_js() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let state = taken(text);
            assert!(leftover::find(&state, &earlier(text)).len() <= json::elements(text).map_or(0, Iterator::count));
        });
    }
    let mut target = Target::json("kinto_js", read, [list(&ROWS)]);
    // Each rejected row is reported with its reason.
    target.memory = (250, 1 << 18);
    target
}

pub fn leftovers() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            for prefer in [None, Some(Prefer::Here), Some(Prefer::Leftover)] {
                let mut draft = draft(&[(ADOPTED, "{\"unsynced\":[\"1\",\"ff\"]}")]);
                let here = ROWS
                    .iter()
                    .filter_map(|row| read_record(row).ok())
                    .filter(|record| record.last_modified.is_some());
                import_bulk(&mut draft, &here.collect::<Vec<_>>()).expect("records");
                let settled = leftover::adopt(&mut draft, &earlier(text), prefer);
                assert!(json::validate(&settled.to_json()).is_ok(), "{}", settled.to_json());
            }
        });
    }
    let mut target = Target::json("leftovers", read, [list(&ROWS)]);
    target.memory = (250, 1 << 18);
    target
}

/// The note, on disk, of which rows were migrated.
pub fn migration_note() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let mut state = State::default();
            state.apply(Change::Note(ADOPTED.into(), Some(text.to_owned())));
            let _ = leftover::find(&state, &earlier(&list(&ROWS)));
        });
    }
    Target::json("migration_note", read, [r#"{"unsynced":["00000000000000a1","ff","0"]}"#])
}

/// The input of `loadDump()` and `importBulk()`.
pub fn dump() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let records: Vec<_> = json::elements(text)
                .into_iter()
                .flatten()
                .filter_map(|record| read_record(record).ok())
                .collect();
            let mut draft = draft(&[]);
            for _ in 0..2 {
                let _ = import_bulk(&mut draft, &records);
            }
            assert!(draft.rows().len() <= records.len());
        });
    }
    Target::json("dump", read, [list(&[RECORD, r#"{"id":"a9","last_modified":5}"#])])
}
