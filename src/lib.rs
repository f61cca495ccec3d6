#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// Modules, innermost layer first. `tests/layers.rs` checks which layer may use which.

/// The only error type.
pub mod error;
/// Functions from values to values: records, merging, the journal, the protocol. No I/O, no clock, no browser.
pub mod pure;

/// What the engine needs from its platform (storage, HTTP, clock, randomness, tabs, the app), as traits. No other module declares traits.
pub mod ports;

/// Async code without I/O of its own: collections and their sync, generic over a platform.
pub mod engine;
/// The reference storage, in memory.
pub mod memory;

/// The platform of a browser: implements the traits of `ports`.
#[cfg(target_arch = "wasm32")]
pub mod browser;

/// The classes that JavaScript sees.
#[cfg(target_arch = "wasm32")]
mod bindings;
