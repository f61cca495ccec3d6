//! Brings a whole collection together with the server's chain as it is now: record by record, by the rules of `repair` and `stray`.

use super::change::Change;
use super::held::{self, Held};
use super::home::PageNote;
use super::known;
use super::meet::{self, Arrival, Incoming};
use super::repair::{Step, step};
use super::rule::Rule;
use super::run::{self, Acknowledged};
use super::seal::Hash;
use super::snapshot::Ledger;
use super::stray::{Claim, Verdict, Words};
use super::told;
use crate::error::Result;
use crate::pure::draft::Draft;
use crate::pure::merge::{Fate, Strategy};
use crate::pure::record::{Base, RecordId, Row, Status};
use crate::pure::report::{List, Report, synced_json};
use crate::pure::state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// All that is needed to bring the records together with the chain.
pub struct Reconcile {
    /// The changes that the server has, in the order of ids.
    pub there: Vec<(Arrival, Result<Incoming>)>,
    /// Changes of strays that are conflicts, each with the hash of its page.
    pub told: Vec<(Hash, (Arrival, Result<Incoming>))>,
    pub common: u64,
    pub head: u64,
    pub t: u64,
    pub strategy: Strategy,
    pub local_fields: Rc<Vec<String>>,
    pub hidden: BTreeSet<RecordId>,
    /// The changes and the records of the chain.
    pub words: Words,
    pub ledger: Ledger,
    pub lost: Lost,
    /// The random name of this device in its pages.
    pub device: String,
    /// Changes of this device's lost history that were appended again.
    pub published: Vec<Change>,
}

/// What this device knew of pages before. What of this is not in the server's chain was acknowledged in a history that the server has lost.
pub struct Lost {
    pub pages: BTreeMap<u64, PageNote>,
    /// The last position that is in both histories.
    pub common: u64,
    /// The records that were deleted after that position.
    pub deleted: BTreeSet<RecordId>,
    /// Own pages whose answers never came, and that are in the chain.
    pub acknowledged: Vec<Acknowledged>,
    pub without: Option<Rule>,
}

impl Lost {
    /// The last position at which this row's version is known to be in the chain.
    fn common_for(&self, row: &Row) -> u64 {
        let position = row.base.as_ref().map_or(0, |base| base.position);
        let is_acknowledged = self.acknowledged.iter().any(|own| own.pending.position == position);
        self.common.max(if is_acknowledged { position } else { 0 })
    }

    /// The version of a record that is in the lost history and not in the chain.
    fn of<'a>(&self, row: &'a Row, there: Option<&Base>) -> Option<&'a Base> {
        let base = row
            .base
            .as_ref()
            .filter(|base| row.status == Status::Synced && base.position > self.common_for(row))?;
        let is_there = there.is_some_and(|there| there.position == base.position && there.text == base.text);
        (!is_there && self.without != Some(Rule::LostRowsAreStrays)).then_some(base)
    }

    fn verdict(&self, words: &Words, ledger: &Ledger, id: &RecordId, base: &Base) -> Verdict {
        let device = self.pages.get(&base.position).map_or("", |note| note.device.as_str());
        let fork = if self.without == Some(Rule::ForkNotPosition) {
            base.position
        } else {
            self.common
        };
        let claim = Claim {
            id,
            text: Some(&base.text),
            t: base.t,
            device,
            fork,
            own: Some(base.position),
        };
        words.verdict(ledger, &claim)
    }

    /// The changes to append, so that the chain has them again: records of which the chain has no change after the common position, and
    /// deletions (of records that it still has from before, and of records that another device may still have).
    pub fn news(&self, state: &State, words: &Words, ledger: &Ledger) -> Vec<Change> {
        if self.without == Some(Rule::LostRowsAreStrays) {
            return Vec::new();
        }
        let is_news = |(id, row): (&RecordId, &Row)| {
            let base = self.of(row, ledger.get(id))?;
            (self.verdict(words, ledger, id, base) == Verdict::News).then(|| Change {
                id: id.clone(),
                text: Some(base.text.clone()),
            })
        };
        let known = known::ledger(state);
        // A record that is deleted here, with the deletion not sent yet, is not among these: its deletion is pushed like any change.
        let is_deleted = |id: &RecordId| !known.contains_key(id) && !state.rows.contains_key(id);
        let deleted = ledger.iter().filter(|(id, base)| base.position <= self.common && is_deleted(id));
        let is_silent = |id: &&RecordId| is_deleted(id) && !ledger.contains_key(*id) && !words.delete(id, self.common, |_| true);
        let deletions = deleted.map(|(id, _)| id).chain(self.deleted.iter().filter(is_silent));
        let deletions = deletions.map(|id| Change { id: id.clone(), text: None });
        state.rows.iter().filter_map(is_news).chain(deletions).collect()
    }
}

/// A row that is newer than the version on the server.
fn newer(row: Row, there: Option<&Incoming>) -> Row {
    let status = if row.is_live() { Status::Updated } else { Status::Deleted };
    let base = there.and_then(|there| there.base.clone());
    Row::new(row.body.clone(), status, base.as_ref().map(|base| base.t)).on(base)
}

