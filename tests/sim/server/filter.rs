//! The query string of a listing. <https://docs.kinto-storage.org/en/stable/api/1.x/filtering.html>

use std::cmp::Ordering;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Call;
use super::answer::{self, Answer};
use super::resource::{Object, last_modified};

const DAY_MS: u64 = 24 * 3600 * 1000;

#[derive(Default)]
pub struct Query {
    filters: Vec<Filter>,
    sort: Vec<Sort>,
    fields: Vec<String>,
    pub limit: Option<usize>,
    /// The last object of the previous page: only objects after it are wanted.
    after: Option<Object>,
    /// `last_modified=`: a filter in a listing, the timestamp of the tombstone in a DELETE.
    pub last_modified: Option<u64>,
    /// Whether a `has_…` makes Kinto forget the filters before it in the query. It does on the memory backend, not on PostgreSQL.
    forgets: bool,
}

enum Filter {
    Modified(fn(&u64, &u64) -> bool, u64),
    Id { wanted: bool, ids: Vec<String> },
    Has { wanted: bool, field: String },
    Deleted,
}

struct Sort {
    by_id: bool,
    descending: bool,
}

impl Query {
    pub fn of(call: &Call, postgresql: bool) -> Result<Self, Answer> {
        let mut query = Self {
            forgets: !postgresql,
            ..Self::default()
        };
        for (name, value) in call.url.query_pairs() {
            query.read(call, &name, &value)?;
        }
        if !query.sort.iter().any(|sort| !sort.by_id) {
            query.sort.push(Sort {
                by_id: false,
                descending: true,
            });
        }
        Ok(query)
    }

    fn read(&mut self, call: &Call, name: &str, value: &str) -> Result<(), Answer> {
        let modified = |compare: fn(&u64, &u64) -> bool| read_timestamp(call, name, value).map(|timestamp| Filter::Modified(compare, timestamp));
        let id = |wanted: bool| read_ids(name, value).map(|ids| Filter::Id { wanted, ids });
        match name {
            "_since" | "gt_last_modified" => self.filters.push(modified(u64::gt)?),
            "_before" | "_to" | "lt_last_modified" => self.filters.push(modified(u64::lt)?),
            "min_last_modified" => self.filters.push(modified(u64::ge)?),
            "max_last_modified" => self.filters.push(modified(u64::le)?),
            "not_last_modified" => self.filters.push(modified(u64::ne)?),
            "last_modified" | "eq_last_modified" => {
                self.filters.push(modified(u64::eq)?);
                self.last_modified = Some(read_timestamp(call, name, value)?);
            }
            // Kinto checks the whole list as one timestamp, so every value is refused.
            "exclude_last_modified" | "in_last_modified" => return Err(answer::invalid("querystring", Some(name), &format!("Invalid value for {name}"))),
            "in_id" => self.filters.push(id(true)?),
            "exclude_id" => self.filters.push(id(false)?),
            "id" | "eq_id" => self.filters.push(Filter::Id {
                wanted: true,
                ids: vec![value.to_owned()],
            }),
            "not_id" => self.filters.push(Filter::Id {
                wanted: false,
                ids: vec![value.to_owned()],
            }),
            "_sort" => self.sort = value.split(',').filter_map(read_sort).collect(),
            "_fields" => self.fields = value.split(',').map(str::to_owned).collect(),
            "_limit" => self.limit = Some(read_number(name, value)? as usize),
            "_token" => self.after = Some(read_token(value)?),
            "has_last_modified" => return Err(answer::invalid("querystring", Some(name), "Invalid value for has_last_modified")),
            _ if name.starts_with("has_") => self.filters.push(Filter::Has {
                wanted: match value {
                    "true" => true,
                    "false" => false,
                    _ => panic!("not simulated: filter {name}={value}"),
                },
                field: name["has_".len()..].to_owned(),
            }),
            "deleted" if value == "true" => self.filters.push(Filter::Deleted),
            // Kinto.js sends `_expected` to bypass caches.
            _ if name.starts_with('_') => {}
            _ => panic!("not simulated: filter {name}={value}"),
        }
        Ok(())
    }

