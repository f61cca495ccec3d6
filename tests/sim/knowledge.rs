//! Which deletions of a record a device knows of. A tombstone has no tag, so this is kept beside it.

use super::history::Tag;
use super::storage::Disk;
use essaim::ports::Storage;
use essaim::pure::journal::follow;
use essaim::pure::page;
use essaim::pure::record::RecordId;
use essaim::pure::sealed::deleted::Deleted;
use essaim::pure::state::State;
use futures_util::FutureExt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

type Tags = BTreeSet<Tag>;

#[derive(Default)]
pub struct Knowledge {
    /// By device and record.
    own: RefCell<BTreeMap<(usize, String), Tags>>,
    /// By record: what was in a page that some device has sent. The server may have refused it, and can show it all the same.
    sent: RefCell<BTreeMap<String, Tags>>,
}

impl Knowledge {
    pub fn deletes(&self, device: usize, record: &str, deletion: Tag) {
        let mut own = self.own.borrow_mut();
        own.entry((device, record.to_owned())).or_default().insert(deletion);
    }

    /// A page of this device goes out.
    pub fn sends(&self, device: usize) {
        let mut sent = self.sent.borrow_mut();
        for ((_, record), deletions) in self.own.borrow().iter().filter(|((own, _), _)| *own == device) {
            sent.entry(record.clone()).or_default().extend(deletions);
        }
    }

    pub fn sent(&self, record: &str) -> Tags {
        self.sent.borrow().get(record).cloned().unwrap_or_default()
    }

    /// Its own, and what was sent, if the device remembers that the record was deleted.
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
    let memory = &disk.memory;
    memory.collections().iter().any(|collection| {
        let stored = memory.open(collection).now_or_never().expect("memory answers at once").expect("it opens");
        let mut state = State::default();
        let mut read = |bytes: &[u8]| page::read(bytes).expect("a page").into_iter().for_each(|change| state.apply(change));
        stored.segments.iter().for_each(|segment| read(segment));
        let followed = follow(stored.head.position, &stored.journal, |_, bytes| {
            read(bytes);
            Ok(())
        });
        followed.expect("a journal");
        Deleted::known(&state).after(0).contains(&id)
    })
}
