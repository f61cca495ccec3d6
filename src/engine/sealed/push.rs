//! Pushes local changes as pages after the head. 201 means appended; after any other answer, the device reads what is at that position.
//!
//! A page is noted as pending before it is sent. A position is lost only to a page that was appended there, so some device always makes
//! progress. A device that lost the race merges the other page first, and then seals its changes again on the new head.

use super::Secrets;
use super::requests::{Found, Put};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::record::{RecordId, Row, Status, read_record};
use crate::pure::report::error_entry;
use crate::pure::sealed::chain::evidence;
use crate::pure::sealed::change::Change;
use crate::pure::sealed::home::REFUSED;
use crate::pure::sealed::item::{Content, page_id};
use crate::pure::sealed::meet::other_id;
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::run::read_ids;
use crate::pure::sealed::{RECORD_BYTES, group, known, pending};
use crate::pure::state::State;
use std::collections::BTreeSet;

/// A record that is being sent.
#[derive(Clone)]
struct Outgoing {
    row: Row,
    change: Change,
}

/// Progress of a push.
#[derive(Default)]
struct Push {
    /// Records that are not sent again in this sync.
    refused: BTreeSet<RecordId>,
    /// How often the push lost the race for a position.
    overtaken: usize,
    /// How often a position was taken, according to the server, where nothing was found.
    nothing_there: usize,
    /// `voids`: the number of positions after the head that were emptied before anybody read them. `past`: for a repair, the position up to
    /// which it passes over everything.
    voids: u64,
    past: Option<u64>,
}

impl Push {
    fn begin_after(&mut self, head: u64) {
        self.voids = self.past.unwrap_or(0).saturating_sub(head);
    }
}

enum Outcome {
    Appended,
    Overtaken,
    TooLarge,
}

