//! What the engine needs from its platform, as traits.
//!
//! The browser, the memory storage and the simulation each implement them. [`Platform`] gathers them, so that the engine has one type
//! parameter.
//!
//! The traits have no `Send`, no `async_trait` and no `dyn`: a web page has one thread, and native `async fn` in traits compiles for both
//! targets.
#![allow(async_fn_in_trait)]

use crate::error::Result;
use crate::pure::adoption::Earlier;
use crate::pure::fold::Limits;
pub use crate::pure::http::{Request, Response};
use crate::pure::journal::{Entry, Position, Stored, Tail};
use crate::pure::sealed;

/// Names a collection and its database. Each collection has a database of its own, so that adding a collection upgrades no other database
/// and locks nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId {
    pub db_name: String,
    pub bucket: String,
    pub name: String,
    /// For an encrypted collection: its name on the server, which is derived from the key and the name. So another key is another database.
    pub sealed: Option<String>,
}

impl CollectionId {
    /// The database's name, which is also the prefix of its locks and the name of its notice channel. `%` and `/` in each part are
    /// percent-encoded, so that no two collections share a name.
    pub fn database(&self) -> String {
        let sealed = self.sealed.as_ref().map_or_else(String::new, |sealed| format!("/{sealed}"));
        format!("{}{}/{}{sealed}", self.databases(), encoded(&self.bucket), encoded(&self.name))
    }

    /// The common prefix of the names of all databases of this `db_name`.
    pub fn databases(&self) -> String {
        format!("essaim/{}/", encoded(&self.db_name))
    }

    /// The collection of the same name without a key.
    pub fn unsealed(&self) -> Self {
        CollectionId { sealed: None, ..self.clone() }
    }
}

fn encoded(part: &str) -> String {
    part.replace('%', "%25").replace('/', "%2F")
}

/// What an append returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub key: u64,
    /// False if the connection was lost or opened again on the way. The caller then has to read the journal to learn whether the entry was
    /// committed, whatever its key is.
    pub certain: bool,
}

/// A compaction: replaces the journal entries up to `upto` by `segments`.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The compacted position that this was decided on. If the stored one differs, somebody else has compacted first.
    pub from: Position,
    /// The new segments contain the entries up to here.
    pub upto: Position,
    /// True: keep the existing segments and add these (only the journal was compacted). False: replace all segments.
    pub keep: bool,
    pub segments: Vec<Vec<u8>>,
    /// Ids of the compacted entries. A writer that lost its connection looks its entry up here to learn whether it was committed.
    pub folded: Vec<u128>,
}

/// Stores the journal and the segments of collections. Pages are opaque bytes here; `pure::journal` defines their meaning.
///
/// All methods are atomic. An error means that nothing was written, unless its message says that the outcome is unknown because the
/// connection was lost during a commit. No caller can keep a transaction open across an await, because the code that runs inside a
/// transaction is a plain closure.
pub trait Storage {
    /// Reads everything, in one transaction. Gives [`Stored::default`] for a collection that was never written.
    async fn open(&self, collection: &CollectionId) -> Result<Stored>;

    /// Appends one row in one transaction, without reading first. Whether the entry is valid is not decided here, but by every reader (see
    /// `pure::journal`).
    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended>;

    /// In one transaction: reads the entries after `known` (or everything, if `known` is no longer stored), calls `decide` once, and
    /// appends the entry that it returns. An error from `decide` aborts the transaction, so that nothing is written.
    ///
    /// Returns the key of the appended entry, if there is one, once the transaction is complete.
    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)>;

    /// Applies a compaction. Returns `false` and changes nothing if the stored position is not `fold.from`, or if the entry `fold.upto` is
    /// not stored.
    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool>;

    /// Removes the collection's database.
    async fn forget(&self, collection: &CollectionId) -> Result<()>;

    /// False where data does not outlive the page (private mode, memory).
    fn is_persistent(&self, collection: &CollectionId) -> bool;
}

/// Sends one HTTP request. An answer of any status is `Ok`; `Error::Network` means that there was no answer. Dropping the future aborts the
/// request.
pub trait Transport {
    async fn send(&self, request: Request) -> Result<Response>;
}

pub trait Clock {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    async fn sleep_ms(&self, ms: u64);
    /// Resolves after the calls that were started in the same turn of the event loop have queued their work, so that one commit can take
    /// all of it (group commit).
    async fn next_turn(&self);
}

/// Cryptographically secure randomness.
pub trait Rng {
    fn fill(&self, bytes: &mut [u8]);
}

/// A message about a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseNotice {
    /// Another tab wrote to it.
    Written,
    /// Somebody deletes it, or upgrades it to a later version.
    TakenAway,
}

