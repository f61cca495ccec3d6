//! Reads the listings of a remote collection page by page. [`crate::pure::listing`] decides how a listing continues and where it ends.

use super::sync::Session;
use crate::error::Result;
use crate::ports::{Clock, Platform, Request, Response};
use crate::pure::listing::Listing;

impl<P: Platform> Session<'_, P> {
    pub(in crate::engine) fn listing(&self, request: Request) -> Listing {
        Listing::new(request, self.collection.resident.platform.clock().now_ms()).of_journal(self.collection.secrets.is_some())
    }

    /// The next page of a listing and the URL that it was requested from; `None` after the last page.
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
}
