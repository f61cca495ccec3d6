//! `RawClient`: the collections of one database name; and the creation of keys.

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

/// The collections of one database name. Shares with `RawHttp` what is known of the servers.
#[wasm_bindgen]
pub struct RawClient {
    client: RefCell<Option<Rc<Client<BrowserPlatform>>>>,
    /// The handles that JavaScript holds; `close()` empties them.
    handles: RefCell<Vec<Weak<Handle>>>,
}

#[wasm_bindgen]
impl RawClient {
    /// Creates a client without opening a database. Shares with `http` what is known of the servers. Throws `invalid_option`.
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

    /// Returns a handle on a collection. All handles of one collection share its records. Throws `closed`, `invalid_option`, `invalid_key`.
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

    /// Closes the connections to the databases. The next call that needs one opens it again. Throws `closed`.
    pub fn disconnect(&self) -> std::result::Result<(), JsValue> {
        self.with(|client| {
            client.platform().storage().disconnect();
            Ok(())
        })
    }

    /// Deletes the database that Kinto.js left under this name, with all its collections. Resolves to `null`. Rejects with
    /// `storage_blocked` while another tab holds the database open.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn forget_predecessor(&self) -> Promise {
        let client = self.client.borrow().clone().ok_or(Error::Closed);
        let forgotten = async move { client?.forget_predecessor().await.map(|()| "null".to_owned()) };
        promise_of(forgotten.map_err(Thrown::Error).boxed_local())
    }

    /// Closes the client, its databases and its channels. From now on nothing is written and nothing is sent: running syncs and later calls
    /// reject with `closed`, also those on collections. A write that was already handed to storage still completes.
    ///
    /// Resolves to `null` once no database contains removed content any more and no database is being opened; no database is opened for
    /// that. It waits at most about two seconds for each collection, and as long for opening.
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

/// Returns the text of a new key for an encrypted collection.
///
/// It is returned as a JavaScript value, which copies the text from where it is. A `String` would be passed in WASM memory that is then
/// freed without being erased.
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
