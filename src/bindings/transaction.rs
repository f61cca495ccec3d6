use super::error::thrown;
use crate::engine::transaction::Transaction;
use crate::pure::operations::UpdateOptions;
use wasm_bindgen::prelude::*;

type Thrown<T> = Result<T, JsValue>;

/// What `execute` hands to its callback. Reads see the writes before them; over when the callback has returned, then
/// everything throws `closed`. Texts are JSON.
#[wasm_bindgen]
pub struct RawTransaction {
    transaction: Transaction,
}

impl RawTransaction {
    pub fn new(transaction: Transaction) -> Self {
        RawTransaction { transaction }
    }
}

#[wasm_bindgen]
impl RawTransaction {
    /// A record or tombstone.
    pub fn get(&self, id: &str) -> Thrown<Option<String>> {
        self.transaction.get(id).map_err(thrown)
    }

    /// Stores a record that has its id: the record as stored. Throws `already_exists`.
    pub fn create(&self, record: &str) -> Thrown<String> {
        self.transaction.create(record).map_err(thrown)
    }

    /// Stores a record with the status it carries, whatever is there: the record as stored.
    pub fn put(&self, record: &str) -> Thrown<String> {
        self.transaction.put(record).map_err(thrown)
    }

    /// Replaces a record, or, given a list of what to take away, merges into it: `{"data", "oldRecord"}`. Throws `not_found`.
    pub fn update(&self, record: &str, without: Option<String>, synced: bool) -> Thrown<String> {
        self.transaction.update(record, UpdateOptions::read(without.as_deref(), synced)).map_err(thrown)
    }

    /// Creates or replaces a record: `{"data", "oldRecord"?}`, the latter only if a live record was replaced.
    pub fn upsert(&self, record: &str) -> Thrown<String> {
        self.transaction.upsert(record).map_err(thrown)
    }

    /// Deletes a record, leaving a tombstone if virtual: the record as it was. Throws `not_found`.
    pub fn delete(&self, id: &str, is_virtual: bool) -> Thrown<String> {
        self.transaction.delete(id, is_virtual).map_err(thrown)
    }

    /// Deletes a record if there is one: `{"data", "deleted"}`.
    pub fn delete_any(&self, id: &str) -> Thrown<String> {
        self.transaction.delete_any(id).map_err(thrown)
    }

    /// Deletes those of these ids (a JSON array) that are there: the records as they were.
    pub fn delete_all(&self, ids: &str) -> Thrown<String> {
        self.transaction.delete_all(ids).map_err(thrown)
    }
}
