//! Migration of Kinto.js data when a collection is opened, and of changes that Kinto.js writes afterwards.

use super::collection::Collection;
use super::resident::{Job, Resident};
use super::sync::interrupted;
use super::transaction::array;
use super::turns::Waiting;
use crate::error::Result;
use crate::ports::{Platform, Predecessor, Storage};
use crate::pure::adoption::{self, Earlier};
use crate::pure::draft::Draft;
use crate::pure::leftover::{self, Prefer};
use std::cell::RefCell;
use std::rc::Rc;

impl<P: Platform> Resident<P> {
    /// Migrates Kinto.js data into an empty collection, in one entry together with the marker of the migration. If the page is killed
    /// before, the migration starts again from the beginning. The collection is found empty in the transaction that appends the entry, so
    /// that two tabs do not both migrate.
    pub(super) async fn adopt(self: &Rc<Self>) -> Result<()> {
        if !self.adopts.get() {
            return Ok(());
        }
        let Some(earlier) = self.platform.predecessor().read(&self.collection).await? else {
            return Ok(());
        };
        let adopted = Rc::new(RefCell::new(None));
        let told = adopted.clone();
        let run = move |draft: &mut Draft| {
            let is_empty = draft.rows().is_empty() && draft.note_names().is_empty();
            *told.borrow_mut() = is_empty.then(|| adoption::adopt(draft, &earlier).to_json());
            false
        };
        self.decide_again(
            &mut [Waiting::new(Job {
                run: Box::new(run),
                tell: None,
            })],
            Vec::new(),
        )
        .await?;
        self.adopted.set(adopted.take());
        Ok(())
    }

    async fn unsynced_earlier(&self) -> Result<Option<Earlier>> {
        if !self.adopts.get() || !self.platform.storage().is_persistent(&self.collection) {
            return Ok(None);
        }
        self.platform.predecessor().read_unsynced(&self.collection).await
    }
}

impl<P: Platform> Collection<P> {
    /// What opening migrated from an earlier library: `{"records", "unsynced", "refused": [{"id", "message"}]}`. Returned once.
    pub fn take_adopted(&self) -> Option<String> {
        self.resident.adopted.take()
    }

    /// The remaining Kinto.js changes, a JSON array: unsynced records of the earlier library that were not migrated and are not here by
    /// another way.
    pub async fn leftovers(&self) -> Result<String> {
        let Some(earlier) = self.resident.unsynced_earlier().await? else {
            return Ok("[]".to_owned());
        };
        let found = self.resident.read(|state| leftover::find(state, &earlier)).await?;
        Ok(array(&found))
    }

    /// Migrates the remaining Kinto.js changes. Gives `{"adopted": […], "conflicts": [{"local", "leftover"}]}`. `prefer` says which record
    /// is kept if both sides were changed: `"here"`, `"leftover"`, or `""` for neither. Errors: `invalid_option`.
    pub async fn adopt_leftovers(&self, prefer: &str) -> Result<String> {
        let prefer = Prefer::read(prefer)?;
        self.resident.read(|_| ()).await?;
        let begun = self.resident.syncs.begin();
        let earlier = self.resident.unsynced_earlier().await?.unwrap_or_default();
        // A collection that was cleared since this call stays empty.
        let adopt = move |draft: &mut Draft| match begun.is_cancelled() || draft.is_cleared() {
            true => Err(interrupted()),
            false => Ok(leftover::adopt(draft, &earlier, prefer).to_json()),
        };
        self.commit(Box::new(adopt)).await
    }
}
