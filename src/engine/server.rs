//! Talking to a server: timeouts, retries, and leaving it alone when it asks for that.

use crate::error::{Error, Result};
use crate::ports::{Clock, Platform, Request, Response, Transport};
use crate::pure::answers;
use crate::pure::json;
use crate::pure::protocol::{Remote, Target};
use futures_util::future::{Either, select};
use std::cell::RefCell;
use std::pin::pin;

/// What is remembered of each server, by its root URL, for as long as the page lives.
#[derive(Debug, Default)]
pub struct Servers {
    known: RefCell<Vec<(Remote, Server)>>,
    notices: RefCell<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
struct Server {
    /// Ask nothing before this time (epoch, ms).
    release_at_ms: u64,
    batch_max_requests: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    pub timeout_ms: Option<u64>,
    /// How often to wait and ask again where the server says when (`Retry-After`).
    pub retries: u32,
}

impl Servers {
    fn with<R>(&self, remote: &Remote, change: impl FnOnce(&mut Server) -> R) -> R {
        let mut servers = self.known.borrow_mut();
        let at = servers.iter().position(|(known, _)| known == remote).unwrap_or_else(|| {
            servers.push((remote.clone(), Server::default()));
            servers.len() - 1
        });
        change(&mut servers[at].1)
    }

    /// How long this server wants to be left alone.
    pub fn backoff_ms(&self, remote: &Remote, now_ms: u64) -> u64 {
        self.with(remote, |server| server.release_at_ms.saturating_sub(now_ms))
    }

    pub fn check_backoff(&self, remote: &Remote, now_ms: u64) -> Result<()> {
        match self.backoff_ms(remote, now_ms) {
            0 => Ok(()),
            retry_after_ms => Err(Error::Backoff { retry_after_ms }),
        }
    }

    /// An answer of any status. `Backoff` is remembered, `Retry-After` waited for while there are retries left.
    pub async fn send<P: Platform>(&self, platform: &P, remote: &Remote, request: Request, patience: Patience) -> Result<Response> {
        let mut retries = patience.retries;
        loop {
            let response = in_time(platform, request.clone(), patience.timeout_ms).await?;
            self.hear(remote, &response, platform.clock().now_ms());
            match answers::seconds(&response, "retry-after") {
                Some(wait_ms) if retries > 0 => {
                    retries -= 1;
                    platform.clock().sleep_ms(wait_ms).await;
                }
                _ => return Ok(response),
            }
        }
    }

    /// What servers said besides answering, since the last look: `[name, content]` as JSON each. `backoff` and `retry-after` are
    /// times (ms; a backoff of 0 is over), `alert` is the header's text.
    pub fn take_notices(&self) -> Vec<String> {
        self.notices.take()
    }

    fn hear(&self, remote: &Remote, response: &Response, now_ms: u64) {
        let retry_at_ms = answers::seconds(response, "retry-after").map(|wait_ms| now_ms + wait_ms);
        let overloaded = retry_at_ms.filter(|_| matches!(response.status, 429 | 503));
        let release_at_ms = answers::seconds(response, "backoff").map(|wait_ms| now_ms + wait_ms);
        let release_at_ms = release_at_ms.max(overloaded).unwrap_or(0);
        let before = self.with(remote, |server| std::mem::replace(&mut server.release_at_ms, release_at_ms));
        if release_at_ms != before {
            self.notice("backoff", &release_at_ms.to_string());
        }
        if let Some(retry_at_ms) = retry_at_ms {
            self.notice("retry-after", &retry_at_ms.to_string());
        }
        if let Some(alert) = response.header("alert") {
            self.notice("alert", &json::quote(alert));
        }
    }

    /// Once until it is looked at: every answer of a server that is to be closed says so.
    fn notice(&self, name: &str, content: &str) {
        let text = format!("[\"{name}\",{content}]");
        let mut notices = self.notices.borrow_mut();
        if !notices.contains(&text) {
            notices.push(text);
        }
    }

    /// How many requests a batch may have, asked once per server.
    pub async fn batch_max_requests<P: Platform>(&self, platform: &P, target: &Target, patience: Patience) -> Result<usize> {
        if let Some(known) = self.with(&target.remote, |server| server.batch_max_requests) {
            return Ok(known);
        }
        let request = target.hello();
        let url = request.url.clone();
        let response = self.send(platform, &target.remote, request, patience).await?;
        let max = answers::batch_max_requests(answers::accept(&response, &url)?);
        self.with(&target.remote, |server| server.batch_max_requests = Some(max));
        Ok(max)
    }
}

/// The request is aborted when its time is over: its future is dropped.
async fn in_time<P: Platform>(platform: &P, request: Request, timeout_ms: Option<u64>) -> Result<Response> {
    let url = request.url.clone();
    let answer = pin!(platform.transport().send(request));
    let Some(timeout_ms) = timeout_ms else { return answer.await };
    match select(answer, pin!(platform.clock().sleep_ms(timeout_ms))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Error::Timeout { url, timeout_ms }),
    }
}
