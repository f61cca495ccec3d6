//! Syncs a collection with its remote: metadata, pull, push, then moves the cursor past what was pushed.
//!
//! One sync runs at a time per collection, across tabs. The order of the steps and the lists of the result are those of Kinto.js. A
//! conflict keeps only its own record from being pushed.

use super::cancellation::Cancellation;
use super::collection::Collection;
use super::resident::{Job, take};
use super::server::Patience;
use super::turns::Turn;
use crate::error::{Error, Result};
use crate::ports::{Clock, Platform, Request, Response, Tabs};
use crate::pure::cursor::Made;
use crate::pure::draft::Draft;
use crate::pure::merge::Strategy;
use crate::pure::operations::{EPOCH, LAST_MODIFIED, METADATA};
use crate::pure::protocol::{Headers, Remote, Target};
use crate::pure::record::RecordId;
use crate::pure::report::{List, Report};
use crate::pure::{answers, json};
use futures_channel::oneshot;
use futures_util::future::{Either, LocalBoxFuture, select};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;

/// A sync that waits for its turn. Another call with the same options shares it, because the sync begins after both calls.
pub struct Waiting {
    options: String,
    cancellation: Rc<Cancellation>,
    joined: RefCell<Vec<oneshot::Sender<Result<String>>>>,
}

/// The options of `sync()`: see `SyncOptions` of the package.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub strategy: Strategy,
    pub patience: Patience,
}

/// A running sync.
pub(super) struct Session<'a, P: Platform> {
    pub collection: &'a Collection<P>,
    pub target: Target,
    pub options: Options,
    pub report: Report,
    /// Records with conflicts that the user has to resolve; they are not pushed.
    pub conflicts: BTreeSet<RecordId>,
    /// Identifies the collection on the server, by its metadata.
    pub made: Option<Made>,
    /// The user has decided that the records here belong on this server.
    pub is_repair: bool,
    pub cancellation: Rc<Cancellation>,
    /// [`EPOCH`] at the time of the call.
    epoch: String,
}

impl<P: Platform> Collection<P> {
    /// Syncs. `options`: `{remote, headers, timeout, retry, strategy, ignoreBackoff, bucket, collection, expectedTimestamp}`. Returns the
    /// lists of a `SyncResult` as JSON.
    ///
    /// One sync runs at a time. A call that comes while one runs gets a sync that begins after the call.
    pub async fn sync(&self, options: &str) -> Result<String> {
        let (target, _) = self.read_options(options)?;
        self.check_backoff(&target, options)?;
        // Waits for everything that was started before this call. If a `clear()` is among it, it cancels only the syncs before that.
        self.ready().await?;
        let shares = |waiting: &&Rc<Waiting>| waiting.options == options && !waiting.cancellation.is_cancelled();
        let shared = self.waiting.borrow().iter().find(shares).cloned();
        match shared {
            Some(waiting) => {
                let (done, result) = oneshot::channel();
                waiting.joined.borrow_mut().push(done);
                result.await.unwrap_or(Err(Error::Closed))
            }
            None => self.sync_for_all(options).await,
        }
    }

    /// Opens the collection and waits for everything that was started before. Errors: `interrupted` if the database was deleted meanwhile:
    /// the waiting sync is not yet among those that are cancelled then.
    async fn ready(&self) -> Result<()> {
        let before = self.resident.taken_away.get();
        self.resident.read(|_| ()).await?;
        match self.resident.taken_away.get() == before {
            true => Ok(()),
            false => Err(interrupted()),
        }
    }

    /// Runs one sync for this call and for all calls that share it, and gives each the result.
    async fn sync_for_all(&self, options: &str) -> Result<String> {
        let waiting = Rc::new(Waiting {
            options: options.to_owned(),
            cancellation: self.resident.syncs.begin(),
            joined: RefCell::default(),
        });
        self.waiting.borrow_mut().push(waiting.clone());
        let result = self.cancellable(&waiting.cancellation, Box::pin(self.sync_in_turn(options, &waiting))).await;
        self.has_begun(&waiting);
        for joined in waiting.joined.take() {
            let _ = joined.send(result.clone());
        }
        result
    }

