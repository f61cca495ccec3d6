//! The merge of decoded remote changes into a draft.

use super::held::{self, Held};
use super::meet::{self, Arrival, Incoming};
use super::rule::Rule;
use super::run;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::{Fate, Strategy};
use crate::pure::record::RecordId;
use crate::pure::report::{List, Report, error_entry};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A remote change after transformers and hooks.
#[derive(Clone, Debug)]
pub enum Decoded {
    Incoming(Incoming),
    /// The hook left the change out.
    Unwanted,
    Failed(String),
}

/// The remote changes that a commit merges, and the options of the merge.
pub struct Meeting {
    pub strategy: Strategy,
    pub local_fields: Rc<Vec<String>>,
    pub without: Option<Rule>,
    pub decoded: Vec<(Arrival, Decoded)>,
}

impl Meeting {
    pub fn only(&self, wanted: impl Fn(&Arrival) -> bool) -> Meeting {
        Meeting {
            strategy: self.strategy,
            local_fields: self.local_fields.clone(),
            without: self.without,
            decoded: self.decoded.iter().filter(|(arrival, _)| wanted(arrival)).cloned().collect(),
        }
    }

    /// Merges all changes. Returns the ids of the records that are left in conflict.
    pub fn all(&self, draft: &mut Draft, report: &mut Report) -> BTreeSet<RecordId> {
        let mut conflicts = BTreeSet::new();
        if self.decoded.is_empty() {
            return conflicts;
        }
        let sent = run::sent(draft, self.without);
        for (arrival, decoded) in &self.decoded {
            let id = &arrival.change.id;
            let held = match decoded {
                Decoded::Incoming(incoming) => self.one(draft, arrival, incoming, &sent, report),
                Decoded::Unwanted => self.hide(draft, arrival),
                Decoded::Failed(message) => {
                    let message = format!("\"message\":{}", json::quote(message));
                    let (list, json) = error_entry("incoming", Some(id), None, &message);
                    report.add(list, json);
                    Some(Held::open(arrival.clone()))
                }
            };
            if held.as_ref().is_some_and(|held| held.is_open) {
                conflicts.insert(id.clone());
            }
            draft.set_note(&held::note_name(id), held.map(|held| held.to_json()));
        }
        conflicts
    }

    fn one(&self, draft: &mut Draft, arrival: &Arrival, incoming: &Incoming, sent: &BTreeSet<RecordId>, report: &mut Report) -> Option<Held> {
        let id = &arrival.change.id;
        let row = draft.row(id).map(|row| meet::remember_sent(row, id, sent));
        let outcome = meet::meet(row.as_ref(), incoming, self.strategy, &self.local_fields);
        match outcome.fate {
            Fate::Keep => {}
            Fate::Put(row) => draft.put(id, row),
            Fate::Remove => draft.remove(id),
        }
        let (list, json) = outcome.entry?;
        report.add(list, json);
        (list == List::Conflicts).then(|| Held::open(arrival.clone()))
    }

    /// Hides a change that the app does not want. A record here stays as it is, with the hidden version as its base.
    fn hide(&self, draft: &mut Draft, arrival: &Arrival) -> Option<Held> {
        let row = draft.row(&arrival.change.id);
        match (row, arrival.base()) {
            (Some(row), base) => {
                draft.put(&arrival.change.id, row.on(base));
                None
            }
            (None, Some(_)) => Some(Held::hidden(arrival.clone())),
            (None, None) => None,
        }
    }
}
