//! `repair()`: on the user's word, the server's chain is taken as it stands, what is here meets it (`pure::sealed::repair`),
//! what the server lost goes up again, and a snapshot lets everybody else begin from there.

use super::adopt::covered_pages;
use super::{Secrets, interrupted, is_unchanged};
use crate::engine::listing::Listing;
use crate::engine::sync::Session;
use crate::error::Result;
use crate::ports::Platform;
use crate::pure::answers;
use crate::pure::draft::Draft;
use crate::pure::merge::Strategy;
use crate::pure::report::Report;
use crate::pure::sealed::chain::{self, Opened, View};
use crate::pure::sealed::home::{Cursor, Home, JOURNAL, PageNote, page_note, read_page_note};
use crate::pure::sealed::item::{self, Content, page_id};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::meet::{Arrival, Incoming};
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::reconcile::Reconcile;
use crate::pure::sealed::run::{Run, settle_passed};
use crate::pure::sealed::snapshot::{self, Ledger};
use std::collections::BTreeSet;

/// The server's chain as it stands.
#[derive(Default)]
struct Chain {
    home: Home,
    pages: Vec<(u64, PageNote)>,
    ledger: Ledger,
    /// Pages that open but do not follow what is before them: a server that was restored while somebody was writing has such.
    strays: Vec<Opened>,
}

