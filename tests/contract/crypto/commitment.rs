//! AES-GCM does not commit to its key: a ciphertext can be made that opens under two keys, as two different texts. So one page could be
//! shown to two devices with different keys, and they would read different texts. The envelope's commitment prevents this.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use essaim::pure::crypto::encoding::{read_base64url, read_base64url_array};
use essaim::pure::crypto::envelope::{Unopened, open, seal};
use essaim::pure::crypto::{hkdf, key::Key};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub struct Salamanders {
    pub gcm: OfGcm,
    pub envelope: OfEnvelope,
}

/// One ciphertext (the tag at its end) that AES-256-GCM opens under both keys.
#[derive(Deserialize, Serialize)]
pub struct OfGcm {
    pub keys: [String; 2],
    pub nonce: String,
    pub ciphertext: String,
}

/// The same attack on what the envelope derives from two input keys with one salt and context: both the AES keys and the nonces differ.
#[derive(Deserialize, Serialize)]
pub struct OfEnvelope {
    pub keys: [String; 2],
    pub context: String,
    pub salt: String,
    pub chunk: String,
}

fn salamanders() -> Salamanders {
    serde_json::from_str(include_str!("../../vectors/v1/commitment.json")).expect("the vectors are JSON of this shape")
}

fn bytes(text: &str) -> Vec<u8> {
    read_base64url(text).expect("base64url")
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    read_base64url_array(text).expect("base64url of that length")
}

/// What the envelope's format derives from a key: the AES key, the base nonce, the commitment.
pub struct Derived {
    pub key: [u8; 32],
    pub nonce: [u8; 12],
    pub commitment: [u8; 32],
}

impl Derived {
    pub fn new(key: &[u8; 32], context: &[u8], salt: &[u8; 24]) -> Self {
        let info = [b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0".as_slice(), salt, context];
        let all = hkdf::expand::<32, 76>(key, &info);
        let part = |from: usize, to: usize| &all[from..to];
        Derived {
            key: part(0, 32).try_into().expect("32"),
            nonce: part(32, 44).try_into().expect("12"),
            commitment: part(44, 76).try_into().expect("32"),
        }
    }

    fn open(&self, chunk: &[u8]) -> Option<Vec<u8>> {
        opened_by_gcm(&self.key, &self.nonce, chunk)
    }
}

pub fn opened_by_gcm(key: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut text = text.to_vec();
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), b"", text.as_mut_slice().into(), tag.into()).ok()?;
    Some(text)
}

pub fn aes_gcm_alone_opens_one_text_with_two_keys() {
    let OfGcm { keys, nonce, ciphertext } = salamanders().gcm;
    let [one, other] = keys.map(|key| opened_by_gcm(&array(&key), &array(&nonce), &bytes(&ciphertext)));
    assert!(one.is_some() && other.is_some(), "the fixture is no attack");
    assert_ne!(one, other);
    // In an envelope of our format, it opens with neither of two keys.
    for key in [1, 2].map(|byte| Key::new([byte; 32])) {
        let attack = [&[9; 24], [9; 32].as_slice(), &bytes(&ciphertext)].concat();
        assert_eq!(open(&key, b"", &attack).err(), Some(Unopened));
    }
}

/// The attack on our format. Without the commitment, both keys would open this chunk.
pub fn a_text_made_for_two_keys_opens_with_neither() {
    let OfEnvelope { keys, context, salt, chunk } = salamanders().envelope;
    let (keys, context, salt, chunk) = (keys.map(|key| array(&key)), bytes(&context), array::<24>(&salt), bytes(&chunk));
    let [one, other] = keys.map(|key| Derived::new(&key, &context, &salt));
    let texts = [one.open(&chunk), other.open(&chunk)];
    assert!(texts.iter().all(Option::is_some) && texts[0] != texts[1], "the fixture is no attack");
    // The derivation in this test must be the same as the envelope's, or the test would prove nothing.
    let honest = seal(&Key::new(keys[0]), &context, salt, b"text");
    assert_eq!(
        (honest[24..56].as_ref(), one.open(&honest[56..])),
        (one.commitment.as_slice(), Some(b"text".to_vec()))
    );

    let opened = |commitment: &[u8; 32]| {
        let attack = [salt.as_slice(), commitment, &chunk].concat();
        keys.map(|key| open(&Key::new(key), &context, &attack).map(|text| text.to_vec()))
    };
    let mixed: Vec<u8> = one.commitment.iter().zip(other.commitment).map(|(one, other)| one ^ other).collect();
    for commitment in [[0; 32], mixed.try_into().expect("32")] {
        assert_eq!(opened(&commitment), [Err(Unopened), Err(Unopened)]);
    }
    // With the commitment of one key, this is a valid envelope for that key, and the other key opens nothing.
    let [text, text_of_other] = texts.map(Option::unwrap_or_default);
    assert_eq!(opened(&one.commitment), [Ok(text), Err(Unopened)]);
    assert_eq!(opened(&other.commitment), [Err(Unopened), Ok(text_of_other)]);
}
