//! The single steps of a sync, for an app that syncs by itself with its own HTTP client.
//!
//! The decisions are those of [`super::pull`] and [`super::settle`]. What the server said is passed as JSON text, decoded. `epoch` is that
//! of the sync which takes the step, if one does: nothing is written to a collection that was cleared since.

use super::collection::Collection;
use super::pull::take_over;
use super::settle::{Answer, Outgoing, Settle, Settled};
use super::sync::check_epoch;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::answers;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::Strategy;
use crate::pure::operations::{ADOPTED_CURSOR, CURSOR, LAST_MODIFIED};
use crate::pure::protocol::Part;
use crate::pure::record::{RecordId, Row, Status, invalid, read_record};
use crate::pure::report::{Report, error_entry};

impl<P: Platform> Collection<P> {
    /// Merges an array of records and tombstones of the server, as a pull does. Returns the lists of a `SyncResult`.
    pub async fn import_changes(&self, changes: &str, strategy: &str, epoch: Option<String>) -> Result<String> {
        let strategy = read_strategy(strategy)?;
        let changes = json::elements(changes).ok_or_else(|| invalid("Changes is not an array.", ""))?;
        let changes: Vec<_> = changes.map(|text| (text.to_owned(), answers::read_remote(text))).collect();
        let local_fields = self.local_fields.clone();
        let import = move |draft: &mut Draft| {
            check_epoch(draft, &epoch)?;
            let mut report = Report::default();
            for (text, change) in &changes {
                match change {
                    Ok(remote) => drop(take_over(draft, remote, strategy, &local_fields, |list, json| report.add(list, json))),
                    Err(error) => refuse(&mut report, "incoming", text, error),
                }
            }
            Ok(report.to_json())
        };
        self.resident.commit(import).await
    }

    /// Applies the server's answers to a push, an array of `{"answer", "id", "sent", "remote"}`. Returns the lists of a `SyncResult`.
    ///
    /// `answer` is `published`, `gone` (there is no such record) or `overtaken` (412); `sent` is the record as it was here when it was
    /// sent, `remote` the record as the server has it. Both may be null.
    pub async fn settle_answers(&self, answers: &str, strategy: &str, epoch: Option<String>) -> Result<String> {
        let settle = Settle {
            strategy: read_strategy(strategy)?,
            local_fields: self.local_fields.clone(),
        };
        let answers = json::elements(answers).ok_or_else(|| invalid("Answers is not an array.", ""))?;
        let answers = answers.map(|text| (text.to_owned(), Answered::read(text))).collect::<Vec<_>>();
        let commit = move |draft: &mut Draft| {
            check_epoch(draft, &epoch)?;
            let mut settled = Settled::default();
            for (text, answered) in &answers {
                match answered {
                    Ok(answered) => answered.settle(draft, &settle, &mut settled),
                    Err(error) => refuse(&mut settled.report, "outgoing", text, error),
                }
            }
            Ok(settled.report.to_json())
        };
        self.resident.commit(commit).await
    }

    /// Stores the app's statement that everything which the server had at `last_modified` is here: the next pull, from whatever remote,
    /// begins after it. With `None` the next pull begins from the start.
    pub async fn save_last_modified(&self, last_modified: Option<u64>, epoch: Option<String>) -> Result<()> {
        let last_modified = last_modified.filter(|ms| *ms <= json::MAX_SAFE_INTEGER);
        let save = move |draft: &mut Draft| {
            check_epoch(draft, &epoch)?;
            for name in draft.note_names().iter().filter(|name| name.starts_with(CURSOR)) {
                draft.set_note(name, None);
            }
            let since = last_modified.map(|since| format!("{{\"since\":{since},\"confirmed\":true}}"));
            draft.set_note(CURSOR, since);
            draft.set_note(LAST_MODIFIED, last_modified.map(|ms| ms.to_string()));
            Ok(())
        };
        self.resident.commit(save).await
    }

    /// Whether a pull that the app makes itself has to ask for everything, including deletions. That is so while the known timestamp is
    /// that of Kinto.js: changes older than it may be missing here (see `pure::adoption`).
    pub async fn reads_all(&self) -> Result<bool> {
        self.resident.read(|state| state.notes.contains_key(ADOPTED_CURSOR)).await
    }
}

/// Reports a record that cannot be processed. The others are still processed.
fn refuse(report: &mut Report, kind: &str, text: &str, error: &Error) {
    let message = format!("\"message\":{}", json::quote(&error.to_string()));
    let id = json::member(text, "id").and_then(|raw| RecordId::read(raw).ok());
    let (list, json) = error_entry(kind, id.as_ref(), None, &message);
    report.add(list, json);
}

/// An empty name is the default strategy.
fn read_strategy(name: &str) -> Result<Strategy> {
    if name.is_empty() {
        return Ok(Strategy::Manual);
    }
    Strategy::read(name).ok_or_else(|| Error::InvalidOption {
        message: format!("Unknown sync strategy: {name}"),
    })
}

/// The server's answer for one record.
struct Answered {
    id: RecordId,
    sent: Option<Row>,
    answer: Answer,
    is_gone: bool,
}

impl Answered {
    fn read(text: &str) -> Result<Self> {
        let part = |name: &str| json::member(text, name).filter(|raw| *raw != "null");
        let sent = part("sent").map(read_record).transpose()?.map(|record| {
            let status = record.status.unwrap_or(Status::Created);
            Row::new(record.body, status, record.last_modified)
        });
        let remote = part("remote").map(answers::read_remote).transpose()?;
        let answer = part("answer").and_then(json::string);
        let is_gone = answer.as_deref() == Some("gone");
        Ok(Answered {
            id: RecordId::read(part("id").unwrap_or_default())?,
            sent,
            answer: match (answer.as_deref(), remote) {
                (Some("overtaken"), remote) => Answer::Overtaken(remote),
                (Some("published"), Some(remote)) if !remote.deleted => Answer::Done(remote),
                (_, remote) => Answer::Deleted(remote.and_then(|remote| remote.last_modified)),
            },
            is_gone,
        })
    }

    fn settle(&self, draft: &mut Draft, settle: &Settle, settled: &mut Settled) {
        let here = draft.row(&self.id);
        if self.is_gone {
            // A record with unsynced changes is kept: a path that is not found on the server is no reason to delete it.
            if here.is_some_and(|row| !row.is_live() || !row.is_dirty()) {
                draft.remove(&self.id);
            }
            return;
        }
        let row = self.sent.clone().or(here).unwrap_or_else(|| Row::new("", Status::Deleted, None));
        let part = Part {
            method: "PUT",
            path: String::new(),
            condition: ("If-None-Match", "*".into()),
            data: row.is_live().then(|| format!("{{{}}}", row.body)),
        };
        let outgoing = Outgoing {
            id: self.id.clone(),
            row,
            part,
        };
        settle.one(draft, &outgoing, &self.answer, settled);
    }
}
