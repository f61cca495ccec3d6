//! Changes of the journal on their way to the local records: decoded, met, and committed with the head that they lead to.

use super::{interrupted, is_unchanged};
use crate::engine::collection::{error_entry, synced_json};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{App, Platform};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::{Fate, Strategy};
use crate::pure::record::{RecordId, Row};
use crate::pure::report::{List, Report};
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::{Opened, bad_snapshot};
use crate::pure::sealed::change::Change;
use crate::pure::sealed::held::{self, Held};
use crate::pure::sealed::home::{Cursor, GROUP, Home, JOURNAL, PENDING, PageNote, page_note, read_page_note};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::meet::{self, Arrival, Arrivals, Incoming};
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::pending::Pending;
use crate::pure::sealed::snapshot::{self, Snapshot};
use std::collections::BTreeSet;
use std::rc::Rc;

/// An own page that the chain shows: its 201.
#[derive(Clone)]
pub(super) struct Acknowledged {
    pub pending: Pending,
    pub t: u64,
    /// The records as the page has them.
    pub changes: Arrivals,
}

/// What one commit takes over.
pub(super) struct Run {
    /// What it was decided on.
    pub before: Home,
    pub after: Home,
    pub acknowledged: Vec<Acknowledged>,
    /// The last change of each record.
    pub arrivals: Arrivals,
    pub pages: Vec<(u64, PageNote)>,
    /// Hashes of positions below this one are in the history now.
    pub forget_below: Option<u64>,
}

/// An arrival after transformers and hooks.
#[derive(Clone)]
enum Decoded {
    Incoming(Incoming),
    /// The hook left it out.
    Unwanted,
    Failed(String),
}

/// What a commit does with arrivals.
struct Meeting {
    strategy: Strategy,
    local_fields: Rc<Vec<String>>,
    decoded: Vec<(Arrival, Decoded)>,
}

