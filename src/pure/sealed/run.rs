//! The part of the journal that one commit applies: consecutive pages or a snapshot, and the chain state after them.

use super::chain::Opened;
use super::change::Change;
use super::deleted::Deleted;
use super::home::{GROUP, Home, JOURNAL, PENDING, PageNote, REFUSED, page_note, read_page_note};
use super::meet::{Arrival, Arrivals};
use super::older::Older;
use super::page::Kind;
use super::pending::Pending;
use super::rule::Rule;
use super::snapshot::{Ledger, Snapshot};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::record::{RecordId, Row};
use crate::pure::report::{List, Report, synced_json};
use std::collections::BTreeSet;

/// An own page that the chain shows, and that is thereby acknowledged.
#[derive(Clone)]
pub struct Acknowledged {
    pub pending: Pending,
    pub t: u64,
    /// The records as the page has them.
    pub changes: Arrivals,
}

impl Acknowledged {
    fn in_page(pending: &Pending, position: u64, t: u64, changes: Vec<Change>) -> Self {
        let mut own = Acknowledged {
            pending: pending.clone(),
            t,
            changes: Arrivals::new(),
        };
        arrive(&mut own.changes, position, t, changes);
        own
    }

    /// A page that a snapshot covers, with its deletions and those of its records that no later page has changed. `t` is a time for the
    /// deletions, since a snapshot keeps none of them.
    pub fn covered(pending: &Pending, ledger: &Ledger, t: u64) -> Self {
        let mut own = Acknowledged::in_page(pending, pending.position, t, Vec::new());
        for (id, _) in &pending.records {
            if let Some(base) = ledger.get(id).filter(|base| base.position == pending.position) {
                own.t = base.t;
                own.changes.insert(id.clone(), Arrival::of(id, base));
            }
        }
        for id in pending.deletions().filter(|id| !ledger.contains_key(*id)) {
            own.changes.insert(id.clone(), Arrival::gone(id, pending.position, t));
        }
        own
    }

    /// The page, acknowledged, if it is one of `pages`.
    pub fn among(pending: &Pending, pages: &[Opened]) -> Option<Self> {
        let opened = pages.iter().find(|opened| pending.is_at(&opened.head))?;
        let Kind::Changes(changes) = &opened.page.kind else { return None };
        Some(Acknowledged::in_page(pending, opened.head.position, opened.page.t, changes.clone()))
    }

    /// The deletions in the page.
    pub fn deletions(&self) -> impl Iterator<Item = &Arrival> {
        self.changes.values().filter(|arrival| arrival.change.text.is_none())
    }

    fn settle(&self, draft: &mut Draft, report: &mut Report, without: Option<Rule>) {
        for (id, row) in self.pending.settle(draft, self.t, &self.changes, without) {
            report.add(List::Published, published_json(draft, &id, &row));
        }
        // Otherwise `settle_passed` would count its records as refused.
        draft.set_note(&self.pending.note_name(), None);
    }
}

/// Acknowledges own pages. Has to run before remote changes are merged: otherwise a device would find its own older edit in conflict with its
/// newer one.
pub fn settle_all(acknowledged: &[Acknowledged], draft: &mut Draft, report: &mut Report, without: Option<Rule>) {
    acknowledged.iter().for_each(|own| own.settle(draft, report, without));
}

/// The part of the journal that one commit applies.
pub struct Run {
    /// The chain state on which this was decided.
    pub before: Home,
    pub after: Home,
    pub acknowledged: Vec<Acknowledged>,
    /// The last change of each record.
    pub arrivals: Arrivals,
    pub pages: Vec<(u64, PageNote)>,
    /// The hashes of positions below this one are in the history of a snapshot now.
    pub forget_below: Option<u64>,
}

impl Run {
    pub fn new(before: Home) -> Self {
        Run {
            after: before.clone(),
            before,
            acknowledged: Vec::new(),
            arrivals: Arrivals::new(),
            pages: Vec::new(),
            forget_below: None,
        }
    }

    pub fn add(&mut self, own: Option<&Pending>, opened: Opened) {
        let Opened {
            head,
            page,
            bytes,
            last_modified,
        } = opened;
        for void in self.after.head.position + 1..head.position {
            self.pages.push((void, PageNote::void()));
        }
        let note = PageNote {
            hash: Some(head.hash),
            t: page.t,
            device: page.device,
            kind: page.kind.name().into(),
            bytes,
        };
        self.pages.push((head.position, note));
        self.after.head = head;
        self.after.t = page.t;
        self.after.cursor.since = last_modified;
        self.after.page_bytes += bytes;
        self.after.closed = None;
        match page.kind {
            Kind::Changes(changes) => self.add_changes(own, head.position, page.t, changes),
            Kind::Snapshot(snapshot) => self.after_snapshot(&snapshot),
            Kind::Closed(destination) => self.after.closed = Some(destination),
            Kind::Unknown => {}
        }
    }

    fn add_changes(&mut self, own: Option<&Pending>, position: u64, t: u64, changes: Vec<Change>) {
        if let Some(pending) = own {
            self.acknowledged.push(Acknowledged::in_page(pending, position, t, changes));
        } else {
            arrive(&mut self.arrivals, position, t, changes);
        }
    }

