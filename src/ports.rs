//! What the engine needs from the world: the only traits. A browser, the memory storage and the
//! simulation each give their own; [`Platform`] gathers them so that the engine has one type parameter.
//!
//! No `Send`, no `async_trait`, no `dyn`: a web page has one thread, and native `async fn` in traits compiles for both targets.
#![allow(async_fn_in_trait)]

use crate::error::Result;
use crate::pure::adoption::Earlier;
use crate::pure::fold::Limits;
pub use crate::pure::http::{Request, Response};
use crate::pure::journal::{Entry, Position, Stored, Tail};
use crate::pure::sealed;

/// Which database: one per collection, so that adding a collection upgrades nothing and locks nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId {
    pub db_name: String,
    pub bucket: String,
    pub name: String,
    /// What its key makes of the name, for an encrypted collection: another key is another database.
    pub sealed: Option<String>,
}

impl CollectionId {
    /// The database's name, and the prefix of its locks and notices. Every part is percent-encoded, so that no two collections share one.
    pub fn database(&self) -> String {
        let sealed = self.sealed.as_ref().map_or_else(String::new, |sealed| format!("/{sealed}"));
        format!("{}{}/{}{sealed}", self.databases(), encoded(&self.bucket), encoded(&self.name))
    }

    /// What the names of all databases of this `db_name` begin with.
    pub fn databases(&self) -> String {
        format!("essaim/{}/", encoded(&self.db_name))
    }

    /// The collection that would have this name without a key.
    pub fn unsealed(&self) -> Self {
        CollectionId { sealed: None, ..self.clone() }
    }
}

fn encoded(part: &str) -> String {
    part.replace('%', "%25").replace('/', "%2F")
}

/// What an append got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub key: u64,
    /// False when the connection was lost on the way: whether the entry stands must then be read, whatever its key.
    pub certain: bool,
}

/// What to replace by what when a journal is folded into segments.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The compacted position this was decided on: if it is no longer the stored one, somebody else was there first.
    pub from: Position,
    /// Entries up to here are in the new segments.
    pub upto: Position,
    /// Keep the segments that are there and add to them (a fold of the journal alone), or replace them all.
    pub keep: bool,
    pub segments: Vec<Vec<u8>>,
    /// Ids of the entries folded, for a writer that lost its connection and must learn whether its entry stood.
    pub folded: Vec<u128>,
}

/// Keeps the pages of collections. Pages are opaque bytes here; `pure::journal` says what they mean.
///
/// All methods are atomic: an error means that nothing was written. None can hold a transaction open across
/// a foreign await, because what runs inside one is a plain closure.
pub trait Storage {
    /// Everything there is, in one transaction. A collection never written is [`Stored::default`].
    async fn open(&self, collection: &CollectionId) -> Result<Stored>;

    /// One row, one transaction, no read before it. Never decides whether the entry stands.
    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended>;

    /// One transaction: reads what is after `known` (or everything, if `known` is not in there any more), calls `decide`
    /// once, and appends the entry that it gives. An error from `decide` aborts, nothing is written.
    ///
    /// Returns the key of the appended entry, if there was one, when the transaction is complete.
    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)>;

    /// Gives up (`false`) if the stored position is not `fold.from`, or if the entry `fold.upto` is not there.
    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool>;

    /// Removes the collection's database.
    async fn forget(&self, collection: &CollectionId) -> Result<()>;

    /// False where data does not outlive the page (private mode, memory).
    fn is_persistent(&self, collection: &CollectionId) -> bool;
}

/// Sends one HTTP request. An answer of any status is `Ok`; `Error::Network` is for none at all.
/// Dropping the future aborts the request.
pub trait Transport {
    async fn send(&self, request: Request) -> Result<Response>;
}

pub trait Clock {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    async fn sleep_ms(&self, ms: u64);
    /// Lets what was started in the same turn run first (group commit).
    async fn next_turn(&self);
}

/// Cryptographically secure randomness.
pub trait Rng {
    fn fill(&self, bytes: &mut [u8]);
}

/// What is heard of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseNotice {
    /// Another tab wrote.
    Written,
    /// Somebody deletes it, or upgrades it to a later version.
    TakenAway,
}

/// The other tabs on this database.
pub trait Tabs {
    /// Released when dropped, or when the tab dies.
    type Guard;
    /// Waits until nobody else holds the lock.
    async fn lock(&self, name: &str) -> Result<Self::Guard>;
    /// `None` if somebody else holds it.
    async fn try_lock(&self, name: &str) -> Result<Option<Self::Guard>>;
    /// Tells the other tabs to look again.
    fn notify(&self, name: &str);

    /// Stops listening when dropped.
    type Listener;
    /// Calls `heard` at each notice from another tab (never from this one).
    fn listen(&self, name: &str, heard: impl Fn(DatabaseNotice) + 'static) -> Self::Listener;
}

/// Notes that outlive an evicted database: what tells "a new collection" from "one the browser threw away".
pub trait Witness {
    fn read(&self, name: &str) -> Option<String>;
    fn write(&self, name: &str, note: Option<&str>);
}

/// What an earlier library left where this one keeps its data. Read, and never written.
pub trait Predecessor {
    /// Everything it has of a collection; `None` if that is nothing.
    async fn read(&self, collection: &CollectionId) -> Result<Option<Earlier>>;
    /// As [`Predecessor::read`], but only what its server does not have, and perhaps more.
    async fn read_unsynced(&self, collection: &CollectionId) -> Result<Option<Earlier>>;
    /// Deletes the database with all its collections. Of a kind that has one for each collection, those of `collections`.
    async fn forget(&self, db_name: &str, collections: &[CollectionId]) -> Result<()>;
}

/// For a platform where there never was one.
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

/// The user's own functions for one collection. Called with no borrow held. Texts are JSON.
pub trait App {
    /// False when there is nothing to call, which saves the round trip.
    fn has_transformers(&self) -> bool;
    fn has_incoming_hook(&self) -> bool;
    /// A JSON array of records → a JSON array of the same length: `{"ok": record}` or `{"error": message}` each.
    async fn encode(&self, records: String) -> Result<String>;
    /// As [`App::encode`], the other way.
    async fn decode(&self, records: String) -> Result<String>;
    /// `{"changes": […], "lastModified": …}` → the same, as the app's `incoming-changes` hooks want it.
    async fn incoming(&self, payload: String) -> Result<String>;

    /// Whether anybody listens to changes.
    fn hears_changes(&self) -> bool {
        false
    }
    /// Whether both pass changes on to the same listener.
    fn is_same_listener(&self, _other: &Self) -> bool {
        false
    }
    /// Other tabs did this: `[{"action": "create" | "update" | "delete", "data", "oldRecord"?}]`.
    fn changed(&self, _changes: &str) {}
}

/// A page, a test, a simulated device.
pub trait Platform: 'static {
    type Storage: Storage;
    type Transport: Transport;
    type Clock: Clock;
    type Rng: Rng;
    type Tabs: Tabs;
    type Witness: Witness;
    type Predecessor: Predecessor;
    type App: App;

    /// Runs a task beside the caller's: what nobody waits for (folding a journal).
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// When to fold a journal. The simulation folds much more often.
    fn fold_limits(&self) -> Limits {
        Limits::default()
    }

    /// How large the pages of an encrypted collection grow, and when a snapshot is made.
    fn sealed_limits(&self) -> sealed::Limits {
        sealed::Limits::default()
    }

    /// A rule of the sealed journal that the simulation takes away, to see that it is needed.
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
