//! Collections and their sync: async code without I/O of its own, generic over a [`Platform`](crate::ports::Platform).
//!
//! Every decision is in `pure`.

mod adoption;
mod cancellation;
/// One app on one database name: its collections, and what is known of its servers.
pub mod client;
/// A collection as an app uses it.
pub mod collection;
mod folding;
mod listing;
mod lost;
mod opening;
mod pull;
mod push;
mod recognise;
mod resident;
mod sealed;
pub mod server;
mod settle;
mod steps;
/// Syncs a collection with its remote.
pub mod sync;
mod telling;
/// The transaction that the callback of `execute` works with.
pub mod transaction;
mod transforming;
mod turns;
