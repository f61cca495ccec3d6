//! Tests that pages which may not store data are distinguished from databases that are broken.

use crate::contract::write;
use crate::{collection, script, tab};
use essaim::error::Error;
use essaim::ports::{CollectionId, Storage};
use essaim::pure::journal::Position;
use wasm_bindgen_test::wasm_bindgen_test;

/// A script that replaces `IDBFactory.open` until `heal()` is called.
fn opening(body: &str) -> String {
    format!(
        "
        const open = IDBFactory.prototype.open;
        globalThis.heal = () => {{ IDBFactory.prototype.open = open; }};
        IDBFactory.prototype.open = function (name, version) {{ {body} }};
        "
    )
}

/// A request that fails with an `AbortError`. In the private modes of some browsers it fails with another error.
const FAIL: &str = "
    const request = open.call(this, 'refused ' + Math.random(), 1);
    setTimeout(() => {}, 0);
    queueMicrotask(() => request.addEventListener('upgradeneeded', () => request.transaction.abort()));
    return request;
";

/// A collection of an app that has never stored anything in this browser.
fn new_app() -> CollectionId {
    CollectionId {
        db_name: js_sys::Math::random().to_string(),
        ..collection()
    }
}

#[wasm_bindgen_test]
async fn indexed_db_is_available_here() {
    assert_eq!(tab().is_available(&new_app()).await, Ok(true));
}

#[wasm_bindgen_test]
async fn a_page_without_indexed_db_is_told() {
    script("", "globalThis.kept = Object.getOwnPropertyDescriptor(window, 'indexedDB'); Object.defineProperty(window, 'indexedDB', { value: undefined, configurable: true })").await;
    let available = tab().is_available(&new_app()).await;
    let opened = tab().open(&new_app()).await;
    script("", "Object.defineProperty(window, 'indexedDB', kept)").await;
    assert_eq!(available, Ok(false));
    assert!(matches!(opened, Err(Error::Storage { .. })), "{opened:?}");
}

#[wasm_bindgen_test]
async fn a_page_that_may_not_open_databases_is_told() {
    for refusal in ["throw new DOMException('no', 'SecurityError')", FAIL] {
        script("", &opening(refusal)).await;
        let available = tab().is_available(&new_app()).await;
        script("", "heal()").await;
        assert_eq!(available, Ok(false), "{refusal}");
    }
}

#[wasm_bindgen_test]
async fn a_database_that_cannot_be_opened_is_not_taken_for_a_page_that_may_not() {
    let (one, collection) = (tab(), collection());
    write(&one, &collection, Position::default(), [1]).await;
    script(
        "",
        &opening(&format!("if (!name.includes('tasks')) return open.call(this, name, version); {FAIL}")),
    )
    .await;
    let available = tab().is_available(&collection).await;
    script("", "heal()").await;
    assert!(matches!(available, Err(Error::Storage { .. })), "{available:?}");
    assert_eq!(one.open(&collection).await.expect("open").journal.len(), 1);
}

#[wasm_bindgen_test]
async fn a_database_that_was_open_here_is_not_taken_for_one_that_never_was() {
    let (one, collection) = (tab(), new_app());
    assert_eq!(one.is_available(&collection).await, Ok(true));
    one.close();
    for refusal in ["throw new DOMException('no', 'SecurityError')", FAIL] {
        script("", &opening(refusal)).await;
        let available = tab().is_available(&collection).await;
        script("", "heal()").await;
        assert!(matches!(available, Err(Error::Storage { .. })), "{refusal}: {available:?}");
    }
}

#[wasm_bindgen_test]
async fn what_somebody_else_put_into_our_database_is_an_error() {
    let (tab, collection) = (tab(), collection());
    write(&tab, &collection, Position::default(), [1]).await;
    let foreign = "
        await new Promise((resolve, reject) => {
            const request = indexedDB.open(name);
            request.onsuccess = () => {
                const transaction = request.result.transaction('journal', 'readwrite');
                transaction.objectStore('journal').put({ not: 'ours' }, 1);
                transaction.oncomplete = () => { request.result.close(); resolve(); };
                transaction.onabort = reject;
            };
        });
    ";
    script(&collection.database(), foreign).await;
    let opened = tab.open(&collection).await;
    assert!(matches!(opened, Err(Error::Storage { .. })), "{opened:?}");
}
