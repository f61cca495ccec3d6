//! Tests of connections that the browser closes at every critical moment. The faults are injected in the page, on the browser's own
//! IndexedDB, so what remains on disk is real.

use crate::contract::{entry, fold, rows_of, write};
use crate::{collection, script, tab};
use essaim::error::{Error, Result};
use essaim::ports::{Appended, Storage};
use essaim::pure::journal::{Position, Tail};
use std::cell::Cell;
use wasm_bindgen_test::wasm_bindgen_test;

const NOWHERE: Position = Position { key: 0, id: 0 };

/// Aborts the next transaction that writes before its first request, and closes its connection.
const LOSE_AT_BEGIN: &str = "
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args) {
        const transaction = begin.apply(this, args);
        if (transaction.mode === 'readwrite') {
            IDBDatabase.prototype.transaction = begin;
            transaction.abort();
            this.close();
        }
        return transaction;
    };
";

/// Aborts the next transaction that reads and writes before its first answer, and closes its connection.
const LOSE_WHILE_READING: &str = "
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args) {
        const transaction = begin.apply(this, args);
        if (transaction.mode === 'readwrite') {
            IDBDatabase.prototype.transaction = begin;
            queueMicrotask(() => { transaction.abort(); this.close(); });
        }
        return transaction;
    };
";

/// Adds the next row, but aborts its transaction and closes its connection.
const LOSE_AT_ADD: &str = "
    const add = IDBObjectStore.prototype.add;
    IDBObjectStore.prototype.add = function (...args) {
        IDBObjectStore.prototype.add = add;
        const request = add.apply(this, args);
        this.transaction.abort();
        this.transaction.db.close();
        return request;
    };
";

/// Lets the browser complete the next transaction that writes, but reports an abort to the page and closes its connection.
const LOSE_THE_ANSWER: &str = "
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args) {
        const transaction = begin.apply(this, args);
        if (transaction.mode === 'readwrite') {
            IDBDatabase.prototype.transaction = begin;
            transaction.addEventListener('complete', event => {
                event.stopImmediatePropagation();
                this.close();
                transaction.dispatchEvent(new Event('abort'));
            });
        }
        return transaction;
    };
";

#[wasm_bindgen_test]
async fn an_append_on_a_closed_connection_opens_another_and_is_not_certain() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    tab.disconnect();
    assert_eq!(tab.append(&collection, entry(2, last, b"page")).await, Ok(Appended { key: 2, certain: false }));
    // Nothing has been read through this connection yet.
    assert_eq!(tab.append(&collection, entry(3, last, b"page")).await, Ok(Appended { key: 3, certain: false }));
    tab.decide(&collection, last, |_| Ok((None, ()))).await.expect("decide");
    assert_eq!(tab.append(&collection, entry(4, last, b"page")).await, Ok(Appended { key: 4, certain: true }));
}

#[wasm_bindgen_test]
async fn an_append_before_anything_was_read_is_not_certain() {
    let (tab, collection) = (tab(), collection());
    assert_eq!(
        tab.append(&collection, entry(1, NOWHERE, b"page")).await,
        Ok(Appended { key: 1, certain: false })
    );
    tab.open(&collection).await.expect("open");
    assert_eq!(
        tab.append(&collection, entry(2, NOWHERE, b"page")).await,
        Ok(Appended { key: 2, certain: true })
    );
}

#[wasm_bindgen_test]
async fn an_append_that_was_lost_is_written_once() {
    for fault in [LOSE_AT_BEGIN, LOSE_AT_ADD, LOSE_THE_ANSWER] {
        let (tab, collection) = (tab(), collection());
        tab.open(&collection).await.expect("open");
        let last = write(&tab, &collection, NOWHERE, [1]).await;
        script("", fault).await;
        // The key of the aborted row is used again.
        assert_eq!(tab.append(&collection, entry(2, last, b"page")).await, Ok(Appended { key: 2, certain: false }));
        assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [(1, 1), (2, 2)]);
    }
}