    async fn sync_in_turn(&self, options: &str, waiting: &Rc<Waiting>) -> Result<String> {
        let (target, options) = self.read_options(options)?;
        let epoch = self.epoch(&waiting.cancellation).await?;
        let _turn = self.lock(options.patience.timeout_ms).await?;
        self.has_begun(waiting);
        // The server may have asked the sync before this one to back off.
        self.check_backoff(&target, &waiting.options)?;
        let mut session = self.session(target, options, epoch, &waiting.cancellation).await?;
        session.run().await?;
        Ok(session.report.to_json())
    }

    fn has_begun(&self, begun: &Rc<Waiting>) {
        self.waiting.borrow_mut().retain(|waiting| !Rc::ptr_eq(waiting, begun));
    }

    async fn cancellable(&self, cancellation: &Cancellation, sync: LocalBoxFuture<'_, Result<String>>) -> Result<String> {
        let result = cancellation.run(sync).await;
        self.resident.check_open()?;
        result.unwrap_or_else(|| Err(interrupted()))
    }

    /// Closes an encrypted collection's journal at this server. It continues at `destination`, `{"remote", "bucket"?}`, where its pages are
    /// copied to. Options and result as in [`Collection::sync`].
    pub async fn close_journal(&self, destination: &str, options: &str) -> Result<String> {
        let secrets = self.sealed("closeJournal")?;
        let close = async |session: &mut Session<'_, P>| {
            let part = |name: &str| json::member(destination, name).filter(|raw| *raw != "null").and_then(json::string);
            let remote = Remote::read(&part("remote").unwrap_or_default())?;
            let bucket = part("bucket").unwrap_or_else(|| session.target.bucket.clone().into());
            let (remote, bucket, collection) = (json::quote(remote.url()), json::quote(&bucket), json::quote(&session.target.collection));
            let destination = format!("{{\"remote\":{remote},\"bucket\":{bucket},\"collection\":{collection}}}");
            session.close_journal(secrets, &destination).await
        };
        self.sync_as(options, close).await
    }

    /// Brings a collection and its server together again after the server lost data, when the user asks for it: see `sealed::repair` and
    /// `engine::lost`. Options and result as in [`Collection::sync`].
    pub async fn repair(&self, options: &str) -> Result<String> {
        let repair = async |session: &mut Session<'_, P>| match self.secrets.as_deref() {
            Some(secrets) => session.repair(secrets).await,
            None => session.repair_plain().await,
        };
        self.sync_as(options, repair).await
    }

    /// Runs an app's own steps as a sync: in turn with the other syncs, and cancelled like them. The steps receive the epoch that they
    /// write in. Without options this is a single step, which the app may take at any time, also during a sync: it waits for no turn.
    pub async fn sync_by(&self, options: &str, steps: impl AsyncFnOnce(Option<&str>)) -> Result<String> {
        let options = match options {
            "" => None,
            given => Some(self.read_options(given)?.1),
        };
        self.ready().await?;
        let cancellation = self.resident.syncs.begin();
        let sync = async {
            // If storage fails here, the first step that needs storage reports it.
            let epoch = self.epoch(&cancellation).await.ok();
            let _turn = match options {
                Some(options) => Some(self.in_turn(options.patience.timeout_ms, epoch.as_ref(), &cancellation).await?),
                None => None,
            };
            steps(epoch.as_deref()).await;
            Ok("null".to_owned())
        };
        self.cancellable(&cancellation, Box::pin(sync)).await
    }

    async fn sync_as(&self, options: &str, work: impl AsyncFnOnce(&mut Session<'_, P>) -> Result<()>) -> Result<String> {
        let (target, options) = self.read_options(options)?;
        self.ready().await?;
        let cancellation = self.resident.syncs.begin();
        let sync = async {
            let epoch = self.epoch(&cancellation).await?;
            let _turn = self.lock(options.patience.timeout_ms).await?;
            let mut session = self.session(target, options, epoch, &cancellation).await?;
            work(&mut session).await?;
            Ok(session.report.to_json())
        };
        self.cancellable(&cancellation, Box::pin(sync)).await
    }

    /// The collection's epoch; begins one if there is none. A sync reads it before it waits for its turn: another tab may clear the
    /// collection meanwhile, and the sync must not fill it again.
    async fn epoch(&self, cancellation: &Cancellation) -> Result<String> {
        let made = format!("{:x}", self.resident.random_id());
        let begin = move |draft: &mut Draft| {
            let epoch = draft.note(EPOCH).unwrap_or_else(|| made.clone());
            draft.set_note(EPOCH, Some(epoch.clone()));
            Ok(epoch)
        };
        let (job, slot) = Job::new(begin);
        cancellation.finish(self.resident.join(job)).await?;
        take(&slot)
    }

    /// Begins the session of a sync. Reads the epoch once more, which also applies the entries of other tabs. Errors: `interrupted` if the
    /// collection was cleared or reset since the call.
    async fn session(&self, target: Target, options: Options, epoch: String, cancellation: &Rc<Cancellation>) -> Result<Session<'_, P>> {
        if self.epoch(cancellation).await? != epoch {
            return Err(interrupted());
        }
        Ok(Session {
            collection: self,
            target,
            options,
            report: Report::default(),
            conflicts: BTreeSet::new(),
            made: None,
            is_repair: false,
            cancellation: cancellation.clone(),
            epoch,
        })
    }

    /// Like [`Collection::lock`]. Errors: `interrupted` if another tab has cleared or reset the collection while this waited.
    async fn in_turn(&self, timeout_ms: Option<u64>, called_in: Option<&String>, cancellation: &Cancellation) -> Result<(Turn<()>, <P::Tabs as Tabs>::Guard)> {
        let turn = self.lock(timeout_ms).await?;
        match (called_in, self.epoch(cancellation).await) {
            (Some(called_in), Ok(epoch)) if *called_in != epoch => Err(interrupted()),
            _ => Ok(turn),
        }
    }

    /// Waits for the turn to sync: first within this page, in the order of the calls and however long that takes; then for the lock among
    /// the tabs, at most `timeout_ms`.
    async fn lock(&self, timeout_ms: Option<u64>) -> Result<(Turn<()>, <P::Tabs as Tabs>::Guard)> {
        let turn = self.resident.sync_turns.alone().await;
        Ok((turn, self.lock_tabs(timeout_ms).await?))
    }

    async fn lock_tabs(&self, timeout_ms: Option<u64>) -> Result<<P::Tabs as Tabs>::Guard> {
        let platform = &*self.resident.platform;
        let name = format!("{}/sync", self.resident.collection.database());
        let lock = pin!(platform.tabs().lock(&name));
        let Some(timeout_ms) = timeout_ms else { return lock.await };
        match select(lock, pin!(platform.clock().sleep_ms(timeout_ms))).await {
            Either::Left((guard, _)) => guard,
            Either::Right(_) => Err(Error::Busy {
                name: self.resident.collection.name.clone(),
            }),
        }
    }

    fn check_backoff(&self, target: &Target, options: &str) -> Result<()> {
        match json::member(options, "ignoreBackoff") {
            Some("true") => Ok(()),
            _ => self.servers.check_backoff(&target.remote, self.resident.platform.clock().now_ms()),
        }
    }

    fn read_options(&self, text: &str) -> Result<(Target, Options)> {
        let option = |name: &str| json::member(text, name).filter(|raw| *raw != "null");
        let string = |name: &str| option(name).and_then(json::string).map(|text| text.into_owned());
        let number = |name: &str| option(name).and_then(json::number).filter(|number| *number >= 0.0);
        let strategy = match string("strategy") {
            None => Strategy::Manual,
            Some(name) => Strategy::read(&name).ok_or_else(|| Error::InvalidOption {
                message: format!("Unknown sync strategy: {name}"),
            })?,
        };
        let collection = match (&self.secrets, string("collection")) {
            (None, given) => given.unwrap_or_else(|| self.resident.collection.name.clone()),
            (Some(secrets), None) => secrets.server_collection.clone(),
            (Some(_), Some(_)) => {
                let message = "An encrypted collection's name on the server follows from its key: leave out `collection`.".into();
                return Err(Error::InvalidOption { message });
            }
        };
        let target = Target {
            remote: Remote::read(&string("remote").unwrap_or_default())?,
            bucket: string("bucket").unwrap_or_else(|| self.resident.collection.bucket.clone()),
            collection,
            headers: option("headers").map_or_else(Vec::new, read_headers),
            expected_timestamp: string("expectedTimestamp").or_else(|| number("expectedTimestamp").map(|ms| (ms as u64).to_string())),
        };
        let patience = Patience {
            timeout_ms: number("timeout").map(|ms| ms as u64).filter(|ms| *ms > 0),
            retries: number("retry").map_or(0, |count| count as u32),
        };
        Ok((target, Options { strategy, patience }))
    }
}

