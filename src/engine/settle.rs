//! Applies the server's answer to a push: what it does to the record that was sent and may have changed since.

use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::{self, Fate, Remote, Side};
use crate::pure::protocol::Part;
use crate::pure::record::{RecordId, Row, Sent, Status, merge_bodies, same_content, same_on_server, split_local};
use crate::pure::report::{List, Report};
use crate::pure::report::{error_entry, synced_json};
use crate::pure::state::present_content;
use std::rc::Rc;

/// A record that is being sent: as it was here, and the part of the request with it.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub id: RecordId,
    pub row: Row,
    pub part: Part,
}

/// The server's answer for one record, decoded.
pub(super) enum Answer {
    Done(Remote),
    Deleted(Option<u64>),
    Missing(String),
    Overtaken(Option<Remote>),
    Refused(String),
}

#[derive(Default)]
pub(super) struct Settled {
    pub report: Report,
    pub conflicts: Vec<RecordId>,
    pub written: Vec<(RecordId, u64)>,
    pub refused: Vec<RecordId>,
    /// Something has to be sent that could not be sent before.
    pub has_more: bool,
}

pub(super) struct Settle {
    pub strategy: merge::Strategy,
    pub local_fields: Rc<Vec<String>>,
}

impl Settle {
    pub fn all(&self, draft: &mut Draft, outgoing: &[Outgoing], answers: &[Answer]) -> Settled {
        let mut settled = Settled::default();
        for (one, answer) in outgoing.iter().zip(answers) {
            self.one(draft, one, answer, &mut settled);
        }
        settled
    }

    pub fn one(&self, draft: &mut Draft, one: &Outgoing, answer: &Answer, settled: &mut Settled) {
        match answer {
            Answer::Done(remote) => self.written(draft, one, remote, settled),
            Answer::Deleted(version) => self.deleted(draft, one, *version, settled),
            Answer::Missing(body) if one.part.data.is_none() => {
                self.deleted_here(draft, one, None);
                settled.report.add(
                    List::Skipped,
                    format!("{{\"id\":{},\"path\":{},\"error\":{body}}}", one.id.as_json(), json::quote(&one.part.path)),
                );
            }
            Answer::Overtaken(remote) => self.overtaken(draft, one, remote.as_ref(), settled),
            Answer::Refused(_) if one.row.is_lost_deletion() => self.deleted_here(draft, one, None),
            Answer::Missing(body) | Answer::Refused(body) => {
                let error = format!("\"error\":{body}");
                let (list, json) = error_entry("outgoing", Some(&one.id), Some(&one.part), &error);
                settled.report.add(list, json);
                settled.refused.push(one.id.clone());
            }
        }
    }

    fn written(&self, draft: &mut Draft, one: &Outgoing, remote: &Remote, settled: &mut Settled) {
        let version = remote.last_modified;
        // The server keeps the record, but it is deleted here: the app's transformers encode a deletion in this way.
        if remote.deleted {
            return self.deleted(draft, one, version, settled);
        }
        settled.written.extend(version.map(|version| (remote.id.clone(), version)));
        let present = draft.row(&one.id);
        if one.row.is_lost_deletion() {
            settled.has_more = true;
            return present
                .into_iter()
                .for_each(|present| draft.put(&one.id, merge::acknowledged(&present, Some(remote))));
        }
        let (_, kept) = split_local(&present.as_ref().unwrap_or(&one.row).body, &self.local_fields);
        let row = Row::new(merge_bodies(&remote.body, &kept), Status::Synced, version);
        settled.report.add(List::Published, synced_json(&one.id, &row));
        // Removed from this device meanwhile (`clear()`): there is nothing to acknowledge.
        let Some(present) = present else { return };
        match present.is_live() == one.row.is_live() && same_content(&present.body, &one.row.body, &self.local_fields) {
            true => draft.put(&one.id, row),
            false => draft.put(&one.id, merge::acknowledged(&present, Some(remote))),
        }
    }

    fn deleted(&self, draft: &mut Draft, one: &Outgoing, version: Option<u64>, settled: &mut Settled) {
        settled.written.extend(version.map(|version| (one.id.clone(), version)));
        settled.report.add(List::Published, format!("{{\"id\":{},\"deleted\":true}}", one.id.as_json()));
        self.deleted_here(draft, one, version);
    }

    /// The server does not have the record. If it was created again here meanwhile, it is new to the server.
    fn deleted_here(&self, draft: &mut Draft, one: &Outgoing, version: Option<u64>) {
        match draft.row(&one.id) {
            Some(row) if row.is_live() => draft.put(&one.id, merge::made_again(&row, version)),
            Some(_) => draft.remove(&one.id),
            None => {}
        }
    }

    fn overtaken(&self, draft: &mut Draft, one: &Outgoing, remote: Option<&Remote>, settled: &mut Settled) {
        let alive = remote.filter(|remote| !remote.deleted);
        match (&one.row.sent, present_content(&one.row), alive) {
            // The server has exactly what was sent: the answer to an earlier try was lost, or somebody else wrote the same.
            (_, Sent::Body(body), Some(remote)) if same_on_server(&body, &remote.body, &self.local_fields) => return self.written(draft, one, remote, settled),
            (_, Sent::Deletion, None) => {
                self.deleted_here(draft, one, None);
                return settled.report.add(
                    List::Skipped,
                    format!("{{\"id\":{},\"path\":{}}}", one.id.as_json(), json::quote(&one.part.path)),
                );
            }
            // The server has content that this device sent earlier (`sent`). The newer content is still to be sent.
            (Some(Sent::Body(earlier)), _, Some(remote)) if same_on_server(earlier, &remote.body, &self.local_fields) => {
                if let Some(present) = draft.row(&one.id) {
                    draft.put(&one.id, merge::acknowledged(&present, Some(remote)));
                }
                return;
            }
            // Another device has created the record again meanwhile. The next pull shows whether it has the content that was deleted here.
            (_, _, Some(_)) if one.row.is_lost_deletion() => return,
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
