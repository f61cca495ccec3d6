//! Properties of the modules in `pure`, on generated JSON.
#![cfg(not(target_arch = "wasm32"))]

use essaim::pure::journal::{Entry, Position, follow, read_entry};
use essaim::pure::record::{Base, RecordId};
use essaim::pure::record::{Row, Status, merge_bodies, read_record};
use essaim::pure::sealed::change::Change as PageChange;
use essaim::pure::sealed::held::Held;
use essaim::pure::sealed::home::{Home, PageNote};
use essaim::pure::sealed::page::{Kind, Page};
use essaim::pure::sealed::seal::Hash;
use essaim::pure::sealed::snapshot::{Ledger, Snapshot, read_segment_into, segments};
use essaim::pure::sealed::{change, item, page as sealed_page};
use essaim::pure::state::{Change, State};
use essaim::pure::{equality, fold, json, page};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Any JSON that both serde_json and JavaScript can represent.
fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |number| number.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-f\"\\\\é]{0,3}", any_json(), 0..6).prop_map(|map| map.into_iter().collect())
}

/// Converts numbers to doubles, as JavaScript compares them.
fn as_javascript(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap() + 0.0),
        Value::Array(items) => items.iter().map(as_javascript).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), as_javascript(value))).collect(),
        other => other.clone(),
    }
}

