#![cfg(not(target_arch = "wasm32"))]
//! Runs the storage contract on the reference storage, in memory.

#[path = "contract/storage/mod.rs"]
mod contract;

use essaim::memory::MemoryStorage;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Polls once: the memory storage never has to wait.
fn at_once<R>(work: impl Future<Output = R>) -> R {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("memory storage waits for something"),
    }
}

macro_rules! on_memory {
    ($rule:ident) => {
        #[test]
        fn $rule() {
            let store = MemoryStorage::default();
            at_once(contract::$rule(|| store.clone(), contract::collection("tasks")));
        }
    };
}

storage_contract!(on_memory);