/// The outcome of work that follows a sync's own work. Its failure does not reject the sync, because the work is tried again later. Only
/// these errors are passed on: the collection was closed, cleared or reset meanwhile, or essaim has a bug.
pub(super) fn housekeeping(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error @ (Error::Closed | Error::Interrupted { .. } | Error::Bug { .. })) => Err(error),
        _ => Ok(()),
    }
}

fn read_headers(raw: &str) -> Headers {
    let text = |raw: &str| json::string(raw).map_or_else(|| raw.to_owned(), |text| text.into_owned());
    json::members(raw)
        .into_iter()
        .flatten()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

impl<P: Platform> Session<'_, P> {
    async fn run(&mut self) -> Result<()> {
        match self.collection.secrets.clone() {
            Some(secrets) => self.run_sealed(&secrets).await,
            None => self.run_plain().await,
        }
    }

    pub(super) async fn run_plain(&mut self) -> Result<()> {
        self.pull_metadata().await?;
        self.pull().await?;
        if self.options.strategy != Strategy::PullOnly {
            let written = self.push().await?;
            if self.report.count(List::Published) > 0 {
                // This sync has done its work, whatever the server answers now. The next sync moves the cursor past what was written.
                match self.pull_past(&written).await {
                    Err(error) if error.is_answer() => {}
                    done => done?,
                }
            }
        }
        self.remember_last_modified().await
    }

    /// Like `Resident::commit`. Errors: `interrupted` if the collection was cleared, reset or deleted since this sync was called.
    pub(super) async fn commit<R: 'static>(&self, mut operation: impl FnMut(&mut Draft) -> Result<R> + 'static) -> Result<R> {
        let epoch = Some(self.epoch.clone());
        let (job, slot) = Job::new(move |draft| {
            check_epoch(draft, &epoch)?;
            operation(draft)
        });
        self.cancellation.finish(self.collection.resident.join(job)).await?;
        take(&slot)
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response> {
        self.collection
            .servers
            .send(&*self.collection.resident.platform, &self.target.remote, request, self.options.patience)
            .await
    }

    /// Pulls the metadata. That a bucket or a collection may not be read (403) or is not found (404) is no error: its records may be
    /// readable all the same.
    pub(super) async fn pull_metadata(&mut self) -> Result<()> {
        self.made = None;
        let request = self.target.metadata();
        let url = request.url.clone();
        let response = self.send(request).await?;
        let body = match answers::accept(&response, &url) {
            Err(Error::Forbidden { .. } | Error::RemoteNotFound { .. }) => return Ok(()),
            body => body?,
        };
        self.made = answers::made(body);
        let metadata = answers::data(body, &url, response.status)?.to_owned();
        self.remember(METADATA, metadata).await
    }

    pub(super) async fn remember_last_modified(&mut self) -> Result<()> {
        let is_ok = self.report.count(List::Errors) == 0 && self.report.count(List::Conflicts) == 0;
        match self.report.last_modified.filter(|_| is_ok) {
            Some(last_modified) => housekeeping(self.remember(LAST_MODIFIED, last_modified.to_string()).await),
            None => Ok(()),
        }
    }

    async fn remember(&self, name: &'static str, text: String) -> Result<()> {
        if self.collection.resident.read(|state| state.notes.get(name) == Some(&text)).await? {
            return Ok(());
        }
        let commit = move |draft: &mut Draft| {
            draft.set_note(name, Some(text.clone()));
            Ok(())
        };
        self.commit(commit).await
    }
}

/// Errors: `interrupted` if the collection is in another epoch. Without an epoch there is no check.
pub(super) fn check_epoch(draft: &Draft, epoch: &Option<String>) -> Result<()> {
    match epoch.is_none() || draft.note(EPOCH) == *epoch {
        true => Ok(()),
        false => Err(interrupted()),
    }
}

pub(super) fn interrupted() -> Error {
    Error::Interrupted {
        message: "The collection was cleared, reset or deleted during this sync. Sync again.".into(),
    }
}
