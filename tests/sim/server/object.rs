//! One bucket, collection or record: GET, PUT, PATCH, DELETE.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/records.html>

use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::condition::Condition;
use super::filter::Query;
use super::number;
use super::resource::{Address, Object, last_modified};
use super::{Call, SimServer, is_valid_id};

impl SimServer {
    pub(super) fn object(&mut self, call: &Call, address: &Address, id: &str) -> Answer {
        self.try_object(call, address, id).unwrap_or_else(|refusal| refusal)
    }

    fn try_object(&mut self, call: &Call, address: &Address, id: &str) -> Result<Answer, Answer> {
        self.check_access(call, address, Some(id))?;
        if !is_valid_id(id) {
            return Err(answer::invalid("path", None, "Invalid object id"));
        }
        let condition = Condition::of(call)?;
        let query = Query::of(call, self.config.postgresql)?;
        let list_timestamp = self.resource(address).timestamp(call.now_ms);
        let existing = self.resource(address).get(id).cloned();
        let found = || existing.clone().ok_or_else(|| answer::no_such_object(address.kind(), id));
        let check = |existing: Option<&Object>| condition.object_modified(existing, list_timestamp).map_or(Ok(()), Err);
        match call.method {
            "GET" | "HEAD" => {
                let object = found()?;
                let timestamp = last_modified(&object).unwrap_or_default();
                condition.not_modified(timestamp).map_or(Ok(()), Err)?;
                check(Some(&object))?;
                Ok(self.one(call, 200, timestamp, query.project(object)))
            }
            "PUT" => {
                check(existing.as_ref())?;
                let data = read_data(call)?.map(Ok).unwrap_or_else(|| Ok(existing.clone().unwrap_or_default()))?;
                self.write(call, address, id, data, existing.as_ref())
            }
            "PATCH" => {
                let mut object = found()?;
                check(Some(&object))?;
                object.extend(read_changes(call)?);
                self.write(call, address, id, object, existing.as_ref())
            }
            "DELETE" => {
                let object = found()?;
                check(Some(&object))?;
                Ok(self.delete(call, address, id, query.last_modified.filter(|forced| Some(*forced) > last_modified(&object))))
            }
            _ => Err(answer::wrong_method()),
        }
    }

    /// Checks permissions. The owner of a bucket may do anything in it, everybody may create a bucket, and nobody else may do anything. A
    /// bucket that does not exist gives the same 403 as somebody else's, so that names cannot be probed.
    pub(super) fn check_access(&mut self, call: &Call, address: &Address, id: Option<&str>) -> Result<(), Answer> {
        let Some(user) = &call.user else { return Err(answer::not_logged_in()) };
        let no_parent = self.missing_parent(address);
        // For a PUT, Kinto must know whether it creates or replaces. So it looks for the collection before it checks permissions.
        if call.method == "PUT"
            && address.kind() == "record"
            && let Some(refusal) = no_parent
        {
            return Err(refusal);
        }
        let bucket = address.bucket().or(id).unwrap_or_default();
        match self.owners.get(bucket) {
            Some(owner) if *owner == user.principal() => {}
            None if address.kind() == "bucket" && call.method == "PUT" => {}
            _ => return Err(answer::forbidden()),
        }
        self.missing_parent(address).map_or(Ok(()), Err)
    }

    fn missing_parent(&self, address: &Address) -> Option<Answer> {
        let (parents, id) = address.parent()?;
        let is_there = self.resources.get(&parents).is_some_and(|resource| resource.get(id).is_some());
        (!is_there).then(|| answer::no_such_parent(parents.kind(), id))
    }

    /// Creates or replaces an object, and answers with the stored one.
    pub(super) fn write(&mut self, call: &Call, address: &Address, id: &str, mut data: Object, old: Option<&Object>) -> Result<Answer, Answer> {
        if data.get("id").is_some_and(|other| other != id) {
            return Err(answer::invalid("body", Some("id"), "Object id does not match existing object"));
        }
        // A timestamp that is not newer than the stored one is ignored without an error: the object gets a new timestamp.
        if last_modified(&data) <= old.and_then(last_modified) {
            data.remove("last_modified");
        }
        if self.config.postgresql {
            self.check_postgresql(address, id, &data)?;
        }
        let stored = self.resource(address).put(call.now_ms, id, data);
        if old.is_none() {
            self.own(call, address, id);
        }
        let timestamp = last_modified(&stored).unwrap_or_default();
        Ok(self.one(call, if old.is_some() { 200 } else { 201 }, timestamp, stored))
    }

