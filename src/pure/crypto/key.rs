//! The master key: the one secret of an encrypted collection, and what is derived from it.
//!
//! As text it is `essaim1-`, then 32 random bytes and the first 4 of their SHA-256 in Crockford's base32, in groups of five. That
//! can be read to somebody, and a slip of the hand is noticed: it is not another, empty, collection.

use super::context::Sid;
use super::encoding;
use super::hash::sha256;
use super::hkdf;
use crate::error::{Error, Result};
use base32ct::{Base32UpperUnpadded, Encoding};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const PREFIX: &str = "essaim1";
/// The same as it is read: upper case, I as 1.
const PREFIX_AS_MEANT: &[u8] = b"ESSA1M1";
const GROUP: usize = 5;
const SECRET: usize = 32;
/// Crockford's digits: those of base32, without I, L, O (read as 1, 1, 0) and U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RFC_4648: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What is a digit of neither.
const NO_DIGIT: u8 = b'?';

/// 32 secret bytes, uniformly random or derived from such. Erased when dropped, and shown nowhere.
///
/// In a box: a value that is moved leaves its bytes behind where it was.
#[derive(Clone)]
pub struct Key(Box<[u8; SECRET]>);

impl Key {
    pub fn new(mut bytes: [u8; SECRET]) -> Self {
        let key = Key(Box::new(bytes));
        bytes.zeroize();
        key
    }

    /// The secret itself, for a computation. Nothing of it may be logged, sent or put into an error.
    pub fn expose(&self) -> &[u8; SECRET] {
        &self.0
    }

    fn derive(&self, info: &[&[u8]]) -> Key {
        Key::new(*hkdf::expand(self.expose(), info))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What `makeKey()` made: any number of collections may be kept under one.
#[derive(Clone, Debug)]
pub struct MasterKey(Key);

/// The keys and names of one collection's journal. All of it comes from the master key and the collection's name, so that a new
/// device needs nothing else.
#[derive(Clone)]
pub struct JournalKeys {
    pub sid: Sid,
    pub epoch_secret: Key,
    /// The name of the Kinto collection: `e-` and 26 characters, which tell neither the key nor the name.
    pub server_collection: String,
}

impl fmt::Debug for JournalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JournalKeys(…)")
    }
}

impl MasterKey {
    pub fn new(secret: [u8; SECRET]) -> Self {
        MasterKey(Key::new(secret))
    }

    /// HKDF-Expand-SHA-512 of the master key, `info` = label ‖ 0 ‖ name in UTF-8.
    pub fn derive_journal(&self, collection_name: &str) -> JournalKeys {
        let name = collection_name.as_bytes();
        let collection = hkdf::expand::<SECRET, 16>(self.0.expose(), &[b"essaim/collection/1\0", name]);
        JournalKeys {
            sid: *hkdf::expand(self.0.expose(), &[b"essaim/sid/1\0", name]),
            epoch_secret: self.0.derive(&[b"essaim/epoch/1\0", name]),
            server_collection: format!("e-{}", encoding::base32(collection.as_slice())),
        }
    }
}

impl JournalKeys {
    /// The key of the journal's pages and segments: HKDF-Expand-SHA-512 of the epoch secret, `info` = `essaim/journal/1`.
    pub fn page_key(&self) -> Key {
        self.epoch_secret.derive(&[b"essaim/journal/1"])
    }
}

/// The text of a new master key. `random` must come from the system's generator, and be used for nothing else.
///
/// ```
/// use essaim::pure::crypto::key::{make_key, read_key};
/// let text = make_key([7; 32]);
/// assert!(text.starts_with("essaim1-0W3GE-1R70W-"));
/// assert!(read_key(&text.to_lowercase().replace('-', " ")).is_ok());
/// ```
pub fn make_key(random: [u8; SECRET]) -> Zeroizing<String> {
    let digits = digits(&Zeroizing::new(random));
    // A text that grows leaves what it held behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + digits.len() * 2));
    text.push_str(PREFIX);
    for (at, digit) in digits.iter().enumerate() {
        if at % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(*digit));
    }
    text
}

/// Secret and checksum as Crockford's digits.
fn digits(secret: &[u8; SECRET]) -> Zeroizing<Vec<u8>> {
    let [a, b, c, d, ..] = sha256(secret);
    let mut checked = Zeroizing::new([0; SECRET + 4]);
    checked[..SECRET].copy_from_slice(secret);
    checked[SECRET..].copy_from_slice(&[a, b, c, d]);
    let mut digits = Zeroizing::new(Base32UpperUnpadded::encode_string(checked.as_slice()).into_bytes());
    for digit in digits.iter_mut() {
        *digit = replaced(*digit, RFC_4648, CROCKFORD);
    }
    digits
}

/// Reads a key as people type it: in any case, with hyphens and spaces where they like, O for 0, I and L for 1.
///
/// Errors: `invalid_key`, which holds nothing of the text. A mistyped key is one, not another key: its checksum does not fit.
pub fn read_key(text: &str) -> Result<MasterKey> {
    read_secret(text).map(|secret| MasterKey::new(*secret)).ok_or(Error::InvalidKey)
}

fn read_secret(text: &str) -> Option<Zeroizing<[u8; SECRET]>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(text.len()));
    typed.extend(text.chars().filter(|char| !is_separator(*char)).map(as_meant));
    let typed = typed.strip_prefix(PREFIX_AS_MEANT)?;
    let mut plain = Zeroizing::new(String::with_capacity(typed.len()));
    plain.extend(typed.iter().map(|digit| char::from(replaced(*digit, CROCKFORD, RFC_4648))));
    // Decoded in place of ours: a vector of the decoder's is not erased where it finds an error.
    let mut bytes = Zeroizing::new([0; SECRET + 4]);
    let decoded = Base32UpperUnpadded::decode(plain.as_str(), bytes.as_mut_slice()).ok()?;
    let secret = decoded.first_chunk::<SECRET>()?;
    // Written again, it must be what was typed: that compares the checksum, the length and the bits after the last byte.
    (digits(secret).as_slice() == typed).then(|| Zeroizing::new(*secret))
}

/// Word processors turn hyphens into dashes.
fn is_separator(char: char) -> bool {
    char.is_whitespace() || matches!(char, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn as_meant(char: char) -> u8 {
    match char.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        other => u8::try_from(other).unwrap_or(NO_DIGIT),
    }
}

/// The digit of the same value in another alphabet. Looks at all of them, so that how long it takes tells nothing of the key.
fn replaced(digit: u8, from: &[u8; 32], to: &[u8; 32]) -> u8 {
    from.iter().zip(to).fold(NO_DIGIT, |found, (of, with)| if *of == digit { *with } else { found })
}