impl<P: Platform> Session<'_, P> {
    /// Pages that follow the head, in order. A snapshot or a closing page stands alone.
    pub(super) async fn take_over(&mut self, home: &Home, pages: Vec<Opened>) -> Result<()> {
        let known = self.known().await?;
        if known.home != *home {
            return Err(interrupted());
        }
        let mut run = Run::new(home.clone());
        for opened in pages {
            if let Kind::Snapshot(snapshot) = &opened.page.kind {
                self.check_snapshot(&known, &opened, snapshot).await?;
            }
            let own = known
                .pending
                .iter()
                .find(|pending| pending.position == opened.head.position && pending.hash == opened.head.hash);
            run.add(own.filter(|_| !self.without(Rule::PendingBeforeMeeting)), opened);
        }
        if run.after.snapshot != run.before.snapshot {
            let live = self.collection.resident.read(known::ledger).await?;
            run.after.live_bytes = live.iter().map(|(id, base)| snapshot::weight(id, base)).sum();
        }
        run.after.cursor = Cursor {
            url: self.target.url(),
            ..run.after.cursor
        };
        self.commit_run(run).await
    }

    /// A snapshot that follows what is known here has to hold just that.
    async fn check_snapshot(&self, known: &Known, opened: &Opened, snapshot: &Snapshot) -> Result<()> {
        if self.without(Rule::DigestBeforeAdopting) {
            return Ok(());
        }
        let position = opened.head.position;
        let differs = |(at, hash): &(u64, Option<_>)| snapshot.hash_of(position, *at).is_some_and(|covered| covered != *hash);
        let covers_all = snapshot.first_covered(position) == known.home.snapshot.max(1);
        let digest = self.collection.resident.read(|state| snapshot::digest(known::ledger(state).iter())).await?;
        if covers_all && digest == snapshot.digest && !known.hashes.iter().any(differs) {
            return Ok(());
        }
        Err(bad_snapshot(opened, Some(digest), Some(snapshot.digest)))
    }

    /// Everything that a run brings, in one commit.
    pub(super) async fn commit_run(&mut self, run: Run) -> Result<()> {
        let arrivals: Vec<Arrival> = run.arrivals.values().cloned().collect();
        let meeting = self.decode_arrivals(arrivals).await?;
        let without = self.platform().without();
        let commit = move |draft: &mut Draft| {
            if !is_unchanged(draft, &run.before) {
                return Err(interrupted());
            }
            let mut report = Report::default();
            for own in &run.acknowledged {
                for (id, row) in own.pending.settle(draft, own.t, &own.changes, without) {
                    report.add(List::Published, published_json(draft, &id, &row));
                }
            }
            let conflicts = meeting.all(draft, &mut report);
            run.write_notes(draft);
            Ok((report, conflicts))
        };
        let (report, conflicts) = self.collection.resident.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        Ok(())
    }

    /// What earlier syncs left open is met again, once a sync.
    pub(super) async fn meet_open(&mut self, is_first: bool) -> Result<()> {
        let known = self.known().await?;
        let open: Vec<Arrival> = known.open().map(|held| held.arrival.clone()).collect();
        let fresh: Vec<Arrival> = open
            .into_iter()
            .filter(|arrival| is_first && !self.conflicts.contains(&arrival.change.id))
            .collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let meeting = self.decode_arrivals(fresh).await?;
        let commit = move |draft: &mut Draft| {
            let mut report = Report::default();
            // Another tab may have resolved some meanwhile: that is decided.
            let conflicts = meeting.only(|arrival| held::is_open(draft, arrival)).all(draft, &mut report);
            Ok((report, conflicts))
        };
        let (report, conflicts) = self.collection.resident.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        Ok(())
    }

    pub(super) async fn commit_home(&self, after: Home, before: Home) -> Result<()> {
        let commit = move |draft: &mut Draft| {
            if !is_unchanged(draft, &before) {
                return Err(interrupted());
            }
            draft.set_note(JOURNAL, Some(after.to_json()));
            Ok(())
        };
        self.collection.resident.commit(commit).await
    }

    async fn decode_arrivals(&self, arrivals: Vec<Arrival>) -> Result<Meeting> {
        let texts = arrivals.iter().map(Arrival::to_json).collect();
        let decoded = self.collection.transformed(texts, false).await?;
        let read = |(arrival, result): (Arrival, Result<String>)| {
            let decoded = match result.and_then(|text| Incoming::read(&arrival, &text)) {
                Ok(incoming) => Decoded::Incoming(incoming),
                Err(error) => Decoded::Failed(error.to_string()),
            };
            (arrival, decoded)
        };
        let mut decoded: Vec<(Arrival, Decoded)> = arrivals.into_iter().zip(decoded).map(read).collect();
        if self.collection.app.has_incoming_hook() && !decoded.is_empty() {
            self.hook(&mut decoded).await?;
        }
        Ok(Meeting {
            strategy: self.options.strategy,
            local_fields: self.collection.local_fields.clone(),
            decoded,
        })
    }

    /// The hook sees what was decoded, and says what is to be taken over instead.
    async fn hook(&self, decoded: &mut [(Arrival, Decoded)]) -> Result<()> {
        let changes: Vec<String> = decoded
            .iter()
            .filter_map(|(_, decoded)| match decoded {
                Decoded::Incoming(incoming) => Some(incoming.remote.to_json()),
                _ => None,
            })
            .collect();
        let last_modified = self.report.last_modified.map_or_else(|| "null".to_owned(), |ms| ms.to_string());
        let payload = format!("{{\"changes\":[{}],\"lastModified\":{last_modified}}}", changes.join(","));
        let answer = self.collection.app.incoming(payload).await?;
        let hooked = json::member(&answer, "changes").and_then(json::elements);
        let hooked = hooked.ok_or_else(|| Error::Callback {
            message: "The incoming-changes hook gave no \"changes\".".into(),
        })?;
        let mut wanted: Vec<(RecordId, &str)> = Vec::new();
        for text in hooked {
            if let Some(id) = json::member(text, "id") {
                wanted.push((RecordId::read(id)?, text));
            }
        }
        // Hooks mostly keep the order: the next one is looked at first.
        let mut next = 0;
        for (arrival, decoded) in decoded.iter_mut().filter(|(_, decoded)| matches!(decoded, Decoded::Incoming(_))) {
            let is_it = |(id, _): &(RecordId, &str)| *id == arrival.change.id;
            let at = wanted
                .get(next)
                .filter(|one| is_it(one))
                .map(|_| next)
                .or_else(|| wanted.iter().position(is_it));
            *decoded = match at {
                Some(at) => {
                    next = at + 1;
                    Decoded::Incoming(Incoming::read(arrival, wanted[at].1)?)
                }
                None => Decoded::Unwanted,
            };
        }
        Ok(())
    }
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
            let mut own = Acknowledged {
                pending: pending.clone(),
                t,
                changes: Arrivals::new(),
            };
            arrive(&mut own.changes, position, t, changes);
            self.acknowledged.push(own);
        } else {
            arrive(&mut self.arrivals, position, t, changes);
        }
    }

    /// The head is a snapshot now.
    pub fn after_snapshot(&mut self, snapshot: &Snapshot) {
        let position = self.after.head.position;
        self.after.snapshot = position;
        self.after.covered_from = snapshot.first_covered(position);
        self.after.history = snapshot.history.clone();
        self.after.page_bytes = 0;
        self.forget_below = Some(self.after.covered_from);
    }

    pub fn write_notes(&self, draft: &mut Draft) {
        for name in draft.note_names() {
            let is_old = |position| self.forget_below.is_some_and(|first| position < first);
            if read_page_note(&name).is_some_and(is_old) {
                draft.set_note(&name, None);
            }
        }
        for (position, note) in &self.pages {
            draft.set_note(&page_note(*position), Some(note.to_json()));
        }
        settle_passed(draft, self.after.head.position);
        draft.set_note(JOURNAL, Some(self.after.to_json()));
    }
}

