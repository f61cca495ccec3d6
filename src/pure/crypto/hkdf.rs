//! HKDF-Expand with SHA-512 (RFC 5869 §2.3). The keys are uniformly random already, so Extract is not needed.
//!
//! > ```text
//! > N = ceil(L/HashLen)
//! > T = T(1) | T(2) | T(3) | ... | T(N)
//! > OKM = first L octets of T
//! >
//! > where:
//! > T(0) = empty string (zero length)
//! > T(1) = HMAC-Hash(PRK, T(0) | info | 0x01)
//! > T(2) = HMAC-Hash(PRK, T(1) | info | 0x02)
//! > ```
//!
//! The `hkdf` crate refuses a PRK that is shorter than the hash (64 bytes); the format has PRKs of 32 bytes. So this module makes the HMAC
//! calls itself.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

/// Size of a SHA-512 in bytes.
const HASH: usize = 64;
/// Size of a SHA-512 block in bytes. A shorter HMAC key is filled up with zeros.
const BLOCK: usize = 128;

/// More bytes were requested than HKDF can give: 255 hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Returns `OUT` bytes of HKDF-Expand. The parts of `info` are concatenated.
///
/// ```
/// use essaim::pure::crypto::hkdf;
/// let okm = hkdf::expand::<32, 16>(&[7; 32], &[b"label", &[0], b"name"]);
/// assert_eq!(okm, hkdf::expand::<32, 16>(&[7; 32], &[b"label\0name"]));
/// ```
pub fn expand<const PRK: usize, const OUT: usize>(prk: &[u8; PRK], info: &[&[u8]]) -> Zeroizing<[u8; OUT]> {
    const { assert!(OUT <= 255 * HASH) };
    let mut okm = Zeroizing::new([0; OUT]);
    fill(prk, info, okm.as_mut_slice());
    okm
}

/// Like [`expand`], for a length that is known only at run time. `okm` is filled as a whole, or left untouched.
pub fn expand_into<const PRK: usize>(prk: &[u8; PRK], info: &[&[u8]], okm: &mut [u8]) -> Result<(), TooLong> {
    if okm.len() > 255 * HASH {
        return Err(TooLong);
    }
    fill(prk, info, okm);
    Ok(())
}

fn fill<const PRK: usize>(prk: &[u8; PRK], info: &[&[u8]], okm: &mut [u8]) {
    let keyed = keyed(prk);
    let mut previous = Zeroizing::new([0; HASH]);
    for (part, counter) in okm.chunks_mut(HASH).zip(1..=u8::MAX) {
        let mut mac = keyed.clone();
        if counter > 1 {
            mac.update(previous.as_slice());
        }
        info.iter().for_each(|bytes| mac.update(bytes));
        mac.update(&[counter]);
        let mut hash = mac.finalize().into_bytes();
        previous.copy_from_slice(&hash);
        hash.as_mut_slice().zeroize();
        part.copy_from_slice(&previous[..part.len()]);
    }
}

/// The HMAC, keyed by a whole block: the constructor for a key of any length returns a `Result`, this one cannot fail.
fn keyed<const PRK: usize>(prk: &[u8; PRK]) -> Hmac<Sha512> {
    const { assert!(PRK <= BLOCK) };
    let mut block = Zeroizing::new([0_u8; BLOCK]);
    block[..PRK].copy_from_slice(prk);
    Hmac::new((&*block).into())
}
