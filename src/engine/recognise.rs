//! The first pull from a server when there are records already: finds out which of them the server has in the same version.
//!
//! The records may come from a dump or from another server. Those that the server has in the same version are not downloaded again.
//! (Kinto.js downloads everything.)
//!
//! Starting after the youngest record without a comparison, as Kinto.js does once it has a timestamp, would be wrong: a dump may contain
//! only a part of the collection, and the rest would never be pulled. So the versions are compared, oldest first, until the first
//! difference. This costs a list of versions, a tenth of the size of the records.

use super::lost::is_only_cursor;
use super::sync::Session;
use crate::error::Result;
use crate::ports::Platform;
use crate::pure::answers;
use crate::pure::cursor::{Cursor, LATE_MS};
use crate::pure::record::{RecordId, Row, Status};
use crate::pure::state::State;
use std::collections::BTreeMap;

impl<P: Platform> Session<'_, P> {
    /// Returns a cursor up to which everything that the server has is here. `begun` is the cursor of an earlier comparison that was
    /// interrupted.
    pub(super) async fn recognise(&self, begun: Option<Cursor>) -> Result<Option<Cursor>> {
        let here = self.collection.resident.read(versions).await?;
        if here.is_empty() {
            return Ok(begun.map(ended));
        }
        let mut cursor = begun.unwrap_or(Cursor {
            comparing: true,
            ..Cursor::default()
        });
        // Listed with tombstones: records that are here may have been deleted there.
        let mut listing = self.listing(self.target.list_versions(Some(cursor.reached.unwrap_or(0))));
        let (mut asked, mut has_field) = (false, false);
        let mut stranger = self.stranger().await?;
        let (mut is_same_so_far, mut timestamp) = (true, None);
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            let rows = listing.read(&response, &url)?;
            timestamp = answers::etag(&response);
            cursor.again = cursor.again.or(timestamp.map(|at| at.saturating_sub(LATE_MS)));
            // The members that are listed here do not tell a record with a field `deleted: true` from a deletion.
            if !asked && rows.iter().any(|row| answers::is_tombstone(row)) {
                (asked, has_field) = (true, self.has_records_with_field().await?);
            }
            for row in rows {
                is_same_so_far = is_same_so_far && is_same(&here, &mut cursor, row, has_field);
                stranger.iter_mut().for_each(|stranger| stranger.add(&here, row));
            }
            stranger = stranger.filter(|stranger| !stranger.is_known && cursor.since.is_none());
            if !is_same_so_far && stranger.is_none() {
                break;
            }
            if is_same_so_far && listing.has_more() {
                cursor.reached = listing.last();
                self.keep_cursor(&cursor).await?;
            }
        }
        match stranger {
            Some(stranger) if stranger.had_none(here.len()) => Err(Self::never_had(here.values().copied().max().unwrap_or(0), timestamp)),
            _ => Ok(Some(ended(cursor))),
        }
    }

    /// Whether a live record has a field `deleted: true`. Deletions do not interfere, because they are not listed without `_since`.
    async fn has_records_with_field(&self) -> Result<bool> {
        let request = self.target.list_with_field();
        let url = request.url.clone();
        let response = self.send(request).await?;
        let body = answers::accept(&response, &url)?;
        Ok(!answers::records(body, &url, response.status)?.is_empty())
    }

    /// `Some` if records may have been synced with another server: then this server may be a new one of the app that has none of them.
    async fn stranger(&self) -> Result<Option<Stranger>> {
        let name = self.cursor_name();
        let is_first = self.collection.resident.read(move |state| is_only_cursor(state, &name)).await?;
        Ok((!is_first && !self.is_repair).then(Stranger::default))
    }
}

/// Compares a server that was never read before with the records that were synced with another server.
#[derive(Default)]
struct Stranger {
    /// The server has a version that is here.
    is_known: bool,
    lives: bool,
    /// How many of the records here the server has, in any version.
    shared: usize,
}

impl Stranger {
    fn add(&mut self, here: &BTreeMap<RecordId, u64>, row: &str) {
        let Some((id, at)) = answers::version(row) else { return };
        let known = here.get(&id);
        self.is_known |= known == Some(&at);
        self.shared += usize::from(known.is_some());
        self.lives |= !answers::is_tombstone(row);
    }

