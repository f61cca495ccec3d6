//! Reads what a server has of a journal, for a repair. Everything is read twice before anything is taken to be missing or damaged.
//!
//! A page or segment that is missing, does not open, or has the wrong content is a fact about the journal, and the repair goes on. Any
//! other failure ends the repair before anything is written.

use super::Secrets;
use super::adopt::covered_pages;
use super::push::omission;
use super::requests::Found;
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::answers;
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::{Opened, View, bad_snapshot, evidence};
use crate::pure::sealed::home::{Cursor, Head, Home, OLDER, PageNote};
use crate::pure::sealed::item::{self, Content, page_id};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::meet::Arrivals;
use crate::pure::sealed::older::Older;
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::pending::Pending;
use crate::pure::sealed::run::{Acknowledged, Run};
use crate::pure::sealed::seal::Hash;
use crate::pure::sealed::snapshot::{self, Ledger, Snapshot};
use crate::pure::sealed::stray::{Strays, Words};
use crate::pure::sealed::survey::{Followed, Survey, follow};
use std::collections::{BTreeMap, BTreeSet};

/// How many positions the second reading requests by name, for each kind of doubt: what two lists did not show, and what they show but does
/// not open.
const MOST_ASKED: usize = 256;

/// The server's chain as it is.
pub(super) struct Chain {
    pub home: Home,
    pub pages: Vec<(u64, PageNote)>,
    pub ledger: Ledger,
    /// The last position up to which this device knows the same chain as the server. 0 if there is none.
    pub common: u64,
    /// Pages that are part of the chain and can be read.
    pub inside: Vec<Opened>,
    /// Strays: pages that open and are not part of the chain. They were refused to their authors, or belong to a history that the server
    /// has lost.
    strays: Vec<Opened>,
    /// The records of the chain where it begins. `old`: hashes of positions that only its history lists.
    began_with: Ledger,
    old: Old,
    /// Nothing is missing or damaged, and the chain contains everything that is known here.
    pub is_sound: bool,
}

/// Hashes of positions from the history of a chain, as far as they were read.
type Old = BTreeMap<u64, Option<Hash>>;

/// Where the chain begins: with a snapshot, with what this device knows, or with nothing.
struct Base {
    home: Home,
    pages: Vec<(u64, PageNote)>,
    ledger: Ledger,
    kind: BaseKind,
    old: Old,
}

#[derive(Clone, Copy, PartialEq)]
enum BaseKind {
    There,
    Own,
}

/// A snapshot that opens and cannot be adopted.
struct Unread {
    head: Head,
    error: Error,
}

