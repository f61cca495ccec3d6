//! Syncs an encrypted collection with its sealed journal on the server.
//!
//! A sync pulls new pages, pushes dirty records, and writes a snapshot when one is due. The decisions are in `pure::sealed`.

mod adopt;
mod append;
mod arrive;
mod close;
mod compact;
mod pull;
mod push;
mod repair;
mod requests;
mod survey;

use super::sync::{Session, interrupted};
use crate::error::{Error, Result};
use crate::ports::{Clock, Platform, Rng};
use crate::pure::crypto::encoding::base64url;
use crate::pure::crypto::erase::erasing;
use crate::pure::crypto::key;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::Strategy;
use crate::pure::sealed::Rule;
use crate::pure::sealed::home::{DEVICE, Home, JOURNAL};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::seal::{Salt, Seal};

/// The keys of an encrypted collection.
pub struct Secrets {
    pub seal: Seal,
    /// The collection's name on the server. It is derived from the key and reveals nothing.
    pub server_collection: String,
}

impl Secrets {
    /// Errors: `invalid_key`.
    pub fn derive(key: &str, name: &str) -> Result<Self> {
        erasing(|| {
            let keys = key::read_key(key)?.derive_journal(name);
            Ok(Secrets {
                seal: Seal::new(&keys),
                server_collection: keys.server_collection,
            })
        })
    }
}

impl<P: Platform> Session<'_, P> {
    pub(super) async fn run_sealed(&mut self, secrets: &Secrets) -> Result<()> {
        let synced = self.sync_journal(secrets).await;
        synced.map_err(|error| self.with_evidence(error))
    }

    async fn sync_journal(&mut self, secrets: &Secrets) -> Result<()> {
        self.pull_journal(secrets, None).await?;
        if self.options.strategy != Strategy::PullOnly {
            self.push_journal(secrets, None).await?;
            self.compact_if_due(secrets).await?;
        }
        self.remember_last_modified().await
    }

    /// Adds the URL and the time to the evidence of an alarm.
    fn with_evidence(&self, mut error: Error) -> Error {
        let at_ms = self.platform().clock().now_ms();
        if let Some(evidence) = error.evidence_mut() {
            evidence.url = self.target.url();
            evidence.at_ms = at_ms;
        }
        error
    }

    fn platform(&self) -> &P {
        &self.collection.resident.platform
    }

    fn without(&self, rule: Rule) -> bool {
        self.platform().without() == Some(rule)
    }

    async fn known(&self) -> Result<Known> {
        self.collection.resident.read(Known::of).await
    }

    async fn home(&self) -> Result<Home> {
        self.collection.resident.read(known::home).await
    }

    fn salt(&self) -> Salt {
        let mut salt = [0; 24];
        self.platform().rng().fill(&mut salt);
        salt
    }

    /// 128 random bits, as text.
    fn random_name(&self) -> String {
        let mut bytes = [0; 16];
        self.platform().rng().fill(&mut bytes);
        base64url(&bytes)
    }

    /// The name of this device in its pages: random, created once per database. A device that lost its database gets a new name.
    async fn device(&self) -> Result<String> {
        if let Some(device) = self.collection.resident.read(|state| state.notes.get(DEVICE).cloned()).await? {
            return Ok(device);
        }
        let made = self.random_name();
        let name = move |draft: &mut Draft| {
            let device = draft.note(DEVICE).unwrap_or_else(|| made.clone());
            draft.set_note(DEVICE, Some(device.clone()));
            Ok(device)
        };
        self.commit(name).await
    }
}

/// Whether the chain state is as it was read. If it is not, `clear()` or `resetSyncStatus()` came between, and nothing may be written.
fn is_unchanged(draft: &Draft, home: &Home) -> bool {
    draft.note(JOURNAL).map_or_else(Home::default, |note| Home::read(&note)) == *home
}

/// The URL of the collection that a closing page names.
fn destination_url(destination: &str) -> String {
    let part = |name: &str| json::member(destination, name).and_then(json::string).unwrap_or_default();
    let encode = crate::pure::protocol::encode;
    format!(
        "{}/buckets/{}/collections/{}",
        part("remote"),
        encode(&part("bucket")),
        encode(&part("collection"))
    )
}
