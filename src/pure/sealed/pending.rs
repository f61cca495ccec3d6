//! Pending pages: pages that were sealed here and may have reached the server, although no answer came.
//!
//! A pending page is kept until the head has passed its position. When the chain shows its hash there, that acknowledges it, **before** any
//! record of the page is merged: otherwise the device would find its own older edit in conflict with its newer one.

use super::held::{self, Held};
use super::home::Head;
use super::meet::Arrivals;
use super::rule::Rule;
use super::seal::Hash;
use crate::pure::crypto::encoding;
use crate::pure::crypto::hash::sha256;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::record::{Base, RecordId, Row, Status};

/// A pending page.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub position: u64,
    pub hash: Hash,
    /// The records in the page, and which version of each was sealed.
    pub records: Vec<(RecordId, Version)>,
}

/// Identifies one local content of a record. A record that was edited since the page was sealed stays dirty.
pub type Version = String;

/// `-` for a deletion, `+` and 96 bits of a hash for a content. They only have to tell a device's own edits of one record apart.
pub fn version(row: &Row) -> Version {
    match row.is_live() {
        true => format!("+{}", encoding::base64url(&sha256(row.body.as_bytes())[..12])),
        false => DELETION.to_owned(),
    }
}

const DELETION: &str = "-";

const NOTE: &str = "pending ";

impl Pending {
    pub fn is_at(&self, head: &Head) -> bool {
        (self.position, self.hash) == (head.position, head.hash)
    }

    pub fn has(&self, id: &RecordId) -> bool {
        self.records.iter().any(|(known, _)| known == id)
    }

    /// The records that this page deletes.
    pub fn deletions(&self) -> impl Iterator<Item = &RecordId> {
        self.records.iter().filter(|(_, version)| version == DELETION).map(|(id, _)| id)
    }

    pub fn note_name(&self) -> String {
        format!("{NOTE}{}", self.hash.to_text())
    }

    pub fn to_json(&self) -> String {
        let records: Vec<String> = self.records.iter().map(|(id, version)| format!("[{},\"{version}\"]", id.as_json())).collect();
        format!("{{\"position\":{},\"records\":[{}]}}", self.position, records.join(","))
    }

    fn read(name: &str, note: &str) -> Option<Self> {
        let records = json::elements(json::member(note, "records")?)?.map(|entry| {
            let mut parts = json::elements(entry)?;
            Some((RecordId::read(parts.next()?).ok()?, json::string(parts.next()?)?.into_owned()))
        });
        Some(Pending {
            position: json::number(json::member(note, "position")?)? as u64,
            hash: Hash::read(name.strip_prefix(NOTE)?)?,
            records: records.collect::<Option<_>>()?,
        })
    }

    /// Acknowledges the page, at the time `t` of the page (ms). Records that have not changed since are synced; changes made since get the page
    /// as their base. Returns the records that are now published.
    ///
    /// `changes` are the records as the page has them. A record that a snapshot has replaced since is not among them.
    pub fn settle(&self, draft: &mut Draft, t: u64, changes: &Arrivals, without: Option<Rule>) -> Vec<(RecordId, Row)> {
        let mut published = Vec::new();
        for (id, sealed) in &self.records {
            let is_older = |row: &Row| row.base.as_ref().is_none_or(|base| base.position < self.position);
            draft.set_note(&held::note_name(id), None);
            let present = draft.row(id);
            if let Some(arrival) = changes.get(id).filter(|arrival| present.is_none() && arrival.change.text.is_some()) {
                // Removed on this device alone while the page was on its way. The journal has the record, and so must this device's snapshots.
                draft.set_note(&held::note_name(id), Some(Held::hidden(arrival.clone()).to_json()));
            }
            let Some(row) = present.filter(is_older) else { continue };
            let unchanged = *sealed == version(&row) || without == Some(Rule::PendingKnowsVersions);
            if unchanged {
                published.push((id.clone(), row.clone()));
            }
            match (unchanged, row.is_live(), changes.get(id).map(|arrival| arrival.change.text.clone())) {
                (true, false, _) => draft.remove(id),
                // The page deletes the record, and it was created here again since: it is new to the journal.
                (false, true, Some(None)) => draft.put(id, Row::new(row.body, Status::Created, None)),
                (_, _, text) => {
                    let base = Base {
                        position: self.position,
                        t,
                        text: text.flatten().unwrap_or_else(|| row.body.clone()),
                    };
                    let status = match (unchanged, row.status) {
                        (true, _) => Status::Synced,
                        (false, Status::Deleted) => Status::Deleted,
                        (false, _) => Status::Updated,
                    };
                    draft.put(id, Row::new(row.body, status, Some(t)).on(Some(base)));
                }
            }
        }
        published
    }
}

pub fn read_all<'a>(notes: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<Pending> {
    notes.filter_map(|(name, note)| Pending::read(name, note)).collect()
}
