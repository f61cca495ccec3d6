//! Adopts a snapshot: a device that is new, or whose next pages were emptied, reads the snapshot's segments instead of the pages.

use super::Secrets;
use super::pull::Walk;
use super::requests::Found;
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::record::RecordId;
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::{Opened, View, bad_snapshot, evidence, sealed_bytes};
use crate::pure::sealed::home::{Cursor, PageNote};
use crate::pure::sealed::item::Content;
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::meet::Arrival;
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::pending::Pending;
use crate::pure::sealed::run::{Acknowledged, Run};
use crate::pure::sealed::seal::Hash;
use crate::pure::sealed::snapshot::{self, History, Ledger, Snapshot};

impl<P: Platform> Session<'_, P> {
    /// Adopts a snapshot. False if a segment is missing: a newer snapshot may have replaced it.
    pub(super) async fn adopt(&mut self, walk: &mut Walk, secrets: &Secrets, opened: Opened) -> Result<bool> {
        let Kind::Snapshot(snapshot) = opened.page.kind.clone() else {
            return Err(Error::bug("a snapshot that is none"));
        };
        let known = self.known().await?;
        if !snapshot.is_whole(opened.head.position) && !self.without(Rule::NothingCutOff) {
            return Err(bad_snapshot(&opened, None, None));
        }
        if !self.check_covered(walk, secrets, &known, &opened, &snapshot).await? {
            return Ok(false);
        }
        let Some(ledger) = self.read_segments(&walk.view, secrets, &opened, &snapshot).await? else {
            return Ok(false);
        };
        if snapshot::digest(ledger.iter()) != snapshot.digest && !self.without(Rule::DigestBeforeAdopting) {
            return Err(bad_snapshot(&opened, Some(snapshot.digest), Some(snapshot::digest(ledger.iter()))));
        }
        let Some(own) = self.covered_pendings(walk, secrets, &known, &opened, &snapshot).await? else {
            return Ok(false);
        };
        let run = self.catch_up(&known, own, &opened, &snapshot, ledger).await?;
        self.commit_run(run).await?;
        Ok(true)
    }

    /// Checks that the snapshot covers this device's head. Every snapshot lists the hash of every earlier position, so a device always
    /// finds its own head; another hash there is a fork. False if the history cannot be read.
    async fn check_covered(&self, walk: &Walk, secrets: &Secrets, known: &Known, opened: &Opened, snapshot: &Snapshot) -> Result<bool> {
        let (at, head) = (opened.head.position, known.home.head);
        let last = snapshot.covered.iter().rev().find_map(|hash| *hash).unwrap_or_default();
        if at <= head.position || last != opened.page.prev {
            return Err(bad_snapshot(opened, Some(opened.page.prev), Some(last)));
        }
        if head.position == 0 {
            return Ok(true);
        }
        if self.without(Rule::NothingCutOff) && snapshot.hash_of(at, head.position).is_none() {
            return Ok(true);
        }
        let Some(found) = self.covered_hash(walk, secrets, at, snapshot, head.position).await? else {
            // A device that knew nothing when it began may have its head from old pages that nobody emptied. It does not need the history.
            return Ok(walk.is_first());
        };
        // Also compares the positions before the head, because a repair may have joined two histories in one chain.
        let differs = |(position, hash): &&(u64, Option<Hash>)| snapshot.hash_of(at, *position).is_some_and(|covered| covered != *hash);
        let other = match known.hashes.iter().find(differs) {
            _ if found != Some(head.hash) => Some((head.position, Some(head.hash), found)),
            other => other.map(|(position, hash)| (*position, *hash, snapshot.hash_of(at, *position).flatten())),
        };
        let Some((position, expected, found)) = other else { return Ok(true) };
        Err(Error::Fork {
            evidence: evidence(position, expected, found, walk.view.page(at)),
        })
    }

    /// The hash that a snapshot at position `at` lists for a position, from its history if necessary. The outer `None` means that the
    /// history cannot be read, the inner `None` that the position is void.
    async fn covered_hash(&self, walk: &Walk, secrets: &Secrets, at: u64, snapshot: &Snapshot, position: u64) -> Result<Option<Option<Hash>>> {
        if let Some(hash) = snapshot.hash_of(at, position) {
            return Ok(Some(hash));
        }
        let Some(entry) = snapshot.history.iter().find(|entry| (entry.first..=entry.last).contains(&position)) else {
            return Ok(Some(None));
        };
        let hashes = self.read_history(&walk.view, secrets, at, entry).await?;
        Ok(hashes.map(|hashes| hashes[(position - entry.first) as usize]))
    }

    /// This device's own pages that the chain contains up to here, although their answers never came. After many snapshots only the history
    /// lists them. `None` if the history cannot be read.
    async fn covered_pendings(&self, walk: &Walk, secrets: &Secrets, known: &Known, opened: &Opened, snapshot: &Snapshot) -> Result<Option<Vec<Pending>>> {
        let mut own = Vec::new();
        for pending in known.pending.iter().filter(|pending| pending.position < opened.head.position) {
            match self.covered_hash(walk, secrets, opened.head.position, snapshot, pending.position).await? {
                None => return Ok(None),
                Some(hash) if hash == Some(pending.hash) => own.push(pending.clone()),
                Some(_) => {}
            }
        }
        Ok(Some(own))
    }

    pub(super) async fn read_history(&self, view: &View, secrets: &Secrets, position: u64, entry: &History) -> Result<Option<Vec<Option<Hash>>>> {
        let Some(bytes) = self.read_segment(view, secrets, position, &entry.id, entry.hash).await? else {
            return Ok(None);
        };
        let hashes = snapshot::read_hashes(entry, &bytes);
        // The segment has the hash that the snapshot lists, so its author wrote it like this.
        hashes.map(Some).ok_or_else(|| Error::BadSnapshot {
            evidence: evidence(position, None, None, None),
        })
    }

    pub(super) async fn read_segments(&self, view: &View, secrets: &Secrets, opened: &Opened, snapshot: &Snapshot) -> Result<Option<Ledger>> {
        let position = opened.head.position;
        let mut ledger = Ledger::new();
        for segment in &snapshot.segments {
            let Some(bytes) = self.read_segment(view, secrets, position, &segment.id, segment.hash).await? else {
                return Ok(None);
            };
            std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| snapshot::read_segment_into(&mut ledger, text, segment.count))
                .ok_or_else(|| bad_snapshot(opened, None, None))?;
        }
        match ledger.values().all(|base| (1..position).contains(&base.position)) {
            true => Ok(Some(ledger)),
            false => Err(bad_snapshot(opened, None, None)),
        }
    }

    /// Reads a segment from the listing, or by its name if the listing does not have it; `None` if it is not on the server.
    async fn read_segment(&self, view: &View, secrets: &Secrets, position: u64, id: &str, hash: Hash) -> Result<Option<Vec<u8>>> {
        let listed = view.segment(id).filter(|item| item.content != Content::Emptied).cloned();
        let item = match listed {
            Some(item) => item,
            None => match self.get_item(id).await? {
                Found::Item(item) => *item,
                Found::Nothing => return Ok(None),
            },
        };
        let ct = sealed_bytes(&item, position)?;
        let found = snapshot::segment_hash(ct);
        let bytes = secrets.seal.open_segment(id, ct).filter(|_| found == hash);
        let evidence = || evidence(position, Some(hash), Some(found), Some(&item));
        bytes.map(|bytes| Some(bytes.to_vec())).ok_or_else(|| Error::Tampered { evidence: evidence() })
    }

    /// What the snapshot changes on this device. Covered pending pages are acknowledged first. Then come the records that are newer in the
    /// snapshot, and those that are not in it.
    async fn catch_up(&self, known: &Known, own: Vec<Pending>, opened: &Opened, snapshot: &Snapshot, ledger: Ledger) -> Result<Run> {
        let mut run = Run::new(known.home.clone());
        let position = opened.head.position;
        let here = self.collection.resident.read(known::ledger).await?;
        let own: Vec<Pending> = own.into_iter().filter(|_| !self.without(Rule::PendingBeforeMeeting)).collect();
        for pending in &own {
            run.acknowledged.push(Acknowledged::covered(pending, &ledger, opened.page.t));
        }
        let sent_at = |id: &RecordId| own.iter().filter(|pending| pending.has(id)).map(|pending| pending.position).max();
        for (id, base) in &ledger {
            let version = here.get(id).map(|base| base.position).max(sent_at(id));
            if version.is_none_or(|version| base.position > version) || self.without(Rule::NewerVersionsOnly) {
                run.arrivals.insert(id.clone(), Arrival::of(id, base));
            }
        }
        // Records that are in the journal as this device knows it, or that it sent, and that are not in the snapshot.
        let sent = own.iter().flat_map(|pending| pending.records.iter().map(|(id, _)| id));
        for id in here.keys().chain(sent).filter(|id| !ledger.contains_key(*id)) {
            // A record that this device itself deleted is not reported as deleted by somebody else.
            if !own.iter().any(|pending| pending.deletions().any(|own| own == id)) {
                run.arrivals.insert(id.clone(), Arrival::gone(id, position, opened.page.t));
            }
        }
        run.after.head = opened.head;
        run.after.t = opened.page.t;
        run.after.closed = None;
        run.after_snapshot(snapshot);
        run.after.live_bytes = ledger.iter().map(|(id, base)| snapshot::weight(id, base)).sum();
        run.after.cursor = Cursor {
            url: self.target.url(),
            since: opened.last_modified,
            ..run.after.cursor
        };
        run.pages = covered_pages(opened, snapshot);
        Ok(run)
    }
}

/// The page notes of the positions that a snapshot covers, and of the snapshot itself.
pub(super) fn covered_pages(opened: &Opened, snapshot: &Snapshot) -> Vec<(u64, PageNote)> {
    let note = |hash: Option<Hash>| PageNote { hash, ..PageNote::void() };
    let covered = snapshot.covered.iter().map(|hash| note(*hash));
    let mut pages: Vec<(u64, PageNote)> = (snapshot.first_covered(opened.head.position)..).zip(covered).collect();
    let own = PageNote {
        hash: Some(opened.head.hash),
        t: opened.page.t,
        device: opened.page.device.clone(),
        kind: opened.page.kind.name().into(),
        bytes: opened.bytes,
    };
    pages.push((opened.head.position, own));
    pages
}
