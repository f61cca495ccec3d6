//! Records that a server no longer shows: deleted there, or lost. This is decided from a list of all versions that the server has, with
//! tombstones.
//!
//! | what happened to the server's collection | how it is recognised |
//! |---|---|
//! | it deleted the records and purged the tombstones | it shows a newer known version; or it is the same collection, with a timestamp newer than all that it shows |
//! | it was restored from a backup | it shows an older version of a record, or an older timestamp, than it has shown before |
//! | it was flushed, or deleted and created again | it shows no version that is known here, and the collection is not the known one |
//! | it is another server's, or another account's | as in the row before, and other accounts may write it; or this server was never asked before |
//!
//! If none of these is recognised, a missing record may have been deleted or lost: it stays here, and is reported as a conflict.

use super::answers;
use super::cursor::{Cursor, Made};
use super::draft::Draft;
use super::operations::{ADOPTED_CURSOR, LAST_MODIFIED};
use super::record::{RecordId, Row, Sent, Status};
use super::state::State;
use crate::error::Found;
use std::collections::{BTreeMap, BTreeSet};

/// The versions that a server has, from a complete listing, and the metadata of the collection.
#[derive(Clone, Debug, Default)]
pub struct There {
    /// By id: the version of the record or tombstone, and whether it is a tombstone.
    versions: BTreeMap<RecordId, (u64, bool)>,
    all: BTreeSet<u64>,
    /// The app has transformers, which may have given records other ids on the server. Then a record is recognised by its version, which is
    /// unique.
    pub ids_are_mapped: bool,
    pub timestamp: Option<u64>,
    pub made: Option<Made>,
}

impl There {
    pub fn add(&mut self, id: RecordId, at: u64, row: &str) {
        self.all.insert(at);
        self.versions.insert(id, (at, answers::is_tombstone(row)));
    }

    pub fn newest(&self) -> Option<(RecordId, u64)> {
        let newest = self.versions.iter().max_by_key(|(_, (at, _))| *at);
        newest.map(|(id, (at, _))| (id.clone(), *at))
    }

    /// The server's version of a record that is known here in the version `at`, and whether it is a tombstone.
    fn get(&self, id: &RecordId, at: u64) -> Option<(u64, bool)> {
        let mapped = || (self.ids_are_mapped && self.all.contains(&at)).then_some((at, false));
        self.versions.get(id).copied().or_else(mapped)
    }

    fn at(&self, id: &RecordId, at: u64) -> Option<u64> {
        self.get(id, at).map(|(at, _)| at)
    }

    /// Whether the collection was created again: its creation time differs from the known one, and no version in it is older. `None` if this
    /// cannot be told.
    fn is_made_again(&self, known: Option<&Made>) -> Option<bool> {
        let (known, made) = (known?.at, self.made.as_ref()?.at);
        Some(known != made && self.versions.values().all(|(at, _)| *at >= made))
    }

    /// Whether the creation time of the collection is the known one. It is not after a backup was written into a new collection, which then has
    /// records older than itself.
    fn is_same(&self, known: Option<&Made>) -> bool {
        known.zip(self.made.as_ref()).is_some_and(|(known, made)| known.at == made.at)
    }

    fn is_of_others(&self, known: Option<&Made>) -> bool {
        let owners = |made: Option<&Made>| made.and_then(|made| made.owners.clone());
        let (before, now) = (owners(known), owners(self.made.as_ref()));
        before.is_some() && now.is_some() && before != now
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// What happened to the server, if it lost data.
    pub found: Option<Found>,
    /// Records that were deleted on the server.
    pub gone: Vec<RecordId>,
    /// Records that were deleted on the server or lost: this cannot be told.
    pub unsure: Vec<RecordId>,
}

/// The records of which this server has shown a version, each with that version.
fn known<'s>(state: &'s State, cursor: &Cursor) -> Vec<(&'s RecordId, &'s Row, u64)> {
    let limit = cursor.witness.as_ref().map_or(u64::MAX, |(_, at)| *at);
    let version = |(id, row): (&'s RecordId, &'s Row)| Some((id, row, row.last_modified.filter(|at| row.status != Status::Created && *at <= limit)?));
    state.rows.iter().filter_map(version).collect()
}

