//! Tests of a page that is put into the back/forward cache and restored; of notes in localStorage, and of random numbers.

use crate::contract::{entry, write};
use crate::{collection, script, tab};
use essaim::browser::{BrowserRandom, LocalStorage};
use essaim::ports::{Appended, Rng, Storage, Witness};
use essaim::pure::journal::Position;
use wasm_bindgen_test::wasm_bindgen_test;

/// From here on, `openConnections` contains the connections to the database `name` that are not closed.
const WATCH: &str = "
    globalThis.openConnections = new Set();
    const [begin, close] = [IDBDatabase.prototype.transaction, IDBDatabase.prototype.close];
    IDBDatabase.prototype.transaction = function (...args) {
        if (this.name === name) openConnections.add(this);
        return begin.apply(this, args);
    };
    IDBDatabase.prototype.close = function () { openConnections.delete(this); close.call(this); };
    globalThis.stopWatching = () => Object.assign(IDBDatabase.prototype, { transaction: begin, close });
";

#[wasm_bindgen_test]
async fn a_hidden_page_holds_no_connection_and_goes_on_when_shown() {
    let (tab, collection) = (tab(), collection());
    script(&collection.database(), WATCH).await;
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, Position::default(), [1]).await;
    assert_eq!(script("", "return openConnections.size").await.as_f64(), Some(2.0));
    // An operation that is under way when the page is hidden is still completed.
    let append = tab.append(&collection, entry(2, last, b"page"));
    let hide = script(
        "",
        "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })); return openConnections.size",
    );
    let (appended, left) = futures_util::future::join(append, hide).await;
    assert_eq!(appended.map(|appended| appended.key), Ok(2));
    assert_eq!(left.as_f64(), Some(0.0));
    script("", "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); stopWatching()").await;
    assert_eq!(tab.append(&collection, entry(3, last, b"page")).await, Ok(Appended { key: 3, certain: false }));
    assert_eq!(tab.open(&collection).await.expect("open").journal.len(), 3);
}

#[wasm_bindgen_test]
async fn a_client_that_is_gone_leaves_no_connection() {
    let collection = collection();
    script(&collection.database(), WATCH).await;
    {
        let tab = tab();
        tab.open(&collection).await.expect("open");
        write(&tab, &collection, Position::default(), [1]).await;
    }
    assert_eq!(script("", "stopWatching(); return openConnections.size").await.as_f64(), Some(0.0));
    // No listener is left, either.
    script("", "dispatchEvent(new PageTransitionEvent('pagehide'))").await;
}

#[wasm_bindgen_test]
fn notes_are_kept_until_taken_away() {
    let name = format!("essaim/note {}", js_sys::Math::random());
    assert_eq!(LocalStorage.read(&name), None);
    LocalStorage.write(&name, Some("{\"unsynced\":3}"));
    assert_eq!(LocalStorage.read(&name).as_deref(), Some("{\"unsynced\":3}"));
    LocalStorage.write(&name, None);
    assert_eq!(LocalStorage.read(&name), None);
}

#[wasm_bindgen_test]
async fn a_note_that_cannot_be_kept_harms_nobody() {
    script("", "globalThis.kept = Object.getOwnPropertyDescriptor(window, 'localStorage'); Object.defineProperty(window, 'localStorage', { configurable: true, get() { throw new DOMException('no', 'SecurityError'); } })").await;
    LocalStorage.write("essaim/refused", Some("note"));
    assert_eq!(LocalStorage.read("essaim/refused"), None);
    script("", "Object.defineProperty(window, 'localStorage', kept)").await;
    let too_big = "x".repeat(20 << 20);
    LocalStorage.write("essaim/too big", Some(&too_big));
    assert_eq!(LocalStorage.read("essaim/too big"), None);
}

#[wasm_bindgen_test]
fn random_bytes_differ() {
    let draw = || {
        let mut bytes = [0u8; 16];
        BrowserRandom.fill(&mut bytes);
        bytes
    };
    assert_ne!(draw(), draw());
}
