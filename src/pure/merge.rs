//! Merge of one remote change into one local record: the table of Kinto.js, with two more rules.
//!
//! A version that this device itself sent, and whose answer was lost, counts as that answer (see [`Sent`]). And the deletion of a record that
//! the server never acknowledged deletes on the server only the very content that was deleted here.

use super::json;
use super::record::{Body, RecordId, Row, Sent, Status, merge_bodies, same_content, same_on_server, split_local};
use super::report::List;

/// How conflicts are decided: the strategies of Kinto.js.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strategy {
    #[default]
    Manual,
    ClientWins,
    ServerWins,
    PullOnly,
}

impl Strategy {
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "manual" => Some(Strategy::Manual),
            "client_wins" => Some(Strategy::ClientWins),
            "server_wins" => Some(Strategy::ServerWins),
            "pull_only" => Some(Strategy::PullOnly),
            _ => None,
        }
    }
}

/// A record or a tombstone as the server has it, decoded by the app's transformers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub id: RecordId,
    pub body: Body,
    pub last_modified: Option<u64>,
    pub deleted: bool,
}

impl Remote {
    /// The record as the server would show it, as JSON.
    pub fn to_json(&self) -> String {
        let row = Row::new(self.body.clone(), Status::Synced, self.last_modified);
        let text = row.to_json(&self.id);
        text.strip_suffix(",\"_status\":\"synced\"}").map_or(text.clone(), |text| format!("{text}}}"))
    }

    fn as_synced(&self) -> Row {
        Row::new(self.body.clone(), Status::Synced, self.last_modified)
    }
}

/// What the merge does with the local row.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Keep,
    Put(Row),
    Remove,
}

/// The result of a merge: what to do with the local row, and the entry of the sync's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub fate: Fate,
    pub entry: Option<(List, String)>,
    /// The change has not been dealt with, so the next pull has to list it again.
    pub open: bool,
}

impl Outcome {
    pub(super) fn new(fate: Fate, list: List, json: String) -> Self {
        Outcome {
            fate,
            entry: Some((list, json)),
            open: list == List::Conflicts,
        }
    }

    fn silent(fate: Fate) -> Self {
        Outcome {
            fate,
            entry: None,
            open: false,
        }
    }
}

/// Where a conflict was found: in a pull, or in a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Incoming,
    Outgoing,
}

/// Merges one pulled change into the local row.
pub fn meet(local: Option<&Row>, remote: &Remote, strategy: Strategy, local_fields: &[String]) -> Outcome {
    let Some(local) = local else {
        return match remote.deleted {
            true => Outcome::new(Fate::Keep, List::Skipped, remote.to_json()),
            false => created(remote),
        };
    };
    if let Some(outcome) = settle_sent(local, remote, local_fields) {
        return outcome;
    }
    if local.is_dirty() && is_made_from(local, remote) {
        return Outcome::silent(Fate::Keep);
    }
    if strategy == Strategy::PullOnly {
        return overwrite(local, remote);
    }
    match local.status {
        Status::Synced => follow(local, remote, local_fields),
        Status::Deleted => meet_deletion(local, remote, local_fields),
        _ => meet_edit(local, remote, strategy, local_fields),
    }
}

/// Whether the local row was made on top of this very version. Then the server has nothing newer, and the local change stays under every
/// strategy.
fn is_made_from(local: &Row, remote: &Remote) -> bool {
    match remote.deleted {
        true => remote.last_modified.is_some() && remote.last_modified <= local.gone_at,
        false => local.last_modified.is_some() && local.last_modified == remote.last_modified,
    }
}

pub(super) fn created(remote: &Remote) -> Outcome {
    let row = remote.as_synced();
    let json = row.to_json(&remote.id);
    Outcome::new(Fate::Put(row), List::Created, json)
}

/// The remote record with the local fields of the row. A remote change without a version is not a server's record but a change that an app
/// imports itself: its members are merged over the local ones.
fn with_local_fields(local: &Row, remote: &Remote, local_fields: &[String]) -> Row {
    let body = match remote.last_modified {
        Some(_) => merge_bodies(&remote.body, &split_local(&local.body, local_fields).1),
        None => merge_bodies(&local.body, &remote.body),
    };
    Row::new(body, Status::Synced, remote.last_modified)
}

pub(super) fn overwrite(local: &Row, remote: &Remote) -> Outcome {
    if remote.deleted {
        return Outcome::new(Fate::Remove, List::Deleted, local.to_json(&remote.id));
    }
    let row = Row::new(merge_bodies(&local.body, &remote.body), Status::Synced, remote.last_modified);
    let entry = old_and_new(&remote.id, local, &row);
    Outcome::new(Fate::Put(row), List::Updated, entry)
}

pub(super) fn follow(local: &Row, remote: &Remote, local_fields: &[String]) -> Outcome {
    if remote.deleted {
        return Outcome::new(Fate::Remove, List::Deleted, local.to_json(&remote.id));
    }
    let row = with_local_fields(local, remote, local_fields);
    if same_content(&local.body, &remote.body, local_fields) {
        return match row == *local {
            true => Outcome::silent(Fate::Keep),
            false => Outcome::silent(Fate::Put(row)),
        };
    }
    let entry = old_and_new(&remote.id, local, &row);
    Outcome::new(Fate::Put(row), List::Updated, entry)
}

