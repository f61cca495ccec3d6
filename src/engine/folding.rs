//! Folding the journal into segments, off the path of commits.

use super::resident::Resident;
use crate::error::Result;
use crate::ports::{Fold, Platform, Storage, Tabs};
use crate::pure::fold::{self, Kind, Sizes};
use crate::pure::journal::{Position, Stored};
use crate::pure::record::RecordId;
use crate::pure::state::Change;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the journal holds since the last fold.
#[derive(Debug, Default)]
pub struct Unfolded {
    /// The compacted position, as far as this tab knows.
    from: Position,
    ids: Vec<u128>,
    records: BTreeSet<RecordId>,
    notes: Vec<String>,
    cleared: bool,
    sizes: Sizes,
}

impl Unfolded {
    /// Which segments came by which kind of fold is not stored: the first ones that are full make the base.
    pub fn after(stored: &Stored) -> Self {
        let base = stored
            .segments
            .iter()
            .take_while(|segment| segment.len() >= fold::SEGMENT_BYTES)
            .count()
            .max(1)
            .min(stored.segments.len());
        let bytes = |segments: &[Vec<u8>]| segments.iter().map(Vec::len).sum();
        let sizes = Sizes {
            base_bytes: bytes(&stored.segments[..base]),
            added_segments: stored.segments.len() - base,
            added_bytes: bytes(&stored.segments[base..]),
            ..Sizes::default()
        };
        Unfolded {
            from: stored.head.position,
            sizes,
            ..Unfolded::default()
        }
    }

    pub fn add(&mut self, id: u128, changes: &[Change], bytes: usize) {
        self.ids.push(id);
        self.sizes.journal_rows += 1;
        self.sizes.journal_bytes += bytes;
        for change in changes {
            match change {
                Change::Put(id, _) | Change::Remove(id) | Change::Sending(id) => {
                    self.records.insert(id.clone());
                }
                Change::Note(name, _) if self.notes.contains(name) => {}
                Change::Note(name, _) => self.notes.push(name.clone()),
                Change::Clear => self.cleared = true,
            }
        }
    }

    /// What comes after a fold up to `upto`; `segments` are the bytes it wrote.
    fn folded(&self, upto: Position, kind: Kind, segments: &[Vec<u8>]) -> Self {
        let bytes = segments.iter().map(Vec::len).sum::<usize>();
        let sizes = match kind {
            Kind::Whole => Sizes {
                base_bytes: bytes,
                ..Sizes::default()
            },
            Kind::JournalOnly => Sizes {
                base_bytes: self.sizes.base_bytes,
                added_segments: self.sizes.added_segments + segments.len(),
                added_bytes: self.sizes.added_bytes + bytes,
                ..Sizes::default()
            },
        };
        Unfolded {
            from: upto,
            sizes,
            ..Unfolded::default()
        }
    }

    /// Takes over what was added since `self` was set as the successor of a fold that did not happen.
    fn restore(&mut self, mut before: Unfolded) {
        before.ids.append(&mut self.ids);
        before.records.extend(std::mem::take(&mut self.records));
        before.notes.retain(|name| !self.notes.contains(name));
        before.notes.append(&mut self.notes);
        before.cleared |= self.cleared;
        before.sizes.journal_rows += self.sizes.journal_rows;
        before.sizes.journal_bytes += self.sizes.journal_bytes;
        *self = before;
    }
}

impl<P: Platform> Resident<P> {
    /// Starts a fold beside the caller, if it is time and none is running here.
    pub(super) fn fold_if_due(self: &Rc<Self>) {
        let due = {
            let unfolded = self.unfolded.borrow();
            fold::due(unfolded.sizes, unfolded.cleared, self.platform.fold_limits())
        };
        if let Some(kind) = due
            && !self.folding.replace(true)
        {
            let resident = self.clone();
            self.platform.spawn(async move {
                // A fold that fails costs nothing but the next opening's speed; it is due again at the next commit.
                let _ = resident.fold(kind).await;
                resident.folding.set(false);
            });
        }
    }

    async fn fold(self: &Rc<Self>, kind: Kind) -> Result<()> {
        let lock = format!("{}/fold", self.collection.database());
        let Some(_guard) = self.platform.tabs().try_lock(&lock).await? else {
            return Ok(());
        };
        self.check_open()?;
        let (fold, before) = self.begin_fold(kind);
        match self.platform.storage().compact(&self.collection, fold).await {
            Ok(true) => Ok(()),
            Ok(false) => self.reload().await,
            Err(error) => {
                self.unfolded.borrow_mut().restore(before);
                Err(error)
            }
        }
    }

    /// Copies the state in one turn, so that it is the state of exactly one position.
    fn begin_fold(&self, kind: Kind) -> (Fold, Unfolded) {
        let state = self.state.borrow();
        let mut unfolded = self.unfolded.borrow_mut();
        // Something may have been cleared since this fold was found to be due.
        let kind = if unfolded.cleared { Kind::Whole } else { kind };
        let segments = match kind {
            Kind::Whole => fold::whole(&state),
            Kind::JournalOnly => fold::journal_only(&state, &unfolded.records, &unfolded.notes),
        };
        let upto = self.position.get();
        let next = unfolded.folded(upto, kind, &segments);
        let before = std::mem::replace(&mut *unfolded, next);
        let fold = Fold {
            from: before.from,
            upto,
            keep: kind == Kind::JournalOnly,
            segments,
            folded: before.ids.clone(),
        };
        (fold, before)
    }
}
