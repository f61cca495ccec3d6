//! Listings of a remote collection.

use crate::error::{Error, Result};
use crate::ports::Response;
use crate::pure::answers;
use crate::pure::record::RecordId;
use std::collections::BTreeSet;

/// A listing, page by page. One that goes on without showing anything more would never end, and no other sync could begin.
#[derive(Default)]
pub(in crate::engine) struct Listing {
    shown: BTreeSet<(RecordId, u64)>,
    /// Pages in a row that showed nothing new.
    idle: usize,
}

impl Listing {
    /// The records of a page, and the address of the next one.
    pub fn read<'a>(&mut self, response: &'a Response, url: &str) -> Result<(Vec<&'a str>, Option<&'a str>)> {
        const PATIENCE: usize = 16;
        let body = answers::accept(response, url)?;
        let records = answers::records(body, url, response.status)?;
        let before = self.shown.len();
        self.shown.extend(records.iter().filter_map(|record| answers::version(record)));
        self.idle = if self.shown.len() == before { self.idle + 1 } else { 0 };
        let next = response.header("next-page");
        if next.is_some() && self.idle > PATIENCE {
            return Err(Error::BadResponse {
                message: "its list goes on and on with nothing new".into(),
                url: url.to_owned(),
                status: response.status,
            });
        }
        Ok((records, next))
    }
}
