//! `RawCollection`: one collection.

use super::platform::BrowserPlatform;
use super::promise::{Thrown, promise_of};
use super::transaction::RawTransaction;
use crate::browser::thrown::message_of;
use crate::engine::collection::{Collection, Told};
use crate::error::{Error, Result};
use crate::pure::operations::UpdateOptions;
use futures_util::FutureExt;
use futures_util::future::ready;
use js_sys::{Function, Promise};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A collection; `None` once its client is closed.
pub type Handle = RefCell<Option<Rc<Collection<BrowserPlatform>>>>;

/// A collection. Every promise resolves to JSON text and rejects with an error as JSON text, except where a method says otherwise.
#[wasm_bindgen]
pub struct RawCollection {
    handle: Rc<Handle>,
}

impl RawCollection {
    pub fn new(handle: Rc<Handle>) -> Self {
        RawCollection { handle }
    }

    fn collection(&self) -> Result<Rc<Collection<BrowserPlatform>>> {
        self.handle.borrow().clone().ok_or(Error::Closed)
    }

    /// Runs a change. `told` receives the answer that the documentation of each method names; the promise resolves to `null`.
    fn change(&self, told: Function, work: impl AsyncFnOnce(&Collection<BrowserPlatform>) -> Result<String> + 'static) -> Promise {
        self.promise(async move |collection| work(&collection.telling(told_by(told))).await)
    }

    fn promise(&self, work: impl AsyncFnOnce(&Collection<BrowserPlatform>) -> Result<String> + 'static) -> Promise {
        promise_of(match self.collection() {
            Ok(collection) => async move { work(&collection).await.map_err(Thrown::Error) }.boxed_local(),
            Err(error) => ready(Err(Thrown::Error(error))).boxed_local(),
        })
    }
}

#[wasm_bindgen(typescript_custom_section)]
const RAW_TOLD: &str = r#"
/** Gets the answer of a change when it is committed, in the order of the commits; the promise then resolves to `null`. */
export type RawTold = (answer: string) => void;
"#;

fn told_by(told: Function) -> Told {
    Box::new(move |answer| drop(told.call1(&JsValue::UNDEFINED, &answer.into())))
}

