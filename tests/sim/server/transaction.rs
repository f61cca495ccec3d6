//! Requests that overlap, as on PostgreSQL: each is a transaction, whose writes have the timestamps of when they were made, and are
//! seen by others when it ends. A batch takes its time, so a list can get younger first and older afterwards:
//!
//! | | the list's ETag | |
//! |---|---|---|
//! | a batch begins, and writes at 100 | 90 | |
//! | somebody else writes at 110 | 110 | |
//! | a client pulls | 110 | it does not see what was written at 100 |
//! | the batch ends | 110 | |
//! | the client pulls `_since=110` | 110 | **and never sees it** |
//!
//! (Measured: of 1,155 records that one batch after the other and a single writer put beside them, a client that pulled all the
//! time never saw 524. On memory, requests do not overlap.)

use essaim::ports::{Request, Response};

use super::SimServer;
use super::resource::{Address, Resource};

/// A request that was carried out, for its own eyes only.
#[derive(Clone, Debug)]
pub struct Begun {
    before: SimServer,
    after: SimServer,
    request: Request,
    response: Response,
}

impl SimServer {
    /// Carries out a request without showing it to anybody: [`SimServer::commit`] does, or the connection is lost and it is as if it had never been.
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

    /// Shows to all what the request did, and answers it. If others have written the same objects meanwhile, it is as if it had waited for them.
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

    /// The write after the next `others` meets one of somebody else in the same millisecond: 409, and in a batch all that was
    /// answered before it is undone. Only with [`super::SimConfig::postgresql`].
    pub fn collide_after(&mut self, others: u32) {
        self.collision = Some(others);
    }
}
