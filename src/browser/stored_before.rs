//! Whether this app stored data in this browser before.
//!
//! This is asked when IndexedDB cannot be opened, so that a database which cannot be reached is not taken for one that never existed.

use super::clock::BrowserClock;
use super::kinto_js;
use super::tabs;
use super::witness;
use crate::ports::{Clock, CollectionId};
use futures_util::future::{Either, select};
use js_sys::{Array, Function, Promise, Reflect};
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// How long (ms) the browser may take to list its databases.
const LISTING_MS: u64 = 2_000;

thread_local! {
    /// Databases that this page has opened.
    static OPENED: RefCell<Vec<String>> = RefCell::default();
}

pub fn note_opened(database: &str) {
    OPENED.with_borrow_mut(|opened| {
        if !opened.iter().any(|known| known == database) {
            opened.push(database.to_owned());
        }
    });
}

pub fn was_opened(database: &str) -> bool {
    OPENED.with_borrow(|opened| opened.iter().any(|known| known == database))
}

/// Whether anything shows that a collection of this `dbName` was stored: this page, the eviction markers, the browser's list of databases,
/// or another tab. `None` if the list cannot be read and nothing else shows it. A missing eviction marker proves nothing, because a browser
/// that is killed loses what it wrote to localStorage in the last seconds.
pub async fn look(collection: &CollectionId) -> Option<bool> {
    let is_ours = |name: &str| name.starts_with(&collection.databases());
    if OPENED.with_borrow(|opened| opened.iter().any(|name| is_ours(name))) {
        return Some(true);
    }
    if witness::names().is_some_and(|names| names.iter().any(|name| is_ours(name))) {
        return Some(true);
    }
    let earlier = kinto_js::database_names(&collection.db_name, std::slice::from_ref(collection));
    let listed = listed().await.map(|names| names.iter().any(|name| is_ours(name) || earlier.contains(name)));
    match listed != Some(true) && tabs::is_open_elsewhere(&collection.database()).await {
        true => Some(true),
        false => listed,
    }
}

/// The names of the databases of this origin; `None` if they cannot be listed. Not every browser lists them, and a browser that cannot open
/// databases may refuse or not answer.
async fn listed() -> Option<Vec<String>> {
    let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).ok()?;
    let list: Function = Reflect::get(&factory, &"databases".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = list.call0(&factory).ok()?.dyn_into().ok()?;
    let Either::Left((listed, _)) = select(JsFuture::from(promise), Box::pin(BrowserClock.sleep_ms(LISTING_MS))).await else {
        return None;
    };
    let listed: Array = listed.ok()?.dyn_into().ok()?;
    let name = |database: JsValue| Reflect::get(&database, &"name".into()).ok()?.as_string();
    Some(listed.iter().filter_map(name).collect())
}
