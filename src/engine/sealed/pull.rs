//! What is new in a journal. First of all the server has to show the head that is known here, or a snapshot that covers
//! it: an emptied server would silently swallow what is appended.
//!
//! What looks like a lie is looked at again in one full re-read, which rules out a race with somebody's snapshot.

use super::{Secrets, destination_url};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{Clock, Platform};
use crate::pure::answers;
use crate::pure::cursor::LATE_MS;
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::{Next, Opened, View, evidence};
use crate::pure::sealed::home::{Cursor, Head, Home};
use crate::pure::sealed::item::{self, Item};
use crate::pure::sealed::known::Known;
use crate::pure::sealed::page::Kind;

/// How the listing is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// From the head's own row on.
    Since,
    /// All that is not emptied.
    Full,
    /// The same, by a device that knew nothing when it began.
    First,
}

/// A listing under way.
pub(super) struct Walk {
    reading: Reading,
    pub view: View,
    /// The head, or a snapshot that covers it, has been shown.
    shown: bool,
    /// The collection's timestamp when the first page was made.
    timestamp: Option<u64>,
    /// Of the youngest row, whatever it is.
    youngest: u64,
    unchanged: bool,
}

impl Walk {
    /// Whoever knew nothing when it began holds nothing against what is shown.
    pub fn is_first(&self) -> bool {
        self.reading == Reading::First
    }
}

