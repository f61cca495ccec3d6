//! The objects of one kind under one parent, their tombstones, and their timestamps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub type Object = Map<String, Value>;

/// The kind of objects and their parent, as a path: `/buckets`, `/buckets/b/collections`, `/buckets/b/collections/c/records`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    pub fn buckets() -> Self {
        Self("/buckets".to_owned())
    }

    pub fn collections(bucket: &str) -> Self {
        Self(format!("/buckets/{bucket}/collections"))
    }

    pub fn records(bucket: &str, collection: &str) -> Self {
        Self(format!("/buckets/{bucket}/collections/{collection}/records"))
    }

    pub fn path(&self) -> &str {
        &self.0
    }

    /// The kind of object, as Kinto names it in errors.
    pub fn kind(&self) -> &'static str {
        match self.0.split('/').count() {
            2 => "bucket",
            4 => "collection",
            _ => "record",
        }
    }

    /// The bucket that contains these objects; `None` for the buckets themselves.
    pub fn bucket(&self) -> Option<&str> {
        self.0.split('/').nth(2)
    }

    /// The object that contains these objects, as its address and its id.
    pub fn parent(&self) -> Option<(Address, &str)> {
        let (above, _) = self.0.rsplit_once('/')?;
        let (address, id) = above.rsplit_once('/')?;
        (!address.is_empty()).then(|| (Self(address.to_owned()), id))
    }

    pub fn is_under(&self, address: &Address, id: &str) -> bool {
        self.0
            .strip_prefix(&address.0)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.strip_prefix(id))
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

#[derive(Clone, Debug, Default)]
pub struct Resource {
    objects: BTreeMap<String, Object>,
    tombstones: BTreeMap<String, Object>,
    /// `None` until somebody asks for it: an empty list has the time of the first request for it.
    timestamp: Option<u64>,
}

impl Resource {
    pub fn get(&self, id: &str) -> Option<&Object> {
        self.objects.get(id)
    }

    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    pub fn tombstones(&self) -> impl Iterator<Item = &Object> {
        self.tombstones.values()
    }

    pub fn timestamp(&mut self, now_ms: u64) -> u64 {
        match self.timestamp {
            Some(timestamp) => timestamp,
            None => self.bump(now_ms, None),
        }
    }

    /// Whether another object, or the tombstone of one, has this timestamp. The list's current timestamp does not count, since `put`
    /// replaces it by the next one.
    pub fn is_taken(&self, timestamp: u64, id: &str) -> bool {
        let mut all = self.objects.iter().chain(&self.tombstones);
        all.any(|(other, object)| other != id && last_modified(object) == Some(timestamp)) && self.timestamp != Some(timestamp)
    }

    /// Creates or replaces an object. Keeps a `last_modified` in it, past or future, unless it is the current timestamp of the whole
    /// resource.
    pub fn put(&mut self, now_ms: u64, id: &str, mut object: Object) -> Object {
        let timestamp = self.bump(now_ms, last_modified(&object));
        object.insert("id".to_owned(), id.into());
        object.insert("last_modified".to_owned(), timestamp.into());
        self.tombstones.remove(id);
        self.objects.insert(id.to_owned(), object.clone());
        object
    }

    /// Replaces an object by a tombstone, and returns the tombstone.
    pub fn delete(&mut self, now_ms: u64, id: &str, forced: Option<u64>) -> Object {
        let timestamp = self.bump(now_ms, forced);
        self.objects.remove(id);
        let tombstone: Object = [("id", Value::from(id)), ("last_modified", timestamp.into()), ("deleted", true.into())]
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect();
        self.tombstones.insert(id.to_owned(), tombstone.clone());
        tombstone
    }

    /// Applies the changes between two states of this resource. Returns false, with a part of them applied, if others have changed the same
    /// objects or used the same timestamps.
    pub fn merge(&mut self, before: &Resource, after: &Resource) -> bool {
        let ids: BTreeSet<&String> = [&before.objects, &before.tombstones, &after.objects, &after.tombstones]
            .into_iter()
            .flat_map(BTreeMap::keys)
            .collect();
        let now = self.clone();
        for id in ids.into_iter().filter(|id| after.state(id) != before.state(id)) {
            let is_taken = last_modified(after.state(id).0.or(after.state(id).1).unwrap_or(&Object::new())).is_some_and(|timestamp| now.has(timestamp));
            if now.state(id) != before.state(id) || is_taken {
                return false;
            }
            set(&mut self.objects, id, after.objects.get(id));
            set(&mut self.tombstones, id, after.tombstones.get(id));
        }
        self.timestamp = self.timestamp.max(after.timestamp);
        true
    }

    fn state(&self, id: &str) -> (Option<&Object>, Option<&Object>) {
        (self.objects.get(id), self.tombstones.get(id))
    }

    fn has(&self, timestamp: u64) -> bool {
        self.objects
            .values()
            .chain(self.tombstones.values())
            .any(|object| last_modified(object) == Some(timestamp))
    }

    /// The next timestamp of the resource. Unless it is forced, it is unique and greater than all before, and so may be ahead of the clock.
    fn bump(&mut self, now_ms: u64, forced: Option<u64>) -> u64 {
        let current = self.timestamp.unwrap_or(0);
        let next = match forced {
            Some(forced) if forced == current => current + 1,
            Some(forced) => forced,
            None => now_ms.max(current + 1),
        };
        self.timestamp = Some(current.max(next));
        next
    }
}

fn set(objects: &mut BTreeMap<String, Object>, id: &str, object: Option<&Object>) {
    match object {
        Some(object) => drop(objects.insert(id.to_owned(), object.clone())),
        None => drop(objects.remove(id)),
    }
}

pub fn last_modified(object: &Object) -> Option<u64> {
    object.get("last_modified").and_then(Value::as_u64)
}
