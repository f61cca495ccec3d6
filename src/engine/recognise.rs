//! A first pull where records are already, from a dump or another server: what this server has in just the same version
//! need not come again. Kinto.js downloads everything.
//!
//! To begin after the youngest of them without asking (what Kinto.js does once it has a timestamp) would be wrong: a dump may
//! be a part of the collection, and what it left out would never come. So the versions are compared first.

use super::listing::Listing;
use super::sync::Session;
use crate::error::Result;
use crate::ports::Platform;
use crate::pure::answers;
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
        let (mut there, mut listing) = (Vec::new(), Listing::default());
        let mut request = self.target.list_versions(None);
        loop {
            let url = request.url.clone();
            let response = self.send(request).await?;
            let (records, next) = listing.read(&response, &url)?;
            there.extend(records.into_iter().filter_map(answers::version));
            let Some(next) = next else { break };
            request = self.target.page(self.target.remote.next_page(next)?);
        }
        Ok(meeting_point(&here, &there))
    }
}

fn versions(state: &State) -> BTreeMap<RecordId, u64> {
    let version = |(id, row): (&RecordId, &Row)| Some((id.clone(), row.last_modified.filter(|_| row.status == Status::Synced)?));
    state.rows.iter().filter_map(version).collect()
}

/// `there` is oldest first, without tombstones. What is here but not there was deleted after its version, and that is still to
/// be told.
fn meeting_point(here: &BTreeMap<RecordId, u64>, there: &[(RecordId, u64)]) -> Option<Cursor> {
    let listed: BTreeSet<&RecordId> = there.iter().map(|(id, _)| id).collect();
    let first_gone = here.iter().filter(|(id, _)| !listed.contains(id)).map(|(_, at)| *at).min();
    let is_known = |(id, at): &&(RecordId, u64)| here.get(id) == Some(at) && first_gone.is_none_or(|gone| *at < gone);
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
        let cases: [(&[(&str, u64)], &[(&str, u64)], Option<u64>, &str); 7] = [
            (&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2)], Some(2), "the whole dump"),
            (&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2), ("c", 3)], Some(2), "one is new there"),
            (&[("a", 1), ("b", 2)], &[("b", 2), ("a", 5)], Some(2), "one was edited there"),
            (&[("a", 1), ("c", 3)], &[("a", 1), ("b", 2), ("c", 3)], Some(1), "the dump is a part of it"),
            (&[("b", 2), ("c", 3)], &[("a", 1), ("b", 2), ("c", 3)], None, "its oldest is missing"),
            (
                &[("a", 1), ("b", 2), ("c", 3)],
                &[("a", 1), ("c", 3)],
                Some(1),
                "one was deleted there, perhaps before the youngest",
            ),
            (&[("a", 1)], &[("a", 2)], None, "another server"),
        ];
        for (here, there, since, what) in cases {
            let there: Vec<_> = of(there);
            let cursor = meeting_point(&of(here), &there);
            assert_eq!(cursor.as_ref().and_then(|cursor| cursor.since), since, "{what}");
            assert_eq!(cursor.and_then(|cursor| cursor.witness).map(|(_, at)| at), since, "{what}");
        }
    }
}
