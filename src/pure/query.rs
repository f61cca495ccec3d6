//! The query of `list()`: filters, and an order by JavaScript's comparison.

use super::filter::{Filter, Name, field, read_filters};
use super::json;
use super::record::{RecordId, Row};
use super::state::State;
use crate::error::{Error, Result};
use std::cmp::Ordering;

/// A query as JSON: `{"filters": {…}, "order": "-last_modified", "includeDeleted": false}`.
#[derive(Clone, Debug, Default)]
pub struct Query {
    filters: Vec<Filter>,
    order: Option<(Name, bool)>,
    include_deleted: bool,
}

impl Query {
    pub fn read(text: &str) -> Result<Self> {
        let mut query = Query {
            order: Some((Name::Text("last_modified".into()), true)),
            ..Query::default()
        };
        for (key, value) in json::members(text).ok_or_else(not_an_object)? {
            match json::string(key).as_deref() {
                Some("filters") => query.filters = read_filters(value)?,
                Some("order") if value != "null" => query.order = read_order(value)?,
                Some("includeDeleted") => query.include_deleted = value == "true",
                _ => {}
            }
        }
        Ok(query)
    }

    /// The matching records as one JSON array, so that JavaScript parses once.
    pub fn run(&self, state: &State) -> String {
        let matching = state.rows.iter().filter(|(id, row)| self.matches(id, row));
        let rows = self.sorted(matching);
        let bytes = rows.iter().map(|(_, id, row)| row.body.len() + id.as_json().len() + 64).sum::<usize>();
        let mut out = String::with_capacity(bytes + 2);
        out.push('[');
        for (index, (_, id, row)) in rows.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            row.write(id, &mut out);
        }
        out.push(']');
        out
    }

    /// The ids of the matching rows, in the order in which they would be listed.
    pub fn ids(&self, rows: &[(RecordId, Row)]) -> Vec<RecordId> {
        let matching = rows.iter().map(|(id, row)| (id, row)).filter(|(id, row)| self.matches(id, row));
        self.sorted(matching).into_iter().map(|(_, id, _)| id.clone()).collect()
    }

    fn matches(&self, id: &RecordId, row: &Row) -> bool {
        (self.include_deleted || row.is_live()) && self.filters.iter().all(|filter| filter.matches(id, row))
    }

    /// Sorts rows, and returns each with its sort key. Rows without the field (unsynced records have no `last_modified`) come first in
    /// ascending order and last in descending order. Equal rows stay in the order of storage.
    fn sorted<'a>(&self, rows: impl Iterator<Item = (&'a RecordId, &'a Row)>) -> Vec<(Option<Sortable>, &'a RecordId, &'a Row)> {
        let Some((field, descending)) = &self.order else {
            return rows.map(|(id, row)| (None, id, row)).collect();
        };
        let mut keyed: Vec<_> = rows.map(|(id, row)| (sort_key(id, row, field), id, row)).collect();
        keyed.sort_by(|(a, ..), (b, ..)| match (a, b) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => directed(Ordering::Less, *descending),
            (Some(_), None) => directed(Ordering::Greater, *descending),
            (Some(a), Some(b)) => directed(a.compare(b), *descending),
        });
        keyed
    }
}

fn directed(ordering: Ordering, descending: bool) -> Ordering {
    if descending { ordering.reverse() } else { ordering }
}

fn not_an_object() -> Error {
    Error::InvalidOption {
        message: "list() needs a query as an object.".into(),
    }
}

fn read_order(raw: &str) -> Result<Option<(Name, bool)>> {
    let order = json::units(raw).ok_or_else(|| Error::InvalidOption {
        message: "The order of list() must be a string, like \"-last_modified\".".into(),
    })?;
    Ok(match order.as_slice() {
        [] => None,
        [first, field @ ..] if *first == u16::from(b'-') => Some((Name::new(field), true)),
        field => Some((Name::new(field), false)),
    })
}

/// A sort key. JavaScript's `<` puts `"10"` after `9.5`, that after `"9"`, and `"9"` after `"10"`: no sort can satisfy this (and Rust's may
/// panic). So values of different kinds are ordered by kind, in the order of the variants.
enum Sortable {
    /// Numbers; `null` and `false` are 0, `true` is 1.
    Number(f64),
    /// Compared by UTF-16 units.
    Text(Vec<u16>),
    /// Objects and arrays, which are all equal.
    Structure,
}

