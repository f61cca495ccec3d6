//! `repair()` of an encrypted collection, when the user asks for it.
//!
//! Takes the server's chain as it is (`survey`), merges it with the local records (`pure::sealed::repair`), uploads what the server lost,
//! and writes a snapshot from which every other device can begin. Positions that were passed over are emptied only after all this is
//! committed, and each is read once more before.

use super::compact::Passed;
use super::push::omission;
use super::requests::Found;
use super::survey::Chain;
use super::{Secrets, interrupted, is_unchanged};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::Platform;
use crate::pure::answers::PartAnswer;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::merge::Strategy;
use crate::pure::record::RecordId;
use crate::pure::report::error_entry;
use crate::pure::sealed::chain::{self, Opened};
use crate::pure::sealed::change::Change;
use crate::pure::sealed::deleted::Deleted;
use crate::pure::sealed::group;
use crate::pure::sealed::home::{JOURNAL, PageNote, page_note, read_page_note};
use crate::pure::sealed::item::{self, Content, Name, page_id};
use crate::pure::sealed::known::{self, Known};
use crate::pure::sealed::meet::{Arrival, Incoming};
use crate::pure::sealed::older::Older;
use crate::pure::sealed::page::Kind;
use crate::pure::sealed::reconcile::{Lost, Reconcile};
use crate::pure::sealed::rule::Rule;
use crate::pure::sealed::run::{Acknowledged, settle_passed};
use crate::pure::sealed::seal::Hash;
use crate::pure::sealed::snapshot::Snapshot;
use crate::pure::sealed::stray::{Sorted, Stray, Told, Words};
use crate::pure::sealed::survey::Survey;
use std::collections::BTreeSet;

/// How many rows one repair reads once more and empties. Anybody who can write to the collection can put any number of rows there, and a
/// server can list any number that does not exist.
const MOST_EMPTIED: usize = 1_000;

