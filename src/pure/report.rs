//! The result of a sync: the lists of Kinto.js's `SyncResultObject`. Entries are JSON texts; the TypeScript facade removes duplicates.

use super::json;
use super::protocol::Part;
use super::record::{RecordId, Row, Status};
use crate::error::Error;
use std::collections::BTreeMap;

/// The lists, named as JavaScript sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Errors,
    Created,
    Updated,
    Deleted,
    Published,
    Conflicts,
    Skipped,
    Resolved,
}

pub const LISTS: [(List, &str); 8] = [
    (List::Errors, "errors"),
    (List::Created, "created"),
    (List::Updated, "updated"),
    (List::Deleted, "deleted"),
    (List::Published, "published"),
    (List::Conflicts, "conflicts"),
    (List::Skipped, "skipped"),
    (List::Resolved, "resolved"),
];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub last_modified: Option<u64>,
    /// By how much (ms) the journal of an encrypted collection is ahead of this device's clock, if that is more than a day.
    pub clock_skew_ms: Option<u64>,
    pub entries: Vec<(List, String)>,
    /// The index in `entries` of each record's conflict, by the record's id.
    pub conflicts: BTreeMap<String, usize>,
}

impl Report {
    /// Adds an entry. A second conflict of a record replaces the first one: resolving the older one as well would replace the user's newer
    /// decision by the older.
    pub fn add(&mut self, list: List, json: String) {
        if list == List::Conflicts
            && let Some(id) = record_in(&json)
            && let Some(old) = self.conflicts.insert(id.to_owned(), self.entries.len())
        {
            // The old entry is emptied, not removed: removing would move all entries after it, and a sync may have as many conflicts as
            // records.
            self.entries[old].1 = String::new();
        }
        self.entries.push((list, json));
    }

    /// Adds an error for a change of the journal that could not be decoded.
    pub fn add_error(&mut self, id: &RecordId, error: &Error) {
        let message = format!("\"message\":{}", json::quote(&error.to_string()));
        let (list, json) = error_entry("incoming", Some(id), None, &message);
        self.add(list, json);
    }

    /// Appends the entries that a later step of the sync made.
    pub fn extend(&mut self, later: Report) {
        later.entries.into_iter().for_each(|(list, json)| self.add(list, json));
    }

    /// Whether something could not be sent or applied, or is left to the user.
    pub fn is_unfinished(&self) -> bool {
        self.count(List::Errors) + self.count(List::Conflicts) > 0
    }

    pub fn count(&self, list: List) -> usize {
        self.of(list).count()
    }

    pub fn of(&self, list: List) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(move |(other, json)| *other == list && !json.is_empty())
            .map(|(_, json)| json.as_str())
    }

    pub fn to_json(&self) -> String {
        let last_modified = self.last_modified.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
        let mut out = format!("{{\"lastModified\":{last_modified}");
        if let Some(skew) = self.clock_skew_ms {
            out.push_str(&format!(",\"clockSkew\":{skew}"));
        }
        for (list, name) in LISTS {
            let entries: Vec<&str> = self.of(list).collect();
            out.push_str(&format!(",\"{name}\":[{}]", entries.join(",")));
        }
        out.push('}');
        out
    }
}

/// An entry of the `errors` list. `part` is the request that was refused.
pub fn error_entry(kind: &str, id: Option<&RecordId>, part: Option<&Part>, error: &str) -> (List, String) {
    let id = id.map_or_else(String::new, |id| format!(",\"id\":{}", id.as_json()));
    let sent = part.map_or_else(String::new, |part| format!(",\"path\":{},\"sent\":{}", json::quote(&part.path), part.to_json()));
    (List::Errors, format!("{{\"type\":\"{kind}\"{id}{sent},{error}}}"))
}

/// The row as the result shows it once the server has it.
pub fn synced_json(id: &RecordId, row: &Row) -> String {
    Row {
        status: Status::Synced,
        sent: None,
        ..row.clone()
    }
    .to_json(id)
}

/// The id of the record that a conflict is about, as JSON text.
fn record_in(conflict: &str) -> Option<&str> {
    let id = |side: &str| json::member(json::member(conflict, side)?, "id");
    id("local").or_else(|| id("remote"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_conflict_once() {
        let conflict = |id: &str, n: u32| format!("{{\"local\":{{\"id\":\"{id}\"}},\"n\":{n}}}");
        let of = |conflicts: &[String]| {
            let mut report = Report::default();
            conflicts.iter().for_each(|json| report.add(List::Conflicts, json.clone()));
            report
        };
        let mut report = of(&[conflict("a", 1), conflict("b", 1)]);
        report.extend(of(&[conflict("a", 2), conflict("a", 3)]));
        assert_eq!(report.of(List::Conflicts).collect::<Vec<_>>(), [conflict("b", 1), conflict("a", 3)]);
        assert_eq!(report.count(List::Conflicts), 2);
    }
}
