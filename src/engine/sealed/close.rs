//! Closing a journal, when it moves: by the same compare-and-swap as any other page. Nothing after it is valid at this
//! home, so no write can be acknowledged here while the pages are copied; the new home goes on after it.

use super::Secrets;
use super::requests::{Found, Put};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::sealed::item::page_id;
use crate::pure::sealed::page::Kind;

impl<P: Platform> Session<'_, P> {
    /// Syncs, so that nothing here is left behind, and closes. `destination`: `{"remote", "bucket", "collection"}`.
    pub(in crate::engine) async fn close_journal(&mut self, secrets: &Secrets, destination: &str) -> Result<()> {
        let closed = self.close(secrets, destination).await;
        closed.map_err(|error| self.with_evidence(error))
    }

    async fn close(&mut self, secrets: &Secrets, destination: &str) -> Result<()> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            self.pull_journal(secrets, None).await?;
            self.push_journal(secrets, false).await?;
            let (put, head) = self.append(secrets, Kind::Closed(destination.to_owned()), Vec::new(), 0).await?;
            if let Put::Appended(_) = put {
                return self.remember_last_modified().await;
            }
            // Somebody was first, or an answer was lost: then the page is ours, and the pull says that it has moved.
            if let Found::Item(item) = self.get_item(&page_id(head.position)).await? {
                match self.pull_journal(secrets, Some(*item)).await {
                    Err(Error::Moved { destination: to }) if to == destination => return Ok(()),
                    pulled => pulled?,
                }
            }
        }
        Err(Error::Busy {
            name: self.collection.resident.collection.name.clone(),
        })
    }
}