#[wasm_bindgen]
impl RawCollection {
    /// Opens the collection. Resolves to `{"persistent", "lastModified": number | null, "evicted": null | {"unsynced": number}, "adopted":
    /// null | {"records", "unsynced", "refused"}}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn open(&self) -> Promise {
        self.promise(async |collection| {
            let opened = collection.open().await?;
            let null = || "null".to_owned();
            let evicted = opened.evicted.map_or_else(null, |unsynced| format!("{{\"unsynced\":{unsynced}}}"));
            let last_modified = collection.last_modified().map_or_else(null, |ms| ms.to_string());
            let persistent = opened.persistent;
            let adopted = collection.take_adopted().unwrap_or_else(null);
            Ok(format!(
                "{{\"persistent\":{persistent},\"lastModified\":{last_modified},\"evicted\":{evicted},\"adopted\":{adopted}}}"
            ))
        })
    }

    /// Creates a record; the given record has its id already. Answer: the record as stored. Rejects with `already_exists`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn create(&self, record: String, synced: bool, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.create(&record, synced).await)
    }

    /// Replaces a record; or merges into it, if `without` (a JSON array of members to remove) is given. Answer: `{"data", "oldRecord"}`.
    /// Rejects with `not_found`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn update(&self, record: String, without: Option<String>, synced: bool, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        let options = UpdateOptions::read(without.as_deref(), synced);
        self.change(told, async move |collection| collection.update(&record, options).await)
    }

    /// Creates or replaces a record. Answer: `{"data", "oldRecord"?}`, the latter only if a live record was replaced.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn upsert(&self, record: String, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.upsert(&record).await)
    }

    /// Resolves to a record. Rejects with `not_found`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn get(&self, id: String, include_deleted: bool) -> Promise {
        self.promise(async move |collection| collection.get(&id, include_deleted).await)
    }

    /// Resolves to a record, a tombstone, or `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn get_any(&self, id: String) -> Promise {
        self.promise(async move |collection| collection.get_any(&id).await)
    }

    /// Deletes a record; leaves a tombstone if `is_virtual`. Answer: the record as it was. Rejects with `not_found`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn delete(&self, id: String, is_virtual: bool, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.delete(&id, is_virtual).await)
    }

    /// Deletes a record if there is one. Answer: `{"data", "deleted"}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn delete_any(&self, id: String, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.delete_any(&id).await)
    }

    /// Deletes every record and leaves tombstones. Answer: the records as they were.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn delete_all(&self, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async |collection| collection.delete_all().await)
    }

    /// Resolves to the records that match the query `{"filters", "order", "includeDeleted"}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn list(&self, query: String) -> Promise {
        self.promise(async move |collection| collection.list(&query).await)
    }

    /// Removes all records of this collection from this device, without telling the server. Resolves to `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn clear(&self) -> Promise {
        self.promise(async |collection| collection.clear().await.map(null))
    }

    /// Imports an array of records that the server has. Resolves to those that were written.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn import_bulk(&self, records: String) -> Promise {
        self.promise(async move |collection| collection.import_bulk(&records).await)
    }

    /// Calls `callback` exactly once, synchronously, in one transaction. Resolves to `null`. If the callback throws, nothing is written and
    /// the promise rejects with the value that it threw. `preload_ids` exists for compatibility with Kinto.js; all records are in memory,
    /// so there is nothing to preload.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn execute(
        &self,
        #[wasm_bindgen(js_name = "preload_ids", unchecked_param_type = "string")] _preload_ids: JsValue,
        #[wasm_bindgen(unchecked_param_type = "(txn: RawTransaction) => void")] callback: Function,
        #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function,
    ) -> Promise {
        let collection = self.collection();
        let executed = async move {
            let collection = collection.map_err(Thrown::Error)?;
            // Kept beside the engine's error, which can hold only text.
            let mut by_the_user = None;
            let collection = collection.telling(told_by(told));
            let executed = collection.execute(|transaction| {
                let called = callback.call1(&JsValue::UNDEFINED, &RawTransaction::new(transaction).into());
                called.map(drop).map_err(|value| Error::Callback {
                    message: message_of(by_the_user.insert(value)),
                })
            });
            let executed = executed.await;
            match (executed, by_the_user) {
                (Err(_), Some(value)) => Err(Thrown::Value(value)),
                (executed, _) => executed.map(null).map_err(Thrown::Error),
            }
        };
        promise_of(executed.boxed_local())
    }

    /// Resolves to the server's metadata of the collection, as last pulled or saved, or to `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn metadata(&self) -> Promise {
        self.promise(async |collection| collection.metadata().await)
    }

    /// Replaces the stored metadata. `epoch` is that of the sync which does it. Resolves to `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn save_metadata(&self, metadata: String, epoch: Option<String>) -> Promise {
        self.promise(async move |collection| collection.save_metadata(&metadata, epoch).await.map(null))
    }

    /// Stores the app's statement of how far the server was read (ms); without it, the next pull starts from the beginning. Resolves to
    /// `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn save_last_modified(&self, last_modified: Option<f64>, epoch: Option<String>) -> Promise {
        let last_modified = last_modified.map(|ms| ms as u64);
        self.promise(async move |collection| collection.save_last_modified(last_modified, epoch).await.map(null))
    }

    /// Resolves to `true` if an app that pulls by itself has to ask for everything, including deletions, whatever its timestamp; otherwise
    /// to `false`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn reads_all(&self) -> Promise {
        self.promise(async |collection| collection.reads_all().await.map(|all| all.to_string()))
    }

    /// Merges an array of decoded records and tombstones of the server. Resolves to the lists of `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn import_changes(&self, changes: String, strategy: String, epoch: Option<String>) -> Promise {
        self.promise(async move |collection| collection.import_changes(&changes, &strategy, epoch).await)
    }

    /// Applies `[{"answer": "published" | "gone" | "overtaken", "id", "sent", "remote"}]`, a server's answers to a push. Resolves to the
    /// lists of `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn settle_answers(&self, answers: String, strategy: String, epoch: Option<String>) -> Promise {
        self.promise(async move |collection| collection.settle_answers(&answers, &strategy, epoch).await)
    }

    /// Resolves to what a push would send: changed records, then tombstones, encoded by the app's transformers.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn gather_local_changes(&self) -> Promise {
        self.promise(async |collection| collection.gather_local_changes().await)
    }

    /// Stores the user's decision about a conflict. Resolves to the record.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn resolve(&self, conflict: String, resolution: String) -> Promise {
        self.promise(async move |collection| collection.resolve(&conflict, &resolution).await)
    }

    /// Marks everything as unsynced, for a server that has none of it. Resolves to the number of records touched.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn reset_sync_status(&self) -> Promise {
        self.promise(async |collection| collection.reset_sync_status().await.map(|count| count.to_string()))
    }

    /// Resolves to the remaining Kinto.js changes: unsynced records there that were not migrated and are not here by another way.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn leftovers(&self) -> Promise {
        self.promise(async |collection| collection.leftovers().await)
    }

    /// Migrates the remaining Kinto.js changes. Resolves to `{"adopted", "conflicts": [{"local", "leftover"}]}`. `prefer` is `here`,
    /// `leftover` or empty.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn adopt_leftovers(&self, prefer: String) -> Promise {
        self.promise(async move |collection| collection.adopt_leftovers(&prefer).await)
    }

    /// Reads what other tabs wrote. Resolves to `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn refresh(&self) -> Promise {
        self.promise(async |collection| collection.refresh().await.map(null))
    }

    /// Syncs. Options: `{remote, headers, timeout, retry, strategy, ignoreBackoff, bucket, collection, expectedTimestamp}`. Resolves to
    /// `{"lastModified", "errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn sync(&self, options: String) -> Promise {
        self.promise(async move |collection| collection.sync(&options).await)
    }

    /// Runs sync steps of the app when their turn comes, and passes them the epoch that they write in. Resolves to `null`. The promise that
    /// `steps` returns must not reject. Rejects with `interrupted` or `closed` at once, without waiting for the steps. Without `options`,
    /// runs a single step and does not wait for a turn.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn sync_by(&self, options: String, #[wasm_bindgen(unchecked_param_type = "(epoch?: string) => Promise<void>")] steps: Function) -> Promise {
        self.promise(async move |collection| {
            let take = async |epoch: Option<&str>| {
                if let Ok(taken) = steps.call1(&JsValue::UNDEFINED, &epoch.into()) {
                    drop(JsFuture::from(Promise::resolve(&taken)).await);
                }
            };
            collection.sync_by(&options, take).await
        })
    }

    /// Brings a collection and its server together again after the server lost data. Options and result as in `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn repair(&self, options: String) -> Promise {
        self.promise(async move |collection| collection.repair(&options).await)
    }

    /// Closes an encrypted collection's journal on this server, to continue it at `{"remote", "bucket"?}`. Options and result as in `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn close_journal(&self, destination: String, options: String) -> Promise {
        self.promise(async move |collection| collection.close_journal(&destination, &options).await)
    }

    /// Resolves to the head of an encrypted collection's journal, `{"position", "hash"}`, or to `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn head(&self) -> Promise {
        self.promise(async |collection| collection.head().await)
    }

    /// Resolves to the newest pages of the journal since its latest snapshot: `[{"position", "time", "device", "bytes", "kind"}]`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn pages(&self, limit: f64) -> Promise {
        self.promise(async move |collection| collection.pages(limit as usize).await)
    }

    /// When the collection was last in step with its server (ms), as far as this tab has read.
    pub fn last_modified(&self) -> Option<f64> {
        self.collection().ok()?.last_modified().map(|ms| ms as f64)
    }

    /// How many unsynced changes were lost because the database was deleted while the page was open. Each loss is returned once.
    pub fn take_evicted(&self) -> Option<f64> {
        self.collection().ok()?.take_evicted().map(|unsynced| unsynced as f64)
    }

    /// False if the data does not outlive the page. Valid once the collection is open.
    pub fn persistent(&self) -> bool {
        self.collection().is_ok_and(|collection| collection.is_persistent())
    }
}

/// The answer of operations that return nothing.
fn null(_: ()) -> String {
    "null".to_owned()
}
