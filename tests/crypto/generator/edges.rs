//! Dumps at the edges of the format, which other implementations might read differently. The texts are written out, since their spelling
//! matters.

use super::{key, salt};
use crate::contract::vectors::journal;
use essaim::pure::crypto::encoding::base64url;
use essaim::pure::crypto::hash::{sha256, sha256_of};
use essaim::pure::crypto::key::JournalKeys;
use essaim::pure::crypto::padding::pad;
use essaim::pure::crypto::{context, envelope};
use serde::Serialize;
use serde_json::{Value, json};

const COLLECTION: &str = "tasks";
const SEGMENTS: [&str; 2] = ["s-AAECAwQFBgcICQoLDA0ODw", "s-EBESExQVFhcYGRobHB0eHw"];

/// A dump at an edge of the format, with the expected result.
#[derive(Clone, Serialize)]
pub struct Edge {
    pub comment: String,
    pub key: String,
    pub collection: String,
    /// JSON texts: their spelling matters.
    pub rows: Vec<String>,
    /// The records that can be opened, sorted by the texts of their ids.
    pub records: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Wrong>,
}

/// What is wrong with a dump: the place, and the code of the error with which a new device refuses it.
#[derive(Clone, Serialize)]
pub struct Wrong {
    pub place: String,
    pub code: String,
}

/// A dump under construction. `{prev}` in the text of a page stands for the chain hash of the page before.
struct Journal {
    keys: JournalKeys,
    rows: Vec<String>,
    /// The hashes of the positions from 1 on.
    hashes: Vec<Option<[u8; 32]>>,
    sealed: u32,
}

impl Journal {
    fn new() -> Self {
        Journal {
            keys: journal(&key(), COLLECTION),
            rows: Vec::new(),
            hashes: Vec::new(),
            sealed: 0,
        }
    }

    fn position(&self) -> u64 {
        self.hashes.len() as u64 + 1
    }

    fn prev(&self) -> String {
        base64url(&self.hashes.iter().rev().find_map(|hash| *hash).unwrap_or_default())
    }

    fn seal(&mut self, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.sealed += 1;
        envelope::seal(&self.keys.page_key(), context, salt(1000 + self.sealed), plaintext)
    }

    /// Adds a page of exactly this text. `row` receives its `ct`, and returns the members after the id.
    fn page_in(mut self, text: &str, row: impl Fn(&str) -> String) -> Self {
        let (position, text) = (self.position(), text.replace("{prev}", &self.prev()));
        let sealed = self.seal(&context::page_context(&self.keys.sid, 1, position), text.as_bytes());
        self.hashes.push(Some(context::chain_hash(&self.keys.sid, position, &sealed)));
        self.rows.push(format!("{{\"id\":\"p{position:012}\",{}}}", row(&base64url(&sealed))));
        self
    }

