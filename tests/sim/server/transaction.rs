//! Requests that overlap, as on PostgreSQL. Each request is a transaction: its writes get their timestamps when they are made, and others
//! see them when it ends. A batch takes a while, so a newer write can become visible before an older one:
//!
//! | | the list's ETag | |
//! |---|---|---|
//! | a batch begins, and writes at 100 | 90 | |
//! | somebody else writes at 110 | 110 | |
//! | a client pulls | 110 | it does not see what was written at 100 |
//! | the batch ends | 110 | |
//! | the client pulls `_since=110` | 110 | **and never sees it** |
//!
//! (Measured: one batch after another and a single writer beside them wrote 1,155 records. A client that pulled all the time never saw 524
//! of them. On the memory backend, requests do not overlap.)

use essaim::ports::{Request, Response};

use super::SimServer;
use super::resource::{Address, Resource};

/// A request that was carried out but not committed: only it sees its effects.
#[derive(Clone, Debug)]
pub struct Begun {
    before: SimServer,
    after: SimServer,
    request: Request,
    response: Response,
}

impl SimServer {
    /// Carries out a request without showing its effects to anybody. [`SimServer::commit`] shows them. If the connection is lost before
    /// that, it is as if the request had never been sent.
    pub fn begin(&self, now_ms: u64, request: &Request) -> Begun {
        let mut after = self.clone();
        let response = after.handle(now_ms, request);
        Begun {
            before: self.clone(),
            after,
            request: request.clone(),
            response,
        }
    }

    /// Shows the effects of a request to all, and returns its answer. If others have written the same objects meanwhile, the request is
    /// carried out again, as if it had waited for them.
    pub fn commit(&mut self, now_ms: u64, begun: Begun) -> Response {
        let Begun {
            before,
            after,
            request,
            response,
        } = begun;
        let mut merged = self.clone();
        merged.owners.extend(after.owners);
        let is_whole = before.resources.keys().all(|address| after.resources.contains_key(address));
        let none = Resource::default();
        let fits = after.resources.iter().all(|(address, changed): (&Address, &Resource)| {
            let old = before.resources.get(address).unwrap_or(&none);
            merged.resource(address).merge(old, changed)
        });
        if !(is_whole && fits) {
            return self.handle(now_ms, &request);
        }
        *self = merged;
        response
    }

    /// The write after the next `others` collides with somebody else's write in the same millisecond: 409. In a batch, all that was
    /// answered before it is undone. Only with [`super::SimConfig::postgresql`].
    pub fn collide_after(&mut self, others: u32) {
        self.collision = Some(others);
    }
}
