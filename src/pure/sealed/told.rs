//! Changes of strays that are reported as conflicts. The chain does not have them, so this device keeps them until the user decides.
//!
//! There is one note for each record: `[{"page": "<hash>", "position": …, "t": …, "c": […]}, {"page": "<hash>"}, …]`. An entry that was decided
//! keeps only the hash, so that a server that shows the page again does not make the user decide again. The record itself is not in conflict
//! with the chain, so it is pushed and compacted like any other.

use super::change::Change;
use super::meet::{Arrival, Incoming};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::record::{RecordId, Row, Status, same_content};
use crate::pure::report::{List, Report};
use crate::pure::state::State;

pub const TOLD: &str = "told ";

pub fn note_name(id: &RecordId) -> String {
    format!("{TOLD}{}", id.as_json())
}

/// A change of a stray, as the note of its record keeps it.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    page: String,
    /// `None` once the user has decided.
    open: Option<Arrival>,
}

fn read(note: Option<String>) -> Vec<Entry> {
    let note = note.unwrap_or_default();
    json::elements(&note).into_iter().flatten().filter_map(read_entry).collect()
}

fn read_entry(raw: &str) -> Option<Entry> {
    let number = |name: &str| json::member(raw, name).and_then(json::number).map(|number| number as u64);
    let open = || {
        Some(Arrival {
            change: Change::read(json::member(raw, "c")?)?,
            position: number("position")?,
            t: number("t")?,
        })
    };
    Some(Entry {
        page: json::string(json::member(raw, "page")?)?.into_owned(),
        open: open(),
    })
}

fn write(draft: &mut Draft, id: &RecordId, entries: &[Entry]) {
    let texts: Vec<String> = entries.iter().map(write_entry).collect();
    draft.set_note(&note_name(id), Some(format!("[{}]", texts.join(","))));
}

fn write_entry(entry: &Entry) -> String {
    let mut out = format!("{{\"page\":{}", json::quote(&entry.page));
    if let Some(Arrival { change, position, t }) = &entry.open {
        out.push_str(&format!(",\"position\":{position},\"t\":{t},\"c\":"));
        change.write(&mut out);
    }
    out.push('}');
    out
}

/// Notes the change of a stray. Returns false if it was decided before.
pub fn add(draft: &mut Draft, page: &str, arrival: &Arrival) -> bool {
    let id = &arrival.change.id;
    let mut entries = read(draft.note(&note_name(id)));
    if let Some(entry) = entries.iter().find(|entry| entry.page == page) {
        return entry.open.is_some();
    }
    let says_same = |entry: &Entry| entry.open.as_ref().is_some_and(|open| open.change == arrival.change);
    if !entries.iter().any(says_same) {
        entries.push(Entry {
            page: page.to_owned(),
            open: Some(arrival.clone()),
        });
        write(draft, id, &entries);
    }
    true
}

/// For each record, the latest change that is still open.
pub fn all_open(state: &State) -> Vec<Arrival> {
    let notes = state.notes.range(TOLD.to_owned()..).take_while(|(name, _)| name.starts_with(TOLD));
    notes.filter_map(|(_, note)| last_open(read(Some(note.clone())))).collect()
}

fn last_open(entries: Vec<Entry>) -> Option<Arrival> {
    entries.into_iter().rev().find_map(|entry| entry.open)
}

/// Reports the change as a conflict, if it is still open. If the record already has this content, that decides it instead.
pub fn tell(draft: &mut Draft, arrival: &Arrival, incoming: &Incoming, local_fields: &[String], report: &mut Report) {
    let (id, remote) = (&arrival.change.id, &incoming.remote);
    if last_open(read(draft.note(&note_name(id)))).as_ref() != Some(arrival) {
        return;
    }
    let row = draft.row(id);
    let is_same = match row.as_ref().filter(|row| row.is_live()) {
        Some(row) => !remote.deleted && same_content(&row.body, &remote.body, local_fields),
        None => remote.deleted,
    };
    if is_same {
        decide(draft, id, |open| open == arrival);
        return;
    }
    let local = row.map_or_else(|| "null".to_owned(), |row| row.to_json(id));
    report.add(
        List::Conflicts,
        format!("{{\"type\":\"incoming\",\"local\":{local},\"remote\":{}}}", remote.to_json()),
    );
}

/// Marks a change as decided. Returns whether there was such a change.
fn decide(draft: &mut Draft, id: &RecordId, is_it: impl Fn(&Arrival) -> bool) -> bool {
    let mut entries = read(draft.note(&note_name(id)));
    let Some(entry) = entries.iter_mut().rev().find(|entry| entry.open.as_ref().is_some_and(&is_it)) else {
        return false;
    };
    entry.open = None;
    write(draft, id, &entries);
    true
}