#[wasm_bindgen_test]
async fn an_append_that_was_folded_before_it_was_looked_for_is_not_written_again() {
    let (one, other, collection) = (tab(), tab(), collection());
    one.open(&collection).await.expect("open");
    other.open(&collection).await.expect("open");
    // The other tab compacts between the write and the search for the written entry.
    script("", LOSE_THE_ANSWER).await;
    script(
        &collection.database(),
        "
        const open = IDBFactory.prototype.open;
        let released;
        globalThis.release = new Promise(resolve => { released = resolve; });
        IDBFactory.prototype.open = function () {
            IDBFactory.prototype.open = open;
            released();
            throw new DOMException('not now', 'UnknownError');
        };
        ",
    )
    .await;
    let compaction = async {
        script("", "await release").await;
        let upto = Position { key: 1, id: 1 };
        assert!(other.compact(&collection, fold(NOWHERE, upto, false, &["1"], &[1])).await.expect("compact"));
    };
    let (appended, ()) = futures_util::future::join(one.append(&collection, entry(1, NOWHERE, b"page")), compaction).await;
    let appended = appended.expect("append");
    assert!(!appended.certain);
    let stored = one.open(&collection).await.expect("open");
    assert_eq!((stored.journal.len(), stored.segments.len(), stored.head.folded), (0, 1, vec![1]));
}

#[wasm_bindgen_test]
async fn a_decision_that_was_not_asked_yet_is_asked_on_another_connection() {
    for fault in [LOSE_AT_BEGIN, LOSE_WHILE_READING] {
        let (tab, collection) = (tab(), collection());
        tab.open(&collection).await.expect("open");
        let last = write(&tab, &collection, NOWHERE, [1]).await;
        let calls = Cell::new(0);
        script("", fault).await;
        let decided = tab
            .decide(&collection, last, |tail| {
                calls.set(calls.get() + 1);
                assert!(matches!(tail, Tail::Since(rows) if rows.is_empty()));
                Ok((Some(entry(2, last, b"decided")), "value"))
            })
            .await;
        assert_eq!((decided, calls.get()), (Ok((Some(2), "value")), 1));
        assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [(1, 1), (2, 2)]);
    }
}

#[wasm_bindgen_test]
async fn a_decision_once_made_is_never_made_again() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    let calls = Cell::new(0);
    script("", LOSE_AT_ADD).await;
    let decided: Result<(Option<u64>, ())> = tab
        .decide(&collection, last, |_| {
            calls.set(calls.get() + 1);
            Ok((Some(entry(2, last, b"decided")), ()))
        })
        .await;
    assert!(matches!(decided, Err(Error::StorageLost { .. })), "{decided:?}");
    assert_eq!(calls.get(), 1);
    assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [(1, 1)]);
}

#[wasm_bindgen_test]
async fn a_decision_whose_answer_was_lost_is_found() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    let calls = Cell::new(0);
    script("", LOSE_THE_ANSWER).await;
    let decided = tab
        .decide(&collection, last, |_| {
            calls.set(calls.get() + 1);
            Ok((Some(entry(2, last, b"decided")), "value"))
        })
        .await;
    assert_eq!((decided, calls.get()), (Ok((Some(2), "value")), 1));
    // What was written between the two connections was not read.
    assert_eq!(tab.append(&collection, entry(3, last, b"page")).await, Ok(Appended { key: 3, certain: false }));
}

#[wasm_bindgen_test]
async fn a_compaction_that_was_lost_is_done_once() {
    for fault in [LOSE_AT_BEGIN, LOSE_WHILE_READING, LOSE_THE_ANSWER] {
        let (tab, collection) = (tab(), collection());
        let last = write(&tab, &collection, NOWHERE, [1, 2]).await;
        script("", fault).await;
        assert_eq!(tab.compact(&collection, fold(NOWHERE, last, true, &["1 2"], &[1, 2])).await, Ok(true));
        let stored = tab.open(&collection).await.expect("open");
        assert_eq!((stored.segments.len(), stored.journal.len(), stored.head.position), (1, 0, last));
    }
}

