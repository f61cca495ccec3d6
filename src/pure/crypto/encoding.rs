//! Encodes bytes as text, and decodes it. Only one spelling of each text is accepted; a second spelling of the same bytes would be a page that
//! nobody wrote.
//!
//! Uses RustCrypto's crates. `data-encoding` was tried: it made the module 15 KB larger (gzip), and it looks keys up in tables.

use base32ct::{Base32Unpadded, Encoding as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};

/// Base64url (RFC 4648 §5) without padding: how `ct`, hashes and ids are written.
pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Decodes base64url. `None` for anything that [`base64url`] does not write: padding, white space, the other alphabet, bits set after the last
/// byte.
pub fn read_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Decodes base64url into an array, such as a hash or an id. `None` also for another length.
pub fn read_base64url_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    read_base64url(text)?.try_into().ok()
}

/// Base32 (RFC 4648 §6) in lower case, without padding: for the names of Kinto collections.
pub fn base32(bytes: &[u8]) -> String {
    Base32Unpadded::encode_string(bytes)
}
