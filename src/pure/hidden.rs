//! Records that were removed on this device only: `delete(id, { virtual: false })`.
//!
//! The last seconds of a listing are read again (see [`super::cursor::LATE_MS`]). A version that is listed and is not here may have come late,
//! or may have been removed here. So each removed version is noted, until no listing can show it again.

use super::cursor::Cursor;
use super::draft::Draft;
use super::record::{RecordId, Row, Status};
use super::state::State;

/// Prefix of the notes: the record's id follows it, and the text is the version. Each record has its own note; one note for all would be
/// rewritten as a whole whenever a record is removed.
const HIDDEN: &str = "hidden ";

pub type Version = (RecordId, u64);

pub fn hide(draft: &mut Draft, id: &RecordId, row: &Row) {
    if let Some(at) = row.last_modified.filter(|_| row.status != Status::Created) {
        draft.set_note(&format!("{HIDDEN}{}", id.as_json()), Some(at.to_string()));
    }
}

/// The versions that were removed here. A later version of the record counts as a change.
pub fn versions(state: &State) -> impl Iterator<Item = Version> {
    let notes = state
        .notes
        .range(HIDDEN.to_owned()..)
        .map_while(|(name, at)| Some((name.strip_prefix(HIDDEN)?, at)));
    notes.filter_map(|(id, at)| Some((RecordId::from_disk(id)?, at.parse().ok()?)))
}

/// Drops the notes of versions that listings from this cursor on will not show again.
pub fn forget(draft: &mut Draft, cursor: &Cursor) {
    let since = cursor.ask_since();
    for name in draft.note_names().iter().filter(|name| name.starts_with(HIDDEN)) {
        let at = draft.note(name).and_then(|at| at.parse().ok());
        if at.is_none_or(|at| since >= Some(at)) {
            draft.set_note(name, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn hidden(draft: Draft) -> State {
        let mut state = State::default();
        draft.into_changes().into_iter().for_each(|change| state.apply(change));
        state
    }

    #[test]
    fn only_the_version_that_was_removed_is_hidden() {
        let mut draft = Draft::new(Rc::default());
        let [a, b] = ["a", "b"].map(RecordId::from_text);
        hide(&mut draft, &a, &Row::new("", Status::Synced, Some(5)));
        hide(&mut draft, &b, &Row::new("", Status::Created, Some(5)));
        let state = hidden(draft);
        assert_eq!(versions(&state).collect::<Vec<_>>(), [(a, 5)]);
    }

    #[test]
    fn it_is_forgotten_when_it_is_not_listed_any_more() {
        let id = RecordId::from_text("a");
        let mut cursor = Cursor {
            since: Some(50_000),
            ..Cursor::default()
        };
        for (again, stays) in [(40_000, true), (50_000, false)] {
            let mut draft = Draft::new(Rc::new(RefCell::default()));
            hide(&mut draft, &id, &Row::new("", Status::Updated, Some(49_000)));
            cursor.again = Some(again);
            forget(&mut draft, &cursor);
            assert_eq!(versions(&hidden(draft)).next().is_some(), stays);
        }
    }
}
