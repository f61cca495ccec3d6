//! The test vectors of our own, which are frozen for each version of the format (`tests/vectors/README.md`).

use essaim::error::Error;
use essaim::pure::crypto::context::{chain_hash, page_context, segment_context};
use essaim::pure::crypto::encoding::{base64url, read_base64url, read_base64url_array};
use essaim::pure::crypto::envelope::{Unopened, open, seal};
use essaim::pure::crypto::hash::sha256;
use essaim::pure::crypto::key::{JournalKeys, make_key, read_key};
use essaim::pure::crypto::padding::pad;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    pub valid: Vec<ValidKey>,
    pub invalid: Vec<InvalidKey>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidKey {
    pub secret: String,
    pub key: String,
    pub also_read: Vec<String>,
    pub journals: Vec<Journal>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    pub collection: String,
    pub sid: String,
    pub epoch_secret: String,
    pub server_collection: String,
    pub page_key: String,
}

#[derive(Deserialize, Serialize)]
pub struct InvalidKey {
    pub comment: String,
    pub text: String,
}

/// The page or segment that a text is sealed for.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Place {
    Page { epoch: u32, position: u64 },
    Segment { epoch: u32, id: String },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    pub comment: String,
    pub key: String,
    pub collection: String,
    pub place: Place,
    pub context: String,
    pub salt: String,
    pub json: String,
    pub padded_length: usize,
    pub ct: String,
    /// For a page its chain hash; for a segment the SHA-256 of `ct`, as snapshots list it.
    pub hash: String,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct Refused {
    pub comment: String,
    pub key: String,
    pub collection: String,
    pub place: Place,
    pub ct: String,
}

