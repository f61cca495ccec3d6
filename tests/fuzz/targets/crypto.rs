//! Targets that read keys, and content that is sealed with them.

use super::sealed::{SEAL, sealed_page};
use super::*;
use essaim::pure::crypto::key::{Key, make_key, read_key};
use essaim::pure::crypto::{encoding, envelope as envelopes};

/// A key as a user types it.
pub fn key() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            if let Ok(key) = read_key(text) {
                let _ = key.derive_journal("tasks");
                assert_eq!(format!("{key:?}"), "MasterKey(Key(…))");
            }
        });
    }
    let text = make_key([7; 32]).to_string();
    let seeds = [
        text.clone(),
        text.to_lowercase().replace('-', " "),
        text.replace('0', "O"),
        text.replace('-', "\u{2013}"),
    ];
    let grows = ["0", "-", " ", "Z", "essaim1-", "\u{2013}"].map(|part| {
        let text = text.clone();
        Shape::new(format!("a key and {part:?} again and again"), move |n| {
            [text.as_str(), &part.repeat(n / part.len())].concat().into_bytes()
        })
    });
    Target::bytes("key", read, seeds.map(String::into_bytes)).grows(grows)
}

pub fn envelope() -> Target {
    fn read(bytes: &[u8]) {
        let opened = envelopes::open(&Key::new([7; 32]), b"context", bytes);
        if let Ok(text) = opened {
            assert!(bytes.len() > text.len());
        }
    }
    let seal = |length: usize| envelopes::seal(&Key::new([7; 32]), b"context", [5; 24], &vec![b'x'; length]);
    let grows = [
        Shape::new("a long text that opens", seal),
        Shape::new("many chunks, the last of them altered", move |n| {
            let mut sealed = seal(n);
            *sealed.last_mut().expect("bytes") ^= 1;
            sealed
        }),
        Shape::new("zeros", |n| vec![0; n]),
    ];
    Target::bytes("envelope", read, [seal(0), seal(10), seal(16 * 1024), seal(16 * 1024 + 1)]).grows(grows)
}

pub fn base64url() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            if let Some(read) = encoding::read_base64url(text) {
                assert_eq!(encoding::base64url(&read), text);
            }
            let _ = encoding::read_base64url_array::<32>(text);
        });
    }
    let seeds = ["", "AA", "AAA", "AAAA", "_-8", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AA==", "A A"];
    Target::bytes("base64url", read, seeds.map(|seed| seed.as_bytes().to_vec()))
        .grows(["A", "_-", "=", " "].map(|part| Shape::new(format!("{part:?} again and again"), move |n| part.repeat(n / part.len()).into_bytes())))
}

/// The bytes that a server shows as a page or a segment.
pub fn opened() -> Target {
    fn read(bytes: &[u8]) {
        let _ = (
            SEAL.open_page(1, bytes),
            SEAL.open_segment("s-AAAAAAAAAAAAAAAAAAAAAA", bytes),
            SEAL.chain_hash(1, bytes),
        );
    }
    let grows = ["[\"a1\",{\"n\":1}],", "[\"a1\",null],"].map(|change| {
        Shape::new(format!("a page of many {change}"), move |n| {
            sealed_page(1, &format!("{}[\"z\",null]", change.repeat(n / change.len())))
        })
    });
    Target::bytes("opened", read, [sealed_page(1, "[\"a1\",{\"n\":1}]"), sealed_page(2, "")]).grows(grows)
}
