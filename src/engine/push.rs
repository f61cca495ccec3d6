//! Pushes local changes to the server, batch by batch.
//!
//! Before a batch is sent, its records are noted as `Sending`; its answers are applied after it. Each is a commit of its own, so that a
//! write whose answer was lost is recognised when the record comes back. A record that was edited meanwhile stays dirty, based on the
//! version just written.
//!
//! Kinto refuses a whole batch because of one record that it cannot read or store (a lone surrogate; on PostgreSQL a NUL, which it always
//! answers with "503, retry later"). So a refused batch is halved until the rejected record is alone, and the others are sent.

use super::server::{COLLISION, Patience, collision_wait_ms};
use super::settle::{Answer, Outgoing, Settle};
use super::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{Clock, Platform};
use crate::pure::answers::{self, PartAnswer};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::protocol::{Part, batch_length};
use crate::pure::record::{Body, RecordId, Row, Status, invalid, is_bare_deletion, is_no_record, read_record};
use crate::pure::report::List;
use crate::pure::report::error_entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Progress of a push.
#[derive(Default)]
pub(super) struct Push {
    queue: VecDeque<RecordId>,
    /// The versions that the server gave to what was written.
    written: BTreeMap<RecordId, u64>,
    /// Records that are not sent again in this sync.
    refused: BTreeSet<RecordId>,
    /// How often the server undid a record, because another request collided with its batch.
    undone: BTreeMap<RecordId, u64>,
    isolation: Isolation,
    /// Something has to be sent that could not be sent before.
    has_more: bool,
}

/// The search for the record that makes the server refuse a batch.
#[derive(Default)]
struct Isolation {
    /// How many records the next batch may contain during the search.
    limit: Option<usize>,
    /// Whether the server accepted anything since the search began. If it accepts nothing at all, the cause is not a record.
    answered: bool,
    /// A record that was sent alone and that the server failed at, before it accepted anything.
    suspect: Option<(Outgoing, Error)>,
}

