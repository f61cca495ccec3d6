//! Progress of a listing: what to ask for, which rows are new, and what may be stored as the cursor after each page.

use super::answers;
use super::cursor::{Cursor, LATE_MS};
use super::record::RecordId;

/// Returns `since`, or `now_ms` if `since` is too far ahead: Kinto refuses a `_since` of more than a day ahead of its clock. Listing from now
/// on shows the rows of the future each time again, and misses none.
pub(super) fn acceptable(since: u64, now_ms: u64) -> u64 {
    const HALF_A_DAY_MS: u64 = 12 * 3600 * 1000;
    if since > now_ms + HALF_A_DAY_MS { now_ms } else { since }
}

/// The progress of a listing, or of the rest of one that was interrupted.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The cursor with which the listing began.
    pub start: Cursor,
    /// The `_since` of the first request.
    pub since: Option<u64>,
    now_ms: u64,
    cursor: Cursor,
    /// The first version that was left open. The next pull begins before it.
    held_at: Option<u64>,
    /// The collection's timestamp when the first page was made. Every later write has a greater one.
    pub timestamp: Option<u64>,
    has_begun: bool,
    /// Whether the newest version seen has been shown, and whether a later one of its record has.
    saw_witness: bool,
    saw_later: bool,
    /// The server's timestamp is older than the newest version seen.
    is_behind: bool,
    /// All versions of the server have been listed, see [`Walk::has_to_look`].
    has_looked: bool,
    /// The newest version seen is kept, since records may have been lost, see [`Walk::keep_witness`].
    keeps_witness: bool,
    /// The server answered 304.
    pub unchanged: bool,
    /// The last version shown.
    pub reached: Option<u64>,
    /// The listing may not have shown all rows: see [`super::listing::Listing::is_cut`].
    pub is_cut: bool,
}

impl Walk {
    pub fn new(start: Cursor, has_synced: bool, now_ms: u64) -> Self {
        // Without `_since` a listing has no tombstones: right for a device that has nothing to delete.
        let since = start.ask_since().map(|since| acceptable(since, now_ms)).or(has_synced.then_some(0));
        // A change that was left open before the listing was interrupted is still open.
        let held_at = start.reached.filter(|_| start.since < start.reached).map(|_| start.since.unwrap_or(0) + 1);
        Walk {
            cursor: start.clone(),
            since,
            start,
            now_ms,
            held_at,
            timestamp: None,
            has_begun: false,
            saw_witness: false,
            saw_later: false,
            is_behind: false,
            has_looked: false,
            keeps_witness: false,
            unchanged: false,
            reached: None,
            is_cut: false,
        }
    }

    /// The ETag for `If-None-Match`, if it is enough to ask whether anything has changed: no change is held back, and none can have come late.
    pub fn only_if_changed(&self) -> Option<u64> {
        let is_held = self.start.since < self.start.witness.as_ref().map(|(_, at)| *at);
        self.start.etag.filter(|_| self.start.confirmed && self.start.reached.is_none() && !is_held)
    }

    /// Whether the next answer may be a 304: only that to the first request, and only if it had a condition.
    pub fn takes_unchanged(&self) -> bool {
        !self.has_begun && self.only_if_changed().is_some()
    }

    /// Whether this version was dealt with before this listing: then it is not reported again.
    pub fn is_old(&self, version: Option<&(RecordId, u64)>) -> bool {
        version.is_some_and(|(_, at)| Some(*at) <= self.start.since)
    }

    /// Whether a change is still open that was shown before this listing was interrupted, so that the rest of the listing did not show it.
    pub fn leaves_open(&self) -> bool {
        self.start.since < self.start.reached
    }

    pub fn note_timestamp(&mut self, etag: Option<u64>) {
        self.is_behind |= etag.zip(self.seen_at()).is_some_and(|(etag, seen_at)| etag < seen_at);
        self.timestamp = self.timestamp.or(etag);
        if !self.has_begun && self.start.reached.is_none() {
            self.begin();
        }
        self.has_begun = true;
    }

    fn seen_at(&self) -> Option<u64> {
        self.start.witness.as_ref().map(|(_, at)| *at)
    }

    /// Prepares the cursor that will hold when this listing has been read to its end: by then everything older than the timestamp of its first
    /// page by [`LATE_MS`] has been shown.
    fn begin(&mut self) {
        let same = self.start.etag.is_some() && self.start.etag == self.timestamp;
        let read_at_ms = self.start.read_at_ms.filter(|_| same).unwrap_or(self.now_ms);
        let confirmed = same && (self.start.confirmed || self.now_ms >= read_at_ms.saturating_add(LATE_MS));
        let late_ms = if confirmed { 0 } else { LATE_MS };
        self.cursor = Cursor {
            etag: self.timestamp,
            read_at_ms: Some(read_at_ms),
            confirmed,
            again: self.timestamp.map(|timestamp| timestamp.saturating_sub(late_ms)),
            ..self.cursor.clone()
        };
    }

