//! Resolving a conflict as the user decided.

use super::draft::Draft;
use super::json;
use super::merge::made_again;
use super::record::{Parsed, RecordId, Row, Status, read_record, same_content};
use super::sealed::held::{self, Held};
use super::sealed::told;
use crate::error::{Error, Result};

/// Stores the user's decision about a conflict. `conflict` is `{type, local, remote}`, `resolution` a record or `null`; both are JSON. Returns
/// the record's id and its new row.
///
/// If the user chooses a deletion, the record is deleted. (Kinto.js stores a live record `{"deleted": true}` instead.)
pub fn resolve(draft: &mut Draft, conflict: &str, resolution: &str, local_fields: &[String]) -> Result<(RecordId, Row)> {
    let is_record = |name: &str| json::member(conflict, name).is_some_and(|raw| raw.starts_with('{'));
    if !is_record("local") && !is_record("remote") {
        let message = "resolve() needs a conflict, as sync() lists them: {type, local, remote}.".into();
        return Err(Error::InvalidOption { message });
    }
    let remote = json::member(conflict, "remote").filter(|raw| *raw != "null").map(read_record).transpose()?;
    let gone_at = remote.as_ref().filter(|remote| remote.is_tombstone()).and_then(|remote| remote.last_modified);
    let remote = remote.filter(|remote| !remote.is_tombstone());
    let local_id = || {
        let id = |side: &str| json::member(json::member(conflict, side)?, "id");
        id("local").or_else(|| id("remote")).map(RecordId::read)
    };
    let chosen = (resolution.trim() != "null").then(|| read_record(resolution)).transpose()?;
    let id = match chosen.as_ref().and_then(|chosen| chosen.id.clone()) {
        Some(id) => id,
        None => local_id().ok_or_else(|| Error::InvalidOption {
            message: "A conflict needs a record with an id.".into(),
        })??,
    };
    let last_modified = remote.as_ref().and_then(|remote| remote.last_modified);
    // If the server refused a deletion, the conflict shows only the id as the local record. Choosing it repeats the deletion; it does not store
    // an empty record.
    let is_bare = |record: &Parsed| record.body.is_empty() && record.status.is_none();
    let local_is_bare = json::member(conflict, "local").is_some_and(|raw| read_record(raw).is_ok_and(|local| is_bare(&local)));
    let is_deleted_here = draft.row(&id).is_some_and(|row| !row.is_live());
    let repeats_deletion = |chosen: &Parsed| is_bare(chosen) && local_is_bare && is_deleted_here;
    let deletes = chosen
        .as_ref()
        .is_none_or(|chosen| chosen.is_tombstone() || chosen.status == Some(Status::Deleted) || repeats_deletion(chosen));
    let body = chosen.map_or_else(String::new, |chosen| chosen.body);
    let is_told = |t: u64| told::resolve(draft, &id, t, (!deletes).then_some(&*body), local_fields);
    if let Some(row) = last_modified.or(gone_at).and_then(is_told) {
        let answer = row.clone().unwrap_or_else(|| Row::new("", Status::Deleted, None));
        draft.check_size(&id, &answer)?;
        match row {
            Some(row) if row.is_live() || row.base.is_some() => draft.put(&id, row),
            _ => draft.remove(&id),
        }
        return Ok((id, answer));
    }
    let status = match &remote {
        _ if deletes => Status::Deleted,
        Some(remote) if same_content(&remote.body, &body, local_fields) => Status::Synced,
        _ => Status::Updated,
    };
    let mut row = Row::new(body, status, last_modified);
    if remote.is_none() && !deletes {
        row = made_again(&row, gone_at);
    }
    draft.check_size(&id, &row)?;
    // In an encrypted collection the conflict is a deferred change. This decision closes it, unless a newer change of the record has come
    // since.
    let held = draft.note(&held::note_name(&id)).and_then(|note| Held::read(&note)).filter(|held| held.is_open);
    if let Some(held) = held.filter(|held| Some(held.arrival.t) == last_modified.or(gone_at)) {
        row.base = held.arrival.base();
        draft.set_note(&held::note_name(&id), None);
    } else if let Some(present) = draft.row(&id) {
        stand_on_newer(&mut row, &present, local_fields);
    }
    if draft.is_sealed() && row.base.is_none() && row.status == Status::Synced {
        // The journal on the server no longer has the record.
        (row.status, row.last_modified) = (Status::Created, None);
    }
    match (deletes, &remote, draft.row(&id)) {
        // A page that is on its way may contain the record. If the journal takes it, the deletion follows; if not, the next sync drops the
        // tombstone.
        (true, None, Some(present)) if draft.is_sealed() && row.base.is_none() => draft.put(&id, Row::new(present.body, Status::Deleted, None)),
        (true, None, _) => draft.remove(&id),
        _ => draft.put(&id, row.clone()),
    }
    Ok((id, row))
}

