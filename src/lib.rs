#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// The map, innermost ring first. `tests/layers.rs` keeps who may use whom.

/// The only error type.
pub mod error;
/// Values in, values out: records, merging, the journal, the protocol. No I/O, no clock, no browser.
pub mod pure;

/// What the engine needs from the world: the only traits.
pub mod ports;

/// The straight-line programs: collections and their sync, generic over a platform.
pub mod engine;
/// The reference storage, in memory.
pub mod memory;

/// The platform that a browser is.
#[cfg(target_arch = "wasm32")]
pub mod browser;

/// What JavaScript can see.
#[cfg(target_arch = "wasm32")]
mod bindings;
