//! One app on one database name: its collections, and what is known of its servers.

use super::collection::Collection;
use super::resident::Resident;
use super::sealed::Secrets;
use super::server::Servers;
use crate::error::Result;
use crate::ports::{CollectionId, Platform, Predecessor};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

pub struct Client<P: Platform> {
    platform: Rc<P>,
    db_name: String,
    servers: Rc<Servers>,
    residents: RefCell<Vec<Weak<Resident<P>>>>,
    /// Every collection that was opened with this client.
    opened: RefCell<Vec<CollectionId>>,
    closed: Rc<Cell<bool>>,
}

impl<P: Platform> Client<P> {
    pub fn new(platform: Rc<P>, db_name: &str) -> Self {
        Self::with_servers(platform, db_name, Rc::default())
    }

    /// Like [`Client::new`], but shares what is known of the servers with another database of the same app, or with its HTTP client.
    pub fn with_servers(platform: Rc<P>, db_name: &str, servers: Rc<Servers>) -> Self {
        Client {
            platform,
            db_name: db_name.to_owned(),
            servers,
            residents: RefCell::default(),
            opened: RefCell::default(),
            closed: Rc::default(),
        }
    }

    /// Returns a handle. All handles of one collection share its [`Resident`].
    pub fn collection(&self, bucket: &str, name: &str, app: P::App, local_fields: Vec<String>) -> Collection<P> {
        self.open(bucket, name, None, app, local_fields)
    }

    /// Returns a handle on an encrypted collection. Errors: `invalid_key`.
    pub fn sealed_collection(&self, bucket: &str, name: &str, app: P::App, local_fields: Vec<String>, key: &str) -> Result<Collection<P>> {
        let secrets = Secrets::derive(key, name)?;
        Ok(self.open(bucket, name, Some(Rc::new(secrets)), app, local_fields))
    }

    fn open(&self, bucket: &str, name: &str, secrets: Option<Rc<Secrets>>, app: P::App, local_fields: Vec<String>) -> Collection<P> {
        let id = CollectionId {
            db_name: self.db_name.clone(),
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            sealed: secrets.as_ref().map(|secrets| secrets.server_collection.clone()),
        };
        let mut opened = self.opened.borrow_mut();
        if !opened.contains(&id) {
            opened.push(id.clone());
        }
        let mut residents = self.residents.borrow_mut();
        residents.retain(|resident| resident.strong_count() > 0);
        let known = residents.iter().filter_map(Weak::upgrade).find(|resident| resident.collection == id);
        let resident = known.unwrap_or_else(|| {
            let resident = Resident::new(self.platform.clone(), id, self.closed.clone());
            residents.push(Rc::downgrade(&resident));
            resident
        });
        Collection::new(resident, self.servers.clone(), secrets, app, local_fields)
    }

    /// The collections in use whose database still contains removed content.
    pub fn with_removed_content(&self) -> Vec<Rc<Resident<P>>> {
        let residents = self.residents.borrow();
        residents.iter().filter_map(Weak::upgrade).filter(|resident| resident.holds_removed()).collect()
    }

    /// Deletes the Kinto.js data under this database name: all its collections, also those that were never opened here.
    pub async fn forget_predecessor(&self) -> Result<()> {
        let opened = self.opened.borrow().clone();
        self.platform.predecessor().forget(&self.db_name, &opened).await
    }

    /// From now on nothing is written and nothing is sent. Running syncs are dropped with their requests. Every call rejects with `closed`,
    /// except a write that was already handed to storage.
    pub fn close(&self) {
        self.closed.set(true);
        let residents = self.residents.take();
        for resident in residents.iter().filter_map(Weak::upgrade) {
            resident.syncs.cancel_all();
        }
    }

    pub fn platform(&self) -> &P {
        &self.platform
    }
}
