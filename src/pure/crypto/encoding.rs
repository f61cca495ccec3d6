//! Bytes as text. Each text is read in one spelling only: a second spelling of the same bytes would be a page that nobody wrote.
//!
//! RustCrypto's crates: `data-encoding` made the module 15 KB larger (gzip), and looks keys up in tables.

use base32ct::{Base32Unpadded, Encoding as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};

/// Base64url (RFC 4648 §5) without padding: how `ct`, hashes and ids are written.
pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// None for anything that [`base64url`] does not write: padding, white space, the other alphabet, bits set after the last byte.
pub fn read_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// The same for an array: a hash, an id.
pub fn read_base64url_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    read_base64url(text)?.try_into().ok()
}

/// Base32 (RFC 4648 §6) in lower case, without padding: Kinto's names may hold nothing else that is as short.
pub fn base32(bytes: &[u8]) -> String {
    Base32Unpadded::encode_string(bytes)
}
