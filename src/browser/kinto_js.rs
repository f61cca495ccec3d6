//! The databases that Kinto.js wrote: read, never written, never upgraded, and never made where there are none.
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
//! The older form knew no database names, by which apps keep accounts apart: it is looked at only where the app gives
//! none. And only for a collection that the newer database has nothing of, as Kinto.js itself left it behind then.

mod database;
mod rows;

use super::indexed_db::{Failure, Outcome, delete};
use crate::error::Result;
use crate::ports::{CollectionId, Predecessor};
use crate::pure::adoption::Earlier;
use database::{Database, Wanted};
use std::cell::RefCell;

/// What Kinto.js calls its database when the app does not.
const DEFAULT_DB_NAME: &str = "KintoDB";

/// Nothing is remembered of them, and no connection kept: an old tab may write at any time, and must not be held up.
#[derive(Debug)]
pub struct KintoJs {
    is_read: bool,
    /// Names of databases that the app gave up. One that an old tab holds open is there still, and would keep whoever opens it waiting.
    forgotten: RefCell<Vec<String>>,
}

impl KintoJs {
    /// `is_read` is false for data that is kept elsewhere than in IndexedDB: it takes over nothing.
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
                // The browser threw the connection away; a second one may live.
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
            // A database of this name that is not Kinto.js's is somebody's.
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

/// Where these collections may be, in the order in which to look.
pub(super) fn database_names(db_name: &str, collections: &[CollectionId]) -> Vec<String> {
    let plain = collections.iter().filter(|collection| collection.sealed.is_none());
    let own = plain.filter(|_| db_name == DEFAULT_DB_NAME).map(cid);
    std::iter::once(db_name.to_owned()).chain(own).collect()
}
