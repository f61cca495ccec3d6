//! Sends requests to servers, with timeouts and retries, and waits when a server asks for it.

use crate::error::{Error, Result};
use crate::ports::{Clock, Platform, Request, Response, Rng, Transport};
use crate::pure::answers;
use crate::pure::protocol::{Remote, Target};
use crate::pure::refusal;
use futures_util::future::{Either, select};
use std::cell::RefCell;
use std::pin::pin;

/// What is remembered of each server, by its root URL, as long as the page lives.
#[derive(Default)]
pub struct Servers {
    known: RefCell<Vec<(Remote, Server)>>,
    listener: Option<Box<Listener>>,
}

type Listener = dyn Fn(Notice<'_>);

/// What a server asks for beside its answer. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Send no request before this time; 0 if requests may be sent at once. Reported with each answer.
    Backoff { until_ms: u64 },
    /// Send this request again at that time.
    RetryAfter { at_ms: u64 },
    /// A warning for those who run the app: the header's text, which should be JSON.
    Alert(&'a str),
}

#[derive(Clone, Debug, Default)]
struct Server {
    /// Send no request before this time (ms since 1970).
    release_at_ms: u64,
    batch_max_requests: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    pub timeout_ms: Option<u64>,
    /// How often to wait and ask again if the server refuses and says when (`Retry-After`).
    pub retries: u32,
}

impl Servers {
    /// Calls `listener` with what servers ask for. No `RefCell` is borrowed during the call.
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

    /// How long (ms) this server wants no requests.
    pub fn backoff_ms(&self, remote: &Remote, now_ms: u64) -> u64 {
        self.with(remote, |server| server.release_at_ms.saturating_sub(now_ms))
    }

    pub fn check_backoff(&self, remote: &Remote, now_ms: u64) -> Result<()> {
        match self.backoff_ms(remote, now_ms) {
            0 => Ok(()),
            retry_after_ms => Err(Error::Backoff { retry_after_ms }),
        }
    }

    /// Sends a request; returns an answer of any status. Remembers `Backoff`, and waits for `Retry-After` as long as retries are left.
    /// After a collision, reads and batches are sent again; for a write of one record the collision is returned, because its caller handles
    /// it.
    pub async fn send<P: Platform>(&self, platform: &P, remote: &Remote, request: Request, patience: Patience) -> Result<Response> {
        let mut retries = patience.retries;
        let mut collisions = 0;
        loop {
            let response = self.ask(platform.transport(), platform.clock(), remote, &request, patience).await?;
            let wait_ms = match response.status {
                _ if collisions < collisions_to_bear(&request, &response) => collision_wait_ms(platform.rng(), &mut collisions),
                COLLISION => None,
                _ => retry_after(&response, &mut retries),
            };
            let Some(wait_ms) = wait_ms else { return Ok(response) };
            platform.clock().sleep_ms(wait_ms).await;
        }
    }

    /// Like [`Servers::send`], for requests that an app makes itself: by its own transport, and a collision counts as any other refusal.
    pub async fn send_by(&self, transport: &impl Transport, clock: &impl Clock, remote: &Remote, request: Request, patience: Patience) -> Result<Response> {
        let mut retries = patience.retries;
        loop {
            let response = self.ask(transport, clock, remote, &request, patience).await?;
            let Some(wait_ms) = retry_after(&response, &mut retries) else {
                return Ok(response);
            };
            clock.sleep_ms(wait_ms).await;
        }
    }

    async fn ask(&self, transport: &impl Transport, clock: &impl Clock, remote: &Remote, request: &Request, patience: Patience) -> Result<Response> {
        let response = in_time(transport, clock, request.clone(), patience.timeout_ms).await?;
        self.note(remote, &response, clock.now_ms());
        Ok(response)
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

    /// How many requests a batch may contain. Each server is asked once.
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

/// The status of "Integrity constraint violated, please retry", which Kinto answers when PostgreSQL refuses all but one of several
/// simultaneous writes.
///
/// A read can collide because it may create the default bucket, and no two buckets of a server may have the same timestamp, no matter who owns
/// them. A write of a record also writes an entry of the bucket's history, at the end of the transaction: if that collides, nothing of a
/// batch is committed, and the batch is answered as a whole. Kinto adds a `Retry-After` of half a minute, which is meant for servers that
/// are down.
pub(super) const COLLISION: u16 = 409;

/// The longest wait (ms) before each repetition. The wait is random: all requests that collide are refused in the same moment, when the
/// winner is done, and collided again when all were repeated at once or after the same time.
const COLLISION_WAITS_MS: [u64; 7] = [20, 40, 80, 160, 320, 640, 1280];

/// How often to repeat a request that may only have collided with another one.
fn collisions_to_bear(request: &Request, response: &Response) -> u64 {
    match (request.method, response.status) {
        ("PUT" | "DELETE", _) => 0,
        (_, COLLISION) => COLLISION_WAITS_MS.len() as u64,
        // When two clients list a new collection at the same moment, Kinto on PostgreSQL finds no timestamp for one of them and fails. It
        // gives the same answer for every internal error, and most of those persist.
        ("GET" | "HEAD", 500) if refusal::is_programmatic_error(response) => 2,
        _ => 0,
    }
}

/// How long (ms) to wait after one more collision; `None` if there were too many.
pub(super) fn collision_wait_ms(rng: &impl Rng, collisions: &mut u64) -> Option<u64> {
    let longest_ms = COLLISION_WAITS_MS.get(*collisions as usize)?;
    *collisions += 1;
    Some(random(rng) % longest_ms)
}

fn random(rng: &impl Rng) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Kinto's default `Retry-After` is half a minute. Whether to wait longer is for the caller to decide: the refusal says how long.
const LONGEST_WAIT_MS: u64 = 30_000;

/// How long (ms) to wait before the request is sent again, if the server refused it for now. A request that was carried out is never sent
/// again.
fn retry_after(response: &Response, retries: &mut u32) -> Option<u64> {
    if !matches!(response.status, COLLISION | 429 | 503) {
        return None;
    }
    let wait_ms = answers::seconds(response, "retry-after").filter(|wait_ms| *wait_ms <= LONGEST_WAIT_MS)?;
    *retries = retries.checked_sub(1)?;
    Some(wait_ms)
}

/// Sends a request within a time limit. When the time is over, the future of the request is dropped, which aborts the request.
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
    fn what_a_server_says_to_retry_is_retried_as_often_as_was_asked_for() {
        let mut retries = 2;
        let busy = response(503, "retry-after", "3");
        assert_eq!([(); 3].map(|()| retry_after(&busy, &mut retries)), [Some(3000), Some(3000), None]);
        assert_eq!(retry_after(&response(503, "etag", "5"), &mut 1), None);
    }

    #[test]
    fn only_a_refusal_is_retried_and_no_wait_is_long() {
        for (status, seconds, wait_ms) in [
            (429, "1", Some(1000)),
            (409, "1", Some(1000)),
            (503, "30", Some(30_000)),
            (503, "31", None),
            (503, "1e30", None),
            (503, "Infinity", None),
            (200, "1", None),
            (201, "1", None),
            (304, "1", None),
            (404, "1", None),
            (412, "1", None),
            (500, "1", None),
        ] {
            assert_eq!(retry_after(&response(status, "retry-after", seconds), &mut 1), wait_ms, "{status} {seconds}");
        }
    }

    #[test]
    fn what_met_another_request_is_asked_again_unless_it_writes_one_record() {
        let request = |method| Request {
            method,
            url: "u".into(),
            ..Request::default()
        };
        let answer = |status, body: &str| Response {
            status,
            body: body.into(),
            ..Response::default()
        };
        let kinto = r#"{"code":500,"errno":999}"#;
        for (method, status, body, times) in [
            ("GET", 409, "", 7),
            ("POST", 409, "", 7),
            ("PUT", 409, "", 0),
            ("DELETE", 409, "", 0),
            ("GET", 500, kinto, 2),
            ("GET", 500, "<html>", 0),
            ("POST", 500, kinto, 0),
            ("GET", 503, kinto, 0),
            ("GET", 200, kinto, 0),
        ] {
            assert_eq!(collisions_to_bear(&request(method), &answer(status, body)), times, "{method} {status} {body}");
        }
    }

    #[test]
    fn a_server_that_wants_to_be_left_alone_for_ever_is_for_a_day() {
        let (servers, remote) = (Servers::default(), Remote::read("http://server/v1").unwrap());
        servers.note(&remote, &response(200, "backoff", "1e30"), 1000);
        assert_eq!(servers.backoff_ms(&remote, 1000), 86_400_000);
    }
}
