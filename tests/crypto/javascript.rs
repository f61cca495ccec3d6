//! Beside WebCrypto: `open.mjs` and `seal.mjs`, which share nothing with the Rust but the documents.

use crate::contract::vectors::{Dump, SealedRow, assert_dump_opens};
use crate::generator::{dump, dump_by_javascript, dump_spoiled, dump_without};
use essaim::pure::crypto::key::make_key;
use essaim::pure::sealed::snapshot::Snapshot;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// What the script prints, or what it says went wrong.
fn run(script: &str, arguments: [&str; 2], input: &str, fixed_salts: bool) -> Result<String, String> {
    let mut node = Command::new("node");
    node.arg(format!("{}/tests/crypto/{script}", env!("CARGO_MANIFEST_DIR"))).args(arguments);
    if fixed_salts {
        node.env("ESSAIM_FIXED_SALTS", "1");
    }
    let piped = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = piped.expect("node 20 or newer is installed (`make setup` does it)");
    // A script that refuses early reads nothing: its own words say more than a broken pipe.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("node ends");
    let [printed, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    if output.status.success() {
        return Ok(printed);
    }
    assert_eq!(printed, "", "it failed, and printed all the same");
    Err(said)
}

pub fn seal(key: &str, collection: &str, story: &str, fixed_salts: bool) -> Result<String, String> {
    run("seal.mjs", [key, collection], story, fixed_salts)
}

/// The records of a dump, in the order of their ids. `rows` are JSON.
pub fn open_rows(key: &str, collection: &str, rows: &str) -> Result<Vec<Value>, String> {
    let printed = run("open.mjs", [key, collection], rows, false)?;
    let mut records: Vec<Value> = serde_json::from_str(&printed).unwrap();
    records.sort_by_key(|record| record["id"].to_string());
    Ok(records)
}

fn open(dump: &Dump) -> Result<Vec<Value>, String> {
    open_rows(&dump.key, &dump.collection, &serde_json::to_string(&dump.rows).unwrap())
}

#[test]
fn what_rust_seals_opens_in_javascript() {
    let first_segments = ["s-AAECAwQFBgcICQoLDA0ODw", "s-EBESExQVFhcYGRobHB0eHw"];
    let emptied = [[].as_slice(), &["p000000000002"], &["p000000000001", "p000000000002", "p000000000004"]];
    for (emptied, deleted) in emptied.into_iter().flat_map(|emptied| [(emptied, [].as_slice()), (emptied, &first_segments)]) {
        let dump = dump_without(emptied, deleted);
        assert_eq!(open(&dump).as_ref(), Ok(&dump.records), "emptied: {emptied:?}, deleted: {deleted:?}");
    }
    let mut dump = dump();
    assert_eq!(open(&dump).as_ref(), Ok(&dump.records));
    dump.rows.retain(|row| row.sealed().is_some());
    assert_eq!(open(&dump).as_ref(), Ok(&dump.records), "as a listing that leaves emptied pages out");
}

#[test]
fn what_javascript_seals_opens_in_rust_and_in_javascript() {
    let dump = dump_by_javascript(false);
    assert_dump_opens(&dump);
    assert_eq!(open(&dump).as_ref(), Ok(&dump.records));
    assert_ne!(dump.rows[0].ct, dump_by_javascript(false).rows[0].ct, "two texts have one salt");
}

#[test]
fn javascript_reads_a_key_as_rust_does() {
    let mut dump = dump();
    dump.key = dump.key.to_lowercase().replace('-', " ").replace('0', "o");
    assert_eq!(open(&dump).as_ref(), Ok(&dump.records));
    dump.key = dump.key.replacen('2', "3", 1);
    assert!(open(&dump).unwrap_err().contains("a mistyped key"));
    dump.key = make_key([7; 32]).to_string();
    assert!(open(&dump).unwrap_err().contains("another key"));
}

/// Those of the latest snapshot.
const SEGMENTS: [&str; 2] = ["s-ICEiIyQlJicoKSorLC0uLw", "s-MDEyMzQ1Njc4OTo7PD0-Pw"];

#[test]
fn javascript_refuses_a_dump_that_lies() {
    type Lie = fn(&mut Vec<SealedRow>);
    let lies: [(&str, &str, Lie); 14] = [
        ("a page is missing", "does not follow", |rows| rows.retain(|row| row.id != "p000000000009")),
        ("a page was emptied that nothing covers", "does not follow", |rows| {
            row(rows, "p000000000011").ct = None
        }),
        ("a segment is missing", "is missing", |rows| rows.retain(|row| row.id != SEGMENTS[0])),
        ("segments are swapped", "is another", |rows| swap(rows, SEGMENTS[0], SEGMENTS[1])),
        ("a segment was emptied", "is missing", |rows| row(rows, SEGMENTS[0]).ct = None),
        ("history is missing", "is missing", |rows| rows.retain(|row| row.history.is_none())),
        ("history is a segment", "is another", |rows| {
            let ct = row(rows, SEGMENTS[0]).ct.clone();
            rows.iter_mut().find(|row| row.history.is_some()).unwrap().history = ct;
        }),
        ("a page is in the place of one that is covered", "another place", |rows| {
            row(rows, "p000000000007").ct = row(rows, "p000000000009").ct.clone();
            row(rows, "p000000000007").e = Some(1);
        }),
        ("pages are swapped", "another place", |rows| swap(rows, "p000000000009", "p000000000012")),
        ("a page stands in a void", "another place", |rows| {
            *row(rows, "p000000000010") = SealedRow {
                id: "p000000000010".to_owned(),
                ..row(rows, "p000000000009").clone()
            }
        }),
        ("the epoch is another", "another place", |rows| row(rows, "p000000000012").e = Some(2)),
        ("the version is another", "another version", |rows| row(rows, "p000000000012").v = 2),
        ("a bit is another", "another", |rows| {
            edit(rows, |ct| ct.replace_range(20..21, if &ct[20..21] == "A" { "B" } else { "A" }))
        }),
        ("it is cut", "operation", |rows| edit(rows, |ct| ct.truncate(ct.len() / 4 * 4 - 4))),
    ];
    for (lie, refusal, tell) in lies {
        let mut dump = dump();
        tell(&mut dump.rows);
        let refused = open(&dump).unwrap_err();
        assert!(refused.to_lowercase().contains(refusal), "{lie}: {refused}");
    }
}

/// Told by somebody who has the key, so that everything opens.
#[test]
fn javascript_refuses_a_snapshot_that_lies() {
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
        ("history begins later", "is not whole", |snapshot| snapshot.history[0].first += 1),
    ];
    for (lie, refusal, spoil) in lies {
        let refused = open(&dump_spoiled(spoil)).expect_err(lie);
        assert!(refused.contains(refusal), "{lie}: {refused}");
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
