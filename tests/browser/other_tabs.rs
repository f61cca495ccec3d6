//! Tests of what other tabs, other versions of the app, and developer tools can do to an open database.

use crate::contract::{entry, rows_of, write};
use crate::{collection, script, tab};
use essaim::error::Error;
use essaim::ports::{Appended, Storage};
use essaim::pure::journal::{Position, Stored};
use wasm_bindgen_test::wasm_bindgen_test;

const NOWHERE: Position = Position { key: 0, id: 0 };

const DELETE: &str = "
    await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = resolve;
        request.onerror = reject;
        request.onblocked = () => reject(new Error('blocked'));
    });
";

/// Upgrades the database, as a later version of this package would.
const UPGRADE: &str = "
    await new Promise((resolve, reject) => {
        const request = indexedDB.open(name, 2);
        request.onupgradeneeded = () => request.transaction.objectStore('journal').put('of version 2', 1);
        request.onsuccess = () => { request.result.close(); resolve(); };
        request.onerror = reject;
        request.onblocked = () => reject(new Error('blocked'));
    });
";

const READ_VERSION_2: &str = "
    return await new Promise((resolve, reject) => {
        const request = indexedDB.open(name, 2);
        request.onerror = reject;
        request.onsuccess = () => {
            const database = request.result;
            const row = database.transaction('journal').objectStore('journal').get(1);
            row.onsuccess = () => { database.close(); resolve([...database.objectStoreNames, row.result].join()); };
        };
    });
";

#[wasm_bindgen_test]
async fn a_deletion_by_another_tab_waits_for_nobody_and_the_next_database_gets_nothing_of_the_deleted_one() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    write(&tab, &collection, NOWHERE, [1, 2]).await;
    script(&collection.database(), DELETE).await;
    // Base and key fit together by accident, although it is another database.
    let base = Position { key: 0, id: 77 };
    assert_eq!(tab.append(&collection, entry(3, base, b"page")).await, Ok(Appended { key: 0, certain: false }));
    assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [] as [(u64, u128); 0]);
}

#[wasm_bindgen_test]
async fn a_deletion_between_our_two_connections_does_not_leave_a_database_without_stores() {
    let (tab, collection) = (tab(), collection());
    // The database is deleted after the reader has created its stores and before the writer opens it.
    script(
        "",
        "
        const open = IDBFactory.prototype.open;
        let opened = 0;
        IDBFactory.prototype.open = function (name, version) {
            opened += 1;
            if (opened === 2) {
                IDBFactory.prototype.open = open;
                indexedDB.deleteDatabase(name);
            }
            return open.call(this, name, version);
        };
        ",
    )
    .await;
    assert_eq!(tab.open(&collection).await, Ok(Stored::default()));
    assert_eq!(write(&tab, &collection, NOWHERE, [1]).await.key, 1);
}

#[wasm_bindgen_test]
async fn a_newer_database_asks_for_an_upgrade_and_is_left_alone() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    script(&collection.database(), UPGRADE).await;
    let newer = Error::UpgradeRequired { found: 2, known: 1 };
    assert_eq!(tab.append(&collection, entry(2, last, b"page")).await, Err(newer.clone()));
    assert_eq!(
        tab.decide(&collection, last, |_| Ok((Some(entry(2, last, b"page")), ()))).await,
        Err(newer.clone())
    );
    assert_eq!(tab.open(&collection).await, Err(newer.clone()));
    assert_eq!(tab.is_available(&collection).await, Err(newer));
    assert_eq!(
        script(&collection.database(), READ_VERSION_2).await.as_string().as_deref(),
        Some("journal,pages,of version 2")
    );
}

#[wasm_bindgen_test]
async fn forgetting_what_another_tab_will_not_let_go_is_blocked() {
    let (tab, collection) = (tab(), collection());
    write(&tab, &collection, NOWHERE, [1]).await;
    let hold = "
        globalThis.held = await new Promise(resolve => {
            const request = indexedDB.open(name);
            request.onsuccess = () => resolve(request.result);
        });
    ";
    script(&collection.database(), hold).await;
    assert_eq!(tab.forget(&collection).await, Err(Error::StorageBlocked { name: collection.database() }));
    script("", "held.close()").await;
    assert_eq!(tab.open(&collection).await, Ok(Stored::default()));
}

#[wasm_bindgen_test]
async fn forgetting_while_another_tab_commits_waits_for_that_commit() {
    let (one, other, collection) = (tab(), tab(), collection());
    let last = write(&one, &collection, NOWHERE, [1]).await;
    other.open(&collection).await.expect("open");
    let big = vec![7; 4 << 20];
    let (appended, forgotten) = futures_util::future::join(other.append(&collection, entry(2, last, &big)), one.forget(&collection)).await;
    assert_eq!(appended.map(|appended| appended.key), Ok(2));
    assert_eq!(forgotten, Ok(()));
    assert_eq!(one.open(&collection).await, Ok(Stored::default()));
}
