//! Runs the storage contract on a custom storage: the one that the package's own tests use.

use crate::{contract, storage_contract};
use essaim::browser::AppStorage;
use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

const SOURCE: &str = include_str!("../package/api/map-storage.mjs");

/// A new store. Its clones are tabs on it.
fn store() -> AppStorage {
    let script = format!("{} return new MapStorage();", SOURCE.replace("export class", "class"));
    let store = Function::new_no_args(&script).call0(&JsValue::UNDEFINED).expect("the class can be read");
    assert!(Reflect::has(&store, &"decide".into()).expect("an object"));
    store.unchecked_into()
}

macro_rules! on_an_apps_storage {
    ($rule:ident) => {
        #[wasm_bindgen_test]
        async fn $rule() {
            let store = store();
            contract::$rule(|| store.clone(), contract::collection("tasks")).await;
        }
    };
}

storage_contract!(on_an_apps_storage);
