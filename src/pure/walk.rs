//! One walk through the pages of a listing: what is asked for, what is news, and what may be kept as the cursor.

use super::answers;
use super::cursor::{Cursor, LATE_MS};
use super::record::RecordId;
use crate::error::{Error, Result};

/// Kinto refuses a `_since` of more than a day ahead of its clock. Asking from now on shows what is ahead each time again,
/// and misses nothing.
pub(super) fn acceptable(since: u64, now_ms: u64) -> u64 {
    const HALF_A_DAY_MS: u64 = 12 * 3600 * 1000;
    if since > now_ms + HALF_A_DAY_MS { now_ms } else { since }
}

/// One walk through the pages of a listing.
#[derive(Clone, Debug)]
pub struct Walk {
    pub start: Cursor,
    /// What was asked for.
    pub since: Option<u64>,
    now_ms: u64,
    cursor: Cursor,
    /// The first version that was left open: the next pull begins before it.
    held_at: Option<u64>,
    /// The collection's timestamp when the first page was made, which every later write passes.
    pub timestamp: Option<u64>,
    saw_witness: bool,
    pub unchanged: bool,
    /// Perhaps not all was shown: see [`super::listing::Listing::is_cut`].
    pub is_cut: bool,
}

impl Walk {
    pub fn new(start: Cursor, has_synced: bool, now_ms: u64) -> Self {
        // Without `_since` there are no tombstones: right for a device that has nothing to delete.
        let since = start.ask_since().map(|since| acceptable(since, now_ms)).or(has_synced.then_some(0));
        Walk {
            cursor: start.clone(),
            since,
            start,
            now_ms,
            held_at: None,
            timestamp: None,
            saw_witness: false,
            unchanged: false,
            is_cut: false,
        }
    }

    /// Asking only whether anything changed is right when nothing is held back, and nothing can have come late.
    pub fn only_if_changed(&self) -> Option<u64> {
        let is_held = self.start.since < self.start.witness.as_ref().map(|(_, at)| *at);
        self.start.etag.filter(|_| self.start.confirmed && !is_held)
    }

    /// Whether this change was shown before: nothing to tell of it again.
    pub fn is_old(&self, version: Option<&(RecordId, u64)>) -> bool {
        version.is_some_and(|(_, at)| Some(*at) <= self.start.since)
    }

    /// A server whose clock went back was restored from a backup.
    pub fn note_timestamp(&mut self, etag: Option<u64>) -> Result<()> {
        if let (Some(server_timestamp), Some((_, client_timestamp))) = (etag, self.start.witness.clone())
            && server_timestamp < client_timestamp
        {
            return Err(Error::ServerFlushed {
                client_timestamp,
                server_timestamp,
            });
        }
        self.timestamp = self.timestamp.or(etag);
        Ok(())
    }

    /// False for the witness itself, which is asked for only to see that it is still there.
    pub fn is_news(&mut self, text: &str) -> bool {
        let (Some((id, at)), Some((witness, seen_at))) = (answers::version(text), self.start.witness.as_ref()) else {
            return true;
        };
        self.saw_witness |= id == *witness && at >= *seen_at;
        !(id == *witness && at == *seen_at && self.start.since >= Some(at))
    }

    /// Once, when the place of the witness has been passed without it: (its time, the server's). Before anything of that
    /// page is taken over, so that what a restored server shows does not replace what is newer here.
    pub fn misses_the_witness(&mut self, newest: Option<u64>, is_last: bool) -> Option<(u64, u64)> {
        let (_, seen_at) = self.start.witness.as_ref().filter(|_| !self.saw_witness)?;
        if !is_last && newest <= Some(*seen_at) {
            return None;
        }
        self.saw_witness = true;
        Some((*seen_at, self.timestamp.unwrap_or(0)))
    }

    pub fn passed(&mut self, version: Option<&(RecordId, u64)>, open: bool) {
        let Some((id, at)) = version else { return };
        self.cursor.saw(id, *at);
        self.cursor.since = self.cursor.since.max(Some(*at));
        if open {
            self.held_at = Some(self.held_at.map_or(*at, |held| held.min(*at)));
        }
    }

    /// The cursor as it can be kept after this page.
    pub fn committed(&self) -> Cursor {
        let mut cursor = self.cursor.clone();
        (cursor.etag, cursor.read_at_ms, cursor.confirmed) = (None, None, false);
        // A record of an early page that is deleted while later pages of a listing without tombstones are read is only
        // told by a tombstone past the first page's timestamp.
        if self.since.is_none() {
            cursor.since = cursor.since.min(self.timestamp.or(cursor.since));
        }
        self.hold(cursor)
    }

    /// The cursor after the last page: whatever is not past the first page's timestamp has been shown.
    pub fn finished(&self) -> Cursor {
        if self.unchanged {
            return self.start.clone();
        }
        let same = self.start.etag.is_some() && self.start.etag == self.timestamp;
        let read_at_ms = self.start.read_at_ms.filter(|_| same).or(Some(self.now_ms));
        let is_late = read_at_ms.is_some_and(|read_at_ms| self.now_ms >= read_at_ms.saturating_add(LATE_MS));
        let confirmed = same && (self.start.confirmed || is_late);
        let mut cursor = Cursor {
            etag: self.timestamp,
            read_at_ms,
            confirmed,
            ..self.committed()
        };
        if !self.is_cut {
            cursor.since = cursor.since.max(self.timestamp);
        }
        self.hold(cursor)
    }

    fn hold(&self, mut cursor: Cursor) -> Cursor {
        if let Some(held_at) = self.held_at {
            cursor.since = cursor.since.min(Some(held_at.saturating_sub(1)));
        }
        cursor
    }
}
