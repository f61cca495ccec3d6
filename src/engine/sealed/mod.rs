//! Syncing an encrypted collection: its sealed journal on the server, and what comes of it here.
//!
//! Pull what is new, push what is dirty, and now and then write a snapshot. What is decided is in `pure::sealed`.

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

/// What opens an encrypted collection.
pub struct Secrets {
    pub seal: Seal,
    /// Its name on the server, from which nothing can be learnt.
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

    /// An alarm says where and when.
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

    /// What this database calls itself: made once, so a lost database is another device.
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

/// Nothing is written if the journal is not as it was read: `clear()` or `resetSyncStatus()` came between.
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