/// Acknowledges the local content if the remote version shows what was sent from here, and the answer to that request was lost.
fn settle_sent(local: &Row, remote: &Remote, local_fields: &[String]) -> Option<Outcome> {
    match (local.sent.as_ref()?, remote.deleted) {
        (Sent::Deletion, true) if local.status == Status::Deleted => Some(Outcome::new(Fate::Remove, List::Skipped, local.to_json(&remote.id))),
        (Sent::Deletion, true) => Some(Outcome::silent(Fate::Put(made_again(local, remote.last_modified)))),
        (Sent::Body(body), false) if same_on_server(body, &remote.body, local_fields) => {
            let still_ahead = local.status == Status::Deleted || !same_content(body, &local.body, local_fields);
            Some(match still_ahead {
                true => Outcome::silent(Fate::Put(acknowledged(local, Some(remote)))),
                false => now_synced(local, remote, local_fields),
            })
        }
        _ => None,
    }
}

/// The row after the server has stored the content that it was made on (`remote`). The local change is still to be sent.
pub fn acknowledged(local: &Row, remote: Option<&Remote>) -> Row {
    let status = if local.status == Status::Deleted { Status::Deleted } else { Status::Updated };
    let mut row = Row::new(local.body.clone(), status, remote.and_then(|remote| remote.last_modified));
    row.sent = remote.map(|remote| Sent::Body(remote.body.clone()));
    row
}

/// The row of a record that stays although the server has deleted it: it is new to the server. `gone_at` is the version of that deletion (ms).
/// If it is not known (a 412 does not say), every deletion counts that is listed before the record has been sent.
pub fn made_again(local: &Row, gone_at: Option<u64>) -> Row {
    let gone_at = gone_at.or(Some(u64::MAX)).max(local.gone_at);
    Row {
        gone_at,
        ..Row::new(local.body.clone(), Status::Updated, None)
    }
}

fn now_synced(local: &Row, remote: &Remote, local_fields: &[String]) -> Outcome {
    let row = with_local_fields(local, remote, local_fields);
    let entry = old_and_new(&remote.id, local, &row);
    Outcome::new(Fate::Put(row), List::Updated, entry)
}

fn meet_deletion(local: &Row, remote: &Remote, local_fields: &[String]) -> Outcome {
    let json = local.to_json(&remote.id);
    if remote.deleted {
        return Outcome::new(Fate::Remove, List::Skipped, json);
    }
    if local.last_modified.is_none() {
        // `push` uploads a record without members and deletes it again, in order to leave a tombstone. This is that record.
        let is_made_to_delete = local.is_lost_deletion() && remote.body.is_empty();
        return match is_made_to_delete || same_on_server(&local.body, &remote.body, local_fields) {
            true => Outcome::new(Fate::Put(acknowledged(local, Some(remote))), List::Skipped, json),
            false => created(remote),
        };
    }
    // The deletion is pushed with the version that it was made on, and conflicts with the newer one there. The outcome may be an older version
    // than this one (an earlier conflict that is resolved late), so the cursor must not pass this version yet.
    Outcome {
        open: true,
        ..Outcome::new(Fate::Keep, List::Skipped, json)
    }
}

pub(super) fn meet_edit(local: &Row, remote: &Remote, strategy: Strategy, local_fields: &[String]) -> Outcome {
    if !remote.deleted && same_on_server(&local.body, &remote.body, local_fields) {
        return now_synced(local, remote, local_fields);
    }
    conflict(local, Some(remote), &remote.id, strategy, Side::Incoming, local_fields)
}

/// A conflict, resolved as the strategy says. `remote` is `None` or a tombstone if the server has no such record.
pub fn conflict(local: &Row, remote: Option<&Remote>, id: &RecordId, strategy: Strategy, side: Side, local_fields: &[String]) -> Outcome {
    let alive = remote.filter(|remote| !remote.deleted);
    let remote_json = remote.map_or_else(|| "null".to_owned(), Remote::to_json);
    match strategy {
        Strategy::ClientWins => {
            // If the server has no record, the row has no version: If-Match with a tombstone's timestamp is always refused.
            let row = match alive {
                None if local.is_live() => made_again(local, remote.and_then(|remote| remote.last_modified)),
                _ => acknowledged(local, alive),
            };
            let json = resolved(id, &row.to_json(id), &remote_json, row.status.name());
            Outcome::new(
                if row.status == Status::Deleted && alive.is_none() {
                    Fate::Remove
                } else {
                    Fate::Put(row)
                },
                List::Resolved,
                json,
            )
        }
        Strategy::ServerWins => match alive {
            Some(remote) => {
                let row = with_local_fields(local, remote, local_fields);
                let json = resolved(id, &row.to_json(id), &local.to_json(id), "synced");
                Outcome::new(Fate::Put(row), List::Resolved, json)
            }
            None => Outcome::new(Fate::Remove, List::Resolved, resolved(id, &remote_json, &local.to_json(id), "synced")),
        },
        Strategy::Manual | Strategy::PullOnly => {
            let side = if side == Side::Incoming { "incoming" } else { "outgoing" };
            let json = format!("{{\"type\":\"{side}\",\"local\":{},\"remote\":{remote_json}}}", local.to_json(id));
            Outcome::new(Fate::Keep, List::Conflicts, json)
        }
    }
}

fn resolved(id: &RecordId, accepted: &str, rejected: &str, status: &str) -> String {
    format!(
        "{{\"accepted\":{accepted},\"rejected\":{rejected},\"id\":{},\"_status\":{}}}",
        id.as_json(),
        json::quote(status)
    )
}

fn old_and_new(id: &RecordId, old: &Row, new: &Row) -> String {
    format!("{{\"old\":{},\"new\":{}}}", old.to_json(id), new.to_json(id))
}
