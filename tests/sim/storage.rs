//! A simulated disk that is slow, loses connections, and can be made to break each rule of the journal.

use super::executor::{Dice, Executor};
use essaim::error::{Error, Result};
use essaim::memory::MemoryStorage;
use essaim::ports::{Appended, CollectionId, Fold, Storage};
use essaim::pure::journal::{Entry, Position, Stored, Tail, follow, read_entry};
use essaim::pure::page;
use essaim::pure::state::Change;
use futures_util::FutureExt;
use std::cell::Cell;
use std::rc::Rc;

/// The rules of the journal that a storage has to keep. A test removes each of them to show that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A writer that lost its connection looks for its entry's id before it appends again.
    LookForTheEntry,
    /// The tail is read together with the compacted position. A known position that was compacted away is no valid start.
    CompactedPositionWithTheTail,
    /// A compaction is abandoned if the compacted position is not the one that it started from, or if its last entry is gone.
    CompareBeforeFolding,
    /// An entry whose key is uncertain, or not right after its base, may be invalid (superseded): its writer has to check.
    KeyRightAfterTheBase,
}

#[derive(Clone)]
pub struct Disk {
    pub memory: MemoryStorage,
    pub executor: Executor,
    pub dice: Rc<Dice>,
    /// How often (per mille) a connection is lost.
    pub lost_permille: Rc<Cell<usize>>,
    pub without: Option<Rule>,
}

/// Passes every change that a database has to `each`, in order.
pub fn each_change(stored: &Stored, mut each: impl FnMut(Change)) {
    let mut read = |bytes: &[u8]| page::read(bytes).expect("a page").into_iter().for_each(&mut each);
    stored.segments.iter().for_each(|segment| read(segment));
    let followed = follow(stored.head.position, &stored.journal, |_, bytes| {
        read(bytes);
        Ok(())
    });
    followed.expect("a journal");
}

impl Disk {
    /// All collections on this disk.
    pub fn databases(&self) -> Vec<Stored> {
        let open = |collection| self.memory.open(collection).now_or_never().expect("memory answers at once").expect("it opens");
        self.memory.collections().iter().map(open).collect()
    }

    /// A point at which the tab can be killed or another tab can go first.
    async fn pause(&self) {
        self.executor.sleep(self.dice.below(4) as u64).await;
    }

    fn lost(&self) -> bool {
        self.dice.permille(self.lost_permille.get())
    }

    async fn append_again(&self, collection: &CollectionId, entry: Entry) -> Result<Appended> {
        self.pause().await;
        let stored = self.memory.open(collection).await?;
        let found = stored
            .journal
            .iter()
            .find(|(_, bytes)| read_entry(bytes).is_ok_and(|row| row.id == entry.id))
            .map(|(key, _)| *key);
        let folded = stored.head.folded.contains(&entry.id);
        match found {
            Some(key) => Ok(Appended { key, certain: false }),
            None if folded => Ok(Appended { key: 0, certain: false }),
            None => Ok(Appended {
                certain: false,
                ..self.memory.append(collection, entry).await?
            }),
        }
    }
}

impl Storage for Disk {
    async fn open(&self, collection: &CollectionId) -> Result<Stored> {
        self.pause().await;
        self.memory.open(collection).await
    }

    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended> {
        self.pause().await;
        if self.lost() {
            let mut again = entry.clone();
            if self.without == Some(Rule::LookForTheEntry) {
                // As if entries had no ids: the tab's own entry cannot be told from those of others.
                again.id ^= 1;
            }
            if self.dice.permille(500) {
                self.memory
                    .append(
                        collection,
                        Entry {
                            id: entry.id ^ (u128::from(again.id != entry.id) << 1),
                            ..entry
                        },
                    )
                    .await?;
            }
            return self.append_again(collection, again).await;
        }
        let base = entry.base;
        let told = format!("{:?}", essaim::pure::page::read(&entry.page));
        let appended = self.memory.append(collection, entry).await?;
        super::world::narrate(|| format!("    append {} on {}: {told}", appended.key, base.key));
        self.pause().await;
        if self.without == Some(Rule::KeyRightAfterTheBase) {
            return Ok(Appended {
                key: base.key + 1,
                certain: true,
            });
        }
        Ok(appended)
    }

    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)> {
        self.pause().await;
        if self.lost() {
            return Err(Error::StorageLost { message: "simulated".into() });
        }
        let rows_only = self.without == Some(Rule::CompactedPositionWithTheTail);
        let decided = self.memory.decide(collection, known, |tail| match tail {
            Tail::Whole(stored) if rows_only => decide(Tail::Since(stored.journal.into_iter().filter(|(key, _)| *key > known.key).collect())),
            tail => decide(tail),
        });
        let decided = decided.await;
        super::world::narrate(|| format!("    decided on {}: {:?}", known.key, decided.as_ref().map(|(key, _)| *key)));
        self.pause().await;
        decided
    }

    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool> {
        self.pause().await;
        let told = format!("fold from {} to {}, keep {}", fold.from.key, fold.upto.key, fold.keep);
        let done = match self.without {
            Some(Rule::CompareBeforeFolding) => self.memory.compact_blindly(collection, fold).map(|()| true),
            _ => self.memory.compact(collection, fold).await,
        };
        super::world::narrate(|| format!("    {told}: {done:?}"));
        self.pause().await;
        done
    }

    async fn forget(&self, collection: &CollectionId) -> Result<()> {
        self.memory.forget(collection).await
    }

    fn is_persistent(&self, _: &CollectionId) -> bool {
        true
    }
}