/// Whether the record was created here, and the chain is not known to have it.
fn is_new(row: &Row) -> bool {
    row.base.is_none() && row.is_live()
}

/// The row of a deletion that the server's chain does not have.
fn tombstone() -> Row {
    let base = Base {
        position: 0,
        t: 0,
        text: "".into(),
    };
    Row::new("", Status::Deleted, None).on(Some(base))
}

impl Reconcile {
    fn ids(&self, draft: &Draft) -> BTreeSet<RecordId> {
        let here = draft.rows().into_iter().map(|(id, _)| id);
        here.chain(self.there.iter().map(|(arrival, _)| arrival.change.id.clone())).collect()
    }

    fn there(&self, id: &RecordId) -> Option<&(Arrival, Result<Incoming>)> {
        let index = self.there.binary_search_by(|(arrival, _)| arrival.change.id.cmp(id)).ok()?;
        self.there.get(index)
    }

    /// Merges all records. Returns what to report, and the ids of the records that are left to the user.
    pub fn all(&self, draft: &mut Draft) -> (Report, BTreeSet<RecordId>) {
        let (mut report, mut conflicts, mut strays) = (Report::default(), BTreeSet::new(), Vec::new());
        run::settle_all(&self.lost.acknowledged, draft, &mut report, self.lost.without);
        let sent = run::sent(draft, self.lost.without);
        let mut known_elsewhere = BTreeSet::new();
        for id in self.ids(draft) {
            let had_version = draft.row(&id).is_some_and(|row| row.base.is_some());
            let is_open = self.one(draft, &id, &sent, &mut report, &mut strays);
            if had_version && draft.row(&id).as_ref().is_some_and(is_new) {
                known_elsewhere.insert(id.clone());
            }
            if is_open {
                conflicts.insert(id);
            }
        }
        run::note_sent(draft, known_elsewhere, self.lost.without);
        for change in &self.published {
            let json = match draft.row(&change.id).filter(|_| change.text.is_some()) {
                Some(row) => synced_json(&change.id, &row),
                None => format!("{{\"id\":{},\"deleted\":true}}", change.id.as_json()),
            };
            report.add(List::Published, json);
        }
        self.add_told(draft, &mut report, &mut strays);
        // If a record is in another conflict, the stray's change is reported after that one is decided.
        for (arrival, incoming) in strays.iter().filter(|(arrival, _)| !conflicts.contains(&arrival.change.id)) {
            told::tell(draft, arrival, incoming, &self.local_fields, &mut report);
        }
        (report, conflicts)
    }

    fn is_deleted_elsewhere(&self, id: &RecordId, sent: &BTreeSet<RecordId>) -> bool {
        // `PULL_ONLY` would remove the record here, although perhaps no device has deleted it.
        let may_be = || sent.contains(id) && self.words.unread() > self.common && self.strategy != Strategy::PullOnly;
        self.words.delete(id, self.common, |device| device != self.device) || may_be()
    }

    /// Whether this device knew that version already.
    fn is_old(&self, there: Option<&Incoming>) -> bool {
        there.and_then(|there| there.base.as_ref()).is_some_and(|base| base.position <= self.common)
    }