impl<P: Platform> Session<'_, P> {
    /// Reads everything, and once more if something is not as it should be.
    pub(super) async fn survey(&mut self, secrets: &Secrets, known: &Known) -> Result<(Survey, Chain)> {
        let mut view = View::default();
        self.read_all(secrets, &mut view).await?;
        let head = known.home.head.position;
        let survey = Survey::of(&view, head, &secrets.seal)?;
        match self.read_chain(&view, &survey, secrets, known).await {
            Ok(chain) if chain.is_sound && survey.junk.is_empty() => return Ok((survey, chain)),
            Err(error) if !error.is_alarm() => return Err(error),
            _ => {}
        }
        self.read_all(secrets, &mut view).await?;
        for position in self.doubtful(&view, secrets, known).await? {
            if let Found::Item(item) = self.get_item(&page_id(position)).await? {
                view.add_again(*item, &secrets.seal);
            }
        }
        let survey = Survey::of(&view, head, &secrets.seal)?;
        let chain = self.read_chain(&view, &survey, secrets, known).await?;
        Ok((survey, chain))
    }

    async fn read_all(&mut self, secrets: &Secrets, view: &mut View) -> Result<()> {
        let mut listing = self.listing(self.target.list_journal(self.platform().sealed_limits().listing_rows));
        let mut is_first = true;
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            if is_first && response.status == 404 {
                return Ok(());
            }
            is_first = false;
            let records = listing.read(&response, &url)?;
            self.report.last_modified = answers::etag(&response);
            for item in records.into_iter().filter_map(item::read) {
                view.add_again(item, &secrets.seal);
            }
        }
        Ok(())
    }

    /// The positions where something is missing or does not open: in the chain, among what this device knows, and before pages whose
    /// predecessor is not shown.
    async fn doubtful(&self, view: &View, secrets: &Secrets, known: &Known) -> Result<Vec<u64>> {
        let survey = Survey::of(view, known.home.head.position, &secrets.seal)?;
        let mut orphans = Vec::new();
        let (from, common, last) = match self.read_chain(view, &survey, secrets, known).await {
            Ok(chain) => {
                // The list may show another page in the place of the predecessor.
                let shown: BTreeSet<Hash> = survey.opened.iter().map(|opened| opened.head.hash).collect();
                let is_orphan = |stray: &&Opened| stray.head.position > 1 && !shown.contains(&stray.page.prev);
                orphans.extend(chain.strays.iter().filter(is_orphan).map(|stray| stray.head.position - 1).take(MOST_ASKED));
                (
                    chain.home.head.position,
                    chain.common,
                    chain.strays.last().map_or(0, |stray| stray.head.position),
                )
            }
            Err(error) if error.is_alarm() => (0, 0, 0),
            Err(error) => return Err(error),
        };
        let is_open = |position: &u64| survey.opened.binary_search_by_key(position, |opened| opened.head.position).is_ok();
        let own = (common + 1..=known.home.head.position).rev().take(MOST_ASKED);
        let gaps = (from + 1..last).take(MOST_ASKED);
        let asked = [1].into_iter().chain(own).chain(gaps).filter(|position| !is_open(position));
        Ok(asked.chain(orphans).chain(survey.junk.iter().copied().take(MOST_ASKED)).collect())
    }

    async fn read_chain(&self, view: &View, survey: &Survey, secrets: &Secrets, known: &Known) -> Result<Chain> {
        let mut unread = Vec::new();
        let base = match self.latest_base(view, survey, secrets, known, &mut unread).await? {
            Some(base) => base,
            None => Base::nothing(),
        };
        let (mut followed, mut base) = self.follow_base(view, survey, secrets, known, base).await?;
        let mut is_needed = false;
        for lost in &unread {
            // An unreadable snapshot does not matter if all pages that it covers are still there.
            if followed.run.pages.iter().any(|(_, note)| note.hash == Some(lost.head.hash)) || !self.has_replaced(view, followed.run.after.head, lost).await? {
                continue;
            }
            // Only a device that has the snapshot's content can repair this.
            if known.hash(lost.head.position) != Some(lost.head.hash) {
                return Err(lost.error.clone());
            }
            is_needed = true;
        }
        let is_cut_off = is_needed || followed.run.after.head.position == 0 && !is_new(view, survey);
        if is_cut_off {
            if known.home.head.position == 0 {
                return Err(omission(1));
            }
            // The server has nothing to begin with, and this device has what it had.
            let own = self.own_base(known.home.cursor.since, known).await?;
            (followed, base) = self.follow_base(view, survey, secrets, known, own).await?;
        }
        let (mut pages, mut ledger) = (base.pages, base.ledger.clone());
        let mut home = followed.run.after;
        let before = followed.run.before;
        pages.extend(followed.run.pages);
        apply(followed.run.arrivals, &mut ledger);
        if home.snapshot != before.snapshot {
            home.live_bytes = live_bytes(&ledger);
        }
        home.cursor = Cursor {
            url: self.target.url(),
            since: home.cursor.since,
            ..Cursor::default()
        };
        let common = match base.kind {
            BaseKind::Own => known.home.head.position,
            _ => self.common_position(view, secrets, &home, &pages, known).await?,
        };
        let is_sound = home.head.position > 0 && !is_cut_off && unread.is_empty() && followed.strays.is_empty() && common == known.home.head.position;
        Ok(Chain {
            home,
            pages,
            ledger,
            common,
            inside: followed.inside,
            strays: followed.strays,
            began_with: base.ledger,
            old: base.old,
            is_sound,
        })
    }

    async fn follow_base(&self, view: &View, survey: &Survey, secrets: &Secrets, known: &Known, mut base: Base) -> Result<(Followed, Base)> {
        base.old = self.old_hashes(view, survey, secrets, known, &base).await?;
        let hash_at = |position: u64| match base.pages.binary_search_by_key(&position, |(at, _)| *at) {
            Ok(index) => Some(base.pages[index].1.hash),
            Err(_) => base.old.get(&position).copied(),
        };
        let followed = follow(base.home.clone(), hash_at, |position| known.hash(position), survey.opened.clone());
        Ok((followed, base))
    }

    /// Hashes from the history of the latest snapshot: for positions at which a page is shown, and for those of this device's own
    /// unanswered pages. History segments that cannot be read are left out.
    async fn old_hashes(&self, view: &View, survey: &Survey, secrets: &Secrets, known: &Known, base: &Base) -> Result<Old> {
        let mut old = Old::new();
        let first = base.pages.first().map_or(0, |(position, _)| *position);
        let shown = survey.opened.iter().map(|opened| opened.head.position);
        let wanted: Vec<u64> = shown
            .take_while(|position| *position <= first)
            .chain(known.pending.iter().map(|pending| pending.position))
            .collect();
        for entry in base.home.history.iter().filter(|_| !self.without(Rule::OldPagesAreCompared)) {
            // The position before a shown page is also wanted: its hash is compared with what the page was written on.
            let is_wanted = |position: &u64| (entry.first..=entry.last + 1).contains(position);
            if wanted.iter().any(is_wanted) {
                let hashes = self.read_history(view, secrets, base.home.snapshot, entry).await;
                match hashes {
                    Ok(hashes) => old.extend((entry.first..).zip(hashes.unwrap_or_default())),
                    Err(error) if error.is_alarm() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(old)
    }

    /// Whether pages after `head` were emptied for this snapshot. Then it was once committed with all its segments. A snapshot that was
    /// written too late, to a server that was restored meanwhile, has replaced nothing.
    async fn has_replaced(&self, view: &View, head: Head, snapshot: &Unread) -> Result<bool> {
        let ends = [head.position + 1, snapshot.head.position.saturating_sub(1)];
        for position in ends.into_iter().filter(|position| *position > head.position) {
            let found = match view.page(position) {
                Some(item) => Found::Item(Box::new(item.clone())),
                None => self.get_item(&page_id(position)).await?,
            };
            if matches!(found, Found::Item(item) if item.content == Content::Emptied) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The base of the chain: what this device knows, if the server shows its head, or the latest snapshot that can be adopted, whichever
    /// is later.
    async fn latest_base(&self, view: &View, survey: &Survey, secrets: &Secrets, known: &Known, unread: &mut Vec<Unread>) -> Result<Option<Base>> {
        let own = known.home.head;
        for opened in survey.opened.iter().rev() {
            if own.position > 0 && opened.head == own {
                return self.own_base(opened.last_modified, known).await.map(Some);
            }
            let continues_own = own.position > 0 && opened.page.prev == own.hash;
            let snapshot = match &opened.page.kind {
                Kind::Snapshot(snapshot) if !continues_own || snapshot.follows(known.home.snapshot, opened.head.position) => snapshot,
                // A page that follows our head is shown, so the chain contains our head, even if another page is shown in its place.
                _ if continues_own => return self.own_base(known.home.cursor.since, known).await.map(Some),
                _ => continue,
            };
            let read = match continues_own {
                // The snapshot follows our head, so it should contain what is here. Its segments may be lost, so they are not read.
                true => self.collection.resident.read(known::ledger).await,
                false => self.ledger_of(view, secrets, opened, snapshot).await,
            };
            match read {
                Ok(ledger) => return Ok(Some(Base::of(opened, snapshot, ledger))),
                Err(error) if error.is_alarm() => unread.push(Unread { head: opened.head, error }),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn own_base(&self, since: u64, known: &Known) -> Result<Base> {
        let (pages, ledger) = self.collection.resident.read(|state| (known::page_notes(state), known::ledger(state))).await?;
        let mut home = known.home.clone();
        home.cursor.since = since;
        Ok(Base {
            home,
            pages,
            ledger,
            kind: BaseKind::Own,
            old: Old::new(),
        })
    }

    /// The records of a snapshot. Segments that are missing or damaged in the list are requested by name.
    async fn ledger_of(&self, view: &View, secrets: &Secrets, opened: &Opened, snapshot: &Snapshot) -> Result<Ledger> {
        if !snapshot.is_whole(opened.head.position) {
            return Err(bad_snapshot(opened, None, None));
        }
        let mut read = self.read_segments(view, secrets, opened, snapshot).await;
        if matches!(&read, Ok(None)) || read.as_ref().is_err_and(Error::is_alarm) {
            read = self.read_segments(&View::default(), secrets, opened, snapshot).await;
        }
        let ledger = read?.ok_or_else(|| Error::Omission {
            evidence: evidence(opened.head.position, None, None, view.page(opened.head.position)),
        })?;
        match snapshot::digest(ledger.iter()) {
            digest if digest == snapshot.digest => Ok(ledger),
            digest => Err(bad_snapshot(opened, Some(snapshot.digest), Some(digest))),
        }
    }

    /// The greatest position that has the same hash here and there, also in the history of the latest snapshot.
    async fn common_position(&self, view: &View, secrets: &Secrets, home: &Home, pages: &[(u64, PageNote)], known: &Known) -> Result<u64> {
        let older = self
            .collection
            .resident
            .read(|state| Older::read(state.notes.get(OLDER).map(String::as_str)))
            .await?;
        let is_same = |position: u64, hash: Option<Hash>| hash.is_some_and(|hash| known.hash(position) == Some(hash) || older.has(position, hash));
        if let Some((position, _)) = pages.iter().rev().find(|(position, note)| is_same(*position, note.hash)) {
            return Ok(*position);
        }
        let first_known = known.hashes.first().map_or(u64::MAX, |(position, _)| *position).min(older.first());
        for entry in home.history.iter().rev() {
            if known.home.history.contains(entry) {
                return Ok(entry.last);
            }
            if entry.last < first_known {
                continue;
            }
            let hashes = match self.read_history(view, secrets, home.snapshot, entry).await {
                Ok(hashes) => hashes.unwrap_or_default(),
                Err(error) if error.is_alarm() => Vec::new(),
                Err(error) => return Err(error),
            };
            let positions = (entry.first..).zip(hashes).collect::<Vec<_>>();
            if let Some((position, _)) = positions.into_iter().rev().find(|(position, hash)| is_same(*position, *hash)) {
                return Ok(position);
            }
        }
        Ok(0)
    }
}

impl Chain {
    /// Everything of the chain that can be read.
    pub fn words(&self, without: Option<Rule>) -> Words {
        let mut notes: BTreeMap<u64, PageNote> = self.pages.iter().cloned().collect();
        let voids = self.old.iter().filter(|(_, hash)| hash.is_none());
        notes.extend(voids.map(|(position, _)| (*position, PageNote::void())));
        Words::new(self.inside.iter(), &[&self.ledger, &self.began_with], &notes, self.home.head.position, without)
    }

    /// The strays, with the position up to which the author of each knew the chain.
    pub fn strays(&self, known: &Known, without: Option<Rule>) -> Strays {
        let by_hash = |(position, hash): (u64, Option<Hash>)| hash.map(|hash| (hash, position));
        let chain = self.pages.iter().map(|(position, note)| (*position, note.hash));
        let chain = chain
            .chain(self.old.iter().map(|(position, hash)| (*position, *hash)))
            .filter_map(by_hash)
            .collect();
        let own = known.hashes.iter().copied().filter_map(by_hash).collect();
        Strays::new(self.strays.clone(), &chain, &own, self.common, without)
    }

    /// This device's own pages that are in the chain although their answers were lost.
    pub fn acknowledged(&self, pending: &[Pending], without: Option<Rule>) -> Vec<Acknowledged> {
        if without == Some(Rule::PendingBeforeMeeting) {
            return Vec::new();
        }
        let known: BTreeMap<u64, Option<Hash>> = self.pages.iter().map(|(position, note)| (*position, note.hash)).collect();
        let has = |pending: &Pending| {
            let hash = known.get(&pending.position).or_else(|| self.old.get(&pending.position));
            hash.copied().flatten() == Some(pending.hash)
        };
        let covered = |pending: &Pending| has(pending).then(|| Acknowledged::covered(pending, &self.ledger, self.home.t));
        let of = |pending: &Pending| Acknowledged::among(pending, &self.inside).or_else(|| covered(pending));
        pending.iter().filter_map(of).collect()
    }

    /// Adds a page that was just appended.
    pub fn append(&mut self, opened: Opened) {
        let mut run = Run::new(self.home.clone());
        run.add(None, opened);
        self.home = run.after;
        self.pages.extend(run.pages);
        apply(run.arrivals, &mut self.ledger);
    }
}

fn apply(arrivals: Arrivals, ledger: &mut Ledger) {
    for (id, arrival) in arrivals {
        match arrival.base() {
            Some(base) => drop(ledger.insert(id, base)),
            None => drop(ledger.remove(&id)),
        }
    }
}

/// Whether the server shows no trace of a journal.
fn is_new(view: &View, survey: &Survey) -> bool {
    survey.opened.is_empty() && survey.taken_after(0).is_empty() && view.page(1).is_none() && !view.has_segments()
}

fn live_bytes(ledger: &Ledger) -> usize {
    ledger.iter().map(|(id, base)| snapshot::weight(id, base)).sum()
}

impl Base {
    fn nothing() -> Self {
        Base {
            home: Home::default(),
            pages: Vec::new(),
            ledger: Ledger::new(),
            kind: BaseKind::There,
            old: Old::new(),
        }
    }

    fn of(opened: &Opened, snapshot: &Snapshot, ledger: Ledger) -> Self {
        let mut run = Run::new(Home::default());
        run.after.head = opened.head;
        run.after.t = opened.page.t;
        run.after_snapshot(snapshot);
        run.after.live_bytes = live_bytes(&ledger);
        run.after.cursor.since = opened.last_modified;
        Base {
            home: run.after,
            pages: covered_pages(opened, snapshot),
            ledger,
            kind: BaseKind::There,
            old: Old::new(),
        }
    }
}
