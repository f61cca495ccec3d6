//! Rows that no device wrote. If many such rows exist, a repair and a compaction make a bounded number of requests, report what they left,
//! and continue the next time. If one is only shown, in the place of the latest snapshot, a repair leaves the true page alone.

use super::actor::{Actor, shared_id};
use super::platform::NoApp;
use super::scenes::{self, Outcome, repaired, same_records};
use super::server::{SimConfig, SimServer};
use super::world::{COLLECTION, RECORDS, REMOTE, World, request};
use essaim::ports::{Request, Response};
use essaim::pure::crypto::encoding::base64url;
use essaim::pure::crypto::key;
use essaim::pure::json;
use essaim::pure::sealed::item::{page_id, read_name};
use essaim::pure::sealed::{Limits, Rule};
use std::rc::Rc;
use std::time::{Duration, Instant};

const MOST_REQUESTS: usize = 2_000;

fn key_text() -> String {
    key::make_key([3; 32]).to_string()
}

fn records() -> String {
    let keys = key::read_key(&key_text()).expect("a key").derive_journal(COLLECTION);
    format!("{REMOTE}/buckets/default/collections/{}/records", keys.server_collection)
}

fn world() -> Rc<World> {
    let mut world = World::new(3, true, |client| {
        client.sealed_collection("default", COLLECTION, NoApp, Vec::new(), &key_text()).expect("a key")
    });
    world.replace_server(SimServer::new(SimConfig::default()));
    world.calm();
    Rc::new(world)
}

fn put(world: &World, names: impl Iterator<Item = String>) {
    for name in names {
        let body = "{\"data\":{\"v\":1,\"e\":1,\"ct\":\"AAAA\"}}".to_owned();
        let response = world.internet.handle(&request("PUT", format!("{}/{name}", records()), Some(body)));
        assert_eq!(response.status, 201, "{name}");
    }
}

/// The names of the rows that have content.
fn sealed(world: &World) -> Vec<String> {
    let listing = world.internet.handle(&request("GET", format!("{}?has_ct=true&_limit=10000", records()), None));
    let rows = json::member(&listing.body, "data").and_then(json::elements).expect("a listing");
    rows.filter_map(|row| json::member(row, "id").and_then(json::string).map(|id| id.into_owned()))
        .collect()
}

fn write_and_sync(actor: &Actor) {
    let writer = actor.clone();
    actor.world.wait(actor.owner, async move {
        for number in 0..RECORDS {
            writer.write(&shared_id(number)).await;
        }
    });
    sync(actor).expect("a sync");
}

fn sync(actor: &Actor) -> Result<(), String> {
    let syncing = actor.clone();
    let synced = actor.world.wait(actor.owner, async move { syncing.sync("manual").await });
    synced.map(drop).map_err(|error| error.code())
}

/// Returns the report, and the number of requests that the repair made.
fn repair(actor: &Actor) -> (String, usize) {
    let before = actor.world.internet.requests.get();
    let repairing = actor.clone();
    let repaired = actor.world.wait(actor.owner, async move { repairing.repair("manual").await });
    (repaired.expect("a repair"), actor.world.internet.requests.get() - before)
}

/// Repairs until the report has no more errors. Returns the number of repairs.
fn repair_all(actor: &Actor) -> usize {
    for times in 1..20 {
        let (report, requests) = repair(actor);
        assert!(requests <= MOST_REQUESTS, "{requests} requests");
        if report.contains("\"errors\":[]") {
            return times;
        }
        assert!(report.contains(" Call repair() again."), "{report}");
    }
    panic!("it never ends");
}

fn check_alike(world: &Rc<World>, writer: &Actor) {
    let newcomer = world.open(2);
    for actor in [writer, &newcomer] {
        sync(actor).expect("a sync");
    }
    assert_eq!(newcomer.records(), writer.records());
    assert_eq!(writer.records().len(), RECORDS);
}

fn position(actor: &Actor) -> u64 {
    let collection = actor.collection.clone();
    let head = actor.world.wait(actor.owner, async move { collection.head().await.expect("a head") });
    json::member(&head, "position").and_then(json::whole).expect("a position")
}

