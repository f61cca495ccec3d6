//! Short marks of the hashes of old pages. With them, a repair recognises a state that the server was in long ago.
//!
//! The note `older` has the first position, a space, and for each page from there on 48 bits of its hash, as eight characters. A position that
//! was void or is not known has dots.

use super::home::OLDER;
use super::seal::Hash;
use crate::pure::draft::Draft;

const CHARS: usize = 8;
const UNKNOWN: &str = "........";
/// How many consecutive positions may be unknown. After a larger gap, the marks begin anew.
const MOST_UNKNOWN: u64 = 100_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Older {
    first: u64,
    marks: String,
}

impl Older {
    pub fn read(note: Option<&str>) -> Self {
        let read = |note: &str| {
            let (first, marks) = note.split_once(' ')?;
            let first = first.parse().ok().filter(|first| *first > 0)?;
            let marks = marks.to_owned();
            (marks.is_ascii() && marks.len().is_multiple_of(CHARS)).then_some(Older { first, marks })
        };
        note.and_then(read).unwrap_or_default()
    }

    pub fn of(draft: &Draft) -> Self {
        Older::read(draft.note(OLDER).as_deref())
    }

    pub fn write(&self, draft: &mut Draft) {
        let note = format!("{} {}", self.first, self.marks);
        draft.set_note(OLDER, Some(note).filter(|_| !self.marks.is_empty()));
    }

    /// The first position that may have a mark.
    pub fn first(&self) -> u64 {
        if self.marks.is_empty() { u64::MAX } else { self.first }
    }

    fn next(&self) -> u64 {
        self.first.saturating_add((self.marks.len() / CHARS) as u64)
    }

    pub fn has(&self, position: u64, hash: Hash) -> bool {
        let index = position.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let at = index.and_then(|index| index.checked_mul(CHARS));
        let mark = at.and_then(|at| self.marks.get(at..at.checked_add(CHARS)?));
        mark == hash.to_text().get(..CHARS)
    }

    /// Appends the mark of a page. Has to be called in the order of positions.
    pub fn push(&mut self, position: u64, hash: Option<Hash>) {
        if self.marks.is_empty() || position.saturating_sub(self.next()) > MOST_UNKNOWN {
            (self.first, self.marks) = (position, String::new());
        }
        if position < self.next() {
            return;
        }
        for _ in self.next()..position {
            self.marks.push_str(UNKNOWN);
        }
        let text = hash.map(Hash::to_text);
        self.marks.push_str(text.as_deref().and_then(|text| text.get(..CHARS)).unwrap_or(UNKNOWN));
    }

    /// Removes the marks after the position `last`.
    pub fn truncate(&mut self, last: u64) {
        let kept = last.saturating_add(1).saturating_sub(self.first);
        let length = usize::try_from(kept).unwrap_or(usize::MAX).saturating_mul(CHARS);
        self.marks.truncate(length.min(self.marks.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_recognised() {
        let mut older = Older::default();
        assert!(!older.has(1, Hash([1; 32])) && older.first() == u64::MAX);
        for (position, hash) in [(3, Some(1)), (4, None), (7, Some(2)), (5, Some(9))] {
            older.push(position, hash.map(|byte| Hash([byte; 32])));
        }
        let read = Older::read(Some(&format!("{} {}", older.first, older.marks)));
        assert_eq!((read.first(), &read), (3, &older));
        let known = |older: &Older| -> Vec<u64> { (0..12).filter(|at| [1, 2, 9].iter().any(|byte| older.has(*at, Hash([*byte; 32])))).collect() };
        assert_eq!(known(&older), [3, 7]);
        older.truncate(6);
        assert_eq!(known(&older), [3]);
        older.push(7, Some(Hash([9; 32])));
        assert_eq!(known(&older), [3, 7]);
        older.truncate(1);
        assert_eq!((known(&older), older.first()), (vec![], u64::MAX));
    }

    #[test]
    fn a_note_that_is_none_is_nothing() {
        for note in ["", "x", "1", "1 AAAA", "0 AAAAAAAA", "-1 AAAAAAAA", "1 \u{e9}\u{e9}\u{e9}\u{e9}"] {
            assert_eq!(Older::read(Some(note)), Older::default(), "{note}");
        }
        let mut last = Older::read(Some("18446744073709551615 AAAAAAAA"));
        assert!(!last.has(3, Hash::default()) && last.has(u64::MAX, Hash::default()));
        last.truncate(u64::MAX);
        last.push(5, Some(Hash([1; 32])));
    }
}
