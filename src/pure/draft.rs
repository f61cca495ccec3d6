//! A change in the making: its own writes are visible to its reads, and nothing is decided yet.

use super::record::{RecordId, Row};
use super::state::{Change, State};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Reads go through to the state; writes stay here until [`Draft::into_changes`].
///
/// The state is borrowed for one read at a time and never across a call, since the user's code runs in between.
#[derive(Debug)]
pub struct Draft {
    state: Rc<RefCell<State>>,
    staged: BTreeMap<RecordId, Option<Row>>,
    notes: BTreeMap<String, Option<String>>,
    cleared: bool,
    changes: Vec<Change>,
}

impl Draft {
    pub fn new(state: Rc<RefCell<State>>) -> Self {
        Draft {
            state,
            staged: BTreeMap::new(),
            notes: BTreeMap::new(),
            cleared: false,
            changes: Vec::new(),
        }
    }

    pub fn row(&self, id: &RecordId) -> Option<Row> {
        match self.staged.get(id) {
            Some(staged) => staged.clone(),
            None if self.cleared => None,
            None => self.state.borrow().rows.get(id).cloned(),
        }
    }

    /// Every row, in the order of ids.
    pub fn rows(&self) -> Vec<(RecordId, Row)> {
        let mut rows = if self.cleared { BTreeMap::new() } else { self.state.borrow().rows.clone() };
        for (id, row) in &self.staged {
            match row {
                Some(row) => rows.insert(id.clone(), row.clone()),
                None => rows.remove(id),
            };
        }
        rows.into_iter().collect()
    }

    pub fn note(&self, name: &str) -> Option<String> {
        match self.notes.get(name) {
            Some(staged) => staged.clone(),
            None if self.cleared => None,
            None => self.state.borrow().notes.get(name).cloned(),
        }
    }

    pub fn note_names(&self) -> Vec<String> {
        let mut names: Vec<String> = if self.cleared {
            Vec::new()
        } else {
            self.state.borrow().notes.keys().cloned().collect()
        };
        names.extend(self.notes.keys().cloned());
        names
    }

    pub fn put(&mut self, id: &RecordId, row: Row) {
        self.changes.push(Change::Put(id.clone(), row.clone()));
        self.staged.insert(id.clone(), Some(row));
    }

    pub fn remove(&mut self, id: &RecordId) {
        self.changes.push(Change::Remove(id.clone()));
        self.staged.insert(id.clone(), None);
    }

    /// The record's content as it is now is being handed to the network.
    pub fn sending(&mut self, id: &RecordId) {
        if let Some(mut row) = self.row(id) {
            row.sent = Some(super::state::present_content(&row));
            self.changes.push(Change::Sending(id.clone()));
            self.staged.insert(id.clone(), Some(row));
        }
    }

    pub fn set_note(&mut self, name: &str, text: Option<String>) {
        if self.note(name) != text {
            self.changes.push(Change::Note(name.to_owned(), text.clone()));
            self.notes.insert(name.to_owned(), text);
        }
    }

    pub fn clear(&mut self) {
        self.staged.clear();
        self.notes.clear();
        self.cleared = true;
        self.changes.push(Change::Clear);
    }

    /// How many changes so far.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}
