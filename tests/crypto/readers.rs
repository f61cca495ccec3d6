//! Compares the engine with two other implementations, which share nothing with the Rust code but the document: `open.mjs` and `seal.mjs`
//! use WebCrypto, and `reader.py` was written from `docs/encryption.md` alone.

use crate::contract::vectors::{Dump, SealedRow, assert_dump_opens};
use crate::device::{COLLECTION, Device, Kinto, REMOTE, assert_same, list, now, options};
use crate::generator::{Edge, dump, dump_by_javascript, dump_spoiled, dump_without, edges, key};
use essaim::pure::crypto::key::make_key;
use essaim::pure::sealed::Limits;
use essaim::pure::sealed::snapshot::Snapshot;
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

fn file(name: &str) -> String {
    format!("{}/tests/crypto/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(file(script));
    node
}

/// Runs a script in the Python that the Kinto for tests uses: it has the package `cryptography`.
fn python(script: &str) -> Command {
    let mut python = Command::new(format!("{}/target/kinto/bin/python", env!("CARGO_MANIFEST_DIR")));
    python.arg(file(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// The output of a command, its error output, and its exit code.
fn run(mut command: Command, input: &str) -> (String, String, i32) {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = piped.expect("node 20 or newer is installed, and Python in target/kinto (`make setup` does it)");
    // A script that refuses early does not read its input. Its own error message says more than the broken pipe.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let [printed, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (printed, said, output.status.code().expect("it ends by itself"))
}

pub fn seal(key: &str, collection: &str, story: &str, fixed_salts: bool) -> String {
    let mut command = node("seal.mjs");
    command.args([key, collection]);
    if fixed_salts {
        command.env("ESSAIM_FIXED_SALTS", "1");
    }
    let (printed, said, code) = run(command, story);
    assert_eq!((said.as_str(), code), ("", 0));
    printed
}

/// A dump to be read: its key, collection name and rows.
pub type Case = (String, String, Vec<String>);

/// The result of a reader for one dump.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Opened {
    pub records: Vec<Value>,
    /// Where, and why.
    pub problems: Vec<(String, String)>,
}

impl Opened {
    fn places(&self) -> Vec<&str> {
        self.problems.iter().map(|(place, _)| place.as_str()).collect()
    }
}

/// The results of each reader for these dumps. The readers must agree, except for the wording of problems.
pub fn open_all(cases: &[Case]) -> [Vec<Opened>; 2] {
    let input = serde_json::to_string(cases).unwrap();
    let readers = [node("many.mjs"), python("many.py")].map(|command| {
        let (printed, said, code) = run(command, &input);
        assert_eq!((said.as_str(), code), ("", 0));
        let opened: Vec<Opened> = printed.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert_eq!(opened.len(), cases.len());
        opened
    });
    for (javascript, python) in readers[0].iter().zip(&readers[1]) {
        assert_same(&javascript.records, &python.records);
        assert_eq!(javascript.places(), python.places());
    }
    readers
}

pub fn case(rows: &[Value]) -> Case {
    (key(), COLLECTION.to_owned(), rows.iter().map(Value::to_string).collect())
}

fn case_of(dump: &Dump) -> Case {
    let rows = dump.rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    (dump.key.clone(), dump.collection.clone(), rows)
}

fn assert_all_open(dumps: &[Dump]) {
    let cases: Vec<Case> = dumps.iter().map(case_of).collect();
    let [_, opened] = open_all(&cases);
    for (dump, opened) in dumps.iter().zip(opened) {
        assert_eq!(opened.problems, []);
        assert_eq!(opened.records, dump.records);
    }
}

#[test]
fn what_rust_and_what_javascript_seal_opens_elsewhere() {
    let first_segments = ["s-AAECAwQFBgcICQoLDA0ODw", "s-EBESExQVFhcYGRobHB0eHw"];
    let emptied = [[].as_slice(), &["p000000000002"], &["p000000000001", "p000000000002", "p000000000004"]];
    let mut dumps = vec![dump(), dump_by_javascript(false)];
    for (emptied, deleted) in emptied.into_iter().flat_map(|emptied| [(emptied, [].as_slice()), (emptied, &first_segments)]) {
        dumps.push(dump_without(emptied, deleted));
    }
    // Like a listing that leaves emptied pages out.
    let mut listed = dump();
    listed.rows.retain(|row| row.sealed().is_some());
    dumps.push(listed);
    let mut typed = dump();
    typed.key = typed.key.to_lowercase().replace('-', " ").replace('0', "o");
    dumps.push(typed);
    assert_all_open(&dumps);
    assert_dump_opens(&dumps[1]);
    assert_ne!(dumps[1].rows[0].ct, dump_by_javascript(false).rows[0].ct, "two texts have one salt");
}

#[test]
fn at_the_edges_of_the_format_all_implementations_say_the_same() {
    let edges = edges();
    let cases: Vec<Case> = edges
        .iter()
        .map(|edge| (edge.key.clone(), edge.collection.clone(), edge.rows.clone()))
        .collect();
    let [_, opened] = open_all(&cases);
    for (edge, opened) in edges.iter().zip(opened) {
        let Edge { comment, wrong, records, .. } = edge;
        let mut places = opened.places();
        places.dedup();
        assert_eq!(
            places,
            wrong.iter().map(|wrong| wrong.place.as_str()).collect::<Vec<_>>(),
            "{comment}: {:?}",
            opened.problems
        );
        assert_eq!(canonical(&opened.records), canonical(records), "{comment}");
        let device = Device::open(&Kinto::showing(&edge.rows), &edge.key, "a device that is new", Limits::default());
        let synced = now(device.sync(&options(REMOTE)));
        match (synced, wrong) {
            (Ok(_), None) => assert_eq!(canonical(&list(&device)), canonical(records), "{comment}"),
            (Err(error), Some(wrong)) => assert_eq!(error.code(), wrong.code, "{comment}: {error}"),
            (synced, _) => panic!("{comment}: {synced:?}"),
        }
    }
}

/// Records as canonical JSON texts, sorted: two texts are equal if JavaScript treats the records as equal.
fn canonical(records: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(|record| essaim::pure::equality::canonical(&record.to_string())).collect();
    texts.sort();
    texts
}

/// The limits of 512 KiB and 192 KiB apply to writers only, and a record may be nested to any depth.
#[test]
fn readers_have_no_limits() {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for members in [format!("\"text\":\"{}\"", "long ".repeat(200_000)), format!("\"deep\":{deep}")] {
        let edge = crate::generator::one_page(&format!("[\"a\",{{{members}}}]"));
        let case = (edge.key.clone(), edge.collection.clone(), edge.rows.clone());
        for (printed, said, code) in [node("open.mjs"), python("reader.py")].map(|command| open_by_hand(command, &case)) {
            assert_eq!((said.as_str(), code), ("", 0));
            assert!(printed == format!("[{{\"id\":\"a\",{members},\"last_modified\":1001}}]\n"));
        }
        let device = Device::open(&Kinto::showing(&edge.rows), &edge.key, "a device", Limits::default());
        now(device.sync(&options(REMOTE))).expect("it is read");
    }
}

fn open_by_hand(mut command: Command, (key, name, rows): &Case) -> (String, String, i32) {
    command.args([key, name]);
    run(command, &format!("[{}]", rows.join(",")))
}

/// The exit codes mean: everything could be read; some problems are listed; nothing could be read.
#[test]
fn what_opens_is_printed_and_the_rest_is_listed() {
    let mut damaged = dump();
    damaged.rows.retain(|row| row.id != "p000000000009");
    row(&mut damaged.rows, "p000000000012").ct = Some("AAAA".to_owned());
    let mut mistyped = case_of(&dump());
    mistyped.0 = mistyped.0.replacen('2', "3", 1);
    let mut foreign = case_of(&dump());
    foreign.0 = make_key([7; 32]).to_string();
    let cases = [
        (case_of(&dump()), 0, "", 4),
        (
            case_of(&damaged),
            1,
            "p000000000011: does not follow: a page before it is missing, or another\n",
            3,
        ),
        (mistyped, 2, "a mistyped key\n", 0),
        (foreign, 2, "no page opens. Are these the key and the name?\n", 0),
        ((key(), "tasks".to_owned(), vec!["not JSON".to_owned()]), 2, "is not JSON\n", 0),
    ];
    for (case, code, says, count) in cases {
        for (printed, said, ended) in [node("open.mjs"), python("reader.py")].map(|command| open_by_hand(command, &case)) {
            assert_eq!((ended, said.contains(says)), (code, true), "{says}: {said}");
            let records: Vec<Value> = serde_json::from_str(&printed).unwrap_or_default();
            assert_eq!((records.len(), printed.is_empty()), (count, code == 2), "{says}");
        }
    }
}

/// The segments of the latest snapshot.
const SEGMENTS: [&str; 2] = ["s-ICEiIyQlJicoKSorLC0uLw", "s-MDEyMzQ1Njc4OTo7PD0-Pw"];

#[test]
fn a_dump_that_lies_is_listed_place_by_place_and_the_rest_of_it_opens() {
    type Lie = fn(&mut Vec<SealedRow>);
    // For each lie: a description, the places where it is detected, the reason, and the ids of the records that are left, in order.
    let lies: [(&str, &[&str], &str, &str, Lie); 15] = [
        ("a page is missing", &["p000000000011"], "does not follow", "bde", |rows| {
            rows.retain(|row| row.id != "p000000000009")
        }),
        (
            "a page was emptied that nothing covers",
            &["p000000000012"],
            "does not follow",
            "bcde",
            |rows| row(rows, "p000000000011").ct = None,
        ),
        ("a segment is missing", &["p000000000008", "p000000000008"], "is missing", "ce", |rows| {
            rows.retain(|row| row.id != SEGMENTS[0])
        }),
        ("segments are swapped", &["p000000000008", "p000000000008"], "is another", "ce", |rows| {
            swap(rows, SEGMENTS[0], SEGMENTS[1])
        }),
        ("a segment was emptied", &["p000000000008", "p000000000008"], "is missing", "ce", |rows| {
            row(rows, SEGMENTS[0]).ct = None
        }),
        ("history is missing", &["p000000000008"], "is missing", "bcde", |rows| {
            rows.retain(|row| row.history.is_none())
        }),
        ("history is a segment", &["p000000000008"], "is another", "bcde", |rows| {
            let ct = row(rows, SEGMENTS[0]).ct.clone();
            rows.iter_mut().find(|row| row.history.is_some()).unwrap().history = ct;
        }),
        (
            "a page is in the place of one that is covered",
            &["p000000000007"],
            "another place",
            "bcde",
            |rows| {
                row(rows, "p000000000007").ct = row(rows, "p000000000009").ct.clone();
                row(rows, "p000000000007").e = Some(1);
            },
        ),
        (
            "pages are swapped",
            &["p000000000009", "p000000000012", "p000000000011"],
            "another place",
            "bde",
            |rows| swap(rows, "p000000000009", "p000000000012"),
        ),
        ("a page stands in a void", &["p000000000010"], "another place", "bcde", |rows| {
            *row(rows, "p000000000010") = SealedRow {
                id: "p000000000010".to_owned(),
                ..row(rows, "p000000000009").clone()
            }
        }),
        ("the epoch is another", &["p000000000012"], "epoch 2", "bcde", |rows| {
            row(rows, "p000000000012").e = Some(2)
        }),
        ("the version is another", &["p000000000012"], "version 2", "bcde", |rows| {
            row(rows, "p000000000012").v = 2
        }),
        ("a bit is another", &["p000000000012"], "or was changed", "bcde", |rows| {
            edit(rows, |ct| ct.replace_range(20..21, if &ct[20..21] == "A" { "B" } else { "A" }))
        }),
        ("it is cut", &["p000000000012"], "was changed, or cut", "bcde", |rows| {
            edit(rows, |ct| ct.truncate(ct.len() / 4 * 4 - 4))
        }),
        ("nothing is left but a page", &["p000000000012"], "does not follow", "e", |rows| {
            rows.retain(|row| row.id == "p000000000012")
        }),
    ];
    let told = |tell: Lie| {
        let mut dump = dump();
        tell(&mut dump.rows);
        case_of(&dump)
    };
    for opened in open_all(&lies.map(|(.., tell)| told(tell))) {
        for ((lie, places, why, ids, _), opened) in lies.into_iter().zip(opened) {
            assert_eq!(opened.places(), places, "{lie}: {:?}", opened.problems);
            assert!(opened.problems[0].1.contains(why), "{lie}: {:?}", opened.problems);
            let left: String = opened.records.iter().map(|record| record["id"].as_str().unwrap()).collect();
            assert_eq!(left, ids, "{lie}");
        }
    }
}

/// The liar has the key, so everything opens. All pages are present, and contain the records that the snapshot should have.
#[test]
fn a_snapshot_that_lies_is_not_used() {
    type Spoil = fn(&mut Snapshot);
    let lies: [(&str, &str, Spoil); 8] = [
        ("the digest is another", "are not what it says", |snapshot| snapshot.digest.0[31] ^= 1),
        ("a segment is left out", "are not what it says", |snapshot| drop(snapshot.segments.pop())),
        ("a count is another", "is not whole", |snapshot| snapshot.segments[0].count += 1),
        ("a void is covered as a page", "is not the page", |snapshot| snapshot.covered.swap(1, 2)),
        ("a page is covered as another", "is not the page", |snapshot| {
            snapshot.covered[0] = snapshot.covered[2]
        }),
        ("a page is not covered", "does not cover", |snapshot| snapshot.covered.truncate(2)),
        ("history is left out", "does not cover", |snapshot| drop(snapshot.history.pop())),
        ("history begins later", "does not cover", |snapshot| snapshot.history[0].first += 1),
    ];
    for opened in open_all(&lies.map(|(.., spoil)| case_of(&dump_spoiled(spoil)))) {
        for ((lie, why, _), opened) in lies.into_iter().zip(opened) {
            assert!(opened.problems.iter().any(|(_, problem)| problem.contains(why)), "{lie}: {:?}", opened.problems);
            assert_eq!(opened.records, dump().records, "{lie}");
        }
    }
}

#[test]
fn python_reads_the_vectors_of_keys_and_envelopes() {
    let (printed, said, code) = run(python("vectors.py"), "");
    assert_eq!((said.as_str(), code), ("", 0));
    let counts: Vec<usize> = serde_json::from_str(&printed).unwrap();
    assert!(counts[0] > 20 && counts[1] > 50 && counts[2] == 1, "{counts:?}");
}

#[test]
fn the_reader_needs_what_the_kinto_for_tests_has() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/tests/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let of_kinto = read("kinto/requirements.txt");
    for line in read("crypto/requirements.txt").lines().filter(|line| !line.starts_with('#')) {
        assert!(of_kinto.lines().any(|other| other == line), "{line} is another version there");
    }
}

fn row<'a>(rows: &'a mut [SealedRow], id: &str) -> &'a mut SealedRow {
    rows.iter_mut().find(|row| row.id == id).unwrap()
}

fn swap(rows: &mut [SealedRow], one: &str, other: &str) {
    let ct = row(rows, one).ct.take();
    let other = std::mem::replace(&mut row(rows, other).ct, ct);
    row(rows, one).ct = other;
}

fn edit(rows: &mut [SealedRow], change: impl FnOnce(&mut String)) {
    change(row(rows, "p000000000012").ct.as_mut().unwrap());
}
