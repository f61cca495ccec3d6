//! One collection in memory: its state, which all its handles in this page share.
//!
//! Reads never touch storage after opening. A write is decided on the state in memory, appended as one entry, and acknowledged when that
//! entry is known to be valid (see `pure::journal`). If it lost the race against another tab, it is decided again in the transaction that
//! appends it, so that every writer makes progress.

use super::cancellation::Syncs;
use super::folding::{Unfolded, removes};
use super::telling::{Differences, Telling};
use super::turns::{Joined, Turn, Turns, Waiting};
use crate::error::{Error, Result};
use crate::ports::{Clock, CollectionId, DatabaseNotice, Platform, Rng, Storage, Tabs};
use crate::pure::draft::Draft;
use crate::pure::journal::{Entry, Position, Rows, Stored, Tail, follow, read_entry};
use crate::pure::operations::EPOCH;
use crate::pure::page;
use crate::pure::record::{Body, RecordId};
use crate::pure::state::{Change, State};
use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// How long (ms) after a notice the other tab's changes are read, if nothing else reads them before.
const LOOK_AFTER_MS: u64 = 20;

/// A job of the commit queue. `run` decides it on a draft, as often as needed. It returns true if the result is uncertain, because it
/// failed or wrote nothing: the state here may be older than that of another tab.
pub(super) struct Job {
    pub run: Box<dyn FnMut(&mut Draft) -> bool>,
    /// Tells the app what the job did, once it is committed.
    pub tell: Option<Box<dyn FnOnce()>>,
}

/// The result of an operation's last run.
pub(super) type Slot<R> = Rc<RefCell<Option<Result<R>>>>;

impl Job {
    pub fn new<R: 'static>(mut operation: impl FnMut(&mut Draft) -> Result<R> + 'static) -> (Self, Slot<R>) {
        let slot = Slot::default();
        let result = slot.clone();
        let run = move |draft: &mut Draft| {
            let before = draft.len();
            let value = operation(draft);
            let uncertain = value.is_err() || draft.len() == before;
            *result.borrow_mut() = Some(value);
            uncertain
        };
        let job = Job {
            run: Box::new(run),
            tell: None,
        };
        (job, slot)
    }
}

pub(super) fn take<R>(slot: &Slot<R>) -> Result<R> {
    slot.take().unwrap_or_else(|| Err(Error::bug("a group left out one of its operations")))
}

pub struct Resident<P: Platform> {
    pub platform: Rc<P>,
    pub collection: CollectionId,
    pub(super) state: Rc<RefCell<State>>,
    turns: Rc<Turns<Job>>,
    pub(super) opened: Cell<bool>,
    /// Shared by all collections of a client. Once it is true, nothing is written any more.
    pub(super) closed: Rc<Cell<bool>>,
    /// Another tab said that it wrote.
    stale: Cell<bool>,
    /// The syncs that run or wait in this page. `sync_turns` is their queue.
    pub(super) syncs: Syncs,
    /// How often the database was deleted while the page was open.
    pub(super) taken_away: Cell<u32>,
    pub(super) sync_turns: Rc<Turns<()>>,
    pub(super) telling: Telling<P::App>,
    looking: Cell<bool>,
    pub(super) position: Cell<Position>,
    pub(super) unfolded: RefCell<Unfolded>,
    pub(super) folding: Cell<bool>,
    /// Whether a rewrite that erases removed content is planned.
    pub(super) erasing: Cell<bool>,
    /// The app has transformers. They receive a deleted record with its content when its deletion is sent, so its content is kept.
    pub(super) keeps_deleted: Cell<bool>,
    /// How many unsynced changes were lost with an evicted database.
    pub(super) evicted: Cell<Option<usize>>,
    pub(super) witnessed: Cell<Option<usize>>,
    /// Whether Kinto.js data of this collection is migrated.
    pub(super) adopts: Cell<bool>,
    /// What was just migrated, as JSON.
    pub(super) adopted: Cell<Option<String>>,
    /// Rejected records, with the body that was rejected: the server refused them when they were sent alone. The error may read as if the
    /// server were down.
    pub(super) culprits: RefCell<BTreeMap<RecordId, Body>>,
    _listener: <P::Tabs as Tabs>::Listener,
}

