//! Local changes to the server, batch by batch.
//!
//! What is about to be sent is noted before (`Sending`) and settled after, each in a commit of its own, so that a lost
//! answer is recognised when the record comes back. A record edited meanwhile stays dirty, on the version just written.

use super::collection::{error_entry, synced_json};
use super::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::answers::{self, PartAnswer};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::{self, Fate, Remote, Side};
use crate::pure::protocol::{Part, batch_length};
use crate::pure::record::{Body, RecordId, Row, Sent, Status, merge_bodies, read_record, same_content, split_local};
use crate::pure::report::{List, Report};
use crate::pure::state::present_content;
use std::collections::{BTreeSet, VecDeque};

/// One record on its way: as it was here, and what is sent of it.
#[derive(Clone, Debug)]
struct Outgoing {
    id: RecordId,
    row: Row,
    part: Part,
}

/// An answer, decoded.
enum Answer {
    Done(Remote),
    Deleted(Option<u64>),
    Missing(String),
    Overtaken(Option<Remote>),
    Refused(String),
}

impl<P: Platform> Session<'_, P> {
    /// Pushes everything that is dirty but not in conflict. Gives the versions that were written.
    pub(super) async fn push(&mut self) -> Result<BTreeSet<(RecordId, u64)>> {
        // A conflict that the client wins is sent again on the version that won before; it may lose again, but not for ever.
        const PASSES: usize = 3;
        let mut written = BTreeSet::new();
        let mut refused = BTreeSet::new();
        for pass in 0..PASSES {
            let mut queue = self.to_push(&refused).await?;
            if queue.is_empty() || pass > 0 && self.report.count(List::Resolved) == 0 {
                break;
            }
            while !queue.is_empty() {
                self.push_batch(&mut queue, &mut written, &mut refused).await?;
            }
        }
        Ok(written)
    }

    /// Ids to push, deletions first. Deletions of what never was on the server end here.
    async fn to_push(&self, refused: &BTreeSet<RecordId>) -> Result<VecDeque<RecordId>> {
        let conflicts = &self.conflicts;
        let (gone, mut dirty) = self
            .collection
            .resident
            .read(|state| {
                let dirty = state.rows.iter().filter(|(id, row)| row.is_dirty() && !conflicts.contains(*id) && !refused.contains(*id));
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
            self.collection.resident.commit(drop_tombstones).await?;
        }
        dirty.sort_by_key(|(_, row)| row.is_live());
        Ok(dirty.into_iter().map(|(id, _)| id).collect())
    }

    async fn push_batch(&mut self, queue: &mut VecDeque<RecordId>, written: &mut BTreeSet<(RecordId, u64)>, refused: &mut BTreeSet<RecordId>) -> Result<()> {
        let platform = &*self.collection.resident.platform;
        let max_requests = self.collection.servers.batch_max_requests(platform, &self.target, self.options.patience).await?;
        let ids: Vec<RecordId> = queue.drain(..queue.len().min(max_requests)).collect();
        let mut outgoing = self.prepare(ids, refused).await?;
        let length = batch_length(outgoing.iter().map(|one| &one.part), max_requests);
        for left in outgoing.drain(length.min(outgoing.len())..).rev() {
            queue.push_front(left.id);
        }
        let outgoing = self.note_sending(outgoing).await?;
        if outgoing.is_empty() {
            return Ok(());
        }
        let answers = match self.send_batch(&outgoing).await {
            Err(Error::Server { status: 413, .. }) => vec![too_large(); outgoing.len()],
            answers => answers?,
        };
        let answers = self.decode_answers(&outgoing, answers).await?;
        self.settle(outgoing, answers, written, refused).await
    }

    /// Encodes the records as they are now. One that cannot be encoded is an error of its own.
    async fn prepare(&mut self, ids: Vec<RecordId>, refused: &mut BTreeSet<RecordId>) -> Result<Vec<Outgoing>> {
        let rows: Vec<(RecordId, Row)> = self.collection.resident.read(|state| ids.iter().filter_map(|id| Some((id.clone(), state.rows.get(id)?.clone()))).collect()).await?;
        // Deleted since the queue was made: the next one ends it.
        let rows: Vec<_> = rows.into_iter().filter(|(_, row)| row.is_dirty() && !never_there(row)).collect();
        let encoded = self.collection.encode(&rows).await?;
        let mut outgoing = Vec::with_capacity(rows.len());
        for ((id, row), encoded) in rows.into_iter().zip(encoded) {
            match encoded.and_then(|text| self.part(&id, &row, &text)) {
                Ok(part) => outgoing.push(Outgoing { id, row, part }),
                Err(error) => {
                    let message = format!("\"message\":{}", json::quote(&error.to_string()));
                    let (list, json) = error_entry("outgoing", Some(&id), None, None, &message);
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
        let deletes = row.status == Status::Deleted && matches!(encoded.status, None | Some(Status::Deleted));
        match (deletes, row.last_modified) {
            (true, Some(version)) => Ok(self.target.delete(remote_id, version)),
            _ => Ok(self.target.put(remote_id, &Body::from(encoded.body), row.last_modified)),
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
        self.collection.resident.commit(commit).await
    }

    async fn send_batch(&self, outgoing: &[Outgoing]) -> Result<Vec<PartAnswer>> {
        let parts: Vec<Part> = outgoing.iter().map(|one| one.part.clone()).collect();
        let request = self.target.batch(&parts);
        let url = request.url.clone();
        let response = self.send(request).await?;
        answers::batch(answers::accept(&response, &url)?, &url, response.status, outgoing.len())
    }

    async fn decode_answers(&self, outgoing: &[Outgoing], answers: Vec<PartAnswer>) -> Result<Vec<Answer>> {
        let text = |answer: &PartAnswer| match answer {
            PartAnswer::Done(text) | PartAnswer::Overtaken(Some(text)) => Some(text.clone()),
            _ => None,
        };
        let mut decoded = self.collection.transformed(answers.iter().filter_map(text).collect(), false).await?.into_iter();
        let mut next = || decoded.next().unwrap_or_else(|| Err(Error::bug("a decoded answer is missing"))).and_then(|text| answers::read_remote(&text));
        let decode = |(one, answer): (&Outgoing, PartAnswer)| match answer {
            PartAnswer::Done(text) => {
                let remote = next();
                if one.part.data.is_none() {
                    return Answer::Deleted(answers::version(&text).map(|(_, at)| at));
                }
                remote.map_or_else(|error| Answer::Refused(format!("{{\"message\":{}}}", json::quote(&error.to_string()))), Answer::Done)
            }
            PartAnswer::Overtaken(Some(_)) => next().map_or_else(|error| Answer::Refused(format!("{{\"message\":{}}}", json::quote(&error.to_string()))), |remote| Answer::Overtaken(Some(remote))),
            PartAnswer::Overtaken(None) => Answer::Overtaken(None),
            PartAnswer::NotFound(body) => Answer::Missing(body),
            PartAnswer::Refused(body) => Answer::Refused(body),
        };
        Ok(outgoing.iter().zip(answers).map(decode).collect())
    }

    /// What the server said of one batch, in one commit.
    async fn settle(&mut self, outgoing: Vec<Outgoing>, answers: Vec<Answer>, written: &mut BTreeSet<(RecordId, u64)>, refused: &mut BTreeSet<RecordId>) -> Result<()> {
        let settle = Settle { strategy: self.options.strategy, local_fields: self.collection.local_fields.clone() };
        let commit = move |draft: &mut Draft| {
            let mut settled = Settled::default();
            for (one, answer) in outgoing.iter().zip(&answers) {
                settle.one(draft, one, answer, &mut settled);
            }
            Ok(settled)
        };
        let settled = self.collection.resident.commit(commit).await?;
        self.report.extend(settled.report);
        self.conflicts.extend(settled.conflicts);
        written.extend(settled.written);
        refused.extend(settled.refused);
        Ok(())
    }
}

/// Deleted here before the server knew it. Asked only after a complete pull, which would have shown what a lost answer hid.
fn never_there(row: &Row) -> bool {
    !row.is_live() && row.last_modified.is_none()
}

/// What a front server says of a body it will not take: an error of the records in it, and the rest goes on.
fn too_large() -> PartAnswer {
    PartAnswer::Refused("{\"code\":413,\"error\":\"Request Entity Too Large\",\"message\":\"The server does not take a request of this size. Make the record smaller.\"}".into())
}

#[derive(Default)]
struct Settled {
    report: Report,
    conflicts: Vec<RecordId>,
    written: Vec<(RecordId, u64)>,
    refused: Vec<RecordId>,
}

struct Settle {
    strategy: merge::Strategy,
    local_fields: std::rc::Rc<Vec<String>>,
}

impl Settle {
    fn one(&self, draft: &mut Draft, one: &Outgoing, answer: &Answer, settled: &mut Settled) {
        match answer {
            Answer::Done(remote) => self.written(draft, one, remote, settled),
            Answer::Deleted(version) => self.deleted(draft, one, *version, settled),
            Answer::Missing(body) if one.part.data.is_none() => {
                self.deleted_here(draft, one);
                settled.report.add(List::Skipped, format!("{{\"id\":{},\"path\":{},\"error\":{body}}}", one.id.as_json(), json::quote(&one.part.path)));
            }
            Answer::Overtaken(remote) => self.overtaken(draft, one, remote.as_ref(), settled),
            Answer::Missing(body) | Answer::Refused(body) => {
                let error = format!("\"error\":{body}");
                let (list, json) = error_entry("outgoing", Some(&one.id), Some(&one.part.path), one.part.data.as_deref(), &error);
                settled.report.add(list, json);
                settled.refused.push(one.id.clone());
            }
        }
    }

    fn written(&self, draft: &mut Draft, one: &Outgoing, remote: &Remote, settled: &mut Settled) {
        let version = remote.last_modified;
        settled.written.extend(version.map(|version| (remote.id.clone(), version)));
        let present = draft.row(&one.id);
        let (_, kept) = split_local(&present.as_ref().unwrap_or(&one.row).body, &self.local_fields);
        let row = Row::new(merge_bodies(&remote.body, &kept), Status::Synced, version);
        settled.report.add(List::Published, synced_json(&one.id, &row));
        // Removed here for good meanwhile (`clear()`): nothing to settle.
        let Some(present) = present else { return };
        match present.is_live() == one.row.is_live() && same_content(&present.body, &one.row.body, &self.local_fields) {
            true => draft.put(&one.id, row),
            false => draft.put(&one.id, merge::acknowledged(&present, version)),
        }
    }

    fn deleted(&self, draft: &mut Draft, one: &Outgoing, version: Option<u64>, settled: &mut Settled) {
        settled.written.extend(version.map(|version| (one.id.clone(), version)));
        settled.report.add(List::Published, format!("{{\"id\":{},\"deleted\":true}}", one.id.as_json()));
        self.deleted_here(draft, one);
    }

    /// The server does not have it; a record made again here meanwhile is new to it.
    fn deleted_here(&self, draft: &mut Draft, one: &Outgoing) {
        match draft.row(&one.id) {
            Some(row) if row.is_live() => draft.put(&one.id, merge::made_again(&row)),
            Some(_) => draft.remove(&one.id),
            None => {}
        }
    }

    fn overtaken(&self, draft: &mut Draft, one: &Outgoing, remote: Option<&Remote>, settled: &mut Settled) {
        let alive = remote.filter(|remote| !remote.deleted);
        match (&one.row.sent, present_content(&one.row), alive) {
            // The server has just what was sent: an earlier answer was lost, or somebody wrote the same.
            (_, Sent::Body(body), Some(remote)) if same_content(&body, &remote.body, &self.local_fields) => return self.written(draft, one, remote, settled),
            (_, Sent::Deletion, None) => {
                self.deleted_here(draft, one);
                return settled.report.add(List::Skipped, format!("{{\"id\":{},\"path\":{}}}", one.id.as_json(), json::quote(&one.part.path)));
            }
            // It has what was sent before that.
            (Some(Sent::Body(earlier)), _, Some(remote)) if same_content(earlier, &remote.body, &self.local_fields) => {
                if let Some(present) = draft.row(&one.id) {
                    draft.put(&one.id, merge::acknowledged(&present, remote.last_modified));
                }
                return;
            }
            _ => {}
        }
        let Some(present) = draft.row(&one.id) else { return };
        let outcome = merge::conflict(&present, remote, &one.id, self.strategy, Side::Outgoing, &self.local_fields);
        match outcome.fate {
            Fate::Keep => settled.conflicts.push(one.id.clone()),
            Fate::Put(row) => draft.put(&one.id, row),
            Fate::Remove => draft.remove(&one.id),
        }
        if let Some((list, json)) = outcome.entry {
            settled.report.add(list, json);
        }
    }
}
