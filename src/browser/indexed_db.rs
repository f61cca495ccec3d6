//! Persistent storage: one IndexedDB database per collection, named [`CollectionId::database`].
//!
//! Schema, database version 1 (`pure::journal` and `pure::page` define the bytes):
//!
//! ```text
//! journal   key: auto-increment from 1      value: Uint8Array, an entry
//! pages     key 0: Uint8Array, the head     keys 1…: Uint8Array, the segments, in the order of their keys
//! ```
//!
//! Each collection has two connections. rexie creates the schema and reads. Writes use the DOM API directly, because rexie cannot request a
//! durability, does not tell why a transaction was aborted (a full disk looks like any other abort), and does not say when a deletion is
//! blocked.
//!
//! A commit is acknowledged at its transaction's `complete` event, never before. When the browser loses a connection on the way (`close`
//! event, `InvalidStateError`, `UnknownError`, an abort without a reason), the database is opened again, at most three times. An entry that
//! was being written is looked up by its id before it is written again.

mod connection;
mod failure;
mod read;
mod write;

pub(super) use connection::{BLOCKED_MS, delete};
pub(super) use failure::{Failure, Outcome};

use super::event::Listener;
use super::stored_before;
use crate::error::{Error, Result};
use crate::ports::{Appended, CollectionId, Fold, Storage};
use crate::pure::journal::{Entry, Position, Stored, Tail};
use connection::{Connection, Connections};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::EventTarget;

/// How often a lost connection is opened again before giving up.
const REOPENS: usize = 3;

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the operating system has it. A crash of the page or of the browser loses nothing; a crash of the machine may lose the last
    /// moments. This is the default of Chromium and Firefox.
    #[default]
    Relaxed,
    /// When the disk has it.
    Strict,
}

/// A page's connections. Clones share them.
#[derive(Clone, Debug)]
pub struct IndexedDb {
    durability: Durability,
    connections: Rc<Connections>,
    /// Closes the connections at `pagehide`. With an open connection the browser could not keep the page for "back", and the page would
    /// block other tabs.
    _pagehide: Rc<Listener>,
}

impl IndexedDb {
    pub fn new(durability: Durability) -> Self {
        let connections = Rc::new(Connections::default());
        let at_hide = Rc::downgrade(&connections);
        let page: EventTarget = js_sys::global().unchecked_into();
        let pagehide = Listener::new(&page, "pagehide", move |_| {
            if let Some(connections) = at_hide.upgrade() {
                connections.close_all();
            }
        });
        IndexedDb {
            durability,
            connections,
            _pagehide: Rc::new(pagehide),
        }
    }

    /// Opens the database. `Ok(false)` means that nothing was ever stored and nothing can be stored (private mode, site data blocked, a
    /// sandboxed frame): the caller then uses memory instead. An error means that there may be stored data, which must not look lost.
    pub async fn is_available(&self, collection: &CollectionId) -> Result<bool> {
        let mut tries = Tries::default();
        let failure = loop {
            match self.connections.get(collection).await {
                Ok(_) => {
                    stored_before::note_opened(&collection.database());
                    return Ok(true);
                }
                Err(failure) if tries.may_reopen(&failure) => {}
                Err(failure) => break failure,
            }
        };
        let is_refused = matches!(failure, Failure::Refused(_));
        let error = failure.into_error();
        let Error::Storage { message } = error else { return Err(error) };
        let why = match stored_before::look(collection).await {
            Some(true) => "Data of this app was stored here before, and is not shown as empty.",
            // Where nobody can tell whether data was stored, memory is used only if the browser refuses IndexedDB to this page.
            None if !is_refused => "Whether data of this app was stored here cannot be told.",
            _ if connection::can_open_any().await => "Other databases can be opened.",
            _ => return Ok(false),
        };
        Err(Error::storage(format!("{message} {why}")))
    }

    /// From now on no connection is opened. Open connections stay open until [`IndexedDb::close`].
    pub fn open_no_more(&self) {
        self.connections.open_no_more();
    }

    /// Resolves when no connection is being opened any more, or after about two seconds.
    pub async fn settled(&self) {
        self.connections.settled().await;
    }

    /// Closes every connection. The next use opens it again.
    pub fn disconnect(&self) {
        self.connections.close_all();
    }

    /// Closes every connection for good, so that a database which is deleted afterwards is not created again from here.
    pub fn close(&self) {
        self.connections.close();
    }

