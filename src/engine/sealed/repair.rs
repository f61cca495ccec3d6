//! `repair()`: on the user's word, the server's chain is taken as it stands (`survey`), what is here meets it
//! (`pure::sealed::repair`), what the server lost goes up again, and a snapshot lets everybody else begin from there.
//!
//! Only when all that stands is anything emptied that was passed over: it is looked at once more before.

use super::compact::{Passed, names as segment_names};
use super::push::omission;
use super::requests::Found;
use super::survey::Chain;
use super::{Secrets, interrupted, is_unchanged};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::answers;
use crate::pure::draft::Draft;
use crate::pure::merge::Strategy;
use crate::pure::report::Report;
use crate::pure::sealed::chain::{self, Opened};
use crate::pure::sealed::change::Change;
use crate::pure::sealed::home::{JOURNAL, page_note, read_page_note};
use crate::pure::sealed::item::{Content, page_id};
use crate::pure::sealed::known::Known;
use crate::pure::sealed::meet::{Arrival, Incoming};
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::reconcile::Reconcile;
use crate::pure::sealed::run::settle_passed;
use crate::pure::sealed::seal::Hash;
use crate::pure::sealed::survey::{Survey, unsaid};
use std::collections::BTreeSet;

impl<P: Platform> Session<'_, P> {
    pub(in crate::engine) async fn repair(&mut self, secrets: &Secrets) -> Result<()> {
        let repaired = self.repair_journal(secrets).await;
        repaired.map_err(|error| self.with_evidence(error))
    }

    async fn repair_journal(&mut self, secrets: &Secrets) -> Result<()> {
        let known = self.known().await?;
        let (survey, mut chain) = self.survey(secrets, &known).await?;
        self.check_not_moved(&chain.home)?;
        let (strays, said) = (std::mem::take(&mut chain.strays), std::mem::take(&mut chain.said));
        let common = chain.common;
        self.reconcile(chain, &known, common).await?;
        if self.options.strategy != Strategy::PullOnly {
            let last = self.last_taken(&survey).await?;
            let over = self.write_again(secrets, &strays, &said, &known, last).await?;
            self.push_journal(secrets, Some(last)).await?;
            let passed = self.passed(&survey, last).await?;
            self.compact(secrets, &passed).await?;
            self.empty_passed(secrets, &survey, &over).await?;
        }
        self.remember_last_modified().await
    }

    /// The last position after the head where something stands: the greatest that the list shows, if it is really there, and
    /// what has been emptied right after it.
    async fn last_taken(&self, survey: &Survey) -> Result<u64> {
        const MOST_EMPTIED: u64 = 1_000;
        let mut last = self.home().await?.head.position;
        for position in survey.taken_after(last).into_iter().rev() {
            if let Found::Item(_) = self.get_item(&page_id(position)).await? {
                last = position;
                break;
            }
        }
        for next in last + 1..=last + MOST_EMPTIED {
            match self.get_item(&page_id(next)).await? {
                Found::Item(item) if item.content == Content::Emptied => last = next,
                // A page that has just been written there is met by the append.
                _ => return Ok(last),
            }
        }
        Err(omission(last + 1))
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
        let (report, conflicts) = self.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        Ok(())
    }

    /// Pages that do not follow the chain are written again after it, as they are, so that whoever follows it finds them. Their
    /// hashes are not in it: a device that stands on one is told so, and brings up again what else it has of that history.
    /// What of them is known here goes up with the rest. Gives the pages that are over then.
    async fn write_again(&mut self, secrets: &Secrets, strays: &[Opened], said: &[(u64, Vec<Change>)], known: &Known, last: u64) -> Result<Vec<Hash>> {
        let mut over = Vec::new();
        for stray in strays.iter().filter(|stray| matches!(stray.page.kind, Kind::Changes(_))) {
            let is_known = known.hash(stray.head.position) == Some(stray.head.hash);
            let unsaid = unsaid(said, stray);
            if !is_known && !unsaid.is_empty() {
                // Another repair may have done it meanwhile.
                if !self.stands(secrets, &stray.head).await? {
                    continue;
                }
                self.append_foreign(secrets, unsaid, last).await?;
            }
            over.push(stray.head.hash);
        }
        Ok(over)
    }

    /// The chain's pages may be emptied once the snapshot stands. Segments of a snapshot that opens and is not part of the
    /// chain stay: somebody else may be able to take it over.
    async fn passed(&self, survey: &Survey, last: u64) -> Result<Passed> {
        let known = self.known().await?;
        let is_in_chain = |opened: &&Opened| known.hash(opened.head.position) == Some(opened.head.hash);
        let (inside, outside): (Vec<&Opened>, Vec<&Opened>) = survey.opened.iter().partition(is_in_chain);
        let snapshots = outside.into_iter().filter_map(|opened| match &opened.page.kind {
            Kind::Snapshot(snapshot) => Some(snapshot),
            _ => None,
        });
        Ok(Passed {
            read: Some(inside.into_iter().map(|opened| opened.head.position).collect()),
            last,
            segments: snapshots.flat_map(segment_names).map(str::to_owned).collect(),
        })
    }

    /// What would be in the way for ever: what opens for nobody, and pages that are over. What opens after all stays.
    async fn empty_passed(&self, secrets: &Secrets, survey: &Survey, over: &[Hash]) -> Result<()> {
        let is_over = |opened: &&Opened| over.contains(&opened.head.hash);
        let strays = survey.opened.iter().filter(is_over).map(|opened| opened.head.position);
        for position in survey.junk.iter().copied().chain(strays) {
            let Found::Item(item) = self.get_item(&page_id(position)).await? else {
                continue;
            };
            let is_worthless = match chain::open(&item, position, &secrets.seal) {
                Ok(opened) => over.contains(&opened.head.hash),
                Err(error) => item.content != Content::Emptied && matches!(error, Error::Tampered { .. }),
            };
            if is_worthless {
                self.empty(position, item.last_modified).await?;
            }
        }
        Ok(())
    }

    async fn empty(&self, position: u64, at: u64) -> Result<()> {
        let part = self.emptied(&page_id(position), at);
        let response = self.send_part(&part).await?;
        let url = format!("{}{}", self.target.remote.url(), part.path);
        match response.status {
            412 => Ok(()),
            _ => answers::accept(&response, &url).map(drop),
        }
    }
}
