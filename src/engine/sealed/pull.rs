//! Pulls new pages of a journal.
//!
//! First of all the server has to show the head that is known here, or a snapshot that covers it: a server that was emptied would accept
//! what is appended without an error.
//!
//! Before an alarm is raised, everything is read once more, because another device may have written a snapshot during the first reading.

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
    /// The rows from the head's own row on.
    Since,
    /// All rows that are not emptied.
    Full,
    /// Like `Full`, by a device that knew nothing when it began.
    First,
}

/// Listing progress.
pub(super) struct Walk {
    reading: Reading,
    pub view: View,
    /// The server has shown the head, or a snapshot that covers it.
    shown: bool,
    /// The collection's timestamp when the first page of the listing was made.
    timestamp: Option<u64>,
    /// The `last_modified` of the youngest row, whatever its kind.
    youngest: u64,
    unchanged: bool,
}

impl Walk {
    /// Whether this device knew nothing when it began. Then there is nothing that the server's answer could contradict.
    pub fn is_first(&self) -> bool {
        self.reading == Reading::First
    }
}

impl<P: Platform> Session<'_, P> {
    /// Pulls the journal. `fed`: a page that is at the position where this device wanted to append.
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
                // Kinto refuses a `_since` of more than a day ahead of its clock. The `last_modified` of the head's row was wrong, or the
                // clock has been put right since.
                Err(Error::Server { status: 400, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // Without a cursor this is the first reading, so a failure is not an alarm yet: the second reading follows.
        if !has_cursor && let Ok(true) = self.walk_or_alarm(secrets, full, fed.clone()).await? {
            return self.meet_open(is_first).await;
        }
        match self.walk_or_alarm(secrets, full, fed.clone()).await? {
            Ok(true) => self.meet_open(is_first).await,
            // A newer snapshot may have deleted a segment meanwhile, so read once more.
            Ok(false) | Err(_) => match self.walk(secrets, full, fed).await? {
                true => self.meet_open(is_first).await,
                false => Err(self.omission().await?),
            },
        }
    }

    /// A full reading; the inner error is an alarm.
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

    /// Reads a listing once and applies it. True if everything that is shown was applied, false if another reading is needed.
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
            // Rows are listed by time, so the head's row is the first one. If it is not shown, it was emptied, so a snapshot has been
            // written.
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

    /// Applies what follows the head. False if another reading is needed.
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
                    // The pages before this error are valid and are applied first; the error comes again in the next round.
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

    /// Ends a listing: pages that do not follow the head have to be covered by a snapshot.
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

    /// Adopts the latest snapshot that is complete: the segments of a later one may never have been stored.
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

    /// Saves the cursor. The last seconds are read again, because on PostgreSQL a page may appear behind the timestamp of a younger row.
    async fn finish_walk(&mut self, walk: &Walk) -> Result<()> {
        let home = self.home().await?;
        let now_ms = self.platform().clock().now_ms();
        let before = &home.cursor;
        let is_same = walk.timestamp.is_some() && before.etag == walk.timestamp && before.url == self.target.url();
        // A list that was cut short, or that shows a page as emptied which is not, has the same timestamp. A device that then only asks
        // whether the timestamp changed would never see the rest.
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
