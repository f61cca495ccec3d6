//! Bringing a collection and its remote together: metadata, pull, push, and a look at what came meanwhile.
//!
//! One at a time per collection, across tabs. The order and the lists are Kinto.js's; a conflict holds back only its own record.

use super::collection::Collection;
use super::sealed::Secrets;
use super::server::Patience;
use crate::error::{Error, Result};
use crate::ports::{Clock, Platform, Request, Response, Tabs};
use crate::pure::draft::Draft;
use crate::pure::merge::Strategy;
use crate::pure::operations::{FORGOTTEN, LAST_MODIFIED, METADATA};
use crate::pure::protocol::{Headers, Remote, Target};
use crate::pure::record::RecordId;
use crate::pure::report::{List, Report};
use crate::pure::{answers, json};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;

/// A sync under way, which another call with the same options joins.
pub struct Running {
    options: String,
    waiting: Vec<oneshot::Sender<Result<String>>>,
}

/// What `sync()` is asked: see `SyncOptions` of the package.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub strategy: Strategy,
    pub patience: Patience,
    ignore_backoff: bool,
}

/// One sync.
pub(super) struct Session<'a, P: Platform> {
    pub collection: &'a Collection<P>,
    pub target: Target,
    pub options: Options,
    pub report: Report,
    /// Left to the user: not pushed.
    pub conflicts: BTreeSet<RecordId>,
    /// [`FORGOTTEN`], as it was when this began.
    pub forgotten: Option<String>,
}

impl<P: Platform> Collection<P> {
    /// `options`: `{remote, headers, timeout, retry, strategy, ignoreBackoff, bucket, collection, expectedTimestamp}`.
    /// Gives the lists of a `SyncResult` as JSON.
    pub async fn sync(&self, options: &str) -> Result<String> {
        let joined = match &mut *self.running.borrow_mut() {
            Some(running) if running.options == options => {
                let (done, result) = oneshot::channel();
                running.waiting.push(done);
                Some(result)
            }
            _ => None,
        };
        match joined {
            Some(result) => result.await.unwrap_or(Err(Error::Closed)),
            None => self.sync_for_all(options).await,
        }
    }

    /// The result goes to everybody who joined. With other options than the one under way it waits its turn at the lock.
    async fn sync_for_all(&self, options: &str) -> Result<String> {
        let joinable = self.running.borrow().is_none();
        if joinable {
            *self.running.borrow_mut() = Some(Running {
                options: options.to_owned(),
                waiting: Vec::new(),
            });
        }
        let result = self.sync_alone(options).await.map(|report| report.to_json());
        let running = if joinable { self.running.take() } else { None };
        for waiting in running.into_iter().flat_map(|running| running.waiting) {
            let _ = waiting.send(result.clone());
        }
        result
    }

    async fn sync_alone(&self, options: &str) -> Result<Report> {
        let (target, options) = self.read_options(options)?;
        let platform = &*self.resident.platform;
        if !options.ignore_backoff {
            self.servers.check_backoff(&target.remote, platform.clock().now_ms())?;
        }
        let _guard = self.lock(options.patience.timeout_ms).await?;
        self.resident.refresh().await?;
        let mut session = Session::new(self, target, options);
        session.run().await?;
        Ok(session.report)
    }

    /// Closes an encrypted collection's journal at this server: it goes on at `destination`, `{"remote", "bucket"?}`,
    /// where its pages are copied to. Options and result as [`Collection::sync`].
    pub async fn close_journal(&self, destination: &str, options: &str) -> Result<String> {
        let (mut session, secrets, _guard) = self.sealed_session("closeJournal", options).await?;
        let part = |name: &str| json::member(destination, name).filter(|raw| *raw != "null").and_then(json::string);
        let remote = Remote::read(&part("remote").unwrap_or_default())?;
        let bucket = part("bucket").unwrap_or_else(|| session.target.bucket.clone().into());
        let (remote, bucket, collection) = (json::quote(remote.url()), json::quote(&bucket), json::quote(&session.target.collection));
        let destination = format!("{{\"remote\":{remote},\"bucket\":{bucket},\"collection\":{collection}}}");
        session.close_journal(&secrets, &destination).await?;
        Ok(session.report.to_json())
    }

    /// Brings an encrypted collection and its server together again that parted, on the user's word: see `sealed::repair`.
    /// Options and result as [`Collection::sync`].
    pub async fn repair(&self, options: &str) -> Result<String> {
        let (mut session, secrets, _guard) = self.sealed_session("repair", options).await?;
        session.repair(&secrets).await?;
        Ok(session.report.to_json())
    }

    async fn sealed_session(&self, method: &str, options: &str) -> Result<(Session<'_, P>, Rc<Secrets>, <P::Tabs as Tabs>::Guard)> {
        let secrets = self.sealed(method)?.clone();
        let (target, options) = self.read_options(options)?;
        let guard = self.lock(options.patience.timeout_ms).await?;
        self.resident.refresh().await?;
        Ok((Session::new(self, target, options), secrets, guard))
    }

    async fn lock(&self, timeout_ms: Option<u64>) -> Result<<P::Tabs as Tabs>::Guard> {
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
        Ok((
            target,
            Options {
                strategy,
                patience,
                ignore_backoff: option("ignoreBackoff") == Some("true"),
            },
        ))
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

impl<'a, P: Platform> Session<'a, P> {
    fn new(collection: &'a Collection<P>, target: Target, options: Options) -> Self {
        Session {
            collection,
            target,
            options,
            report: Report::default(),
            conflicts: BTreeSet::new(),
            forgotten: collection.resident.state.borrow().notes.get(FORGOTTEN).cloned(),
        }
    }

    async fn run(&mut self) -> Result<()> {
        match self.collection.secrets.clone() {
            Some(secrets) => self.run_sealed(&secrets).await,
            None => self.run_plain().await,
        }
    }

    async fn run_plain(&mut self) -> Result<()> {
        self.pull_metadata().await?;
        self.pull().await?;
        if self.options.strategy != Strategy::PullOnly {
            let written = self.push().await?;
            if self.report.count(List::Published) > 0 {
                self.pull_past(&written).await?;
            }
        }
        self.remember_last_modified().await
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response> {
        self.collection
            .servers
            .send(&*self.collection.resident.platform, &self.target.remote, request, self.options.patience)
            .await
    }

    /// A bucket or a collection that cannot be read may still have records that can.
    async fn pull_metadata(&mut self) -> Result<()> {
        let request = self.target.metadata();
        let url = request.url.clone();
        let response = self.send(request).await?;
        let body = match answers::accept(&response, &url) {
            Err(Error::Forbidden { .. } | Error::RemoteNotFound { .. }) => return Ok(()),
            body => body?,
        };
        let metadata = answers::data(body, &url, response.status)?.to_owned();
        self.remember(METADATA, metadata).await
    }

    pub(super) async fn remember_last_modified(&mut self) -> Result<()> {
        let is_ok = self.report.count(List::Errors) == 0 && self.report.count(List::Conflicts) == 0;
        match self.report.last_modified.filter(|_| is_ok) {
            Some(last_modified) => self.remember(LAST_MODIFIED, last_modified.to_string()).await,
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
        self.collection.resident.commit(commit).await
    }
}