    /// Merges one record. Returns true if it is left to the user.
    fn one(&self, draft: &mut Draft, id: &RecordId, sent: &BTreeSet<RecordId>, report: &mut Report, strays: &mut Vec<(Arrival, Incoming)>) -> bool {
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
                report.add_error(id, error);
                draft.set_note(&held::note_name(id), Some(Held::open(arrival.clone()).to_json()));
                return true;
            }
            None => None,
        };
        let row = match self.is_old(incoming.as_ref()) {
            false => row.map(|row| meet::remember_sent(row, id, sent)),
            true => row,
        };
        let common = row.as_ref().map_or(self.common, |row| self.lost.common_for(row));
        let held = draft.note(&held::note_name(id)).and_then(|note| Held::read(&note));
        let is_held = held.is_some();
        // A conflict with a deletion that an earlier repair left to the user.
        let is_open_deletion = held.is_some_and(|held| held.is_open && held.arrival.change.text.is_none());
        let lost = row
            .as_ref()
            .and_then(|row| self.lost.of(row, incoming.as_ref().and_then(|there| there.base.as_ref())));
        let step = match lost.map(|base| (base, self.lost.verdict(&self.words, &self.ledger, id, base))) {
            Some((_, Verdict::Superseded)) => Step::Meet(row),
            // Both sides have the record, so this can be decided like any other conflict.
            Some((_, Verdict::Stays)) if incoming.is_some() && self.strategy == Strategy::Manual => step(row.as_ref(), incoming.as_ref(), common),
            // Also for `Verdict::News`, if it was not appended because the strategy is `PULL_ONLY`.
            Some((base, _)) => {
                row.iter().for_each(|row| self.add_lost(draft, id, row, base, strays));
                Step::Meet(row)
            }
            None => match step(row.as_ref(), incoming.as_ref(), common) {
                // The record was created here, and another device has deleted a record with this id.
                Step::Keep
                    if row
                        .as_ref()
                        .is_some_and(|row| is_new(row) && (is_open_deletion || self.is_deleted_elsewhere(id, sent))) =>
                {
                    Step::Meet(row)
                }
                // The record was created here after the version that the server still has was deleted. If it is left to the user already, that
                // is not known.
                Step::Meet(Some(row)) if row.base.is_none() && !is_held && self.is_old(incoming.as_ref()) => Step::Put(newer(row, incoming.as_ref())),
                // The record was deleted in the lost history, and written again by somebody who perhaps did not know of the deletion.
                Step::Meet(None) if self.lost.deleted.contains(id) => Step::Meet(Some(tombstone())),
                step => step,
            },
        };
        let is_open = match step {
            Step::Keep => false,
            Step::Put(row) => {
                draft.put(id, row);
                false
            }
            Step::Meet(row) => self.meet(draft, id, row, incoming, report),
        };
        if !is_open {
            draft.set_note(&held::note_name(id), None);
        }
        is_open
    }

    /// Notes a version that was acknowledged in a history which the server has lost, as a conflict. What the chain has instead stays.
    fn add_lost(&self, draft: &mut Draft, id: &RecordId, row: &Row, base: &Base, strays: &mut Vec<(Arrival, Incoming)>) {
        let hash = self.lost.pages.get(&base.position).and_then(|note| note.hash);
        let page = hash.map_or_else(|| base.position.to_string(), Hash::to_text);
        let arrival = Arrival::of(id, base);
        if told::add(draft, &page, &arrival) {
            strays.push((arrival, Incoming::of(id, row, base)));
        }
    }

    /// Notes the changes of strays as conflicts. One that cannot be decoded is reported as an error now, and as a conflict when it can be
    /// decoded.
    fn add_told(&self, draft: &mut Draft, report: &mut Report, strays: &mut Vec<(Arrival, Incoming)>) {
        for (page, (arrival, incoming)) in &self.told {
            if !told::add(draft, &page.to_text(), arrival) {
                continue;
            }
            match incoming {
                Ok(incoming) => strays.push((arrival.clone(), incoming.clone())),
                Err(error) => report.add_error(&arrival.change.id, error),
            }
        }
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

#[cfg(test)]
mod tests {
    use super::super::home::REFUSED;
    use super::*;
    use crate::pure::json;
    use std::cell::RefCell;

    /// A record that was created here, and perhaps sent.
    fn made_here(was_sent: bool) -> Draft {
        let mut draft = Draft::new(Rc::new(RefCell::new(State::default())));
        draft.put(&RecordId::from_text("a"), Row::new("\"n\":1", Status::Created, None));
        draft.set_note(REFUSED, Some("[\"a\"]".to_owned()).filter(|_| was_sent));
        draft
    }

    /// Runs a repair whose chain begins with a snapshot at position 5. Returns whether the record stays, and which lists of the result have it.
    fn repair(draft: &mut Draft, common: u64, strategy: Strategy) -> (bool, Vec<&'static str>) {
        let id = RecordId::from_text("a");
        let repair = Reconcile {
            there: Vec::new(),
            told: Vec::new(),
            common,
            head: 5,
            t: 50,
            strategy,
            local_fields: Rc::default(),
            hidden: BTreeSet::new(),
            words: Words::new([].into_iter(), &[], &BTreeMap::new(), 5, None),
            ledger: Ledger::new(),
            lost: Lost {
                pages: BTreeMap::new(),
                common,
                deleted: BTreeSet::new(),
                acknowledged: Vec::new(),
                without: None,
            },
            device: "d".into(),
            published: Vec::new(),
        };
        let (report, _) = repair.all(draft);
        let report = report.to_json();
        let lists = ["created", "updated", "deleted", "conflicts", "resolved", "skipped", "published"];
        let has = |list: &&str| json::member(&report, list).is_some_and(|entries| entries != "[]");
        (draft.row(&id).is_some(), lists.into_iter().filter(has).collect())
    }

    #[test]
    fn what_was_sent_may_have_been_deleted_in_pages_that_cannot_be_read_any_more() {
        let first = |was_sent, strategy| repair(&mut made_here(was_sent), 2, strategy);
        assert_eq!(first(true, Strategy::Manual), (true, vec!["conflicts"]));
        assert_eq!(first(true, Strategy::ClientWins), (true, vec!["resolved"]));
        assert_eq!(first(true, Strategy::ServerWins), (false, vec!["resolved"]));
        assert_eq!(first(true, Strategy::PullOnly), (true, vec![]), "perhaps it was not");
        for strategy in [Strategy::Manual, Strategy::ClientWins, Strategy::ServerWins, Strategy::PullOnly] {
            assert_eq!(first(false, strategy), (true, vec![]), "nobody else ever saw it");
        }
    }

    #[test]
    fn what_a_repair_left_to_the_user_the_next_one_does_not_decide() {
        let mut draft = made_here(true);
        for common in [2, 5, 5] {
            assert_eq!(repair(&mut draft, common, Strategy::Manual), (true, vec!["conflicts"]));
        }
    }
}
