//! Remaining Kinto.js changes: unsynced rows that an old tab or an old version of the app wrote after the migration.
//!
//! Nothing tells which of two unsynced edits is the later one. So the app decides, unless the Kinto.js change was simply made on top of the
//! record that is here.

use super::adoption::{Earlier, Marker, is_of_nothing};
use super::draft::Draft;
use super::operations::{self, ADOPTED};
use super::record::{Parsed, RecordId, Row, same_content};
use super::state::State;
use crate::error::{Error, Result};

/// Which side to take if both were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefer {
    Here,
    Leftover,
}

impl Prefer {
    /// Reads the option; `""` is `None`: neither side is taken. Errors: `invalid_option`.
    pub fn read(name: &str) -> Result<Option<Self>> {
        match name {
            "" => Ok(None),
            "here" => Ok(Some(Prefer::Here)),
            "leftover" => Ok(Some(Prefer::Leftover)),
            _ => Err(Error::InvalidOption {
                message: "prefer must be \"here\" or \"leftover\".".into(),
            }),
        }
    }
}

/// What was done with the remaining changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Records that were taken from Kinto.js, as they are here now.
    pub adopted: Vec<(RecordId, Row)>,
    /// Records that were changed on both sides, and were left: (id, row here, row in Kinto.js).
    pub conflicts: Vec<(RecordId, Row, Row)>,
}

impl Settled {
    /// As JSON: `{"adopted": […], "conflicts": [{"local", "leftover"}]}`.
    pub fn to_json(&self) -> String {
        let adopted: Vec<String> = self.adopted.iter().map(|(id, row)| row.to_json(id)).collect();
        let conflict = |(id, here, there): &(RecordId, Row, Row)| format!("{{\"local\":{},\"leftover\":{}}}", here.to_json(id), there.to_json(id));
        let conflicts: Vec<String> = self.conflicts.iter().map(conflict).collect();
        format!("{{\"adopted\":[{}],\"conflicts\":[{}]}}", adopted.join(","), conflicts.join(","))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is here already.
    Known,
    Take,
    Conflict,
}

/// Decides about one remaining change (`there`), given the row that is here.
fn meet(here: Option<&Row>, there: &Row) -> Fate {
    let Some(here) = here else {
        return if is_of_nothing(there) { Fate::Known } else { Fate::Take };
    };
    let same = match (here.is_live(), there.is_live()) {
        (true, true) => same_content(&here.body, &there.body, &[]),
        (here, there) => here == there,
    };
    let is_made_on_it = match is_of_nothing(there) {
        // A deletion's row in Kinto.js has the content that was deleted.
        true => same_content(&here.body, &there.body, &[]),
        // Made on the version that is here, or on a newer one that will be pulled.
        false => !here.is_dirty() && there.last_modified.is_some() && there.last_modified >= here.last_modified,
    };
    match same {
        true => Fate::Known,
        false if is_made_on_it => Fate::Take,
        false => Fate::Conflict,
    }
}

/// The unsynced rows of Kinto.js that were neither migrated nor decided before, and whose content is not here already.
pub fn find(state: &State, earlier: &Earlier) -> Vec<(RecordId, Row)> {
    let marker = Marker::read(state.notes.get(ADOPTED).map(String::as_str));
    let is_left = |(id, row): &(RecordId, Row)| !marker.has(id, row) && meet(state.rows.get(id), row) != Fate::Known;
    earlier.unsynced().filter(is_left).collect()
}

/// Takes over remaining changes. Those that are decided are marked in the same commit; those in conflict remain.
pub fn adopt(draft: &mut Draft, earlier: &Earlier, prefer: Option<Prefer>) -> Settled {
    let marker = Marker::read(draft.note(ADOPTED).as_deref());
    let mut after = Marker::default();
    let mut settled = Settled::default();
    for (id, there) in earlier.unsynced() {
        if !marker.has(&id, &there) {
            let here = draft.row(&id);
            match (meet(here.as_ref(), &there), prefer, here) {
                (Fate::Take, ..) if is_of_nothing(&there) => replace(draft, &id, &there),
                (Fate::Take, ..) => draft.put(&id, there.clone()),
                (Fate::Conflict, Some(Prefer::Leftover), _) => replace(draft, &id, &there),
                (Fate::Conflict, None, Some(here)) => {
                    settled.conflicts.push((id, here, there));
                    continue;
                }
                (Fate::Known | Fate::Conflict, ..) => {
                    after.add(&id, &there);
                    continue;
                }
            }
            settled.adopted.extend(draft.row(&id).map(|row| (id.clone(), row)));
        }
        after.add(&id, &there);
    }
    draft.set_note(ADOPTED, Some(after.to_json()));
    settled
}

/// Changes the record as if the user had edited or deleted it.
fn replace(draft: &mut Draft, id: &RecordId, there: &Row) {
    if !there.is_live() {
        operations::delete_any(draft, id);
        return;
    }
    let record = Parsed {
        id: Some(id.clone()),
        last_modified: None,
        status: None,
        deleted: false,
        body: there.body.to_string(),
    };
    // This can only fail if the record is too large for an encrypted collection, and into such a collection nothing is migrated.
    let _ = operations::upsert(draft, &record, &[]);
}

#[cfg(test)]
mod tests {
    use super::super::record::Status;
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn earlier(rows: &str) -> Earlier {
        Earlier {
            rows: format!("[{rows}]"),
            ..Earlier::default()
        }
    }

    fn draft(rows: &[Row]) -> Draft {
        let mut draft = Draft::new(Rc::new(RefCell::new(State::default())));
        for row in rows {
            draft.put(&RecordId::from_text("a"), row.clone());
        }
        draft
    }

