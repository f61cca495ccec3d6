use super::app::RawApp;
use super::collection::{Handle, RawCollection};
use super::error::thrown;
use super::http::RawHttp;
use super::platform::BrowserPlatform;
use super::promise::{Thrown, promise_of};
use super::storage::PageStorage;
use crate::browser::{AppStorage, BrowserRandom, Durability, Fetch};
use crate::engine::client::Client;
use crate::error::{Error, Result};
use crate::ports::{Platform, Rng};
use crate::pure::crypto::erase::erasing;
use crate::pure::crypto::key;
use futures_util::{FutureExt, TryFutureExt};
use js_sys::Promise;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

#[wasm_bindgen(typescript_custom_section)]
const OPTIONS: &str = r#"
/** What a `RawClient` is made with. */
export interface RawClientOptions {
  dbName: string;
  /** `app`: what the constructor is given beside the options. */
  storage: "indexeddb" | "memory" | "app";
  durability: "relaxed" | "strict";
  /** `fetch`'s `mode`. */
  requestMode: string;
}

/** What a `RawCollection` is made with. */
export interface RawCollectionOptions {
  bucket: string;
  name: string;
  /** Members of records that never leave this device. */
  localFields: string[];
  /** Of an encrypted collection. */
  key?: string;
}
"#;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientOptions {
    db_name: String,
    storage: StorageKind,
    #[serde(with = "DurabilityName")]
    durability: Durability,
    request_mode: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum StorageKind {
    IndexedDb,
    Memory,
    App,
}

#[derive(Deserialize)]
#[serde(remote = "Durability", rename_all = "lowercase")]
enum DurabilityName {
    Relaxed,
    Strict,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CollectionOptions {
    bucket: String,
    name: String,
    local_fields: Vec<String>,
    key: Option<String>,
}

pub fn read_options<T: DeserializeOwned>(options: JsValue) -> Result<T> {
    serde_wasm_bindgen::from_value(options).map_err(|error| Error::InvalidOption { message: error.to_string() })
}

/// The collections of one database name, and what is known of their servers.
#[wasm_bindgen]
pub struct RawClient {
    client: RefCell<Option<Rc<Client<BrowserPlatform>>>>,
    /// What `close()` takes away from the handles that JavaScript has.
    handles: RefCell<Vec<Weak<Handle>>>,
}

#[wasm_bindgen]
impl RawClient {
    /// Opens nothing yet. What `http` knows of servers is shared. Throws `invalid_option`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "RawClientOptions")] options: JsValue,
        http: &RawHttp,
        storage: Option<AppStorage>,
    ) -> std::result::Result<RawClient, JsValue> {
        let client = open_client(options, http, storage).map_err(thrown)?;
        Ok(RawClient {
            client: RefCell::new(Some(Rc::new(client))),
            handles: RefCell::default(),
        })
    }

    /// A handle on a collection. All handles of one collection share its records. Throws `closed`, `invalid_option`, `invalid_key`.
    pub fn collection(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RawCollectionOptions")] options: JsValue,
        app: RawApp,
    ) -> std::result::Result<RawCollection, JsValue> {
        let options: CollectionOptions = read_options(options).map_err(thrown)?;
        let CollectionOptions {
            bucket,
            name,
            local_fields,
            key,
        } = options;
        let collection = self.with(|client| match key.map(Zeroizing::new) {
            Some(key) => client.sealed_collection(&bucket, &name, app, local_fields, &key),
            None => Ok(client.collection(&bucket, &name, app, local_fields)),
        })?;
        let handle = Rc::new(Handle::new(Some(Rc::new(collection))));
        let mut handles = self.handles.borrow_mut();
        handles.retain(|handle| handle.strong_count() > 0);
        handles.push(Rc::downgrade(&handle));
        Ok(RawCollection::new(handle))
    }

    /// Closes the connections to databases. Whatever comes next opens them again.
    pub fn disconnect(&self) -> std::result::Result<(), JsValue> {
        self.with(|client| {
            client.platform().storage().disconnect();
            Ok(())
        })
    }

    /// Deletes the database that Kinto.js left under this name, with all its collections: `null`. Rejects with `storage_blocked`
    /// while another tab holds it open.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn forget_predecessor(&self) -> Promise {
        let client = self.client.borrow().clone().ok_or(Error::Closed);
        let forgotten = async move { client?.forget_predecessor().await.map(|()| "null".to_owned()) };
        promise_of(forgotten.map_err(Thrown::Error).boxed_local())
    }

    /// Lets go of databases and channels. Nothing is written and nothing is sent any more: syncs under way, and later calls, also on
    /// collections, reject with `closed`. A write that storage was already given still ends. Resolves with `null` when no content
    /// that was removed is left in the databases, and none is being opened any more; no database is opened for that.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn close(&self) -> Promise {
        let client = self.client.take();
        let residents = client.iter().flat_map(|client| client.with_removed_content()).collect::<Vec<_>>();
        for handle in self.handles.take().iter().filter_map(Weak::upgrade) {
            handle.take();
        }
        if let Some(client) = &client {
            client.close();
            match residents.is_empty() {
                true => client.platform().storage().close(),
                false => client.platform().storage().open_no_more(),
            }
        }
        let closed = async move {
            for resident in residents {
                resident.erase_now().await;
            }
            if let Some(client) = client {
                client.platform().storage().settled().await;
                client.platform().storage().close();
            }
            Ok("null".to_owned())
        };
        promise_of(closed.boxed_local())
    }

    fn with<R>(&self, work: impl FnOnce(&Client<BrowserPlatform>) -> Result<R>) -> std::result::Result<R, JsValue> {
        self.client.borrow().as_deref().ok_or(Error::Closed).and_then(work).map_err(thrown)
    }
}

/// The text of a new key for an encrypted collection.
///
/// As a value of JavaScript, which reads it where it is: a `String` would be passed in memory that is freed and not erased.
#[wasm_bindgen(unchecked_return_type = "string")]
pub fn make_key() -> JsValue {
    erasing(|| {
        let mut random = Zeroizing::new([0; 32]);
        BrowserRandom.fill(&mut *random);
        JsValue::from_str(&key::make_key(*random))
    })
}

fn open_client(options: JsValue, http: &RawHttp, storage: Option<AppStorage>) -> Result<Client<BrowserPlatform>> {
    let options: ClientOptions = read_options(options)?;
    let fetch = Fetch::with_mode(&options.request_mode)?;
    let storage = match (options.storage, storage) {
        (StorageKind::App, Some(storage)) => PageStorage::App(storage),
        (StorageKind::App, None) => return Err(Error::bug("the app's storage is missing")),
        (StorageKind::IndexedDb, _) => PageStorage::indexed_db(options.durability),
        (StorageKind::Memory, _) => PageStorage::memory(),
    };
    let platform = Rc::new(BrowserPlatform::new(storage, fetch));
    Ok(Client::with_servers(platform, &options.db_name, http.servers()))
}
