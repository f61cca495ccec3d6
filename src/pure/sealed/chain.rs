//! The chain of pages as a server shows it: which page follows the head, and what raises an alarm because no honest server shows it.

use super::home::Head;
use super::item::{Content, EPOCH, Item, Name, VERSION, page_id};
use super::page::{Kind, Page};
use super::seal::{Hash, Seal};
use crate::error::{Error, Evidence};
use crate::pure::http::excerpt;
use std::collections::BTreeMap;
use std::ops::Bound;

/// How many consecutive positions may be void. Each of them was a page that was emptied by hand.
pub const MOST_VOIDS: u64 = 10_000;

/// The rows of a journal that the server has shown so far.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Pages with content, by their ids, which are in the order of positions. A server can list them in any order.
    pages: Rows,
    /// Further pages that open and were shown at the same position as one of `pages`.
    beside: Vec<(u64, Item)>,
    emptied: Rows,
    segments: Rows,
    /// The positions of pages with content that were added since [`View::shows`] last compared them with what is known.
    unseen: Vec<u64>,
}

type Rows = BTreeMap<String, Item>;

/// A page of the server, opened.
#[derive(Clone, Debug)]
pub struct Opened {
    pub head: Head,
    pub page: Page,
    /// The size of its sealed form.
    pub bytes: usize,
    pub last_modified: u64,
}

type Result<T, E = Error> = std::result::Result<T, E>;

pub enum Next {
    Page(Box<Opened>),
    /// No page with content is shown after the head.
    End,
    /// The page shown after the head does not follow it: a snapshot covers what is between, or the server lies.
    Gap,
}

impl View {
    pub fn add(&mut self, item: Item) {
        if self.known(&item).is_none_or(|known| replaces(known, &item)) {
            self.put(item);
        }
    }

    /// Like [`View::add`], for a repair. Keeps all pages that open, also several at one position, since each was written by somebody with the
    /// key.
    pub fn add_again(&mut self, item: Item, seal: &Seal) {
        let Name::Page(position) = item.name else {
            return self.add(item);
        };
        let opens = |item: &Item| open(item, position, seal).is_ok();
        let Some(known) = self.known(&item).filter(|known| known.content != item.content).cloned() else {
            return self.add(item);
        };
        match (opens(&known), opens(&item)) {
            (true, false) => {}
            (true, true) => {
                if !self.beside.iter().any(|(at, other)| *at == position && other.content == item.content) {
                    self.beside.push((position, item));
                }
            }
            (false, true) => self.put(item),
            _ => self.add(item),
        }
    }

    fn put(&mut self, item: Item) {
        let id = match &item.name {
            Name::Segment(id) => return drop(self.segments.insert(id.clone(), item)),
            Name::Page(position) => page_id(*position),
        };
        if item.content == Content::Emptied {
            self.pages.remove(&id);
            self.emptied.insert(id, item);
        } else {
            if let Name::Page(position) = item.name {
                self.unseen.push(position);
            }
            self.emptied.remove(&id);
            self.pages.insert(id, item);
        }
    }

    fn known(&self, item: &Item) -> Option<&Item> {
        match &item.name {
            Name::Page(position) => self.page(*position),
            Name::Segment(id) => self.segment(id),
        }
    }

    pub fn has_segments(&self) -> bool {
        !self.segments.is_empty()
    }

    /// The row shown at a position: a page with content, or an emptied one.
    pub fn page(&self, position: u64) -> Option<&Item> {
        let id = page_id(position);
        self.pages.get(&id).or_else(|| self.emptied.get(&id))
    }

    pub fn segment(&self, id: &str) -> Option<&Item> {
        self.segments.get(id)
    }

    /// The pages with content, in the order of positions.
    pub fn pages(&self) -> impl DoubleEndedIterator<Item = (u64, &Item)> {
        self.pages.values().filter_map(numbered)
    }

    /// All pages with content, also those in `beside`.
    pub fn all_pages(&self) -> impl Iterator<Item = (u64, &Item)> {
        self.pages().chain(self.beside.iter().map(|(position, item)| (*position, item)))
    }

    /// The pages with content after a position.
    fn beyond(&self, position: u64) -> impl DoubleEndedIterator<Item = (u64, &Item)> {
        let after = self.pages.range((Bound::Excluded(page_id(position)), Bound::Unbounded));
        after.filter_map(|(_, item)| numbered(item))
    }

    /// The first position after the head that is shown with content.
    fn after(&self, head: &Head) -> Option<(u64, &Item)> {
        self.beyond(head.position).next()
    }

    /// Whether the last page shown is an emptied one, after the head.
    pub fn ends_void(&self, head: &Head) -> bool {
        let last = |rows: &Rows| rows.values().next_back().and_then(numbered).map_or(0, |(position, _)| position);
        last(&self.emptied) > last(&self.pages).max(head.position)
    }

    /// The page that follows the head: the first one with content that names the head's hash, wherever it is. The positions between were
    /// emptied before anybody could read them (see `repair`). A page that the server merely hides is found out, since the `prev` of the next
    /// page names it.
    pub fn next(&self, head: &Head, seal: &Seal) -> Result<Next> {
        let Some((position, item)) = self.after(head) else {
            return Ok(Next::End);
        };
        let opened = open(item, position, seal)?;
        if opened.page.prev == head.hash && position - head.position <= MOST_VOIDS {
            return Ok(Next::Page(Box::new(opened)));
        }
        if position > head.position + 1 {
            return Ok(Next::Gap);
        }
        Err(Error::Fork {
            evidence: evidence(position, Some(head.hash), Some(opened.page.prev), Some(item)),
        })
    }

