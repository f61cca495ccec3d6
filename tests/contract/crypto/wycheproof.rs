//! The test vectors of Wycheproof (<https://github.com/C2SP/wycheproof>), for the key sizes that essaim uses.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use essaim::pure::crypto::{envelope, hkdf, key::Key};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha512};
use wycheproof::{TestResult, aead, chunked_encryption};

pub fn the_envelope_passes_wycheproof() {
    use chunked_encryption::{TestName, TestSet};
    let (mut valid, mut invalid) = (0, 0);
    let set = TestSet::load(TestName::Cobblestone256).expect("the vectors load");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let sealed = miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).expect("zlib");
        // The `Key` type does not allow keys of another size.
        let key = <[u8; 32]>::try_from(test.key.as_slice()).ok().map(Key::new);
        let opened = key.as_ref().and_then(|key| envelope::open(key, &test.ctx, &sealed).ok());
        assert_eq!(opened.is_some(), test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
        let Some((key, text)) = key.zip(opened) else {
            invalid += 1;
            continue;
        };
        valid += 1;
        assert_eq!(Some(text.len()), test.msg_length, "{}", test.tc_id);
        let hash = test.msg_sha512.as_ref().map(|hash| hash.as_slice());
        assert_eq!(Some(Sha512::digest(&*text).as_slice()), hash, "{}", test.tc_id);
        let salt = sealed[..24].try_into().expect("a salt");
        assert!(envelope::seal(&key, &test.ctx, salt, &text) == sealed, "{}: sealed otherwise", test.tc_id);
        assert_eq!(envelope::sealed_length(text.len()), sealed.len());
    }
    assert_eq!((valid, invalid), (10, 25));
}

pub fn hkdf_passes_wycheproof() {
    use wycheproof::hkdf::{TestName, TestSet};
    let (mut valid, mut invalid) = (0, 0);
    let set = TestSet::load(TestName::HkdfSha512).expect("the vectors load");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        let expanded = hkdf::expand_into(&extract(&test.salt, &test.ikm), &[&test.info], &mut okm);
        assert_eq!(expanded.is_ok(), test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
        match expanded {
            Ok(()) => {
                assert_eq!(okm, test.okm.as_slice(), "{}: {}", test.tc_id, test.comment);
                valid += 1;
            }
            Err(hkdf::TooLong) => {
                assert!(okm.iter().all(|byte| *byte == 0), "{}: filled all the same", test.tc_id);
                invalid += 1;
            }
        }
    }
    assert_eq!((valid, invalid), (80, 3));
}

/// The first half of HKDF, which essaim does not need for its own keys.
fn extract(salt: &[u8], ikm: &[u8]) -> [u8; 64] {
    let mut mac = Hmac::<Sha512>::new_from_slice(salt).expect("any length");
    mac.update(ikm);
    mac.finalize().into_bytes().into()
}

pub fn aes_gcm_passes_wycheproof() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).expect("the vectors load");
    let of_our_sizes = set.test_groups.iter().filter(|group| (group.key_size, group.nonce_size) == (256, 96));
    let mut tried = 0;
    for test in of_our_sizes.flat_map(|group| &group.tests) {
        let cipher = Aes256Gcm::new_from_slice(&test.key).expect("32 bytes");
        let nonce: [u8; 12] = test.nonce.as_slice().try_into().expect("12 bytes");
        let tag: [u8; 16] = test.tag.as_slice().try_into().expect("16 bytes");
        let mut text = test.ct.to_vec();
        let opened = cipher.decrypt_inout_detached((&nonce).into(), &test.aad, text.as_mut_slice().into(), (&tag).into());
        assert_eq!(opened.is_ok(), test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
        if opened.is_ok() {
            assert_eq!(text, test.pt.as_slice(), "{}", test.tc_id);
            let sealed = cipher.encrypt_inout_detached((&nonce).into(), &test.aad, text.as_mut_slice().into());
            assert_eq!(sealed.as_deref(), Ok(tag.as_slice()), "{}", test.tc_id);
            assert_eq!(text, test.ct.as_slice(), "{}", test.tc_id);
        }
        tried += 1;
    }
    assert_eq!(tried, 66);
}
