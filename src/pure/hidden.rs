//! Records that were removed on this device alone: `delete(id, { virtual: false })`.
//!
//! The last seconds of a listing are read again (see [`super::cursor::LATE_MS`]). What is not here then may have come late, or
//! have been removed here since: only the latter is known, so it is noted, until nothing is listed again.

use super::cursor::Cursor;
use super::draft::Draft;
use super::json;
use super::record::{RecordId, Row, Status};
use super::state::State;

/// The note: `[["<id>", version], …]`.
const HIDDEN: &str = "hidden";

pub type Version = (RecordId, u64);

pub fn hide(draft: &mut Draft, id: &RecordId, row: &Row) {
    let Some(at) = row.last_modified.filter(|_| row.status != Status::Created) else {
        return;
    };
    let mut hidden = draft.note(HIDDEN).map_or_else(Vec::new, |note| read(&note));
    hidden.retain(|(known, _)| known != id);
    hidden.push((id.clone(), at));
    draft.set_note(HIDDEN, Some(write(&hidden)));
}

/// The very versions that were removed here. A later one is news.
pub fn versions(state: &State) -> Vec<Version> {
    state.notes.get(HIDDEN).map_or_else(Vec::new, |note| read(note))
}

/// Drops what will not be listed again from this cursor on.
pub fn forget(draft: &mut Draft, cursor: &Cursor) {
    let Some(note) = draft.note(HIDDEN) else { return };
    let since = cursor.ask_since();
    let mut hidden = read(&note);
    hidden.retain(|(_, at)| since < Some(*at));
    draft.set_note(HIDDEN, Some(write(&hidden)).filter(|_| !hidden.is_empty()));
}

fn read(note: &str) -> Vec<Version> {
    let version = |pair: &str| {
        let mut parts = json::elements(pair)?;
        Some((RecordId::read(parts.next()?).ok()?, json::number(parts.next()?)? as u64))
    };
    json::elements(note).into_iter().flatten().filter_map(version).collect()
}

fn write(hidden: &[Version]) -> String {
    let pairs: Vec<String> = hidden.iter().map(|(id, at)| format!("[{},{at}]", id.as_json())).collect();
    format!("[{}]", pairs.join(","))
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
        assert_eq!(versions(&state), [(a, 5)]);
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
            assert_eq!(!versions(&hidden(draft)).is_empty(), stays);
        }
    }
}