    /// Whether a row is a change. It is not if it is the newest version seen, which is asked for only to check that it is still there.
    pub fn is_news(&mut self, text: &str) -> bool {
        let (Some((id, at)), Some((witness, seen_at))) = (answers::version(text), self.start.witness.as_ref()) else {
            return true;
        };
        self.saw_witness |= id == *witness && at == *seen_at;
        self.saw_later |= id == *witness && at > *seen_at;
        !(id == *witness && at == *seen_at && self.start.since >= Some(at))
    }

    /// Whether to list all versions of the server now; at most once in a listing. The reasons are: the listing has passed the newest version
    /// seen without showing it (`is_last`: nothing more is listed), the server's timestamp is older than that version, or the server shows an
    /// older version of a record than before (`is_older`). A later version of the record that had the newest version seen is no reason, unless
    /// the collection may be another one (`is_other`). This has to be decided before any row of the page is applied, so that rows of a restored
    /// server do not replace newer ones here.
    pub fn has_to_look(&mut self, newest: Option<u64>, is_last: bool, is_older: bool, is_other: bool) -> bool {
        let is_seen = self.saw_witness || self.saw_later && !is_other;
        let is_missed = self.start.witness.is_some() && !is_seen && (is_last || newest > self.seen_at());
        let has_to = !self.has_looked && (is_missed || self.is_behind || is_older && !self.saw_witness);
        self.has_looked |= has_to;
        has_to
    }

    /// After all versions of the server were listed: `newest` is now the newest version seen. What the server does not have is no longer
    /// expected.
    pub fn take_witness(&mut self, newest: Option<(RecordId, u64)>) {
        self.cursor.witness = newest;
    }

    /// After all versions were listed, and records that are missing there may have been lost: the next pull looks again.
    pub fn keep_witness(&mut self) {
        self.keeps_witness = true;
        self.cursor.witness = self.start.witness.clone();
        self.held_at = [self.held_at, self.seen_at()].into_iter().flatten().min();
    }

    /// Moves the cursor past a row. `open`: the change in it has not been dealt with.
    pub fn passed(&mut self, version: Option<&(RecordId, u64)>, open: bool) {
        let Some((id, at)) = version else { return };
        if !self.keeps_witness {
            self.cursor.saw(id, *at);
        }
        self.cursor.since = self.cursor.since.max(Some(*at));
        if open {
            self.held_at = Some(self.held_at.map_or(*at, |held| held.min(*at)));
        }
    }

    /// Notes a row that is not a record. It does not move the cursor, and the next pull begins before it, in case the server then shows a
    /// record.
    pub fn refused(&mut self) {
        let at = self.cursor.since.map_or(0, |since| since + 1);
        self.held_at = Some(self.held_at.map_or(at, |held| held.min(at)));
    }

    /// The cursor that may be stored after this page. The next sync goes on from there.
    pub fn committed(&self) -> Cursor {
        let mut cursor = self.cursor.clone();
        cursor.reached = self.reached.or(self.start.reached);
        // Without a timestamp nothing tells what may come late, so the whole listing is read once more.
        cursor.again = cursor.again.or(Some(self.since.unwrap_or(0)));
        // In a listing without tombstones, a record of an early page may be deleted while later pages are read. Only a tombstone newer than the
        // first page's timestamp tells of that, so the cursor must not pass this timestamp.
        if self.since.is_none() {
            let upto = |at: Option<u64>| at.min(self.timestamp.or(at));
            (cursor.since, cursor.reached) = (upto(cursor.since), upto(cursor.reached));
        }
        self.hold(cursor)
    }

    /// The cursor after the last page, read at `now_ms`. Everything up to the first page's timestamp has been shown.
    pub fn finished(&self, now_ms: u64) -> Cursor {
        if self.unchanged {
            return self.start.clone();
        }
        let mut cursor = self.cursor.clone();
        cursor.reached = None;
        match self.is_cut {
            true => (cursor.etag, cursor.confirmed) = (None, false),
            false => cursor.since = cursor.since.max(self.timestamp),
        }
        let late_ms = LATE_MS + now_ms.saturating_sub(self.now_ms);
        cursor.again = cursor.again.or(cursor.since.map(|since| since.saturating_sub(late_ms)));
        self.hold(cursor)
    }