    /// Any condition on `last_modified` makes a listing show tombstones.
    pub fn shows_tombstones(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::Modified(..)))
    }

    pub fn matches(&self, object: &Object) -> bool {
        self.filters.iter().fold(true, |matches, filter| match filter {
            Filter::Has { .. } if self.forgets => filter.matches(object),
            _ => matches && filter.matches(object),
        })
    }

    /// Whether the object is on a later page. If objects have equal timestamps (timestamps can be forced) and a page ends between them, the
    /// next page omits the others: Kinto loses them, too.
    pub fn is_ahead(&self, object: &Object) -> bool {
        self.after.as_ref().is_none_or(|last| self.order(last, object) == Ordering::Less)
    }

    pub fn order(&self, a: &Object, b: &Object) -> Ordering {
        self.sort
            .iter()
            .map(|sort| sort.order(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Keeps only the requested fields. `id` and `last_modified` are always included; `deleted` is not.
    pub fn project(&self, object: Object) -> Object {
        if self.fields.is_empty() {
            return object;
        }
        object
            .into_iter()
            .filter(|(key, _)| key == "id" || key == "last_modified" || self.fields.contains(key))
            .collect()
    }

    /// The token of the next page, opaque to clients: base64 of JSON, as Kinto's.
    pub fn token_after(&self, last: &Object) -> String {
        let mut known = Object::new();
        for field in self.sort.iter().map(|sort| if sort.by_id { "id" } else { "last_modified" }) {
            known.insert(field.to_owned(), last[field].clone());
        }
        BASE64_STANDARD.encode(json!({"last_object": known, "offset": 0, "nonce": "pagination-token"}).to_string())
    }
}

impl Filter {
    fn matches(&self, object: &Object) -> bool {
        match self {
            Filter::Modified(compare, value) => compare(&last_modified(object).unwrap_or_default(), value),
            Filter::Id { wanted, ids } => ids.iter().any(|id| object["id"] == **id) == *wanted,
            Filter::Has { wanted, field } => object.contains_key(field) == *wanted,
            Filter::Deleted => object.get("deleted") == Some(&true.into()),
        }
    }
}

impl Sort {
    fn order(&self, a: &Object, b: &Object) -> Ordering {
        let order = if self.by_id {
            a["id"].as_str().cmp(&b["id"].as_str())
        } else {
            last_modified(a).cmp(&last_modified(b))
        };
        if self.descending { order.reverse() } else { order }
    }
}

fn read_sort(field: &str) -> Option<Sort> {
    let (descending, name) = field
        .strip_prefix('-')
        .map_or((false, field.trim_start_matches(['+', ' '])), |name| (true, name));
    match name {
        "" => None,
        "id" => Some(Sort { by_id: true, descending }),
        "last_modified" => Some(Sort { by_id: false, descending }),
        _ => panic!("not simulated: _sort={field}"),
    }
}

fn read_number(name: &str, value: &str) -> Result<u64, Answer> {
    match value.trim_matches('"').parse::<i128>() {
        Ok(number) => u64::try_from(number).map_err(|_| answer::invalid("querystring", Some(name), &format!("{number} is less than minimum value 0"))),
        Err(_) => Err(answer::invalid("querystring", Some(name), &format!("\"{value}\" is not a number"))),
    }
}

/// Refuses a timestamp that is a day ahead of the server's clock. A cursor taken from a record with a forced timestamp may be.
fn read_timestamp(call: &Call, name: &str, value: &str) -> Result<u64, Answer> {
    match read_number(name, value)? {
        timestamp if timestamp < call.now_ms + DAY_MS => Ok(timestamp),
        _ => Err(answer::invalid("querystring", Some(name), &format!("Invalid value for {name}"))),
    }
}

/// Each id is read as JSON first. So `1` and `true` are no ids (400), and a quoted `"1"` is one.
fn read_ids(name: &str, value: &str) -> Result<Vec<String>, Answer> {
    let read = |id: &str| match serde_json::from_str(id) {
        Ok(Value::String(quoted)) => Ok(quoted),
        Ok(_) => Err(answer::invalid("querystring", Some(name), &format!("Invalid value for {name}"))),
        Err(_) => Ok(id.to_owned()),
    };
    value.split(',').map(read).collect()
}

fn read_token(token: &str) -> Result<Object, Answer> {
    let read = || -> Option<Object> {
        let token: Value = serde_json::from_slice(&BASE64_STANDARD.decode(token).ok()?).ok()?;
        let last = token.get("last_object")?.as_object()?.clone();
        last_modified(&last).map(|_| last)
    };
    read().ok_or_else(|| answer::invalid("querystring", None, "_token has invalid content"))
}
