//! Compaction of the local journal: when journal entries are replaced by segments, and how.
//!
//! There are two kinds, so that small edits to a large collection rewrite little. Usually only the journal is written as further segments. When
//! these weigh more than half of the base segments, all segments are written anew.

use super::page;
use super::record::{RecordId, Row};
use super::state::State;
use std::collections::BTreeSet;

/// Input of the decision whether to compact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Rows and bytes in the journal since the last compaction.
    pub journal_rows: usize,
    pub journal_bytes: usize,
    /// Bytes of the segments that the last whole compaction wrote.
    pub base_bytes: usize,
    /// Segments and bytes that journal-only compactions have added since.
    pub added_segments: usize,
    pub added_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JournalOnly,
    Whole,
}

/// How much of the journal may stay uncompacted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub rows: usize,
    pub bytes: usize,
}

impl Default for Limits {
    /// Opening a collection costs time per row: reading 256 rows takes about as long as reading one megabyte.
    fn default() -> Self {
        Limits { rows: 256, bytes: 1 << 20 }
    }
}

impl Sizes {
    /// The longest time (ms) that removed content stays on disk. Removing it rewrites everything, so the delay grows with the size: at most
    /// about a megabyte a second is written, however often records are deleted.
    pub fn erasure_delay_ms(&self) -> u64 {
        let bytes = self.base_bytes + self.added_bytes + self.journal_bytes;
        (bytes as u64 / 1024).clamp(100, 60_000)
    }
}

const ADDED_SEGMENTS: usize = 64;
pub const SEGMENT_BYTES: usize = 256 << 10;

/// Decides whether to compact now. `cleared`: the journal has removed everything, so the content of the segments must be removed too.
pub fn due(sizes: Sizes, cleared: bool, limits: Limits) -> Option<Kind> {
    if sizes.journal_rows < limits.rows && sizes.journal_bytes < limits.bytes {
        return None;
    }
    let added = sizes.added_bytes + sizes.journal_bytes;
    let whole = cleared || sizes.added_segments >= ADDED_SEGMENTS || added * 2 > sizes.base_bytes;
    Some(if whole { Kind::Whole } else { Kind::JournalOnly })
}

/// What compaction does with the content of records that were deleted here and whose deletion the server does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedContent {
    /// Keep it: the app's transformers get it once more, when the deletion is pushed.
    Keep,
    Drop,
}

/// Segments with all current rows and notes.
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

/// Segments with what changed since the last compaction. A removed row is written as a removal.
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
