//! Creates the promises that all methods return.

use super::error::thrown;
use crate::error::Error;
use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// What a promise rejects with.
pub enum Thrown {
    Error(Error),
    /// A value that the user's own function threw, passed on unchanged.
    Value(JsValue),
}

/// Creates a promise. The future is boxed, so that all methods share one kind of promise; one kind for each method costs 4 kB (gzip).
pub fn promise_of(answer: LocalBoxFuture<'static, std::result::Result<String, Thrown>>) -> Promise {
    future_to_promise(async move {
        match answer.await {
            Ok(text) => Ok(text.into()),
            Err(Thrown::Error(error)) => Err(thrown(error)),
            Err(Thrown::Value(value)) => Err(value),
        }
    })
}
