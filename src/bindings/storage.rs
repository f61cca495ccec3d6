//! Chooses the storage of each collection: IndexedDB, memory, or custom storage.

use crate::browser::{AppStorage, Durability, IndexedDb};
use crate::error::Result;
use crate::memory::MemoryStorage;
use crate::ports::{Appended, CollectionId, Fold, Storage};
use crate::pure::journal::{Entry, Position, Stored, Tail};
use std::cell::RefCell;

thread_local! {
    /// Collections of a page that has no IndexedDB. One store for all clients, as a database would be. A collection that is in here stays
    /// here until the page is closed, also for clients that are created after the browser allows storage again.
    static PAGE: MemoryStorage = MemoryStorage::default();
}

/// Where a client's collections are stored. An enum and not a type parameter, so that the engine is compiled once.
#[derive(Debug)]
pub enum PageStorage {
    /// In this client's memory.
    Memory(MemoryStorage),
    /// In IndexedDB, except for collections that IndexedDB was refused for.
    IndexedDb(IndexedDb, Places),
    /// In custom storage of the app.
    App(AppStorage),
}

/// The storage of each opened collection. It is chosen once: moving a collection to memory later would show it empty.
#[derive(Debug, Default)]
pub struct Places(RefCell<Vec<(CollectionId, Place)>>);

#[derive(Clone, Debug)]
enum Place {
    Database(IndexedDb),
    Memory(MemoryStorage),
    App(AppStorage),
}

impl Places {
    fn get(&self, collection: &CollectionId) -> Option<Place> {
        let places = self.0.borrow();
        places.iter().find(|(known, _)| known == collection).map(|(_, place)| place.clone())
    }
}

impl PageStorage {
    pub fn memory() -> Self {
        PageStorage::Memory(MemoryStorage::default())
    }

    pub fn indexed_db(durability: Durability) -> Self {
        PageStorage::IndexedDb(IndexedDb::new(durability), Places::default())
    }

    /// Closes the connections. Running transactions still complete, and the next use opens the connections again.
    pub fn disconnect(&self) {
        if let PageStorage::IndexedDb(database, _) = self {
            database.disconnect();
        }
    }

    /// From now on no connection is opened.
    pub fn open_no_more(&self) {
        if let PageStorage::IndexedDb(database, _) = self {
            database.open_no_more();
        }
    }

    /// Resolves when no connection is being opened any more.
    pub async fn settled(&self) {
        if let PageStorage::IndexedDb(database, _) = self {
            database.settled().await;
        }
    }

    /// Closes the connections for good.
    pub fn close(&self) {
        if let PageStorage::IndexedDb(database, _) = self {
            database.close();
        }
    }

    fn place(&self, collection: &CollectionId) -> Place {
        match self {
            PageStorage::Memory(memory) => Place::Memory(memory.clone()),
            PageStorage::App(storage) => Place::App(storage.clone()),
            PageStorage::IndexedDb(database, places) => places.get(collection).unwrap_or_else(|| Place::Database(database.clone())),
        }
    }

    async fn settle(&self, collection: &CollectionId) -> Result<()> {
        let PageStorage::IndexedDb(database, places) = self else { return Ok(()) };
        if places.get(collection).is_none() {
            let is_in_memory = PAGE.with(|page| page.has(collection) || page.has(&collection.unsealed()));
            let available = !is_in_memory && database.is_available(collection).await?;
            let place = if available {
                Place::Database(database.clone())
            } else {
                Place::Memory(PAGE.with(Clone::clone))
            };
            // Another call may have chosen the place meanwhile.
            if places.get(collection).is_none() {
                places.0.borrow_mut().push((collection.clone(), place));
            }
        }
        Ok(())
    }
}

impl Storage for PageStorage {
    async fn open(&self, collection: &CollectionId) -> Result<Stored> {
        self.settle(collection).await?;
        match self.place(collection) {
            Place::Database(database) => database.open(collection).await,
            Place::Memory(memory) => memory.open(collection).await,
            Place::App(storage) => storage.open(collection).await,
        }
    }

    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended> {
        match self.place(collection) {
            Place::Database(database) => database.append(collection, entry).await,
            Place::Memory(memory) => memory.append(collection, entry).await,
            Place::App(storage) => storage.append(collection, entry).await,
        }
    }

    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)> {
        match self.place(collection) {
            Place::Database(database) => database.decide(collection, known, decide).await,
            Place::Memory(memory) => memory.decide(collection, known, decide).await,
            Place::App(storage) => storage.decide(collection, known, decide).await,
        }
    }

    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool> {
        match self.place(collection) {
            Place::Database(database) => database.compact(collection, fold).await,
            Place::Memory(memory) => memory.compact(collection, fold).await,
            Place::App(storage) => storage.compact(collection, fold).await,
        }
    }

    async fn forget(&self, collection: &CollectionId) -> Result<()> {
        match self.place(collection) {
            Place::Database(database) => database.forget(collection).await,
            Place::Memory(memory) => memory.forget(collection).await,
            Place::App(storage) => storage.forget(collection).await,
        }
    }

    fn is_persistent(&self, collection: &CollectionId) -> bool {
        match self.place(collection) {
            Place::Database(database) => database.is_persistent(collection),
            Place::Memory(memory) => memory.is_persistent(collection),
            Place::App(storage) => storage.is_persistent(collection),
        }
    }
}
