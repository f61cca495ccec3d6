//! The reference storage, in memory: private browsing falls back to it, and tests try every rule on it first.
//!
//! It stores bytes, exactly as IndexedDB does, so that state which does not survive serialization fails here too. A clone shares the
//! stored data, as another tab would.

use crate::error::Result;
use crate::ports::{Appended, CollectionId, Fold, Storage};
use crate::pure::journal::{Entry, Head, Position, Rows, Stored, Tail, is_anchored, read_entry};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    databases: Rc<RefCell<Vec<(CollectionId, Database)>>>,
}

#[derive(Clone, Debug, Default)]
struct Database {
    head: Option<Vec<u8>>,
    segments: Vec<Vec<u8>>,
    /// Ordered by key.
    journal: Rows,
    /// The last key that was assigned. No key is assigned twice, as with IndexedDB's key generator.
    last_key: u64,
}

impl Database {
    fn head(&self) -> Result<Head> {
        self.head.as_deref().map_or_else(|| Ok(Head::default()), Head::read)
    }

    fn rows_after(&self, key: u64) -> Rows {
        self.journal.iter().filter(|(row, _)| *row > key).cloned().collect()
    }

    fn stored(&self) -> Result<Stored> {
        Ok(Stored {
            head: self.head()?,
            segments: self.segments.clone(),
            journal: self.rows_after(0),
        })
    }

    fn tail(&self, known: Position) -> Result<Tail> {
        let at_known = self.journal.iter().find(|(key, _)| *key == known.key).map(|(_, bytes)| bytes.as_slice());
        if is_anchored(self.head()?.position, at_known, known)? {
            Ok(Tail::Since(self.rows_after(known.key)))
        } else {
            self.stored().map(Tail::Whole)
        }
    }

    fn replace(&mut self, head: &Head, fold: Fold) {
        if !fold.keep {
            self.segments.clear();
        }
        self.segments.extend(fold.segments);
        self.head = Some(head.after(fold.upto, &fold.folded).to_bytes());
        self.journal.retain(|(key, _)| *key > fold.upto.key);
    }

    fn add(&mut self, entry: &Entry) -> u64 {
        self.last_key += 1;
        self.journal.push((self.last_key, entry.to_bytes()));
        self.last_key
    }
}

impl MemoryStorage {
    /// Whether this collection was ever opened here.
    pub fn has(&self, collection: &CollectionId) -> bool {
        self.databases.borrow().iter().any(|(known, _)| known == collection)
    }

    /// Every collection that was opened here.
    pub fn collections(&self) -> Vec<CollectionId> {
        self.databases.borrow().iter().map(|(known, _)| known.clone()).collect()
    }

    /// [`Storage::compact`] without its checks, for tests that show what would happen without them.
    pub fn compact_blindly(&self, collection: &CollectionId, fold: Fold) -> Result<()> {
        self.with(collection, |database| {
            let head = database.head()?;
            database.replace(&head, fold);
            Ok(())
        })
    }

    fn with<R>(&self, collection: &CollectionId, work: impl FnOnce(&mut Database) -> R) -> R {
        let mut databases = self.databases.borrow_mut();
        let at = databases.iter().position(|(known, _)| known == collection).unwrap_or_else(|| {
            databases.push((collection.clone(), Database::default()));
            databases.len() - 1
        });
        work(&mut databases[at].1)
    }
}

impl Storage for MemoryStorage {
    async fn open(&self, collection: &CollectionId) -> Result<Stored> {
        self.with(collection, |database| database.stored())
    }

    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended> {
        Ok(Appended {
            key: self.with(collection, |database| database.add(&entry)),
            certain: true,
        })
    }

    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)> {
        let tail = self.with(collection, |database| database.tail(known))?;
        // Outside of the borrow, because `decide` runs the user's code.
        let (entry, value) = decide(tail)?;
        Ok((entry.map(|entry| self.with(collection, |database| database.add(&entry))), value))
    }

    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool> {
        self.with(collection, |database| {
            let head = database.head()?;
            let last = database.journal.iter().find(|(key, _)| *key == fold.upto.key);
            let is_there = last
                .map(|(_, bytes)| read_entry(bytes))
                .transpose()?
                .is_some_and(|last| last.id == fold.upto.id);
            if head.position != fold.from || !(is_there || fold.upto == fold.from) {
                return Ok(false);
            }
            database.replace(&head, fold);
            Ok(true)
        })
    }

    async fn forget(&self, collection: &CollectionId) -> Result<()> {
        self.databases.borrow_mut().retain(|(known, _)| known != collection);
        Ok(())
    }

    fn is_persistent(&self, _: &CollectionId) -> bool {
        false
    }
}