    fn hold(&self, mut cursor: Cursor) -> Cursor {
        if let Some(held_at) = self.held_at {
            cursor.since = cursor.since.min(Some(held_at.saturating_sub(1)));
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(at: u64) -> RecordId {
        RecordId::from_text(&format!("r{at}"))
    }

    /// Reads pages of rows with these versions, and returns the cursor that is stored when the connection breaks after the last one.
    fn cut(start: Cursor, timestamp: Option<u64>, now_ms: u64, versions: &[u64]) -> Cursor {
        let mut walk = walk(start, timestamp, now_ms, versions);
        walk.reached = versions.last().copied();
        walk.committed()
    }

    fn walk(start: Cursor, timestamp: Option<u64>, now_ms: u64, versions: &[u64]) -> Walk {
        let mut walk = Walk::new(start, false, now_ms);
        walk.note_timestamp(timestamp);
        versions.iter().for_each(|at| walk.passed(Some(&(id(*at), *at)), false));
        walk
    }

    #[test]
    fn a_row_that_is_no_record_moves_nothing_and_is_asked_for_again() {
        let mut walk = walk(Cursor::default(), Some(300), 1000, &[100, 101]);
        walk.refused();
        walk.passed(Some(&(id(200), 200)), false);
        for cursor in [walk.committed(), walk.finished(1000)] {
            assert_eq!((cursor.since, cursor.witness), (Some(101), Some((id(200), 200))));
        }
    }

    #[test]
    fn every_page_of_a_burst_moves_the_next_try_forward() {
        for timestamp in [Some(100_900), None] {
            let mut cursor = Cursor::default();
            for at in [100_000, 100_300, 100_600] {
                cursor = cut(cursor, timestamp, 200_000, &[at, at + 1]);
                assert_eq!(cursor.ask_since(), Some(at), "the newest version is shown again, and nothing before it");
            }
            let cursor = walk(cursor, timestamp, 200_000, &[100_900]).finished(200_000);
            assert_eq!(cursor.ask_since(), Some(timestamp.map_or(0, |timestamp| timestamp - LATE_MS)));
            // Reading the late seconds again goes on in the same way.
            let cursor = cut(cursor, timestamp, 300_000, &[100_000, 100_001]);
            assert_eq!(cursor.ask_since(), Some(100_001));
            let cursor = walk(cursor, timestamp, 300_000, &[100_900]).finished(300_000);
            assert_eq!((cursor.confirmed, cursor.reached), (timestamp.is_some(), None));
        }
    }

    #[test]
    fn what_comes_late_while_a_listing_is_cut_is_read_after_its_end() {
        let cursor = cut(Cursor::default(), Some(100_900), 0, &[100_000]);
        let cursor = walk(cursor, Some(190_000), 90_000, &[190_000]).finished(90_000);
        assert_eq!((cursor.since, cursor.again, cursor.confirmed), (Some(190_000), Some(90_900), false));
    }

    #[test]
    fn what_was_left_open_before_a_cut_is_met_again_after_the_end() {
        let mut first = walk(Cursor::default(), Some(100_900), 0, &[]);
        first.passed(Some(&(id(100_000), 100_000)), true);
        first.passed(Some(&(id(100_300), 100_300)), false);
        first.reached = Some(100_300);
        let cursor = first.committed();
        assert_eq!(cursor.ask_since(), Some(100_299));
        let rest = walk(cursor, Some(100_900), 0, &[100_900]);
        assert!(rest.leaves_open());
        assert_eq!((rest.finished(0).since, rest.finished(0).ask_since()), (Some(99_999), Some(90_900)));
    }

    #[test]
    fn what_may_have_been_lost_is_looked_for_again() {
        let mut start = Cursor::default();
        start.saw(&id(100_000), 100_000);
        let mut walk = walk(start.clone(), Some(200_000), 0, &[200_000]);
        assert!(walk.has_to_look(Some(200_000), false, false, false) && !walk.has_to_look(Some(200_000), true, true, true));
        walk.keep_witness();
        walk.passed(Some(&(id(200_001), 200_001)), false);
        let after = walk.finished(0);
        assert_eq!((after.witness.clone(), after.since), (start.witness, Some(99_999)));
        assert_eq!(Walk::new(after, false, 0).only_if_changed(), None);
    }

    #[test]
    fn a_listing_that_shows_no_timestamp_is_read_again_for_as_long_as_it_took() {
        let cursor = walk(Cursor::default(), None, 1_000, &[100_900]).finished(61_000);
        assert_eq!(cursor.again, Some(100_900 - LATE_MS - 60_000));
    }
}
