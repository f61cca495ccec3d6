//! The straight-line programs, generic over a [`Platform`](crate::ports::Platform). Every decision they take is in `pure`.

mod adoption;
mod cancellation;
/// One app on one database name: its collections, and what it knows of its servers.
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
/// Bringing a collection and its remote together.
pub mod sync;
mod telling;
/// What the callback of `execute` works with.
pub mod transaction;
mod transforming;
mod turns;