impl<P: Platform> Session<'_, P> {
    /// `past`: a repair passes over positions up to this one, and over emptied ones. No other push skips a position that no page names and
    /// no snapshot covers: the server may only claim that it is empty, and a page after it would fork the chain for every device that knows
    /// the page there.
    pub(super) async fn push_journal(&mut self, secrets: &Secrets, past: Option<u64>) -> Result<()> {
        const PATIENCE: usize = 32;
        let mut push = Push { past, ..Push::default() };
        push.begin_after(self.home().await?.head.position);
        let mut limit = self.platform().sealed_limits().page_bytes;
        while push.overtaken < PATIENCE {
            let pages = self.next_pages(&mut push.refused, limit).await?;
            let mut outcome = Outcome::Appended;
            for page in pages {
                outcome = self.append_changes(secrets, &mut push, &page).await?;
                match outcome {
                    Outcome::Appended => continue,
                    // Cut to the size of its largest record, the page is still too large: the cause is that record, or what one `execute`
                    // wrote.
                    Outcome::TooLarge if page.iter().any(|one| one.change.bytes() >= limit) => {
                        page.iter().for_each(|one| self.refuse_change(&mut push, &one.change));
                        limit = self.platform().sealed_limits().page_bytes;
                    }
                    Outcome::TooLarge => limit = page.iter().map(|one| one.change.bytes()).sum::<usize>() / 2,
                    Outcome::Overtaken => push.overtaken += 1,
                }
                break;
            }
            if matches!(outcome, Outcome::Appended) {
                return Ok(());
            }
        }
        let error = "\"error\":{\"code\":409,\"message\":\"Others write at the same moment; sync again.\"}";
        let (list, json) = error_entry("outgoing", None, None, error);
        self.report.add(list, json);
        Ok(())
    }

    fn refuse_change(&mut self, push: &mut Push, change: &Change) {
        let error = "\"error\":{\"code\":413,\"message\":\"The server takes no request of this size.\"}";
        let (list, json) = error_entry("outgoing", Some(&change.id), None, error);
        self.report.add(list, json);
        push.refused.insert(change.id.clone());
    }

    /// The dirty records, encoded and divided into pages.
    async fn next_pages(&mut self, refused: &mut BTreeSet<RecordId>, limit: usize) -> Result<Vec<Vec<Outgoing>>> {
        self.drop_needless_tombstones().await?;
        let conflicts = &self.conflicts;
        let (rows, groups) = self
            .collection
            .resident
            .read(|state| {
                let groups: Vec<BTreeSet<RecordId>> = known::groups(state).into_iter().map(|(_, ids)| ids).collect();
                let held = held_back(state, &groups, conflicts);
                let rows: Vec<(RecordId, Row)> = state
                    .rows
                    .iter()
                    .filter(|(id, row)| is_to_push(row) && !held.contains(*id) && !refused.contains(*id))
                    .map(|(id, row)| (id.clone(), row.clone()))
                    .collect();
                (rows, groups)
            })
            .await?;
        let mut outgoing: Vec<Option<Outgoing>> = Vec::with_capacity(rows.len());
        let encoded = self.collection.encode(&rows).await?;
        for ((id, row), encoded) in rows.into_iter().zip(encoded) {
            match encoded.and_then(|text| read_change(&id, &row, &text)) {
                Ok(change) => outgoing.push(Some(Outgoing { row, change })),
                Err(error) => {
                    let message = format!("\"message\":{}", json::quote(&error.to_string()));
                    let (list, json) = error_entry("outgoing", Some(&id), None, &message);
                    self.report.add(list, json);
                    refused.insert(id);
                }
            }
        }
        let weighed: Vec<(&RecordId, usize)> = outgoing.iter().flatten().map(|one| (&one.change.id, one.change.bytes())).collect();
        let pages = group::pages(&weighed, &groups, limit);
        Ok(pages
            .into_iter()
            .map(|page| page.into_iter().filter_map(|index| outgoing[index].take()).collect())
            .collect())
    }

    /// Removes tombstones of records that were deleted here before the journal had them.
    ///
    /// Not while the answer to a page with the record is missing: a slow server, or one that hides the page, may show it later. And not if
    /// the server refused such a page: it may show the page later to devices, and these have to be told by the journal that the record is
    /// deleted.
    async fn drop_needless_tombstones(&self) -> Result<()> {
        let needless = |row: &Row| !row.is_live() && row.base.is_none();
        let read = |state: &State| -> Vec<(RecordId, Row)> {
            let known = known::Known::of(state);
            let on_its_way = |id: &RecordId| known.pending.iter().any(|pending| pending.records.iter().any(|(sent, _)| sent == id));
            let refused = read_ids(state.notes.get(REFUSED).map(String::as_str));
            let rows = state.rows.iter().filter(|(id, row)| needless(row) && !on_its_way(id) && !refused.contains(*id));
            rows.map(|(id, row)| (id.clone(), row.clone())).collect()
        };
        let gone = self.collection.resident.read(read).await?;
        if gone.is_empty() {
            return Ok(());
        }
        let remove = move |draft: &mut Draft| {
            for (id, row) in &gone {
                if draft.row(id).as_ref() == Some(row) {
                    draft.remove(id);
                }
            }
            Ok(())
        };
        self.commit(remove).await
    }

    async fn append_changes(&mut self, secrets: &Secrets, push: &mut Push, records: &[Outgoing]) -> Result<Outcome> {
        let versions = records.iter().map(|one| (one.change.id.clone(), pending::version(&one.row))).collect();
        let changes = records.iter().map(|one| one.change.clone()).collect();
        let before = self.home().await?.head;
        let (put, head) = self.append(secrets, Kind::Changes(changes), versions, push.voids).await?;
        match put {
            Put::Appended(_) => {
                push.voids = 0;
                Ok(Outcome::Appended)
            }
            Put::TooLarge => Ok(Outcome::TooLarge),
            Put::Look(status) => {
                self.look(secrets, push, head.position, status).await?;
                let head = self.home().await?.head;
                if head != before {
                    push.begin_after(head.position);
                }
                Ok(Outcome::Overtaken)
            }
        }
    }

    /// Handles an append that was not answered with 201: reads what is at the position, and merges it first.
    async fn look(&mut self, secrets: &Secrets, push: &mut Push, position: u64, status: u16) -> Result<()> {
        const TRIES: usize = 3;
        match self.get_item(&page_id(position)).await? {
            Found::Item(item) => {
                let is_void = item.content == Content::Emptied;
                let before = self.home().await?.head;
                self.pull_journal(secrets, Some(*item)).await?;
                match self.home().await?.head == before {
                    true if is_void && push.past.is_some() => push.voids += 1,
                    // There is a page of this name, but no listing shows that it follows.
                    true if is_void || push.nothing_there >= TRIES => return Err(omission(position)),
                    true => push.nothing_there += 1,
                    false => {}
                }
                Ok(())
            }
            Found::Nothing if push.nothing_there < TRIES || status == 409 => {
                push.nothing_there += 1;
                self.pull_journal(secrets, None).await
            }
            Found::Nothing => Err(omission(position)),
        }
    }
}

pub(super) fn omission(position: u64) -> Error {
    Error::Omission {
        evidence: evidence(position, None, None, None),
    }
}

/// Whether a record has to be pushed. Records that were imported as synced are not in the journal yet.
pub(super) fn is_to_push(row: &Row) -> bool {
    row.is_dirty() || row.base.is_none()
}

/// Records that are not pushed: those in conflict, and what one `execute` wrote together with them.
fn held_back(state: &State, groups: &[BTreeSet<RecordId>], conflicts: &BTreeSet<RecordId>) -> BTreeSet<RecordId> {
    let mut held: BTreeSet<RecordId> = conflicts.clone();
    held.extend(known::Known::of(state).open().map(|held| held.arrival.change.id.clone()));
    for whole in group::join(groups) {
        if !whole.is_disjoint(&held) {
            held.extend(whole);
        }
    }
    held
}

/// A transformer may keep a deleted record (by its `_status`), but it may not change the id.
fn read_change(id: &RecordId, row: &Row, encoded: &str) -> Result<Change> {
    let encoded = read_record(encoded)?;
    if encoded.id.as_ref().is_some_and(|other| other != id) {
        return Err(other_id());
    }
    let deletes = row.status == Status::Deleted && matches!(encoded.status, None | Some(Status::Deleted));
    let change = Change {
        id: id.clone(),
        text: (!deletes).then(|| encoded.body.into()),
    };
    match change.bytes() {
        bytes if bytes > RECORD_BYTES => Err(Error::Limit {
            id: id.display(),
            bytes,
            limit_bytes: RECORD_BYTES,
        }),
        _ => Ok(change),
    }
}
