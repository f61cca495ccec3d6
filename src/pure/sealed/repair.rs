//! The repair of one record: brings a device and a server together whose histories differ, because the server was restored or shows another
//! history.
//!
//! Up to some page, `common`, both have the same chain (0 if that is not known). This device has seen all that the server has up to there. So
//! if the device has something newer, or no longer has a record, the server has lost that change. What the server has after `common` was
//! written by somebody else, and is merged into the local records like any change.

use super::meet::Incoming;
use crate::pure::record::{Base, Row, Status};

/// What the repair does with one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Keep,
    Put(Row),
    /// Merges a change of somebody else into this row.
    Meet(Option<Row>),
}

/// Decides what to do with a record. `there` is its version in the server's chain as it is now.
pub fn step(local: Option<&Row>, there: Option<&Incoming>, common: u64) -> Step {
    match (local, there.and_then(|there| Some((there, there.base.as_ref()?)))) {
        (None, None) => Step::Keep,
        (None, Some((there, base))) if base.position <= common => {
            // The record was deleted after the version that the server still has.
            Step::Put(Row::new(there.remote.body.clone(), Status::Deleted, Some(base.t)).on(Some(base.clone())))
        }
        (None, Some(_)) => Step::Meet(None),
        (Some(row), Some((_, base))) => both(row, base, common),
        (Some(row), None) => only_here(row, common),
    }
}

fn both(row: &Row, base: &Base, common: u64) -> Step {
    match &row.base {
        Some(known) if known.position == base.position && known.text == base.text => Step::Keep,
        Some(known) if base.position <= common && known.position > base.position => Step::Put(Row {
            status: if row.is_live() { Status::Updated } else { Status::Deleted },
            ..row.clone().on(Some(base.clone()))
        }),
        Some(known) if known.position <= common => Step::Meet(Some(row.clone())),
        _ => Step::Meet(Some(unknown_there(row))),
    }
}

fn only_here(row: &Row, common: u64) -> Step {
    match &row.base {
        None => Step::Keep,
        Some(known) if known.position > 0 && known.position <= common => Step::Meet(Some(row.clone())),
        // What this device knows may not be the whole truth, so the deletion is published for any device that has the record.
        Some(_) if !row.is_live() => Step::Put(unknown_there(row)),
        Some(_) => Step::Put(Row::new(row.body.clone(), Status::Created, None)),
    }
}

/// A row whose version the server does not have: dirty, and without a base. A tombstone keeps what it deleted, as a base at position 0.
fn unknown_there(row: &Row) -> Row {
    let base = row.base.clone().filter(|_| !row.is_live()).map(|base| Base { position: 0, ..base });
    let status = if row.is_live() { Status::Created } else { Status::Deleted };
    Row::new(row.body.clone(), status, None).on(base)
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::meet::Arrival;
    use super::*;
    use crate::pure::record::RecordId;

    fn base(position: u64, text: &str) -> Base {
        Base {
            position,
            t: position * 10,
            text: text.into(),
        }
    }

    fn row(status: Status, position: u64) -> Row {
        Row::new("\"n\":2", status, Some(position * 10)).on(Some(base(position, "\"n\":2")))
    }

    fn there(position: u64) -> Incoming {
        let change = Change {
            id: RecordId::from_text("a"),
            text: Some("\"n\":1".into()),
        };
        let arrival = Arrival {
            change,
            position,
            t: position * 10,
        };
        Incoming::read(&arrival, &arrival.to_json()).unwrap()
    }

    /// The status and the base position of the row that is put.
    fn put(step: Step) -> (Status, Option<u64>) {
        match step {
            Step::Put(row) => (row.status, row.base.map(|base| base.position)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_restored_server_lost_goes_up_again_on_what_it_has() {
        let common = 5;
        assert_eq!(put(step(Some(&row(Status::Synced, 8)), Some(&there(3)), common)), (Status::Updated, Some(3)));
        assert_eq!(put(step(Some(&row(Status::Deleted, 8)), Some(&there(3)), common)), (Status::Deleted, Some(3)));
        assert_eq!(put(step(Some(&row(Status::Synced, 8)), None, common)), (Status::Created, None));
        assert_eq!(
            put(step(None, Some(&there(3)), common)),
            (Status::Deleted, Some(3)),
            "deleted since, so it is deleted again"
        );
        assert_eq!(put(step(Some(&row(Status::Deleted, 8)), None, common)), (Status::Deleted, Some(0)));
        assert_eq!(
            put(step(Some(&row(Status::Deleted, 0)), None, common)),
            (Status::Deleted, Some(0)),
            "the same at the next repair, too"
        );
    }

    #[test]
    fn what_somebody_wrote_after_the_common_page_meets_what_is_here() {
        let common = 5;
        assert_eq!(step(None, Some(&there(7)), common), Step::Meet(None));
        assert_eq!(
            step(Some(&row(Status::Synced, 3)), Some(&there(7)), common),
            Step::Meet(Some(row(Status::Synced, 3))),
            "followed"
        );
        assert_eq!(
            step(Some(&row(Status::Synced, 3)), None, common),
            Step::Meet(Some(row(Status::Synced, 3))),
            "deleted there"
        );
        let Step::Meet(Some(row)) = step(Some(&row(Status::Synced, 8)), Some(&there(7)), common) else {
            panic!()
        };
        assert_eq!((row.status, row.base), (Status::Created, None), "both changed");
    }

    #[test]
    fn without_a_common_page_everything_here_is_dirty() {
        let Step::Meet(Some(after)) = step(Some(&row(Status::Synced, 8)), Some(&there(7)), 0) else {
            panic!()
        };
        assert_eq!((after.status, after.base), (Status::Created, None));
        assert_eq!(put(step(Some(&row(Status::Synced, 8)), None, 0)), (Status::Created, None));
        let made = Row::new("\"n\":2", Status::Created, None);
        assert_eq!(step(Some(&made), None, 0), Step::Keep);
    }
}
