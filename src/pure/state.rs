//! State of a collection: rows and notes, and the changes that modify them.

use super::record::{RecordId, Row, Sent, Status};
use std::collections::BTreeMap;

/// A modification of a state. A page is a list of changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Put(RecordId, Row),
    Remove(RecordId),
    /// Sets or removes a note. Notes are kept beside the records and committed with them: the server's metadata, a cursor for each remote.
    Note(String, Option<String>),
    /// The record's present content is about to be sent (see [`Sent`]). Only the id is stored, so that a push does not store the content twice.
    Sending(RecordId),
    /// Removes every row and note.
    Clear,
}

/// Rows by id, in the order in which IndexedDB would have them, and notes by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub rows: BTreeMap<RecordId, Row>,
    pub notes: BTreeMap<String, String>,
    /// The number of rows that the server has not acknowledged. Counted with each change, since every commit asks for it.
    unsynced: usize,
}

impl State {
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put(id, row) => {
                self.unsynced += usize::from(row.is_dirty());
                let old = self.rows.insert(id, row);
                self.forget_unsynced(old);
            }
            Change::Remove(id) => {
                let old = self.rows.remove(&id);
                self.forget_unsynced(old);
            }
            Change::Note(name, Some(text)) => {
                self.notes.insert(name, text);
            }
            Change::Note(name, None) => {
                self.notes.remove(&name);
            }
            Change::Sending(id) => {
                if let Some(row) = self.rows.get_mut(&id) {
                    row.sent = Some(present_content(row));
                }
            }
            Change::Clear => *self = State::default(),
        }
    }

    fn forget_unsynced(&mut self, old: Option<Row>) {
        self.unsynced -= usize::from(old.is_some_and(|old| old.is_dirty()));
    }

    /// Whether the state has the row or note that this change is about.
    pub fn has(&self, change: &Change) -> bool {
        match change {
            Change::Put(id, _) | Change::Remove(id) | Change::Sending(id) => self.rows.contains_key(id),
            Change::Note(name, _) => self.notes.contains_key(name),
            Change::Clear => true,
        }
    }

    pub fn unsynced(&self) -> usize {
        self.unsynced
    }
}

/// What a push of this row would send to the server.
pub fn present_content(row: &Row) -> Sent {
    match row.status {
        Status::Deleted => Sent::Deletion,
        _ => Sent::Body(row.body.clone()),
    }
}