fn body_of(map: &Map<String, Value>) -> String {
    let text = Value::Object(map.clone()).to_string();
    text[1..text.len() - 1].to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_text_means_the_same_and_is_its_own_canonical_text(value in any_json()) {
        let canonical = equality::canonical(&value.to_string());
        prop_assert_eq!(as_javascript(&serde_json::from_str(&canonical).unwrap()), as_javascript(&value));
        prop_assert_eq!(equality::canonical(&canonical), canonical);
    }

    #[test]
    fn texts_are_equal_exactly_when_javascript_says_so(a in any_json(), b in any_json()) {
        prop_assert_eq!(equality::equal(&a.to_string(), &b.to_string()), as_javascript(&a) == as_javascript(&b));
        prop_assert!(equality::equal(&serde_json::to_string_pretty(&a).unwrap(), &a.to_string()));
    }

    #[test]
    fn members_and_elements_lose_nothing(map in any_object(), items in prop::collection::vec(any_json(), 0..6)) {
        let text = serde_json::to_string_pretty(&map).unwrap();
        let read: Map<String, Value> = json::members(&text).unwrap().map(|(key, value)| (serde_json::from_str(key).unwrap(), serde_json::from_str(value).unwrap())).collect();
        prop_assert_eq!(read, map);
        let text = serde_json::to_string_pretty(&items).unwrap();
        let read: Vec<Value> = json::elements(&text).unwrap().map(|value| serde_json::from_str(value).unwrap()).collect();
        prop_assert_eq!(read, items);
    }

    #[test]
    fn walkers_never_panic_on_what_is_not_json(text in "[\\[\\]{}\",:\\\\a0u ]{0,40}") {
        let _ = json::members(&text).map(|all| all.count());
        let _ = json::elements(&text).map(|all| all.count());
        let _ = (equality::canonical(&text), json::units(&text), read_record(&text).is_ok());
    }

    #[test]
    fn merging_bodies_is_object_spread(base in any_object(), over in any_object()) {
        let merged: Value = serde_json::from_str(&format!("{{{}}}", merge_bodies(&body_of(&base), &body_of(&over)))).unwrap();
        let mut spread = base;
        spread.extend(over);
        prop_assert_eq!(merged, Value::Object(spread));
    }

    #[test]
    fn a_record_comes_back_as_it_went_in(mut map in any_object(), id in "[a-zA-Z0-9][a-zA-Z0-9_-]{0,9}", last_modified in prop::option::of(0u64..9_007_199_254_740_991)) {
        for name in ["id", "last_modified", "_status", "deleted"] {
            map.remove(name);
        }
        let mut given = map.clone();
        given.insert("id".into(), id.into());
        given.extend(last_modified.map(|ms| ("last_modified".to_owned(), Value::from(ms))));
        let parsed = read_record(&Value::Object(given.clone()).to_string()).unwrap();
        let row = Row::new(parsed.body, Status::Updated, parsed.last_modified);
        given.insert("_status".into(), "updated".into());
        prop_assert_eq!(serde_json::from_str::<Value>(&row.to_json(&parsed.id.unwrap())).unwrap(), Value::Object(given));
    }

    #[test]
    fn folding_keeps_the_state(changes in prop::collection::vec(any_change(), 0..60), cut in 0usize..60) {
        let cut = cut.min(changes.len());
        let mut state = State::default();
        changes[..cut].iter().for_each(|change| state.apply(change.clone()));
        let base = fold::whole(&state, fold::DeletedContent::Keep);
        prop_assert_eq!(&replay(&base), &state);
        let (mut records, mut notes, mut cleared) = (BTreeSet::new(), BTreeSet::new(), false);
        for change in &changes[cut..] {
            match change {
                Change::Put(id, _) | Change::Remove(id) | Change::Sending(id) => drop(records.insert(id.clone())),
                Change::Note(name, _) => drop(notes.insert(name.clone())),
                Change::Clear => cleared = true,
            }
            state.apply(change.clone());
        }
        if !cleared {
            let added = fold::journal_only(&state, &records, &notes, fold::DeletedContent::Keep);
            prop_assert_eq!(&replay(&[base, added].concat()), &state);
        }
    }

    #[test]
    fn only_entries_on_the_last_valid_one_stand(bases in prop::collection::vec(0usize..6, 1..12)) {
        let mut rows: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut expected = Vec::new();
        let mut last = Position::default();
        for (index, back) in bases.iter().enumerate() {
            let base = match back {
                0..=2 => last,
                _ => rows.get(index.saturating_sub(*back)).map_or(last, |(key, bytes)| Position { key: *key, id: read_entry(bytes).unwrap().id }),
            };
            let entry = Entry { id: 1000 + index as u128, base, page: vec![index as u8] };
            rows.push((index as u64 + 1, entry.to_bytes()));
            if base == last {
                last = Position { key: index as u64 + 1, id: entry.id };
                expected.push(index as u8);
            }
        }
        let mut stood = Vec::new();
        let end = follow(Position::default(), &rows, |_, page| { stood.push(page[0]); Ok(()) }).unwrap();
        prop_assert_eq!((stood, end), (expected, last));
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let id = (0u8..6).prop_map(|n| essaim::pure::record::RecordId::from_text(&format!("r{n}")));
    let note = (0u8..3).prop_map(|n| format!("n{n}"));
    let status = prop::sample::select(vec![Status::Created, Status::Updated, Status::Deleted, Status::Synced]);
    prop_oneof![
        8 => (id.clone(), status, prop::option::of(0u64..100), 0u8..4).prop_map(|(id, status, at, n)| Change::Put(id, Row::new(format!("\"n\":{n}"), status, at))),
        3 => id.clone().prop_map(Change::Remove),
        2 => id.prop_map(Change::Sending),
        2 => (note, prop::option::of(".{0,4}")).prop_map(|(name, text)| Change::Note(name, text)),
        1 => Just(Change::Clear),
    ]
}

fn replay(segments: &[Vec<u8>]) -> State {
    let mut state = State::default();
    segments
        .iter()
        .flat_map(|segment| page::read(segment).unwrap())
        .for_each(|change| state.apply(change));
    state
}

/// Objects with the member names of a journal, mostly with values that do not fit.
fn almost_a_journal() -> impl Strategy<Value = String> {
    const NAMES: &str = "prev|d|t|k|c|segments|covered|history|digest|destination|id|v|e|ct|deleted|last_modified|position|open|records|hash|snapshot";
    let value = prop_oneof![
        any_json(),
        Just(Value::from("changes")),
        Just(Value::from("snapshot")),
        Just(Value::from("p000000000007")),
        Just(Value::from(Hash([7; 32]).to_text())),
        Just(Value::from(u64::MAX)),
        prop::collection::vec(prop::collection::vec(any_json(), 0..5), 0..3).prop_map(|rows| rows.into_iter().map(Value::from).collect()),
    ];
    prop::collection::btree_map(NAMES, value, 0..9).prop_map(|map| Value::Object(map.into_iter().collect()).to_string())
}

fn any_ledger() -> impl Strategy<Value = Ledger> {
    let entry = (any_object(), 1..1_000_000u64, 0..1u64 << 42);
    let base = entry.prop_map(|(map, position, t)| Base {
        position,
        t,
        text: body_of(&map).into(),
    });
    prop::collection::btree_map(".{0,6}".prop_map(|id| RecordId::from_text(&id)), base, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_server_or_a_page_says_is_read_without_panic(text in almost_a_journal(), cut in 0..200usize) {
        let end = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        for text in [text.as_str(), &text[..end]] {
            let _ = item::read(text);
            let _ = sealed_page::read(text);
            let _ = Snapshot::read(text).map(|snapshot| (snapshot.first_covered(3), snapshot.hash_of(9, u64::MAX)));
            let _ = change::read_entry(text);
            let _ = PageChange::read(text);
            let _ = Held::read(text);
            prop_assert_eq!(Home::read(&Home::read(text).to_json()), Home::read(text));
            let _ = PageNote::read(text);
            let _ = read_segment_into(&mut Ledger::new(), text, 1);
        }
    }

    #[test]
    fn segments_and_pages_keep_every_text_to_the_byte(ledger in any_ledger(), limit in 50..600usize) {
        let mut again = Ledger::new();
        for (count, text) in segments(&ledger, limit) {
            prop_assert!(read_segment_into(&mut again, &text, count).is_some());
        }
        prop_assert_eq!(&again, &ledger);
        let changes: Vec<PageChange> = ledger.iter().map(|(id, base)| PageChange { id: id.clone(), text: Some(base.text.clone()) }).collect();
        let page = Page { prev: Hash([1; 32]), device: "d".into(), t: 5, kind: Kind::Changes(changes) };
        prop_assert_eq!(sealed_page::read(&page.write(None)), Some(page));
    }
}
