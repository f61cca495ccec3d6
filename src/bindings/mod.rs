//! What JavaScript can see: the raw classes that the package's TypeScript facade is built on. They contain no logic and take no decisions.
//!
//! Rules for every export:
//! * `&self` only, and never `async fn`: an exported `async fn(&self)` fails when JavaScript frees the object while it runs, and
//!   overlapping `&mut self` calls throw. A method clones what it needs first and returns a promise.
//! * Records, ids and queries are JSON text, which JavaScript parses at once; `serde_wasm_bindgen` took six times as long for 10,000
//!   records. It is used for options.
//! * Errors are thrown as [`Error::to_json`](crate::error::Error::to_json), a string. A value that the user's own code threw is passed on
//!   unchanged.

/// The app's own functions.
mod app;
/// A database.
mod client;
/// A collection.
mod collection;
/// Errors as JavaScript receives them, and panics.
mod error;
/// Requests that an app makes itself.
mod http;
/// The browser's parts as one platform.
mod platform;
/// How every promise is created.
mod promise;
/// Chooses the storage of each collection.
mod storage;
/// The transaction that `execute` passes to its callback.
mod transaction;