#[derive(Deserialize, Serialize)]
pub struct Envelopes {
    pub valid: Vec<Sealed>,
    pub invalid: Vec<Refused>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dump {
    pub key: String,
    pub collection: String,
    pub rows: Vec<SealedRow>,
    /// The content of each sealed row, in the order of the rows. History segments are lists of hashes.
    pub plaintexts: Vec<Value>,
    pub records: Vec<Value>,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct SealedRow {
    pub id: String,
    pub v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ct: Option<String>,
    /// Instead of `ct`, in a history segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
}

impl SealedRow {
    /// `ct` or `history`, whichever the row has; `None` for an emptied row.
    pub fn sealed(&self) -> Option<&str> {
        self.ct.as_deref().or(self.history.as_deref())
    }
}

impl Place {
    pub fn context(&self, sid: &[u8; 16]) -> Vec<u8> {
        match self {
            Place::Page { epoch, position } => page_context(sid, *epoch, *position),
            Place::Segment { epoch, id } => segment_context(sid, *epoch, id),
        }
    }

    pub fn hash(&self, sid: &[u8; 16], ct: &[u8]) -> [u8; 32] {
        match self {
            Place::Page { position, .. } => chain_hash(sid, *position, ct),
            Place::Segment { .. } => sha256(ct),
        }
    }

    /// The place of a row of a dump.
    pub fn of(row: &SealedRow) -> Self {
        let epoch = row.e.expect("a sealed row has an epoch");
        match row.id.strip_prefix('p') {
            Some(digits) => Place::Page {
                epoch,
                position: digits.parse().expect("a position"),
            },
            None => Place::Segment { epoch, id: row.id.clone() },
        }
    }
}

pub fn journal(key: &str, collection: &str) -> JournalKeys {
    read_key(key).expect("a key").derive_journal(collection)
}

/// Opens the text in `ct` of a row.
pub fn open_text(keys: &JournalKeys, place: &Place, ct: &str) -> Result<Vec<u8>, Unopened> {
    let sealed = read_base64url(ct).ok_or(Unopened)?;
    open(&keys.page_key(), &place.context(&keys.sid), &sealed).map(|text| text.to_vec())
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> T {
    serde_json::from_str(json).expect("the vectors are JSON of this shape")
}

pub fn keys_are_read_and_derived_as_frozen() {
    let keys: Keys = read(include_str!("../../vectors/v1/keys.json"));
    assert!(keys.valid.len() >= 3);
    for vector in &keys.valid {
        let secret = read_base64url_array(&vector.secret).expect("32 bytes");
        assert_eq!(*make_key(secret), vector.key);
        for text in vector.also_read.iter().chain([&vector.key]) {
            let master = read_key(text).expect("a key");
            for journal in &vector.journals {
                let derived = master.derive_journal(&journal.collection);
                assert_eq!(base64url(&derived.sid), journal.sid);
                assert_eq!(base64url(derived.epoch_secret.expose()), journal.epoch_secret);
                assert_eq!(base64url(derived.page_key().expose()), journal.page_key);
                assert_eq!(derived.server_collection, journal.server_collection);
            }
        }
    }
}

pub fn what_is_no_key_is_refused_without_repeating_it() {
    let keys: Keys = read(include_str!("../../vectors/v1/keys.json"));
    assert!(keys.invalid.len() >= 10);
    let mut said = BTreeSet::new();
    for vector in &keys.invalid {
        let error = read_key(&vector.text).err();
        assert_eq!(error, Some(Error::InvalidKey), "{}", vector.comment);
        said.extend(error.map(|error| format!("{error} {error:?} {}", error.to_json())));
    }
    assert_eq!(said.len(), 1, "the error says which text it was");
    let master = read_key(&keys.valid[0].key).expect("a key");
    let journal = master.derive_journal("tasks");
    let shown = format!("{master:?} {journal:?} {:?}", journal.page_key());
    assert_eq!(shown, "MasterKey(Key(…)) JournalKeys(…) Key(…)");
}

pub fn pages_and_segments_are_sealed_and_opened_as_frozen() {
    let envelopes: Envelopes = read(include_str!("../../vectors/v1/envelopes.json"));
    assert!(envelopes.valid.len() >= 6);
    for vector in &envelopes.valid {
        let (keys, comment) = (journal(&vector.key, &vector.collection), &vector.comment);
        let context = vector.place.context(&keys.sid);
        assert_eq!(base64url(&context), vector.context, "{comment}");
        let salt = read_base64url_array(&vector.salt).expect("24 bytes");
        let padded = pad(&vector.json);
        assert_eq!(padded.len(), vector.padded_length, "{comment}");
        let sealed = seal(&keys.page_key(), &context, salt, &padded);
        assert!(base64url(&sealed) == vector.ct, "{comment}: sealed otherwise");
        assert_eq!(base64url(&vector.place.hash(&keys.sid, &sealed)), vector.hash, "{comment}");
        let opened = open_text(&keys, &vector.place, &vector.ct).expect("it opens");
        assert_eq!(String::from_utf8_lossy(&opened).trim_end_matches(' '), vector.json, "{comment}");
    }
}

pub fn what_was_changed_or_moved_opens_with_one_and_the_same_error() {
    let envelopes: Envelopes = read(include_str!("../../vectors/v1/envelopes.json"));
    assert!(envelopes.invalid.len() >= 20);
    for vector in &envelopes.invalid {
        let keys = journal(&vector.key, &vector.collection);
        assert_eq!(open_text(&keys, &vector.place, &vector.ct), Err(Unopened), "{}", vector.comment);
    }
}

pub fn dumps_of_rust_and_of_javascript_open() {
    for json in [
        include_str!("../../vectors/v1/dump.json"),
        include_str!("../../vectors/v1/dump-by-javascript.json"),
    ] {
        assert_dump_opens(&read(json));
    }
}

/// A list of hashes of 32 raw bytes each, as base64url. 32 zero bytes stand for a void position, which was emptied before anybody could read
/// it, and become null.
pub fn hashes(raw: &[u8]) -> Value {
    let hash = |bytes: &[u8]| Some(base64url(bytes)).filter(|_| bytes != [0; 32]);
    raw.chunks(32).map(hash).collect()
}

/// The content of a row; `None` for an emptied one.
pub fn open_row(keys: &JournalKeys, row: &SealedRow) -> Option<Value> {
    let sealed = row.sealed()?;
    let opened = open_text(keys, &Place::of(row), sealed).expect("it opens");
    Some(match row.history {
        Some(_) => hashes(&opened),
        None => serde_json::from_slice(&opened).expect("JSON"),
    })
}

/// Checks that every row opens to its plaintext, and that each page names the hash of the one before it.
pub fn assert_dump_opens(dump: &Dump) {
    let keys = journal(&dump.key, &dump.collection);
    let mut head = None;
    let sealed: Vec<_> = dump.rows.iter().filter_map(|row| Some((row, row.sealed()?))).collect();
    assert_eq!(sealed.len(), dump.plaintexts.len());
    for ((row, ct), expected) in sealed.into_iter().zip(&dump.plaintexts) {
        let opened = open_row(&keys, row).expect("a sealed row");
        assert_eq!(&opened, expected, "{}", row.id);
        if let place @ Place::Page { position, .. } = Place::of(row) {
            // Pages that a snapshot covers may be emptied; then their hashes cannot be computed any more.
            let prev = head.or((position == 1).then_some([0; 32]));
            assert!(prev.is_some() || opened["k"] == "snapshot", "{} follows nothing", row.id);
            assert!(prev.is_none_or(|prev| opened["prev"] == base64url(&prev)), "{} follows another page", row.id);
            head = Some(place.hash(&keys.sid, &read_base64url(ct).expect("base64url")));
        }
    }
}
