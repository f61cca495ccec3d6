//! A first pull where records are already, from a dump or another server: what this server has in just the same version
//! need not come again. Kinto.js downloads everything.
//!
//! To begin after the youngest of them without asking (what Kinto.js does once it has a timestamp) would be wrong: a dump may
//! be a part of the collection, and what it left out would never come. So the versions are compared first.

use super::sync::Session;
use crate::error::Result;
use crate::ports::Platform;
use crate::pure::cursor::Cursor;
use crate::pure::record::{RecordId, Row, Status};
use crate::pure::state::State;
use std::collections::{BTreeMap, BTreeSet};

impl<P: Platform> Session<'_, P> {
    /// Up to where all that the server has is here: the price is a list of versions, a tenth of the records.
    pub(super) async fn recognise(&self) -> Result<Option<Cursor>> {
        let here = self.collection.resident.read(versions).await?;
        if here.is_empty() {
            return Ok(None);
        }
        let there = self.list_all(self.target.list_versions(None)).await?;
        // Not collected: that would bring another sort into the module.
        let mut listed = BTreeSet::new();
        listed.extend(there.iter().map(|(id, _)| id.clone()));
        // What is not listed was deleted there, at a time that only the list with tombstones tells.
        let gone_at = match here.keys().all(|id| listed.contains(id)) {
            true => None,
            false => {
                let with_tombstones = self.list_all(self.target.list_ids()).await?;
                let is_gone = |(id, _): &&(RecordId, u64)| here.contains_key(id) && !listed.contains(id);
                with_tombstones.iter().filter(is_gone).map(|(_, at)| *at).min()
            }
        };
        Ok(meeting_point(&here, &there, gone_at))
    }
}

fn versions(state: &State) -> BTreeMap<RecordId, u64> {
    let version = |(id, row): (&RecordId, &Row)| Some((id.clone(), row.last_modified.filter(|_| row.status == Status::Synced)?));
    let mut versions = BTreeMap::new();
    versions.extend(state.rows.iter().filter_map(version));
    versions
}

/// `there` is oldest first, without tombstones; `gone_at` is the first deletion that is still to be told here.
fn meeting_point(here: &BTreeMap<RecordId, u64>, there: &[(RecordId, u64)], gone_at: Option<u64>) -> Option<Cursor> {
    let is_known = |(id, at): &&(RecordId, u64)| here.get(id) == Some(at) && gone_at.is_none_or(|gone| *at < gone);
    let (id, at) = there.iter().take_while(is_known).last()?;
    let mut cursor = Cursor {
        since: Some(*at),
        ..Cursor::default()
    };
    cursor.saw(id, *at);
    Some(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: FromIterator<(RecordId, u64)>>(versions: &[(&str, u64)]) -> T {
        versions.iter().map(|(id, at)| (RecordId::from_text(id), *at)).collect()
    }

    #[test]
    fn a_pull_begins_where_here_and_there_part() {
        type Case<'a> = (&'a [(&'a str, u64)], &'a [(&'a str, u64)], Option<u64>, Option<u64>, &'a str);
        let cases: [Case<'_>; 8] = [
            (&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2)], None, Some(2), "the whole dump"),
            (&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2), ("c", 3)], None, Some(2), "one is new there"),
            (&[("a", 1), ("b", 2)], &[("b", 2), ("a", 5)], None, Some(2), "one was edited there"),
            (
                &[("a", 1), ("c", 3)],
                &[("a", 1), ("b", 2), ("c", 3)],
                None,
                Some(1),
                "the dump is a part of it",
            ),
            (&[("b", 2), ("c", 3)], &[("a", 1), ("b", 2), ("c", 3)], None, None, "its oldest is missing"),
            (
                &[("a", 1), ("b", 2), ("c", 4)],
                &[("a", 1), ("c", 4)],
                Some(3),
                Some(1),
                "one was deleted there before the youngest",
            ),
            (&[("a", 1), ("b", 2), ("c", 4)], &[("a", 1), ("c", 4)], Some(5), Some(4), "and after it"),
            (&[("a", 1)], &[("a", 2)], None, None, "another server"),
        ];
        for (here, there, gone_at, since, what) in cases {
            let there: Vec<_> = of(there);
            let cursor = meeting_point(&of(here), &there, gone_at);
            assert_eq!(cursor.as_ref().and_then(|cursor| cursor.since), since, "{what}");
            assert_eq!(cursor.and_then(|cursor| cursor.witness).map(|(_, at)| at), since, "{what}");
        }
    }
}