    fn text(self, text: &str) -> Self {
        self.page_in(text, |ct| format!(r#""v":1,"e":1,"ct":"{ct}""#))
    }

    fn changes(self, changes: &str) -> Self {
        let t = 1000 + self.position();
        self.text(&format!(r#"{{"prev":"{{prev}}","d":"d","t":{t},"k":"changes","c":[{changes}]}}"#))
    }

    fn page(self, members: &str) -> Self {
        self.text(&format!(r#"{{"prev":"{{prev}}","d":"d",{members}}}"#))
    }

    fn void(mut self) -> Self {
        self.hashes.push(None);
        self
    }

    fn voids(mut self, count: usize) -> Self {
        self.hashes.extend(vec![None; count]);
        self
    }

    fn row(mut self, row: &str) -> Self {
        self.rows.push(row.to_owned());
        self
    }

    /// Adds a snapshot that covers everything. `entries` are the literal entries of each segment; `digested`: (text of the id, position,
    /// text), in order.
    fn snapshot(mut self, entries: [&str; 2], digested: &[(&str, u64, &str)]) -> Self {
        let mut segments = Vec::new();
        for (id, entries) in SEGMENTS.into_iter().zip(entries) {
            let plaintext = pad(&format!("[{entries}]"));
            let sealed = self.seal(&context::segment_context(&self.keys.sid, 1, id), &plaintext);
            self.rows.push(format!(r#"{{"id":"{id}","v":1,"e":1,"ct":"{}"}}"#, base64url(&sealed)));
            let count = serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&plaintext).unwrap().len();
            segments.push(format!(r#"["{id}","{}",{count}]"#, base64url(&sha256(&sealed))));
        }
        let covered: Vec<String> = self
            .hashes
            .iter()
            .map(|hash| hash.map_or("null".into(), |hash| format!("\"{}\"", base64url(&hash))))
            .collect();
        let mut digest = Vec::new();
        for (id, position, text) in digested {
            digest.extend((id.len() as u32).to_be_bytes());
            digest.extend(id.as_bytes());
            digest.extend(position.to_be_bytes());
            digest.extend(sha256(text.as_bytes()));
        }
        let (digest, segments, covered) = (base64url(&sha256_of(&[&digest])), segments.join(","), covered.join(","));
        self.page(&format!(
            r#""t":2000,"k":"snapshot","segments":[{segments}],"covered":[{covered}],"history":[],"digest":"{digest}""#
        ))
    }

    /// Empties the first page, so that every reader has to begin with the snapshot.
    fn without_the_first(mut self) -> Self {
        self.rows[0] = r#"{"id":"p000000000001","v":1}"#.to_owned();
        self
    }

    fn opens(self, comment: &str, records: Value) -> Edge {
        Edge {
            comment: comment.to_owned(),
            key: key(),
            collection: COLLECTION.to_owned(),
            rows: self.rows,
            records: records.as_array().unwrap().clone(),
            wrong: None,
        }
    }

    /// A dump that is refused. `code`: the error of a new device. `records`: what can be opened.
    fn refused(self, comment: &str, place: &str, code: &str, records: Value) -> Edge {
        Edge {
            wrong: Some(Wrong {
                place: place.to_owned(),
                code: code.to_owned(),
            }),
            ..self.opens(comment, records)
        }
    }
}

/// A journal of one page with these changes.
pub fn one_page(changes: &str) -> Edge {
    Journal::new().changes(changes).opens("one page", json!([]))
}

pub fn edges() -> Vec<Edge> {
    [records(), ids(), times(), pages(), rows(), places(), snapshots()].concat()
}

fn records() -> Vec<Edge> {
    let a = |t: u64| json!([{ "id": "a", "n": 1, "last_modified": t }]);
    vec![
        Journal::new()
            .changes(r#"["a",{"id":"b","last_modified":"never","_st\u0061tus":{},"n":1,"id":{}}]"#)
            .opens("a record's text says another id, time and status: they are passed over", a(1001)),
        Journal::new()
            .changes(r#"["a",{"n":1,"deleted":true}],["b",{"deleted":true}],["b",null]"#)
            .opens(
                "a member named deleted deletes nothing",
                json!([{ "id": "a", "n": 1, "deleted": true, "last_modified": 1001 }]),
            ),
        Journal::new()
            .changes(r#"["a",{"n":2,"\u006e":1}]"#)
            .opens("of several members with one name the last counts", a(1001)),
        Journal::new().changes(r#"["a",{"n":3}],["a",null],["b",null],["a",{"n":1}]"#).opens(
            "of several changes of one record in a page the last counts, and a deletion of nothing is none",
            a(1001),
        ),
        Journal::new()
            .changes(" [ \"a\" , { \"n\" : 1 } , 7 ] ")
            .opens("white space, and elements that are not named", a(1001)),
        Journal::new()
            .changes("[\"a\",{}]")
            .opens("a record without members of its own", json!([{ "id": "a", "last_modified": 1001 }])),
    ]
}

fn ids() -> Vec<Edge> {
    let pairs = [
        (r#""\u0061""#, json!("a")),
        (r#""\/""#, json!("/")),
        (r#""\u00e9""#, json!("é")),
        (r#""\ud83d\ude00""#, json!("😀")),
        (r#""\u000A""#, json!("\n")),
        ("1.0", json!(1)),
        ("1e0", json!(1)),
        ("-0", json!(0)),
        ("1e21", json!(1e21)),
        ("1000000000000000000000.0", json!(1e21)),
        ("0.00000015", json!(1.5e-7)),
        ("true", json!(true)),
    ];
    let first: Vec<String> = pairs.iter().map(|(_, id)| format!("[{id},{{\"n\":0}}]")).collect();
    let again: Vec<String> = pairs.iter().map(|(raw, _)| format!("[{raw},{{\"n\":1}}]")).collect();
    let mut all: Vec<Value> = pairs.iter().map(|(_, id)| json!({ "id": id, "n": 1, "last_modified": 1002 })).collect();
    all.sort_by_key(|record| record["id"].to_string());
    all.dedup_by_key(|record| record["id"].to_string());
    vec![
        Journal::new()
            .changes(&first.join(","))
            .changes(&again.join(","))
            .opens("spellings of one id are one id", Value::Array(all)),
        Journal::new().changes(r#"[1,{"n":1}],["1",{"n":2}],[true,{"n":3}],["true",{"n":4}]"#).opens(
            "a number, a boolean and a string are three ids",
            json!([
                { "id": "1", "n": 2, "last_modified": 1001 }, { "id": "true", "n": 4, "last_modified": 1001 },
                { "id": 1, "n": 1, "last_modified": 1001 }, { "id": true, "n": 3, "last_modified": 1001 },
            ]),
        ),
        Journal::new()
            .changes(r#"["\uD800",{"n":1}],["b",{}]"#)
            .changes(r#"["\ud800",null]"#)
            .opens("half a surrogate pair is an id", json!([{ "id": "b", "last_modified": 1001 }])),
        Journal::new().changes(r#"["a",{}]"#).changes(r#"[null,{}]"#).refused(
            "null is no id",
            "p000000000002",
            "tampered",
            json!([{ "id": "a", "last_modified": 1001 }]),
        ),
        Journal::new().changes(r#"["a",{}]"#).changes(r#"[1e400,{}]"#).refused(
            "a number that is not finite is no id",
            "p000000000002",
            "tampered",
            json!([{ "id": "a", "last_modified": 1001 }]),
        ),
    ]
}

fn times() -> Vec<Edge> {
    let times = [
        ("-5", 0_u64),
        ("1.9", 1),
        ("1e3", 1000),
        ("1e400", 9_007_199_254_740_991),
        ("9007199254740993", 9_007_199_254_740_991),
    ];
    let mut edges: Vec<Edge> = times
        .iter()
        .map(|(t, shown)| {
            Journal::new()
                .page(&format!(r#""t":{t},"k":"changes","c":[["a",{{}}]]"#))
                .opens(&format!("a page of the time {t}"), json!([{ "id": "a", "last_modified": shown }]))
        })
        .collect();
    edges.push(
        Journal::new()
            .changes(r#"["a",{}]"#)
            .snapshot([r#"["a",1,1.9,{}]"#, ""], &[("\"a\"", 1, "{}")])
            .without_the_first()
            .opens("the time of an entry", json!([{ "id": "a", "last_modified": 1 }])),
    );
    edges.push(Journal::new().changes(r#"["a",{}]"#).page(r#""t":"1001","k":"changes","c":[]"#).refused(
        "a time that is no number",
        "p000000000002",
        "tampered",
        json!([{ "id": "a", "last_modified": 1001 }]),
    ));
    edges
}

fn pages() -> Vec<Edge> {
    let a = || Journal::new().changes(r#"["a",{}]"#);
    let one = json!([{ "id": "a", "last_modified": 1001 }]);
    let refused = |comment: &str, text: &str| a().text(text).refused(comment, "p000000000002", "tampered", one.clone());
    let place = |collection: &str| format!(r#"{{"collection":"{collection}","bucket":"default","remote":"https://kinto.example.org/v1","more":[]}}"#);
    let home = place(&journal(&key(), COLLECTION).server_collection);
    vec![
        Journal::new()
            .text("\n {\"c\":[[\"a\",{}]],\"\\u006b\":\"changes\",\"k\":\"changes\",\"t\":7,\"t\":1001,\"new\":{},\"d\":\"\",\"prev\":\"{prev}\"}\t")
            .opens("another order, a member twice, escapes, white space, and no padding", one.clone()),
        Journal::new()
            .text(r#"{"prev":"{prev}","d":"\ud800 é","t":1001,"k":"changes","c":[["a",{}]]}"#)
            .opens("a device of any name", one.clone()),
        refused("a page without a device", r#"{"prev":"{prev}","t":1,"k":"changes","c":[]}"#),
        refused("a page without changes", r#"{"prev":"{prev}","d":"d","t":1,"k":"changes"}"#),
        refused("a change that is not whole", r#"{"prev":"{prev}","d":"d","t":1,"k":"changes","c":[["b"]]}"#),
        refused("a record that is no object", r#"{"prev":"{prev}","d":"d","t":1,"k":"changes","c":[["b",[]]]}"#),
        refused("more than one value", r#"{"prev":"{prev}","d":"d","t":1,"k":"changes","c":[]} {}"#),
        refused("what is not JSON", r#"{"prev":"{prev}","d":"d","t":1,"k":"changes","c":[["b",{"n":NaN}]]}"#),
        refused(
            "a byte order mark",
            "\u{feff}{\"prev\":\"{prev}\",\"d\":\"d\",\"t\":1,\"k\":\"changes\",\"c\":[]}",
        ),
        refused("a hash in another spelling", r#"{"prev":"{prev}=","d":"d","t":1,"k":"changes","c":[]}"#),
        a().page(r#""t":1002,"k":"later","x":[]"#)
            .refused("a kind that is not known", "p000000000002", "upgrade_required", one.clone()),
        a().page(&format!(r#""t":1002,"k":"closed","destination":{home}"#))
            .changes(r#"["b",{}]"#)
            .opens(
                "closed in favour of this place",
                json!([{ "id": "a", "last_modified": 1001 }, { "id": "b", "last_modified": 1003 }]),
            ),
        a().page(r#""t":1002,"k":"closed","destination":{"remote":"https://kinto.example.org/v1","bucket":"default"}"#)
            .refused("closed without a whole destination", "p000000000002", "tampered", one.clone()),
    ]
}

fn rows() -> Vec<Edge> {
    let one = json!([{ "id": "a", "last_modified": 1001 }]);
    let page = r#"{"prev":"{prev}","d":"d","t":1001,"k":"changes","c":[["a",{}]]}"#;
    let second = r#"{"prev":"{prev}","d":"d","t":1002,"k":"changes","c":[["b",{}]]}"#;
    let refused = |comment: &str, members: &str, code: &str| {
        let journal = Journal::new().text(page).page_in(second, |ct| members.replace("{ct}", ct));
        journal.refused(comment, "p000000000002", code, one.clone())
    };
    vec![
        Journal::new()
            .page_in(page, |ct| format!(r#""v":1.0,"e":1e0,"ct":7,"\u0063t":"{ct}","more":{{}},"last_modified":"x""#))
            .opens("numbers in another spelling, a member twice, members that are not named", one.clone()),
        refused("a later version", r#""v":2,"e":1,"ct":"{ct}""#, "upgrade_required"),
        refused("a later version of another form", r#""v":2,"ct":{}"#, "upgrade_required"),
        refused("a later epoch", r#""v":1,"e":2,"ct":"{ct}""#, "no_key"),
        refused("a version that is a string", r#""v":"1","e":1,"ct":"{ct}""#, "tampered"),
        refused("a version that is no integer", r#""v":1.5,"e":1,"ct":"{ct}""#, "tampered"),
        refused("no version", r#""e":1,"ct":"{ct}""#, "tampered"),
        refused("no epoch", r#""v":1,"ct":"{ct}""#, "tampered"),
        refused("an epoch beyond 32 bits", r#""v":1,"e":4294967297,"ct":"{ct}""#, "tampered"),
        refused("null instead of an envelope", r#""v":1,"e":1,"ct":null"#, "tampered"),
        refused("base64url with padding", r#""v":1,"e":1,"ct":"{ct}=""#, "tampered"),
        Journal::new()
            .text(page)
            .page_in(second, |ct| format!(r#""v":1,"e":1,"history":"{ct}""#))
            .opens("a page in the member of old hashes is emptied", one.clone()),
        Journal::new()
            .text(page)
            .page_in(second, |_| r#""v":"later","more":1"#.to_owned())
            .opens("an emptied page of any version", one.clone()),
        ignored(page, &one),
        Journal::new()
            .row(r#"{"id":"p000000000001","v":1,"last_modified":7}"#)
            .page_in(page, |ct| format!(r#""v":1,"e":1,"ct":"{ct}","last_modified":7"#))
            .row(r#"{"id":"p000000000001","v":1,"last_modified":7}"#)
            .row(r#"{"id":"p000000000001","v":1,"e":1,"ct":"AAAA","last_modified":6}"#)
            .opens("a row twice: the later counts, or the one with an envelope", one.clone()),
    ]
}

fn ignored(page: &str, records: &Value) -> Edge {
    let rows = [
        r#"{"id":"pfoo","v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"p000000000000","v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"p0000000000002","v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"p+00000000002","v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"p00000000000２","v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"p000000000002","deleted":true,"v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"s-AAAAAAAAAAAAAAAAAAAAAB","v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"s-","v":9,"ct":[]}"#,
        r#"{"id":2,"v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"v":1,"e":1,"ct":"AAAA"}"#,
        r#"{"id":"note","title":"of another program"}"#,
    ];
    let mut journal = Journal::new().text(page);
    for row in rows {
        journal = journal.row(row);
    }
    journal.opens("rows that are neither pages nor segments", records.clone())
}

fn places() -> Vec<Edge> {
    let two = |t: u64| json!([{ "id": "a", "last_modified": 1001 }, { "id": "b", "last_modified": t }]);
    let one = json!([{ "id": "a", "last_modified": 1001 }]);
    let mut damaged = Journal::new()
        .changes(r#"["a",{}]"#)
        .changes(r#"["b",{}]"#)
        .snapshot([r#"["a",1,1001,{}]"#, r#"["b",2,1002,{}]"#], &[("\"a\"", 1, "{}"), ("\"b\"", 2, "{}")]);
    damaged.rows[1] = r#"{"id":"p000000000002","v":1,"e":1,"ct":"AAAA"}"#.to_owned();
    vec![
        Journal::new()
            .changes(r#"["a",{}]"#)
            .void()
            .row(r#"{"id":"p000000000002","v":1}"#)
            .void()
            .changes(r#"["b",{}]"#)
            .opens("void positions, shown as emptied or not at all", two(1004)),
        Journal::new()
            .changes(r#"["a",{}]"#)
            .voids(9_999)
            .changes(r#"["b",{}]"#)
            .opens("a page 10,000 positions further on", two(11_001)),
        Journal::new().changes(r#"["a",{}]"#).voids(10_000).changes(r#"["b",{}]"#).refused(
            "a page 10,001 positions further on",
            "p000000010002",
            "omission",
            two(11_002),
        ),
        Journal::new()
            .voids(9_999)
            .changes(r#"["a",{}]"#)
            .opens("a first page at the position 10,000", json!([{ "id": "a", "last_modified": 11_000 }])),
        damaged.refused(
            "a page before the latest snapshot is damaged: the snapshot has all",
            "p000000000002",
            "tampered",
            two(1002),
        ),
        Journal::new()
            .changes(r#"["a",{}]"#)
            .text(&format!(
                r#"{{"prev":"{}","d":"d","t":1002,"k":"changes","c":[["a",null]]}}"#,
                base64url(&[9; 32])
            ))
            .refused("another history right after the head", "p000000000002", "fork", one),
    ]
}

fn snapshots() -> Vec<Edge> {
    // Sorted by their bytes in UTF-8, which is another order than that of UTF-16.
    let ids = [
        ("\"b\"", json!("b")),
        ("\"\u{ffff}\"", json!("\u{ffff}")),
        ("\"😀\"", json!("😀")),
        ("1", json!(1)),
        ("1e+21", json!(1e21)),
        ("true", json!(true)),
    ];
    let digested: Vec<(&str, u64, &str)> = ids.iter().map(|(id, _)| (*id, 1, "{ \"n\":1.0}")).collect();
    let records: Vec<Value> = ids.iter().map(|(_, id)| json!({ "id": id, "n": 1, "last_modified": 1001 })).collect();
    let entries = [
        r#"[1e0,1.0,1001,{ "n":1.0}],["\ud83d\ude00",1,1001,{ "n":1.0}],[1000e18,1,1001,{ "n":1.0}]"#,
        r#"["\uFFFF",1e0,1001,{ "n":1.0}],["\u0062",1,1001,{ "n":1.0}],[true,1,1001,{ "n":1.0},"more"]"#,
    ];
    let before = |journal: Journal| journal.changes(r#"["b",{ "n":1.0}],[1,{ "n":1.0}]"#);
    let bad = |comment: &str, entries: [&str; 2], digested: &[(&str, u64, &str)]| {
        let journal = before(Journal::new()).snapshot(entries, digested).without_the_first();
        journal.refused(comment, "p000000000002", "bad_snapshot", json!([]))
    };
    vec![
        before(Journal::new()).snapshot(entries, &digested).without_the_first().opens(
            "ids of any spelling in segments of any order: the digest is over one text for each, in the order of its bytes",
            Value::Array(records),
        ),
        bad("a record twice", [r#"["b",1,1,{}]"#, r#"["\u0062",1,1,{}]"#], &[("\"b\"", 1, "{}")]),
        bad("a version that is no integer", [r#"["b",1.5,1,{}]"#, ""], &[("\"b\"", 1, "{}")]),
        bad("a version that is not before the snapshot", [r#"["b",2,1,{}]"#, ""], &[("\"b\"", 2, "{}")]),
        bad("a version of nothing", [r#"["b",0,1,{}]"#, ""], &[("\"b\"", 0, "{}")]),
        bad("an entry that is not whole", [r#"["b",1,1]"#, ""], &[("\"b\"", 1, "{}")]),
        bad("a digest over another spelling of a text", [r#"["b",1,1,{ }]"#, ""], &[("\"b\"", 1, "{}")]),
    ]
}
