//! Opening a collection: whose name it is, what became of its database since the last visit, what an earlier library left.

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

/// The note by which a name is known to belong to an encrypted collection.
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
        // Before the database: one that another tab begins meanwhile is no evicted one.
        let witnessed = self.platform.witness().read(&self.collection.database());
        let stored = self.platform.storage().open(&self.collection).await?;
        self.check_open()?;
        let is_new = stored == Stored::default();
        self.absorb(Tail::Whole(stored), &[], |_| {})?;
        // What an evicted database held was newer than what it had once adopted.
        if is_new && self.platform.storage().is_persistent(&self.collection) && !self.was_evicted(witnessed) {
            self.adopt().await?;
        }
        if !is_new {
            // Apps clear localStorage, and with it the marker.
            self.bear_witness();
        }
        self.opened.set(true);
        self.fold_if_due();
        // Left behind by a page that was killed.
        self.erase_after(0);
        Ok(())
    }

    /// Marks the name as that of an encrypted collection, in the database that it would have without a key: where both
    /// look first. Errors: `not_encrypted` if there is something in it.
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

    /// Opened, and how many unsynced changes had been lost with an evicted database.
    pub async fn open(self: &Rc<Self>) -> Result<Option<usize>> {
        self.read(|_| ()).await?;
        Ok(self.take_evicted())
    }

    /// Told once.
    pub fn take_evicted(&self) -> Option<usize> {
        self.evicted.take()
    }

    /// Whether there was a database of which nothing is left; [`Resident::take_evicted`] tells what was lost with it.
    fn was_evicted(&self, witnessed: Option<String>) -> bool {
        let Some(note) = witnessed else { return false };
        // Told once, and remembered: as long as nothing is written, it is the evicted one.
        self.platform.witness().write(&self.collection.database(), Some("{\"unsynced\":0}"));
        let unsynced = json::member(&note, "unsynced").and_then(json::number).map(|count| count as usize);
        self.evicted.set(unsynced.filter(|count| *count > 0));
        true
    }

    /// A name that is marked as an encrypted collection's.
    pub(super) fn refuse_without_key(&self) -> Result<()> {
        match self.collection.sealed.is_none() && self.state.borrow().notes.contains_key(ENCRYPTED) {
            true => Err(Error::KeyRequired {
                name: self.collection.name.clone(),
            }),
            false => Ok(()),
        }
    }

    /// What lets the next visit tell an evicted database from a new one. Written at once: later might be after the page.
    pub(super) fn bear_witness(&self) {
        let unsynced = self.state.borrow().unsynced();
        if self.witnessed.replace(Some(unsynced)) != Some(unsynced) && self.platform.storage().is_persistent(&self.collection) {
            let note = format!("{{\"head\":{},\"unsynced\":{unsynced}}}", self.position.get().key);
            self.platform.witness().write(&self.collection.database(), Some(&note));
        }
    }
}
