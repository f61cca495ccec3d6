//! Connections: opened when needed, closed when another tab or the browser needs the database.

use super::failure::{Failure, Outcome};
use crate::browser::clock::BrowserClock;
use crate::browser::event::Listener;
use crate::browser::tabs::tell_taken_away;
use crate::error::Error;
use crate::ports::{Clock, CollectionId};
use futures_channel::oneshot;
use futures_util::future::{Either, LocalBoxFuture, select};
use idb::{Factory, Request};
use rexie::{ObjectStore, Rexie, TransactionMode};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::IntoFuture;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::IdbDatabase;

pub const JOURNAL: &str = "journal";
pub const PAGES: &str = "pages";
/// Version of the schema. Pages and entries have format numbers of their own.
pub const VERSION: u32 = 1;
/// How long (ms) a deletion waits for other tabs. They close their connections when told, but a transaction of theirs may have to end
/// first.
pub const BLOCKED_MS: u64 = 2_000;

/// How long (ms) the browser may take to open a database. It usually takes milliseconds. A browser whose storage is broken, or that waits
/// for another tab to finish a deletion, may never answer.
const OPENING_MS: u64 = 10_000;

/// The connections of a page, by collection.
#[derive(Debug, Default)]
pub struct Connections {
    open: RefCell<Vec<(CollectionId, Rc<Connection>)>>,
    /// How many connections are being opened.
    opening: Cell<usize>,
    closed: Cell<bool>,
}

impl Connections {
    pub async fn get(self: &Rc<Self>, collection: &CollectionId) -> Outcome<Rc<Connection>> {
        if let Some(connection) = self.known(collection) {
            return Ok(connection);
        }
        // Opened in a task of its own, because the caller may be dropped: nobody could close a connection that nobody holds.
        let (opened, connection) = oneshot::channel();
        let (connections, collection) = (self.clone(), collection.clone());
        connections.opening.update(|count| count + 1);
        spawn_local(async move {
            let outcome = connections.open(&collection).await;
            connections.opening.update(|count| count - 1);
            let _ = opened.send(outcome);
        });
        connection.await.unwrap_or(Err(Failure::Final(Error::Closed)))
    }

    async fn open(&self, collection: &CollectionId) -> Outcome<Rc<Connection>> {
        self.check_open()?;
        let connection = Rc::new(Connection::open(&collection.database()).await?);
        self.check_open()?;
        // Another caller may have opened the database meanwhile. The first connection stays, because it knows what was read through it
        // (`seen`).
        if let Some(first) = self.known(collection) {
            return Ok(first);
        }
        self.open.borrow_mut().push((collection.clone(), connection.clone()));
        Ok(connection)
    }

    fn known(&self, collection: &CollectionId) -> Option<Rc<Connection>> {
        let open = self.open.borrow();
        open.iter().find(|(known, _)| known == collection).map(|(_, connection)| connection.clone())
    }

    pub fn forget_lost(&self, collection: &CollectionId, lost: &Rc<Connection>, failure: &Failure) {
        if failure.is_of_connection() && self.known(collection).is_some_and(|connection| Rc::ptr_eq(&connection, lost)) {
            self.forget(collection);
        }
    }

    fn check_open(&self) -> Outcome<()> {
        match self.closed.get() {
            true => Err(Failure::Final(Error::Closed)),
            false => Ok(()),
        }
    }

    pub fn close_one(&self, collection: &CollectionId) {
        if let Some(connection) = self.forget(collection) {
            connection.close();
        }
    }

    fn forget(&self, collection: &CollectionId) -> Option<Rc<Connection>> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|(known, _)| known == collection)?;
        Some(open.swap_remove(at).1)
    }

    pub fn open_no_more(&self) {
        self.closed.set(true);
    }

    /// Resolves when no connection is being opened any more, since opening can create a database; at the latest after two seconds.
    pub async fn settled(&self) {
        for _ in 0..200 {
            if self.opening.get() == 0 {
                return;
            }
            BrowserClock.sleep_ms(10).await;
        }
    }

    pub fn close(&self) {
        self.open_no_more();
        self.close_all();
    }

    pub fn close_all(&self) {
        for (_, connection) in self.open.take() {
            connection.close();
        }
    }
}

/// An open database: rexie's connection to read, and one of web-sys to write.
pub struct Connection {
    reader: RefCell<Option<Rexie>>,
    pub writer: IdbDatabase,
    seen: Cell<bool>,
    _versionchange: Listener,
}

impl Connection {
    async fn open(name: &str) -> Outcome<Self> {
        let name = name.to_owned();
        in_time(Box::pin(async move { Self::open_slowly(&name).await })).await
    }

