//! One collection, resident in memory: what all its handles in this page share.
//!
//! Reads never touch storage after opening. A write is decided on the resident state, appended as one entry, and
//! acknowledged when that entry is known to stand (see `pure::journal`). Overtaken by another tab, it is decided
//! again, in the transaction that appends it, so that nobody starves.

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

/// How long after a notice the other tab's changes are read, if nothing else reads them before.
const LOOK_AFTER_MS: u64 = 20;

/// Runs on a draft, as often as needed; true if it failed or wrote nothing although it is there to write.
pub(super) struct Job {
    pub run: Box<dyn FnMut(&mut Draft) -> bool>,
    /// Tells the app what it did, once it is committed.
    pub tell: Option<Box<dyn FnOnce()>>,
}

/// What an operation gave when it ran last.
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
    /// Set once for all collections of a client: nothing is written any more.
    pub(super) closed: Rc<Cell<bool>>,
    /// Another tab said that it wrote.
    stale: Cell<bool>,
    /// The syncs that run or wait in this page, and whose turn it is.
    pub(super) syncs: Syncs,
    /// How often the database was deleted under this page.
    pub(super) taken_away: Cell<u32>,
    pub(super) sync_turns: Rc<Turns<()>>,
    pub(super) telling: Telling<P::App>,
    looking: Cell<bool>,
    pub(super) position: Cell<Position>,
    pub(super) unfolded: RefCell<Unfolded>,
    pub(super) folding: Cell<bool>,
    /// Whether removed content is about to be erased.
    pub(super) erasing: Cell<bool>,
    /// The app's transformers get a deleted record as it was, when its deletion is sent.
    pub(super) keeps_deleted: Cell<bool>,
    /// Unsynced changes that an evicted database took with it.
    pub(super) evicted: Cell<Option<usize>>,
    pub(super) witnessed: Cell<Option<usize>>,
    /// Whether it takes over what an earlier library has of it.
    pub(super) adopts: Cell<bool>,
    /// What was just taken over from an earlier library, as JSON.
    pub(super) adopted: Cell<Option<String>>,
    /// What a server refused, on its own, with an error that reads as if the server were down.
    pub(super) culprits: RefCell<BTreeMap<RecordId, Body>>,
    _listener: <P::Tabs as Tabs>::Listener,
}

/// An entry in the making.
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

    /// If another tab cleared the collection, the syncs of this page end now, and not at their next commit. Of other changes the
    /// app is told in a moment, many at once.
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

    /// Decides on the current state and resolves when what was decided stands. `operation` runs again if it was overtaken.
    pub async fn commit<R: 'static>(self: &Rc<Self>, operation: impl FnMut(&mut Draft) -> Result<R> + 'static) -> Result<R> {
        let (job, slot) = Job::new(operation);
        self.join(job).await?;
        take(&slot)
    }

    /// Apart from [`Resident::commit`], and boxed, so that each kind of operation does not bring its own copy of it.
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
        // What failed or found nothing to do may only be behind another tab: it is decided on the tail.
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

    /// Reads the tail, decides and appends in one transaction. `tried` are entries of this group that may stand already.
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
                // Operations are ours and can run again, unlike the user's code in `execute`.
                Err(Error::StorageLost { .. }) if attempt < ATTEMPTS => tried.extend(attempted),
                // Whatever it says: an entry that was appended may stand.
                Err(Error::StorageLost { message } | Error::Storage { message } | Error::Quota { message }) if !tried.is_empty() => {
                    return Err(uncertain(&message));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Folded, it is decided again on the state that it was decided on, so that what the segments have is compared with that.
    fn own_stood(&self, group: &mut [Waiting<Job>], is_folded: bool) {
        if is_folded {
            let (draft, _) = self.decide(group);
            let mut state = self.state.borrow_mut();
            draft.into_changes().into_iter().for_each(|change| state.apply(change));
        }
        self.telling.add_group(group);
    }

    /// Runs `work` exactly once, on the current state, in the transaction that appends what it wrote.
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
            // Taken away from whoever kept a handle: a transaction ends with its callback.
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

    /// Reads, after everything that was started before.
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

    /// Everything from storage again: another tab folded the journal first, and what is known of the segments is out of date.
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

    /// Takes over committed entries; true if one of `tried` is among them. `own` is called when it is that one's turn:
    /// with true if it was folded, so that it is only known to come after the state that is here.
    pub(super) fn absorb(&self, tail: Tail, tried: &[u128], own: impl FnOnce(bool)) -> Result<bool> {
        let (mut stood, mut ended, mut own) = (false, false, Some(own));
        let is_whole = matches!(tail, Tail::Whole(_));
        let epoch = self.state.borrow().notes.get(EPOCH).cloned();
        let mut differences = Differences::new(self.opened.get() && self.telling.is_heard());
        let (from, rows) = match tail {
            Tail::Since(rows) => (self.position.get(), rows),
            Tail::Whole(stored) => {
                // What is behind us and does not hold our position is another database: ours was deleted under the page.
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
            // What a restart reads again may have been cleared long ago.
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

    /// The state as the segments have it.
    fn restart(&self, stored: &Stored) -> Result<Position> {
        let mut state = State::default();
        let mut unfolded = Unfolded::after(stored);
        for segment in &stored.segments {
            for change in page::read(segment)? {
                // Of something that is in a segment before this one.
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

    /// Cancels the syncs that were called in this epoch of the collection, if it has ended.
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

    /// The entry is known to stand.
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

/// Comparing the epochs before and after does not show a reset in the commit that also began the epoch.
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

/// An append whose answer was lost, and storage that cannot be asked any more.
fn uncertain(message: &str) -> Error {
    Error::storage(format!(
        "{message}. It is not known whether the last change was written; reload the page and look."
    ))
}