/// Decides on the change of a stray whose page has the time `t`. Returns the record's new row: `body` on top of the version that the chain has.
/// The outer `None` means that there is no such change.
pub fn resolve(draft: &mut Draft, id: &RecordId, t: u64, body: Option<&str>, local_fields: &[String]) -> Option<Option<Row>> {
    if !decide(draft, id, |open| open.t == t) {
        return None;
    }
    let present = draft.row(id);
    let base = present.as_ref().and_then(|row| row.base.clone());
    let last_modified = present.as_ref().and_then(|row| row.last_modified);
    let row = |body: &str, status| Row::new(body, status, last_modified).on(base.clone());
    Some(match (body, &present) {
        (None, None) => None,
        (None, Some(present)) => Some(row(&present.body, Status::Deleted)),
        (Some(body), None) => Some(Row::new(body, Status::Created, None)),
        (Some(body), Some(present)) if present.is_live() && same_content(&present.body, body, local_fields) => Some(present.clone()),
        (Some(body), Some(present)) => Some(match present.base.is_some() {
            true => row(body, Status::Updated),
            false => Row::new(body, Status::Created, None),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::record::Base;
    use std::rc::Rc;

    fn arrival(position: u64, text: Option<&str>) -> Arrival {
        let change = Change {
            id: RecordId::from_text("a"),
            text: text.map(Into::into),
        };
        Arrival {
            change,
            position,
            t: position * 10,
        }
    }

    fn told(draft: &mut Draft, arrival: &Arrival) -> Vec<String> {
        let mut report = Report::default();
        let incoming = Incoming::read(arrival, &arrival.to_json()).unwrap();
        tell(draft, arrival, &incoming, &[], &mut report);
        report.of(List::Conflicts).map(str::to_owned).collect()
    }

    #[test]
    fn a_stray_is_told_until_it_is_decided_and_then_never_again() {
        let mut draft = Draft::sealed(Rc::default());
        let stray = arrival(4, Some("\"n\":1"));
        for _ in 0..2 {
            assert!(add(&mut draft, "page", &stray));
            let conflict = r#"{"type":"incoming","local":null,"remote":{"n":1,"id":"a","last_modified":40}}"#;
            assert_eq!(told(&mut draft, &stray), [conflict]);
        }
        let id = RecordId::from_text("a");
        let row = resolve(&mut draft, &id, 40, Some("\"n\":1"), &[]).unwrap().unwrap();
        assert_eq!((row.status, row.base), (Status::Created, None));
        assert!(!add(&mut draft, "page", &stray));
        assert_eq!(resolve(&mut draft, &id, 40, None, &[]), None);
        assert_eq!(told(&mut draft, &stray), [""; 0]);
    }

    #[test]
    fn several_strays_of_a_record_are_told_one_after_the_other() {
        let mut draft = Draft::sealed(Rc::default());
        let (one, other, id) = (arrival(4, Some("\"n\":1")), arrival(5, None), RecordId::from_text("a"));
        let base = Some(Base {
            position: 7,
            t: 70,
            text: "\"n\":3".into(),
        });
        draft.put(&id, Row::new("\"n\":3", Status::Synced, Some(70)).on(base.clone()));
        assert!(add(&mut draft, "one", &one) && add(&mut draft, "other", &other) && add(&mut draft, "the same", &one));
        assert_eq!((told(&mut draft, &one).len(), told(&mut draft, &other).len()), (0, 1));
        let row = resolve(&mut draft, &id, 50, None, &[]).unwrap().unwrap();
        assert_eq!((row.status, row.base), (Status::Deleted, base.clone()));
        assert_eq!(told(&mut draft, &one).len(), 1);
        let kept = resolve(&mut draft, &id, 40, Some("\"n\":3"), &[]).unwrap().unwrap();
        assert_eq!((kept.status, kept.base), (Status::Synced, base));
    }

    #[test]
    fn what_the_record_has_become_meanwhile_needs_no_decision() {
        let mut draft = Draft::sealed(Rc::default());
        let (stray, id) = (arrival(4, Some("\"n\":1")), RecordId::from_text("a"));
        add(&mut draft, "page", &stray);
        draft.put(&id, Row::new("\"n\": 1", Status::Created, None));
        assert_eq!(told(&mut draft, &stray), [""; 0]);
        assert!(!add(&mut draft, "page", &stray));
    }
}
