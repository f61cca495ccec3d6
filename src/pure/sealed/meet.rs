//! Merge of a change from the journal into a local record: the table of Kinto.js, with positions as versions.
//!
//! The journal shows each change once and in order, so nothing here asks whether a change is old. A conflict is always found before the local
//! change is sent, so there are no outgoing conflicts. A conflict that is left to the user is therefore deferred (`sealed::held`), and every
//! sync merges it again until it is resolved.

use super::change::Change;
use crate::error::{Error, Result};
use crate::pure::merge::{self, Fate, Outcome, Remote, Side, Strategy};
use crate::pure::record::{Base, RecordId, Row, Status, own_members, read_record, same_on_server};
use crate::pure::report::List;
use std::collections::{BTreeMap, BTreeSet};

/// A remote change: the latest change of a record in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub change: Change,
    pub position: u64,
    pub t: u64,
}

/// The last change of each record.
pub type Arrivals = BTreeMap<RecordId, Arrival>;

impl Arrival {
    /// The change that made a record what a snapshot or a ledger has.
    pub fn of(id: &RecordId, base: &Base) -> Self {
        let change = Change {
            id: id.clone(),
            text: Some(base.text.clone()),
        };
        Arrival {
            change,
            position: base.position,
            t: base.t,
        }
    }

    /// A deletion. Its page is at this position, or before it.
    pub fn gone(id: &RecordId, position: u64, t: u64) -> Self {
        let change = Change { id: id.clone(), text: None };
        Arrival { change, position, t }
    }

    pub fn base(&self) -> Option<Base> {
        self.change.text.as_ref().map(|text| Base {
            position: self.position,
            t: self.t,
            text: text.clone(),
        })
    }

    /// The change as JSON for the app's transformers. Id and time are those of the journal, whatever the text has.
    pub fn to_json(&self) -> String {
        let (id, t) = (self.change.id.as_json(), self.t);
        match self.change.text.as_deref().map(own_members).as_deref() {
            None => format!("{{\"id\":{id},\"deleted\":true,\"last_modified\":{t}}}"),
            Some("") => format!("{{\"id\":{id},\"last_modified\":{t}}}"),
            Some(text) => format!("{{{text},\"id\":{id},\"last_modified\":{t}}}"),
        }
    }
}

/// A remote change, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub remote: Remote,
    /// `None` for a deletion.
    pub base: Option<Base>,
}

impl Incoming {
    /// A version that a row here has, with the row's local fields.
    pub fn of(id: &RecordId, row: &Row, base: &Base) -> Self {
        let remote = Remote {
            id: id.clone(),
            body: row.body.clone(),
            last_modified: Some(base.t),
            deleted: false,
        };
        Incoming {
            remote,
            base: Some(base.clone()),
        }
    }

    /// `decoded` is the JSON that the transformers made of the change. They cannot give another id, since the journal knows records by their
    /// ids.
    pub fn read(arrival: &Arrival, decoded: &str) -> Result<Self> {
        let parsed = read_record(decoded)?;
        if parsed.id.as_ref().is_some_and(|id| *id != arrival.change.id) {
            return Err(other_id());
        }
        let deleted = arrival.change.text.is_none();
        let remote = Remote {
            id: arrival.change.id.clone(),
            body: if deleted { "\"deleted\":true".into() } else { parsed.body.into() },
            last_modified: Some(arrival.t),
            deleted,
        };
        let mut base = arrival.base();
        // If both texts are equal, only one is kept in memory.
        if let Some(base) = base.as_mut().filter(|base| base.text == remote.body) {
            base.text = remote.body.clone();
        }
        Ok(Incoming { remote, base })
    }
}

pub fn other_id() -> Error {
    Error::Callback {
        message: "In an encrypted collection a transformer cannot change the id of a record.".into(),
    }
}

/// Marks the tombstone of a record that was sent, never acknowledged and then deleted here, with a base at position 0. Other devices may
/// have received the record as it was sent; without the mark, an older version of it would be merged as a new record of theirs.
pub fn remember_sent(row: Row, id: &RecordId, sent: &BTreeSet<RecordId>) -> Row {
    if row.status != Status::Deleted || row.base.is_some() || !sent.contains(id) {
        return row;
    }
    let base = Base {
        position: 0,
        t: 0,
        text: row.body.clone(),
    };
    row.on(Some(base))
}

/// Merges a change that is newer than the base of the local row.
pub fn meet(local: Option<&Row>, incoming: &Incoming, strategy: Strategy, local_fields: &[String]) -> Outcome {
    let mut outcome = table(local, &incoming.remote, strategy, local_fields);
    let is_open = matches!(outcome.entry, Some((List::Conflicts, _)));
    outcome.fate = match (outcome.fate, local) {
        (Fate::Put(row), _) => Fate::Put(row.on(incoming.base.clone())),
        // The content is the same, at a newer version.
        (Fate::Keep, Some(local)) if !is_open => Fate::Put(
            Row {
                last_modified: incoming.remote.last_modified,
                ..local.clone()
            }
            .on(incoming.base.clone()),
        ),
        (fate, _) => fate,
    };
    outcome
}

fn table(local: Option<&Row>, remote: &Remote, strategy: Strategy, local_fields: &[String]) -> Outcome {
    let Some(local) = local else {
        return match remote.deleted {
            true => Outcome::new(Fate::Keep, List::Skipped, remote.to_json()),
            false => merge::created(remote),
        };
    };
    if strategy == Strategy::PullOnly {
        return merge::overwrite(local, remote);
    }
    match local.status {
        Status::Deleted => meet_deletion(local, remote, strategy, local_fields),
        // A record that was imported as synced is not in the journal yet, so it counts as an edit.
        Status::Synced if local.base.is_some() => merge::follow(local, remote, local_fields),
        _ => merge::meet_edit(local, remote, strategy, local_fields),
    }
}