    /// Runs `work`, and runs it again on a new connection whenever it lost its connection.
    async fn reopening<R>(&self, collection: &CollectionId, mut work: impl AsyncFnMut(&Connection) -> Outcome<R>) -> Result<R> {
        let mut tries = Tries::default();
        loop {
            let failure = match self.connections.get(collection).await {
                Ok(connection) => match work(&connection).await {
                    Ok(value) => return Ok(value),
                    Err(failure) => {
                        self.connections.forget_lost(collection, &connection, &failure);
                        failure
                    }
                },
                Err(failure) => failure,
            };
            tries.once_more(failure)?;
        }
    }

    /// [`Storage::decide`] without its type parameter, so that it is compiled once for all kinds of result.
    async fn decide_entry(&self, collection: &CollectionId, known: Position, decide: &mut dyn FnMut(Tail) -> Result<Option<Entry>>) -> Result<Option<u64>> {
        let mut decided = None;
        self.reopening(collection, async |connection| {
            if let Some(id) = decided {
                let key = read::find(connection, id).await?;
                return key.map(Some).ok_or_else(|| failure::lost_after_decision("its commit was undone"));
            }
            let (write, tail) = write::begin_with_tail(connection, self.durability, known).await?;
            // An error drops the transaction, which aborts it.
            let Some(entry) = decide(tail)? else {
                connection.set_seen();
                return Ok(None);
            };
            match write.append(&entry.to_bytes()).await {
                Ok(key) => {
                    connection.set_seen();
                    Ok(Some(key))
                }
                Err(Failure::Unanswered(message)) => {
                    decided = Some(entry.id);
                    Err(Failure::Unanswered(message))
                }
                Err(Failure::Lost(message)) => Err(failure::lost_after_decision(message)),
                Err(failure) => Err(failure),
            }
        })
        .await
    }
}

/// Counts how often the connection was lost.
#[derive(Default)]
struct Tries {
    reopens: usize,
    unanswered: bool,
}

impl Tries {
    /// `Ok` if the caller should try again. `Err` if another try is of no use.
    fn once_more(&mut self, failure: Failure) -> Result<()> {
        self.unanswered |= matches!(failure, Failure::Unanswered(_));
        if self.may_reopen(&failure) {
            return Ok(());
        }
        Err(if self.unanswered { failure.of_commit() } else { failure }.into_error())
    }

    fn may_reopen(&mut self, failure: &Failure) -> bool {
        let may = failure.is_of_connection() && self.reopens < REOPENS;
        self.reopens += usize::from(may);
        may
    }
}

impl Storage for IndexedDb {
    async fn open(&self, collection: &CollectionId) -> Result<Stored> {
        self.reopening(collection, async |connection| {
            let stored = read::stored(connection).await?;
            connection.set_seen();
            Ok(stored)
        })
        .await
    }

    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended> {
        let bytes = entry.to_bytes();
        let (mut first_try, mut perhaps_there) = (true, false);
        self.reopening(collection, async |connection| {
            if perhaps_there && let Some(key) = read::find(connection, entry.id).await? {
                return Ok(Appended { key, certain: false });
            }
            // Certain only if the entry was decided on what was read through this connection. After the first try another caller may have
            // read a new database.
            let certain = std::mem::take(&mut first_try) && connection.is_seen();
            let appended = match connection.is_seen() {
                true => write::append(connection, self.durability, &bytes).await.map(Some),
                false => write::append_after(connection, self.durability, entry.base, &bytes).await,
            };
            perhaps_there |= matches!(appended, Err(Failure::Unanswered(_)));
            Ok(Appended {
                key: appended?.unwrap_or(0),
                certain,
            })
        })
        .await
    }

    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)> {
        let (mut decide, mut value) = (Some(decide), None);
        let mut decide_once = |tail| {
            let (entry, decided) = decide.take().ok_or_else(failure::impossible)?(tail)?;
            value = Some(decided);
            Ok(entry)
        };
        let key = self.decide_entry(collection, known, &mut decide_once).await?;
        Ok((key, value.ok_or_else(failure::impossible)?))
    }

    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool> {
        let mut perhaps_there = false;
        self.reopening(collection, async |connection| {
            let compacted = write::compact(connection, self.durability, &fold, perhaps_there).await;
            perhaps_there |= matches!(compacted, Err(Failure::Unanswered(_)));
            compacted
        })
        .await
    }

    /// Errors: [`Error::StorageBlocked`] if another tab keeps the database open for longer than [`connection::BLOCKED_MS`]. The browser
    /// then deletes the database as soon as that tab is closed.
    async fn forget(&self, collection: &CollectionId) -> Result<()> {
        let mut reopens = 0;
        loop {
            self.connections.close_one(collection);
            match connection::delete(&collection.database()).await {
                Err(failure) if failure.is_of_connection() && reopens < REOPENS => reopens += 1,
                deleted => return deleted.map_err(Failure::into_error),
            }
        }
    }

    fn is_persistent(&self, _: &CollectionId) -> bool {
        true
    }
}
