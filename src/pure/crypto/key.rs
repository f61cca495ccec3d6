//! The master key, which is the only secret of an encrypted collection, and the keys and names that are derived from it.
//!
//! As text it is `essaim1-`, then 32 random bytes and the first 4 bytes of their SHA-256 in Crockford's base32, in groups of five. It can be
//! read aloud, and a typing error is noticed: it does not open another, empty collection.

use super::context::Sid;
use super::encoding;
use super::hash::sha256;
use super::hkdf;
use crate::error::{Error, Result};
use base32ct::{Base32UpperUnpadded, Encoding};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const PREFIX: &str = "essaim1";
/// The prefix as `read_secret` compares it: in upper case, and with I read as 1.
const PREFIX_AS_MEANT: &[u8] = b"ESSA1M1";
const GROUP: usize = 5;
const SECRET: usize = 32;
/// Crockford's digits: those of base32, without I, L, O (read as 1, 1, 0) and U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RFC_4648: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Stands for a character that is a digit of neither alphabet.
const NO_DIGIT: u8 = b'?';

/// 32 secret bytes, uniformly random or derived from such bytes. They are erased when the key is dropped, and no output shows them.
///
/// They are in a box, since a value that is moved leaves its bytes behind in the old place.
#[derive(Clone)]
pub struct Key(Box<[u8; SECRET]>);

impl Key {
    pub fn new(mut bytes: [u8; SECRET]) -> Self {
        let key = Key(Box::new(bytes));
        bytes.zeroize();
        key
    }

    /// The secret itself, for a computation. It must not be logged, sent or put into an error.
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

/// A key that `makeKey()` made. Any number of collections can be encrypted with it.
#[derive(Clone, Debug)]
pub struct MasterKey(Key);

/// The keys and names of one collection's journal. All are derived from the master key and the collection's name, so a new device needs nothing
/// else.
#[derive(Clone)]
pub struct JournalKeys {
    pub sid: Sid,
    pub epoch_secret: Key,
    /// The name of the Kinto collection: `e-` and 26 characters. It reveals neither the key nor the collection's name.
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
    // The capacity is reserved at once: a string that grows leaves copies of its content in memory.
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

/// The secret and its checksum, as Crockford's digits.
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

/// Reads a key as people type it: in any case, with hyphens and spaces anywhere, with O for 0, and I or L for 1.
///
/// Errors: `invalid_key`, which holds nothing of the text. A mistyped key gives this error and not another key, since its checksum does not
/// match.
pub fn read_key(text: &str) -> Result<MasterKey> {
    read_secret(text).map(|secret| MasterKey::new(*secret)).ok_or(Error::InvalidKey)
}

fn read_secret(text: &str) -> Option<Zeroizing<[u8; SECRET]>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(text.len()));
    typed.extend(text.chars().filter(|char| !is_separator(*char)).map(as_meant));
    let typed = typed.strip_prefix(PREFIX_AS_MEANT)?;
    let mut plain = Zeroizing::new(String::with_capacity(typed.len()));
    plain.extend(typed.iter().map(|digit| char::from(replaced(*digit, CROCKFORD, RFC_4648))));
    // Decoded into a buffer of this function: a vector made by the decoder would not be erased if it finds an error.
    let mut bytes = Zeroizing::new([0; SECRET + 4]);
    let decoded = Base32UpperUnpadded::decode(plain.as_str(), bytes.as_mut_slice()).ok()?;
    let secret = decoded.first_chunk::<SECRET>()?;
    // Encoded again, the secret must give what was typed. This checks the checksum, the length, and the bits after the last byte.
    (digits(secret).as_slice() == typed).then(|| Zeroizing::new(*secret))
}

/// Whether a character is skipped when a key is read. Word processors turn hyphens into dashes.
fn is_separator(char: char) -> bool {
    char.is_whitespace() || matches!(char, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The byte that a typed character stands for: in upper case, with O read as 0, and I and L as 1.
fn as_meant(char: char) -> u8 {
    match char.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        other => u8::try_from(other).unwrap_or(NO_DIGIT),
    }
}

/// The digit of the same value in another alphabet. Always looks at all digits, so that the time it takes tells nothing of the key.
fn replaced(digit: u8, from: &[u8; 32], to: &[u8; 32]) -> u8 {
    from.iter().zip(to).fold(NO_DIGIT, |found, (of, with)| if *of == digit { *with } else { found })
}