/// Since the conflict was shown, a sync in another tab may have brought a newer version. The decision is then made a change of that version.
fn stand_on_newer(row: &mut Row, present: &Row, local_fields: &[String]) {
    let is_newer = row.last_modified.is_some() && present.last_modified > row.last_modified;
    let known = match &present.base {
        Some(base) => base.text.clone(),
        None if is_newer => present.body.clone(),
        None => return,
    };
    row.base = present.base.clone();
    if is_newer {
        row.last_modified = present.last_modified;
    }
    let is_what_is_known = (present.base.is_some() || present.status == Status::Synced) && same_content(&known, &row.body, local_fields);
    if row.status == Status::Synced && !is_what_is_known {
        row.status = Status::Updated;
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Base;
    use super::*;
    use std::rc::Rc;

    fn with(status: Status) -> Draft {
        let mut draft = Draft::new(Rc::default());
        draft.put(&RecordId::from_text("a"), Row::new(r#""n":1"#, status, Some(5)));
        draft
    }

    #[test]
    fn choosing_the_remote_deletion_deletes() {
        let mut draft = with(Status::Updated);
        let conflict = r#"{"type":"incoming","local":{"id":"a","n":1},"remote":{"id":"a","deleted":true,"last_modified":9}}"#;
        resolve(&mut draft, conflict, r#"{"id":"a","deleted":true,"last_modified":9}"#, &[]).unwrap();
        assert_eq!(draft.row(&RecordId::from_text("a")), None);
        let mut draft = with(Status::Updated);
        resolve(&mut draft, r#"{"type":"outgoing","local":{"id":"a","n":1},"remote":null}"#, "null", &[]).unwrap();
        assert_eq!(draft.row(&RecordId::from_text("a")), None);
    }

    #[test]
    fn a_record_kept_against_a_deletion_is_not_in_conflict_with_it_again() {
        let mut draft = with(Status::Updated);
        let conflict = r#"{"type":"incoming","local":{"id":"a","n":1},"remote":{"id":"a","deleted":true,"last_modified":9}}"#;
        let (id, row) = resolve(&mut draft, conflict, r#"{"id":"a","n":1}"#, &[]).unwrap();
        let tombstone = super::super::answers::read_remote(r#"{"id":"a","deleted":true,"last_modified":9}"#).unwrap();
        let outcome = super::super::merge::meet(Some(&row), &tombstone, Default::default(), &[]);
        assert_eq!(
            (id.display().as_str(), row.status, row.last_modified, outcome.entry),
            ("a", Status::Updated, None, None)
        );
    }

    #[test]
    fn a_resolution_that_was_overtaken_is_written_on_top_of_what_has_come() {
        let conflict = r#"{"type":"incoming","local":{"id":"a","n":1},"remote":{"id":"a","n":3,"last_modified":9}}"#;
        let newer = || Row::new("\"n\":5", Status::Synced, Some(12));
        let base = Base {
            position: 6,
            t: 12,
            text: "\"n\":5".into(),
        };
        for (resolution, status) in [(r#"{"id":"a","n":3}"#, Status::Updated), (r#"{"id":"a","n":5}"#, Status::Updated)] {
            let id = RecordId::from_text("a");
            let mut plain = with(Status::Updated);
            plain.put(&id, newer());
            let (_, row) = resolve(&mut plain, conflict, resolution, &[]).unwrap();
            assert_eq!((row.status, row.last_modified), (status, Some(12)));
            let mut sealed = Draft::sealed(Rc::default());
            sealed.put(
                &id,
                Row {
                    base: Some(base.clone()),
                    ..newer()
                },
            );
            let (_, row) = resolve(&mut sealed, conflict, resolution, &[]).unwrap();
            assert_eq!((row.status, row.base), (status, Some(base.clone())));
        }
    }

    #[test]
    fn in_a_journal_that_has_no_such_record_what_is_decided_is_new() {
        let conflict = r#"{"type":"incoming","local":{"id":"a","n":1},"remote":{"id":"a","n":3,"last_modified":9}}"#;
        let mut draft = Draft::sealed(Rc::default());
        let (id, row) = resolve(&mut draft, conflict, r#"{"id":"a","n":3}"#, &[]).unwrap();
        assert_eq!((id.display().as_str(), row.status, row.last_modified), ("a", Status::Created, None));
    }

    #[test]
    fn a_resolution_stands_on_the_remote_version() {
        let conflict = r#"{"type":"incoming","local":{"id":"a","n":1},"remote":{"id":"a","n":3,"last_modified":9}}"#;
        for (resolution, status) in [(r#"{"id":"a","n":3}"#, Status::Synced), (r#"{"id":"a","n":4}"#, Status::Updated)] {
            let (_, row) = resolve(&mut with(Status::Updated), conflict, resolution, &[]).unwrap();
            assert_eq!((row.status, row.last_modified), (status, Some(9)));
        }
    }
}
