//! Makes our own test vectors. They are frozen: a test makes them again and compares. `ESSAIM_WRITE_VECTORS=1 cargo test --test crypto
//! frozen` overwrites those that differ, which is allowed only before a version of the format is released.

mod dumps;
mod edges;
mod envelopes;
mod keys;

use super::contract::commitment::{Derived, OfEnvelope, OfGcm, Salamanders};
use super::salamander::salamander;
use essaim::pure::crypto::encoding::base64url;
use essaim::pure::crypto::hash::sha256;
use essaim::pure::crypto::key::make_key;
use serde::Serialize;

pub use dumps::{dump, dump_by_javascript, dump_spoiled, dump_without};
pub use edges::{Edge, edges, one_page};

/// The key of the vectors that need only one.
pub fn key() -> String {
    make_key(std::array::from_fn(|at| at as u8)).to_string()
}

/// A salt that is not random: number `number` of the vectors.
fn salt(number: u32) -> [u8; 24] {
    let hash = sha256(format!("salt {number}").as_bytes());
    std::array::from_fn(|at| hash[at])
}

fn commitment() -> Salamanders {
    let (keys, context, salt) = ([[1; 32], [2; 32]], b"two keys".as_slice(), salt(0));
    let [one, other] = keys.map(|key| Derived::new(&key, context, &salt));
    let nonce = [9; 12];
    Salamanders {
        gcm: OfGcm {
            keys: keys.map(|key| base64url(&key)),
            nonce: base64url(&nonce),
            ciphertext: base64url(&salamander([(&keys[0], &nonce), (&keys[1], &nonce)], *b"hi\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
        },
        envelope: OfEnvelope {
            keys: keys.map(|key| base64url(&key)),
            context: base64url(context),
            salt: base64url(&salt),
            chunk: base64url(&salamander([(&one.key, &one.nonce), (&other.key, &other.nonce)], [7; 16])),
        },
    }
}

fn frozen(name: &str, made: &impl Serialize) {
    let path = format!("{}/tests/vectors/v1/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let made = serde_json::to_string_pretty(made).unwrap() + "\n";
    if std::env::var_os("ESSAIM_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == made, "{path} is not what is made today");
}

#[test]
fn frozen_keys_are_made_again() {
    frozen("keys", &keys::keys());
}

#[test]
fn frozen_envelopes_are_made_again() {
    frozen("envelopes", &envelopes::envelopes());
}

#[test]
fn frozen_salamanders_are_made_again() {
    frozen("commitment", &commitment());
}

#[test]
fn frozen_edges_are_made_again() {
    frozen("edges", &edges());
}

#[test]
fn frozen_dumps_are_made_again() {
    frozen("dump", &dump());
    frozen("dump-by-javascript", &dump_by_javascript(true));
}