impl<P: Platform> Session<'_, P> {
    pub(in crate::engine) async fn repair(&mut self, secrets: &Secrets) -> Result<()> {
        let repaired = self.repair_journal(secrets).await;
        repaired.map_err(|error| self.with_evidence(error))
    }

    async fn repair_journal(&mut self, secrets: &Secrets) -> Result<()> {
        let known = self.known().await?;
        let (survey, mut chain) = self.survey(secrets, &known).await?;
        self.check_not_moved(&chain.home)?;
        let without = self.platform().without();
        let mut words = chain.words(without);
        let strays = chain.strays(&known, without);
        let Sorted { news, told } = strays.sort(&words, &chain.ledger);
        let writes = self.options.strategy != Strategy::PullOnly;
        let last = if writes {
            self.last_taken(&survey, chain.home.head.position).await?
        } else {
            0
        };
        for (stray, changes) in news.into_iter().filter(|_| writes) {
            self.append_stray(secrets, &mut chain, &mut words, &stray, changes, last).await?;
        }
        let lost = self.lost(&chain, &known).await?;
        let news = self.collection.resident.read(|state| lost.news(state, &words, &chain.ledger)).await?;
        let published = if writes { news } else { Vec::new() };
        self.append_lost(secrets, &mut chain, &mut words, &published, last).await?;
        let inside: BTreeSet<(u64, Hash)> = chain.inside.iter().map(|opened| (opened.head.position, opened.head.hash)).collect();
        let strays = strays.hashes();
        self.reconcile(chain, &known, words, told, lost, published).await?;
        if writes {
            self.push_journal(secrets, Some(last)).await?;
            self.compact(secrets, &passed(&survey, &inside, last)).await?;
            self.empty_passed(secrets, &survey, &strays).await?;
        }
        self.remember_last_modified().await
    }

    /// The last taken position after the head: the greatest one that the list shows and that really exists, and the emptied positions right
    /// after it.
    async fn last_taken(&self, survey: &Survey, head: u64) -> Result<u64> {
        const MOST_ABSENT: usize = 64;
        const MOST_VOID: u64 = 1_000;
        let (mut last, taken) = (head, survey.taken_after(head));
        // If the list invents more rows than that at its end, the rows at its beginning are checked too.
        let (first, farthest) = taken.split_at(taken.len().saturating_sub(MOST_ABSENT));
        let first = &first[..first.len().min(MOST_ABSENT)];
        for position in farthest.iter().rev().chain(first.iter().rev()) {
            if let Found::Item(_) = self.get_item(&page_id(*position)).await? {
                last = *position;
                break;
            }
        }
        for next in last + 1..=last + MOST_VOID {
            match self.get_item(&page_id(next)).await? {
                Found::Item(item) if item.content == Content::Emptied => last = next,
                // A page that has just been written there; the append will find it.
                _ => return Ok(last),
            }
        }
        Err(omission(last + 1))
    }

    /// Appends the changes of a stray that the chain never had, after all taken positions, so that every device that follows the chain gets
    /// them. The stray's own hash is not in the chain: a device whose head it is gets an alarm, and its repair uploads what else it has of
    /// that history.
    async fn append_stray(&mut self, secrets: &Secrets, chain: &mut Chain, words: &mut Words, stray: &Stray, changes: Vec<Change>, last: u64) -> Result<()> {
        // Another repair may have appended them meanwhile.
        if !self.stands(secrets, &stray.opened.head).await? {
            return Ok(());
        }
        let opened = self.append_foreign(secrets, &chain.home, changes, last).await?;
        // The changes still count as those of their author.
        let mut said = opened.clone();
        said.page.device = stray.opened.page.device.clone();
        words.add(&said, stray.knows);
        chain.append(opened);
        Ok(())
    }

    async fn lost(&self, chain: &Chain, known: &Known) -> Result<Lost> {
        Ok(Lost {
            pages: self.collection.resident.read(known::page_notes).await?.into_iter().collect(),
            common: chain.common,
            deleted: self.collection.resident.read(Deleted::known).await?.after(chain.common),
            acknowledged: chain.acknowledged(&known.pending, self.platform().without()),
            without: self.platform().without(),
        })
    }

    /// Appends what the server has lost and this device knows, before anything changes here: if that fails, this device still knows which
    /// history it belongs to.
    async fn append_lost(&mut self, secrets: &Secrets, chain: &mut Chain, words: &mut Words, news: &[Change], last: u64) -> Result<()> {
        let weighed: Vec<(&RecordId, usize)> = news.iter().map(|change| (&change.id, change.bytes())).collect();
        for page in group::pages(&weighed, &[], self.platform().sealed_limits().page_bytes) {
            let changes = page.into_iter().map(|index| news[index].clone()).collect();
            let opened = self.append_foreign(secrets, &chain.home, changes, last).await?;
            words.add(&opened, 0);
            chain.append(opened);
        }
        Ok(())
    }

    /// Merges every local record with what the server has of it, in one commit.
    async fn reconcile(&mut self, chain: Chain, known: &Known, words: Words, told: Vec<Told>, lost: Lost, published: Vec<Change>) -> Result<()> {
        let there: Vec<Arrival> = chain.ledger.iter().map(|(id, base)| Arrival::of(id, base)).collect();
        let there = self.decode_all(there).await?;
        let (pages, arrivals): (Vec<Hash>, Vec<Arrival>) = told.into_iter().unzip();
        let told = pages.into_iter().zip(self.decode_all(arrivals).await?).collect();
        let meeting = Reconcile {
            there,
            told,
            common: chain.common,
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
            words,
            device: self.device().await?,
            ledger: chain.ledger,
            lost,
            published,
        };
        let before = known.home.clone();
        let commit = move |draft: &mut Draft| {
            if !is_unchanged(draft, &before) {
                return Err(interrupted());
            }
            let (report, conflicts) = meeting.all(draft);
            let mut older = Older::of(draft);
            older.truncate(chain.common);
            let first = chain.pages.first().map_or(0, |(position, _)| *position);
            for name in draft.note_names() {
                if let Some(position) = read_page_note(&name) {
                    if position < first && position <= chain.common {
                        let note = draft.note(&name).map(|note| PageNote::read(&note));
                        older.push(position, note.and_then(|note| note.hash));
                    }
                    draft.set_note(&name, None);
                }
            }
            older.write(draft);
            let mut deleted = Deleted::of(draft);
            deleted.rebase(chain.common, chain.home.head.position);
            let own = meeting.lost.acknowledged.iter().flat_map(Acknowledged::deletions);
            own.for_each(|deletion| deleted.add(deletion));
            deleted.write(draft);
            for (position, note) in &chain.pages {
                draft.set_note(&page_note(*position), Some(note.to_json()));
            }
            settle_passed(draft, chain.home.head.position, meeting.lost.without);
            draft.set_note(JOURNAL, Some(chain.home.to_json()));
            Ok((report, conflicts))
        };
        let (report, conflicts) = self.commit(commit).await?;
        self.report.extend(report);
        self.conflicts.extend(conflicts);
        Ok(())
    }

    pub(super) async fn decode_all(&self, arrivals: Vec<Arrival>) -> Result<Vec<(Arrival, Result<Incoming>)>> {
        let decoded = self.collection.transformed(arrivals.iter().map(Arrival::to_json).collect(), false).await?;
        let read = |(arrival, text): (Arrival, Result<String>)| {
            let incoming = text.and_then(|text| Incoming::read(&arrival, &text));
            (arrival, incoming)
        };
        Ok(arrivals.into_iter().zip(decoded).map(read).collect())
    }

    /// Empties rows that would be in the way for ever: those that no device can open, and strays whose changes are dealt with. Rows that do
    /// open at this second reading stay. Reports how many rows are left for the next repair.
    async fn empty_passed(&mut self, secrets: &Secrets, survey: &Survey, over: &BTreeSet<Hash>) -> Result<()> {
        /// The answers to so many reads of the largest possible records are together as large as a listing may be.
        const MOST_READ: usize = 16;
        let is_over = |opened: &&Opened| over.contains(&opened.head.hash);
        let strays = survey.opened.iter().filter(is_over).map(|opened| opened.head.position);
        // Strays come first, because a device that knows the page before a stray would follow the stray.
        let mut positions: Vec<u64> = strays.chain(survey.junk.iter().copied()).collect();
        let all = positions.len();
        // A list may show junk in the place of the latest snapshot or of a later page, which new devices need. If this repair's own
        // snapshot failed, the latest one is an older one.
        let home = self.home().await?;
        let needed = home.snapshot..=home.head.position;
        positions.retain(|position| !needed.contains(position) || self.without(Rule::NewDevicesNeedTheLatest));
        positions.truncate(MOST_EMPTIED);
        let mut left = all - positions.len();
        for positions in positions.chunks(MOST_READ) {
            let reads = positions
                .iter()
                .map(|position| self.target.read(&RecordId::from_text(&page_id(*position))))
                .collect();
            let mut parts = Vec::new();
            for (position, answer) in positions.iter().zip(self.send_parts(reads).await?) {
                match answer {
                    PartAnswer::Done(data) => parts.extend(worthless(secrets, *position, &data, over).map(|at| self.emptied(&page_id(*position), at))),
                    PartAnswer::NotFound(_) => {}
                    _ => left += 1,
                }
            }
            let answers = self.send_parts(parts).await?;
            left += answers
                .iter()
                .filter(|answer| matches!(answer, PartAnswer::Undone | PartAnswer::Refused(_)))
                .count();
        }
        if left > 0 {
            let message = format!("{left} rows on the server that are not part of this collection's chain were not emptied. Call repair() again.");
            let (list, json) = error_entry("outgoing", None, None, &format!("\"message\":{}", json::quote(&message)));
            self.report.add(list, json);
        }
        Ok(())
    }
}

