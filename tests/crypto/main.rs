#![cfg(not(target_arch = "wasm32"))]
//! The crypto core: what it promises, on generated texts, and beside an implementation in JavaScript.

#[path = "../contract/crypto/mod.rs"]
mod contract;

mod closing;
mod device;
mod engine;
mod generator;
#[allow(dead_code)]
#[path = "../sim/server/mod.rs"]
mod kinto;
mod properties;
mod readers;
mod salamander;

macro_rules! natively {
    ($promise:ident) => {
        #[test]
        fn $promise() {
            contract::$promise();
        }
    };
}

crypto_contract!(natively);
