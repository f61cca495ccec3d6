//! How an encrypted collection is sealed: keys, envelopes, hashes. No randomness of its own: random bytes are arguments.
//!
//! One suite, named by a journal's `v`: `1` is Cobblestone-256, HKDF-Expand-SHA-512 and SHA-256. There is no list of algorithms to
//! choose from, so there is nothing to downgrade.

/// What binds a sealed text to its place, and the hash that chains pages.
pub mod context;
/// Bytes as text.
pub mod encoding;
/// Seals and opens: the C2SP chunked-encryption format.
pub mod envelope;
/// What computations leave behind on the stack.
pub mod erase;
/// SHA-256.
pub mod hash;
/// From one secret many.
pub mod hkdf;
/// The master key, as text and as bytes, and what is derived from it.
pub mod key;
/// Lengths that tell little.
pub mod padding;