/// A later change of a record replaces an earlier one.
fn arrive(arrivals: &mut Arrivals, position: u64, t: u64, changes: Vec<Change>) {
    for change in changes {
        arrivals.insert(change.id.clone(), Arrival { change, position, t });
    }
}

/// Pendings that the head has passed are over, and groups all of whose records are published.
pub(super) fn settle_passed(draft: &mut Draft, head: u64) {
    for name in draft.note_names() {
        let Some(note) = draft.note(&name) else { continue };
        let is_passed = || {
            json::member(&note, "position")
                .and_then(json::number)
                .is_some_and(|position| position as u64 <= head)
        };
        let is_published = || {
            let mut ids = json::elements(&note).into_iter().flatten().filter_map(|id| RecordId::read(id).ok());
            !ids.any(|id| draft.row(&id).is_some_and(|row| row.is_dirty()))
        };
        if name.starts_with(PENDING) && is_passed() || name.starts_with(GROUP) && is_published() {
            draft.set_note(&name, None);
        }
    }
}

/// A published record, as the report shows it.
pub(super) fn published_json(draft: &Draft, id: &RecordId, sent: &Row) -> String {
    match sent.is_live() {
        true => synced_json(id, &draft.row(id).unwrap_or_else(|| sent.clone())),
        false => format!("{{\"id\":{},\"deleted\":true}}", id.as_json()),
    }
}

impl Meeting {
    fn only(&self, wanted: impl Fn(&Arrival) -> bool) -> Meeting {
        Meeting {
            strategy: self.strategy,
            local_fields: self.local_fields.clone(),
            decoded: self.decoded.iter().filter(|(arrival, _)| wanted(arrival)).cloned().collect(),
        }
    }

    /// Ids left in conflict.
    fn all(&self, draft: &mut Draft, report: &mut Report) -> BTreeSet<RecordId> {
        let mut conflicts = BTreeSet::new();
        for (arrival, decoded) in &self.decoded {
            let id = &arrival.change.id;
            let held = match decoded {
                Decoded::Incoming(incoming) => self.one(draft, arrival, incoming, report),
                Decoded::Unwanted => self.hide(draft, arrival),
                Decoded::Failed(message) => {
                    let message = format!("\"message\":{}", json::quote(message));
                    let (list, json) = error_entry("incoming", Some(id), None, None, &message);
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

    fn one(&self, draft: &mut Draft, arrival: &Arrival, incoming: &Incoming, report: &mut Report) -> Option<Held> {
        let id = &arrival.change.id;
        let outcome = meet::meet(draft.row(id).as_ref(), incoming, self.strategy, &self.local_fields);
        match outcome.fate {
            Fate::Keep => {}
            Fate::Put(row) => draft.put(id, row),
            Fate::Remove => draft.remove(id),
        }
        let (list, json) = outcome.entry?;
        report.add(list, json);
        (list == List::Conflicts).then(|| Held::open(arrival.clone()))
    }

    /// Not wanted here: the local record stays, on the version that it has not seen.
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
