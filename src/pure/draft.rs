//! Draft of a commit: its reads see its own writes; nothing is stored yet.

use super::record::{RecordId, Row, is_bare_deletion, is_no_record};
use super::sealed::RECORD_BYTES;
use super::sealed::home::GROUP;
use super::state::{Change, State};
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Reads fall through to the state; writes stay in the draft until [`Draft::into_changes`].
///
/// The state is borrowed for one read at a time and never across a call, since the user's code runs in between.
#[derive(Debug)]
pub struct Draft {
    state: Rc<RefCell<State>>,
    staged: BTreeMap<RecordId, Row>,
    removed: BTreeSet<RecordId>,
    notes: BTreeMap<String, Option<String>>,
    cleared: bool,
    changes: Vec<Change>,
    /// The most bytes that a record may have in an encrypted collection, where it has to fit into a page. `None` in a plain collection.
    record_bytes: Option<usize>,
}

impl Draft {
    pub fn new(state: Rc<RefCell<State>>) -> Self {
        Draft {
            state,
            staged: BTreeMap::new(),
            removed: BTreeSet::new(),
            notes: BTreeMap::new(),
            cleared: false,
            changes: Vec::new(),
            record_bytes: None,
        }
    }

    /// A draft for an encrypted collection.
    pub fn sealed(state: Rc<RefCell<State>>) -> Self {
        Draft {
            record_bytes: Some(RECORD_BYTES),
            ..Draft::new(state)
        }
    }

    pub fn is_sealed(&self) -> bool {
        self.record_bytes.is_some()
    }

    /// Refuses a record that cannot be stored. Errors: `limit`, and `invalid_record` for a plain record whose only field is `deleted: true`.
    pub fn check_size(&self, id: &RecordId, row: &Row) -> Result<()> {
        if !self.is_sealed() && row.is_live() && is_bare_deletion(&row.body) {
            return Err(is_no_record());
        }
        self.check_bytes(id, row.body.len() + id.as_json().len())
    }

    fn check_bytes(&self, id: &RecordId, bytes: usize) -> Result<()> {
        match self.record_bytes {
            Some(limit_bytes) if bytes > limit_bytes => Err(Error::Limit {
                id: id.display(),
                bytes,
                limit_bytes,
            }),
            _ => Ok(()),
        }
    }

    /// Ends one `execute()`. In an encrypted collection all that it wrote is published in one page, so the ids are noted together under this
    /// name. Errors: `limit`, if the records together are too large for a page.
    pub fn close_execute(&mut self, name: &str) -> Result<()> {
        let touched: BTreeSet<RecordId> = self.staged.keys().chain(&self.removed).cloned().collect();
        let (Some(_), Some(first)) = (self.record_bytes, touched.first()) else {
            return Ok(());
        };
        let bytes = |id: &RecordId| self.staged.get(id).map_or(0, |row| row.body.len()) + id.as_json().len();
        self.check_bytes(first, touched.iter().map(bytes).sum())?;
        if touched.len() > 1 {
            let ids: Vec<&str> = touched.iter().map(RecordId::as_json).collect();
            let note = format!("[{}]", ids.join(","));
            self.set_note(&format!("{GROUP}{name}"), Some(note));
        }
        Ok(())
    }

    pub fn row(&self, id: &RecordId) -> Option<Row> {
        match self.staged.get(id) {
            Some(staged) => Some(staged.clone()),
            None if self.cleared || self.removed.contains(id) => None,
            None => self.state.borrow().rows.get(id).cloned(),
        }
    }

    /// All rows, in the order of their ids.
    pub fn rows(&self) -> Vec<(RecordId, Row)> {
        let state = self.state.borrow();
        let is_stored = |id: &RecordId| !self.cleared && !self.removed.contains(id) && !self.staged.contains_key(id);
        let mut staged = self.staged.iter().peekable();
        let mut rows: Vec<(&RecordId, &Row)> = Vec::new();
        for stored in state.rows.iter().filter(|(id, _)| is_stored(id)) {
            while let Some(earlier) = staged.next_if(|(id, _)| *id < stored.0) {
                rows.push(earlier);
            }
            rows.push(stored);
        }
        rows.extend(staged);
        rows.into_iter().map(|(id, row)| (id.clone(), row.clone())).collect()
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
        self.stage(id, row);
    }

    fn stage(&mut self, id: &RecordId, row: Row) {
        self.removed.remove(id);
        self.staged.insert(id.clone(), row);
    }

    pub fn remove(&mut self, id: &RecordId) {
        self.changes.push(Change::Remove(id.clone()));
        self.staged.remove(id);
        self.removed.insert(id.clone());
    }

    /// Notes that the record's present content is about to be sent (see [`super::record::Sent`]).
    pub fn sending(&mut self, id: &RecordId) {
        if let Some(mut row) = self.row(id) {
            row.sent = Some(super::state::present_content(&row));
            self.changes.push(Change::Sending(id.clone()));
            self.stage(id, row);
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
        self.removed.clear();
        self.notes.clear();
        self.cleared = true;
        self.changes.push(Change::Clear);
    }

    /// Whether this draft removed everything.
    pub fn is_cleared(&self) -> bool {
        self.cleared
    }

    /// The number of changes so far.
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
