//! Talking to a server: timeouts, retries, and leaving it alone when it asks for that.

use crate::error::{Error, Result};
use crate::ports::{Clock, Platform, Request, Response, Transport};
use crate::pure::answers;
use crate::pure::protocol::{Remote, Target};
use futures_util::future::{Either, select};
use std::cell::RefCell;
use std::pin::pin;

/// What is remembered of each server, by its root URL, for as long as the page lives.
#[derive(Default)]
pub struct Servers {
    known: RefCell<Vec<(Remote, Server)>>,
    listener: Option<Box<Listener>>,
}

type Listener = dyn Fn(Notice<'_>);

/// What a server asks for beside its answer. Times are epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Ask nothing before this time; 0 if at once. Told at each answer.
    Backoff { until_ms: u64 },
    /// Ask this again at that time.
    RetryAfter { at_ms: u64 },
    /// Warn who runs the app: the header, which should be JSON.
    Alert(&'a str),
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
    /// Tells `listener` what servers ask for. Nothing is borrowed then.
    pub fn heard_by(listener: impl Fn(Notice<'_>) + 'static) -> Self {
        Servers {
            known: RefCell::default(),
            listener: Some(Box::new(listener)),
        }
    }

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
        self.send_by(platform.transport(), platform.clock(), remote, request, patience).await
    }

    /// As [`Servers::send`], by another transport than the platform's.
    pub async fn send_by(&self, transport: &impl Transport, clock: &impl Clock, remote: &Remote, request: Request, patience: Patience) -> Result<Response> {
        let mut retries = patience.retries;
        let mut collisions = 0;
        loop {
            let response = in_time(transport, clock, request.clone(), patience.timeout_ms).await?;
            self.note(remote, &response, clock.now_ms());
            if collided(&request, &response) && collisions < COLLISIONS {
                collisions += 1;
                continue;
            }
            match answers::seconds(&response, "retry-after") {
                Some(wait_ms) if retries > 0 => {
                    retries -= 1;
                    clock.sleep_ms(wait_ms).await;
                }
                _ => return Ok(response),
            }
        }
    }

    fn note(&self, remote: &Remote, response: &Response, now_ms: u64) {
        let retry_after = answers::seconds(response, "retry-after");
        let overloaded = retry_after.filter(|_| matches!(response.status, 429 | 503));
        let wait_ms = answers::seconds(response, "backoff").max(overloaded);
        let until_ms = wait_ms.map_or(0, |wait_ms| now_ms.saturating_add(wait_ms));
        self.with(remote, |server| server.release_at_ms = until_ms);
        let Some(tell) = &self.listener else { return };
        if let Some(alert) = response.header("alert") {
            tell(Notice::Alert(alert));
        }
        tell(Notice::Backoff { until_ms });
        if let Some(wait_ms) = retry_after {
            tell(Notice::RetryAfter {
                at_ms: now_ms.saturating_add(wait_ms),
            });
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

/// Reading the default bucket makes it, and its collection: of a new user's devices that read at the same moment, PostgreSQL
/// refuses all but one ("Integrity constraint violated, please retry"), once the other has made them. A server that says when
/// to ask again means something else.
fn collided(request: &Request, response: &Response) -> bool {
    matches!(request.method, "GET" | "HEAD") && response.status == 409 && response.header("retry-after").is_none()
}

/// The bucket may be there and its collection still be raced for.
const COLLISIONS: u32 = 4;

/// The request is aborted when its time is over: its future is dropped.
async fn in_time(transport: &impl Transport, clock: &impl Clock, request: Request, timeout_ms: Option<u64>) -> Result<Response> {
    let url = request.url.clone();
    let answer = pin!(transport.send(request));
    let Some(timeout_ms) = timeout_ms else { return answer.await };
    match select(answer, pin!(clock.sleep_ms(timeout_ms))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Error::Timeout { url, timeout_ms }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, name: &str, value: &str) -> Response {
        Response {
            status,
            headers: vec![(name.into(), value.into())],
            ..Response::default()
        }
    }

    #[test]
    fn a_read_that_collided_is_asked_again_at_once_unless_the_server_says_when() {
        let request = |method| Request {
            method,
            url: "u".into(),
            headers: Vec::new(),
            body: None,
        };
        assert!(collided(&request("GET"), &response(409, "etag", "5")));
        assert!(!collided(&request("GET"), &response(409, "retry-after", "30")));
        assert!(!collided(&request("GET"), &response(503, "etag", "5")));
        assert!(!collided(&request("POST"), &response(409, "etag", "5")));
    }

    #[test]
    fn a_server_that_wants_to_be_left_alone_for_ever_is() {
        let (servers, remote) = (Servers::default(), Remote::read("http://server/v1").unwrap());
        servers.note(&remote, &response(200, "backoff", "1e30"), 1000);
        assert_eq!(servers.backoff_ms(&remote, 1000), u64::MAX - 1000);
    }
}