impl<P: Platform> Session<'_, P> {
    /// Pushes everything that is dirty and not in conflict. Returns the versions that were written.
    pub(super) async fn push(&mut self) -> Result<BTreeMap<RecordId, u64>> {
        // A conflict that `client_wins` resolves is sent again, based on the version that won. It may lose again, so the number of passes
        // is limited.
        const PASSES: usize = 3;
        let mut push = Push::default();
        for pass in 0..PASSES {
            push.queue = self.to_push(&push.refused).await?;
            if push.queue.is_empty() || pass > 0 && self.report.count(List::Resolved) == 0 && !push.has_more {
                break;
            }
            push.has_more = false;
            while !push.queue.is_empty() {
                self.push_batch(&mut push).await?;
            }
        }
        if let Some((_, error)) = push.isolation.suspect.take() {
            return Err(error);
        }
        Ok(push.written)
    }

    /// Ids to push, deletions first. Removes tombstones of records that the server never had.
    async fn to_push(&self, refused: &BTreeSet<RecordId>) -> Result<VecDeque<RecordId>> {
        let conflicts = &self.conflicts;
        let (gone, dirty) = self
            .collection
            .resident
            .read(|state| {
                let dirty = state
                    .rows
                    .iter()
                    .filter(|(id, row)| row.is_dirty() && !conflicts.contains(*id) && !refused.contains(*id));
                let (gone, dirty): (Vec<_>, Vec<_>) = dirty.map(|(id, row)| (id.clone(), row.clone())).partition(|(_, row)| never_there(row));
                (gone, dirty)
            })
            .await?;
        if !gone.is_empty() {
            let drop_tombstones = move |draft: &mut Draft| {
                for (id, row) in &gone {
                    if draft.row(id).as_ref() == Some(row) {
                        draft.remove(id);
                    }
                }
                Ok(())
            };
            self.commit(drop_tombstones).await?;
        }
        // Four groups, which is a stable sort: deletions, then other records; after these, in the same order, records that were rejected
        // before.
        let mut heaps: [Vec<RecordId>; 4] = Default::default();
        for (id, row) in dirty {
            heaps[2 * usize::from(self.is_known_culprit(&id, &row)) + usize::from(row.is_live())].push(id);
        }
        Ok(heaps.into_iter().flatten().collect())
    }

    async fn push_batch(&mut self, push: &mut Push) -> Result<()> {
        let platform = &*self.collection.resident.platform;
        let max_requests = match self.target.takes_batches() {
            true => {
                self.collection
                    .servers
                    .batch_max_requests(platform, &self.target, self.options.patience)
                    .await?
            }
            false => 1,
        };
        let max_requests = push.isolation.limit.unwrap_or(max_requests).min(max_requests);
        let ids: Vec<RecordId> = push.queue.drain(..push.queue.len().min(max_requests)).collect();
        let mut outgoing = self.prepare(ids, &mut push.refused).await?;
        let length = batch_length(outgoing.iter().map(|one| &one.part), max_requests);
        for left in outgoing.drain(length.min(outgoing.len())..).rev() {
            push.queue.push_front(left.id);
        }
        let outgoing = self.note_sending(outgoing).await?;
        if outgoing.is_empty() {
            return Ok(());
        }
        match self.send_batch(&outgoing, push.isolation.limit.is_some()).await {
            Err(error) => self.isolate(push, outgoing, error),
            Ok(answers) => self.take_answers(push, outgoing, answers).await,
        }
    }

    async fn take_answers(&mut self, push: &mut Push, outgoing: Vec<Outgoing>, answers: Vec<PartAnswer>) -> Result<()> {
        push.isolation.answered = true;
        push.isolation.limit = push.isolation.limit.map(|limit| limit * 2);
        if let Some((suspect, error)) = push.isolation.suspect.take() {
            self.refuse(push, &suspect, &error);
        }
        let platform = &*self.collection.resident.platform;
        let (mut done, mut taken) = (Vec::new(), Vec::new());
        let mut wait_ms = 0;
        for (one, answer) in outgoing.into_iter().zip(answers) {
            let again_ms = match answer {
                PartAnswer::Undone => collision_wait_ms(platform.rng(), push.undone.entry(one.id.clone()).or_default()),
                _ => None,
            };
            match again_ms {
                Some(again_ms) => {
                    wait_ms = wait_ms.max(again_ms);
                    push.queue.push_back(one.id);
                }
                None => {
                    done.push(one);
                    taken.push(answer);
                }
            }
        }
        let answers = self.decode_answers(&done, taken).await?;
        self.settle(push, done, answers).await?;
        if wait_ms > 0 {
            platform.clock().sleep_ms(wait_ms).await;
        }
        Ok(())
    }

    /// Handles the refusal of a whole batch: halves the batches until the rejected record is alone. Other errors end the sync.
    fn isolate(&mut self, push: &mut Push, outgoing: Vec<Outgoing>, error: Error) -> Result<()> {
        let Error::Server { status, .. } = error else { return Err(error) };
        match <[Outgoing; 1]>::try_from(outgoing) {
            Err(several) => {
                push.isolation.answered &= push.isolation.limit.is_some();
                push.isolation.limit = Some(several.len() / 2);
                for one in several.into_iter().rev() {
                    push.queue.push_front(one.id);
                }
            }
            // The server understood the request, or has answered for other records: this record is the cause.
            Ok([one]) if status < 500 && status != COLLISION || push.isolation.answered || self.is_known_culprit(&one.id, &one.row) => {
                push.isolation.limit = None;
                self.refuse(push, &one, &error);
            }
            // The cause may be this record or the server; the next record shows which.
            Ok([one]) if push.isolation.suspect.is_none() && !push.queue.is_empty() => {
                push.isolation.limit = Some(1);
                push.isolation.suspect = Some((one, error));
            }
            Ok(_) => return Err(error),
        }
        Ok(())
    }

    fn refuse(&mut self, push: &mut Push, one: &Outgoing, error: &Error) {
        let error = format!("\"error\":{}", error.briefly().to_json());
        let (list, json) = error_entry("outgoing", Some(&one.id), Some(&one.part), &error);
        self.report.add(list, json);
        push.refused.insert(one.id.clone());
        self.collection.resident.culprits.borrow_mut().insert(one.id.clone(), one.row.body.clone());
    }

    /// Whether the record was rejected in an earlier sync and not edited since. Without this, a rejected record that is the only one left
    /// to send could not be told from a server that is down.
    fn is_known_culprit(&self, id: &RecordId, row: &Row) -> bool {
        self.collection.resident.culprits.borrow().get(id) == Some(&row.body)
    }

    /// Encodes the records as they are now. A record that cannot be encoded is reported as an error, and the others are sent.
    async fn prepare(&mut self, ids: Vec<RecordId>, refused: &mut BTreeSet<RecordId>) -> Result<Vec<Outgoing>> {
        let rows: Vec<(RecordId, Row)> = self
            .collection
            .resident
            .read(|state| ids.iter().filter_map(|id| Some((id.clone(), state.rows.get(id)?.clone()))).collect())
            .await?;
        // Leaves out records that were deleted since the queue was made and that the server never had; `to_push` removes their tombstones
        // later.
        let rows: Vec<_> = rows.into_iter().filter(|(_, row)| row.is_dirty() && !never_there(row)).collect();
        let encoded = self.collection.encode(&rows).await?;
        let mut outgoing = Vec::with_capacity(rows.len());
        for ((id, row), encoded) in rows.into_iter().zip(encoded) {
            match encoded.and_then(|text| self.part(&id, &row, &text)) {
                Ok(part) => outgoing.push(Outgoing { id, row, part }),
                Err(error) => {
                    let message = format!("\"message\":{}", json::quote(&error.to_string()));
                    let (list, json) = error_entry("outgoing", Some(&id), None, &message);
                    self.report.add(list, json);
                    refused.insert(id);
                }
            }
        }
        Ok(outgoing)
    }

    /// The request for one record. A transformer may change the id, keep a deleted record (by its `_status`), or change nothing.
    fn part(&self, id: &RecordId, row: &Row, encoded: &str) -> Result<Part> {
        let encoded = read_record(encoded)?;
        let remote_id = encoded.id.as_ref().unwrap_or(id);
        if !remote_id.is_addressable() {
            // The server would store this id as a text, and the record would come back with another id.
            return Err(Error::InvalidId {
                message: format!("Invalid Id: {remote_id:?}. On a server ids are texts: a transformer has to make one of it, and to read it again."),
            });
        }
        let deletes = row.status == Status::Deleted && matches!(encoded.status, None | Some(Status::Deleted));
        // A record that is new here is new on the server, whatever `last_modified` the app gave it.
        let is_new = encoded.status.unwrap_or(row.status) == Status::Created;
        match (deletes, row.last_modified) {
            // Creates a record only to delete it. That leaves a tombstone for devices that do not know of the deletion.
            (true, None) => Ok(self.target.put(remote_id, &Body::from(""), None)),
            (true, Some(version)) => Ok(self.target.delete(remote_id, version)),
            _ if is_bare_deletion(&encoded.body) => Err(is_no_record()),
            (_, version) => Ok(self.target.put(remote_id, &Body::from(encoded.body), version.filter(|_| !is_new))),
        }
    }

    /// Notes records as `Sending`. Leaves out those that were edited since they were encoded: they are still dirty and are sent next time.
    async fn note_sending(&self, outgoing: Vec<Outgoing>) -> Result<Vec<Outgoing>> {
        if outgoing.is_empty() {
            return Ok(outgoing);
        }
        let commit = move |draft: &mut Draft| {
            let unchanged = |one: &&Outgoing| draft.row(&one.id).is_some_and(|row| row == one.row);
            let kept: Vec<Outgoing> = outgoing.iter().filter(unchanged).cloned().collect();
            for one in &kept {
                draft.sending(&one.id);
            }
            Ok(kept)
        };
        self.commit(commit).await
    }

    async fn send_batch(&self, outgoing: &[Outgoing], is_searching: bool) -> Result<Vec<PartAnswer>> {
        let parts: Vec<Part> = outgoing.iter().map(|one| one.part.clone()).collect();
        let request = match parts.as_slice() {
            [part] if !self.target.takes_batches() => self.target.single(part),
            parts => self.target.batch(parts),
        };
        let url = request.url.clone();
        // Without retries during the search: waiting at each of its steps would take minutes.
        let patience = Patience {
            retries: if is_searching { 0 } else { self.options.patience.retries },
            ..self.options.patience
        };
        let servers = &self.collection.servers;
        let response = servers
            .send(&*self.collection.resident.platform, &self.target.remote, request, patience)
            .await?;
        if !self.target.takes_batches() {
            return Ok(vec![answers::single(&response, &url)?]);
        }
        answers::batch(answers::accept(&response, &url)?, &url, response.status, outgoing.len())
    }

    async fn decode_answers(&self, outgoing: &[Outgoing], answers: Vec<PartAnswer>) -> Result<Vec<Answer>> {
        let text = |answer: &PartAnswer| match answer {
            PartAnswer::Done(text) | PartAnswer::Overtaken(Some(text)) => Some(text.clone()),
            _ => None,
        };
        let mut decoded = self.collection.transformed(answers.iter().filter_map(text).collect(), false).await?.into_iter();
        let mut next = |one: &Outgoing, answered: &str| {
            let text = decoded.next().unwrap_or_else(|| Err(Error::bug("a decoded answer is missing")))?;
            let (id, at) = answers::read_version(answered)?;
            if self.target.record_path(&id) != one.part.path {
                return Err(invalid("The server's answer is about another record.", "id"));
            }
            answers::read_decoded(&text, Some(at), answers::shown(answered))
        };
        let decode = |(one, answer): (&Outgoing, PartAnswer)| match answer {
            PartAnswer::Done(text) => {
                let remote = next(one, &text);
                let version = answers::version(&text);
                let is_other = |(id, _): &(RecordId, u64)| self.target.record_path(id) != one.part.path;
                if one.part.data.is_none() && !version.as_ref().is_some_and(is_other) {
                    return Answer::Deleted(version.map(|(_, at)| at));
                }
                remote.map_or_else(|error| Answer::Refused(error.to_json()), Answer::Done)
            }
            PartAnswer::Overtaken(Some(text)) => {
                next(one, &text).map_or_else(|error| Answer::Refused(error.to_json()), |remote| Answer::Overtaken(Some(remote)))
            }
            PartAnswer::Overtaken(None) => Answer::Overtaken(None),
            PartAnswer::NotFound(body) => Answer::Missing(body),
            PartAnswer::Undone => Answer::Refused("{\"code\":409,\"message\":\"Others write at the same moment; sync again.\"}".into()),
            PartAnswer::Refused(body) => Answer::Refused(body),
        };
        Ok(outgoing.iter().zip(answers).map(decode).collect())
    }

    /// Applies the server's answers to one batch, in one commit.
    async fn settle(&mut self, push: &mut Push, outgoing: Vec<Outgoing>, answers: Vec<Answer>) -> Result<()> {
        let settle = Settle {
            strategy: self.options.strategy,
            local_fields: self.collection.local_fields.clone(),
        };
        let settled = self.commit(move |draft| Ok(settle.all(draft, &outgoing, &answers))).await?;
        self.report.extend(settled.report);
        self.conflicts.extend(settled.conflicts);
        push.written.extend(settled.written);
        push.refused.extend(settled.refused);
        push.has_more |= settled.has_more;
        Ok(())
    }
}

/// Whether the record was created and deleted here and the server never had it. Asked only after a complete pull, which would have shown a
/// write whose answer was lost.
fn never_there(row: &Row) -> bool {
    !row.is_live() && row.last_modified.is_none() && !row.is_lost_deletion()
}
