//! What stands on a server, for a repair: everything that opens, whatever it says of what came before, and what does not.

use super::chain::{self, MOST_VOIDS, Opened, View};
use super::change::Change;
use super::home::{Head, Home, PageNote};
use super::page::Kind;
use super::run::Run;
use super::seal::Seal;
use crate::error::{Error, Result};

/// How many positions in a row a repair passes over when it appends. Whoever puts a row without content somewhere far ahead
/// should not lead it there.
const MOST_PASSED: u64 = 1_000;

/// Pages with content, in the order of positions.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub opened: Vec<Opened>,
    /// What nobody with the key wrote there, or what was damaged.
    pub junk: Vec<u64>,
    /// Both.
    taken: Vec<u64>,
}

impl Survey {
    /// `head`: the last position that is known here. Errors: what a later essaim wrote, or a later epoch sealed; so nothing
    /// that only a newer essaim can read is taken for damage.
    pub fn of(view: &View, head: u64, seal: &Seal) -> Result<Self> {
        let (mut survey, mut newer) = (Survey::default(), Vec::new());
        for (position, item) in view.pages() {
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
        let last = survey.opened.last().map_or(0, |opened| opened.head.position).max(head);
        let is_near = |position: u64| survey.opened.is_empty() || position.saturating_sub(last) <= MOST_VOIDS;
        match newer.into_iter().find(|(position, _)| is_near(*position)) {
            Some((_, error)) => Err(error),
            None => Ok(survey),
        }
    }

    /// The positions after `head` that are taken, as far as one follows another not too far behind.
    pub fn taken_after(&self, head: u64) -> Vec<u64> {
        let mut last = head;
        let is_near = |position: &u64| {
            let is_near = position - last <= MOST_PASSED;
            last = *position;
            is_near
        };
        self.taken.iter().copied().filter(|position| *position > head).take_while(is_near).collect()
    }
}

/// The pages that follow a home, and those that do not.
pub struct Followed {
    pub run: Run,
    /// Of the pages that follow: what they say.
    pub said: Vec<(u64, Vec<Change>)>,
    pub strays: Vec<Opened>,
}

/// `pages`: what is known of the positions up to that home, in their order.
pub fn follow(home: Home, pages: &[(u64, PageNote)], opened: Vec<Opened>) -> Followed {
    let known = |position: u64| {
        let at = pages.binary_search_by_key(&position, |(known, _)| *known).ok()?;
        pages[at].1.hash
    };
    let from = home.head.position;
    let (mut run, mut said, mut strays) = (Run::new(home), Vec::new(), Vec::new());
    for mut opened in opened {
        let position = opened.head.position;
        if position <= from {
            // A place that was passed over was looked at when it was.
            if known(position).is_some_and(|hash| hash != opened.head.hash) {
                strays.push(opened);
            }
            continue;
        }
        if !follows(&run.after.head, &opened) {
            strays.push(opened);
            continue;
        }
        let is_odd = |home: &Home, kind: &Kind| matches!(kind, Kind::Snapshot(snapshot) if snapshot.first_covered(position) != home.snapshot.max(1) || !snapshot.covers_all_before(position));
        if is_odd(&run.after, &opened.page.kind) {
            opened.page.kind = Kind::Changes(Vec::new());
        }
        if let Kind::Changes(changes) = &opened.page.kind {
            said.push((position, changes.clone()));
        }
        run.add(None, opened);
    }
    Followed { run, said, strays }
}

fn follows(head: &Head, opened: &Opened) -> bool {
    opened.page.prev == head.hash && opened.head.position - head.position <= MOST_VOIDS
}

/// What a stray says that no later page of the chain says already: a repair that was broken off may have written it again.
pub fn unsaid(said: &[(u64, Vec<Change>)], stray: &Opened) -> Vec<Change> {
    let Kind::Changes(changes) = &stray.page.kind else { return Vec::new() };
    let is_said = |change: &Change| {
        let mut later = said.iter().filter(|(position, _)| *position > stray.head.position);
        later.any(|(_, said)| said.contains(change))
    };
    changes.iter().filter(|change| !is_said(change)).cloned().collect()
}

#[cfg(test)]
mod tests {
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
    fn a_stray_is_said_again_unless_a_later_page_says_it() {
        let first = page(1, Hash::default(), &[]);
        let head = survey(vec![first.clone()], 0).unwrap().opened[0].head;
        let stray = page(2, Hash([9; 32]), &[change("a", "\"n\":1"), change("b", "\"n\":2")]);
        let later = page(3, head.hash, &[change("a", "\"n\":1")]);
        let followed = follow(Home::default(), &[], survey(vec![first, stray, later], 0).unwrap().opened);
        assert_eq!(followed.run.after.head.position, 3);
        assert_eq!(unsaid(&followed.said, &followed.strays[0]), [change("b", "\"n\":2")]);
    }
}