    /// Whether the server is empty, or another device has only begun to upload to it the records that are here. A server that has only
    /// other records counts as a second server beside the first one.
    fn had_none(&self, here: usize) -> bool {
        !self.is_known && (!self.lives || self.shared > 0 && self.shared < here)
    }
}

/// The cursor that the pull begins with.
fn ended(cursor: Cursor) -> Cursor {
    Cursor {
        // Versions that appear late among the compared ones are read by the pull.
        again: cursor.since.map(|since| since.saturating_sub(LATE_MS)).min(cursor.again),
        reached: None,
        comparing: false,
        ..cursor
    }
}

fn versions(state: &State) -> BTreeMap<RecordId, u64> {
    let version = |(id, row): (&RecordId, &Row)| Some((id.clone(), row.last_modified.filter(|_| row.status == Status::Synced)?));
    let mut versions = BTreeMap::new();
    versions.extend(state.rows.iter().filter_map(version));
    versions
}

/// Whether the cursor may pass a listed row: the record is here in the same version, or the row is a deletion of a record that is not here.
fn is_same(here: &BTreeMap<RecordId, u64>, cursor: &mut Cursor, row: &str, has_field: bool) -> bool {
    let Some((id, at)) = answers::version(row) else { return true };
    let known = here.get(&id);
    match answers::is_tombstone(row) {
        true if known == Some(&at) && has_field => {
            cursor.since = Some(at);
            cursor.saw(&id, at);
        }
        true if known.is_some() || has_field => return false,
        true => {}
        false if known != Some(&at) => return false,
        false => {
            cursor.since = Some(at);
            cursor.saw(&id, at);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_begins_where_here_and_there_part() {
        type Case<'a> = (&'a [(&'a str, u64)], &'a [(&'a str, u64, bool)], Option<u64>, &'a str);
        let (live, gone) = (false, true);
        let cases: [Case<'_>; 8] = [
            (&[("a", 1), ("b", 2)], &[("a", 1, live), ("b", 2, live)], Some(2), "the whole dump"),
            (
                &[("a", 1), ("b", 2)],
                &[("a", 1, live), ("b", 2, live), ("c", 3, live)],
                Some(2),
                "one is new there",
            ),
            (&[("a", 1), ("b", 2)], &[("b", 2, live), ("a", 5, live)], Some(2), "one was edited there"),
            (
                &[("a", 1), ("c", 3)],
                &[("a", 1, live), ("b", 2, live), ("c", 3, live)],
                Some(1),
                "the dump is a part of it",
            ),
            (
                &[("b", 2), ("c", 3)],
                &[("a", 1, live), ("b", 2, live), ("c", 3, live)],
                None,
                "its oldest is missing",
            ),
            (
                &[("a", 1), ("b", 2), ("c", 4)],
                &[("a", 1, live), ("b", 3, gone), ("c", 4, live)],
                Some(1),
                "one was deleted there before the youngest",
            ),
            (
                &[("a", 1), ("c", 4)],
                &[("a", 1, live), ("b", 3, gone), ("c", 4, live)],
                Some(4),
                "what was deleted there is not here",
            ),
            (&[("a", 1)], &[("a", 2, live)], None, "another server"),
        ];
        for (here, there, since, what) in cases {
            let here = here.iter().map(|(id, at)| (RecordId::from_text(id), *at)).collect();
            let mut cursor = Cursor::default();
            let row = |(id, at, deleted): &(&str, u64, bool)| format!("{{\"id\":\"{id}\",\"last_modified\":{at},\"deleted\":{deleted}}}");
            there.iter().all(|one| is_same(&here, &mut cursor, &row(one), false));
            assert_eq!((cursor.since, cursor.witness.map(|(_, at)| at)), (since, since), "{what}");
        }
    }

    #[test]
    fn a_field_called_deleted_is_no_deletion() {
        let id = RecordId::from_text("a");
        let row = r#"{"id":"a","last_modified":5,"deleted":true}"#;
        for (known, has_field, same, since) in [
            (None, false, true, None),
            (None, true, false, None),
            (Some(5), true, true, Some(5)),
            (Some(4), true, false, None),
            (Some(4), false, false, None),
        ] {
            let (mut here, mut cursor) = (BTreeMap::new(), Cursor::default());
            here.extend(known.map(|at| (id.clone(), at)));
            assert_eq!(
                (is_same(&here, &mut cursor, row, has_field), cursor.since),
                (same, since),
                "{known:?} {has_field}"
            );
        }
    }
}
