//! A list of records: GET, HEAD, POST, DELETE.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/records.html#retrieving-stored-records>

use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::condition::Condition;
use super::filter::Query;
use super::object;
use super::resource::{Address, Object, last_modified};
use super::{Call, SimServer};

/// `storage_max_fetch_size`: the greatest number of objects in one listing, whatever limit is requested.
const MAX_FETCH_SIZE: usize = 10_000;

impl SimServer {
    pub(super) fn plural(&mut self, call: &Call, address: &Address) -> Answer {
        self.try_plural(call, address).unwrap_or_else(|refusal| refusal)
    }

    fn try_plural(&mut self, call: &Call, address: &Address) -> Result<Answer, Answer> {
        self.check_access(call, address, None)?;
        let condition = Condition::of(call)?;
        let query = Query::of(call, self.config.postgresql)?;
        let timestamp = self.resource(address).timestamp(call.now_ms);
        let check = || condition.list_modified(timestamp).map_or(Ok(()), Err);
        match call.method {
            "GET" | "HEAD" => {
                condition.not_modified(timestamp).map_or(Ok(()), Err)?;
                check()?;
                Ok(if call.method == "HEAD" {
                    self.count(address, &query, timestamp)
                } else {
                    self.list(call, address, query, timestamp)
                })
            }
            "POST" => self.create(call, address, &condition, timestamp),
            "DELETE" => {
                check()?;
                Ok(self.delete_all(call, address, query, timestamp))
            }
            _ => Err(answer::wrong_method()),
        }
    }

    /// The ETag is the timestamp of the whole list, whatever the filters.
    fn list(&mut self, call: &Call, address: &Address, query: Query, timestamp: u64) -> Answer {
        let (page, next) = self.page(call, address, &query, query.shows_tombstones());
        let data: Vec<Object> = page.into_iter().map(|object| query.project(object)).collect();
        let answer = Answer::json(200, json!({"data": data})).etag(timestamp);
        next.into_iter().fold(answer, |answer, next| answer.with("Next-Page", next))
    }

    /// Counts live objects only, even where a listing would show tombstones.
    fn count(&mut self, address: &Address, query: &Query, timestamp: u64) -> Answer {
        let count = self.resource(address).objects().filter(|object| query.matches(object)).count();
        Answer {
            status: 200,
            headers: Vec::new(),
            body: None,
        }
        .etag(timestamp)
        .with("Total-Records", count)
        .with("Total-Objects", count)
    }

    /// An id that exists is no error: the existing record is returned unchanged, with 200.
    fn create(&mut self, call: &Call, address: &Address, condition: &Condition, timestamp: u64) -> Result<Answer, Answer> {
        let data = object::read_data(call)?.unwrap_or_default();
        let id = match data.get("id") {
            Some(Value::String(id)) if super::is_valid_id(id) => id.clone(),
            Some(_) => return Err(answer::invalid("path", None, "Invalid object id")),
            // Kinto draws a random id. Here nothing is random, and a timestamp is unique in its list.
            None => format!("00000000-0000-4000-8000-{:012x}", timestamp.max(call.now_ms) + 1),
        };
        let existing = self.resource(address).get(&id).cloned();
        condition.object_modified(existing.as_ref(), timestamp).map_or(Ok(()), Err)?;
        match existing {
            Some(existing) => Ok(Answer::json(200, json!({"data": existing})).etag(last_modified(&existing).unwrap_or_default())),
            None => self.write(call, address, &id, data, None),
        }
    }

    /// Answers with the new tombstones. Tombstones that exist already are left alone.
    fn delete_all(&mut self, call: &Call, address: &Address, query: Query, timestamp: u64) -> Answer {
        let (page, next) = self.page(call, address, &query, false);
        let resource = self.resource(address);
        let deleted: Vec<Object> = page
            .iter()
            .filter_map(|object| object["id"].as_str())
            .map(|id| resource.delete(call.now_ms, id, None))
            .collect();
        let timestamp = deleted.iter().filter_map(last_modified).max().unwrap_or(timestamp);
        let answer = Answer::json(200, json!({"data": deleted})).etag(timestamp);
        next.into_iter().fold(answer, |answer, next| answer.with("Next-Page", next))
    }

    /// One page of the matching objects, and the address of the next page.
    fn page(&mut self, call: &Call, address: &Address, query: &Query, with_tombstones: bool) -> (Vec<Object>, Option<String>) {
        let server_limit = self.config.page_size.unwrap_or(MAX_FETCH_SIZE);
        let limit = match query.limit {
            // To Kinto, zero means no limit at all, not even the server's.
            Some(0) => MAX_FETCH_SIZE,
            asked => asked.unwrap_or(server_limit).min(server_limit).min(MAX_FETCH_SIZE),
        };
        let resource = self.resource(address);
        let tombstones = resource.tombstones().filter(|_| with_tombstones);
        let mut found: Vec<Object> = resource
            .objects()
            .chain(tombstones)
            .filter(|object| query.matches(object) && query.is_ahead(object))
            .cloned()
            .collect();
        found.sort_by(|a, b| query.order(a, b));
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found
            .last()
            .filter(|_| has_more)
            .map(|last| next_page(call, address, limit, query.token_after(last)));
        (found, next)
    }
}

/// The address of the next page: the request's own with a token. It is absolute, and has the real id of the `default` bucket.
fn next_page(call: &Call, address: &Address, limit: usize, token: String) -> String {
    let mut next = call.url.clone();
    next.set_path(&format!("/v1{}", address.path()));
    let kept: Vec<(String, String)> = call
        .url
        .query_pairs()
        .into_owned()
        .filter(|(name, _)| name != "_limit" && name != "_token")
        .collect();
    next.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .append_pair("_limit", &limit.to_string())
        .append_pair("_token", &token);
    next.into()
}