    fn state(draft: Draft) -> State {
        let mut state = State::default();
        draft.into_changes().into_iter().for_each(|change| state.apply(change));
        state
    }

    #[test]
    fn a_leftover_is_taken_only_where_it_was_made_on_what_is_here() {
        use Status::*;
        let edit = |version| Row::new("\"n\":2", Updated, version);
        let gone = |version| Row::new("\"n\":1", Deleted, version);
        let made = Row::new("\"n\":2", Created, None);
        for (here, there, fate) in [
            (None, edit(Some(5)), Fate::Take),
            (None, gone(Some(5)), Fate::Take),
            (None, made.clone(), Fate::Take),
            (Some(Row::new("\"n\":1", Synced, Some(5))), edit(Some(5)), Fate::Take),
            (Some(Row::new("\"n\":1", Synced, Some(5))), gone(Some(5)), Fate::Take),
            (Some(Row::new("\"n\":1", Synced, Some(4))), edit(Some(5)), Fate::Take),
            (Some(Row::new("\"n\":1", Synced, Some(6))), edit(Some(5)), Fate::Conflict),
            (Some(Row::new("\"n\":1", Synced, Some(6))), gone(Some(5)), Fate::Conflict),
            (Some(Row::new("\"n\":2.0", Synced, Some(6))), edit(Some(5)), Fate::Known),
            (Some(Row::new("\"n\":1", Synced, Some(6))), made.clone(), Fate::Conflict),
            (Some(Row::new("\"n\":2", Synced, Some(6))), made.clone(), Fate::Known),
            (Some(Row::new("\"n\":1", Created, None)), made.clone(), Fate::Conflict),
            (Some(Row::new("\"n\":3", Updated, Some(5))), edit(Some(5)), Fate::Conflict),
            (Some(Row::new("\"n\":2", Deleted, Some(5))), edit(Some(5)), Fate::Conflict),
            (Some(Row::new("\"n\":3", Updated, Some(5))), gone(Some(5)), Fate::Conflict),
            (Some(gone(Some(5))), gone(Some(5)), Fate::Known),
            // Migrated, and then deleted in Kinto.js before it ever was on the server.
            (None, gone(None), Fate::Known),
            (Some(gone(None)), gone(None), Fate::Known),
            (Some(Row::new("\"n\":1", Created, None)), gone(None), Fate::Take),
            (Some(Row::new("\"n\":1", Synced, Some(6))), gone(None), Fate::Take),
            (Some(Row::new("\"n\":3", Created, None)), gone(None), Fate::Conflict),
            (Some(Row::new("\"n\":3", Synced, Some(6))), gone(None), Fate::Conflict),
        ] {
            assert_eq!(meet(here.as_ref(), &there), fate, "{here:?} {there:?}");
        }
    }

    #[test]
    fn what_was_taken_over_is_not_left_any_more() {
        let left = earlier(r#"{"id":"a","n":2,"_status":"updated","last_modified":5}"#);
        let mut draft = draft(&[Row::new("\"n\":1", Status::Synced, Some(5))]);
        let settled = adopt(&mut draft, &left, None);
        assert_eq!((settled.adopted.len(), settled.conflicts.len()), (1, 0));
        let state = state(draft);
        assert_eq!(find(&state, &left), []);
        let newer = earlier(r#"{"id":"a","n":3,"_status":"updated","last_modified":5}"#);
        assert_eq!(find(&state, &newer).len(), 1);
    }

    #[test]
    fn a_conflict_is_left_until_somebody_decides() {
        let left = earlier(r#"{"id":"a","n":2,"_status":"updated","last_modified":5},{"id":"b","_status":"created"}"#);
        let here = Row::new("\"n\":3", Status::Updated, Some(5));
        for (prefer, body, still_left) in [(None, "\"n\":3", 1), (Some(Prefer::Here), "\"n\":3", 0), (Some(Prefer::Leftover), "\"n\":2", 0)] {
            let mut draft = draft(std::slice::from_ref(&here));
            let settled = adopt(&mut draft, &left, prefer);
            assert_eq!(settled.conflicts.len(), still_left, "{prefer:?}");
            let state = state(draft);
            let row = &state.rows[&RecordId::from_text("a")];
            assert_eq!((&*row.body, row.status, row.last_modified), (body, Status::Updated, Some(5)));
            assert_eq!(state.rows[&RecordId::from_text("b")].status, Status::Created);
            assert_eq!(find(&state, &left).len(), still_left, "{prefer:?}");
        }
    }

    #[test]
    fn what_was_taken_over_and_then_deleted_there_is_deleted_here() {
        let left = earlier(r#"{"id":"a","n":1,"_status":"deleted"}"#);
        for (here, version) in [
            (Row::new("\"n\":1", Status::Created, None), None),
            (Row::new("\"n\":1", Status::Synced, Some(6)), Some(6)),
        ] {
            let mut draft = draft(&[here]);
            assert_eq!(adopt(&mut draft, &left, None).adopted.len(), 1);
            let state = state(draft);
            let row = &state.rows[&RecordId::from_text("a")];
            assert_eq!((row.status, row.last_modified), (Status::Deleted, version));
            assert_eq!(find(&state, &left), []);
        }
    }

    #[test]
    fn a_deletion_that_is_preferred_deletes_here_and_later_there() {
        let left = earlier(r#"{"id":"a","n":2,"_status":"deleted","last_modified":5}"#);
        let mut draft = draft(&[Row::new("\"n\":3", Status::Updated, Some(6))]);
        adopt(&mut draft, &left, Some(Prefer::Leftover));
        let row = draft.row(&RecordId::from_text("a")).unwrap();
        assert_eq!((row.status, row.last_modified), (Status::Deleted, Some(6)));
    }
}
