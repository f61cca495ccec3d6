//! Tests of the durability that a commit requests from the browser, and of its cost.

use crate::contract::{entry, write};
use crate::{collection, script};
use essaim::browser::{Durability, IndexedDb};
use essaim::ports::Storage;
use essaim::pure::journal::Position;
use wasm_bindgen_test::wasm_bindgen_test;

/// From here on, `transactions` collects the durability of every readwrite transaction, as the browser understood it.
const WATCH: &str = "
    globalThis.transactions = [];
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args) {
        const transaction = begin.apply(this, args);
        if (transaction.mode === 'readwrite') transactions.push(transaction.durability);
        return transaction;
    };
    globalThis.stopWatching = () => { IDBDatabase.prototype.transaction = begin; return transactions.join(); };
";

async fn watched(durability: Durability) -> String {
    let (tab, collection) = (IndexedDb::new(durability), collection());
    tab.open(&collection).await.expect("open");
    script("", WATCH).await;
    let last = write(&tab, &collection, Position::default(), [1]).await;
    tab.decide(&collection, last, |_| Ok((Some(entry(2, last, b"decided")), ())))
        .await
        .expect("decide");
    let fold = crate::contract::fold(Position::default(), last, true, &["1"], &[1]);
    assert!(tab.compact(&collection, fold).await.expect("compact"));
    script("", "return stopWatching()").await.as_string().expect("text")
}

#[wasm_bindgen_test]
async fn every_write_is_one_transaction_of_the_durability_asked_for() {
    assert_eq!(watched(Durability::Strict).await, "strict,strict,strict");
    assert_eq!(watched(Durability::Relaxed).await, "relaxed,relaxed,relaxed");
}
