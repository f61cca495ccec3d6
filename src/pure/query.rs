//! Filters and orders of `list()`, with JavaScript's ideas of equal and less.

use super::equality;
use super::json;
use super::record::{RecordId, Row};
use super::state::State;
use crate::error::{Error, Result};
use std::cmp::Ordering;

/// What `list()` asks for: `{"filters": {…}, "order": "-last_modified", "includeDeleted": false}`.
#[derive(Clone, Debug, Default)]
pub struct Query {
    filters: Vec<Filter>,
    order: Option<(String, bool)>,
    include_deleted: bool,
}

#[derive(Clone, Debug)]
struct Filter {
    path: Vec<String>,
    /// Canonical texts of the scalars that match. Objects and arrays never do: JavaScript compares them by identity.
    any_of: Vec<String>,
}

impl Query {
    pub fn read(text: &str) -> Result<Self> {
        let mut query = Query {
            order: Some(("last_modified".into(), true)),
            ..Query::default()
        };
        for (key, value) in json::members(text).ok_or_else(|| bad("a query"))? {
            match json::string(key).as_deref() {
                Some("filters") => read_filters(value, &[], &mut query.filters)?,
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

    fn matches(&self, id: &RecordId, row: &Row) -> bool {
        (self.include_deleted || row.is_live()) && self.filters.iter().all(|filter| filter.matches(id, row))
    }

    /// Beside each row what it was sorted by. Unsynced records have no `last_modified`: first ascending, last descending.
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

fn bad(what: &str) -> Error {
    Error::InvalidOption {
        message: format!("list() needs {what} as an object."),
    }
}

fn read_order(raw: &str) -> Result<Option<(String, bool)>> {
    let order = json::string(raw).ok_or_else(|| Error::InvalidOption {
        message: "The order of list() must be a string, like \"-last_modified\".".into(),
    })?;
    Ok(match order.strip_prefix('-') {
        _ if order.is_empty() => None,
        Some(field) => Some((field.to_owned(), true)),
        None => Some((order.into_owned(), false)),
    })
}

fn read_filters(raw: &str, prefix: &[String], filters: &mut Vec<Filter>) -> Result<()> {
    for (key, value) in json::members(raw).ok_or_else(|| bad("filters"))? {
        let name = json::string(key).unwrap_or_default();
        let mut path = prefix.to_vec();
        path.extend(name.split('.').map(str::to_owned));
        if value.starts_with('{') {
            read_filters(value, &path, filters)?;
            continue;
        }
        let candidates: Vec<&str> = json::elements(value).map_or_else(|| vec![value], Iterator::collect);
        let any_of = candidates
            .into_iter()
            .filter(|raw| !raw.starts_with(['{', '[']))
            .map(equality::canonical)
            .collect();
        filters.push(Filter { path, any_of });
    }
    Ok(())
}

impl Filter {
    fn matches(&self, id: &RecordId, row: &Row) -> bool {
        match self.path.as_slice() {
            [name] if name == "id" => self.any_of.iter().any(|text| text == id.as_json()),
            [name] if name == "_status" => self.holds(&json::quote(row.status.name())),
            [name] if name == "last_modified" => row.last_modified.is_some_and(|ms| self.holds(&ms.to_string())),
            [first, rest @ ..] => member_of(&row.body, first)
                .and_then(|raw| descend(raw, rest))
                .is_some_and(|raw| self.holds(raw)),
            [] => true,
        }
    }

    fn holds(&self, raw: &str) -> bool {
        !raw.starts_with(['{', '[']) && {
            let canonical = equality::canonical(raw);
            self.any_of.contains(&canonical)
        }
    }
}

fn descend<'a>(raw: &'a str, path: &[String]) -> Option<&'a str> {
    path.iter().try_fold(raw, |raw, name| json::member(raw, name))
}

/// A member of a body, which is an object's text without its braces.
fn member_of<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    json::body_members(body)
        .filter(|(key, _)| json::is_key(key, name))
        .last()
        .map(|(_, value)| value)
}

/// What JavaScript's `<` and `>` compare.
enum Sortable {
    Text(Vec<u16>),
    Number(f64),
}

impl Sortable {
    /// Two strings by their UTF-16 units, anything else as numbers; what does not compare stays in place.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Sortable::Text(a), Sortable::Text(b)) => a.cmp(b),
            _ => self.number().partial_cmp(&other.number()).unwrap_or(Ordering::Equal),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Sortable::Number(number) => *number,
            Sortable::Text(units) => {
                let text = String::from_utf16_lossy(units);
                if text.trim().is_empty() {
                    0.0
                } else {
                    text.trim().parse().unwrap_or(f64::NAN)
                }
            }
        }
    }
}

fn sort_key(id: &RecordId, row: &Row, field: &str) -> Option<Sortable> {
    let status;
    let raw = match field {
        "id" => id.as_json(),
        "last_modified" => return row.last_modified.map(|ms| Sortable::Number(ms as f64)),
        "_status" => {
            status = json::quote(row.status.name());
            &status
        }
        _ => member_of(&row.body, field)?,
    };
    Some(match raw {
        "true" => Sortable::Number(1.0),
        "false" | "null" => Sortable::Number(0.0),
        _ => match json::units(raw) {
            Some(units) => Sortable::Text(units),
            None => Sortable::Number(json::number(raw).unwrap_or(f64::NAN)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::record::{Status, read_record};
    use super::super::state::Change;
    use super::*;

    fn state(records: &[&str]) -> State {
        let mut state = State::default();
        for text in records {
            let parsed = read_record(text).unwrap();
            let status = parsed.status.unwrap_or(Status::Synced);
            state.apply(Change::Put(parsed.id.clone().unwrap(), Row::new(parsed.body, status, parsed.last_modified)));
        }
        state
    }

    fn ids(state: &State, query: &str) -> String {
        let text = Query::read(query).unwrap().run(state);
        json::elements(&text)
            .unwrap()
            .map(|record| json::string(json::member(record, "id").unwrap()).unwrap().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

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
    fn filters_match_as_javascript_would() {
        let state = state(&[
            r#"{"id":"a","n":1.0,"deep":{"x":{"y":null}},"s":"\ud800"}"#,
            r#"{"id":"b","n":2,"deep":{"x":3}}"#,
            r#"{"id":"c","n":"1","_status":"created"}"#,
            r#"{"id":"d","n":1,"_status":"deleted"}"#,
        ]);
        for (filters, found) in [
            (r#"{"n":1}"#, "a"),
            (r#"{"n":[1,2]}"#, "a b"),
            (r#"{"deep.x.y":null}"#, "a"),
            (r#"{"deep":{"x":3}}"#, "b"),
            (r#"{"deep":{"x":[3,4]},"n":2}"#, "b"),
            (r#"{"s":"\ud800"}"#, "a"),
            (r#"{"_status":"created"}"#, "c"),
            (r#"{"id":["b","c","x"]}"#, "b c"),
            (r#"{"missing":null}"#, ""),
            (r#"{}"#, "a b c"),
        ] {
            assert_eq!(ids(&state, &format!(r#"{{"order":"id","filters":{filters}}}"#)), found, "{filters}");
        }
        assert_eq!(ids(&state, r#"{"order":"id","filters":{"n":1},"includeDeleted":true}"#), "a d");
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
