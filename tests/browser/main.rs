#![cfg(target_arch = "wasm32")]
//! Tests of the parts that need a real browser: `wasm-pack test --headless --chrome` (or `--firefox`).

#[path = "../contract/storage/mod.rs"]
mod contract;

mod app_storage;
mod clock;
mod crypto;
mod durability;
mod fetch;
mod losses;
mod model;
mod other_tabs;
mod page;
mod refusals;
mod tabs;

use essaim::browser::{Durability, IndexedDb};
use essaim::ports::CollectionId;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

macro_rules! on_indexed_db {
    ($rule:ident) => {
        #[wasm_bindgen_test]
        async fn $rule() {
            contract::$rule(tab, collection()).await;
        }
    };
}

storage_contract!(on_indexed_db);

/// A new tab, which shares no connection with any other.
fn tab() -> IndexedDb {
    IndexedDb::new(Durability::Relaxed)
}

/// A collection with a new name, which no earlier run can have used.
fn collection() -> CollectionId {
    contract::collection(&format!("tasks-{}", js_sys::Math::random()))
}

/// Runs a script and waits for its result. In the script, `name` is the name of the database.
async fn script(name: &str, body: &str) -> JsValue {
    let function = js_sys::Function::new_with_args("name", &format!("return (async () => {{ {body} }})()"));
    let promise = function.call1(&JsValue::UNDEFINED, &name.into()).expect("the script starts");
    JsFuture::from(js_sys::Promise::from(promise)).await.expect("the script ends well")
}
