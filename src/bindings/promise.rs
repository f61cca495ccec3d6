use super::error::thrown;
use crate::error::Error;
use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// What a promise rejects with.
pub enum Thrown {
    Error(Error),
    /// As it is: what the user's own function threw.
    Value(JsValue),
}

/// Boxed, so that all methods share one kind of promise: one for each costs 4 kB (gzip).
pub fn promise_of(answer: LocalBoxFuture<'static, std::result::Result<String, Thrown>>) -> Promise {
    future_to_promise(async move {
        match answer.await {
            Ok(text) => Ok(text.into()),
            Err(Thrown::Error(error)) => Err(thrown(error)),
            Err(Thrown::Value(value)) => Err(value),
        }
    })
}
