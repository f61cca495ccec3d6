//! The local journal: entries that name their base, and the rule that decides which of them are valid.
//!
//! A commit is one append, without a read before it and without a lock. This is safe because every reader follows one rule: **an entry whose
//! base is not the last valid entry before it is invalid (superseded).** A writer whose key is base + 1 knows that its entry is committed; any
//! other writer may have lost the race, and reads the tail. Two alternatives failed: with a lock or a leader tab, a hibernated leader blocks
//! all other tabs; and a read before each write costs as much as the write.
//!
//! Stored bytes, format 1 (`page` documents the pages):
//!
//! ```text
//! entry  := 1:u8 id:16 base_key:u64le base_id:16 page       the row's key is IndexedDB's auto-increment
//! head   := 1:u8 key:u64le id:16 (folded id:16)*            the compacted position; ids of the entries compacted last
//! ```

use crate::error::{Error, Result};

pub const FORMAT: u8 = 1;
/// How many ids of compacted entries the head keeps. A writer whose connection broke looks for its own entry there, and does so within seconds.
pub const FOLDED_IDS: usize = 1024;

/// The position of a valid entry: the key of its row and its own id. The key alone is not enough: after an aborted transaction another entry
/// can get the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub key: u64,
    pub id: u128,
}

/// One commit, as it is stored in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Random. A writer finds its entry by it when the answer to its transaction was lost.
    pub id: u128,
    /// The last valid entry at the time when the commit was decided.
    pub base: Position,
    pub page: Vec<u8>,
}

/// Rows of the journal: key and bytes.
pub type Rows = Vec<(u64, Vec<u8>)>;

/// All that the database of a collection holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub head: Head,
    pub segments: Vec<Vec<u8>>,
    pub journal: Rows,
}

/// The head of a collection's segments: up to where the journal has been compacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub position: Position,
    pub folded: Vec<u128>,
}

/// What a writer reads when it may have lost the race.
#[derive(Clone, Debug)]
pub enum Tail {
    /// The rows after the known position, which is still in the journal.
    Since(Rows),
    /// All that is stored: the known position was compacted away, or this is another database.
    Whole(Stored),
}

impl Entry {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.page.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.extend_from_slice(&self.base.key.to_le_bytes());
        bytes.extend_from_slice(&self.base.id.to_le_bytes());
        bytes.extend_from_slice(&self.page);
        bytes
    }
}

const HEADER: usize = 1 + 16 + 8 + 16;

/// A stored entry, decoded without copying its page.
#[derive(Clone, Copy, Debug)]
pub struct Stamped<'a> {
    pub id: u128,
    pub base: Position,
    pub page: &'a [u8],
}

pub fn read_entry(bytes: &[u8]) -> Result<Stamped<'_>> {
    let rest = expect_format(bytes)?;
    let (id, rest) = take_u128(rest)?;
    let (key, rest) = take_u64(rest)?;
    let (base_id, page) = take_u128(rest)?;
    Ok(Stamped {
        id,
        base: Position { key, id: base_id },
        page,
    })
}

impl Head {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.position.key.to_le_bytes());
        bytes.extend_from_slice(&self.position.id.to_le_bytes());
        for id in &self.folded {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        bytes
    }

    pub fn read(bytes: &[u8]) -> Result<Self> {
        let (key, rest) = take_u64(expect_format(bytes)?)?;
        let (id, mut rest) = take_u128(rest)?;
        let mut folded = Vec::new();
        while !rest.is_empty() {
            let (id, after) = take_u128(rest)?;
            folded.push(id);
            rest = after;
        }
        Ok(Head {
            position: Position { key, id },
            folded,
        })
    }

    /// The head after a compaction up to `position`; `folded` are the ids of the entries compacted now.
    pub fn after(&self, position: Position, folded: &[u128]) -> Self {
        let mut ids: Vec<u128> = self.folded.iter().chain(folded).copied().collect();
        ids.drain(..ids.len().saturating_sub(FOLDED_IDS));
        Head { position, folded: ids }
    }
}

fn expect_format(bytes: &[u8]) -> Result<&[u8]> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(rest),
        Some((&found, _)) if found > FORMAT => Err(Error::UpgradeRequired {
            found: found.into(),
            known: FORMAT.into(),
        }),
        _ => Err(damaged()),
    }
}

fn take_u64(bytes: &[u8]) -> Result<(u64, &[u8])> {
    bytes
        .split_first_chunk::<8>()
        .map(|(number, rest)| (u64::from_le_bytes(*number), rest))
        .ok_or_else(damaged)
}

fn take_u128(bytes: &[u8]) -> Result<(u128, &[u8])> {
    bytes
        .split_first_chunk::<16>()
        .map(|(number, rest)| (u128::from_le_bytes(*number), rest))
        .ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::storage("an entry of this collection's journal is damaged. Reload; if it stays, clear() it and sync again.")
}

/// Calls `each` with every valid entry after `from`, in order, and returns the position of the last one.
pub fn follow<'a>(from: Position, rows: &'a [(u64, Vec<u8>)], mut each: impl FnMut(Position, &'a [u8]) -> Result<()>) -> Result<Position> {
    let mut last = from;
    for (key, bytes) in rows.iter().filter(|(key, _)| *key > from.key) {
        let entry = read_entry(bytes)?;
        if entry.base == last {
            last = Position { key: *key, id: entry.id };
            each(last, entry.page)?;
        }
    }
    Ok(last)
}

/// Whether the tail may be read from `known` on: `known` is the compacted position, or that very entry is still in the journal. `at_known` is
/// the row with the key `known.key`, if there is one.
pub fn is_anchored(head: Position, at_known: Option<&[u8]>, known: Position) -> Result<bool> {
    if head == known {
        return Ok(true);
    }
    match at_known {
        Some(bytes) if head.key < known.key => Ok(read_entry(bytes)?.id == known.id),
        _ => Ok(false),
    }
}
