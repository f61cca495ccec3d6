//! When and how a journal is folded into segments.
//!
//! Two ways, so that a large collection with small edits rewrites little: the journal alone becomes further segments,
//! until these together outweigh half of everything; then all segments are written anew.

use super::page;
use super::record::{RecordId, Row};
use super::state::State;
use std::collections::BTreeSet;

/// What the decision is made on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Rows and bytes of the journal since the last fold.
    pub journal_rows: usize,
    pub journal_bytes: usize,
    /// Bytes of the segments of the last whole fold.
    pub base_bytes: usize,
    /// Segments and bytes added since by folds of the journal alone.
    pub added_segments: usize,
    pub added_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JournalOnly,
    Whole,
}

/// How much journal is left unfolded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub rows: usize,
    pub bytes: usize,
}

impl Default for Limits {
    /// Opening pays per row: so many rows cost about what reading a megabyte does.
    fn default() -> Self {
        Limits { rows: 256, bytes: 1 << 20 }
    }
}

impl Sizes {
    /// How long removed content may stay on disk. Removing it rewrites everything, so the delay grows with the size: however
    /// often records are deleted, about a megabyte a second is written at most.
    pub fn erasure_delay_ms(&self) -> u64 {
        let bytes = self.base_bytes + self.added_bytes + self.journal_bytes;
        (bytes as u64 / 1024).clamp(100, 60_000)
    }
}

const ADDED_SEGMENTS: usize = 64;
pub const SEGMENT_BYTES: usize = 256 << 10;

/// Whether it is time. `cleared`: the journal removed everything, so what is in the segments must go.
pub fn due(sizes: Sizes, cleared: bool, limits: Limits) -> Option<Kind> {
    if sizes.journal_rows < limits.rows && sizes.journal_bytes < limits.bytes {
        return None;
    }
    let added = sizes.added_bytes + sizes.journal_bytes;
    let whole = cleared || sizes.added_segments >= ADDED_SEGMENTS || added * 2 > sizes.base_bytes;
    Some(if whole { Kind::Whole } else { Kind::JournalOnly })
}

/// What becomes of the content of records that were deleted here and whose deletion the server does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedContent {
    /// The app's transformers get it once more.
    Keep,
    Drop,
}

/// Everything that lives.
pub fn whole(state: &State, deleted: DeletedContent) -> Vec<Vec<u8>> {
    let mut segments = Segments::new(state.notes.iter().map(|(name, text)| (name.as_str(), Some(text.as_str()))));
    for (id, row) in &state.rows {
        segments.push(|out| write_row(out, id, row, deleted));
    }
    segments.close()
}

fn write_row(out: &mut Vec<u8>, id: &RecordId, row: &Row, deleted: DeletedContent) {
    let bare = if deleted == DeletedContent::Drop {
        row.without_deleted_content()
    } else {
        None
    };
    page::write_put(out, id, bare.as_ref().unwrap_or(row));
}

/// What changed since the last fold; removed rows leave a removal.
pub fn journal_only(state: &State, touched: &BTreeSet<RecordId>, touched_notes: &BTreeSet<String>, deleted: DeletedContent) -> Vec<Vec<u8>> {
    let notes = touched_notes.iter().map(|name| (name.as_str(), state.notes.get(name).map(String::as_str)));
    let mut segments = Segments::new(notes);
    for id in touched {
        segments.push(|out| match state.rows.get(id) {
            Some(row) => write_row(out, id, row, deleted),
            None => page::write_remove(out, id),
        });
    }
    segments.close()
}

struct Segments {
    full: Vec<Vec<u8>>,
    open: Vec<u8>,
}

impl Segments {
    fn new<'a>(notes: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let mut segments = Segments {
            full: Vec::new(),
            open: page::begin(),
        };
        for (name, text) in notes {
            segments.push(|out| page::write_note(out, name, text));
        }
        segments
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.open.len() >= SEGMENT_BYTES {
            self.full.push(std::mem::replace(&mut self.open, page::begin()));
        }
        write(&mut self.open);
    }

    fn close(mut self) -> Vec<Vec<u8>> {
        if self.open.len() > 1 {
            self.full.push(self.open);
        }
        self.full
    }
}