fn meet_deletion(local: &Row, remote: &Remote, strategy: Strategy, local_fields: &[String]) -> Outcome {
    if remote.deleted {
        return Outcome::new(Fate::Remove, List::Skipped, local.to_json(&remote.id));
    }
    let same = same_on_server(&local.body, &remote.body, local_fields);
    match &local.base {
        // The record was deleted before the journal had it, or before the server lost it. The deletion applies to it if its content is the
        // same.
        base if same && base.as_ref().is_none_or(|base| base.position == 0) => {
            let row = Row::new(local.body.clone(), Status::Deleted, remote.last_modified);
            Outcome::new(Fate::Put(row), List::Skipped, local.to_json(&remote.id))
        }
        None => merge::created(remote),
        Some(_) => merge::conflict(local, Some(remote), &remote.id, strategy, Side::Incoming, local_fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(text: Option<&str>) -> Incoming {
        let change = Change {
            id: RecordId::from_text("a"),
            text: text.map(Into::into),
        };
        let arrival = Arrival { change, position: 7, t: 70 };
        Incoming::read(&arrival, &arrival.to_json()).unwrap()
    }

    fn row(body: &str, status: Status, position: Option<u64>) -> Row {
        let base = position.map(|position| Base {
            position,
            t: 10,
            text: "\"n\":1".into(),
        });
        Row::new(body, status, base.as_ref().map(|base| base.t)).on(base)
    }

    fn list(local: Option<&Row>, text: Option<&str>, strategy: Strategy) -> Option<List> {
        meet(local, &incoming(text), strategy, &[]).entry.map(|(list, _)| list)
    }

    #[test]
    fn the_table_is_kinto_js_s() {
        let (synced, edited) = (row("\"n\":1", Status::Synced, Some(3)), row("\"n\":2", Status::Updated, Some(3)));
        let (deleted, made) = (row("\"n\":1", Status::Deleted, Some(3)), row("\"n\":2", Status::Created, None));
        for (local, text, expected) in [
            (None, Some("\"n\":3"), Some(List::Created)),
            (None, None, Some(List::Skipped)),
            (Some(&synced), Some("\"n\":3"), Some(List::Updated)),
            (Some(&synced), Some("\"n\":1"), None),
            (Some(&synced), None, Some(List::Deleted)),
            (Some(&edited), Some("\"n\":2"), Some(List::Updated)),
            (Some(&edited), Some("\"n\":3"), Some(List::Conflicts)),
            (Some(&edited), None, Some(List::Conflicts)),
            (Some(&made), Some("\"n\":3"), Some(List::Conflicts)),
            (Some(&deleted), None, Some(List::Skipped)),
            (Some(&deleted), Some("\"n\":3"), Some(List::Conflicts)),
        ] {
            assert_eq!(list(local, text, Strategy::Manual), expected, "{local:?} {text:?}");
        }
        assert_eq!(list(Some(&edited), Some("\"n\":3"), Strategy::PullOnly), Some(List::Updated));
        assert_eq!(list(Some(&edited), Some("\"n\":3"), Strategy::ServerWins), Some(List::Resolved));
    }

    #[test]
    fn a_deletion_of_what_was_sent_is_no_deletion_of_what_differs_from_it() {
        let (id, made) = (RecordId::from_text("a"), row("\"n\":2", Status::Deleted, None));
        let meets = |sent: &[&RecordId], text| {
            let sent = sent.iter().map(|id| (*id).clone()).collect();
            list(Some(&remember_sent(made.clone(), &id, &sent)), Some(text), Strategy::Manual)
        };
        assert_eq!(meets(&[], "\"n\":3"), Some(List::Created), "somebody else's record");
        assert_eq!(meets(&[&id], "\"n\":3"), Some(List::Conflicts), "perhaps as it was sent before");
        assert_eq!(meets(&[&id], "\"n\":2"), Some(List::Skipped), "deleted there, too");
    }

    #[test]
    fn what_stays_stands_on_the_new_version() {
        for (local, strategy) in [
            (row("\"n\":1", Status::Synced, Some(3)), Strategy::Manual),
            (row("\"n\":2", Status::Updated, Some(3)), Strategy::ClientWins),
            (row("\"n\":2", Status::Updated, Some(3)), Strategy::ServerWins),
            (row("\"n\":2", Status::Deleted, Some(3)), Strategy::ClientWins),
        ] {
            let Fate::Put(after) = meet(Some(&local), &incoming(Some("\"n\":1")), strategy, &[]).fate else {
                panic!("{local:?} is not kept");
            };
            assert_eq!(after.base.map(|base| base.position), Some(7), "{local:?}");
            assert_eq!(after.last_modified, Some(70));
        }
    }

    #[test]
    fn a_text_says_neither_id_nor_time_nor_status() {
        let text = r#""id":{},"n":1,"last_modified":"never","_st\u0061tus":7,"id":null"#;
        let incoming = incoming(Some(text));
        assert_eq!((&*incoming.remote.body, incoming.remote.last_modified), ("\"n\":1", Some(70)));
        assert_eq!(&*incoming.base.unwrap().text, text, "the digest is over what was written");
    }

    #[test]
    fn a_member_named_deleted_makes_no_tombstone() {
        let incoming = incoming(Some("\"deleted\":true,\"n\":1"));
        assert!(!incoming.remote.deleted);
        assert_eq!(&*incoming.remote.body, "\"deleted\":true,\"n\":1");
    }
}
