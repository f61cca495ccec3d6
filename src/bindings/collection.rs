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

/// A collection, until its client is closed.
pub type Handle = RefCell<Option<Rc<Collection<BrowserPlatform>>>>;

/// A collection. Everything it resolves to is JSON text; everything it rejects with is an error's JSON text.
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

    /// What `told` gets is the answer that each method names.
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
    /// Opens it: `{"persistent", "lastModified": number | null, "evicted": null | {"unsynced": number},
    /// "adopted": null | {"records", "unsynced", "refused"}}`.
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

    /// Stores a record that has its id: the record as stored. Rejects with `already_exists`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn create(&self, record: String, synced: bool, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.create(&record, synced).await)
    }

    /// Replaces a record, or merges into it: `{"data", "oldRecord"}`. Rejects with `not_found`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn update(&self, record: String, without: Option<String>, synced: bool, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        let options = UpdateOptions::read(without.as_deref(), synced);
        self.change(told, async move |collection| collection.update(&record, options).await)
    }

    /// Creates or replaces a record: `{"data", "oldRecord"?}`, the latter only if a live record was replaced.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn upsert(&self, record: String, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.upsert(&record).await)
    }

    /// A record. Rejects with `not_found`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn get(&self, id: String, include_deleted: bool) -> Promise {
        self.promise(async move |collection| collection.get(&id, include_deleted).await)
    }

    /// A record, a tombstone, or `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn get_any(&self, id: String) -> Promise {
        self.promise(async move |collection| collection.get_any(&id).await)
    }

    /// Deletes a record, leaving a tombstone if virtual: the record as it was. Rejects with `not_found`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn delete(&self, id: String, is_virtual: bool, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.delete(&id, is_virtual).await)
    }

    /// Deletes a record if there is one: `{"data", "deleted"}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn delete_any(&self, id: String, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async move |collection| collection.delete_any(&id).await)
    }

    /// Deletes every record, leaving tombstones: the records as they were.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn delete_all(&self, #[wasm_bindgen(unchecked_param_type = "RawTold")] told: Function) -> Promise {
        self.change(told, async |collection| collection.delete_all().await)
    }

    /// The records that match `{"filters", "order", "includeDeleted"}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn list(&self, query: String) -> Promise {
        self.promise(async move |collection| collection.list(&query).await)
    }

    /// Forgets everything here: `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn clear(&self) -> Promise {
        self.promise(async |collection| collection.clear().await.map(null))
    }

    /// Takes over an array of records that the server has: those that were written.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn import_bulk(&self, records: String) -> Promise {
        self.promise(async move |collection| collection.import_bulk(&records).await)
    }

    /// Calls `callback` exactly once, synchronously, in one transaction: `null`. If it throws, nothing is written and the
    /// promise rejects with what it threw. `preload_ids` are Kinto.js's; every record is in memory, so nothing is left to preload.
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
            // Beside the core's error, which can hold text only.
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

    /// The server's metadata of the collection as last pulled or saved, or `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn metadata(&self) -> Promise {
        self.promise(async |collection| collection.metadata().await)
    }

    /// Replaces the metadata that is kept here: `null`. `epoch`: of the sync that does it.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn save_metadata(&self, metadata: String, epoch: Option<String>) -> Promise {
        self.promise(async move |collection| collection.save_metadata(&metadata, epoch).await.map(null))
    }

    /// Takes the app's word for how far the server was read (ms), or begins anew: `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn save_last_modified(&self, last_modified: Option<f64>, epoch: Option<String>) -> Promise {
        let last_modified = last_modified.map(|ms| ms as u64);
        self.promise(async move |collection| collection.save_last_modified(last_modified, epoch).await.map(null))
    }

    /// Whether an app that pulls itself has to ask for everything, deletions too, whatever the timestamp: `true` or `false`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn reads_all(&self) -> Promise {
        self.promise(async |collection| collection.reads_all().await.map(|all| all.to_string()))
    }

    /// Takes over an array of decoded records and tombstones of the server: the lists of `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn import_changes(&self, changes: String, strategy: String, epoch: Option<String>) -> Promise {
        self.promise(async move |collection| collection.import_changes(&changes, &strategy, epoch).await)
    }

    /// Settles `[{"answer": "published" | "gone" | "overtaken", "id", "sent", "remote"}]`, a server's answers to a push: the
    /// lists of `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn settle_answers(&self, answers: String, strategy: String, epoch: Option<String>) -> Promise {
        self.promise(async move |collection| collection.settle_answers(&answers, &strategy, epoch).await)
    }

    /// What a push would send: changed records, then tombstones, encoded.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn gather_local_changes(&self) -> Promise {
        self.promise(async |collection| collection.gather_local_changes().await)
    }

    /// Stores what the user decided about a conflict: the record.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn resolve(&self, conflict: String, resolution: String) -> Promise {
        self.promise(async move |collection| collection.resolve(&conflict, &resolution).await)
    }

    /// Prepares everything to be sent to a server that has none of it: how many records were touched.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn reset_sync_status(&self) -> Promise {
        self.promise(async |collection| collection.reset_sync_status().await.map(|count| count.to_string()))
    }

    /// The unsynced records that Kinto.js has, and that were neither taken over nor are here by other ways.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn leftovers(&self) -> Promise {
        self.promise(async |collection| collection.leftovers().await)
    }

    /// Takes them over: `{"adopted", "conflicts": [{"local", "leftover"}]}`. `prefer` is `here`, `leftover` or empty.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn adopt_leftovers(&self, prefer: String) -> Promise {
        self.promise(async move |collection| collection.adopt_leftovers(&prefer).await)
    }

    /// Reads what other tabs wrote: `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn refresh(&self) -> Promise {
        self.promise(async |collection| collection.refresh().await.map(null))
    }

    /// Syncs with `{remote, headers, timeout, retry, strategy, ignoreBackoff, bucket, collection, expectedTimestamp}`:
    /// `{"lastModified", "errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"}`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn sync(&self, options: String) -> Promise {
        self.promise(async move |collection| collection.sync(&options).await)
    }

    /// Runs an app's own steps of a sync, with the epoch that they write in, when it is their turn: `null`. Their promise must not
    /// reject. Rejects with `interrupted` or `closed` without waiting for them. Without `options` it is one step, and its turn at once.
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

    /// Brings an encrypted collection and its server together again that parted. Options and result as `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn repair(&self, options: String) -> Promise {
        self.promise(async move |collection| collection.repair(&options).await)
    }

    /// Closes an encrypted collection's journal here; it goes on at `{"remote", "bucket"?}`. Options and result as `sync`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn close_journal(&self, destination: String, options: String) -> Promise {
        self.promise(async move |collection| collection.close_journal(&destination, &options).await)
    }

    /// The head of an encrypted collection's journal: `{"position", "hash"}` or `null`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn head(&self) -> Promise {
        self.promise(async |collection| collection.head().await)
    }

    /// The newest pages of the journal since its latest snapshot: `[{"position", "time", "device", "bytes", "kind"}]`.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn pages(&self, limit: f64) -> Promise {
        self.promise(async move |collection| collection.pages(limit as usize).await)
    }

    /// When the collection was last in step with its server (ms), as far as this tab has read.
    pub fn last_modified(&self) -> Option<f64> {
        self.collection().ok()?.last_modified().map(|ms| ms as f64)
    }

    /// How many unsynced changes were lost since the last look, because the database was deleted under the page. Told once.
    pub fn take_evicted(&self) -> Option<f64> {
        self.collection().ok()?.take_evicted().map(|unsynced| unsynced as f64)
    }

    /// False if the data will be gone with the page. Known once the collection is open.
    pub fn persistent(&self) -> bool {
        self.collection().is_ok_and(|collection| collection.is_persistent())
    }
}

/// What there is to say when it is done.
fn null(_: ()) -> String {
    "null".to_owned()
}