impl<P: Platform> Session<'_, P> {
    pub(in crate::engine) async fn repair(&mut self, secrets: &Secrets) -> Result<()> {
        let repaired = self.repair_journal(secrets).await;
        repaired.map_err(|error| self.with_evidence(error))
    }

    async fn repair_journal(&mut self, secrets: &Secrets) -> Result<()> {
        let view = self.read_all().await?;
        let known = self.known().await?;
        let mut chain = self.read_chain(&view, secrets, &known).await?;
        self.check_not_moved(&chain.home)?;
        let strays = std::mem::take(&mut chain.strays);
        let common = common_position(&chain, &known);
        self.reconcile(chain, &known, common).await?;
        if self.options.strategy != Strategy::PullOnly {
            self.write_again(secrets, &view, strays, &known).await?;
            self.empty_unreadable(&view).await?;
            self.push_journal(secrets, true).await?;
            self.compact(secrets).await?;
        }
        self.remember_last_modified().await
    }

    async fn read_all(&mut self) -> Result<View> {
        let (mut view, mut listing) = (View::default(), Listing::default());
        let mut request = self.target.list_journal(self.platform().sealed_limits().listing_rows);
        loop {
            let url = request.url.clone();
            let response = self.send(request).await?;
            if response.status == 404 {
                return Ok(view);
            }
            let (records, next) = listing.read(&response, &url)?;
            self.report.last_modified = answers::etag(&response);
            records.into_iter().filter_map(item::read).for_each(|item| view.add(item));
            let Some(next) = next else { return Ok(view) };
            request = self.target.page(self.target.remote.next_page(next)?);
        }
    }

    /// The latest snapshot that can be read, and the pages that follow it.
    async fn read_chain(&self, view: &View, secrets: &Secrets, known: &Known) -> Result<Chain> {
        let mut chain = Chain::default();
        let readable: Vec<Opened> = view
            .pages()
            .filter(|(_, item)| item.content != Content::Emptied)
            .filter_map(|(position, item)| chain::open(item, position, &secrets.seal).ok())
            .collect();
        for opened in readable.iter().rev() {
            let Kind::Snapshot(snapshot) = &opened.page.kind else { continue };
            let ledger = match stands_here(known, opened) {
                // What is here is what that snapshot should hold; its segments may be lost.
                true => Some(self.collection.resident.read(known::ledger).await?),
                false => self.read_segments(view, secrets, opened, snapshot).await.ok().flatten(),
            };
            let Some(ledger) = ledger else { continue };
            let mut run = Run::new(Home::default());
            run.after.head = opened.head;
            run.after.t = opened.page.t;
            run.after_snapshot(snapshot);
            run.after.live_bytes = ledger.iter().map(|(id, base)| snapshot::weight(id, base)).sum();
            run.after.cursor.since = opened.last_modified;
            chain = Chain {
                home: run.after,
                pages: covered_pages(opened, snapshot),
                ledger,
                strays: Vec::new(),
            };
            break;
        }
        let from = chain.home.head.position;
        let mut run = Run::new(chain.home.clone());
        for mut opened in readable.into_iter().filter(|opened| opened.head.position > from) {
            if opened.page.prev != run.after.head.hash {
                chain.strays.push(opened);
                continue;
            }
            if matches!(opened.page.kind, Kind::Snapshot(_)) {
                // Its segments cannot be read, and what it covers is still there.
                opened.page.kind = Kind::Changes(Vec::new());
            }
            run.add(None, opened);
        }
        chain.home = run.after;
        chain.pages.extend(run.pages);
        for (id, arrival) in run.arrivals {
            match arrival.base() {
                Some(base) => drop(chain.ledger.insert(id, base)),
                None => drop(chain.ledger.remove(&id)),
            }
        }
        chain.home.cursor = Cursor {
            url: self.target.url(),
            since: chain.home.cursor.since,
            ..Cursor::default()
        };
        Ok(chain)
    }

    /// Every record here meets what the server has of it, in one commit.
    async fn reconcile(&mut self, chain: Chain, known: &Known, common: u64) -> Result<()> {
        let arrivals: Vec<Arrival> = chain.ledger.iter().map(|(id, base)| Arrival::of(id, base)).collect();
        let decoded = self.collection.transformed(arrivals.iter().map(Arrival::to_json).collect(), false).await?;
        let read = |(arrival, text): (Arrival, Result<String>)| {
            let incoming = text.and_then(|text| Incoming::read(&arrival, &text));
            (arrival, incoming)
        };
        let there: Vec<(Arrival, Result<Incoming>)> = arrivals.into_iter().zip(decoded).map(read).collect();
        let meeting = Reconcile {
            there,
            common,
            head: chain.home.head.position,
            t: chain.home.t,
            strategy: self.options.strategy,
            local_fields: self.collection.local_fields.clone(),
            hidden: known
                .held
                .iter()
                .filter(|held| !held.is_open)
                .map(|held| held.arrival.change.id.clone())
                .collect(),
        };
        let before = known.home.clone();
        let commit = move |draft: &mut Draft| {
            if !is_unchanged(draft, &before) {
                return Err(interrupted());
            }
            let (mut report, mut conflicts) = (Report::default(), BTreeSet::new());
            for id in meeting.ids(draft) {
                if meeting.one(draft, &id, &mut report) {
                    conflicts.insert(id);
                }
            }
            for name in draft.note_names() {
                if read_page_note(&name).is_some() {
                    draft.set_note(&name, None);
                }
            }
            for (position, note) in &chain.pages {
                draft.set_note(&page_note(*position), Some(note.to_json()));
            }
            settle_passed(draft, chain.home.head.position);
            draft.set_note(JOURNAL, Some(chain.home.to_json()));
            Ok((report, conflicts))
        };
        let (report, conflicts) = self.collection.resident.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        Ok(())
    }

    /// Pages that do not follow the chain are written again after it, as they are, so that whoever follows it finds them. Their
    /// hashes are not in it: a device that stands on one is told so, and brings up again what else it has of that history.
    /// What of them is known here goes up with the rest.
    async fn write_again(&mut self, secrets: &Secrets, view: &View, strays: Vec<Opened>, known: &Known) -> Result<()> {
        let last = view.pages().next_back().map_or(0, |(position, _)| position);
        for stray in strays.into_iter().filter(|stray| known.hash(stray.head.position) != Some(stray.head.hash)) {
            let Kind::Changes(changes) = stray.page.kind else { continue };
            if changes.is_empty() {
                continue;
            }
            let voids = last.saturating_sub(self.home().await?.head.position);
            self.append_foreign(secrets, changes, voids).await?;
        }
        Ok(())
    }

    /// Pages after the head that open for nobody would be in the way for ever.
    async fn empty_unreadable(&self, view: &View) -> Result<()> {
        let head = self.home().await?.head.position;
        for (position, item) in view.pages().filter(|(position, item)| *position > head && item.content != Content::Emptied) {
            let part = self.emptied(&page_id(position), item.last_modified);
            let response = self.send_part(&part).await?;
            let url = format!("{}{}", self.target.remote.url(), part.path);
            if response.status != 412 {
                answers::accept(&response, &url)?;
            }
        }
        Ok(())
    }
}

/// Whether the head here is that snapshot, or the page before it.
fn stands_here(known: &Known, snapshot: &Opened) -> bool {
    let head = known.home.head;
    head.position > 0 && (head.hash == snapshot.page.prev || head == snapshot.head)
}

/// The last position up to which this device knows the very chain that the server has. 0 if there is none.
fn common_position(chain: &Chain, known: &Known) -> u64 {
    let is_same = |(position, note): &&(u64, PageNote)| note.hash.is_some() && known.hash(*position) == note.hash;
    chain.pages.iter().rev().find(is_same).map_or(0, |(position, _)| *position)
}