    /// Refuses what the tables of PostgreSQL refuse. (The timestamp of the list itself is never refused: the object gets the next one
    /// instead.)
    fn check_postgresql(&mut self, address: &Address, id: &str, data: &Object) -> Result<(), Answer> {
        if Value::Object(data.clone()).to_string().contains("\\u0000") {
            return Err(answer::unavailable());
        }
        self.collision = match self.collision {
            Some(0) => {
                self.collision = None;
                return Err(answer::conflict());
            }
            others => others.map(|others| others - 1),
        };
        match last_modified(data) {
            Some(forced) if self.resource(address).is_taken(forced, id) => Err(answer::conflict()),
            _ => Ok(()),
        }
    }

    /// Deletes an object with all that is inside it. The objects inside leave no tombstones and no timestamps.
    fn delete(&mut self, call: &Call, address: &Address, id: &str, forced: Option<u64>) -> Answer {
        let tombstone = self.resource(address).delete(call.now_ms, id, forced);
        self.resources.retain(|inside, _| !inside.is_under(address, id));
        if address.kind() == "bucket" {
            self.owners.remove(id);
        }
        Answer::json(200, json!({"data": tombstone})).etag(last_modified(&tombstone).unwrap_or_default())
    }

    fn one(&self, call: &Call, status: u16, timestamp: u64, object: Object) -> Answer {
        let writers: Vec<String> = call.user.iter().map(|user| user.principal()).collect();
        Answer::json(status, json!({"data": object, "permissions": {"write": writers}})).etag(timestamp)
    }
}

/// `data` of the request's body. `None` if there is none; in a PUT this leaves the object as it is.
pub fn read_data(call: &Call) -> Result<Option<Object>, Answer> {
    let Some(mut body) = read_body(call)? else { return Ok(None) };
    if let Some(unknown) = body.keys().find(|key| *key != "data" && *key != "permissions") {
        return Err(answer::invalid("body", None, &format!("Unrecognized keys in mapping: {unknown}")));
    }
    match body.remove("data") {
        None => Ok(None),
        Some(Value::Object(data)) => Ok(Some(with_bucket_in_id(call, data))),
        Some(other) => Err(answer::invalid("body", Some("data"), &format!("\"{other}\" is not a mapping type"))),
    }
}

fn read_changes(call: &Call) -> Result<Object, Answer> {
    if read_body(call)?.is_none_or(|body| body.is_empty()) {
        return Err(answer::invalid("body", Some("data"), "Provide at least one of data or permissions"));
    }
    Ok(read_data(call)?.unwrap_or_default())
}

pub fn read_body(call: &Call) -> Result<Option<Object>, Answer> {
    let Some(text) = call.body else { return Ok(None) };
    match call.header("Content-Type").and_then(|value| value.split(';').next()).map(str::trim) {
        Some("application/json") => {}
        Some("application/merge-patch+json" | "application/json-patch+json") => panic!("not simulated: PATCH other than application/json"),
        _ => return Err(answer::wrong_media_type()),
    }
    match serde_json::from_str(text).map(number::as_read) {
        Ok(Value::Object(body)) => Ok(Some(body)),
        Ok(other) => Err(answer::invalid("body", None, &format!("\"{other}\" is not a mapping type"))),
        Err(error) => Err(answer::invalid("body", None, &format!("Invalid JSON: {error}"))),
    }
}

/// In the `id` of an object that is put below `/buckets/default`, Kinto replaces the word `default` by the bucket's id, wherever the word
/// occurs. It does so in the ids of records, too: `default-theme` can be written only by a body without `id`.
fn with_bucket_in_id(call: &Call, mut data: Object) -> Object {
    if let (Some(user), Some(Value::String(id))) = (&call.user, data.get_mut("id"))
        && call.url.path().starts_with("/v1/buckets/default")
    {
        *id = id.replace("default", &user.default_bucket());
    }
    data
}
