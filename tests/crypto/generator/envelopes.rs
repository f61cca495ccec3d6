//! Makes the envelopes among our test vectors: valid ones, and changed ones that must not open.

use super::{key, salt};
use crate::contract::vectors::{Envelopes, Place, Refused, Sealed, journal};
use essaim::pure::crypto::encoding::{base64url, read_base64url};
use essaim::pure::crypto::envelope::seal;
use essaim::pure::crypto::key::make_key;
use essaim::pure::crypto::padding::pad;
use serde_json::{Value, json};

const CHUNK: usize = 16 * 1024 + 16;
const HEADER: usize = 24 + 32;

fn page(position: u64) -> Place {
    Place::Page { epoch: 1, position }
}

fn segment(id: &str) -> Place {
    Place::Segment { epoch: 1, id: id.to_owned() }
}

fn changes(title: &str) -> Value {
    json!({ "prev": base64url(&[0; 32]), "d": "device", "t": 1_767_225_600_000_u64, "k": "changes", "c": [["a-record", { "title": title }], ["another", null]] })
}

pub fn envelopes() -> Envelopes {
    let of_tasks = [
        ("a page", page(42), changes("Buy milk")),
        ("the first page", page(1), changes("Ünïcödé ✓")),
        ("the last position that has a name", page(999_999_999_999), changes("far")),
        (
            "a later epoch",
            Place::Page {
                epoch: 0x0102_0304,
                position: 42,
            },
            changes("later"),
        ),
        (
            "a segment",
            segment("s-AAECAwQFBgcICQoLDA0ODw"),
            json!([["a-record", 42, 1_767_225_600_000_u64, { "title": "Buy milk" }]]),
        ),
        ("a whole chunk, so that an empty one ends it", page(43), changes(&"sixteen ".repeat(2000))),
        ("three chunks", page(44), changes(&"thirty-three ".repeat(2600))),
    ];
    let mut valid: Vec<Sealed> = Vec::new();
    for (comment, place, value) in of_tasks {
        valid.push(sealed(comment, "tasks", place, value, valid.len() as u32 + 1));
    }
    valid.push(sealed("another collection", "tâches ✓", page(42), changes("Acheter du lait"), 8));
    let invalid = [moved(&valid), changed(&valid[0]), cut(&valid), spelled(&valid[0]), reordered(&valid[6])].concat();
    Envelopes { valid, invalid }
}

fn sealed(comment: &str, collection: &str, place: Place, value: Value, number: u32) -> Sealed {
    let (keys, json, salt) = (journal(&key(), collection), value.to_string(), salt(number));
    let (context, padded) = (place.context(&keys.sid), pad(&json));
    let ct = seal(&keys.page_key(), &context, salt, &padded);
    Sealed {
        comment: comment.to_owned(),
        key: key(),
        collection: collection.to_owned(),
        context: base64url(&context),
        salt: base64url(&salt),
        json,
        padded_length: padded.len(),
        hash: base64url(&place.hash(&keys.sid, &ct)),
        ct: base64url(&ct),
        place,
    }
}

fn refused(comment: &str, of: &Sealed, ct: String) -> Refused {
    Refused {
        comment: comment.to_owned(),
        key: of.key.clone(),
        collection: of.collection.clone(),
        place: of.place.clone(),
        ct,
    }
}

fn of_bytes(comment: &str, of: &Sealed, change: impl FnOnce(&mut Vec<u8>)) -> Refused {
    let mut ct = read_base64url(&of.ct).unwrap();
    change(&mut ct);
    refused(comment, of, base64url(&ct))
}

/// Unchanged envelopes, shown in another place.
fn moved(valid: &[Sealed]) -> Vec<Refused> {
    let (a_page, a_segment) = (&valid[0], &valid[4]);
    let elsewhere = |comment: &str, of: &Sealed, place: Place| Refused {
        place,
        ..refused(comment, of, of.ct.clone())
    };
    vec![
        elsewhere("a page at another position", a_page, page(43)),
        elsewhere("a page at a position that has the same low bytes", a_page, page(42 + (1 << 32))),
        elsewhere("a page in another epoch", a_page, Place::Page { epoch: 2, position: 42 }),
        elsewhere("a page as a segment", a_page, segment("p000000000042")),
        elsewhere("a segment under the id of another", a_segment, segment("s-EBESExQVFhcYGRobHB0eHw")),
        elsewhere(
            "a segment in another epoch",
            a_segment,
            Place::Segment {
                epoch: 2,
                id: "s-AAECAwQFBgcICQoLDA0ODw".to_owned(),
            },
        ),
        elsewhere("a segment as a page", a_segment, page(42)),
        Refused {
            collection: "notes".to_owned(),
            ..refused("a page of another collection", a_page, a_page.ct.clone())
        },
        Refused {
            key: make_key([7; 32]).to_string(),
            ..refused("another key", a_page, a_page.ct.clone())
        },
    ]
}

