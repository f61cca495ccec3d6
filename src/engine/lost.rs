//! Servers that lost data: finds out what happened to a server, and repairs a plain collection. The decisions are in [`crate::pure::lost`].

use super::pull::Incoming;
use super::sync::Session;
use crate::error::{Error, Found, Result};
use crate::ports::{App, Platform};
use crate::pure::answers;
use crate::pure::cursor::Cursor;
use crate::pure::draft::Draft;
use crate::pure::lost::{self, There};
use crate::pure::merge::Remote;
use crate::pure::operations::CURSOR;
use crate::pure::record::{RecordId, Status};
use crate::pure::report::List;
use crate::pure::state::State;
use crate::pure::walk::Walk;

impl<P: Platform> Session<'_, P> {
    /// Lists all versions that the server has. The metadata are requested after the listing: a collection that replaced the known one
    /// meanwhile is then not taken for the known one.
    async fn list_there(&mut self) -> Result<There> {
        let mut there = There::default();
        there.ids_are_mapped = self.collection.app.has_transformers();
        let mut listing = self.listing(self.target.list_versions(Some(0)));
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            for row in listing.read(&response, &url)? {
                if let Some((id, at)) = answers::version(row) {
                    there.add(id, at, row);
                }
            }
            there.timestamp = there.timestamp.max(answers::etag(&response));
        }
        self.pull_metadata().await?;
        there.made = self.made.clone();
        Ok(there)
    }

    /// Lists everything that the server has, because it did not show what it should. Deletes here what was deleted there. Records that may
    /// have been lost stay here and are reported as conflicts.
    pub(super) async fn look_for_losses(&mut self, walk: &mut Walk) -> Result<()> {
        let there = self.list_there().await?;
        let (cursor, name) = (walk.start.clone(), self.cursor_name());
        let judge = |state: &State| lost::judge(state, &cursor, &there, is_only_cursor(state, &name));
        let judged = self.collection.resident.read(judge).await?;
        if let Some(found) = judged.found {
            return Err(Error::ServerFlushed {
                client_timestamp: cursor.witness.map_or(0, |(_, at)| at),
                server_timestamp: there.timestamp.unwrap_or(0),
                found,
            });
        }
        match judged.unsure.is_empty() {
            true => walk.take_witness(there.newest()),
            false => walk.keep_witness(),
        }
        let unsure = |state: &State| {
            let rows = judged.unsure.iter().filter_map(|id| Some((id.clone(), state.rows.get(id)?)));
            let synced = rows.filter(|(_, row)| row.status == Status::Synced);
            let conflict = |row: String| format!("{{\"type\":\"incoming\",\"local\":{row},\"remote\":null}}");
            synced.map(|(id, row)| (conflict(row.to_json(&id)), id)).collect::<Vec<_>>()
        };
        for (conflict, id) in self.collection.resident.read(unsure).await? {
            self.report.add(List::Conflicts, conflict);
            self.conflicts.insert(id);
        }
        self.take_over_deletions(walk, &judged.gone).await
    }

    async fn take_over_deletions(&mut self, walk: &mut Walk, gone: &[RecordId]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        let deletion = |id: &RecordId| Incoming {
            id: Some(id.clone()),
            version: None,
            decoded: Ok(Remote {
                id: id.clone(),
                body: "\"deleted\":true".into(),
                last_modified: None,
                deleted: true,
            }),
        };
        let mut incoming = gone.iter().map(deletion).collect();
        if self.collection.app.has_incoming_hook() {
            self.run_hook(&mut incoming).await?;
        }
        self.apply(walk, incoming).await
    }

    /// Brings a plain collection and its server together again, when the user asks for it: uploads what the server has lost. Records that
    /// were deleted here or there stay deleted.
    pub(super) async fn repair_plain(&mut self) -> Result<()> {
        let there = self.list_there().await?;
        let name = self.cursor_name();
        let judge = |state: &State| {
            let cursor = state.notes.get(&name).map(|note| Cursor::read(note)).filter(|cursor| !cursor.comparing);
            let judged = cursor.as_ref().map(|cursor| lost::judge(state, cursor, &there, is_only_cursor(state, &name)));
            cursor.zip(judged)
        };
        let judged = self.collection.resident.read(judge).await?;
        self.is_repair = true;
        let is_first = judged.is_none();
        if let Some((cursor, judged)) = judged {
            if judged.found.is_none() {
                return self.run_plain().await;
            }
            self.take_over_deletions(&mut Walk::new(cursor, true, 0), &judged.gone).await?;
        }
        let prepare = move |draft: &mut Draft| {
            lost::prepare(draft, &name, &there, is_first);
            Ok(())
        };
        self.commit(prepare).await?;
        self.run_plain().await
    }

    /// The error for records that were synced with another server, when this server was never read before and has none of them.
    pub(super) fn never_had(client_timestamp: u64, server_timestamp: Option<u64>) -> Error {
        Error::ServerFlushed {
            client_timestamp,
            server_timestamp: server_timestamp.unwrap_or(0),
            found: Found::Another,
        }
    }
}

/// Whether no server other than that of the cursor note `name` was ever read.
pub(super) fn is_only_cursor(state: &State, name: &str) -> bool {
    let is_other = |note: &&String| note.starts_with(CURSOR) && note.as_str() != name && note.contains("://");
    !state.notes.keys().any(|note| is_other(&note))
}
