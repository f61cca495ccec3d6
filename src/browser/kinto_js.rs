//! Kinto.js data: reads the databases that Kinto.js wrote. They are never written, never upgraded, and never created where there are none.
//!
//! ```text
//! since Kinto.js 12: one database for all collections, "KintoDB" if the app gave it no name, version 1 or 2
//!   records      key [_cid, id]   index _status: [_cid, _status]     _cid is "<bucket>/<collection>"
//!   timestamps   key cid          {cid, value}
//!   collections  key cid          {cid, metadata}                    not in version 1
//!
//! up to Kinto.js 11: one database for each collection, "<bucket>/<collection>"
//!   <bucket>/<collection>   key id                  index _status
//!   __meta__                key name                {name: "<bucket>/<collection>-lastModified" or "lastModified", value}
//! ```
//! Kinto.js 11 had no database names, by which apps keep accounts apart. So its databases are read only where the app gives no database
//! name, and only for a collection of which the newer database has nothing: Kinto.js 12 itself left the older databases behind.

mod database;
mod rows;

use super::indexed_db::{Failure, Outcome, delete};
use crate::error::Result;
use crate::ports::{CollectionId, Predecessor};
use crate::pure::adoption::Earlier;
use database::{Database, Wanted};
use std::cell::RefCell;

/// The name of Kinto.js's database if the app gives none.
const DEFAULT_DB_NAME: &str = "KintoDB";

/// Access to Kinto.js data. No result is cached and no connection is kept open: an old tab may write at any time, and must not be blocked.
#[derive(Debug)]
pub struct KintoJs {
    is_read: bool,
    /// Names of databases that the app asked to delete. While an old tab holds one open it still exists, and opening it would have to wait.
    forgotten: RefCell<Vec<String>>,
}

impl KintoJs {
    /// `is_read` is false if this client's data is not in IndexedDB: then nothing is migrated.
    pub fn new(is_read: bool) -> Self {
        KintoJs {
            is_read,
            forgotten: RefCell::default(),
        }
    }

    async fn look(&self, collection: &CollectionId, wanted: Wanted) -> Result<Option<Earlier>> {
        if !self.is_read || self.forgotten.borrow().contains(&collection.db_name) {
            return Ok(None);
        }
        let cid = cid(collection);
        for name in database_names(&collection.db_name, std::slice::from_ref(collection)) {
            let found = match self.look_in(&name, &cid, wanted).await {
                // The browser dropped the connection; a second one may work.
                Err(failure) if failure.is_of_connection() => self.look_in(&name, &cid, wanted).await,
                found => found,
            };
            if let Some(found) = found.map_err(Failure::into_error)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn look_in(&self, name: &str, cid: &str, wanted: Wanted) -> Outcome<Option<Earlier>> {
        let Some(database) = Database::open(name).await? else { return Ok(None) };
        let found = database.read(cid, wanted).await;
        database.close();
        found
    }
}

impl Predecessor for KintoJs {
    async fn read(&self, collection: &CollectionId) -> Result<Option<Earlier>> {
        self.look(collection, Wanted::Everything).await
    }

    async fn read_unsynced(&self, collection: &CollectionId) -> Result<Option<Earlier>> {
        self.look(collection, Wanted::Unsynced).await
    }

    async fn forget(&self, db_name: &str, collections: &[CollectionId]) -> Result<()> {
        self.forgotten.borrow_mut().push(db_name.to_owned());
        for name in database_names(db_name, collections) {
            // A database of this name that Kinto.js did not write belongs to somebody else.
            if let Some(database) = Database::open(&name).await.map_err(Failure::into_error)? {
                database.close();
                delete(&name).await.map_err(Failure::into_error)?;
            }
        }
        Ok(())
    }
}

fn cid(collection: &CollectionId) -> String {
    format!("{}/{}", collection.bucket, collection.name)
}

/// The databases that may contain these collections, in the order in which they are read.
pub(super) fn database_names(db_name: &str, collections: &[CollectionId]) -> Vec<String> {
    let plain = collections.iter().filter(|collection| collection.sealed.is_none());
    let own = plain.filter(|_| db_name == DEFAULT_DB_NAME).map(cid);
    std::iter::once(db_name.to_owned()).chain(own).collect()
}
