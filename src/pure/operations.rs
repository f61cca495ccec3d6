//! The operations on records, with the statuses of Kinto.js (kintojs.readthedocs.io, "API"), applied to a draft.
//!
//! Each operation checks everything before its first write. So an operation that fails leaves its draft as it was, and the operations of one
//! group can share a draft.

use super::draft::Draft;
use super::hidden;
use super::json;
use super::lost::as_new;
use super::record::{Parsed, RecordId, Row, Status, merge_bodies, same_content, split_local};
use super::sealed::held::{self, Held};
use super::sealed::home;
use crate::error::{Error, Result};

pub fn create(draft: &mut Draft, record: &Parsed, synced: bool) -> Result<Row> {
    let id = record.id()?;
    if draft.row(id).is_some() {
        return Err(Error::AlreadyExists { id: id.display() });
    }
    let status = if synced { Status::Synced } else { Status::Created };
    let row = Row::new(record.body.as_str(), status, record.last_modified);
    draft.check_size(id, &row)?;
    draft.put(id, row.clone());
    Ok(row)
}

/// Creates a record with the status that it carries, as Kinto.js does within a transaction.
pub fn create_as_given(draft: &mut Draft, record: &Parsed) -> Result<Row> {
    let mut row = create(draft, record, false)?;
    if let Some(status) = record.status.filter(|status| *status != row.status) {
        row.status = status;
        draft.put(record.id()?, row.clone());
    }
    Ok(row)
}

/// Stores a record with the status that it carries, as the adapters of Kinto.js do. What is known of the record's state on the server is kept.
pub fn put_as_given(draft: &mut Draft, record: &Parsed) -> Result<Row> {
    let id = record.id()?;
    let status = record.status.unwrap_or(Status::Created);
    let mut row = Row::new(record.body.as_str(), status, record.last_modified);
    if let Some(old) = draft.row(id) {
        row.sent = old.sent.filter(|_| status != Status::Synced);
        row.gone_at = old.gone_at;
        row.base = old.base;
    }
    draft.check_size(id, &row)?;
    draft.put(id, row.clone());
    Ok(row)
}

#[derive(Clone, Debug, Default)]
pub struct UpdateOptions {
    /// Keep the members that the new record does not name, except for the ones listed.
    pub patch: Option<Vec<String>>,
    /// The server has this content already.
    pub synced: bool,
}

impl UpdateOptions {
    /// `without` is `Some` for a patch: a JSON array of the members that the patch removes.
    pub fn read(without: Option<&str>, synced: bool) -> Self {
        let names = |list| json::elements(list).into_iter().flatten().filter_map(json::string).map(Into::into).collect();
        UpdateOptions {
            patch: without.map(names),
            synced,
        }
    }
}

/// Replaces or patches a live record. Returns the new row and the old one.
pub fn update(draft: &mut Draft, record: &Parsed, options: &UpdateOptions, local_fields: &[String]) -> Result<(Row, Row)> {
    let id = record.id()?;
    let old = live(draft, id)?;
    let row = successor(&old, record, options, local_fields);
    draft.check_size(id, &row)?;
    draft.put(id, row.clone());
    Ok((row, old))
}

fn successor(old: &Row, record: &Parsed, options: &UpdateOptions, local_fields: &[String]) -> Row {
    let body = match &options.patch {
        Some(without) => merge_bodies(&split_local(&old.body, without).0, &record.body),
        None => record.body.clone(),
    };
    let status = match old.status {
        _ if options.synced => Status::Synced,
        Status::Synced if same_content(&old.body, &body, local_fields) => Status::Synced,
        Status::Created => Status::Created,
        _ => Status::Updated,
    };
    let mut row = Row::new(body, status, record.last_modified.filter(|at| *at > 0).or(old.last_modified));
    row.sent = old.sent_before_change().filter(|_| status != Status::Synced);
    row.gone_at = old.gone_at;
    row.base = old.base.clone();
    row
}

/// Creates or replaces a record. Returns the new row, and the old one if a live record was replaced.
pub fn upsert(draft: &mut Draft, record: &Parsed, local_fields: &[String]) -> Result<(Row, Option<Row>)> {
    let id = record.id()?;
    let old = draft.row(id);
    let row = match &old {
        None => Row::new(record.body.as_str(), Status::Created, record.last_modified),
        Some(old) => successor(old, record, &UpdateOptions::default(), local_fields),
    };
    draft.check_size(id, &row)?;
    draft.put(id, row.clone());
    Ok((row, old.filter(Row::is_live)))
}

