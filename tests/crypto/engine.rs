//! Checks that other readers can open what the engine stores on a server, and that the engine reads what other writers sealed.

use crate::contract::vectors::journal;
use crate::device::{COLLECTION, Device, Kinto, assert_same, list, now, sync};
use crate::generator::{dump_by_javascript, dump_without, key};
use crate::readers::{case, open_all};
use essaim::engine::collection::Collection;
use essaim::pure::crypto::encoding::read_base64url;
use essaim::pure::crypto::envelope::sealed_length;
use essaim::pure::crypto::padding::padded_length;
use essaim::pure::operations::UpdateOptions;
use essaim::pure::sealed::Limits;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// So small that a few hundred edits make hundreds of pages, many snapshots and long histories.
const SMALL: Limits = Limits {
    page_bytes: 600,
    snapshot_pages: 6,
    history_hashes: 16,
    listing_rows: 5,
};

fn server_collection() -> String {
    journal(&key(), COLLECTION).server_collection
}

/// The members of a record, in spellings that JSON allows but no serialiser produces. The journal must keep such texts unchanged.
fn members(number: u64) -> String {
    match number % 5 {
        0 => format!("\"n\" : {number}.0 , \"title\":\"\\u0062\\u00EAta\""),
        1 => format!("\"n\":{number}e2,\"deep\":{{\"]\":[[],[{{}}, \"}},{{\"]] }}"),
        2 => format!("\"n\":-{number},\"__proto__\":{{\"x\":\"\\\\\\\"\"}}"),
        3 => format!("\"n\":{number},\"text\":\"{}\"", "long ".repeat((number % 200) as usize)),
        _ => format!("\"n\":{number},\"deleted\":true"),
    }
}

fn edit(device: &Collection<Device>, step: u64) {
    let id = step * step * 7 % 41;
    let record = format!("{{\"id\":\"record {id}\",{}}}", members(step));
    let is_there = now(device.get(&format!("\"record {id}\""), false)).is_ok();
    let written = match (is_there, step % 4) {
        (true, 0) => now(device.delete(&format!("\"record {id}\""), true)),
        (true, _) => now(device.update(&record, UpdateOptions::default())),
        (false, _) => now(device.upsert(&record)),
    };
    written.expect("nothing goes wrong");
}

/// Checks that the text in `ct` was padded to one of a few sizes. Histories are not padded: their length follows from the positions.
fn assert_padded(row: &Value) {
    let Some(ct) = row.get("ct").and_then(Value::as_str) else { return };
    let sealed = read_base64url(ct).expect("base64url").len();
    let plain = (0..sealed).rev().find(|len| sealed_length(*len) == sealed).expect("an envelope");
    assert_eq!(padded_length(plain), plain, "{} tells its exact size", row["id"]);
}

#[test]
fn what_the_engine_leaves_on_a_server_opens_without_it() {
    let kinto = Kinto::new();
    let devices = ["a", "b"].map(|name| Device::open(&kinto, &key(), name, SMALL));
    let mut snapshots = BTreeSet::new();
    let (mut dumps, mut lists) = (Vec::new(), Vec::new());
    for step in 0..400 {
        let device = &devices[(step / 9 % 2) as usize];
        edit(device, step);
        if step % 3 == 2 {
            let report = sync(device);
            assert_eq!((&report["errors"], &report["conflicts"]), (&json!([]), &json!([])));
            let dump = kinto.dump(&server_collection());
            snapshots.extend(
                dump.iter()
                    .filter(|row| row["id"].as_str().unwrap().starts_with('s'))
                    .map(|row| row["id"].to_string()),
            );
            if step % 30 == 29 {
                dumps.push(case(&dump));
                lists.push(list(device));
            }
        }
    }
    let dump = kinto.dump(&server_collection());
    let has = |member: &str| dump.iter().filter(|row| row.get(member).is_some()).count();
    let emptied = dump.iter().filter(|row| row.get("ct").is_none() && row.get("history").is_none()).count();
    assert!(
        emptied > 60 && has("history") > 1,
        "{emptied} pages are emptied, {} are history",
        has("history")
    );
    assert!(snapshots.len() > 60, "{} segments in all", snapshots.len());
    dump.iter().for_each(assert_padded);
    let fresh = Device::open(&kinto, &key(), "fresh", SMALL);
    sync(&fresh);
    dumps.push(case(&dump));
    lists.push(list(&fresh));
    assert!(lists.iter().all(|list| list.len() > 10));
    let [_, opened] = open_all(&dumps);
    for (opened, listed) in opened.iter().zip(&lists) {
        assert_eq!(opened.problems, []);
        assert_same(&opened.records, listed);
    }
}

#[test]
fn the_engine_reads_what_javascript_sealed_and_goes_on_after_it() {
    let story = dump_by_javascript(false);
    for emptied in [[].as_slice(), &["p000000000001", "p000000000002", "p000000000004"]] {
        let kinto = Kinto::new();
        for row in &story.rows {
            let is_emptied = emptied.contains(&row.id.as_str());
            let row = if is_emptied { json!({ "id": row.id, "v": 1 }) } else { json!(row) };
            kinto.put(&server_collection(), &row);
        }
        goes_on(&kinto, &story.records);
    }
}

#[test]
fn the_engine_reads_a_dump_that_its_own_functions_made() {
    let story = dump_without(&["p000000000001", "p000000000005"], &[]);
    let kinto = Kinto::new();
    story.rows.iter().for_each(|row| kinto.put(&server_collection(), &json!(row)));
    goes_on(&kinto, &story.records);
}

/// Checks that the engine reads these records and continues the journal. The journal was closed with this same server as its destination,
/// so it may be continued here.
fn goes_on(kinto: &Kinto, records: &[Value]) {
    let device = Device::open(kinto, &key(), "engine", SMALL);
    sync(&device);
    assert_same(&list(&device), records);
    now(device.create("{\"id\":\"f\",\"title\":\"made by the engine\"}", false)).expect("nothing goes wrong");
    assert_eq!(sync(&device)["published"].as_array().map(Vec::len), Some(1));
    let [opened, _] = open_all(&[case(&kinto.dump(&server_collection()))]).map(|mut opened| opened.remove(0));
    assert_eq!(opened.problems, []);
    assert_same(&opened.records, &list(&device));
    assert_eq!(opened.records.len(), records.len() + 1);
}