/// An entry that is not yet known to be committed.
struct Proposal {
    id: u128,
    changes: Vec<Change>,
    bytes: usize,
}

impl<P: Platform> Resident<P> {
    pub fn new(platform: Rc<P>, collection: CollectionId, closed: Rc<Cell<bool>>) -> Rc<Self> {
        Rc::new_cyclic(|resident: &Weak<Self>| {
            let here = resident.clone();
            let heard = move |notice| here.upgrade().iter().for_each(|resident| resident.hear(notice));
            let listener = platform.tabs().listen(&collection.database(), heard);
            let adopts = Cell::new(collection.sealed.is_none());
            Resident {
                platform,
                collection,
                state: Rc::default(),
                turns: Turns::new(),
                opened: Cell::new(false),
                closed,
                stale: Cell::new(false),
                syncs: Syncs::default(),
                taken_away: Cell::new(0),
                sync_turns: Turns::new(),
                telling: Telling::default(),
                looking: Cell::new(false),
                position: Cell::default(),
                unfolded: RefCell::default(),
                folding: Cell::new(false),
                erasing: Cell::new(false),
                keeps_deleted: Cell::new(false),
                evicted: Cell::new(None),
                witnessed: Cell::new(None),
                adopts,
                adopted: Cell::new(None),
                culprits: RefCell::default(),
                _listener: listener,
            }
        })
    }

    /// Handles a notice. If the database is deleted, or another tab cleared the collection, the syncs of this page end now and not at their
    /// next commit. The app is told of other changes a little later, so that many are told at once.
    fn hear(self: &Rc<Self>, notice: DatabaseNotice) {
        if notice == DatabaseNotice::TakenAway {
            self.taken_away.set(self.taken_away.get().wrapping_add(1));
            return self.syncs.cancel_all();
        }
        self.stale.set(true);
        if !self.syncs.is_empty() {
            let resident = self.clone();
            self.platform.spawn(async move { drop(resident.catch_up().await) });
        } else if self.opened.get() && self.telling.is_heard() && !self.looking.replace(true) {
            let resident = self.clone();
            self.platform.spawn(async move {
                resident.platform.clock().sleep_ms(LOOK_AFTER_MS).await;
                resident.looking.set(false);
                drop(resident.catch_up().await);
            });
        }
    }

    /// Errors: `closed`.
    pub(super) fn check_open(&self) -> Result<()> {
        match self.closed.get() {
            true => Err(Error::Closed),
            false => Ok(()),
        }
    }

