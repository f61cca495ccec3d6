//! The records that were deleted lately, and the positions of these deletions: the note `deleted`.
//!
//! A server that loses pages loses deletions, too. A device that never heard of a deletion then uploads the record as if it were new. So a
//! repair needs this note: it publishes the deletion again, or reports the record as a conflict.

use super::home::DELETED;
use super::meet::Arrival;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::record::RecordId;
use crate::pure::state::State;
use std::collections::BTreeSet;

/// The largest size of the note: about 1,500 ids of the usual kind. The whole note is written with every deletion.
const MOST_BYTES: usize = 1 << 16;

/// Deletions (position, id), in the order in which this device learned of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deleted(Vec<(u64, RecordId)>);

impl Deleted {
    pub fn read(note: Option<&str>) -> Self {
        let entry = |entry: &str| {
            let mut parts = json::elements(entry)?;
            Some((json::whole(parts.next()?)?, RecordId::read(parts.next()?).ok()?))
        };
        Deleted(note.and_then(json::elements).into_iter().flatten().filter_map(entry).collect())
    }

    pub fn of(draft: &Draft) -> Self {
        Deleted::read(draft.note(DELETED).as_deref())
    }

    pub fn known(state: &State) -> Self {
        Deleted::read(state.notes.get(DELETED).map(String::as_str))
    }

    pub fn add(&mut self, deletion: &Arrival) {
        self.0.push((deletion.position, deletion.change.id.clone()));
    }

    /// Moves deletions after the position `common`, which are only in a lost history, to the position `head`: the repair has dealt with them.
    pub fn rebase(&mut self, common: u64, head: u64) {
        self.0
            .iter_mut()
            .filter(|(position, _)| *position > common)
            .for_each(|(position, _)| *position = head);
    }

    /// The records that were deleted after a position.
    pub fn after(&self, position: u64) -> BTreeSet<RecordId> {
        let later = self.0.iter().filter(|(at, _)| *at > position);
        later.map(|(_, id)| id.clone()).collect()
    }

    /// Writes the note, with as many of the latest deletions as it may hold.
    pub fn write(&self, draft: &mut Draft) {
        let (mut bytes, mut kept) = (0, Vec::new());
        for (position, id) in self.0.iter().rev() {
            let entry = format!("[{position},{}]", id.as_json());
            bytes += entry.len() + 1;
            if bytes > MOST_BYTES {
                break;
            }
            kept.push(entry);
        }
        kept.reverse();
        draft.set_note(DELETED, Some(format!("[{}]", kept.join(","))).filter(|_| !kept.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn the_latest_deletions_are_remembered() {
        let mut draft = Draft::new(Rc::new(RefCell::new(State::default())));
        let id = |number: usize| RecordId::from_text(&format!("record-{number}"));
        let mut deleted = Deleted::default();
        deleted.write(&mut draft);
        assert_eq!((draft.note(DELETED), Deleted::of(&draft)), (None, Deleted::default()));
        for number in 1..=10_000 {
            deleted.add(&Arrival::gone(&id(number), number as u64, 1));
        }
        deleted.write(&mut draft);
        let mut read = Deleted::of(&draft);
        assert!(draft.note(DELETED).unwrap().len() <= MOST_BYTES + 1);
        assert_eq!(read.after(9_998), BTreeSet::from([id(9_999), id(10_000)]));
        assert!(!read.after(0).contains(&id(1)));
        read.rebase(9_999, 7);
        assert_eq!(read.after(9_998), BTreeSet::from([id(9_999)]));
    }
}