/// Marks a record as deleted, or removes it on this device only if not `virtual`. Returns the row as it was.
pub fn delete(draft: &mut Draft, id: &RecordId, is_virtual: bool) -> Result<Row> {
    if !is_virtual {
        let old = draft.row(id).ok_or_else(|| not_found(id))?;
        if let Some(base) = &old.base {
            draft.set_note(&held::note_name(id), Some(Held::removed(id, base).to_json()));
        } else {
            hidden::hide(draft, id, &old);
        }
        draft.remove(id);
        return Ok(old);
    }
    let old = live(draft, id)?;
    draft.put(
        id,
        Row {
            status: Status::Deleted,
            ..old.clone()
        },
    );
    Ok(old)
}

/// Like [`delete`] with `virtual`, but a missing record is no error.
pub fn delete_any(draft: &mut Draft, id: &RecordId) -> Option<Row> {
    let old = draft.row(id)?;
    if old.is_live() {
        draft.put(
            id,
            Row {
                status: Status::Deleted,
                ..old.clone()
            },
        );
    }
    Some(old)
}

pub fn delete_all(draft: &mut Draft, ids: &[RecordId]) -> Result<Vec<(RecordId, Row)>> {
    ids.iter().map(|id| Ok((id.clone(), delete(draft, id, true)?))).collect()
}

pub fn get(draft: &Draft, id: &RecordId, include_deleted: bool) -> Result<Row> {
    draft.row(id).filter(|row| include_deleted || row.is_live()).ok_or_else(|| not_found(id))
}

/// Stores records that the server is known to have. A record here is only replaced if it is synced and has an older version.
pub fn import_bulk(draft: &mut Draft, records: &[Parsed]) -> Result<Vec<(RecordId, Row)>> {
    for record in records {
        let id = record.id()?;
        if record.last_modified.is_none() {
            let message = format!("Record has no last_modified value: {}", id.display());
            return Err(Error::InvalidRecord {
                message,
                path: "last_modified".into(),
            });
        }
        draft.check_size(id, &Row::new(record.body.as_str(), Status::Synced, None))?;
    }
    let mut written = Vec::with_capacity(records.len());
    for record in records {
        let id = record.id()?;
        let is_newer = |old: &Row| !old.is_dirty() && old.last_modified.is_some() && old.last_modified < record.last_modified;
        if draft.row(id).as_ref().is_none_or(is_newer) {
            let row = Row::new(record.body.as_str(), Status::Synced, record.last_modified);
            draft.put(id, row.clone());
            written.push((id.clone(), row));
        }
    }
    Ok(written)
}

/// Removes everything, except the note of the migration: data of Kinto.js are not migrated a second time.
pub fn clear(draft: &mut Draft) {
    let kept = OUTLIVES_CLEAR.map(|name| (name, draft.note(name)));
    draft.clear();
    for (name, note) in kept {
        draft.set_note(name, note);
    }
}

/// Prepares all records to be sent to a server that has none of them. Returns the number of rows changed, not counting edits (`updated`) of a
/// plain collection, which were unsynced before.
pub fn reset_sync_status(draft: &mut Draft) -> usize {
    let mut count = 0;
    for (id, row) in draft.rows() {
        match row.status {
            Status::Deleted if draft.is_sealed() => draft.remove(&id),
            // A deletion is pushed if the next pull shows the content that was deleted, and dropped otherwise.
            Status::Deleted | Status::Synced => draft.put(&id, as_new(row, false)),
            _ if row.base.is_some() => draft.put(&id, Row::new(row.body, Status::Created, None)),
            // `sent` keeps the content that the edit was made on, so the edit counts as made on that content, whatever version it has on the
            // next server.
            Status::Updated => {
                draft.put(&id, as_new(row, false));
                continue;
            }
            Status::Created => continue,
        }
        count += 1;
    }
    for name in draft.note_names() {
        if name == LAST_MODIFIED || name.starts_with(CURSOR) || home::is_of_journal(&name) {
            draft.set_note(&name, None);
        }
    }
    draft.set_note(EPOCH, None);
    count
}

