//! The filters of `list()`, which compare values as JavaScript does.

use super::equality;
use super::json;
use super::record::{RecordId, Row};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The path of a field, and the values that it may have.
#[derive(Clone, Debug)]
pub struct Filter {
    path: Vec<Name>,
    /// Canonical texts of the scalars that match. Objects and arrays never match: JavaScript compares them by identity.
    any_of: BTreeSet<String>,
}

/// The name of a field. Names in JavaScript may have lone surrogates, which a Rust string cannot hold.
#[derive(Clone, Debug)]
pub enum Name {
    Text(String),
    Units(Vec<u16>),
}

impl Name {
    pub fn new(units: &[u16]) -> Self {
        String::from_utf16(units).map_or_else(|_| Name::Units(units.to_vec()), Name::Text)
    }

    pub fn is(&self, text: &str) -> bool {
        matches!(self, Name::Text(name) if name == text)
    }

    /// The value of the member with this name. If there are several, the last one counts, as in JavaScript.
    fn member<'a>(&self, members: json::Members<'a>) -> Option<&'a str> {
        members.filter(|(key, _)| self.is_key(key)).last().map(|(_, value)| value)
    }

    fn is_key(&self, raw: &str) -> bool {
        match self {
            Name::Text(name) => json::is_key(raw, name),
            Name::Units(units) => json::units(raw).as_ref() == Some(units),
        }
    }

    /// The name as an index into an array: digits without leading zeros.
    fn place(&self) -> Option<usize> {
        let Name::Text(name) = self else { return None };
        name.parse().ok().filter(|place: &usize| place.to_string() == *name)
    }
}

/// Reads the filters of `list()` and flattens nested ones into paths. Iterates, since the depth of an app's filters must not exhaust the stack.
pub fn read_filters(raw: &str) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    let mut nested = vec![(Vec::new(), raw)];
    while let Some((prefix, raw)) = nested.pop() {
        for (key, value) in json::members(raw).ok_or_else(not_an_object)? {
            let mut path: Vec<Name> = prefix.clone();
            path.extend(json::units(key).unwrap_or_default().split(|unit| *unit == u16::from(b'.')).map(Name::new));
            match value.starts_with('{') {
                true => nested.push((path, value)),
                false => filters.push(Filter::new(path, value)),
            }
        }
    }
    Ok(filters)
}

impl Filter {
    fn new(path: Vec<Name>, value: &str) -> Self {
        let candidates: Vec<&str> = json::elements(value).map_or_else(|| vec![value], Iterator::collect);
        let is_scalar = |raw: &&str| !raw.starts_with(['{', '[']);
        let mut any_of = BTreeSet::new();
        any_of.extend(candidates.into_iter().filter(is_scalar).map(equality::canonical));
        Filter { path, any_of }
    }

    pub fn matches(&self, id: &RecordId, row: &Row) -> bool {
        let Some((first, rest)) = self.path.split_first() else { return true };
        field(id, row, first).and_then(|raw| descend(&raw, rest).map(|raw| self.holds(&raw))) == Some(true)
    }

    fn holds(&self, raw: &str) -> bool {
        !raw.starts_with(['{', '[']) && self.any_of.contains(&equality::canonical(raw))
    }
}

/// A field of a record as `list()` returns it, as JSON text.
pub fn field<'a>(id: &'a RecordId, row: &'a Row, name: &Name) -> Option<Cow<'a, str>> {
    match name {
        _ if name.is("id") => Some(id.as_json().into()),
        _ if name.is("_status") => Some(json::quote(row.status.name()).into()),
        _ if name.is("last_modified") => row.last_modified.map(|ms| ms.to_string().into()),
        // A body is the text of an object without its braces.
        _ => name.member(json::body_members(&row.body)).map(Cow::from),
    }
}

/// Follows `path` from the value `raw` as JavaScript's property access does: members of objects, indices into arrays and strings, and the
/// `length` of both. Inherited properties are not found.
fn descend<'a>(raw: &'a str, path: &[Name]) -> Option<Cow<'a, str>> {
    let mut found = raw;
    for (at, name) in path.iter().enumerate() {
        let is_last = at + 1 == path.len();
        found = match found.as_bytes().first()? {
            b'{' => name.member(json::members(found)?)?,
            b'[' if name.is("length") => return is_last.then(|| json::elements(found).map_or(0, Iterator::count).to_string().into()),
            b'[' => json::elements(found)?.nth(name.place()?)?,
            b'"' => return descend_text(json::units(found)?, &path[at..]).map(Cow::from),
            _ => return None,
        };
    }
    Some(found.into())
}

/// Follows `path` from a string, given as UTF-16 units. Each index gives a string of one unit.
fn descend_text(mut units: Vec<u16>, path: &[Name]) -> Option<String> {
    for (at, name) in path.iter().enumerate() {
        if name.is("length") {
            return (at + 1 == path.len()).then(|| units.len().to_string());
        }
        units = vec![*units.get(name.place()?)?];
    }
    let mut text = String::new();
    json::quote_units(units.into_iter(), &mut text);
    Some(text)
}

fn not_an_object() -> Error {
    Error::InvalidOption {
        message: "list() needs filters as an object.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::samples::{ids, state};
    use super::*;

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
    fn a_filter_reaches_what_javascript_reaches() {
        let state = state(&[
            r#"{"id":"a","list":["x",{"y":1}],"s":"\u00e9\ud83d\ude00"}"#,
            r#"{"id":"b","list":[],"\ud800":{"\udc00":1},"a.b":2,"a":{"b":3},"":{"":4}}"#,
            r#"{"id":"c","s":"","__proto__":{"x":1},"length":7}"#,
        ]);
        for (filters, found) in [
            (r#"{"list.0":"x"}"#, "a"),
            (r#"{"list":{"1":{"y":[1]}}}"#, "a"),
            (r#"{"list.01":"x"}"#, ""),
            (r#"{"list.length":[0,2]}"#, "a b"),
            (r#"{"s.length":3}"#, "a"),
            (r#"{"s.0":"é"}"#, "a"),
            (r#"{"s":{"2":{"0.0":["\ude00"]}}}"#, "a"),
            (r#"{"s.2.length":1}"#, "a"),
            (r#"{"s.3":null}"#, ""),
            (r#"{"s.length.0":3}"#, ""),
            (r#"{"id.0":"b","_status.0":"s"}"#, "b"),
            (r#"{"length":7}"#, "c"),
            (r#"{"\ud800":{"\udc00":1}}"#, "b"),
            (r#"{"\ud800":1}"#, ""),
            (r#"{"a.b":3}"#, "b"),
            (r#"{"a.b":2}"#, ""),
            (r#"{".":4}"#, "b"),
            (r#"{"__proto__.x":1}"#, "c"),
            (r#"{"toString.name":"toString"}"#, ""),
            (r#"{"id.length":1,"_status.length":6}"#, "a b c"),
        ] {
            assert_eq!(ids(&state, &format!(r#"{{"order":"id","filters":{filters}}}"#)), found, "{filters}");
        }
    }

    #[test]
    fn deep_filters_cost_no_stack() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(2_000), "}".repeat(2_000));
        let paths = read_filters(&deep[..]).map(|filters| filters[0].path.len());
        assert_eq!(paths.ok(), Some(2_000));
    }
}