    /// Decides on the current state; resolves when the entry is committed. `operation` runs again if it lost the race against another tab.
    pub async fn commit<R: 'static>(self: &Rc<Self>, operation: impl FnMut(&mut Draft) -> Result<R> + 'static) -> Result<R> {
        let (job, slot) = Job::new(operation);
        self.join(job).await?;
        take(&slot)
    }

    /// Queues a job and waits until it is committed. Not part of [`Resident::commit`], and boxed, so that it is not compiled again for each
    /// kind of operation.
    pub(super) fn join<'a>(self: &'a Rc<Self>, job: Job) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.turns.join(job).await {
                Joined::Done(outcome) => outcome,
                Joined::Lead(turn) => self.lead(turn).await,
            }
        })
    }

    async fn lead(self: &Rc<Self>, turn: Turn<Job>) -> Result<()> {
        self.platform.clock().next_turn().await;
        let mut group = turn.take_group();
        let outcome = self.commit_group(&mut group).await;
        if outcome.is_ok() {
            self.telling.add_group(&mut group);
        }
        self.telling.flush();
        for waiting in group {
            waiting.settle(outcome.clone());
        }
        outcome
    }

    async fn commit_group(self: &Rc<Self>, group: &mut [Waiting<Job>]) -> Result<()> {
        self.ensure_open().await?;
        let (draft, uncertain) = self.decide(group);
        // The state here may be older than that of another tab, so the operations are decided again on the newest entries.
        if uncertain {
            return self.decide_again(group, Vec::new()).await;
        }
        let base = self.position.get();
        let (entry, proposal) = self.propose(draft.into_changes());
        let appended = self.platform.storage().append(&self.collection, entry).await?;
        if appended.certain && appended.key == base.key + 1 {
            self.stand(appended.key, proposal);
            return Ok(());
        }
        self.decide_again(group, vec![proposal.id]).await
    }

    fn draft(&self) -> Draft {
        match self.collection.sealed {
            Some(_) => Draft::sealed(self.state.clone()),
            None => Draft::new(self.state.clone()),
        }
    }

    pub(super) fn random_id(&self) -> u128 {
        let mut id = [0; 16];
        self.platform.rng().fill(&mut id);
        u128::from_le_bytes(id)
    }

    fn decide(&self, group: &mut [Waiting<Job>]) -> (Draft, bool) {
        let mut draft = self.draft();
        let mut uncertain = false;
        for job in group.iter_mut().filter_map(|waiting| waiting.job.as_mut()) {
            uncertain |= (job.run)(&mut draft);
        }
        (draft, uncertain)
    }

    /// Reads the tail, decides and appends in one transaction. `tried` are entries of this group that may be committed already.
    pub(super) async fn decide_again(self: &Rc<Self>, group: &mut [Waiting<Job>], mut tried: Vec<u128>) -> Result<()> {
        const ATTEMPTS: usize = 5;
        for attempt in 1.. {
            let mut attempted = None;
            let decided = self.platform.storage().decide(&self.collection, self.position.get(), |tail| {
                self.check_open()?;
                if self.absorb(tail, &tried, |is_folded| self.own_stood(group, is_folded))? {
                    return Ok((None, None));
                }
                let (draft, _) = self.decide(group);
                if draft.is_empty() {
                    return Ok((None, None));
                }
                let (entry, proposal) = self.propose(draft.into_changes());
                attempted = Some(proposal.id);
                Ok((Some(entry), Some(proposal)))
            });
            match decided.await {
                Ok((Some(key), Some(proposal))) => {
                    self.stand(key, proposal);
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                // These operations are essaim's own and can run again, unlike the user's code in `execute`.
                Err(Error::StorageLost { .. }) if attempt < ATTEMPTS => tried.extend(attempted),
                // Whatever the error says: an entry that was appended before may be committed.
                Err(Error::StorageLost { message } | Error::Storage { message } | Error::Quota { message }) if !tried.is_empty() => {
                    return Err(uncertain(&message));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Called when an entry of this group turns out to be committed. If it was compacted already, its operations run again on the state
    /// that they were decided on: compared with the segments, that state then differs only by changes of other tabs.
    fn own_stood(&self, group: &mut [Waiting<Job>], is_folded: bool) {
        if is_folded {
            let (draft, _) = self.decide(group);
            let mut state = self.state.borrow_mut();
            draft.into_changes().into_iter().for_each(|change| state.apply(change));
        }
        self.telling.add_group(group);
    }

    /// Runs `work` exactly once, on the newest state, in the transaction that appends what it wrote.
    pub async fn execute<R>(self: &Rc<Self>, work: impl FnOnce(&Rc<RefCell<Option<Draft>>>) -> Result<R>, tell: Option<Box<dyn FnOnce()>>) -> Result<R> {
        let _turn = self.turns.alone().await;
        self.ensure_open().await?;
        let decided = self.platform.storage().decide(&self.collection, self.position.get(), |tail| {
            self.check_open()?;
            self.absorb(tail, &[], |_| {})?;
            let draft = Rc::new(RefCell::new(Some(self.draft())));
            let value = work(&draft)?;
            if let Some(draft) = draft.borrow_mut().as_mut() {
                draft.close_execute(&format!("{:x}", self.random_id()))?;
            }
            // Takes the draft away from a callback that kept the transaction: a transaction ends with its callback.
            let changes = draft.borrow_mut().take().map_or_else(Vec::new, Draft::into_changes);
            if changes.is_empty() {
                return Ok((None, (None, value)));
            }
            let (entry, proposal) = self.propose(changes);
            Ok((Some(entry), (Some(proposal), value)))
        });
        let mut decided = decided.await;
        if let Ok((Some(key), (proposal, _))) = &mut decided
            && let Some(proposal) = proposal.take()
        {
            self.stand(*key, proposal);
        }
        if decided.is_ok() {
            self.telling.add(tell);
        }
        self.telling.flush();
        decided.map(|(_, (_, value))| value)
    }

    /// Reads the state, after everything that was started before.
    pub async fn read<R>(self: &Rc<Self>, look: impl FnOnce(&State) -> R) -> Result<R> {
        if !(self.opened.get() && !self.stale.get() && self.turns.is_idle()) {
            self.catch_up().await?;
        }
        Ok(look(&self.state.borrow()))
    }

    async fn catch_up(self: &Rc<Self>) -> Result<()> {
        let _turn = self.turns.alone().await;
        self.ensure_open().await?;
        if self.stale.get() {
            self.read_tail().await?;
        }
        Ok(())
    }

    /// Reads what other tabs wrote.
    pub async fn refresh(self: &Rc<Self>) -> Result<()> {
        let _turn = self.turns.alone().await;
        self.ensure_open().await?;
        self.read_tail().await
    }

    /// Reads everything from storage again. Needed when another tab compacted first, because what is known here of the segments is then out
    /// of date.
    pub(super) async fn reload(self: &Rc<Self>) -> Result<()> {
        let _turn = self.turns.alone().await;
        let stored = self.platform.storage().open(&self.collection).await?;
        let absorbed = self.absorb(Tail::Whole(stored), &[], |_| {});
        self.telling.flush();
        absorbed.map(|_| ())
    }

    async fn read_tail(&self) -> Result<()> {
        let absorbed = self.platform.storage().decide(&self.collection, self.position.get(), |tail| {
            self.absorb(tail, &[], |_| {})?;
            Ok((None, ()))
        });
        let absorbed = absorbed.await.map(|_| ());
        self.telling.flush();
        absorbed
    }

    /// Applies the tail. Returns true if one of `tried` is among its valid entries. `own` is then called in that entry's place: with
    /// `false` just before the entry is applied; with `true` if the entry was compacted, so that its place among the others is not known.
    pub(super) fn absorb(&self, tail: Tail, tried: &[u128], own: impl FnOnce(bool)) -> Result<bool> {
        let (mut stood, mut ended, mut own) = (false, false, Some(own));
        let is_whole = matches!(tail, Tail::Whole(_));
        let epoch = self.state.borrow().notes.get(EPOCH).cloned();
        let mut differences = Differences::new(self.opened.get() && self.telling.is_heard());
        let (from, rows) = match tail {
            Tail::Since(rows) => (self.position.get(), rows),
            Tail::Whole(stored) => {
                // If the stored head is before our position and the journal does not contain that position, this is another database: ours
                // was deleted while the page was open.
                let here = self.position.get();
                ended = stored.head.position.key < here.key && !holds(&stored.journal, here)?;
                if ended {
                    self.evicted.set(Some(self.state.borrow().unsynced()).filter(|lost| *lost > 0));
                }
                stood = stored.head.folded.iter().any(|id| tried.contains(id));
                if let Some(own) = own.take_if(|_| stood) {
                    own(true);
                }
                differences.note_all(&self.state.borrow());
                (self.restart(&stored)?, stored.journal)
            }
        };
        let last = follow(from, &rows, |position, bytes| {
            let changes = page::read(bytes)?;
            // Not for a tail that is everything: its entries may contain a clear that was applied long ago.
            ended |= !is_whole && ends_epoch(&changes);
            if tried.contains(&position.id) {
                stood = true;
                self.telling.add_differences(&mut differences, &self.state.borrow());
                own.take().into_iter().for_each(|own| own(false));
            } else {
                differences.note(&changes, &self.state.borrow());
            }
            self.apply(position, changes, bytes.len());
            Ok(())
        })?;
        self.position.set(last);
        self.stale.set(false);
        self.telling.add_differences(&mut differences, &self.state.borrow());
        self.end_epoch(&epoch, ended);
        self.refuse_without_key()?;
        Ok(stood)
    }

    /// Replaces the state by that of the segments. Returns the compacted position.
    fn restart(&self, stored: &Stored) -> Result<Position> {
        let mut state = State::default();
        let mut unfolded = Unfolded::after(stored);
        for segment in &stored.segments {
            for change in page::read(segment)? {
                // A segment removes something that an earlier segment contains.
                unfolded.holds_removed |= removes(&change) && state.has(&change);
                state.apply(change);
            }
        }
        *self.state.borrow_mut() = state;
        *self.unfolded.borrow_mut() = unfolded;
        self.position.set(stored.head.position);
        Ok(stored.head.position)
    }

    fn apply(&self, position: Position, changes: Vec<Change>, bytes: usize) {
        self.unfolded.borrow_mut().add(position.id, &changes, bytes);
        let mut state = self.state.borrow_mut();
        for change in changes {
            state.apply(change);
        }
        self.position.set(position);
    }

    /// Cancels the syncs of the epoch that was current before, if that epoch has ended.
    fn end_epoch(&self, epoch: &Option<String>, ended: bool) {
        if ended || epoch.is_some() && self.state.borrow().notes.get(EPOCH) != epoch.as_ref() {
            self.syncs.cancel_all();
        }
    }

    fn propose(&self, changes: Vec<Change>) -> (Entry, Proposal) {
        let id = self.random_id();
        let page = page::write(&changes);
        let proposal = Proposal {
            id,
            changes,
            bytes: page.len(),
        };
        (
            Entry {
                id,
                base: self.position.get(),
                page,
            },
            proposal,
        )
    }

    /// The entry is committed: applies it, and starts what follows from it.
    fn stand(self: &Rc<Self>, key: u64, proposal: Proposal) {
        let (epoch, ended) = (self.state.borrow().notes.get(EPOCH).cloned(), ends_epoch(&proposal.changes));
        self.apply(Position { key, id: proposal.id }, proposal.changes, proposal.bytes);
        self.end_epoch(&epoch, ended);
        self.platform.tabs().notify(&self.collection.database());
        self.bear_witness();
        self.fold_if_due();
        self.erase_in_time();
    }
}

/// Whether these changes end the collection's epoch. Comparing the epochs before and after is not enough: one commit may begin an epoch and
/// reset it.
fn ends_epoch(changes: &[Change]) -> bool {
    changes.iter().any(|change| match change {
        Change::Clear => true,
        Change::Note(name, None) => name == EPOCH,
        _ => false,
    })
}

fn holds(journal: &Rows, position: Position) -> Result<bool> {
    match journal.iter().find(|(key, _)| *key == position.key) {
        Some((_, bytes)) => Ok(read_entry(bytes)?.id == position.id),
        None => Ok(false),
    }
}

/// The error for an append whose answer was lost, when storage cannot be asked any more.
fn uncertain(message: &str) -> Error {
    Error::storage(format!(
        "{message}. It is not known whether the last change was written; reload the page and look."
    ))
}
