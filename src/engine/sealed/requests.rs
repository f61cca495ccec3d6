//! What is asked of the server for a journal.

use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{Platform, Response};
use crate::pure::answers;
use crate::pure::json;
use crate::pure::protocol::Part;
use crate::pure::record::{Body, RecordId};
use crate::pure::sealed::item::{self, Item};

/// What came of an append.
pub(super) enum Put {
    /// 201, at this time by the server's clock.
    Appended(u64),
    /// The place is taken, or the answer (with this status) is not what an append gets: look there.
    Look(u16),
    TooLarge,
}

/// What is at a place.
pub(super) enum Found {
    Item(Box<Item>),
    Nothing,
}

impl<P: Platform> Session<'_, P> {
    /// Creates a record of the journal, and the collection if this device has never seen it there.
    pub(super) async fn put_new(&mut self, id: &str, body: String, may_create: bool) -> Result<Put> {
        // Whoever else creates it in the same millisecond may undo it for both.
        const TRIES: usize = 3;
        let part = self.target.put(&RecordId::from_text(id), &Body::from(body), None);
        for _ in 0..TRIES {
            let response = self.send_part(&part).await?;
            if response.status != 404 {
                return self.read_put(&response, &part);
            }
            if !may_create {
                return Err(self.server_lost());
            }
            let request = self.target.create();
            let url = request.url.clone();
            let created = self.send(request).await?;
            if !matches!(created.status, 409 | 412) {
                answers::accept(&created, &url)?;
            }
        }
        let response = self.send_part(&part).await?;
        self.read_put(&response, &part)
    }

    fn read_put(&self, response: &Response, part: &Part) -> Result<Put> {
        let url = format!("{}{}", self.target.remote.url(), part.path);
        match response.status {
            201 => {
                let body = answers::accept(response, &url)?;
                let data = answers::data(body, &url, response.status)?;
                let last_modified = answers::version(data).map(|(_, at)| at);
                Ok(last_modified.map_or(Put::Look(201), Put::Appended))
            }
            // 409: on PostgreSQL, to writers that really are simultaneous. 200: it replaced something, which was not asked.
            status @ (200 | 409 | 412) => Ok(Put::Look(status)),
            413 => Ok(Put::TooLarge),
            status => {
                answers::accept(response, &url)?;
                Ok(Put::Look(status))
            }
        }
    }

    pub(super) async fn send_part(&self, part: &Part) -> Result<Response> {
        self.send(self.target.single(part)).await
    }

    pub(super) async fn get_item(&self, id: &str) -> Result<Found> {
        let request = self.target.record(&RecordId::from_text(id));
        let url = request.url.clone();
        let response = self.send(request).await?;
        if response.status == 404 {
            return Ok(Found::Nothing);
        }
        let body = answers::accept(&response, &url)?;
        let data = answers::data(body, &url, response.status)?;
        let names = |item: &Item| json::member(&item.raw, "id").and_then(json::string).as_deref() == Some(id);
        Ok(item::read(data).filter(names).map_or(Found::Nothing, |item| Found::Item(Box::new(item))))
    }

    pub(super) fn server_lost(&self) -> Error {
        Error::ServerLost { url: self.target.url() }
    }
}