#[test]
fn rows_in_the_places_of_the_next_pages_are_emptied_by_so_many_repairs_as_it_takes() {
    let world = world();
    let writer = world.open(0);
    write_and_sync(&writer);
    let first = position(&writer) + 1;
    put(&world, (first..first + 3_500).map(page_id));
    assert_eq!(sync(&writer), Err("tampered".into()));
    assert_eq!(repair_all(&writer), 4);
    assert!(sealed(&world).len() <= 8, "{:?}", sealed(&world));
    check_alike(&world, &writer);
}

#[test]
fn rows_each_a_thousand_positions_on_lead_no_further_than_a_snapshot_can_say() {
    let world = world();
    let writer = world.open(0);
    write_and_sync(&writer);
    let first = position(&writer);
    put(&world, (1..=300).map(|number| page_id(first + 1_000 * number)));
    assert_eq!(repair_all(&writer), 1);
    assert!(position(&writer) <= first + 100_010, "{}", position(&writer));
    check_alike(&world, &writer);
}

#[test]
fn segments_that_no_snapshot_lists_are_deleted_a_thousand_at_a_time() {
    let world = world();
    let writer = world.open(0);
    write_and_sync(&writer);
    put(&world, (0..2_500u128).map(|number| format!("s-{}", base64url(&number.to_be_bytes()))));
    let is_segment = |id: &&String| read_name(id).is_some() && id.starts_with("s-");
    for left in [1_501, 502, 1] {
        let (report, requests) = repair(&writer);
        assert!(report.contains("\"errors\":[]") && requests <= 100, "{requests} requests: {report}");
        assert_eq!(sealed(&world).iter().filter(is_segment).count(), left);
        write_and_sync(&writer);
    }
    check_alike(&world, &writer);
}

/// How long a repair takes if its listing has this many rows that do not belong to the collection.
fn cost(rows: u64) -> Duration {
    let world = world();
    let writer = world.open(0);
    write_and_sync(&writer);
    let first = position(&writer) + 1;
    put(&world, (first..first + rows).map(page_id));
    let begun = Instant::now();
    repair(&writer);
    begun.elapsed()
}

#[test]
fn its_cost_grows_with_the_rows() {
    let (few, many) = (cost(500), cost(2_000));
    assert!(many < few * 12, "{few:?} for 500 rows, {many:?} for 2,000");
}

/// Something between device and server shows junk in the place of the snapshot page, and refuses the segments of the next snapshot.
pub fn junk_in_the_place_of_the_latest_snapshot(without: Option<Rule>) -> Outcome {
    let limits = Limits {
        snapshot_pages: 2,
        ..Limits::default()
    };
    let world = scenes::world(limits, without);
    let device = world.open(0);
    while !sealed(&world).iter().any(|id| id.starts_with("s-")) {
        write_and_sync(&device);
    }
    let latest = sealed(&world).into_iter().filter(|id| id.starts_with('p')).max().expect("a page");
    let shown = world.internet.handle(&request("GET", format!("{}/{latest}", records()), None));
    let true_row = json::member(&shown.body, "data").expect("a row").to_owned();
    let ct = json::member(&true_row, "ct").expect("a text").to_owned();
    *world.internet.altered.borrow_mut() = Some(Rc::new(move |request: &Request, mut response: Response| {
        if request.method == "PUT" && request.url.contains("/records/s-") {
            (response.status, response.body) = (409, "{\"errno\":122}".into());
        }
        response.body = response.body.replace(&ct, "\"AAAA\"");
        response
    }));
    repaired(&device, "manual");
    *world.internet.altered.borrow_mut() = None;
    let newcomer = world.open(1);
    sync(&newcomer).map_err(|code| format!("a new device: {code}"))?;
    same_records(&newcomer, &device)
}

#[test]
fn a_repair_whose_snapshot_cannot_be_written_empties_nothing_that_new_devices_need() {
    assert_eq!(junk_in_the_place_of_the_latest_snapshot(None), Ok(()));
}