/// Locks and notices between the tabs that use a database.
pub trait Tabs {
    /// A held lock. Released when dropped, or when the tab dies.
    type Guard;
    /// Waits until nobody else holds the lock, then takes it.
    async fn lock(&self, name: &str) -> Result<Self::Guard>;
    /// Takes the lock; `None` if somebody else holds it.
    async fn try_lock(&self, name: &str) -> Result<Option<Self::Guard>>;
    /// Tells the other tabs that this one wrote, so that they read the new entries.
    fn notify(&self, name: &str);

    /// A subscription. Ends when dropped.
    type Listener;
    /// Calls `heard` for each notice. A tab does not hear its own [`Tabs::notify`].
    fn listen(&self, name: &str, heard: impl Fn(DatabaseNotice) + 'static) -> Self::Listener;
}

/// Eviction markers: notes that outlive an evicted database. By them the engine tells a new collection from one that the browser evicted.
pub trait Witness {
    fn read(&self, name: &str) -> Option<String>;
    fn write(&self, name: &str, note: Option<&str>);
}

/// Data that an earlier library (Kinto.js) stored where essaim stores its own. It is only read, and deleted on request; it is never
/// changed.
pub trait Predecessor {
    /// Everything that the library stored of a collection; `None` if there is nothing.
    async fn read(&self, collection: &CollectionId) -> Result<Option<Earlier>>;
    /// As [`Predecessor::read`], but only the changes that the server does not have yet. The answer may include synced records too.
    async fn read_unsynced(&self, collection: &CollectionId) -> Result<Option<Earlier>>;
    /// Deletes the library's database with all its collections. Where the library had one database for each collection, deletes those of
    /// `collections`.
    async fn forget(&self, db_name: &str, collections: &[CollectionId]) -> Result<()>;
}

/// For platforms where no earlier library ever stored anything.
impl Predecessor for () {
    async fn read(&self, _: &CollectionId) -> Result<Option<Earlier>> {
        Ok(None)
    }
    async fn read_unsynced(&self, _: &CollectionId) -> Result<Option<Earlier>> {
        Ok(None)
    }
    async fn forget(&self, _: &str, _: &[CollectionId]) -> Result<()> {
        Ok(())
    }
}

/// The app's own functions for one collection. No `RefCell` is borrowed while one of them is called. Texts are JSON.
pub trait App {
    /// False if the app has no transformers; `encode` and `decode` are then not called.
    fn has_transformers(&self) -> bool;
    fn has_incoming_hook(&self) -> bool;
    /// A JSON array of records → a JSON array of the same length: `{"ok": record}` or `{"error": message}` each.
    async fn encode(&self, records: String) -> Result<String>;
    /// As [`App::encode`], in the other direction.
    async fn decode(&self, records: String) -> Result<String>;
    /// `{"changes": […], "lastModified": …}` → the same, as changed by the app's `incoming-changes` hooks.
    async fn incoming(&self, payload: String) -> Result<String>;

    /// Whether the app listens to changes.
    fn hears_changes(&self) -> bool {
        false
    }
    /// Whether both pass changes on to the same listener.
    fn is_same_listener(&self, _other: &Self) -> bool {
        false
    }
    /// Called with changes that other tabs made: `[{"action": "create" | "update" | "delete", "data", "oldRecord"?}]`.
    fn changed(&self, _changes: &str) {}
}

/// All traits as one type. Implemented by a web page, by tests and by a simulated device.
pub trait Platform: 'static {
    type Storage: Storage;
    type Transport: Transport;
    type Clock: Clock;
    type Rng: Rng;
    type Tabs: Tabs;
    type Witness: Witness;
    type Predecessor: Predecessor;
    type App: App;

    /// Runs a task beside the caller's, for work that no commit waits for, such as compacting a journal.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// When to compact a journal. The simulation compacts much more often.
    fn fold_limits(&self) -> Limits {
        Limits::default()
    }

    /// How large the pages of an encrypted collection may grow, and when a snapshot is written.
    fn sealed_limits(&self) -> sealed::Limits {
        sealed::Limits::default()
    }

    /// A rule of the encrypted journal that the simulation switches off, to show that the rule is needed. Always `None` elsewhere.
    fn without(&self) -> Option<sealed::Rule> {
        None
    }

    fn storage(&self) -> &Self::Storage;
    fn transport(&self) -> &Self::Transport;
    fn clock(&self) -> &Self::Clock;
    fn rng(&self) -> &Self::Rng;
    fn tabs(&self) -> &Self::Tabs;
    fn witness(&self) -> &Self::Witness;
    fn predecessor(&self) -> &Self::Predecessor;
}
