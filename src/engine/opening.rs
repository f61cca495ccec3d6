//! Opening a collection: checks whether its name belongs to an encrypted collection, detects eviction, and migrates Kinto.js data.

use super::resident::Resident;
use crate::error::{Error, Result};
use crate::ports::{Platform, Storage, Witness};
use crate::pure::draft::Draft;
use crate::pure::journal::{Stored, Tail};
use crate::pure::json;
use crate::pure::operations;
use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::rc::Rc;

/// The note that marks a name as belonging to an encrypted collection.
const ENCRYPTED: &str = "encrypted";

impl<P: Platform> Resident<P> {
    pub(super) async fn ensure_open(self: &Rc<Self>) -> Result<()> {
        self.check_open()?;
        if self.opened.get() {
            return Ok(());
        }
        if self.collection.sealed.is_some() {
            self.claim_name().await?;
        }
        // Read before the database: a database that another tab creates meanwhile must not look like an evicted one.
        let witnessed = self.platform.witness().read(&self.collection.database());
        let stored = self.platform.storage().open(&self.collection).await?;
        self.check_open()?;
        let is_new = stored == Stored::default();
        self.absorb(Tail::Whole(stored), &[], |_| {})?;
        // After an eviction nothing is migrated: the evicted database held newer data than the Kinto.js data that it was made from.
        if is_new && self.platform.storage().is_persistent(&self.collection) && !self.was_evicted(witnessed) {
            self.adopt().await?;
        }
        if !is_new {
            // Written again, because apps clear localStorage and the eviction marker with it.
            self.bear_witness();
        }
        self.opened.set(true);
        self.fold_if_due();
        // Erases removed content that a killed page has left behind.
        self.erase_after(0);
        Ok(())
    }

    /// Marks the name as that of an encrypted collection. The mark is in the database that the collection would have without a key, because
    /// opening with and without a key both read it first. Errors: `not_encrypted` if that database contains anything.
    async fn claim_name(&self) -> Result<()> {
        let plain = Resident::new(self.platform.clone(), self.collection.unsealed(), self.closed.clone());
        plain.adopts.set(false);
        let claim = |draft: &Rc<RefCell<Option<Draft>>>| {
            let mut draft = draft.borrow_mut();
            let draft = draft.as_mut().ok_or(Error::Closed)?;
            let is_used = |name: &String| !operations::OUTLIVES_CLEAR.contains(&name.as_str());
            if !draft.rows().is_empty() || draft.note_names().iter().any(is_used) {
                return Err(Error::NotEncrypted {
                    name: self.collection.name.clone(),
                });
            }
            draft.set_note(ENCRYPTED, Some("true".to_owned()));
            Ok(())
        };
        let claim = plain.execute(claim, None);
        let claim: LocalBoxFuture<Result<()>> = Box::pin(claim);
        match claim.await {
            Err(Error::KeyRequired { .. }) => Ok(()),
            claimed => claimed,
        }
    }

    /// Opens the collection. Returns how many unsynced changes were lost with an evicted database.
    pub async fn open(self: &Rc<Self>) -> Result<Option<usize>> {
        self.read(|_| ()).await?;
        Ok(self.take_evicted())
    }

    /// Each loss is returned once.
    pub fn take_evicted(&self) -> Option<usize> {
        self.evicted.take()
    }

    /// Whether the database was evicted: there is a marker, and nothing else. [`Resident::take_evicted`] then returns what was lost.
    fn was_evicted(&self, witnessed: Option<String>) -> bool {
        let Some(note) = witnessed else { return false };
        // The loss is reported once. The marker stays: as long as nothing is written, the database is still the evicted one.
        self.platform.witness().write(&self.collection.database(), Some("{\"unsynced\":0}"));
        let unsynced = json::member(&note, "unsynced").and_then(json::number).map(|count| count as usize);
        self.evicted.set(unsynced.filter(|count| *count > 0));
        true
    }

    /// Errors: `key_required` if the name is marked as an encrypted collection's and this collection was opened without a key.
    pub(super) fn refuse_without_key(&self) -> Result<()> {
        match self.collection.sealed.is_none() && self.state.borrow().notes.contains_key(ENCRYPTED) {
            true => Err(Error::KeyRequired {
                name: self.collection.name.clone(),
            }),
            false => Ok(()),
        }
    }

    /// Writes the eviction marker, by which the next visit tells an evicted database from a new one. It is written at once, because later
    /// the page may be gone.
    pub(super) fn bear_witness(&self) {
        let unsynced = self.state.borrow().unsynced();
        if self.witnessed.replace(Some(unsynced)) != Some(unsynced) && self.platform.storage().is_persistent(&self.collection) {
            let note = format!("{{\"head\":{},\"unsynced\":{unsynced}}}", self.position.get().key);
            self.platform.witness().write(&self.collection.database(), Some(&note));
        }
    }
}