/// The version of a row that is of no use to any device; `None` for any other row.
fn worthless(secrets: &Secrets, position: u64, row: &str, over: &BTreeSet<Hash>) -> Option<u64> {
    let item = item::read(row).filter(|item| item.name == Name::Page(position) && item.content != Content::Emptied)?;
    let is_worthless = match chain::open(&item, position, &secrets.seal) {
        Ok(opened) => over.contains(&opened.head.hash),
        Err(error) => matches!(error, Error::Tampered { .. }),
    };
    is_worthless.then_some(item.last_modified)
}

/// What the snapshot of this repair passes over. The chain's pages may be emptied once the snapshot is committed. Segments of a snapshot
/// that opens and is not part of the chain stay, because another device may be able to adopt it.
fn passed(survey: &Survey, inside: &BTreeSet<(u64, Hash)>, last: u64) -> Passed {
    let outside = survey
        .opened
        .iter()
        .filter(|opened| !inside.contains(&(opened.head.position, opened.head.hash)));
    let snapshots = outside.filter_map(|opened| match &opened.page.kind {
        Kind::Snapshot(snapshot) => Some(snapshot),
        _ => None,
    });
    Passed {
        read: Some(inside.iter().map(|(position, _)| *position).collect()),
        last,
        segments: snapshots.flat_map(Snapshot::names).map(str::to_owned).collect(),
    }
}
