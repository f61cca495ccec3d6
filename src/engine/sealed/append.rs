//! Appends one page after the head, by `If-None-Match: *`.
//!
//! The page is noted as pending before it is sent, and acknowledged when it is committed.

use super::push::omission;
use super::requests::{Found, Put};
use super::{Secrets, interrupted, is_unchanged};
use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{Clock, Platform};
use crate::pure::draft::Draft;
use crate::pure::record::RecordId;
use crate::pure::sealed::Rule;
use crate::pure::sealed::chain::Opened;
use crate::pure::sealed::change::Change;
use crate::pure::sealed::home::{Cursor, Head, Home};
use crate::pure::sealed::item::{Content, page_id, sealed_body};
use crate::pure::sealed::page::{self, Kind, Page};
use crate::pure::sealed::pending::{self, Pending};
use crate::pure::sealed::run::Run;

/// A sealed page that is not known to be committed.
struct SealedPage {
    ct: Vec<u8>,
    opened: Opened,
}

impl<P: Platform> Session<'_, P> {
    /// Seals a page on the head and appends it. If it is committed, it is the new head.
    pub(super) async fn append(&mut self, secrets: &Secrets, kind: Kind, records: Vec<(RecordId, pending::Version)>, voids: u64) -> Result<(Put, Head)> {
        let home = self.home().await?;
        let sealed = self.seal_next(secrets, &home, kind, voids).await?;
        let head = sealed.opened.head;
        let pending = Pending {
            position: head.position,
            hash: head.hash,
            records,
        };
        if !self.without(Rule::PendingBeforeSending) {
            self.note_pending(&home, &pending).await?;
        }
        let mut put = self.put_page(&home, &sealed).await?;
        // A device that believes that the journal has moved never reads it here again. So a 201 is not enough for a closing page: it is
        // read back.
        let closes = matches!(sealed.opened.page.kind, Kind::Closed(_));
        if closes && matches!(put, Put::Appended(_)) && !self.stands(secrets, &head).await? {
            put = Put::Look(201);
        }
        if let Put::Appended(last_modified) = put {
            self.stand(
                home,
                Some(&pending),
                Opened {
                    last_modified,
                    ..sealed.opened
                },
            )
            .await?;
        }
        Ok((put, head))
    }

    /// For a repair: appends changes to a chain that this device has not taken over yet. The page comes after every taken position up to
    /// `past`, and after positions that are emptied.
    pub(super) async fn append_foreign(&mut self, secrets: &Secrets, home: &Home, changes: Vec<Change>, past: u64) -> Result<Opened> {
        const TRIES: usize = 3;
        const MOST_EMPTIED: u64 = 32;
        let (mut nothing_there, mut emptied) = (0, 0);
        loop {
            let voids = past.saturating_sub(home.head.position) + emptied;
            let sealed = self.seal_next(secrets, home, Kind::Changes(changes.clone()), voids).await?;
            let position = sealed.opened.head.position;
            match self.put_page(home, &sealed).await? {
                Put::Appended(last_modified) => {
                    return Ok(Opened {
                        last_modified,
                        ..sealed.opened
                    });
                }
                Put::Look(_) => match self.get_item(&page_id(position)).await? {
                    Found::Item(item) if item.content == Content::Emptied && emptied < MOST_EMPTIED => emptied += 1,
                    Found::Nothing if nothing_there < TRIES => nothing_there += 1,
                    Found::Nothing => return Err(omission(position)),
                    Found::Item(_) => return Err(overtaken()),
                },
                Put::TooLarge => return Err(self.too_large()),
            }
        }
    }

    async fn seal_next(&mut self, secrets: &Secrets, home: &Home, kind: Kind, voids: u64) -> Result<SealedPage> {
        let position = home.head.position + 1 + voids;
        let (t, skew) = page::time(self.platform().clock().now_ms(), home.t);
        self.report.clock_skew_ms = self.report.clock_skew_ms.max(skew);
        let page = Page {
            prev: home.head.hash,
            device: self.device().await?,
            t,
            kind,
        };
        let start = (home.head.position == 0).then(|| self.random_name());
        let ct = secrets.seal.seal_page(position, &page.write(start.as_deref()), self.salt());
        let head = Head {
            position,
            hash: secrets.seal.chain_hash(position, &ct),
        };
        let opened = Opened {
            head,
            page,
            bytes: ct.len(),
            last_modified: 0,
        };
        Ok(SealedPage { ct, opened })
    }

    async fn put_page(&mut self, home: &Home, sealed: &SealedPage) -> Result<Put> {
        let id = page_id(sealed.opened.head.position);
        self.put_new(&id, sealed_body(&sealed.ct), home.head.position == 0).await
    }

    async fn note_pending(&self, home: &Home, pending: &Pending) -> Result<()> {
        let (home, pending) = (home.clone(), pending.clone());
        let commit = move |draft: &mut Draft| {
            if !is_unchanged(draft, &home) {
                return Err(interrupted());
            }
            draft.set_note(&pending.note_name(), Some(pending.to_json()));
            Ok(())
        };
        self.commit(commit).await
    }

    async fn stand(&mut self, home: Home, pending: Option<&Pending>, opened: Opened) -> Result<()> {
        let last_modified = opened.last_modified;
        let mut run = Run::new(home);
        run.add(pending, opened);
        if run.after.snapshot != run.before.snapshot {
            run.after.live_bytes = self.live_bytes().await?;
        }
        run.after.cursor = Cursor {
            url: self.target.url(),
            since: last_modified,
            etag: Some(last_modified),
            read_at_ms: self.platform().clock().now_ms(),
            confirmed: false,
        };
        self.report.last_modified = self.report.last_modified.max(Some(last_modified));
        self.commit_run(run).await
    }
}

fn overtaken() -> Error {
    Error::Interrupted {
        message: "Somebody else writes at the same moment. Try again.".into(),
    }
}
