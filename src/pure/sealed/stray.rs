//! Strays: what a repair finds beside the chain. These are sealed pages that are not part of it, and records here whose version is not in it.
//!
//! A stray page may have been refused to its author, who then sealed the change again at a later position. Or it was acknowledged, in a history
//! that the server has lost; only such a page can hold a change that is nowhere else. Its author knew the chain up to some position, the
//! *fork*, and nothing after it. So whatever the chain has of a record after the fork stays.

use super::chain::Opened;
use super::change::Change;
use super::home::PageNote;
use super::meet::Arrival;
use super::page::Kind;
use super::rule::Rule;
use super::seal::Hash;
use super::snapshot::Ledger;
use crate::pure::record::{Body, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// A change of a record in the chain.
#[derive(Clone, Debug)]
struct Word {
    position: u64,
    t: u64,
    /// Empty if it is not known.
    device: String,
    /// `None` is a deletion.
    text: Option<Body>,
    /// The position up to which its author knew the lost history of this device.
    knows: u64,
}

/// All changes of the chain that can still be read, by record.
#[derive(Debug, Default)]
pub struct Words {
    of: BTreeMap<RecordId, Vec<Word>>,
    /// Up to this position the chain may have had further changes, such as a deletion, that can no longer be read.
    unread: u64,
    pub without: Option<Rule>,
}

/// A change that is not in the chain, and has to be judged.
pub struct Claim<'a> {
    pub id: &'a RecordId,
    pub text: Option<&'a str>,
    pub t: u64,
    pub device: &'a str,
    pub fork: u64,
    /// For a record of this device: its version, in a history that the server has lost.
    pub own: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A later change in the chain has the same content, or its author knew this change (for example, it is the same device).
    Superseded,
    /// The chain has another content, or may have deleted the record. That stays, and the user has to decide.
    Stays,
    /// The chain has no change of the record after the fork, and cannot have deleted it since.
    News,
}

impl Words {
    /// `inside`: the pages of the chain that can be read. `bases`: the records as the chain has or had them.
    pub fn new<'a>(inside: impl Iterator<Item = &'a Opened>, bases: &[&Ledger], notes: &BTreeMap<u64, PageNote>, head: u64, without: Option<Rule>) -> Self {
        let mut read = BTreeSet::new();
        let mut words = Words { without, ..Words::default() };
        for opened in inside {
            words.add(opened, 0);
            read.insert(opened.head.position);
        }
        for (id, base) in bases.iter().flat_map(|ledger| ledger.iter()) {
            let known = words.of.entry(id.clone()).or_default();
            if known.iter().all(|word| word.position != base.position) {
                known.push(Word {
                    position: base.position,
                    t: base.t,
                    device: notes.get(&base.position).map_or_else(String::new, |note| note.device.clone()),
                    text: Some(base.text.clone()),
                    knows: 0,
                });
            }
        }
        let is_void = |position: &u64| notes.get(position).is_some_and(|note| note.hash.is_none());
        words.unread = (1..=head).rev().find(|position| !read.contains(position) && !is_void(position)).unwrap_or(0);
        words
    }

    /// Adds the changes of a page. `knows`: the position up to which its author knew a lost history of this device.
    pub fn add(&mut self, opened: &Opened, knows: u64) {
        let Kind::Changes(changes) = &opened.page.kind else { return };
        for change in changes {
            self.of.entry(change.id.clone()).or_default().push(Word {
                position: opened.head.position,
                t: opened.page.t,
                device: opened.page.device.clone(),
                text: change.text.clone(),
                knows,
            });
        }
    }

    /// The last position whose page cannot be read, for example because it was emptied for a snapshot.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// Whether a page after this position deletes the record. `counts` says which devices' pages are considered.
    pub fn delete(&self, id: &RecordId, after: u64, counts: impl Fn(&str) -> bool) -> bool {
        let mut words = self.of.get(id).into_iter().flatten();
        words.any(|word| word.position > after && word.text.is_none() && counts(&word.device))
    }

    pub fn verdict(&self, ledger: &Ledger, claim: &Claim) -> Verdict {
        let there = ledger.get(claim.id);
        if claim.text.is_none() && there.is_none() {
            return Verdict::Superseded;
        }
        let later: Vec<&Word> = self.of.get(claim.id).into_iter().flatten().filter(|word| word.position > claim.fork).collect();
        let is_same_device = |word: &Word| !claim.device.is_empty() && word.device == claim.device && word.t >= claim.t;
        let supersedes = |word: &&Word| word.text.as_deref() == claim.text || is_same_device(word) || claim.own.is_some_and(|own| word.knows >= own);
        if later.iter().any(supersedes) {
            return Verdict::Superseded;
        }
        let stays = match there {
            Some(there) => there.position > claim.fork,
            None => !later.is_empty(),
        };
        let may_be_gone = there.is_none() && self.unread > claim.fork;
        match stays && self.without != Some(Rule::LaterWordStays) || may_be_gone && self.without != Some(Rule::UnreadMayBeGone) {
            true => Verdict::Stays,
            false => Verdict::News,
        }
    }
}

/// A page that is not in the chain.
#[derive(Clone, Debug)]
pub struct Stray {
    pub opened: Opened,
    fork: u64,
    pub knows: u64,
    /// The number of its line. The pages of a line were written one on top of the other.
    line: usize,
}