/// Envelopes with one changed bit.
fn changed(of: &Sealed) -> Vec<Refused> {
    let end = read_base64url(&of.ct).unwrap().len();
    let flip = |comment: &str, at: usize, bit: u32| of_bytes(comment, of, |ct| ct[at] ^= 1 << bit);
    vec![
        flip("the first bit of the salt", 0, 7),
        flip("the last bit of the salt", 23, 0),
        flip("the first bit of the commitment", 24, 7),
        flip("the last bit of the commitment", 55, 0),
        flip("the first bit of the text", 56, 7),
        flip("a bit of the padding", end - 17, 3),
        flip("the first bit of the tag", end - 16, 7),
        flip("the last bit of the tag", end - 1, 0),
    ]
}

fn cut(valid: &[Sealed]) -> Vec<Refused> {
    let (of, whole_chunk) = (&valid[0], &valid[5]);
    let cut_to = |comment: &str, to: usize| of_bytes(comment, of, |ct| ct.truncate(to));
    vec![
        cut_to("nothing", 0),
        cut_to("the salt alone", 24),
        cut_to("half a commitment", 40),
        cut_to("no chunk", HEADER),
        cut_to("less than a tag", HEADER + 15),
        cut_to("only as much as a tag", HEADER + 16),
        of_bytes("without its last byte", of, |ct| ct.truncate(ct.len() - 1)),
        of_bytes("without its tag", of, |ct| ct.truncate(ct.len() - 16)),
        of_bytes("a byte more", of, |ct| ct.push(0)),
        of_bytes("twice its chunk", of, |ct| ct.extend_from_within(HEADER..)),
        of_bytes("without the empty chunk that ends it", whole_chunk, |ct| ct.truncate(HEADER + CHUNK)),
    ]
}

/// The same bytes in another spelling, or text that is no base64url.
fn spelled(of: &Sealed) -> Vec<Refused> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = DIGITS.find(&of.ct[of.ct.len() - 1..]).unwrap();
    let body = &of.ct[..of.ct.len() - 1];
    vec![
        refused("base64url with padding", of, format!("{}==", of.ct)),
        refused("bits after the last byte", of, format!("{body}{}", &DIGITS[last + 1..last + 2])),
        refused("the alphabet of base64", of, of.ct.replace('-', "+").replace('_', "/")),
        refused("a line end after it", of, format!("{}\n", of.ct)),
        refused("a space in it", of, format!("{} {}", &of.ct[..80], &of.ct[80..])),
        refused("a digit more", of, format!("{}A", of.ct)),
    ]
}

fn reordered(of: &Sealed) -> Vec<Refused> {
    let sealed = read_base64url(&of.ct).unwrap();
    let chunks: Vec<_> = sealed[HEADER..].chunks(CHUNK).collect();
    assert_eq!(chunks.len(), 3);
    let ordered = |comment: &str, order: &[usize]| {
        let body: Vec<u8> = order.iter().flat_map(|at| chunks[*at]).copied().collect();
        refused(comment, of, base64url(&[&sealed[..HEADER], &body].concat()))
    };
    let flip = |comment: &str, at: usize| of_bytes(comment, of, |ct| ct[at] ^= 1);
    vec![
        ordered("chunks 0 and 1 swapped", &[1, 0, 2]),
        ordered("chunk 0 in place of chunk 1", &[0, 0, 2]),
        ordered("without chunk 0", &[1, 2]),
        ordered("without chunk 1", &[0, 2]),
        ordered("without the last chunk", &[0, 1]),
        ordered("the last chunk twice", &[0, 1, 2, 2]),
        flip("a bit of chunk 0", HEADER + 100),
        flip("a bit of chunk 1", HEADER + CHUNK + 100),
        flip("a bit of the last chunk", HEADER + 2 * CHUNK + 100),
        flip("a bit of the tag of chunk 1", HEADER + 2 * CHUNK - 1),
    ]
}