    /// Updates the chain state after a snapshot, which is the head now.
    pub fn after_snapshot(&mut self, snapshot: &Snapshot) {
        let position = self.after.head.position;
        self.after.snapshot = position;
        self.after.covered_from = snapshot.first_covered(position);
        self.after.history = snapshot.history.clone();
        self.after.page_bytes = 0;
        self.forget_below = Some(self.after.covered_from);
    }

    pub fn write_notes(&self, draft: &mut Draft, without: Option<Rule>) {
        let mut older = None;
        for name in draft.note_names() {
            let is_old = |position: &u64| self.forget_below.is_some_and(|first| *position < first);
            if let Some(position) = read_page_note(&name).filter(is_old) {
                let note = draft.note(&name).map(|note| PageNote::read(&note));
                older.get_or_insert_with(|| Older::of(draft)).push(position, note.and_then(|note| note.hash));
                draft.set_note(&name, None);
            }
        }
        if let Some(older) = older {
            older.write(draft);
        }
        for (position, note) in &self.pages {
            draft.set_note(&page_note(*position), Some(note.to_json()));
        }
        self.remember_deletions(draft);
        settle_passed(draft, self.after.head.position, without);
        draft.set_note(JOURNAL, Some(self.after.to_json()));
    }

    fn remember_deletions(&self, draft: &mut Draft) {
        let own = self.acknowledged.iter().flat_map(Acknowledged::deletions);
        let others = self.arrivals.values().filter(|arrival| arrival.change.text.is_none());
        let mut gone = others.chain(own).peekable();
        if gone.peek().is_some() {
            let mut deleted = Deleted::of(draft);
            gone.for_each(|arrival| deleted.add(arrival));
            deleted.write(draft);
        }
    }
}

/// Adds changes; a later change of a record replaces an earlier one.
fn arrive(arrivals: &mut Arrivals, position: u64, t: u64, changes: Vec<Change>) {
    for change in changes {
        arrivals.insert(change.id.clone(), Arrival { change, position, t });
    }
}

/// Removes the notes of pending pages that the head has passed (their records count as refused), and of groups whose records are all published.
pub fn settle_passed(draft: &mut Draft, head: u64, without: Option<Rule>) {
    let mut refused = read_ids(draft.note(REFUSED).as_deref());
    for name in draft.note_names() {
        let Some(note) = draft.note(&name) else { continue };
        let is_passed = || {
            json::member(&note, "position")
                .and_then(json::number)
                .is_some_and(|position| position as u64 <= head)
        };
        let is_published = || !read_ids(Some(&note)).iter().any(|id| draft.row(id).is_some_and(|row| row.is_dirty()));
        if name.starts_with(PENDING) && is_passed() {
            refused.extend(records_of(&note));
            draft.set_note(&name, None);
        } else if name.starts_with(GROUP) && is_published() {
            draft.set_note(&name, None);
        }
    }
    set_refused(draft, refused, without);
}

/// Notes records of which other devices may have versions that the journal does not have. If such a record is deleted here, the deletion has to
/// be published.
pub fn note_sent(draft: &mut Draft, ids: BTreeSet<RecordId>, without: Option<Rule>) {
    if !ids.is_empty() {
        let mut refused = read_ids(draft.note(REFUSED).as_deref());
        refused.extend(ids);
        set_refused(draft, refused, without);
    }
}

fn set_refused(draft: &mut Draft, mut refused: BTreeSet<RecordId>, without: Option<Rule>) {
    // A record with a base has been acknowledged.
    refused.retain(|id| draft.row(id).is_some_and(|row| row.base.is_none()));
    let ids: Vec<&str> = refused.iter().map(RecordId::as_json).collect();
    let note = format!("[{}]", ids.join(","));
    draft.set_note(REFUSED, Some(note).filter(|_| !ids.is_empty() && without != Some(Rule::RefusedIsDeleted)));
}

/// The records in pages that this device has sent and that are not acknowledged: the answer was lost, or it was a refusal.
pub fn sent(draft: &Draft, without: Option<Rule>) -> BTreeSet<RecordId> {
    if without == Some(Rule::SentMayBeKnown) {
        return BTreeSet::new();
    }
    let mut sent = read_ids(draft.note(REFUSED).as_deref());
    let pending = draft.note_names().into_iter().filter(|name| name.starts_with(PENDING));
    pending.filter_map(|name| draft.note(&name)).for_each(|note| sent.extend(records_of(&note)));
    sent
}

fn records_of(pending: &str) -> impl Iterator<Item = RecordId> {
    let records = json::member(pending, "records").and_then(json::elements).into_iter().flatten();
    records.filter_map(|record| RecordId::read(json::elements(record)?.next()?).ok())
}

pub fn read_ids(note: Option<&str>) -> BTreeSet<RecordId> {
    let ids = note.and_then(json::elements).into_iter().flatten();
    ids.filter_map(|id| RecordId::read(id).ok()).collect()
}

/// A published record, as the sync's result shows it.
fn published_json(draft: &Draft, id: &RecordId, sent: &Row) -> String {
    match sent.is_live() {
        true => synced_json(id, &draft.row(id).unwrap_or_else(|| sent.clone())),
        false => format!("{{\"id\":{},\"deleted\":true}}", id.as_json()),
    }
}
