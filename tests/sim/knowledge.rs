//! What the oracle has to know of a device besides its reports: which deletions of a record the device knows of (a tombstone has no tag),
//! and which local changes were replaced by a sync that failed or was killed.

use super::actor::tag;
use super::executor::Owner;
use super::history::{History, Tag};
use super::storage::{Disk, each_change};
use super::world::Device;
use essaim::pure::draft::Draft;
use essaim::pure::record::RecordId;
use essaim::pure::sealed::deleted::Deleted;
use essaim::pure::sealed::run::sent;
use essaim::pure::state::State;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type Tags = BTreeSet<Tag>;

#[derive(Default)]
pub struct Knowledge {
    /// The device's own deletions, by device and record.
    own: RefCell<BTreeMap<(usize, String), Tags>>,
    /// By record: deletions in pages that some device has sent. A server can refuse a page and still show it to others.
    sent: RefCell<BTreeMap<String, Tags>>,
}

impl Knowledge {
    pub fn deletes(&self, device: usize, record: &str, deletion: Tag) {
        let mut own = self.own.borrow_mut();
        own.entry((device, record.to_owned())).or_default().insert(deletion);
    }

    /// Records that this device sends a page, which may contain its deletions.
    pub fn sends(&self, device: usize) {
        let mut sent = self.sent.borrow_mut();
        for ((_, record), deletions) in self.own.borrow().iter().filter(|((own, _), _)| *own == device) {
            sent.entry(record.clone()).or_default().extend(deletions);
        }
    }

    pub fn sent(&self, record: &str) -> Tags {
        self.sent.borrow().get(record).cloned().unwrap_or_default()
    }

    /// The deletions of a record that the device knows of: its own, and those that were sent, if the device remembers that the record was
    /// deleted.
    pub fn of(&self, device: usize, disk: &Disk, record: &str) -> Tags {
        let mut known = self.own.borrow().get(&(device, record.to_owned())).cloned().unwrap_or_default();
        if remembers(disk, record) {
            known.extend(self.sent(record));
        }
        known
    }
}

fn remembers(disk: &Disk, record: &str) -> bool {
    let id = RecordId::from_text(record);
    states(disk).iter().any(|state| Deleted::known(state).after(0).contains(&id))
}

/// The state of each collection on a disk.
fn states(disk: &Disk) -> Vec<State> {
    let read = |stored| {
        let mut state = State::default();
        each_change(&stored, |change| state.apply(change));
        state
    };
    disk.databases().into_iter().map(read).collect()
}

/// Records that were sent and never acknowledged.
pub fn unacknowledged(disk: &Disk) -> Tags {
    let of = |state: State| {
        let draft = Draft::new(Rc::new(RefCell::new(state)));
        let sent = sent(&draft, None);
        let rows = draft
            .rows()
            .into_iter()
            .filter(|(id, row)| row.is_live() && row.base.is_none() && sent.contains(id));
        rows.filter_map(|(_, row)| tag(&format!("{{{}}}", row.body))).collect::<Tags>()
    };
    states(disk).into_iter().flat_map(of).collect()
}

struct DecidingSync {
    owner: Owner,
    device: usize,
    /// The local changes that the sync may replace, by record.
    unsent: BTreeMap<String, Tags>,
}

/// The running syncs whose strategy prefers the server. If one fails, or its tab is killed, its report is lost, and with it the list of
/// local changes that it replaced.
#[derive(Default)]
pub struct Deciding(RefCell<Vec<DecidingSync>>);

impl Deciding {
    pub fn begin(&self, owner: Owner, device: usize, disk: &Disk) {
        let mut unsent: BTreeMap<String, Tags> = BTreeMap::new();
        for (id, row) in states(disk).iter().flat_map(|state| &state.rows) {
            let written = tag(&format!("{{{}}}", row.body)).filter(|_| row.is_dirty() && row.is_live());
            unsent.entry(id.display()).or_default().extend(written);
        }
        self.0.borrow_mut().push(DecidingSync { owner, device, unsent });
    }

    pub fn writes(&self, device: usize, record: &str, written: Tag) {
        let mut syncs = self.0.borrow_mut();
        for sync in syncs.iter_mut().filter(|sync| sync.device == device) {
            sync.unsent.entry(record.to_owned()).or_default().insert(written);
        }
    }

    /// Ends the sync of this tab that began last: its report was read.
    pub fn end(&self, owner: Owner) {
        let mut syncs = self.0.borrow_mut();
        if let Some(at) = syncs.iter().rposition(|sync| sync.owner == owner) {
            syncs.remove(at);
        }
    }

    /// The local changes that a sync of this tab has replaced: they were present when it began, or were made since, and this device has
    /// neither kept them nor edited them further.
    pub fn replaced(&self, owner: Owner, devices: &[Device], history: &History) -> Tags {
        let mut replaced = Tags::new();
        for sync in self.0.borrow().iter().filter(|sync| sync.owner == owner) {
            let states = states(&devices[sync.device].disk);
            let here: BTreeMap<String, Tag> = states
                .iter()
                .flat_map(|state| &state.rows)
                .filter_map(|(id, row)| Some((id.display(), tag(&format!("{{{}}}", row.body))?)))
                .collect();
            for (record, tags) in &sync.unsent {
                let is_here = |tag: &&Tag| here.get(record).is_some_and(|here| here == *tag || history.is_older(**tag, *here));
                replaced.extend(tags.iter().filter(|tag| !is_here(tag)));
            }
        }
        replaced
    }
}
