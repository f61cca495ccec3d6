//! Compaction: replaces journal entries by segments, beside the commits and not within them.

use super::resident::Resident;
use crate::error::Result;
use crate::ports::{Clock, Fold, Platform, Storage, Tabs};
use crate::pure::fold::{self, DeletedContent, Kind, Sizes};
use crate::pure::journal::{Position, Stored};
use crate::pure::operations::METADATA;
use crate::pure::record::RecordId;
use crate::pure::sealed::known::{self, is_held};
use crate::pure::state::Change;
use futures_channel::oneshot;
use futures_util::future::select;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the journal contains since the last compaction.
#[derive(Debug, Default)]
pub struct Unfolded {
    /// The compacted position, as far as this tab knows.
    from: Position,
    ids: Vec<u128>,
    records: BTreeSet<RecordId>,
    notes: BTreeSet<String>,
    cleared: bool,
    /// Removed content is still in the journal or in a segment. All segments have to be written anew to erase it.
    pub(super) holds_removed: bool,
    sizes: Sizes,
}

impl Unfolded {
    /// The initial value for a database as stored. It is not stored which segments a compaction of everything wrote and which were added
    /// later; the leading full segments are counted as the base.
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
        self.holds_removed |= changes.iter().any(removes);
        for change in changes {
            match change {
                Change::Put(id, _) | Change::Remove(id) | Change::Sending(id) => {
                    self.records.insert(id.clone());
                }
                Change::Note(name, _) => {
                    self.notes.insert(name.clone());
                }
                Change::Clear => self.cleared = true,
            }
        }
    }

    /// The value after a compaction up to `upto` that wrote `segments`.
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
            holds_removed: self.holds_removed && kind == Kind::JournalOnly,
            ..Unfolded::default()
        }
    }

    /// Undoes [`Unfolded::folded`] for a compaction that failed: `before` is the value before it, to which everything is added that came
    /// meanwhile.
    fn restore(&mut self, mut before: Unfolded) {
        before.ids.append(&mut self.ids);
        before.records.extend(std::mem::take(&mut self.records));
        before.notes.extend(std::mem::take(&mut self.notes));
        before.cleared |= self.cleared;
        before.holds_removed |= self.holds_removed;
        before.sizes.journal_rows += self.sizes.journal_rows;
        before.sizes.journal_bytes += self.sizes.journal_bytes;
        *self = before;
    }
}

/// Whether this change removes content that no later change contains. Content that an edit replaces does not count; it stays on disk until
/// the next compaction.
pub(super) fn removes(change: &Change) -> bool {
    match change {
        Change::Put(_, row) => !row.is_live(),
        Change::Remove(_) | Change::Clear => true,
        Change::Note(name, None) => name == METADATA || is_held(name),
        Change::Note(..) | Change::Sending(_) => false,
    }
}

impl<P: Platform> Resident<P> {
    /// Starts a compaction in a task of its own, if one is due and none is running in this tab.
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
                // A failed compaction only makes the next opening slower. It is due again at the next commit.
                let _ = resident.fold(kind).await;
                resident.folding.set(false);
            });
        }
    }

    fn fold_lock(&self) -> String {
        format!("{}/fold", self.collection.database())
    }

    async fn fold(self: &Rc<Self>, kind: Kind) -> Result<()> {
        let Some(_guard) = self.platform.tabs().try_lock(&self.fold_lock()).await? else {
            return Ok(());
        };
        self.check_open()?;
        self.fold_locked(kind).await
    }

    /// Starts to rewrite the segments without removed content, after `ms` milliseconds. Nothing waits for it. If the collection is closed
    /// meanwhile, the rewrite happens when it is closed or opened again.
    pub(super) fn erase_after(self: &Rc<Self>, ms: u64) {
        if !self.holds_removed() || self.erasing.replace(true) {
            return;
        }
        let (resident, platform) = (Rc::downgrade(self), self.platform.clone());
        self.platform.spawn(async move {
            platform.clock().sleep_ms(ms).await;
            // `close()` has taken over the rewrite.
            if let Some(resident) = resident.upgrade().filter(|resident| !resident.closed.get()) {
                // Content that is removed from now on may miss this rewrite, so it starts another one.
                resident.erasing.set(false);
                let _ = resident.erase().await;
            }
        });
    }

    pub(super) fn erase_in_time(self: &Rc<Self>) {
        let delay_ms = self.unfolded.borrow().sizes.erasure_delay_ms();
        self.erase_after(delay_ms);
    }

    pub fn holds_removed(&self) -> bool {
        self.unfolded.borrow().holds_removed
    }

    /// Writes all segments anew, without removed content.
    async fn erase(self: &Rc<Self>) -> Result<()> {
        const ATTEMPTS: usize = 3;
        if !self.holds_removed() {
            return Ok(());
        }
        let _guard = self.platform.tabs().lock(&self.fold_lock()).await?;
        for _ in 0..ATTEMPTS {
            // If another tab compacted first, its segments are read here; they may contain removed content too, so try again.
            if self.holds_removed() {
                self.fold_locked(Kind::Whole).await?;
            }
        }
        Ok(())
    }

    /// Like [`Resident::erase`], for a caller that waits. Waits at most two seconds, because another tab that holds the lock may be
    /// suspended.
    pub async fn erase_now(self: &Rc<Self>) {
        const PATIENCE_MS: u64 = 2_000;
        let (done, erased) = oneshot::channel::<()>();
        let resident = self.clone();
        self.platform.spawn(async move {
            let _ = resident.erase().await;
            drop(done);
        });
        select(erased, Box::pin(self.platform.clock().sleep_ms(PATIENCE_MS))).await;
    }

    async fn fold_locked(self: &Rc<Self>, kind: Kind) -> Result<()> {
        let (fold, before) = self.begin_fold(kind);
        match self.platform.storage().compact(&self.collection, fold).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.check_open()?;
                self.reload().await
            }
            Err(error) => {
                self.unfolded.borrow_mut().restore(before);
                Err(error)
            }
        }
    }

    /// Copies the state synchronously, so that the segments are the state at exactly one position.
    fn begin_fold(&self, kind: Kind) -> (Fold, Unfolded) {
        let state = self.state.borrow();
        let mut unfolded = self.unfolded.borrow_mut();
        // The journal may have been cleared since this compaction was found to be due.
        let kind = if unfolded.cleared { Kind::Whole } else { kind };
        // While a sealed page may have reached the server, keep the content of records deleted since: it becomes their base when the page
        // is acknowledged.
        let deleted = match self.keeps_deleted.get() || known::has_pending(&state) {
            true => DeletedContent::Keep,
            false => DeletedContent::Drop,
        };
        let segments = match kind {
            Kind::Whole => fold::whole(&state, deleted),
            Kind::JournalOnly => fold::journal_only(&state, &unfolded.records, &unfolded.notes, deleted),
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