impl Sortable {
    fn read(raw: &str) -> Self {
        match raw {
            "true" => Sortable::Number(1.0),
            "false" | "null" => Sortable::Number(0.0),
            _ => match (json::units(raw), json::number(raw)) {
                (Some(units), _) => Sortable::Text(units),
                (None, Some(number)) => Sortable::Number(number),
                (None, None) => Sortable::Structure,
            },
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Sortable::Number(a), Sortable::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Sortable::Text(a), Sortable::Text(b)) => a.cmp(b),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Sortable::Number(_) => 0,
            Sortable::Text(_) => 1,
            Sortable::Structure => 2,
        }
    }
}

fn sort_key(id: &RecordId, row: &Row, name: &Name) -> Option<Sortable> {
    match row.last_modified {
        Some(ms) if name.is("last_modified") => Some(Sortable::Number(ms as f64)),
        _ => field(id, row, name).map(|raw| Sortable::read(&raw)),
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::super::record::{Status, read_record};
    use super::super::state::Change;
    use super::*;

    pub fn state(records: &[&str]) -> State {
        let mut state = State::default();
        for text in records {
            let parsed = read_record(text).unwrap();
            let status = parsed.status.unwrap_or(Status::Synced);
            state.apply(Change::Put(parsed.id.clone().unwrap(), Row::new(parsed.body, status, parsed.last_modified)));
        }
        state
    }

    pub fn ids(state: &State, query: &str) -> String {
        let text = Query::read(query).unwrap().run(state);
        json::elements(&text)
            .unwrap()
            .map(|record| json::string(json::member(record, "id").unwrap()).unwrap().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{ids, state};
    use super::*;

    #[test]
    fn the_newest_come_first_and_the_unsynced_last() {
        let state = state(&[r#"{"id":"a","last_modified":1}"#, r#"{"id":"b"}"#, r#"{"id":"c","last_modified":3}"#]);
        assert_eq!(ids(&state, "{}"), "c a b");
        assert_eq!(ids(&state, r#"{"order":"last_modified"}"#), "b a c");
        assert_eq!(ids(&state, r#"{"order":""}"#), "a b c");
    }

    #[test]
    fn strings_sort_by_utf16_and_numbers_as_numbers() {
        let state = state(&[
            r#"{"id":"a","t":"\ufffd","n":10}"#,
            r#"{"id":"b","t":"😀","n":9.5}"#,
            r#"{"id":"c","n":-1e400}"#,
        ]);
        assert_eq!(ids(&state, r#"{"order":"t"}"#), "c b a");
        assert_eq!(ids(&state, r#"{"order":"-n"}"#), "a b c");
    }

    #[test]
    fn what_is_of_different_kinds_is_ordered_by_kind() {
        let values = ["[9]", "\"10\"", "{}", "9.5", "\"9\"", "true", "-1", "null", "\"\"", "-0", "\"\\ud800\""];
        let records: Vec<String> = (0..60).map(|n| format!(r#"{{"id":"{n:02}","v":{}}}"#, values[n % values.len()])).collect();
        let state = state(&records.iter().map(String::as_str).collect::<Vec<_>>());
        let listed = ids(
            &state,
            r#"{"order":"v","filters":{"id":["00","01","02","03","04","05","06","07","08","09","10"]}}"#,
        );
        assert_eq!(listed, "06 07 09 05 03 08 01 04 10 00 02");
        assert_eq!(ids(&state, r#"{"order":"-v"}"#).split(' ').count(), 60);
        assert_eq!(ids(&state, r#"{"order":"\ud800"}"#).split(' ').count(), 60);
    }

    #[test]
    fn a_query_of_the_wrong_type_is_refused() {
        for text in [r#"{"filters":[]}"#, r#"{"order":3}"#, "[]"] {
            assert_eq!(
                Query::read(text).map(|_| ()).map_err(|error| error.code()),
                Err("invalid_option".into()),
                "{text}"
            );
        }
    }
}
