//! Seals and opens pages and segments with the keys of one journal, and computes the hash that chains pages.

use super::item::EPOCH;
use super::page::{self, Page};
use crate::pure::crypto::erase::erasing;
use crate::pure::crypto::key::{JournalKeys, Key};
use crate::pure::crypto::{context, encoding, envelope, padding};
use zeroize::Zeroizing;

/// 192 random bits. A repetition is so unlikely that no counter has to be kept.
pub type Salt = [u8; 24];

/// The hash of a page or a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub fn to_text(self) -> String {
        encoding::base64url(&self.0)
    }

    pub fn read(text: &str) -> Option<Self> {
        encoding::read_base64url_array(text).map(Hash)
    }
}

pub struct Seal {
    sid: [u8; 16],
    key: Key,
}

impl Seal {
    pub fn new(keys: &JournalKeys) -> Self {
        Seal {
            sid: keys.sid,
            key: keys.page_key(),
        }
    }

    pub fn seal_page(&self, position: u64, text: &str, salt: Salt) -> Vec<u8> {
        self.seal(&context::page_context(&self.sid, EPOCH, position), salt, &padding::pad(text))
    }

    /// Opens a page. `None` if it was not sealed for this position, or is malformed.
    pub fn open_page(&self, position: u64, ct: &[u8]) -> Option<Page> {
        let bytes = self.open(&context::page_context(&self.sid, EPOCH, position), ct)?;
        page::read(std::str::from_utf8(&bytes).ok()?)
    }

    pub fn seal_segment(&self, id: &str, text: &str, salt: Salt) -> Vec<u8> {
        self.seal(&context::segment_context(&self.sid, EPOCH, id), salt, &padding::pad(text))
    }

    /// Seals a history segment. It is not padded, since the number of hashes follows from the positions, which are visible to everybody.
    pub fn seal_history(&self, id: &str, hashes: &[u8], salt: Salt) -> Vec<u8> {
        self.seal(&context::segment_context(&self.sid, EPOCH, id), salt, hashes)
    }

    pub fn open_segment(&self, id: &str, ct: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open(&context::segment_context(&self.sid, EPOCH, id), ct)
    }

    fn seal(&self, context: &[u8], salt: Salt, plaintext: &[u8]) -> Vec<u8> {
        erasing(|| envelope::seal(&self.key, context, salt, plaintext))
    }

    fn open(&self, context: &[u8], ct: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        erasing(|| envelope::open(&self.key, context, ct).ok())
    }

    pub fn chain_hash(&self, position: u64, ct: &[u8]) -> Hash {
        Hash(context::chain_hash(&self.sid, position, ct))
    }
}
