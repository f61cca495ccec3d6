//! Makes the dumps among our test vectors: whole journals, sealed by the engine's functions or by JavaScript.

use super::{key, salt};
use crate::contract::vectors::{Dump, SealedRow, hashes, journal, open_row};
use crate::readers;
use essaim::pure::sealed::change::Change;
use essaim::pure::sealed::item::{emptied_body, history_body, page_id, sealed_body};
use essaim::pure::sealed::page::{Kind, Page};
use essaim::pure::sealed::seal::{Hash, Salt, Seal};
use essaim::pure::sealed::snapshot::{self, History, Ledger, Segment, Snapshot, cut_history};
use serde_json::{Value, json};

const COLLECTION: &str = "tasks";

/// The journal, page by page, without hashes and digests. A segment consists of its id and its entries, a history of its id and its
/// positions. `None` is a position that was emptied before anybody could read it.
fn story() -> Vec<Option<Value>> {
    let page = |t: u64, changes: Value| Some(json!({ "d": "device-a", "t": t, "k": "changes", "c": changes }));
    let snapshot =
        |t: u64, segments: Value, history: Value| Some(json!({ "d": "device-b", "t": t, "k": "snapshot", "segments": segments, "history": history }));
    let long = json!({ "text": "long ".repeat(4000), "__proto__": { "x": 1 } });
    let destination = json!({ "remote": "https://kinto.example.org/v1", "bucket": "default", "collection": journal(&key(), COLLECTION).server_collection });
    vec![
        Some(json!({ "start": "AAECAwQFBgcICQoLDA0ODw", "d": "device-a", "t": 1001, "k": "changes",
            "c": [["a", { "title": "Alpha", "done": false }], ["b", { "title": "Beta" }], ["c", { "title": "Gamma" }]] })),
        page(1002, json!([["b", { "title": "Bêta ✓" }], ["c", null]])),
        None,
        page(1004, json!([["d", long]])),
        snapshot(
            1005,
            json!([
                ["s-AAECAwQFBgcICQoLDA0ODw", [["a", 1, 1001, { "title": "Alpha", "done": false }], ["b", 2, 1002, { "title": "Bêta ✓" }]]],
                ["s-EBESExQVFhcYGRobHB0eHw", [["d", 4, 1004, long]]],
            ]),
            json!([]),
        ),
        None,
        page(
            1007,
            json!([["a", null], ["b", { "title": "Beta", "n": 1.5 }], ["e", { "tags": [1, "2", null] }]]),
        ),
        snapshot(
            1008,
            json!([
                ["s-ICEiIyQlJicoKSorLC0uLw", [["b", 7, 1007, { "title": "Beta", "n": 1.5 }], ["d", 4, 1004, long]]],
                ["s-MDEyMzQ1Njc4OTo7PD0-Pw", [["e", 7, 1007, { "tags": [1, "2", null] }]]],
            ]),
            json!([["s-QEFCQ0RFRkdISUpLTE1OTw", 1, 4]]),
        ),
        page(1009, json!([["c", {}]])),
        None,
        Some(json!({ "d": "device-a", "t": 1011, "k": "closed", "destination": destination })),
        page(1012, json!([["e", { "tags": [] }]])),
    ]
}

fn records() -> Vec<Value> {
    let long = "long ".repeat(4000);
    vec![
        json!({ "id": "b", "title": "Beta", "n": 1.5, "last_modified": 1007 }),
        json!({ "id": "c", "last_modified": 1009 }),
        json!({ "id": "d", "text": long, "__proto__": { "x": 1 }, "last_modified": 1004 }),
        json!({ "id": "e", "tags": [], "last_modified": 1012 }),
    ]
}

/// The journal, sealed by the engine's own functions. Everything that the latest snapshot makes superfluous is removed.
pub fn dump() -> Dump {
    let superfluous = [1, 2, 4, 5, 7].map(page_id);
    dump_without(
        &superfluous.each_ref().map(String::as_str),
        &["s-AAECAwQFBgcICQoLDA0ODw", "s-EBESExQVFhcYGRobHB0eHw"],
    )
}

/// The same journal, with only these pages emptied and these segments deleted.
pub fn dump_without(emptied: &[&str], deleted: &[&str]) -> Dump {
    seal_story(emptied, deleted, |_| {})
}

/// Like [`dump`], but somebody with the key has spoiled the latest snapshot.
pub fn dump_spoiled(spoil: fn(&mut Snapshot)) -> Dump {
    seal_story(&[], &[], spoil)
}

fn seal_story(emptied: &[&str], deleted: &[&str], spoil: fn(&mut Snapshot)) -> Dump {
    let mut sealer = Sealer::new(spoil);
    for (position, page) in (1..).zip(story()) {
        match page {
            Some(page) => sealer.seal_page(position, &page),
            None => sealer.add_void(position),
        }
    }
    let is_gone = |row: &SealedRow| emptied.contains(&row.id.as_str()) || deleted.contains(&row.id.as_str());
    let mut dump = Dump {
        key: key(),
        collection: COLLECTION.to_owned(),
        plaintexts: sealer
            .rows
            .iter()
            .filter(|(row, _)| !is_gone(row))
            .filter_map(|(_, text)| text.clone())
            .collect(),
        rows: sealer.rows.into_iter().map(|(row, _)| row).collect(),
        records: records(),
    };
    dump.rows.retain(|row| !deleted.contains(&row.id.as_str()));
    for row in dump.rows.iter_mut().filter(|row| emptied.contains(&row.id.as_str())) {
        *row = read_row(&row.id, &emptied_body());
    }
    dump
}