    /// Whether the known head is shown, with the known hash. Another page in its place, or in that of an earlier known page, is a fork. Only
    /// looks at pages that were added since the last call: a listing can have any number of pages.
    pub fn shows(&mut self, head: &Head, known: impl Fn(u64) -> Option<Hash>, seal: &Seal) -> Result<bool> {
        let mut shown = head.position == 0;
        for position in std::mem::take(&mut self.unseen).into_iter().filter(|position| *position <= head.position) {
            let Some(item) = self.page(position) else { continue };
            let Content::Sealed { ct, .. } = &item.content else { continue };
            let expected = if position == head.position { Some(head.hash) } else { known(position) };
            let found = seal.chain_hash(position, ct);
            match expected {
                Some(expected) if expected != found => {
                    open(item, position, seal)?;
                    return Err(Error::Fork {
                        evidence: evidence(position, Some(expected), Some(found), Some(item)),
                    });
                }
                _ => shown |= position == head.position,
            }
        }
        Ok(shown)
    }

    /// The latest snapshot after the head and before `end`.
    pub fn latest_snapshot(&self, head: &Head, end: u64, seal: &Seal) -> Result<Option<Opened>> {
        for (position, item) in self.beyond(head.position).rev().skip_while(|(position, _)| *position >= end) {
            let opened = open(item, position, seal)?;
            if matches!(opened.page.kind, Kind::Snapshot(_)) {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }

    /// The first position after the head whose content is not shown, although that of a later one is.
    pub fn first_missing(&self, head: &Head) -> u64 {
        (head.position + 1..)
            .find(|position| !self.pages.contains_key(&page_id(*position)))
            .unwrap_or(head.position + 1)
    }
}

fn numbered(item: &Item) -> Option<(u64, &Item)> {
    match item.name {
        Name::Page(position) => Some((position, item)),
        Name::Segment(_) => None,
    }
}

/// Whether `item` replaces the known row of the same id: it has a newer version, or the same version without losing the content.
fn replaces(known: &Item, item: &Item) -> bool {
    let loses_content = item.content == Content::Emptied && known.content != Content::Emptied;
    known.last_modified < item.last_modified || known.last_modified == item.last_modified && !loses_content
}

/// Opens a page with content at its position. Errors: `tampered`, `no_key`, `upgrade_required`.
pub fn open(item: &Item, position: u64, seal: &Seal) -> Result<Opened> {
    let tampered = || Error::Tampered {
        evidence: evidence(position, None, None, Some(item)),
    };
    let ct = sealed_bytes(item, position)?;
    let page = seal.open_page(position, ct).ok_or_else(tampered)?;
    if page.kind == Kind::Unknown {
        return Err(newer(VERSION + 1));
    }
    Ok(Opened {
        head: Head {
            position,
            hash: seal.chain_hash(position, ct),
        },
        page,
        bytes: ct.len(),
        last_modified: item.last_modified,
    })
}

/// The sealed bytes of a page or segment. `position` is for the evidence of an alarm.
pub fn sealed_bytes(item: &Item, position: u64) -> Result<&[u8]> {
    match &item.content {
        Content::Sealed { epoch: EPOCH, ct } => Ok(ct),
        Content::Sealed { epoch, .. } => Err(Error::NoKey { epoch: *epoch }),
        Content::Foreign { version } => Err(newer(*version)),
        Content::Malformed | Content::Emptied => Err(Error::Tampered {
            evidence: evidence(position, None, None, Some(item)),
        }),
    }
}

fn newer(version: u64) -> Error {
    Error::UpgradeRequired {
        found: u32::try_from(version).unwrap_or(u32::MAX),
        known: VERSION as u32,
    }
}

/// The alarm about a snapshot that is not what it should be. Its evidence names the device that wrote it.
pub fn bad_snapshot(opened: &Opened, expected: Option<Hash>, found: Option<Hash>) -> Error {
    let mut evidence = evidence(opened.head.position, expected, found, None);
    evidence.device = Some(opened.page.device.clone());
    Error::BadSnapshot { evidence }
}

/// How many bytes of the server's row the evidence of an alarm has.
const RECORD_BYTES: usize = 8 << 10;

pub fn evidence(position: u64, expected: Option<Hash>, found: Option<Hash>, item: Option<&Item>) -> Box<Evidence> {
    Box::new(Evidence {
        position,
        expected: expected.map(Hash::to_text),
        found: found.map(Hash::to_text),
        record: item.map(|item| excerpt(&item.raw, RECORD_BYTES)),
        ..Evidence::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::item;
    use super::*;

    #[test]
    fn a_row_without_content_replaces_no_content_of_the_same_time() {
        let row = |at: u64, content: &str| item::read(&format!("{{\"id\":\"p000000000001\",\"v\":1,\"last_modified\":{at}{content}}}")).unwrap();
        let sealed = |at| row(at, ",\"e\":1,\"ct\":\"AAAA\"");
        for (first, second, is_emptied) in [
            (sealed(5), row(5, ""), false),
            (row(5, ""), sealed(5), false),
            (sealed(5), row(6, ""), true),
            (row(6, ""), sealed(5), true),
        ] {
            let mut view = View::default();
            view.add(first);
            view.add(second);
            assert_eq!(view.page(1).unwrap().content == Content::Emptied, is_emptied);
        }
    }
}
