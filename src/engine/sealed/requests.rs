//! Requests for rows of a journal.

use crate::engine::sync::Session;
use crate::error::{Error, Result};
use crate::ports::{Platform, Response};
use crate::pure::answers;
use crate::pure::json;
use crate::pure::protocol::Part;
use crate::pure::record::{Body, RecordId};
use crate::pure::sealed::item::{self, Item};

/// The result of an append.
pub(super) enum Put {
    /// 201. The row's `last_modified`, which is a time of the server's clock.
    Appended(u64),
    /// The position is taken, or the answer (with this status) is not one that an append gets: the caller has to read what is there.
    Look(u16),
    TooLarge,
}

/// What a row contains.
pub(super) enum Found {
    Item(Box<Item>),
    Nothing,
}

impl<P: Platform> Session<'_, P> {
    /// Creates a row of the journal. If `may_create` and the collection does not exist, creates the collection first.
    pub(super) async fn put_new(&mut self, id: &str, body: String, may_create: bool) -> Result<Put> {
        // Two devices that create the collection in the same millisecond may undo it for each other.
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
            // 409: PostgreSQL's answer to writes that are really simultaneous. 200: the request replaced a record, which it must not do.
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
