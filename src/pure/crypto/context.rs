//! The contexts that bind sealed bytes to their place (at any other place they do not open), and the hash that chains pages.
//!
//! Each context begins with a label that names what is sealed, so that none can pass as one of another kind. No server, bucket, collection name
//! or time is in a context: pages move between servers byte for byte.

use super::hash::{Hash, sha256_of};

/// The identity of a journal: the same on every device that has the key, and stored on no server.
pub type Sid = [u8; 16];

/// The context of the page at a position: `"essaim page 1"`, a zero byte, the SID (16 bytes), the key epoch (u32, big-endian), the
/// position (u64, big-endian). The `1` is the digit, 0x31: 42 bytes in all.
pub fn page_context(sid: &Sid, epoch: u32, position: u64) -> Vec<u8> {
    [b"essaim page 1\0".as_slice(), sid, &epoch.to_be_bytes(), &position.to_be_bytes()].concat()
}

/// The context of a segment: `"essaim segment 1"`, a zero byte, the SID (16 bytes), the key epoch (u32, big-endian), and the id of the
/// segment's Kinto record as it is (`s-…`, ASCII).
pub fn segment_context(sid: &Sid, epoch: u32, id: &str) -> Vec<u8> {
    [b"essaim segment 1\0".as_slice(), sid, &epoch.to_be_bytes(), id.as_bytes()].concat()
}

/// The hash of a page, which the next one names: SHA-256 of `"essaim chain 1"`, a zero byte, the SID (16 bytes), the position (u64,
/// big-endian) and the page's `ct` as decoded bytes.
pub fn chain_hash(sid: &Sid, position: u64, ct: &[u8]) -> Hash {
    sha256_of(&[b"essaim chain 1\0", sid, &position.to_be_bytes(), ct])
}
