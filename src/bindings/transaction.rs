//! `RawTransaction`: the transaction that `execute` passes to its callback.

use super::error::thrown;
use crate::engine::transaction::Transaction;
use crate::pure::operations::UpdateOptions;
use wasm_bindgen::prelude::*;

type Thrown<T> = Result<T, JsValue>;

/// The transaction that `execute` passes to its callback. Reads see the writes before them. It ends when the callback returns; every later
/// call throws `closed`. Texts are JSON.
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
    /// Returns a record or a tombstone.
    pub fn get(&self, id: &str) -> Thrown<Option<String>> {
        self.transaction.get(id).map_err(thrown)
    }

    /// Creates a record; the given record has its id already. Returns the record as stored. Throws `already_exists`.
    pub fn create(&self, record: &str) -> Thrown<String> {
        self.transaction.create(record).map_err(thrown)
    }

    /// Stores a record with the status that it carries, whether or not one exists. Returns the record as stored.
    pub fn put(&self, record: &str) -> Thrown<String> {
        self.transaction.put(record).map_err(thrown)
    }

    /// Replaces a record; or merges into it, if `without` (a JSON array of members to remove) is given. Returns `{"data", "oldRecord"}`.
    /// Throws `not_found`.
    pub fn update(&self, record: &str, without: Option<String>, synced: bool) -> Thrown<String> {
        self.transaction.update(record, UpdateOptions::read(without.as_deref(), synced)).map_err(thrown)
    }

    /// Creates or replaces a record. Returns `{"data", "oldRecord"?}`, the latter only if a live record was replaced.
    pub fn upsert(&self, record: &str) -> Thrown<String> {
        self.transaction.upsert(record).map_err(thrown)
    }

    /// Deletes a record; leaves a tombstone if `is_virtual`. Returns the record as it was. Throws `not_found`.
    pub fn delete(&self, id: &str, is_virtual: bool) -> Thrown<String> {
        self.transaction.delete(id, is_virtual).map_err(thrown)
    }

    /// Deletes a record if there is one. Returns `{"data", "deleted"}`.
    pub fn delete_any(&self, id: &str) -> Thrown<String> {
        self.transaction.delete_any(id).map_err(thrown)
    }

    /// Deletes those of these ids (a JSON array) that exist. Returns the records as they were.
    pub fn delete_all(&self, ids: &str) -> Thrown<String> {
        self.transaction.delete_all(ids).map_err(thrown)
    }
}
