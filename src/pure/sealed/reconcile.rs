//! A whole collection brought together with a server's chain as it stands: record by record, as `repair` says.

use super::held::{self, Held};
use super::meet::{self, Arrival, Incoming};
use super::repair::{Step, step};
use crate::error::Result;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::{Fate, Strategy};
use crate::pure::record::{RecordId, Row};
use crate::pure::report::{List, Report, error_entry};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Every record here, met by what the server has of it.
pub struct Reconcile {
    /// In the order of ids.
    pub there: Vec<(Arrival, Result<Incoming>)>,
    pub common: u64,
    pub head: u64,
    pub t: u64,
    pub strategy: Strategy,
    pub local_fields: Rc<Vec<String>>,
    pub hidden: BTreeSet<RecordId>,
}

impl Reconcile {
    pub fn ids(&self, draft: &Draft) -> BTreeSet<RecordId> {
        let here = draft.rows().into_iter().map(|(id, _)| id);
        here.chain(self.there.iter().map(|(arrival, _)| arrival.change.id.clone())).collect()
    }

    fn there(&self, id: &RecordId) -> Option<&(Arrival, Result<Incoming>)> {
        let index = self.there.binary_search_by(|(arrival, _)| arrival.change.id.cmp(id)).ok()?;
        self.there.get(index)
    }

    /// True if it is left to the user.
    pub fn one(&self, draft: &mut Draft, id: &RecordId, report: &mut Report) -> bool {
        let row = draft.row(id);
        let there = self.there(id);
        if row.is_none() && self.hidden.contains(id) {
            let held = there.map(|(arrival, _)| Held::hidden(arrival.clone()).to_json());
            draft.set_note(&held::note_name(id), held);
            return false;
        }
        let incoming = match there {
            Some((_, Ok(incoming))) => Some(incoming.clone()),
            Some((arrival, Err(error))) => {
                let message = format!("\"message\":{}", json::quote(&error.to_string()));
                let (list, json) = error_entry("incoming", Some(id), None, &message);
                report.add(list, json);
                draft.set_note(&held::note_name(id), Some(Held::open(arrival.clone()).to_json()));
                return true;
            }
            None => None,
        };
        let is_open = match step(row.as_ref(), incoming.as_ref(), self.common) {
            Step::Keep => false,
            Step::Put(row) => {
                draft.put(id, row);
                false
            }
            Step::Remove => {
                draft.remove(id);
                false
            }
            Step::Meet(row) => self.meet(draft, id, row, incoming, report),
        };
        if !is_open {
            draft.set_note(&held::note_name(id), None);
        }
        is_open
    }

    fn meet(&self, draft: &mut Draft, id: &RecordId, row: Option<Row>, incoming: Option<Incoming>, report: &mut Report) -> bool {
        let gone = Arrival::gone(id, self.head, self.t);
        let arrival = self.there(id).map_or(&gone, |(arrival, _)| arrival);
        let Some(incoming) = incoming.or_else(|| Incoming::read(&gone, &gone.to_json()).ok()) else {
            return false;
        };
        if let Some(row) = &row {
            draft.put(id, row.clone());
        }
        let outcome = meet::meet(row.as_ref(), &incoming, self.strategy, &self.local_fields);
        match outcome.fate {
            Fate::Keep => {}
            Fate::Put(row) => draft.put(id, row),
            Fate::Remove => draft.remove(id),
        }
        let Some((list, json)) = outcome.entry else { return false };
        report.add(list, json);
        if list == List::Conflicts {
            draft.set_note(&held::note_name(id), Some(Held::open(arrival.clone()).to_json()));
        }
        list == List::Conflicts
    }
}