/// All pages that are not in the chain, in the order of positions.
#[derive(Debug, Default)]
pub struct Strays {
    pages: Vec<Stray>,
    /// For each line, where it branches off: the other line, and the last position that both have.
    parents: Vec<Option<(usize, u64)>>,
}

/// A change that is reported as a conflict: the hash of its page, and the change.
pub type Told = (Hash, Arrival);

/// What to do with the changes of the strays.
#[derive(Debug, Default)]
pub struct Sorted {
    /// The changes to append, by page.
    pub news: Vec<(Stray, Vec<Change>)>,
    pub told: Vec<Told>,
}

/// A change of a stray, with the index of that stray.
type Change1<'a> = (usize, &'a Change, Verdict);

impl Strays {
    /// `opened` is in the order of positions. `chain` and `own` give the position of each hash in the chain, and in what this device knows.
    /// `common` is the last position at which both agree.
    pub fn new(opened: Vec<Opened>, chain: &BTreeMap<Hash, u64>, own: &BTreeMap<Hash, u64>, common: u64, without: Option<Rule>) -> Self {
        let mut strays = Strays::default();
        let mut places: BTreeMap<Hash, usize> = BTreeMap::new();
        for opened in opened {
            let (position, prev) = (opened.head.position, opened.page.prev);
            let before = |at: &&u64| **at < position;
            let parent = places.get(&prev).map(|index| &strays.pages[*index]);
            let (fork, knows) = match (chain.get(&prev).filter(before), own.get(&prev).filter(before), parent) {
                (Some(at), ..) => (*at, common.min(*at)),
                (_, Some(at), _) => (common.min(*at), *at),
                (.., Some(parent)) => (parent.fork, parent.knows),
                // The page that it was written on is not shown, so its author may have known nothing of the chain.
                _ => (0, 0),
            };
            let fork = if without == Some(Rule::ForkNotPosition) { position - 1 } else { fork };
            let line = match parent.map(|parent| (parent.line, parent.opened.head.position)) {
                Some((line, at)) if strays.last_of(line) == at => line,
                parent => {
                    strays.parents.push(parent);
                    strays.parents.len() - 1
                }
            };
            places.insert(opened.head.hash, strays.pages.len());
            strays.pages.push(Stray { opened, fork, knows, line });
        }
        strays
    }

    fn last_of(&self, line: usize) -> u64 {
        let last = self.pages.iter().rev().find(|stray| stray.line == line);
        last.map_or(0, |stray| stray.opened.head.position)
    }

    pub fn hashes(&self) -> BTreeSet<Hash> {
        self.pages.iter().map(|stray| stray.opened.head.hash).collect()
    }

    pub fn sort(&self, words: &Words, ledger: &Ledger) -> Sorted {
        let mut claims: BTreeMap<&RecordId, Vec<Change1>> = BTreeMap::new();
        for (index, stray) in self.pages.iter().enumerate() {
            let Kind::Changes(changes) = &stray.opened.page.kind else { continue };
            for change in changes {
                let claim = Claim {
                    id: &change.id,
                    text: change.text.as_deref(),
                    t: stray.opened.page.t,
                    device: &stray.opened.page.device,
                    fork: stray.fork,
                    own: None,
                };
                let verdict = words.verdict(ledger, &claim);
                claims.entry(&change.id).or_default().push((index, change, verdict));
            }
        }
        let (mut told, mut news) = (Vec::new(), BTreeMap::<usize, Vec<Change>>::new());
        for claims in claims.into_values() {
            let mut has_news = false;
            for (at, (index, change, verdict)) in claims.iter().enumerate().rev() {
                if *verdict == Verdict::Superseded || claims[at + 1..].iter().any(|later| self.supersedes(later, *index, change)) {
                    continue;
                }
                if *verdict == Verdict::News && !has_news {
                    has_news = true;
                    news.entry(*index).or_default().push((*change).clone());
                } else {
                    told.push(self.told(*index, change));
                }
            }
        }
        let news = news.into_iter().map(|(index, changes)| (self.pages[index].clone(), changes)).collect();
        Sorted { news, told }
    }

    /// Whether a later stray replaces an earlier one: it was written on top of that, by the same device, or has the same content.
    fn supersedes(&self, (later, said, _): &Change1, earlier: usize, change: &Change) -> bool {
        let [later, earlier] = [*later, earlier].map(|index| &self.pages[index]);
        let [later_page, page] = [later, earlier].map(|stray| &stray.opened.page);
        let is_same_device = later_page.device == page.device && later_page.t >= page.t;
        said.text == change.text || is_same_device || self.descends(later, earlier)
    }

    fn descends(&self, later: &Stray, earlier: &Stray) -> bool {
        let (mut line, mut upto) = (later.line, later.opened.head.position);
        loop {
            if line == earlier.line {
                return earlier.opened.head.position <= upto;
            }
            match self.parents[line] {
                Some(parent) => (line, upto) = parent,
                None => return false,
            }
        }
    }

    fn told(&self, index: usize, change: &Change) -> Told {
        let Opened { head, page, .. } = &self.pages[index].opened;
        let (change, position, t) = (change.clone(), head.position, page.t);
        (head.hash, Arrival { change, position, t })
    }
}
