//! What JavaScript can see: the raw classes that the package's TypeScript facade is written on. No logic, no decisions.
//!
//! Rules for every export:
//! * `&self` only, and never `async fn`: an exported `async fn(&self)` fails when JavaScript frees the object meanwhile, and
//!   overlapping `&mut self` calls throw. A method clones what it needs first and returns a promise.
//! * Records, ids and queries are JSON text, which JavaScript parses at once; `serde_wasm_bindgen` took six times as long
//!   for 10,000 records. It is used for options.
//! * What is thrown is [`Error::to_json`](crate::error::Error::to_json) as a string; what the user's own code threw comes through as it is.

/// The user's own functions.
mod app;
/// A database.
mod client;
/// A collection.
mod collection;
/// Errors as JavaScript gets them, and panics.
mod error;
/// Requests that an app makes itself.
mod http;
/// The browser's parts as one platform.
mod platform;
/// What every promise is made of.
mod promise;
/// Where collections are kept.
mod storage;
/// What `execute` hands to its callback.
mod transaction;
