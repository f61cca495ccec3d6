//! Applies changes of the journal to the local records: decodes them, merges them, and commits them together with the new head.

use super::{interrupted, is_unchanged};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{App, Platform};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::Strategy;
use crate::pure::record::RecordId;
use crate::pure::report::Report;
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::{Opened, bad_snapshot};
use crate::pure::sealed::held;
use crate::pure::sealed::home::{Cursor, Home, JOURNAL};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::meet::{Arrival, Incoming};
use crate::pure::sealed::meeting::{Decoded, Meeting};
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::run::{self, Run};
use crate::pure::sealed::snapshot::{self, Snapshot};
use crate::pure::sealed::told;

impl<P: Platform> Session<'_, P> {
    /// Applies pages that follow the head, in order. A snapshot or a closing page is the only page of its call.
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
            let own = known.pending.iter().find(|pending| pending.is_at(&opened.head));
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

    /// Checks a snapshot that follows the head known here: it must contain exactly the records known here.
    async fn check_snapshot(&self, known: &Known, opened: &Opened, snapshot: &Snapshot) -> Result<()> {
        if self.without(Rule::DigestBeforeAdopting) {
            return Ok(());
        }
        let position = opened.head.position;
        let differs = |(at, hash): &(u64, Option<_>)| snapshot.hash_of(position, *at).is_some_and(|covered| covered != *hash);
        let digest = self.collection.resident.read(|state| snapshot::digest(known::ledger(state).iter())).await?;
        if snapshot.follows(known.home.snapshot, position) && digest == snapshot.digest && !known.hashes.iter().any(differs) {
            return Ok(());
        }
        Err(bad_snapshot(opened, Some(digest), Some(snapshot.digest)))
    }

    /// Commits everything that a run of pages brings, in one commit.
    pub(super) async fn commit_run(&mut self, run: Run) -> Result<()> {
        let arrivals: Vec<Arrival> = run.arrivals.values().cloned().collect();
        let meeting = self.decode_arrivals(arrivals).await?;
        let without = self.platform().without();
        let commit = move |draft: &mut Draft| {
            if !is_unchanged(draft, &run.before) {
                return Err(interrupted());
            }
            let mut report = Report::default();
            run::settle_all(&run.acknowledged, draft, &mut report, without);
            let conflicts = meeting.all(draft, &mut report);
            run.write_notes(draft, without);
            Ok((report, conflicts))
        };
        let (report, conflicts) = self.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        Ok(())
    }

    /// Merges the conflicts again that earlier syncs left open, once per sync.
    pub(super) async fn meet_open(&mut self, is_first: bool) -> Result<()> {
        if !is_first {
            return Ok(());
        }
        let known = self.known().await?;
        let open: Vec<Arrival> = known.open().map(|held| held.arrival.clone()).collect();
        let fresh: Vec<Arrival> = open.into_iter().filter(|arrival| !self.conflicts.contains(&arrival.change.id)).collect();
        if !fresh.is_empty() {
            let meeting = self.decode_arrivals(fresh).await?;
            let commit = move |draft: &mut Draft| {
                let mut report = Report::default();
                // Another tab may have resolved some of them meanwhile; these are left out.
                let conflicts = meeting.only(|arrival| held::is_open(draft, arrival)).all(draft, &mut report);
                Ok((report, conflicts))
            };
            let (report, conflicts) = self.commit(commit).await?;
            self.report.extend(report);
            self.conflicts.extend(conflicts);
        }
        self.tell_strays().await
    }

    /// Reports the strays that `repair()` found and the user has not decided on. Not with the other two strategies, which would keep what
    /// is here.
    async fn tell_strays(&mut self) -> Result<()> {
        let mut strays = self.collection.resident.read(told::all_open).await?;
        strays.retain(|arrival| !self.conflicts.contains(&arrival.change.id));
        if strays.is_empty() || !matches!(self.options.strategy, Strategy::Manual | Strategy::PullOnly) {
            return Ok(());
        }
        let strays = self.decode_all(strays).await?;
        let local_fields = self.collection.local_fields.clone();
        let tell = move |draft: &mut Draft| {
            let mut report = Report::default();
            for (arrival, incoming) in &strays {
                match incoming {
                    Ok(incoming) => told::tell(draft, arrival, incoming, &local_fields, &mut report),
                    Err(error) => report.add_error(&arrival.change.id, error),
                }
            }
            Ok(report)
        };
        let report = self.commit(tell).await?;
        self.report.extend(report);
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
        self.commit(commit).await
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
            without: self.platform().without(),
            decoded,
        })
    }

    /// Passes the decoded changes to the app's hook, whose answer replaces them.
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
        // Hooks mostly keep the order, so the next change is compared first.
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
