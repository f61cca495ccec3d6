//! Properties of the crypto core, on generated texts.

use essaim::pure::crypto::encoding::{base64url, read_base64url};
use essaim::pure::crypto::envelope::{Unopened, open, seal, sealed_length};
use essaim::pure::crypto::key::{Key, make_key, read_key};
use essaim::pure::crypto::padding::{pad, padded_length};
use proptest::prelude::*;
use std::collections::BTreeSet;

const CHUNK: usize = 16 * 1024;

/// Short lengths, and lengths near the ends of chunks.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0..300_usize, (1..4_usize, 0..40_usize).prop_map(|(chunks, more)| chunks * CHUNK + more - 20)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    (length(), any::<u8>()).prop_map(|(len, first)| (0..len).map(|at| first.wrapping_add(at as u8)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_opens_whole(secret: [u8; 32], context: Vec<u8>, salt: [u8; 24], text in text()) {
        let key = Key::new(secret);
        let sealed = seal(&key, &context, salt, &text);
        prop_assert_eq!(sealed.len(), sealed_length(text.len()));
        let opened = open(&key, &context, &sealed).map(|opened| opened.to_vec());
        prop_assert!(opened == Ok(text));
    }

    #[test]
    fn one_flipped_bit_anywhere_gives_one_and_the_same_error(salt: [u8; 24], text in text(), at: prop::sample::Index, bit in 0..8_u32) {
        let key = Key::new([7; 32]);
        let mut sealed = seal(&key, b"here", salt, &text);
        *at.get_mut(&mut sealed) ^= 1 << bit;
        prop_assert_eq!(open(&key, b"here", &sealed).err(), Some(Unopened));
    }

    #[test]
    fn a_part_of_a_text_does_not_open(salt: [u8; 24], text in text(), at: prop::sample::Index) {
        let key = Key::new([7; 32]);
        let sealed = seal(&key, b"here", salt, &text);
        prop_assert_eq!(open(&key, b"here", &sealed[..at.index(sealed.len())]).err(), Some(Unopened));
    }

    #[test]
    fn bytes_that_nobody_sealed_do_not_open(bytes: Vec<u8>) {
        prop_assert_eq!(open(&Key::new([7; 32]), b"here", &bytes).err(), Some(Unopened));
    }

    #[test]
    fn a_padded_text_is_the_text_and_spaces(json in "[a-zé\"]{0,3000}") {
        let padded = pad(&json);
        prop_assert_eq!(padded.len(), padded_length(json.len()));
        let (text, spaces) = padded.split_at(json.len());
        prop_assert!(text == json.as_bytes() && spaces.iter().all(|byte| *byte == b' '));
    }

    #[test]
    fn lengths_grow_little_and_never_cross(len in 0..100_000_000_usize) {
        let padded = padded_length(len);
        prop_assert!(padded >= len.max(1) && padded.is_multiple_of(512));
        prop_assert_eq!(padded_length(padded), padded, "a padded length is its own");
        prop_assert!(padded_length(len + 1) >= padded);
        prop_assert!(len > 8192 || padded.is_multiple_of(1024) && padded < len.max(1) + 1024);
        prop_assert!(len <= 8192 || (padded - len) * 16 < padded, "more than a sixteenth was added");
    }

    #[test]
    fn base64url_has_one_spelling(bytes: Vec<u8>, text in "[A-Za-z0-9_+/=-]{0,9}") {
        prop_assert_eq!(read_base64url(&base64url(&bytes)), Some(bytes));
        if let Some(read) = read_base64url(&text) {
            prop_assert_eq!(base64url(&read), text);
        }
    }

    #[test]
    fn a_key_is_read_back_and_a_mistyped_one_never(secret: [u8; 32], at: prop::sample::Index, digit in "[0-9A-HJKMNP-TV-Z]") {
        let text = make_key(secret);
        let journal = read_key(&text).map(|key| key.derive_journal("tasks").sid);
        prop_assert!(journal.is_ok());
        let at = 8 + at.index(text.len() - 8);
        let mut typed = text.to_string();
        typed.replace_range(at..=at, &digit);
        let is_same = typed == *text;
        prop_assert_eq!(read_key(&typed).is_ok(), is_same);
    }
}

#[test]
fn every_bit_of_a_text_counts() {
    let key = Key::new([7; 32]);
    let sealed = seal(&key, b"here", [1; 24], b"a text of thirty-two bytes, or so");
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&key, b"here", &flipped).err(), Some(Unopened), "bit {bit}");
    }
}

/// Tries every length up to the greatest one of a page.
#[test]
fn pages_have_few_lengths() {
    let lengths: BTreeSet<_> = (0..=192 * 1024).map(padded_length).collect();
    assert_eq!(lengths.len(), 104);
    let ordered: Vec<_> = (0..=192 * 1024).map(padded_length).collect();
    assert!(ordered.is_sorted());
}
