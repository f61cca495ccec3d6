use super::{key, salt};
use crate::contract::vectors::{Dump, Place, SealedRow, journal};
use crate::javascript;
use essaim::pure::crypto::encoding::{base64url, read_base64url};
use essaim::pure::crypto::envelope::seal;
use essaim::pure::crypto::key::JournalKeys;
use essaim::pure::crypto::padding::pad;
use serde_json::{Value, json};

const COLLECTION: &str = "tasks";

/// Page by page, but for `prev` and `covered`. A segment is its id and its entries. `None` is a position that stayed void.
fn story() -> Vec<Option<Value>> {
    let page = |t: u64, changes: Value| Some(json!({ "d": "device-a", "t": t, "k": "changes", "c": changes }));
    let long = "long ".repeat(4000);
    let segments = json!([
        ["s-AAECAwQFBgcICQoLDA0ODw", [["a", 1, 1001, { "title": "Alpha", "done": false }]]],
        ["s-EBESExQVFhcYGRobHB0eHw", [["b", 2, 1002, { "title": "Bêta ✓" }], ["d", 4, 1004, { "text": long, "__proto__": { "x": 1 } }]]],
    ]);
    vec![
        Some(json!({ "start": "AAECAwQFBgcICQoLDA0ODw", "d": "device-a", "t": 1001, "k": "changes",
            "c": [["a", { "title": "Alpha", "done": false }], ["b", { "title": "Beta" }], ["c", { "title": "Gamma" }]] })),
        page(1002, json!([["b", { "title": "Bêta ✓" }], ["c", null]])),
        None,
        page(1004, json!([["d", { "text": long, "__proto__": { "x": 1 } }]])),
        Some(json!({ "d": "device-b", "t": 1005, "k": "snapshot", "segments": segments, "history": [] })),
        None,
        page(
            1007,
            json!([["a", null], ["b", { "title": "Beta", "n": 1.5 }], ["e", { "tags": [1, "2", null] }]]),
        ),
        page(1008, json!([["c", {}]])),
    ]
}

fn records() -> Vec<Value> {
    let long = "long ".repeat(4000);
    vec![
        json!({ "id": "b", "title": "Beta", "n": 1.5, "last_modified": 1007 }),
        json!({ "id": "c", "last_modified": 1008 }),
        json!({ "id": "d", "text": long, "__proto__": { "x": 1 }, "last_modified": 1004 }),
        json!({ "id": "e", "tags": [1, "2", null], "last_modified": 1007 }),
    ]
}

/// Sealed by Rust, with everything emptied that the snapshot covers.
pub fn dump() -> Dump {
    dump_with_emptied(&[1, 2, 4])
}

/// The same, with only these pages emptied.
pub fn dump_with_emptied(emptied: &[u64]) -> Dump {
    let mut sealer = Sealer {
        keys: journal(&key(), COLLECTION),
        rows: Vec::new(),
        plaintexts: Vec::new(),
    };
    let mut hashes = vec![base64url(&[0; 32])];
    for (position, page) in (1..).zip(story()) {
        let id = format!("p{position:012}");
        let Some(mut page) = page else {
            sealer.rows.push(SealedRow { id, v: 1, e: None, ct: None });
            continue;
        };
        if page["k"] == "snapshot" {
            page["covered"] = json!(hashes[1..]);
        }
        page["prev"] = json!(hashes.last());
        if let Some(segments) = page.get_mut("segments").and_then(Value::as_array_mut) {
            segments.iter_mut().for_each(|segment| *segment = sealer.seal_segment(segment));
        }
        hashes.push(sealer.seal(&id, page));
    }
    sealer.into_dump(emptied)
}

struct Sealer {
    keys: JournalKeys,
    rows: Vec<SealedRow>,
    plaintexts: Vec<Value>,
}

impl Sealer {
    /// Gives the hash.
    fn seal(&mut self, id: &str, plaintext: Value) -> String {
        let mut row = SealedRow {
            id: id.to_owned(),
            v: 1,
            e: Some(1),
            ct: None,
        };
        let place = Place::of(&row);
        let salt = salt(100 + self.rows.len() as u32);
        let ct = seal(&self.keys.page_key(), &place.context(&self.keys.sid), salt, &pad(&plaintext.to_string()));
        row.ct = Some(base64url(&ct));
        self.rows.push(row);
        self.plaintexts.push(plaintext);
        base64url(&place.hash(&self.keys.sid, &ct))
    }

    /// Gives what the snapshot says of it.
    fn seal_segment(&mut self, segment: &Value) -> Value {
        let (id, entries) = (segment[0].as_str().unwrap(), &segment[1]);
        let hash = self.seal(id, entries.clone());
        json!([id, hash, entries.as_array().unwrap().len()])
    }

    fn into_dump(mut self, emptied: &[u64]) -> Dump {
        let is_emptied = |row: &SealedRow| emptied.iter().any(|position| row.id == format!("p{position:012}"));
        let sealed = self.rows.iter().filter(|row| row.ct.is_some()).zip(self.plaintexts);
        let plaintexts = sealed.filter(|(row, _)| !is_emptied(row)).map(|(_, plaintext)| plaintext).collect();
        for row in &mut self.rows {
            if is_emptied(row) {
                (row.e, row.ct) = (None, None);
            }
        }
        Dump {
            key: key(),
            collection: COLLECTION.to_owned(),
            rows: self.rows,
            plaintexts,
            records: records(),
        }
    }
}

/// The same journal sealed by WebCrypto; with fresh salts, or with those of the vectors.
pub fn dump_by_javascript(fixed_salts: bool) -> Dump {
    let story = serde_json::to_string(&story()).unwrap();
    let rows = javascript::seal(&key(), COLLECTION, &story, fixed_salts).unwrap();
    let mut dump = Dump {
        key: key(),
        collection: COLLECTION.to_owned(),
        rows: serde_json::from_str(&rows).unwrap(),
        plaintexts: Vec::new(),
        records: records(),
    };
    dump.plaintexts = expected_plaintexts(&dump);
    dump
}

/// The story, with what only the one who sealed it could add: hashes.
fn expected_plaintexts(dump: &Dump) -> Vec<Value> {
    let keys = journal(&dump.key, &dump.collection);
    let sealed: Vec<_> = dump.rows.iter().filter_map(|row| Some((row, row.ct.as_deref()?))).collect();
    let hash = |row: &SealedRow, ct: &str| base64url(&Place::of(row).hash(&keys.sid, &read_base64url(ct).unwrap()));
    let pages = sealed.iter().filter(|(row, _)| row.id.starts_with('p'));
    let hashes: Vec<_> = [base64url(&[0; 32])].into_iter().chain(pages.map(|(row, ct)| hash(row, ct))).collect();
    let mut plaintexts = Vec::new();
    for (at, mut page) in story().into_iter().flatten().enumerate() {
        page["prev"] = json!(hashes[at]);
        if page["k"] == "snapshot" {
            page["covered"] = json!(hashes[1..=at]);
        }
        for segment in page.get_mut("segments").and_then(Value::as_array_mut).into_iter().flatten() {
            let (row, ct) = sealed.iter().find(|(row, _)| row.id == segment[0]).unwrap();
            plaintexts.push(segment[1].clone());
            *segment = json!([segment[0], hash(row, ct), segment[1].as_array().unwrap().len()]);
        }
        plaintexts.push(page);
    }
    plaintexts
}
