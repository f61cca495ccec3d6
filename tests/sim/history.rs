//! The oracle for lost writes and wrong winners: it records who wrote what, based on which versions.
//!
//! Every write puts a fresh tag into its record, and names the tags of the versions that it replaced. A record may end with a write that is
//! concurrent to another one (a conflict was resolved), but never with a write that an acknowledged write was made on top of.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

pub type Tag = u64;

#[derive(Default)]
pub struct History {
    next: Cell<Tag>,
    writes: RefCell<BTreeMap<Tag, Write>>,
    /// Writes that the server may have taken without their device learning it. A conflict of such a write with its own successor is no
    /// mistake.
    unanswered: RefCell<BTreeSet<Tag>>,
    /// Versions that users took from the other side of a conflict. While a user chooses, another tab's sync may publish the user's own
    /// side. The chosen version is then written on top of that side, and of whatever that side has won against.
    chosen: RefCell<BTreeSet<Tag>>,
    /// Writes that a user was told of, because the strategy decided a conflict against them, or because they are strays. Whatever becomes
    /// of such a record, it does not happen silently.
    overruled: RefCell<BTreeSet<Tag>>,
}

#[derive(Clone, Debug)]
struct Write {
    record: String,
    parents: Vec<Tag>,
    acknowledged: bool,
    is_deletion: bool,
}

impl History {
    pub fn begin(&self, record: &str, is_deletion: bool) -> Tag {
        let tag = self.next.get() + 1;
        self.next.set(tag);
        self.writes.borrow_mut().insert(
            tag,
            Write {
                record: record.to_owned(),
                parents: Vec::new(),
                acknowledged: false,
                is_deletion,
            },
        );
        tag
    }

    /// The write succeeded, based on the versions `parents`.
    pub fn acknowledge(&self, tag: Tag, parents: Vec<Tag>) {
        if let Some(write) = self.writes.borrow_mut().get_mut(&tag) {
            write.acknowledged = true;
            write.parents = parents;
        }
    }

    /// A user keeps the write `tag` over the write `other`.
    pub fn put_on(&self, tag: Tag, other: Tag) {
        if let Some(write) = self.writes.borrow_mut().get_mut(&tag) {
            write.parents.push(other);
        }
    }

    pub fn forget(&self, tag: Tag) {
        self.writes.borrow_mut().remove(&tag);
    }

    pub fn doubt(&self, tag: Tag) {
        self.unanswered.borrow_mut().insert(tag);
    }

    pub fn choose(&self, tag: Tag) {
        self.chosen.borrow_mut().insert(tag);
    }

    pub fn overrule(&self, tag: Tag) {
        let mut all = self.ancestors(tag);
        all.insert(tag);
        self.overruled.borrow_mut().append(&mut all);
    }

    /// Whether `than` was made on top of `tag`, directly or through other writes.
    pub fn is_older(&self, tag: Tag, than: Tag) -> bool {
        self.ancestors(than).contains(&tag)
    }

    fn is_overruled(&self, write: Tag) -> bool {
        self.overruled.borrow().contains(&write)
    }

    fn ancestors(&self, tag: Tag) -> BTreeSet<Tag> {
        let writes = self.writes.borrow();
        let mut found = BTreeSet::new();
        let mut queue = vec![tag];
        while let Some(tag) = queue.pop() {
            for parent in writes.get(&tag).into_iter().flat_map(|write| &write.parents) {
                if found.insert(*parent) {
                    queue.push(*parent);
                }
            }
        }
        found
    }

    /// `finals`: the last tag of each record. A record that is not in it must have been deleted.
    pub fn check(&self, finals: &BTreeMap<String, Tag>) -> Result<(), String> {
        let writes = self.writes.borrow().clone();
        for (tag, write) in writes.iter().filter(|(_, write)| write.acknowledged && !write.is_deletion) {
            match finals.get(&write.record) {
                Some(last) if last == tag => {}
                Some(last) => self.check_winner(*last, *tag, &write.record)?,
                None => self.check_deleted(*tag, &write.record)?,
            }
        }
        for (tag, write) in writes.iter().filter(|(_, write)| write.acknowledged && write.is_deletion) {
            if let Some(last) = finals.get(&write.record).filter(|last| **last != *tag) {
                self.check_winner(*last, *tag, &write.record)?;
            }
        }
        Ok(())
    }

    /// The check after a server has lost data: records that were created and never deleted are present, and every record holds something
    /// that was written to it.
    pub fn check_existence(&self, finals: &BTreeMap<String, Tag>) -> Result<(), String> {
        let writes = self.writes.borrow();
        let deleted: BTreeSet<&str> = writes.values().filter(|write| write.is_deletion).map(|write| write.record.as_str()).collect();
        for (tag, write) in writes
            .iter()
            .filter(|(_, write)| write.acknowledged && !deleted.contains(write.record.as_str()))
        {
            if !finals.contains_key(&write.record) && !self.is_overruled(*tag) {
                return Err(format!("LOST: {} is gone, {tag} and all, and nobody deleted it", write.record));
            }
        }
        match finals.iter().find(|(record, tag)| writes.get(tag).is_none_or(|write| write.record != **record)) {
            Some((record, tag)) => Err(format!("MADE UP: {record} ended as {tag}, which nobody wrote to it")),
            None => Ok(()),
        }
    }

    fn check_winner(&self, last: Tag, write: Tag, record: &str) -> Result<(), String> {
        let unsure = self.unanswered.borrow().contains(&last);
        let chosen = self.chosen.borrow().contains(&last);
        if !unsure && !chosen && self.ancestors(write).contains(&last) && !self.is_overruled(write) {
            return Err(format!("WRONG WINNER: {record} ended as {last}, although {write} was written on top of it"));
        }
        Ok(())
    }

    fn check_deleted(&self, tag: Tag, record: &str) -> Result<(), String> {
        if self.is_overruled(tag) {
            return Ok(());
        }
        let before = self.ancestors(tag);
        let writes = self.writes.borrow();
        let mut deletions = writes.iter().filter(|(_, other)| other.is_deletion && other.record == record).peekable();
        if deletions.peek().is_none() {
            return Err(format!("LOST: {record} is gone, {tag} and all, and nobody deleted it"));
        }
        let unanswered = self.unanswered.borrow();
        match deletions.any(|(deletion, _)| !before.contains(deletion) || unanswered.contains(deletion)) {
            true => Ok(()),
            false => Err(format!("WRONG WINNER: {record} is gone, although {tag} was written after every deletion")),
        }
    }
}
