//! Listings of a remote collection: see [`crate::pure::listing`].

use super::sync::Session;
use crate::error::Result;
use crate::ports::{Clock, Platform, Request, Response};
use crate::pure::answers;
use crate::pure::listing::Listing;
use crate::pure::record::RecordId;

impl<P: Platform> Session<'_, P> {
    pub(in crate::engine) fn listing(&self, request: Request) -> Listing {
        Listing::new(request, self.collection.resident.platform.clock().now_ms()).of_journal(self.collection.secrets.is_some())
    }

    /// The next page of a listing, and the address that it was requested at; `None` after the last one.
    pub(in crate::engine) async fn next_page(&self, listing: &mut Listing) -> Result<Option<(Response, String)>> {
        while let Some(request) = listing.take_next() {
            let url = request.url.clone();
            let response = self.send(request).await?;
            if !listing.is_refused(&response) {
                return Ok(Some((response, url)));
            }
        }
        Ok(None)
    }

    /// All rows of a listing, as versions.
    pub(in crate::engine) async fn list_all(&self, request: Request) -> Result<Vec<(RecordId, u64)>> {
        let (mut all, mut listing) = (Vec::new(), self.listing(request));
        while let Some((response, url)) = self.next_page(&mut listing).await? {
            all.extend(listing.read(&response, &url)?.into_iter().filter_map(answers::version));
        }
        Ok(all)
    }
}
