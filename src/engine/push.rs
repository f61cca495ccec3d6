//! Local changes to the server, batch by batch.
//!
//! What is about to be sent is noted before (`Sending`) and settled after, each in a commit of its own, so that a lost
//! answer is recognised when the record comes back. A record edited meanwhile stays dirty, on the version just written.
//!
//! Kinto refuses a whole batch for one record that it cannot read or store (a lone surrogate; on PostgreSQL a NUL, as
//! "503, retry later" for ever). So a refused batch is cut in halves until the culprit stands alone, and the rest goes on.

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

/// How far a push has come.
#[derive(Default)]
pub(super) struct Push {
    queue: VecDeque<RecordId>,
    /// The versions that the server gave.
    written: BTreeMap<RecordId, u64>,
    /// Not again in this sync.
    refused: BTreeSet<RecordId>,
    /// How often a record was undone by somebody else's conflict.
    undone: BTreeMap<RecordId, u64>,
    isolation: Isolation,
    /// Something is to be sent that could not be before.
    has_more: bool,
}

/// The search for the record that makes the server refuse a batch.
#[derive(Default)]
struct Isolation {
    /// How many records go into the next batch, while searching.
    limit: Option<usize>,
    /// Whether the server took anything since the search began: if it takes nothing at all, it is not about a record.
    answered: bool,
    /// A record alone at which the server failed, before it answered anything.
    suspect: Option<(Outgoing, Error)>,
}

impl<P: Platform> Session<'_, P> {
    /// Pushes everything that is dirty but not in conflict. Gives the versions that were written.
    pub(super) async fn push(&mut self) -> Result<BTreeMap<RecordId, u64>> {
        // A conflict that the client wins is sent again on the version that won before; it may lose again, but not for ever.
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

    /// Ids to push, deletions first. Deletions of what never was on the server end here.
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
        // In four heaps, which is a stable sort.
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

    /// The server refused a whole batch: smaller ones, until the culprit is alone. Other errors end the sync.
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
            // The server understood the request, or has answered others: it is about this record.
            Ok([one]) if status < 500 && status != COLLISION || push.isolation.answered || self.is_known_culprit(&one.id, &one.row) => {
                push.isolation.limit = None;
                self.refuse(push, &one, &error);
            }
            // It may be about this record, or about the server: the next one tells.
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

    /// Found out in an earlier sync, and not edited since: when it is the only one left to send, nothing else would tell it from a server that is down.
    fn is_known_culprit(&self, id: &RecordId, row: &Row) -> bool {
        self.collection.resident.culprits.borrow().get(id) == Some(&row.body)
    }

    /// Encodes the records as they are now. One that cannot be encoded is an error of its own.
    async fn prepare(&mut self, ids: Vec<RecordId>, refused: &mut BTreeSet<RecordId>) -> Result<Vec<Outgoing>> {
        let rows: Vec<(RecordId, Row)> = self
            .collection
            .resident
            .read(|state| ids.iter().filter_map(|id| Some((id.clone(), state.rows.get(id)?.clone()))).collect())
            .await?;
        // Deleted since the queue was made: the next one ends it.
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

    /// A transformer may give another id, keep a deleted record (by its `_status`), or leave all as it is.
    fn part(&self, id: &RecordId, row: &Row, encoded: &str) -> Result<Part> {
        let encoded = read_record(encoded)?;
        let remote_id = encoded.id.as_ref().unwrap_or(id);
        if !remote_id.is_addressable() {
            // It would be stored as a text, and come back as another record.
            return Err(Error::InvalidId {
                message: format!("Invalid Id: {remote_id:?}. On a server ids are texts: a transformer has to make one of it, and to read it again."),
            });
        }
        let deletes = row.status == Status::Deleted && matches!(encoded.status, None | Some(Status::Deleted));
        // A record that is new here is new there, whatever `last_modified` the app gave it.
        let is_new = encoded.status.unwrap_or(row.status) == Status::Created;
        match (deletes, row.last_modified) {
            // Made only to be deleted, which leaves a tombstone for the devices that do not know of the deletion.
            (true, None) => Ok(self.target.put(remote_id, &Body::from(""), None)),
            (true, Some(version)) => Ok(self.target.delete(remote_id, version)),
            _ if is_bare_deletion(&encoded.body) => Err(is_no_record()),
            (_, version) => Ok(self.target.put(remote_id, &Body::from(encoded.body), version.filter(|_| !is_new))),
        }
    }

    /// Leaves out what was edited since it was encoded: it is dirty still, and goes next time.
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
        // Waiting at each step of the search would make it last for minutes.
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

    /// What the server said of one batch, in one commit.
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

/// Deleted here before the server knew it. Asked only after a complete pull, which would have shown what a lost answer hid.
fn never_there(row: &Row) -> bool {
    !row.is_live() && row.last_modified.is_none() && !row.is_lost_deletion()
}
