#![cfg(not(target_arch = "wasm32"))]
//! Tests of the crypto core: its guarantees, on generated texts, and in comparison with other implementations in JavaScript and Python.

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