impl<P: Platform> Session<'_, P> {
    /// `fed`: a page that stands where this device wanted to append.
    pub(super) async fn pull_journal(&mut self, secrets: &Secrets, fed: Option<Item>) -> Result<()> {
        let is_first = fed.is_none();
        let home = self.home().await?;
        self.check_not_moved(&home)?;
        let has_cursor = home.head.position > 0 && home.cursor.url == self.target.url();
        let full = if home.head.position == 0 { Reading::First } else { Reading::Full };
        if has_cursor {
            match self.walk(secrets, Reading::Since, fed.clone()).await {
                Ok(true) => return self.meet_open(is_first).await,
                Ok(false) => {}
                Err(error) if error.is_alarm() => {}
                // Kinto refuses a `_since` of more than a day ahead of its clock: what is on the head's row was a lie, or a
                // clock that has been put right since.
                Err(Error::Server { status: 400, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // Without a cursor the first reading was not looked at twice yet.
        if !has_cursor && let Ok(true) = self.walk_or_alarm(secrets, full, fed.clone()).await? {
            return self.meet_open(is_first).await;
        }
        match self.walk_or_alarm(secrets, full, fed.clone()).await? {
            Ok(true) => self.meet_open(is_first).await,
            // A segment that was deleted meanwhile, by a newer snapshot.
            Ok(false) | Err(_) => match self.walk(secrets, full, fed).await? {
                true => self.meet_open(is_first).await,
                false => Err(self.omission().await?),
            },
        }
    }

    /// A full reading; an alarm is the inner error.
    async fn walk_or_alarm(&mut self, secrets: &Secrets, full: Reading, fed: Option<Item>) -> Result<Result<bool>> {
        match self.walk(secrets, full, fed).await {
            Err(error) if !error.is_alarm() => Err(error),
            outcome => Ok(outcome),
        }
    }

    pub(super) fn check_not_moved(&self, home: &Home) -> Result<()> {
        match &home.closed {
            Some(destination) if destination_url(destination) != self.target.url() => Err(Error::Moved {
                destination: destination.clone(),
            }),
            _ => Ok(()),
        }
    }

    async fn omission(&self) -> Result<Error> {
        let head = self.home().await?.head;
        Ok(Error::Omission {
            evidence: evidence(head.position + 1, None, None, None),
        })
    }

    /// True if all that is shown was taken over, false if another reading is needed.
    async fn walk(&mut self, secrets: &Secrets, reading: Reading, fed: Option<Item>) -> Result<bool> {
        let known = self.known().await?;
        let rows = self.platform().sealed_limits().listing_rows;
        let cursor = &known.home.cursor;
        let request = match reading {
            Reading::Since => {
                let is_vouched_for = cursor.is_vouched_for(self.platform().clock().now_ms());
                let etag = cursor.etag.filter(|_| is_vouched_for && fed.is_none());
                self.target.list_journal_since(cursor.since.saturating_sub(1), rows, etag)
            }
            Reading::Full | Reading::First => self.target.list_journal(rows),
        };
        let mut walk = Walk {
            reading,
            view: View::default(),
            shown: self.without(Rule::HeadBeforePush),
            timestamp: None,
            youngest: 0,
            unchanged: false,
        };
        fed.into_iter().for_each(|item| walk.view.add(item));
        let mut asked_if_changed = request.headers.iter().any(|(name, _)| name == "If-None-Match");
        let mut listing = self.listing(request);
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            if response.status == 404 && known.home.head.position == 0 {
                break;
            }
            if response.status == 404 {
                return Err(self.server_lost());
            }
            answers::accept(&response, &url)?;
            walk.timestamp = walk.timestamp.or(answers::etag(&response));
            self.report.last_modified = walk.timestamp.or(self.report.last_modified);
            if response.status == 304 {
                walk.unchanged = asked_if_changed;
                if !asked_if_changed {
                    return Err(answers::unasked(url));
                }
                break;
            }
            asked_if_changed = false;
            let records = listing.read(&response, &url)?;
            let dates = records.iter().filter_map(|raw| answers::version(raw));
            walk.youngest = dates.map(|(_, at)| at).fold(walk.youngest, u64::max);
            records.into_iter().filter_map(item::read).for_each(|item| walk.view.add(item));
            // In the order of time the head's row is the first one, unless it was emptied: then a snapshot has come.
            if !self.see_head(&mut walk, &known, secrets)? && reading == Reading::Since {
                return Ok(false);
            }
            if walk.shown && !self.advance(&mut walk, secrets).await? {
                return Ok(false);
            }
        }
        if !walk.unchanged && !self.end_of_listing(&mut walk, &known, secrets).await? {
            return Ok(false);
        }
        self.finish_walk(&walk).await?;
        Ok(true)
    }

    fn see_head(&self, walk: &mut Walk, known: &Known, secrets: &Secrets) -> Result<bool> {
        if !walk.shown {
            walk.shown = walk.view.shows(&known.home.head, |position| known.hash(position), &secrets.seal)?;
        }
        Ok(walk.shown)
    }

    /// Takes over what follows the head; false if another reading is needed.
    async fn advance(&mut self, walk: &mut Walk, secrets: &Secrets) -> Result<bool> {
        loop {
            let home = self.home().await?;
            let mut head = home.head;
            let mut run: Vec<Opened> = Vec::new();
            let mut gap = false;
            loop {
                match walk.view.next(&head, &secrets.seal) {
                    Ok(Next::Page(opened)) => {
                        let is_snapshot = matches!(opened.page.kind, Kind::Snapshot(_));
                        let ends = is_snapshot || matches!(opened.page.kind, Kind::Closed(_));
                        if is_snapshot && !run.is_empty() {
                            break;
                        }
                        head = opened.head;
                        run.push(*opened);
                        if ends {
                            break;
                        }
                    }
                    Ok(Next::End) => break,
                    Ok(Next::Gap) => {
                        gap = true;
                        break;
                    }
                    Err(error) if run.is_empty() => return Err(error),
                    // What comes before a lie is true.
                    Err(_) => break,
                }
            }
            if run.is_empty() {
                return Ok(!gap || walk.reading != Reading::Since);
            }
            self.take_over(&home, run).await?;
            self.check_not_moved(&self.home().await?)?;
        }
    }

    /// All is listed: what does not follow the head has to be covered by a snapshot.
    async fn end_of_listing(&mut self, walk: &mut Walk, known: &Known, secrets: &Secrets) -> Result<bool> {
        self.see_head(walk, known, secrets)?;
        if walk.shown {
            self.advance(walk, secrets).await?;
        }
        loop {
            let head = self.home().await?.head;
            let more = walk.view.pages().next_back().is_some_and(|(position, _)| position > head.position);
            if walk.shown && !more {
                return Ok(true);
            }
            if walk.reading == Reading::Since {
                return Ok(false);
            }
            if !self.adopt_latest(walk, secrets, &head).await? {
                return Ok(false);
            }
            walk.shown = true;
            self.check_not_moved(&self.home().await?)?;
            self.advance(walk, secrets).await?;
        }
    }

    /// Of several snapshots the last one that is there in full: the segments of a later one may never have been stored.
    async fn adopt_latest(&mut self, walk: &mut Walk, secrets: &Secrets, head: &Head) -> Result<bool> {
        let mut end = u64::MAX;
        while let Some(snapshot) = walk.view.latest_snapshot(head, end, &secrets.seal)? {
            end = snapshot.head.position;
            if self.adopt(walk, secrets, snapshot).await? {
                return Ok(true);
            }
        }
        match end {
            u64::MAX => Err(self.not_covered(walk, head)),
            _ => Ok(false),
        }
    }

    fn not_covered(&self, walk: &Walk, head: &Head) -> Error {
        if walk.shown {
            let missing = walk.view.first_missing(head);
            let evidence = evidence(missing, None, None, walk.view.page(missing));
            return Error::Omission { evidence };
        }
        let evidence = evidence(head.position, Some(head.hash), None, walk.view.page(head.position));
        Error::Rollback { evidence }
    }

    /// Where to read on. The last seconds are looked at again: on PostgreSQL a page may appear behind the timestamp of a younger row.
    async fn finish_walk(&mut self, walk: &Walk) -> Result<()> {
        let home = self.home().await?;
        let now_ms = self.platform().clock().now_ms();
        let before = &home.cursor;
        let is_same = walk.timestamp.is_some() && before.etag == walk.timestamp && before.url == self.target.url();
        // A list that was cut short has the same timestamp, and so has one that shows a page as emptied that is not. Who then
        // asks only whether it changed would never learn the rest.
        let is_whole = walk.timestamp.is_some_and(|timestamp| walk.youngest >= timestamp) && !walk.view.ends_void(&home.head);
        let is_renewed = before.confirmed && is_whole && !walk.unchanged;
        let read_at_ms = if is_same && !is_renewed { before.read_at_ms } else { now_ms };
        let is_settled = before.confirmed || now_ms >= before.read_at_ms.saturating_add(LATE_MS);
        let since = match walk.timestamp.filter(|_| self.without(Rule::CursorIsTheHeads)) {
            Some(greatest) => greatest,
            None => walk.view.page(home.head.position).map_or(before.since, |item| item.last_modified),
        };
        let cursor = Cursor {
            url: self.target.url(),
            since,
            etag: walk.timestamp,
            read_at_ms,
            confirmed: is_same && (walk.unchanged || is_whole && is_settled),
        };
        if cursor == *before {
            return Ok(());
        }
        self.commit_home(Home { cursor, ..home.clone() }, home).await
    }
}