fn newest_exact(known: &[(&RecordId, &Row, u64)], there: &There) -> Option<u64> {
    let exact = known.iter().filter(|(id, _, at)| there.at(id, *at) == Some(*at));
    exact.map(|(_, _, at)| *at).max()
}

/// Decides what happened to the records that the server no longer shows. `is_alone`: no other server was ever synced with. Otherwise a record
/// that this server lacks may belong to another server. It may also only seem to be missing if an app's transformers changed its id; so in both
/// cases no record is judged as deleted or unsure.
pub fn judge(state: &State, cursor: &Cursor, there: &There, is_alone: bool) -> Judged {
    let mut judged = Judged::default();
    let known = known(state, cursor);
    let witness = cursor.witness.as_ref();
    if witness.is_some_and(|(id, at)| there.at(id, *at) == Some(*at)) {
        return judged;
    }
    let exact = newest_exact(&known, there);
    let made_again = there.is_made_again(cursor.made.as_ref());
    let is_of_others = made_again != Some(false) && there.is_of_others(cursor.made.as_ref());
    let missing: Vec<_> = known.iter().filter(|(id, _, at)| there.at(id, *at).is_none()).collect();
    let has_unsent = || state.rows.values().any(Row::is_dirty);
    // A collection of one or two records may look replaced because all of them were edited.
    let is_replaced = made_again == Some(true) && known.len() > 2;
    let seen_at = witness.map_or(0, |(_, at)| *at);
    let mut versions = known.iter().map(|(id, _, at)| (*id, *at)).chain(witness.map(|(id, at)| (id, *at)));
    let is_older = versions.any(|(id, at)| there.at(id, at).is_some_and(|there| there < at));
    if exact.is_none() && made_again != Some(false) && (!missing.is_empty() || is_replaced || is_of_others && has_unsent()) {
        judged.found = Some(if is_of_others { Found::Another } else { Found::Flushed });
    } else if is_older || there.timestamp.is_some_and(|at| at < seen_at) {
        judged.found = Some(Found::Restored);
    }
    let is_alone = is_alone && !there.ids_are_mapped;
    if judged.found.is_none() && !is_alone {
        return judged;
    }
    let newest = there.newest().map_or(0, |(_, at)| at);
    let is_purged = judged.found.is_none() && there.is_same(cursor.made.as_ref()) && there.timestamp > Some(newest.max(seen_at));
    for (id, _, at) in missing {
        match is_purged || Some(*at) < exact {
            true if is_alone => judged.gone.push((*id).clone()),
            false if judged.found.is_none() => judged.unsure.push((*id).clone()),
            _ => {}
        }
    }
    judged
}

/// Prepares the local rows for `repair()`. What the server has lost will be sent as new, and an older version there is replaced. What the
/// server deleted stays deleted. Edits of content that the server shows again count as made on that content. `cursor` is the name of the
/// cursor's note; `is_first`: this server was never read to its end.
pub fn prepare(draft: &mut Draft, cursor: &str, there: &There, is_first: bool) {
    let known_cursor = draft.note(cursor).map_or_else(Cursor::default, |note| Cursor::read(&note));
    let rows = draft.rows();
    let exact = rows.iter().filter(|(id, row)| row.last_modified.is_some_and(|at| there.at(id, at) == Some(at)));
    let exact = exact.filter_map(|(_, row)| row.last_modified).max();
    let is_older = there.is_made_again(known_cursor.made.as_ref()) == Some(false);
    for (id, row) in rows {
        let Some(at) = row.last_modified.filter(|_| row.status != Status::Created) else {
            continue;
        };
        match there.get(&id, at) {
            // The pull will merge a deletion, or a change that was made on the server since it had the version known here.
            Some((there, true)) if there >= at => {}
            Some((there, false)) if there == at || there > at && Some(at) < exact => {}
            None if !is_first && Some(at) < exact => {}
            // The server shows an older version than it has shown before: the version here is newer.
            Some((there, false)) if there < at && (exact.is_some() || is_older) => draft.put(&id, on_older(row, there)),
            _ => draft.put(&id, as_new(row, true)),
        }
    }
    for name in [cursor, ADOPTED_CURSOR, LAST_MODIFIED] {
        draft.set_note(name, None);
    }
}

