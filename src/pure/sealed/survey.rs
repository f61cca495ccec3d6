//! The server scan of a repair: all pages on the server, those that open (whatever they name as the page before) and those that do not.

use super::chain::{self, MOST_VOIDS, Opened, View};
use super::home::{Head, Home};
use super::page::Kind;
use super::run::Run;
use super::seal::{Hash, Seal};
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// How many consecutive positions a repair may pass over when it appends. Without a limit, one row that somebody puts far ahead would make it
/// append behind that row.
const MOST_PASSED: u64 = 1_000;

/// How many positions a repair may pass over in all. The next snapshot names each of them.
const MOST_PASSED_IN_ALL: u64 = 100_000;

/// The pages with content that a server has, in the order of positions.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub opened: Vec<Opened>,
    /// The positions of pages that do not open: they are damaged, or nobody with the key wrote them there.
    pub junk: Vec<u64>,
    /// The positions of both kinds of pages.
    taken: Vec<u64>,
}

impl Survey {
    /// Opens all pages. `head` is the last position that is known here. Errors: `upgrade_required` or `no_key` for a page that only a newer
    /// essaim can read, so that it is not taken for damaged. Such a page is ignored if it is too far ahead to belong to the chain.
    pub fn of(view: &View, head: u64, seal: &Seal) -> Result<Self> {
        let (mut survey, mut newer) = (Survey::default(), Vec::new());
        for (position, item) in view.all_pages() {
            match chain::open(item, position, seal) {
                Ok(opened) => survey.opened.push(opened),
                Err(Error::Tampered { .. }) => survey.junk.push(position),
                Err(error) => {
                    newer.push((position, error));
                    continue;
                }
            }
            survey.taken.push(position);
        }
        survey.opened.sort_by_key(|opened| opened.head.position);
        survey.taken.sort_unstable();
        survey.taken.dedup();
        let last = survey.opened.last().map_or(0, |opened| opened.head.position).max(head);
        let is_near = |position: u64| survey.opened.is_empty() || position.saturating_sub(last) <= MOST_VOIDS;
        match newer.into_iter().find(|(position, _)| is_near(*position)) {
            Some((_, error)) => Err(error),
            None => Ok(survey),
        }
    }

    /// The positions after `head` that are taken, up to the first one that is too far behind the one before or behind `head`.
    pub fn taken_after(&self, head: u64) -> Vec<u64> {
        let mut last = head;
        let is_near = |position: &u64| {
            let is_near = position - last <= MOST_PASSED && position - head <= MOST_PASSED_IN_ALL;
            last = *position;
            is_near
        };
        self.taken.iter().copied().filter(|position| *position > head).take_while(is_near).collect()
    }
}

/// The result of [`follow`]: the chain from a given state on, and the pages that are not in it.
pub struct Followed {
    pub run: Run,
    /// The pages of the chain, also those before that state.
    pub inside: Vec<Opened>,
    pub strays: Vec<Opened>,
}

/// Follows the chain from the state `home`. `known` gives the hashes that the chain has up to there, as far as they are known; the inner `None`
/// is a void position. `own` gives the hash that this device knows at a position: if several pages follow, it decides which of them is in the
/// chain.
pub fn follow(home: Home, known: impl Fn(u64) -> Option<Option<Hash>>, own: impl Fn(u64) -> Option<Hash>, mut opened: Vec<Opened>) -> Followed {
    let from = home.head.position;
    let named: BTreeSet<Hash> = opened.iter().map(|opened| opened.page.prev).collect();
    opened.sort_by_key(|opened| {
        let Head { position, hash } = opened.head;
        (position, own(position) != Some(hash), !named.contains(&hash))
    });
    let (mut run, mut inside, mut strays) = (Run::new(home), Vec::new(), Vec::new());
    for mut opened in opened {
        let position = opened.head.position;
        if position <= from {
            match known(position) {
                Some(Some(hash)) if hash == opened.head.hash => inside.push(opened),
                Some(_) => strays.push(opened),
                // Nothing is known of this position, so the page is neither taken into the chain nor emptied.
                None => {}
            }
            continue;
        }
        if !follows(&run.after.head, &opened) {
            strays.push(opened);
            continue;
        }
        if matches!(&opened.page.kind, Kind::Snapshot(snapshot) if !snapshot.follows(run.after.snapshot, position)) {
            opened.page.kind = Kind::Changes(Vec::new());
        }
        inside.push(opened.clone());
        run.add(None, opened);
    }
    Followed { run, inside, strays }
}

