//! Targets that read the queries of apps, and the records that are queried.

use super::*;
use essaim::pure::json;
use essaim::pure::query::Query;
use essaim::pure::record::{RecordId, Row, Status, read_record};
use essaim::pure::state::{Change, State};

fn state(rows: &str) -> State {
    let mut state = State::default();
    for parsed in json::elements(rows).into_iter().flatten().filter_map(|row| read_record(row).ok()) {
        if let Some(id) = parsed.id {
            state.apply(Change::Put(
                id,
                Row::new(parsed.body, parsed.status.unwrap_or(Status::Synced), parsed.last_modified),
            ));
        }
    }
    state
}

fn answer(query: &Query, state: &State) {
    let text = query.run(state);
    assert!(json::validate(&text).is_ok(), "{text}");
    let rows: Vec<(RecordId, Row)> = state.rows.iter().map(|(id, row)| (id.clone(), row.clone())).collect();
    assert_eq!(query.ids(&rows).len(), json::elements(&text).map_or(0, Iterator::count));
}

/// The query itself.
pub fn filters() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            if let Ok(query) = Query::read(text) {
                answer(&query, &state(&list(&[RECORD, r#"{"id":"b","title":"y","deep":{"a":"é\ud800"}}"#])));
            }
        });
    }
    let mut target = Target::json(
        "filters",
        read,
        [
            r#"{"filters":{"title":["x","y"],"deep.b.0":1,"deep":{"a":{"length":2}}},"order":"-title","includeDeleted":true}"#,
            "{}",
        ],
    );
    target.is_flat = true;
    target
}

/// The records that a query searches.
pub fn listed() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let state = state(text);
            for query in [
                "{}",
                r#"{"order":"title","filters":{"deep.b.1.c":null}}"#,
                r#"{"order":"deep","includeDeleted":true,"filters":{"title":["x","y","z"]}}"#,
                r#"{"order":"-n","filters":{"title.length":[1,2,3],"\ud800":1}}"#,
            ] {
                answer(&Query::read(query).expect("a query"), &state);
            }
        });
    }
    Target::json("listed", read, [list(&[RECORD, TOMBSTONE, r#"{"id":"a3","title":"x"}"#])])
}