    async fn open_slowly(name: &str) -> Outcome<Self> {
        let reader = Rexie::builder(name)
            .version(VERSION)
            .add_object_store(ObjectStore::new(JOURNAL).auto_increment(true))
            .add_object_store(ObjectStore::new(PAGES))
            .build();
        let reader = match reader.await.map_err(Failure::from) {
            Err(Failure::Newer) => return Err(newer(name).await),
            reader => reader?,
        };
        let writer = match open_existing(name, Some(VERSION)).await {
            Ok(writer) => writer,
            Err(failure) => {
                // Only `close` closes it: a dropped rexie connection stays open.
                reader.close();
                return Err(if let Failure::Newer = failure { newer(name).await } else { failure });
            }
        };
        // Anybody who opens a missing database by its name without a version creates it, empty and without stores.
        if reader.store_names().is_empty() {
            reader.close();
            writer.close();
            delete(name).await?;
            return Err(Failure::Lost("its stores were missing".to_owned()));
        }
        // Another tab deletes or upgrades the database: close at once, so that it does not have to wait. rexie does the same with its own
        // connection. The next use of this connection fails and opens a new one.
        let closing = writer.clone();
        let versionchange = Listener::new(&writer, "versionchange", move |_| {
            closing.close();
            tell_taken_away(&closing.name());
        });
        Ok(Connection {
            reader: RefCell::new(Some(reader)),
            writer,
            seen: Cell::new(false),
            _versionchange: versionchange,
        })
    }

    /// Begins a read-only transaction.
    pub fn reading(&self) -> Outcome<rexie::Transaction> {
        match &*self.reader.borrow() {
            Some(reader) => Ok(reader.transaction(&[JOURNAL, PAGES], TransactionMode::ReadOnly)?),
            None => Err(Failure::Lost("closed".to_owned())),
        }
    }

    /// Whether the caller has read this very database through this connection. Only then does the key of an appended entry show that it is
    /// valid: a database that was deleted and created again while nobody was connected assigns the same keys.
    pub fn is_seen(&self) -> bool {
        self.seen.get()
    }

    pub fn set_seen(&self) {
        self.seen.set(true);
    }

    /// Closes both connections. Running transactions still complete.
    pub fn close(&self) {
        if let Some(reader) = self.reader.borrow_mut().take() {
            reader.close();
        }
        self.writer.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("name", &self.writer.name())
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// Gives up on a browser that does not answer. The work continues without its caller; a connection that opens late is closed when it is
/// dropped.
async fn in_time<R: 'static>(work: LocalBoxFuture<'static, Outcome<R>>) -> Outcome<R> {
    match select(work, Box::pin(BrowserClock.sleep_ms(OPENING_MS))).await {
        Either::Left((done, _)) => done,
        Either::Right((_, work)) => {
            spawn_local(async move { drop(work.await) });
            Err(Failure::Silent(format!("the browser did not answer within {} s", OPENING_MS / 1000)))
        }
    }
}

/// Opens a database that rexie has created. If it was deleted in between, this fails: creating it here would create it without stores, for
/// every tab.
async fn open_existing(name: &str, version: Option<u32>) -> Outcome<IdbDatabase> {
    let mut request = Factory::new()?.open(name, version)?;
    request.on_upgrade_needed(|event| {
        if let Some(upgrade) = idb::Event::target(&event).ok().and_then(|request| request.transaction()) {
            let _ = upgrade.abort();
        }
    });
    Ok(request.await?.into())
}

async fn newer(name: &str) -> Failure {
    match open_existing(name, None).await {
        Ok(database) => {
            let found = database.version() as u32;
            database.close();
            Failure::Final(Error::UpgradeRequired { found, known: VERSION })
        }
        Err(failure) => failure,
    }
}

pub async fn delete(name: &str) -> Outcome<()> {
    let (sender, blocked) = oneshot::channel::<()>();
    let mut request = Factory::new()?.delete(name)?;
    request.on_blocked(|_| {
        let _ = sender.send(());
    });
    let blocked = Box::pin(async {
        match blocked.await {
            Ok(()) => BrowserClock.sleep_ms(BLOCKED_MS).await,
            Err(_) => std::future::pending().await,
        }
    });
    match select(request.into_future(), blocked).await {
        Either::Left((deleted, _)) => Ok(deleted?),
        Either::Right(_) => Err(Failure::Final(Error::StorageBlocked { name: name.to_owned() })),
    }
}

/// Whether this page can open any database at all. Tells a browser that refuses IndexedDB from one broken database.
pub async fn can_open_any() -> bool {
    let probe = async {
        let name = format!("essaim/probe/{}", js_sys::Math::random());
        Rexie::builder(&name).version(VERSION).build().await?.close();
        delete(&name).await
    };
    in_time(Box::pin(probe)).await.is_ok()
}
