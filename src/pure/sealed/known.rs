//! Reads the chain state, and what belongs to it, from the notes and rows of a collection.

use super::held::{self, Held};
use super::home::{self, GROUP, Home, JOURNAL, PAGE, PENDING, PageNote};
use super::pending::{self, Pending};
use super::seal::Hash;
use super::snapshot::Ledger;
use crate::pure::json;
use crate::pure::record::RecordId;
use crate::pure::state::State;
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default)]
pub struct Known {
    pub home: Home,
    /// The hashes of pages since the snapshot before the latest one, in the order of positions; `None` for a void position.
    pub hashes: Vec<(u64, Option<Hash>)>,
    pub pending: Vec<Pending>,
    pub held: Vec<Held>,
}

impl Known {
    pub fn of(state: &State) -> Self {
        let with = |prefix: &'static str| notes(state, prefix);
        Known {
            home: home(state),
            hashes: with(PAGE)
                .filter_map(|(name, note)| Some((home::read_page_note(name)?, PageNote::read(note).hash)))
                .collect(),
            pending: pending::read_all(with(PENDING)),
            held: held(state).collect(),
        }
    }

    pub fn hash(&self, position: u64) -> Option<Hash> {
        self.hash_or_void(position).flatten()
    }

    /// The hash at a position, if it is known; the inner `None` is a void position.
    pub fn hash_or_void(&self, position: u64) -> Option<Option<Hash>> {
        let index = self.hashes.binary_search_by_key(&position, |(at, _)| *at).ok()?;
        self.hashes.get(index).map(|(_, hash)| *hash)
    }

    pub fn open(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| held.is_open)
    }
}

pub fn home(state: &State) -> Home {
    state.notes.get(JOURNAL).map_or_else(Home::default, |note| Home::read(note))
}

fn notes<'a>(state: &'a State, prefix: &'static str) -> impl Iterator<Item = (&'a String, &'a String)> {
    state.notes.range(prefix.to_owned()..).take_while(move |(name, _)| name.starts_with(prefix))
}

fn held(state: &State) -> impl Iterator<Item = Held> {
    notes(state, "held ").filter_map(|(_, note)| Held::read(note))
}

/// All records of the journal with their versions, as far as this device has read it.
pub fn ledger(state: &State) -> Ledger {
    let mut ledger = Ledger::new();
    for (id, row) in &state.rows {
        if let Some(base) = row.base.as_ref().filter(|base| base.position > 0) {
            ledger.insert(id.clone(), base.clone());
        }
    }
    for Held { arrival, .. } in held(state) {
        match arrival.base() {
            Some(base) => drop(ledger.insert(arrival.change.id, base)),
            None => drop(ledger.remove(&arrival.change.id)),
        }
    }
    ledger
}

/// The groups of records that one `execute` wrote, each with the name of its note.
pub fn groups(state: &State) -> Vec<(String, BTreeSet<RecordId>)> {
    let read = |note: &String| json::elements(note).into_iter().flatten().filter_map(|id| RecordId::read(id).ok()).collect();
    notes(state, GROUP).map(|(name, note)| (name.clone(), read(note))).collect()
}

/// The notes of all pages, in the order of positions.
pub fn page_notes(state: &State) -> Vec<(u64, PageNote)> {
    notes(state, PAGE)
        .filter_map(|(name, note)| Some((home::read_page_note(name)?, PageNote::read(note))))
        .collect()
}

/// The pages since the latest snapshot, newest first: position and note.
pub fn pages(state: &State) -> Vec<(u64, PageNote)> {
    let snapshot = home(state).snapshot;
    let mut pages = page_notes(state);
    pages.retain(|(position, _)| *position >= snapshot);
    pages.reverse();
    pages
}

/// Whether there is a page that was sealed here and may have reached the server.
pub fn has_pending(state: &State) -> bool {
    notes(state, PENDING).next().is_some()
}

pub fn is_held(name: &str) -> bool {
    held::is_note(name)
}