/// Names of notes.
pub const METADATA: &str = "metadata";
pub const LAST_MODIFIED: &str = "last_modified";
/// The prefix of the cursors' names; the URL of the remote collection follows it. Each server has its own cursor.
pub const CURSOR: &str = "cursor ";
/// A random text, written by the first sync. `clear()` and all else that forgets the state of servers (a deleted database, too) removes it. A
/// sync that began in another epoch writes nothing.
pub const EPOCH: &str = "epoch";
/// The notes that stay when a collection is cleared. Otherwise it is as empty as a new one.
pub const OUTLIVES_CLEAR: [&str; 1] = [ADOPTED];
/// The cursor for the first remote that is asked after the migration. Its name begins like those of all cursors, so that whatever removes
/// cursors removes it too.
pub const ADOPTED_CURSOR: &str = "cursor adopted";
/// Says that Kinto.js data was migrated, and which of its rows were unsynced (see `adoption`). Stays after `clear()`.
pub const ADOPTED: &str = "adopted";

fn live(draft: &Draft, id: &RecordId) -> Result<Row> {
    get(draft, id, false)
}

fn not_found(id: &RecordId) -> Error {
    Error::NotFound { id: id.display() }
}

#[cfg(test)]
mod tests {
    use super::super::record::read_record;
    use super::super::state::State;
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn draft() -> Draft {
        Draft::new(Rc::new(RefCell::new(State::default())))
    }

    fn record(text: &str) -> Parsed {
        read_record(text).unwrap()
    }

    fn with(status: Status) -> Draft {
        let mut draft = draft();
        draft.put(&RecordId::from_text("a"), Row::new(r#""n":1"#, status, Some(5)));
        draft
    }

    #[test]
    fn statuses_follow_kinto_js() {
        let unchanged = r#"{"id":"a","n":1}"#;
        let changed = r#"{"id":"a","n":2}"#;
        for (before, text, after) in [
            (Status::Created, changed, Status::Created),
            (Status::Updated, changed, Status::Updated),
            (Status::Synced, changed, Status::Updated),
            (Status::Synced, unchanged, Status::Synced),
        ] {
            let (row, old) = update(&mut with(before), &record(text), &UpdateOptions::default(), &[]).unwrap();
            assert_eq!((row.status, row.last_modified, old.status), (after, Some(5), before));
            assert_eq!(upsert(&mut with(before), &record(text), &[]).unwrap().0.status, after);
        }
    }

    #[test]
    fn a_tombstone_is_not_updated_but_can_be_upserted() {
        let mut draft = with(Status::Deleted);
        assert!(matches!(
            update(&mut draft, &record(r#"{"id":"a"}"#), &UpdateOptions::default(), &[]),
            Err(Error::NotFound { .. })
        ));
        let (row, old) = upsert(&mut draft, &record(r#"{"id":"a"}"#), &[]).unwrap();
        assert_eq!((row.status, row.last_modified, old), (Status::Updated, Some(5), None));
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name_and_takes_away_what_it_says() {
        for (text, without, after) in [
            (r#"{"id":"a","b":2}"#, "[]", r#""n":1,"b":2"#),
            (r#"{"id":"a","b":2}"#, r#"["n","none"]"#, r#""b":2"#),
            (r#"{"id":"a"}"#, r#"["n","last_modified"]"#, ""),
        ] {
            let options = UpdateOptions::read(Some(without), false);
            let (row, _) = update(&mut with(Status::Synced), &record(text), &options, &[]).unwrap();
            assert_eq!((&*row.body, row.status, row.last_modified), (after, Status::Updated, Some(5)));
        }
    }

    #[test]
    fn an_operation_that_fails_leaves_the_draft_as_it_was() {
        let mut draft = draft();
        let bad = [record(r#"{"id":"a","last_modified":1}"#), record(r#"{"id":"b"}"#)];
        assert!(import_bulk(&mut draft, &bad).is_err());
        assert!(delete(&mut draft, &RecordId::from_text("a"), true).is_err());
        assert!(draft.is_empty());
    }

    #[test]
    fn import_takes_only_what_is_newer_than_a_synced_copy() {
        for (status, last_modified, taken) in [
            (Status::Synced, 6, true),
            (Status::Synced, 5, false),
            (Status::Updated, 6, false),
            (Status::Deleted, 6, false),
        ] {
            let text = format!(r#"{{"id":"a","last_modified":{last_modified}}}"#);
            assert_eq!(import_bulk(&mut with(status), &[record(&text)]).unwrap().len(), usize::from(taken));
        }
    }
}