fn on_older(row: Row, at: u64) -> Row {
    let status = if row.is_live() { Status::Updated } else { Status::Deleted };
    Row::new(row.body, status, Some(at))
}

/// Makes a row new to the server: the server does not have the record, or has it in a version that is unrelated to the one here.
/// `tells_deletions`: a deletion is sent again, see [`Row::is_lost_deletion`].
pub fn as_new(row: Row, tells_deletions: bool) -> Row {
    let status = if row.status == Status::Synced { Status::Created } else { row.status };
    let sent = match row.is_live() {
        true => row.sent,
        false if tells_deletions => Some(Sent::Deletion),
        false => row.sent.or_else(|| Some(Sent::Body(row.body.clone()))),
    };
    Row {
        sent,
        ..Row::new(row.body, status, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn state(rows: &[(&str, Status, u64)]) -> State {
        let mut state = State::default();
        for (id, status, at) in rows {
            state.rows.insert(RecordId::from_text(id), Row::new("", *status, Some(*at)));
        }
        state
    }

    fn made(at: u64, owners: &str) -> Option<Made> {
        Some(Made {
            at,
            owners: Some(owners.into()),
        })
    }

    fn there(versions: &[(&str, u64)], timestamp: u64, made: Option<Made>) -> There {
        let mut there = There {
            timestamp: Some(timestamp),
            made,
            ..There::default()
        };
        versions.iter().for_each(|(id, at)| there.add(RecordId::from_text(id), *at, "{}"));
        there
    }

    fn ids(ids: &[&str]) -> Vec<RecordId> {
        ids.iter().map(|id| RecordId::from_text(id)).collect()
    }

    #[test]
    fn a_flush_a_purge_a_backup_and_another_server_are_told_apart() {
        use Status::{Deleted, Synced, Updated};
        type Case<'a> = (&'a [(&'a str, u64)], u64, u64, &'a str, Option<Found>, &'a [&'a str], &'a [&'a str], &'a str);
        let cases: [Case<'_>; 15] = [
            (&[("a", 10), ("b", 20), ("c", 30)], 40, 1, "me", None, &[], &[], "all is there"),
            (
                &[("a", 10), ("b", 20)],
                40,
                1,
                "me",
                None,
                &["c"],
                &[],
                "the newest was deleted, its tombstone purged",
            ),
            (&[], 40, 1, "me", None, &["a", "b", "c"], &[], "all were deleted, and their tombstones purged"),
            (&[("a", 10), ("c", 50)], 50, 1, "me", None, &[], &["b"], "deleted, or lost by a backup"),
            (&[("b", 20), ("d", 50)], 50, 1, "me", None, &["a"], &["c"], "a newer one is known to be there"),
            (
                &[("a", 10), ("b", 15), ("d", 50)],
                50,
                1,
                "me",
                Some(Found::Restored),
                &[],
                &[],
                "an older version",
            ),
            (&[("a", 10), ("b", 20)], 20, 1, "me", Some(Found::Restored), &[], &[], "an older timestamp"),
            (&[], 100, 99, "me", Some(Found::Flushed), &[], &[], "made again, and empty"),
            (&[("d", 110)], 110, 99, "me", Some(Found::Flushed), &[], &[], "made again, and used"),
            (
                &[("a", 110), ("b", 120), ("c", 130)],
                130,
                99,
                "me",
                Some(Found::Flushed),
                &[],
                &[],
                "made again, and filled by another device",
            ),
            (&[("a", 110), ("b", 120), ("c", 130)], 130, 1, "me", None, &[], &[], "all were edited"),
            (&[("a", 10), ("b", 20), ("c", 35)], 35, 33, "me", None, &[], &[], "its metadata were edited"),
            (
                &[("a", 10), ("b", 20)],
                40,
                33,
                "me",
                None,
                &[],
                &["c"],
                "its newest record is missing, and its metadata are newer: a backup in a new collection, perhaps",
            ),
            (&[("x", 110)], 110, 99, "you", Some(Found::Another), &[], &[], "of another account"),
            (&[], 100, 99, "you", Some(Found::Another), &[], &[], "of another account, and empty"),
        ];
        let state = state(&[("a", Synced, 10), ("b", Updated, 20), ("c", Deleted, 30), ("own", Status::Created, 0)]);
        let cursor = Cursor {
            witness: Some((RecordId::from_text("c"), 30)),
            made: made(1, "me"),
            ..Cursor::default()
        };
        for (versions, timestamp, made_at, owners, found, gone, unsure, what) in cases {
            let there = there(versions, timestamp, made(made_at, owners));
            let expected = Judged {
                found,
                gone: ids(gone),
                unsure: ids(unsure),
            };
            assert_eq!(judge(&state, &cursor, &there, true), expected, "{what}");
        }
    }

    #[test]
    fn what_a_restored_server_has_lost_is_sent_whatever_it_still_shows() {
        use Status::{Created, Synced, Updated};
        let here = state(&[("a", Synced, 10), ("b", Updated, 20), ("c", Synced, 30)]);
        let cursor = Cursor {
            witness: Some((RecordId::from_text("c"), 30)),
            made: made(1, "me"),
            ..Cursor::default()
        };
        type Case<'a> = (&'a [(&'a str, u64)], u64, [(Status, Option<u64>); 3], &'a str);
        let cases: [Case<'_>; 4] = [
            (&[], 5, [(Created, None), (Updated, None), (Created, None)], "nothing"),
            (
                &[("a", 6)],
                6,
                [(Updated, Some(6)), (Updated, None), (Created, None)],
                "all that it shows was edited since",
            ),
            (&[("a", 10)], 10, [(Synced, Some(10)), (Updated, None), (Created, None)], "its oldest record"),
            (
                &[("b", 20)],
                20,
                [(Synced, Some(10)), (Updated, Some(20)), (Created, None)],
                "what was deleted before stays deleted",
            ),
        ];
        for (versions, timestamp, expected, what) in cases {
            let mut state = here.clone();
            state.notes.insert("cursor".into(), cursor.to_json());
            let there = there(versions, timestamp, made(1, "me"));
            let mut draft = Draft::new(Rc::new(RefCell::new(state)));
            prepare(&mut draft, "cursor", &there, false);
            let row = |id| draft.row(&RecordId::from_text(id)).map(|row| (row.status, row.last_modified));
            assert_eq!(["a", "b", "c"].map(row), expected.map(Some), "{what}");
        }
    }

    #[test]
    fn what_another_server_has_is_not_missed() {
        let state = state(&[("a", Status::Synced, 10), ("b", Status::Synced, 20)]);
        let cursor = Cursor {
            witness: Some((RecordId::from_text("gone"), 15)),
            made: made(1, "me"),
            ..Cursor::default()
        };
        assert_eq!(judge(&state, &cursor, &there(&[("b", 20)], 30, made(1, "me")), false), Judged::default());
        assert_eq!(judge(&state, &cursor, &there(&[("c", 5)], 6, made(1, "me")), true).found, Some(Found::Restored));
    }
}
