//! Makes the keys among our test vectors: valid ones, and texts that must be refused.

use crate::contract::vectors::{InvalidKey, Journal, Keys, ValidKey, journal};
use essaim::pure::crypto::encoding::base64url;
use essaim::pure::crypto::hash::sha256;
use essaim::pure::crypto::key::make_key;

pub fn keys() -> Keys {
    let counted = std::array::from_fn(|at| at as u8);
    let secrets = [counted, [0; 32], [255; 32], sha256(b"a fourth secret")];
    Keys {
        valid: secrets.map(valid).into(),
        invalid: invalid(&make_key(sha256(b"a fourth secret"))),
    }
}

fn valid(secret: [u8; 32]) -> ValidKey {
    let key = make_key(secret).to_string();
    let (_, digits) = key.split_once('-').unwrap();
    let also_read = vec![
        key.to_lowercase(),
        key.replace('-', ""),
        key.replace('-', " "),
        key.replace('-', "\u{2013}"),
        format!("  {key}\r\n"),
        format!("ESSAIM1-{}", digits.replace('0', "O").replace('1', "I")),
        format!("Essaiml-{}", digits.replace('0', "o").replace('1', "l")),
        key.chars().flat_map(|char| [char, '-']).collect(),
    ];
    let journals = ["tasks", "notes", "", "tâches ✓", "ta\u{302}ches ✓"].map(|collection| {
        let derived = journal(&key, collection);
        Journal {
            collection: collection.to_owned(),
            sid: base64url(&derived.sid),
            epoch_secret: base64url(derived.epoch_secret.expose()),
            server_collection: derived.server_collection.clone(),
            page_key: base64url(derived.page_key().expose()),
        }
    });
    ValidKey {
        secret: base64url(&secret),
        key,
        also_read,
        journals: journals.into(),
    }
}

fn invalid(key: &str) -> Vec<InvalidKey> {
    let replaced = |at: usize, with: &str| format!("{}{with}{}", &key[..at], &key[at + with.len()..]);
    let other = |at: usize| if &key[at..=at] == "7" { "8" } else { "7" };
    let swapped = format!("{}{}{}", &key[8..9], &key[10..11], &key[9..10]);
    let cases = [
        ("nothing", String::new()),
        ("the prefix alone", "essaim1-".to_owned()),
        ("no prefix", key[8..].to_owned()),
        ("the prefix of another version", replaced(6, "2")),
        ("another prefix", replaced(0, "assaim")),
        ("the first digit is another", replaced(8, other(8))),
        ("a digit in the middle is another", replaced(40, other(40))),
        (
            "the last digit of the checksum is another",
            replaced(key.len() - 1, if key.ends_with('0') { "4" } else { "0" }),
        ),
        ("two neighbours are swapped", replaced(8, &swapped)),
        ("two groups are swapped", format!("{}{}-{}{}", &key[..8], &key[14..19], &key[8..13], &key[19..])),
        ("the last digit is missing", key[..key.len() - 1].to_owned()),
        ("the last group is missing", key[..key.len() - 4].to_owned()),
        ("a digit in the middle is missing", format!("{}{}", &key[..40], &key[41..])),
        ("a digit too many", format!("{key}0")),
        ("twice the same group", format!("{}{}{}", &key[..14], &key[8..14], &key[14..])),
        ("the whole key twice", format!("{key}{}", &key[8..])),
        ("a U, which is no digit", replaced(20, "U")),
        ("a sign that is no digit", replaced(20, "*")),
        (
            "a digit of another script",
            key.chars().map(|char| if char == '7' { '７' } else { char }).collect(),
        ),
        ("bits after the last byte", noncanonical(key)),
        ("Latin letters with marks", key.replace('E', "É")),
    ];
    let cases = cases.into_iter().map(|(comment, text)| InvalidKey {
        comment: comment.to_owned(),
        text,
    });
    cases.collect()
}

/// The same key, spelled differently: the last digit carries three bits of the checksum and two zeros, one of which is set here.
fn noncanonical(key: &str) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let last = DIGITS.find(&key[key.len() - 1..]).unwrap();
    format!("{}{}", &key[..key.len() - 1], &DIGITS[last + 1..last + 2])
}
