//! Closes a journal that moves to another server, by a closing page that is appended like any other page.
//!
//! Nothing after that page is valid on this server, so no write can be acknowledged here while the pages are copied. The journal continues
//! after it on the new server.

use super::Secrets;
use super::push::{is_to_push, omission};
use super::requests::{Found, Put};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::sealed::item::page_id;
use crate::pure::sealed::known;
use crate::pure::sealed::page::Kind;
use crate::pure::state::State;

impl<P: Platform> Session<'_, P> {
    /// Syncs, so that no local change is left behind, then closes the journal. `destination`: `{"remote", "bucket", "collection"}`. If
    /// something could not be sent, the journal stays open and the report says what, as after any sync.
    pub(in crate::engine) async fn close_journal(&mut self, secrets: &Secrets, destination: &str) -> Result<()> {
        match self.close(secrets, destination).await {
            // This device or another one has closed it before, with the same destination.
            Err(Error::Moved { destination: to }) if to == destination => Ok(()),
            closed => closed.map_err(|error| self.with_evidence(error)),
        }
    }

    async fn close(&mut self, secrets: &Secrets, destination: &str) -> Result<()> {
        const TRIES: usize = 8;
        let mut nothing_there = 0;
        for _ in 0..TRIES {
            self.pull_journal(secrets, None).await?;
            self.push_journal(secrets, None).await?;
            if self.report.is_unfinished() {
                return self.remember_last_modified().await;
            }
            // Changes that were made here meanwhile are sent first.
            if self.collection.resident.read(is_anything_left).await? {
                continue;
            }
            let (put, head) = self.append(secrets, Kind::Closed(destination.to_owned()), Vec::new(), 0).await?;
            let status = match put {
                Put::Appended(_) => return self.remember_last_modified().await,
                Put::Look(status) => status,
                Put::TooLarge => return Err(self.too_large()),
            };
            // Another page was appended first, or the answer was lost. In the latter case the page is ours, and the pull fails with
            // `moved`.
            match self.get_item(&page_id(head.position)).await? {
                Found::Item(item) => self.pull_journal(secrets, Some(*item)).await?,
                Found::Nothing if status == 409 => {}
                Found::Nothing if nothing_there < 3 => nothing_there += 1,
                Found::Nothing => return Err(omission(head.position)),
            }
        }
        Err(Error::Interrupted {
            message: "Somebody writes to this collection while it is being closed. It is still open; close it again.".into(),
        })
    }

    pub(super) fn too_large(&self) -> Error {
        Error::Server {
            message: "The server takes no request of this size.".into(),
            url: self.target.url(),
            status: 413,
            errno: None,
            retry_after_ms: None,
            answer: None,
        }
    }
}

fn is_anything_left(state: &State) -> bool {
    state.rows.values().any(is_to_push) || known::Known::of(state).open().next().is_some()
}