#[wasm_bindgen_test]
async fn after_three_reopens_it_gives_up_and_nothing_is_written() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    script(
        "",
        "
        const add = IDBObjectStore.prototype.add;
        globalThis.tries = 0;
        globalThis.heal = () => { IDBObjectStore.prototype.add = add; return tries; };
        IDBObjectStore.prototype.add = function (...args) {
            tries += 1;
            const request = add.apply(this, args);
            this.transaction.abort();
            this.transaction.db.close();
            return request;
        };
        ",
    )
    .await;
    let appended = tab.append(&collection, entry(1, NOWHERE, b"page")).await;
    assert_eq!(script("", "return heal()").await.as_f64(), Some(4.0));
    assert!(matches!(appended, Err(Error::Storage { .. })), "{appended:?}");
    assert_eq!(tab.open(&collection).await.expect("open").journal.len(), 0);
    assert_eq!(write(&tab, &collection, NOWHERE, [2]).await.key, 1);
}

#[wasm_bindgen_test]
async fn a_full_disk_is_told_from_other_aborts() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    // Like Chromium: the request succeeds or has no result at all; then the transaction is aborted because of the quota.
    let full = "
        const add = IDBObjectStore.prototype.add;
        IDBObjectStore.prototype.add = function (...args) {
            IDBObjectStore.prototype.add = add;
            const request = add.apply(this, args);
            Object.defineProperty(this.transaction, 'error', { value: new DOMException('full', 'QuotaExceededError') });
            this.transaction.abort();
            return request;
        };
    ";
    script("", full).await;
    let appended = tab.append(&collection, entry(2, last, b"page")).await;
    assert!(matches!(appended, Err(Error::Quota { .. })), "{appended:?}");
    script("", full).await;
    let decided = tab.decide(&collection, last, |_| Ok((Some(entry(2, last, b"page")), ()))).await;
    assert!(matches!(decided, Err(Error::Quota { .. })), "{decided:?}");
    // Nothing was written, the connection is still open, and the key is free for the next row.
    assert_eq!(tab.append(&collection, entry(3, last, b"page")).await, Ok(Appended { key: 2, certain: true }));
    assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [(1, 1), (2, 3)]);
}

/// Adds the next row under a key that is taken.
const FAIL_THE_ADD: &str = "
    const add = IDBObjectStore.prototype.add;
    IDBObjectStore.prototype.add = function (value) {
        IDBObjectStore.prototype.add = add;
        return add.call(this, value, 1);
    };
";

/// Writes the next page, then adds it once more under the same key, which is taken by then.
const FAIL_THE_FIRST_PUT: &str = "
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (value, key) {
        IDBObjectStore.prototype.put = put;
        put.call(this, value, key);
        return this.add(value, key);
    };
";

fn constraint<R: std::fmt::Debug>(result: Result<R>) {
    assert!(
        matches!(&result, Err(Error::Storage { message }) if message.contains("ConstraintError")),
        "{result:?}"
    );
}

/// Firefox would complete a transaction whose request fails after `commit()`.
#[wasm_bindgen_test]
async fn a_request_that_fails_undoes_the_whole_transaction_and_is_told_as_the_cause() {
    let (tab, collection) = (tab(), collection());
    tab.open(&collection).await.expect("open");
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    let before = tab.open(&collection).await;
    script("", FAIL_THE_ADD).await;
    constraint(tab.append(&collection, entry(2, last, b"page")).await);
    script("", FAIL_THE_ADD).await;
    constraint(tab.decide(&collection, last, |_| Ok((Some(entry(2, last, b"page")), ()))).await);
    script("", FAIL_THE_FIRST_PUT).await;
    constraint(tab.compact(&collection, fold(NOWHERE, last, false, &["a", "b"], &[1])).await);
    assert_eq!(tab.open(&collection).await, before);
    assert_eq!(tab.compact(&collection, fold(NOWHERE, last, false, &["a", "b"], &[1])).await, Ok(true));
}
