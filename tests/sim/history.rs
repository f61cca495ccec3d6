//! Who wrote what knowing what: the oracle of lost writes and wrong winners.
//!
//! Every write puts a fresh tag into its record, and knows the tag it replaced. A record may end with a write that is
//! concurrent to another one (a conflict was resolved), but never with one that an acknowledged write was made on top of.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

pub type Tag = u64;

#[derive(Default)]
pub struct History {
    next: Cell<Tag>,
    writes: RefCell<BTreeMap<Tag, Write>>,
    /// Writes that the server took, and whose device cannot know: a conflict with what was made of them is no mistake.
    unanswered: RefCell<BTreeSet<Tag>>,
    /// What users took over from the other side of a conflict. While they choose, another tab's sync may publish their own side:
    /// then what they chose is written on top of that again, and of whatever it has won against.
    chosen: RefCell<BTreeSet<Tag>>,
    /// What a user was told of, in a conflict that the strategy decided against it, or beside what the chain has: whatever
    /// becomes of the record then, it does not come about without a word.
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

    /// It stands, on top of `parents`.
    pub fn acknowledge(&self, tag: Tag, parents: Vec<Tag>) {
        if let Some(write) = self.writes.borrow_mut().get_mut(&tag) {
            write.acknowledged = true;
            write.parents = parents;
        }
    }

    /// A user keeps it over another write.
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

    /// Whether one write was made on top of the other, or of what was made on top of it.
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

    /// `finals`: each record's last tag. A record that is not in it has to have been deleted.
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

    /// After a server lost something: records that were created and never deleted are there, and every record holds something
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
