//! Writes a snapshot, so that superseded pages can be emptied. Any device that may write does this, when it saves enough.
//!
//! The segments are written first, then the snapshot page, which is appended like any other page. Only when that is committed are pages
//! emptied and old segments deleted. A failure does not matter: the next compaction tries again.

use super::Secrets;
use super::requests::{Found, Put};
use crate::engine::sync::{Session, housekeeping};
use crate::error::Result;
use crate::ports::Platform;
use crate::pure::answers::{self, PartAnswer};
use crate::pure::json;
use crate::pure::protocol::{Part, batch_length};
use crate::pure::record::{Body, RecordId};
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::View;
use crate::pure::sealed::home::Head;
use crate::pure::sealed::item::{Content, Name, emptied_body, history_body, page_id, read_name, sealed_body};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::seal::Hash;
use crate::pure::sealed::snapshot::{self, History, Ledger, Segment, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// How many rows a compaction empties or deletes in addition to the pages since the previous snapshot. A server can list any number of such
/// rows; the next compaction continues with the rest.
const MOST_UNKNOWN: usize = 1_000;

/// The id of a segment that was written, and its `last_modified`.
type Written = (String, u64);

/// What a repair has found on the server. Empty for any other snapshot.
#[derive(Default)]
pub(super) struct Passed {
    /// The positions of the chain's pages that the repair has read; it empties no others. `None` if this is no repair.
    pub read: Option<BTreeSet<u64>>,
    /// The last taken position.
    pub last: u64,
    /// Segments of snapshots that were not adopted.
    pub segments: Vec<String>,
}

impl Passed {
    fn leaves(&self, position: u64) -> bool {
        self.read.as_ref().is_some_and(|read| position <= self.last && !read.contains(&position))
    }
}

impl<P: Platform> Session<'_, P> {
    pub(super) async fn live_bytes(&self) -> Result<usize> {
        let weigh = |state: &_| known::ledger(state).iter().map(|(id, base)| snapshot::weight(id, base)).sum();
        self.collection.resident.read(weigh).await
    }

    pub(super) async fn compact_if_due(&mut self, secrets: &Secrets) -> Result<()> {
        let home = self.home().await?;
        let pages = home.head.position - home.snapshot;
        let least = self.platform().sealed_limits().snapshot_pages;
        if pages < least || !snapshot::is_due(self.live_bytes().await?, home.live_bytes + home.page_bytes, pages, least) {
            return Ok(());
        }
        housekeeping(self.compact(secrets, &Passed::default()).await)
    }

    /// Writes a snapshot. `repair`: positions that a repair passes over, and what it does not empty.
    pub(super) async fn compact(&mut self, secrets: &Secrets, repair: &Passed) -> Result<()> {
        // Read synchronously, so that the segments contain the journal's records at exactly this head.
        let (known, ledger) = self.collection.resident.read(|state| (Known::of(state), known::ledger(state))).await?;
        let mut written = Vec::new();
        let Some(mut snapshot) = self.write_segments(secrets, &known, &ledger, &mut written).await? else {
            return self.take_back(written).await;
        };
        let voids = repair.last.saturating_sub(known.home.head.position);
        snapshot.covered.extend((0..voids).map(|_| None));
        let segments: Vec<String> = snapshot.segments.iter().map(|segment| segment.id.clone()).collect();
        let kept: BTreeSet<String> = snapshot.names().map(str::to_owned).chain(repair.segments.iter().cloned()).collect();
        let (put, head) = self.append(secrets, Kind::Snapshot(snapshot), Vec::new(), voids).await?;
        match put {
            Put::Appended(last_modified) => self.prune(&known, &head, last_modified, &segments, &kept, repair).await,
            Put::Look(_) if self.stands(secrets, &head).await? => Ok(()),
            Put::Look(_) | Put::TooLarge => self.take_back(written).await,
        }
    }

    pub(super) async fn stands(&self, secrets: &Secrets, head: &Head) -> Result<bool> {
        Ok(match self.get_item(&page_id(head.position)).await? {
            Found::Item(item) => matches!(&item.content, Content::Sealed { ct, .. } if secrets.seal.chain_hash(head.position, ct) == head.hash),
            Found::Nothing => false,
        })
    }

    /// Writes the segments. `None` if one could not be written, or if the hash of a position is not known.
    async fn write_segments(&mut self, secrets: &Secrets, known: &Known, ledger: &Ledger, written: &mut Vec<Written>) -> Result<Option<Snapshot>> {
        let home = &known.home;
        let Some(covered) = hashes(known, home.snapshot.max(1), home.head.position) else {
            return Ok(None);
        };
        let Some(history) = self.write_history(secrets, known, written).await? else {
            return Ok(None);
        };
        let mut segments = Vec::new();
        for (count, text) in snapshot::segments(ledger, self.platform().sealed_limits().page_bytes) {
            let id = self.segment_id();
            let ct = secrets.seal.seal_segment(&id, &text, self.salt());
            let Some(hash) = self.write_segment(&id, &ct, sealed_body(&ct), written).await? else {
                return Ok(None);
            };
            segments.push(Segment { id, hash, count });
        }
        Ok(Some(Snapshot {
            segments,
            covered,
            history,
            digest: snapshot::digest(ledger.iter()),
        }))
    }

    /// Moves the hashes that the previous snapshot covers into the history. The last segment of the history is replaced until it is full.
    async fn write_history(&mut self, secrets: &Secrets, known: &Known, written: &mut Vec<Written>) -> Result<Option<Vec<History>>> {
        let home = &known.home;
        let mut history = home.history.clone();
        if home.snapshot <= home.covered_from {
            return Ok(Some(history));
        }
        let Some(mut more) = hashes(known, home.covered_from, home.snapshot - 1) else {
            return Ok(None);
        };
        let full = self.platform().sealed_limits().history_hashes;
        let mut first = home.covered_from;
        if let Some(last) = history.pop_if(|last| last.last + 1 - last.first < full) {
            match self.read_history(&View::default(), secrets, home.head.position, &last).await {
                Ok(Some(mut before)) => {
                    first = last.first;
                    before.append(&mut more);
                    more = before;
                }
                // The server has lost or damaged this segment. It stays listed; a device that needs it reports the alarm.
                Ok(None) => history.push(last),
                Err(error) if error.is_alarm() => history.push(last),
                Err(error) => return Err(error),
            }
        }
        for (first, last, bytes) in snapshot::cut_history(first, &more, full) {
            let id = self.segment_id();
            let ct = secrets.seal.seal_history(&id, &bytes, self.salt());
            let Some(hash) = self.write_segment(&id, &ct, history_body(&ct), written).await? else {
                return Ok(None);
            };
            history.push(History { id, hash, first, last });
        }
        Ok(Some(history))
    }

    fn segment_id(&self) -> String {
        format!("s-{}", self.random_name())
    }

    async fn write_segment(&mut self, id: &str, ct: &[u8], body: String, written: &mut Vec<Written>) -> Result<Option<Hash>> {
        match self.put_new(id, body, false).await? {
            Put::Appended(last_modified) => {
                written.push((id.to_owned(), last_modified));
                Ok(Some(snapshot::segment_hash(ct)))
            }
            Put::Look(_) | Put::TooLarge => Ok(None),
        }
    }

    async fn take_back(&self, written: Vec<Written>) -> Result<()> {
        let parts = written.iter().map(|(id, at)| self.target.delete(&RecordId::from_text(id), *at)).collect();
        self.send_parts(parts).await.map(drop)
    }

    /// Empties the pages that the snapshot covers. Deletes segments that the snapshot does not list and that are older than it: a younger
    /// segment may belong to a snapshot that is being written; the writer of an older one has lost the race.
    ///
    /// Nothing is emptied before the snapshot and its segments were seen, because a server may answer 201 and store nothing.
    async fn prune(&self, known: &Known, snapshot: &Head, snapshot_at: u64, segments: &[String], kept: &BTreeSet<String>, repair: &Passed) -> Result<()> {
        let (mut parts, mut unknown) = (Vec::new(), 0);
        let there = self.list_names().await?;
        if !there.contains_key(&page_id(snapshot.position)) || !segments.iter().all(|segment| there.contains_key(segment)) {
            return Ok(());
        }
        let is_old = |at: u64| at < snapshot_at || self.without(Rule::YoungSegmentsStay);
        for (id, at) in &there {
            let part = match read_name(id) {
                Some(Name::Page(position)) if position < snapshot.position && !repair.leaves(position) => {
                    unknown += usize::from(position < known.home.snapshot);
                    self.emptied(id, *at)
                }
                Some(Name::Segment(_)) if !kept.contains(id) && is_old(*at) => {
                    unknown += 1;
                    self.target.delete(&RecordId::from_text(id), *at)
                }
                _ => continue,
            };
            if unknown <= MOST_UNKNOWN {
                parts.push(part);
            }
        }
        // History segments have another envelope and are not in that list, so they are requested by name.
        let is_segment = |id: &String| matches!(read_name(id), Some(Name::Segment(_)));
        for old in known.home.history.iter().filter(|old| !kept.contains(&old.id) && is_segment(&old.id)) {
            if let Found::Item(item) = self.get_item(&old.id).await?
                && is_old(item.last_modified)
            {
                parts.push(self.target.delete(&RecordId::from_text(&old.id), item.last_modified));
            }
        }
        self.send_parts(parts).await.map(drop)
    }

    pub(super) fn emptied(&self, id: &str, at: u64) -> Part {
        match self.without(Rule::EmptyNotDelete) {
            true => self.target.delete(&RecordId::from_text(id), at),
            false => self.target.put(&RecordId::from_text(id), &Body::from(emptied_body()), Some(at)),
        }
    }

    /// The latest version of each page and segment, by name.
    async fn list_names(&self) -> Result<BTreeMap<String, u64>> {
        let (mut all, mut listing) = (BTreeMap::new(), self.listing(self.target.list_journal_names()));
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            let names = listing.read(&response, &url)?;
            let sealed = names.into_iter().filter(|name| json::member(name, "e").is_some());
            for (id, at) in sealed.filter_map(answers::version) {
                let latest = all.entry(id.display()).or_default();
                *latest = at.max(*latest);
            }
        }
        Ok(all)
    }

    /// Sends requests in batches. Returns the answer to each: another device may have done the same first, or the server may refuse.
    pub(super) async fn send_parts(&self, parts: Vec<Part>) -> Result<Vec<PartAnswer>> {
        let (mut parts, mut said) = (parts.as_slice(), Vec::new());
        while !parts.is_empty() {
            let max = match self.target.takes_batches() {
                true => {
                    self.collection
                        .servers
                        .batch_max_requests(self.platform(), &self.target, self.options.patience)
                        .await?
                }
                false => 1,
            };
            let some;
            (some, parts) = parts.split_at(batch_length(parts.iter(), max).min(parts.len()));
            let request = match some {
                [part] => self.target.single(part),
                _ => self.target.batch(some),
            };
            let url = request.url.clone();
            let response = self.send(request).await?;
            match some.len() {
                1 => said.push(answers::single(&response, &url)?),
                expected => said.extend(answers::batch(answers::accept(&response, &url)?, &url, response.status, expected)?),
            }
        }
        Ok(said)
    }
}

/// The hashes of all positions from `first` to `last` (inner `None`: a void position); `None` if one is not known.
fn hashes(known: &Known, first: u64, last: u64) -> Option<Vec<Option<Hash>>> {
    (first..=last).map(|position| known.hash_or_void(position)).collect()
}