fn follows(head: &Head, opened: &Opened) -> bool {
    opened.page.prev == head.hash && opened.head.position > head.position && opened.head.position - head.position <= MOST_VOIDS
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::item::{self, page_id};
    use super::super::page::Page;
    use super::super::seal::Hash;
    use super::*;
    use crate::pure::crypto::encoding::base64url;
    use crate::pure::crypto::key;
    use crate::pure::record::RecordId;

    fn seal() -> Seal {
        Seal::new(&key::read_key(&key::make_key([3; 32])).unwrap().derive_journal("tasks"))
    }

    fn row(position: u64, members: &str) -> item::Item {
        item::read(&format!("{{\"id\":\"{}\",\"last_modified\":7{members}}}", page_id(position))).unwrap()
    }

    fn junk(position: u64) -> item::Item {
        row(position, ",\"v\":1,\"e\":1,\"ct\":\"AAAA\"")
    }

    fn page(position: u64, prev: Hash, changes: &[Change]) -> item::Item {
        let page = Page {
            prev,
            device: "d".into(),
            t: position,
            kind: Kind::Changes(changes.to_vec()),
        };
        let ct = seal().seal_page(position, &page.write(None), [1; 24]);
        row(position, &format!(",\"v\":1,\"e\":1,\"ct\":\"{}\"", base64url(&ct)))
    }

    fn change(id: &str, text: &str) -> Change {
        Change {
            id: RecordId::from_text(id),
            text: Some(text.into()),
        }
    }

    fn survey(items: Vec<item::Item>, head: u64) -> Result<Survey> {
        let mut view = View::default();
        items.into_iter().for_each(|item| view.add(item));
        Survey::of(&view, head, &seal())
    }

    #[test]
    fn a_row_far_ahead_leads_nobody_there() {
        let far = survey(vec![page(1, Hash::default(), &[]), junk(2), junk(900), junk(500_000)], 1).unwrap();
        assert_eq!(far.taken_after(1), [2, 900]);
        assert_eq!(far.taken_after(900), [0; 0]);
        assert_eq!(far.junk, [2, 900, 500_000]);
        assert_eq!(survey(vec![row(999_999_999_999, ",\"v\":1")], 1).unwrap().taken_after(1), [0; 0]);
    }

    #[test]
    fn what_a_newer_essaim_wrote_is_no_damage() {
        let newer = |position| row(position, ",\"v\":2,\"e\":1,\"ct\":\"AAAA\"");
        let first = || page(1, Hash::default(), &[]);
        let code = |items| survey(items, 1).map_or_else(|error| error.code(), |_| "taken".into());
        assert_eq!(code(vec![first(), newer(2)]), "upgrade_required");
        assert_eq!(code(vec![first(), row(2, ",\"v\":1,\"e\":2,\"ct\":\"AAAA\"")]), "no_key");
        assert_eq!(code(vec![newer(50_000)]), "upgrade_required");
        assert_eq!(code(vec![first(), newer(500_000)]), "taken");
    }

    #[test]
    fn of_several_pages_at_a_position_the_known_one_follows_or_one_that_has_a_successor() {
        let opened = |item: item::Item| survey(vec![item], 0).unwrap().opened.remove(0);
        let first = opened(page(1, Hash::default(), &[]));
        let [one, other] = [change("a", "\"n\":1"), change("a", "\"n\":2")].map(|change| opened(page(2, first.head.hash, &[change])));
        let third = opened(page(3, other.head.hash, &[]));
        for own in [None, Some(one.head.hash)] {
            let all = [&first, &one, &other, &third].map(Clone::clone).to_vec();
            let followed = follow(Home::default(), |_| None, |position| own.filter(|_| position == 2), all);
            let (head, strays) = if own.is_some() {
                (one.head, [other.head, third.head].to_vec())
            } else {
                (third.head, vec![one.head])
            };
            assert_eq!(followed.run.after.head, head);
            assert_eq!(followed.strays.iter().map(|stray| stray.head).collect::<Vec<_>>(), strays);
        }
    }

    #[test]
    fn a_page_in_the_place_of_a_known_one_is_a_stray_and_one_that_cannot_be_compared_is_neither() {
        let opened = |position| survey(vec![page(position, Hash::default(), &[])], 0).unwrap().opened.remove(0);
        let all: Vec<Opened> = (1..=4).map(opened).collect();
        let known = [None, Some(None), Some(Some(Hash([7; 32]))), Some(Some(all[3].head.hash))];
        let head = Head {
            position: 4,
            hash: Hash([9; 32]),
        };
        let home = Home { head, ..Home::default() };
        let followed = follow(home, |position| known[position as usize - 1], |_| None, all);
        let positions = |pages: &[Opened]| pages.iter().map(|page| page.head.position).collect::<Vec<_>>();
        assert_eq!((positions(&followed.inside), positions(&followed.strays)), (vec![4], vec![2, 3]));
    }
}
