//! Pulls what is new on the server, page by page. A page and the cursor after it are one commit, so that an interrupted pull resumes there.

use super::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{App, Clock, Platform, Response};
use crate::pure::answers::{self, Shown};
use crate::pure::cursor::Cursor;
use crate::pure::draft::Draft;
use crate::pure::hidden;
use crate::pure::json;
use crate::pure::listing::Listing;
use crate::pure::merge::{self, Fate, Remote};
use crate::pure::operations::{ADOPTED_CURSOR, CURSOR};
use crate::pure::record::{RecordId, Status};
use crate::pure::report::error_entry;
use crate::pure::report::{List, Report};
use crate::pure::state::State;
use crate::pure::walk::Walk;
use std::collections::{BTreeMap, BTreeSet};

/// A remote change as it was received, and decoded.
pub(super) struct Incoming {
    pub id: Option<RecordId>,
    /// Id and version as the server sent them, needed for changes that cannot be decoded.
    pub version: Option<(RecordId, u64)>,
    pub decoded: Result<Remote>,
}

impl<P: Platform> Session<'_, P> {
    pub(super) fn cursor_name(&self) -> String {
        format!("{CURSOR}{}", self.target.url())
    }

    async fn begin_walk(&self) -> Result<Walk> {
        let name = self.cursor_name();
        let look = |state: &State| {
            (
                state.notes.get(&name).map(|note| Cursor::read(note)),
                state.rows.values().any(|row| !row.is_dirty()),
            )
        };
        let (cursor, has_synced) = self.collection.resident.read(look).await?;
        let cursor = match cursor {
            Some(cursor) if !cursor.comparing => Some(cursor),
            begun => self.first_cursor(&name, begun).await?,
        };
        Ok(Walk::new(
            cursor.unwrap_or_default(),
            has_synced,
            self.collection.resident.platform.clock().now_ms(),
        ))
    }

    /// The cursor for a remote that was never read: the position that the app has stated, or the first difference between the server and
    /// the records here.
    async fn first_cursor(&self, name: &str, begun: Option<Cursor>) -> Result<Option<Cursor>> {
        let name = name.to_owned();
        let take_over = move |draft: &mut Draft| {
            let said = draft.note(CURSOR);
            if said.is_some() {
                draft.set_note(CURSOR, None);
                draft.set_note(&name, said.clone());
            }
            Ok(said)
        };
        match self.collection.resident.read(|state| state.notes.contains_key(CURSOR)).await? {
            true => Ok(self.commit(take_over).await?.map(|note| Cursor::read(&note))),
            false => {
                let cursor = self.adopted_or_recognised(begun).await?;
                if let Some(cursor) = &cursor {
                    self.keep_cursor(cursor).await?;
                }
                Ok(cursor)
            }
        }
    }

    /// The first remote that is read after a migration is the one that Kinto.js synced with, so the newest version seen is the one that
    /// Kinto.js knew.
    async fn adopted_or_recognised(&self, begun: Option<Cursor>) -> Result<Option<Cursor>> {
        let recognised = self.recognise(begun).await?;
        let look = |state: &State| state.notes.get(ADOPTED_CURSOR).map(|note| Cursor::read(note));
        let Some(adopted) = self.collection.resident.read(look).await? else {
            return Ok(recognised);
        };
        let (since, again) = match recognised.filter(|cursor| cursor.since.is_some()) {
            Some(cursor) => (cursor.since, cursor.again),
            None => (adopted.since, adopted.again),
        };
        Ok(Some(Cursor { since, again, ..adopted }))
    }

    pub(super) async fn pull(&mut self) -> Result<()> {
        if self.pull_listing().await? {
            // Changes that were left open before an earlier listing was interrupted are merged in this second listing. A failure is
            // ignored, because everything else has been pulled.
            match self.pull_listing().await {
                Err(error) if is_cut(&error) => {}
                done => drop(done?),
            }
        }
        Ok(())
    }

    /// Returns true if a change is still open that another sync has seen, before its listing was interrupted.
    async fn pull_listing(&mut self) -> Result<bool> {
        let mut walk = self.begin_walk().await?;
        let mut listing = self.listing(self.target.list(walk.since, walk.only_if_changed()));
        match self.pull_page(&mut walk, &mut listing).await {
            // Kinto refuses a `_since` of more than a day ahead of its clock. The clock may have been put right since, or a client may have
            // forced the version of a record.
            Err(Error::Server { status: 400, .. }) if walk.since > Some(0) => {
                walk.since = Some(0);
                listing = self.listing(self.target.list(walk.since, walk.only_if_changed()));
            }
            first => first?,
        }
        while listing.has_more() {
            self.pull_page(&mut walk, &mut listing).await?;
        }
        walk.is_cut = listing.is_cut;
        let leaves_open = walk.leaves_open();
        self.finish(walk).await?;
        Ok(leaves_open)
    }

    /// Moves the cursor past what was just pushed, if nothing else is new on the server. The price is a list of versions. (Kinto can
    /// exclude ids from a listing, but that would hide a change of another client to the same record. It cannot exclude timestamps.)
    pub(super) async fn pull_past(&mut self, written: &BTreeMap<RecordId, u64>) -> Result<()> {
        let mut walk = self.begin_walk().await?;
        let mut listing = self.listing(self.target.list_versions(walk.since));
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            if response.status == 400 {
                return self.pull().await;
            }
            self.note_timestamp(&mut walk, &response);
            let records = listing.read(&response, &url)?;
            let fresh: Vec<&str> = records.into_iter().filter(|text| walk.is_news(text)).collect();
            // A row without a version is no record; the pull has reported it.
            let fresh = self.not_here(&mut walk, fresh).await?.0;
            for text in fresh.into_iter().filter(|text| answers::version(text).is_some()) {
                let version = answers::version(text).filter(|(id, at)| written.get(id) == Some(at));
                if version.is_none() {
                    return self.pull().await;
                }
                walk.passed(version.as_ref(), false);
            }
            self.keep_progress(&mut walk, &listing).await?;
        }
        walk.is_cut = listing.is_cut;
        self.finish(walk).await
    }

    /// Notes the collection's timestamp. Hooks receive it as `lastModified`, from the first page on.
    fn note_timestamp(&mut self, walk: &mut Walk, response: &Response) {
        walk.note_timestamp(answers::etag(response));
        self.report.last_modified = walk.timestamp.or(self.report.last_modified);
    }

    async fn pull_page(&mut self, walk: &mut Walk, listing: &mut Listing) -> Result<()> {
        let Some((response, url)) = self.next_page(listing).await? else {
            return Ok(());
        };
        answers::accept(&response, &url)?;
        let asked_if_changed = walk.takes_unchanged();
        self.note_timestamp(walk, &response);
        if response.status == 304 {
            if !asked_if_changed {
                return Err(answers::unasked(url));
            }
            walk.unchanged = true;
            return Ok(());
        }
        let records = listing.read(&response, &url)?;
        let newest = records.iter().rev().find_map(|text| answers::version(text)).map(|(_, at)| at);
        let fresh: Vec<&str> = records.into_iter().filter(|text| walk.is_news(text)).collect();
        let (fresh, is_older) = self.not_here(walk, fresh).await?;
        let is_other = walk.start.made.is_some() && self.made.is_some() && walk.start.made != self.made;
        if walk.has_to_look(newest, !listing.has_more(), is_older, is_other) {
            self.look_for_losses(walk).await?;
        }
        if fresh.is_empty() {
            return self.keep_progress(walk, listing).await;
        }
        let incoming = self.decode(fresh).await?;
        walk.reached = listing.last();
        self.apply(walk, incoming).await
    }

    /// Drops records that are only listed again, so that the app's transformers and hooks do not see them: records that are here in this
    /// very version, or were removed on this device only; deletions that were merged before, or that delete nothing here. Also returns
    /// whether a record is shown in an older version than this server has shown before.
    async fn not_here<'r>(&self, walk: &mut Walk, records: Vec<&'r str>) -> Result<(Vec<&'r str>, bool)> {
        let versions: Vec<_> = records.iter().map(|text| answers::version(text)).collect();
        let is_here = |state: &State, hidden: &BTreeMap<RecordId, u64>, text: &str, version: &Option<(RecordId, u64)>| {
            let Some((id, at)) = version else { return false };
            let is_old = walk.is_old(version.as_ref());
            let is_deletion = answers::is_tombstone(text);
            match state.rows.get(id) {
                // A listing that begins without `_since` may be continued with it, and then shows tombstones too.
                None if is_deletion => is_old || walk.since.is_none(),
                // Only if the listing showed it before: a pull that begins anew, after `resetSyncStatus()`, brings everything back.
                None => is_old && hidden.get(id) == Some(at),
                Some(row) if is_deletion => is_old && (row.gone_at >= Some(*at) || row.is_new_here()),
                Some(row) => row.last_modified == Some(*at) && (row.status == Status::Synced || is_old),
            }
        };
        let seen_at = walk.start.witness.as_ref().map(|(_, at)| *at);
        let is_older = |state: &State, version: &Option<(RecordId, u64)>| {
            let known = version
                .as_ref()
                .and_then(|(id, _)| state.rows.get(id))
                .filter(|row| row.status != Status::Created);
            let (known, shown) = (known.and_then(|row| row.last_modified), version.as_ref().map(|(_, at)| *at));
            known > shown && known <= seen_at
        };
        let look = |state: &State| {
            let mut hidden = BTreeMap::new();
            hidden.extend(hidden::versions(state));
            let listed = records.iter().zip(&versions);
            let here: Vec<bool> = listed.map(|(text, version)| is_here(state, &hidden, text, version)).collect();
            (here, versions.iter().any(|version| is_older(state, version)))
        };
        let (here, is_older) = self.collection.resident.read(look).await?;
        for (version, _) in versions.iter().zip(&here).filter(|(_, here)| **here) {
            walk.passed(version.as_ref(), false);
        }
        let fresh = records.into_iter().zip(here).filter_map(|(text, here)| (!here).then_some(text));
        Ok((fresh.collect(), is_older))
    }

    async fn decode(&self, records: Vec<&str>) -> Result<Vec<Incoming>> {
        let mut incoming = Vec::with_capacity(records.len());
        let mut read = Vec::with_capacity(records.len());
        let mut texts = Vec::with_capacity(records.len());
        for text in records {
            match answers::read_version(text) {
                Ok(version) => {
                    read.push((version, answers::shown(text)));
                    texts.push(text.to_owned());
                }
                Err(error) => incoming.push(Incoming {
                    id: json::member(text, "id").and_then(|id| RecordId::read(id).ok()),
                    version: None,
                    decoded: Err(error),
                }),
            }
        }
        let decoded = self.collection.transformed(texts, false).await?;
        incoming.extend(read.into_iter().zip(decoded).map(|((version, shown), result)| Incoming {
            id: Some(version.0.clone()),
            decoded: result.and_then(|text| answers::read_decoded(&text, Some(version.1), shown)),
            version: Some(version),
        }));
        if self.collection.app.has_incoming_hook() {
            self.run_hook(&mut incoming).await?;
        }
        Ok(incoming)
    }

    /// Passes the decoded changes to the app's hook, whose answer replaces them.
    pub(super) async fn run_hook(&self, incoming: &mut Vec<Incoming>) -> Result<()> {
        let decoded = || incoming.iter().filter_map(|change| change.decoded.as_ref().ok());
        let changes: Vec<String> = decoded().map(Remote::to_json).collect();
        let mut known: BTreeMap<RecordId, (Option<u64>, Shown)> = BTreeMap::new();
        known.extend(decoded().map(|remote| {
            let has_field = !remote.deleted && answers::shown(&format!("{{{}}}", remote.body)) != Shown::Record;
            let shown = if has_field { Shown::WithField } else { Shown::Record };
            (remote.id.clone(), (remote.last_modified, shown))
        }));
        let last_modified = self.report.last_modified.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
        let answer = self
            .collection
            .app
            .incoming(format!("{{\"changes\":[{}],\"lastModified\":{last_modified}}}", changes.join(",")))
            .await?;
        let hooked = json::member(&answer, "changes").and_then(json::elements);
        let hooked = hooked.ok_or_else(|| Error::Callback {
            message: "The incoming-changes hook gave no \"changes\".".into(),
        })?;
        incoming.retain(|change| change.decoded.is_err());
        incoming.extend(hooked.map(|text| {
            let id = json::member(text, "id").and_then(|id| RecordId::read(id).ok());
            let (seen_at, shown) = id.as_ref().and_then(|id| known.get(id)).copied().unwrap_or((None, Shown::WithField));
            let version = answers::version(text).or(id.clone().zip(seen_at));
            let at = version.as_ref().map(|(_, at)| *at);
            let decoded = answers::read_decoded(text, at, shown);
            Incoming { id, version, decoded }
        }));
        Ok(())
    }

    /// Commits a page of changes together with the cursor after it.
    pub(super) async fn apply(&mut self, walk: &mut Walk, incoming: Vec<Incoming>) -> Result<()> {
        let (strategy, local_fields, name) = (self.options.strategy, self.collection.local_fields.clone(), self.cursor_name());
        let before = walk.clone();
        let commit = move |draft: &mut Draft| {
            let mut report = Report::default();
            let mut conflicts = BTreeSet::new();
            let mut walk = before.clone();
            for change in &incoming {
                let open = match &change.decoded {
                    Ok(remote) => {
                        let old = walk.is_old(change.version.as_ref());
                        take_over(draft, remote, strategy, &local_fields, |list, json| {
                            if list == List::Conflicts {
                                conflicts.insert(remote.id.clone());
                            }
                            if !(old && list == List::Skipped) {
                                report.add(list, json);
                            }
                        })
                    }
                    Err(error) => {
                        let message = format!("\"message\":{}", json::quote(&error.to_string()));
                        let (list, json) = error_entry("incoming", change.id.as_ref(), None, &message);
                        report.add(list, json);
                        if change.version.is_none() {
                            walk.refused();
                        }
                        true
                    }
                };
                walk.passed(change.version.as_ref(), open);
            }
            draft.set_note(&name, Some(walk.committed().to_json()));
            Ok((report, conflicts, walk))
        };
        let (report, conflicts, after) = self.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        *walk = after;
        Ok(())
    }

    /// Saves how far the listing was read after a page that changes nothing here, if more pages follow: an interrupted pull then resumes
    /// after it.
    async fn keep_progress(&self, walk: &mut Walk, listing: &Listing) -> Result<()> {
        walk.reached = listing.last();
        if !listing.has_more() {
            return Ok(());
        }
        self.keep_cursor(&walk.committed()).await
    }

    pub(super) async fn keep_cursor(&self, cursor: &Cursor) -> Result<()> {
        let (name, note) = (self.cursor_name(), cursor.to_json());
        let commit = move |draft: &mut Draft| {
            draft.set_note(&name, Some(note.clone()));
            Ok(())
        };
        self.commit(commit).await
    }

    async fn finish(&mut self, walk: Walk) -> Result<()> {
        let mut after = walk.finished(self.collection.resident.platform.clock().now_ms());
        after.made = self.made.clone().or(after.made);
        if after != walk.start {
            let name = self.cursor_name();
            let commit = move |draft: &mut Draft| {
                draft.set_note(&name, Some(after.to_json()));
                hidden::forget(draft, &after);
                draft.set_note(ADOPTED_CURSOR, None);
                Ok(())
            };
            self.commit(commit).await?;
        }
        Ok(())
    }
}

/// The connection failed, or the server did.
fn is_cut(error: &Error) -> bool {
    matches!(error, Error::Network { .. } | Error::Timeout { .. } | Error::Server { status: 500.., .. })
}

/// Merges one remote change. Returns true if the change is left open.
pub(super) fn take_over(draft: &mut Draft, remote: &Remote, strategy: merge::Strategy, local_fields: &[String], mut tell: impl FnMut(List, String)) -> bool {
    let local = draft.row(&remote.id);
    let outcome = merge::meet(local.as_ref(), remote, strategy, local_fields);
    match outcome.fate {
        Fate::Keep => {}
        Fate::Put(row) => draft.put(&remote.id, row),
        Fate::Remove => draft.remove(&remote.id),
    }
    if let Some((list, json)) = outcome.entry {
        tell(list, json);
    }
    outcome.open
}