/// Does what the engine does to a journal, without a server.
struct Sealer {
    seal: Seal,
    /// Each row with its content.
    rows: Vec<(SealedRow, Option<Value>)>,
    /// The hashes of the positions from 1 on.
    hashes: Vec<Option<Hash>>,
    snapshot: u64,
    spoil: fn(&mut Snapshot),
}

impl Sealer {
    fn new(spoil: fn(&mut Snapshot)) -> Self {
        Sealer {
            seal: Seal::new(&journal(&key(), COLLECTION)),
            rows: Vec::new(),
            hashes: Vec::new(),
            snapshot: 1,
            spoil,
        }
    }

    fn salt(&self) -> Salt {
        salt(100 + self.rows.len() as u32)
    }

    fn add_void(&mut self, position: u64) {
        self.rows.push((read_row(&page_id(position), &emptied_body()), None));
        self.hashes.push(None);
    }

    fn seal_page(&mut self, position: u64, story: &Value) {
        let kind = match story["k"].as_str() {
            Some("changes") => Kind::Changes(list(&story["c"]).map(|change| Change::read(&change.to_string()).unwrap()).collect()),
            Some("snapshot") => self.seal_snapshot(position, story),
            _ => Kind::Closed(story["destination"].to_string()),
        };
        let page = Page {
            prev: self.hashes.iter().rev().find_map(|hash| *hash).unwrap_or_default(),
            device: story["d"].as_str().unwrap().to_owned(),
            t: story["t"].as_u64().unwrap(),
            kind,
        };
        let text = page.write(story["start"].as_str());
        let ct = self.seal.seal_page(position, &text, self.salt());
        self.hashes.push(Some(self.seal.chain_hash(position, &ct)));
        self.rows
            .push((read_row(&page_id(position), &sealed_body(&ct)), serde_json::from_str(&text).ok()));
    }

    /// Uses the segments of the story: where the engine would cut them depends on sizes.
    fn seal_snapshot(&mut self, position: u64, story: &Value) -> Kind {
        let mut all = Ledger::new();
        let segments = list(&story["segments"]).map(|segment| self.seal_segment(segment, &mut all)).collect();
        let history = list(&story["history"]).map(|history| self.seal_history(history)).collect();
        let mut snapshot = Snapshot {
            segments,
            covered: self.hashes[self.snapshot as usize - 1..].to_vec(),
            history,
            digest: snapshot::digest(all.iter()),
        };
        if self.snapshot > 1 {
            (self.spoil)(&mut snapshot);
        }
        self.snapshot = position;
        Kind::Snapshot(snapshot)
    }

    fn seal_segment(&mut self, story: &Value, all: &mut Ledger) -> Segment {
        let (id, entries) = (story[0].as_str().unwrap(), &story[1]);
        let mut ledger = Ledger::new();
        snapshot::read_segment_into(&mut ledger, &entries.to_string(), entries.as_array().unwrap().len()).unwrap();
        let [(count, text)] = snapshot::segments(&ledger, usize::MAX).try_into().unwrap();
        let ct = self.seal.seal_segment(id, &text, self.salt());
        self.rows.push((read_row(id, &sealed_body(&ct)), Some(entries.clone())));
        all.append(&mut ledger);
        Segment {
            id: id.to_owned(),
            hash: snapshot::segment_hash(&ct),
            count,
        }
    }

    fn seal_history(&mut self, story: &Value) -> History {
        let [id, first, last] = story.as_array().unwrap().as_slice() else {
            panic!("{story}")
        };
        let (id, first, last) = (id.as_str().unwrap(), first.as_u64().unwrap(), last.as_u64().unwrap() as usize);
        let covered = &self.hashes[first as usize - 1..last];
        let [(first, last, raw)] = cut_history(first, covered, 4096).try_into().unwrap();
        let ct = self.seal.seal_history(id, &raw, self.salt());
        self.rows.push((read_row(id, &history_body(&ct)), Some(hashes(&raw))));
        History {
            id: id.to_owned(),
            hash: snapshot::segment_hash(&ct),
            first,
            last,
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

/// A row as the server returns it, from the body that was sent.
fn read_row(id: &str, body: &str) -> SealedRow {
    serde_json::from_str(&format!("{{\"id\":\"{id}\",{body}}}")).unwrap()
}

/// The same journal, sealed by WebCrypto, with nothing emptied or deleted; with fresh salts, or with those of the vectors.
pub fn dump_by_javascript(fixed_salts: bool) -> Dump {
    let story = serde_json::to_string(&story()).unwrap();
    let rows = readers::seal(&key(), COLLECTION, &story, fixed_salts);
    let rows: Vec<SealedRow> = serde_json::from_str(&rows).unwrap();
    let keys = journal(&key(), COLLECTION);
    Dump {
        key: key(),
        collection: COLLECTION.to_owned(),
        plaintexts: rows.iter().filter_map(|row| open_row(&keys, row)).collect(),
        rows,
        records: records(),
    }
}
