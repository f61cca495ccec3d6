//! The cryptography of encrypted collections: keys, envelopes, hashes. It has no source of randomness: random bytes are arguments.
//!
//! There is one suite, identified by the `v` of a page: `1` is Cobblestone-256, HKDF-Expand-SHA-512 and SHA-256. No algorithm can be chosen, so
//! none can be downgraded.

/// The contexts that bind sealed bytes to their place, and the hash that chains pages.
pub mod context;
/// Encoding of bytes as text.
pub mod encoding;
/// Envelopes: the C2SP chunked-encryption format.
pub mod envelope;
/// Erasing the copies of keys that computations leave on the stack.
pub mod erase;
/// SHA-256.
pub mod hash;
/// Derivation of many keys from one secret.
pub mod hkdf;
/// The master key, as text and as bytes, and the keys derived from it.
pub mod key;
/// Padding: few lengths, which reveal little.
pub mod padding;
