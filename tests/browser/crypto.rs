//! Runs the tests of the crypto core in WASM, as a browser compiles it.

#[path = "../contract/crypto/mod.rs"]
mod contract;

use wasm_bindgen_test::wasm_bindgen_test;

macro_rules! in_browser {
    ($promise:ident) => {
        #[wasm_bindgen_test]
        fn $promise() {
            contract::$promise();
        }
    };
}

crate::crypto_contract!(in_browser);
