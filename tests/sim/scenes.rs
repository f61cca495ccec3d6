//! Scenes that chance brings about once in many thousand seeds, so they are scripted: two snapshots at once, a snapshot over a local edit,
//! a device with the key whose snapshots are wrong, and a newest page that is shown as emptied.

use super::actor::{Actor, options, shared_id};
use super::executor::Dice;
use super::liar::Liar;
use super::lie::Lie;
use super::platform::NoApp;
use super::server::{SimConfig, SimServer};
use super::world::{COLLECTION, RECORDS, REMOTE, World, request};
use essaim::ports::Request;
use essaim::pure::crypto::key;
use essaim::pure::json;
use essaim::pure::record::Base;
use essaim::pure::sealed::chain::{Next, View};
use essaim::pure::sealed::home::Head;
use essaim::pure::sealed::item::{self, emptied_body, page_id, sealed_body};
use essaim::pure::sealed::page::{Kind, Page};
use essaim::pure::sealed::seal::{Hash, Seal};
use essaim::pure::sealed::snapshot::{self, Ledger, Segment, Snapshot};
use essaim::pure::sealed::{Limits, Rule};
use std::cell::Cell;
use std::rc::Rc;

pub type Outcome = Result<(), String>;

fn key_text() -> String {
    key::make_key([3; 32]).to_string()
}

pub fn collection_url() -> String {
    let keys = key::read_key(&key_text()).expect("a key").derive_journal(COLLECTION);
    format!("{REMOTE}/buckets/default/collections/{}", keys.server_collection)
}

pub fn world(limits: Limits, without: Option<Rule>) -> Rc<World> {
    let mut world = World::new(3, true, |client| {
        client.sealed_collection("default", COLLECTION, NoApp, Vec::new(), &key_text()).expect("a key")
    });
    world.replace_server(SimServer::new(SimConfig::default()));
    world.calm();
    (world.limits, world.without) = (limits, without);
    Rc::new(world)
}

async fn write_all(actor: &Actor) {
    for number in 0..RECORDS {
        actor.write(&shared_id(number)).await;
    }
}

pub fn write_and_sync(actor: &Actor) -> Outcome {
    let writer = actor.clone();
    actor.world.wait(actor.owner, async move { write_all(&writer).await });
    sync(actor).map_err(|code| format!("device {}: {code}", actor.device))
}

pub fn sync(actor: &Actor) -> Result<(), String> {
    let syncing = actor.clone();
    let synced = actor.world.wait(actor.owner, async move { syncing.sync("manual").await });
    synced.map(drop).map_err(|error| error.code())
}

/// Repairs and returns the report; its conflicts are left open.
pub fn repaired(actor: &Actor, strategy: &'static str) -> String {
    let repairing = actor.clone();
    let repaired = actor
        .world
        .wait(actor.owner, async move { repairing.collection.repair(&options(strategy)).await });
    repaired.unwrap()
}

pub fn same_records(one: &Actor, other: &Actor) -> Outcome {
    match one.records() == other.records() {
        true => Ok(()),
        false => Err(format!(
            "device {} has {:?}, device {} has {:?}",
            one.device,
            one.records(),
            other.device,
            other.records()
        )),
    }
}

/// One device has written its snapshot and is slow to clean up, while another device writes the next snapshot. The first one then sees
/// segments that belong to no snapshot it knows.
pub fn two_snapshots_at_once(without: Option<Rule>) -> Outcome {
    let limits = Limits {
        snapshot_pages: 2,
        ..Limits::default()
    };
    let world = world(limits, without);
    let (slow, quick) = (world.open(0), world.open(1));
    write_and_sync(&slow)?;
    let order = Rc::new(Order::default());
    let held = order.clone();
    *world.internet.held.borrow_mut() = Some(Rc::new(move |device, request: &Request| held.holds(device, request)));
    let (writer, seen) = (slow.clone(), order.clone());
    world.executor.spawn(slow.owner, async move { write_until(&writer, &seen.slow_tidies).await });
    let (writer, seen) = (quick.clone(), order.clone());
    world.executor.spawn(quick.owner, async move {
        while !seen.slow_tidies.get() {
            writer.world.executor.sleep(1).await;
        }
        write_until(&writer, &seen.quick_has_segments).await;
        seen.quick_is_done.set(true);
    });
    world.run();
    assert!(order.quick_is_done.get() && order.slow_has_listed.get(), "the scene was not played");
    let newcomer = world.open(2);
    for actor in [&newcomer, &slow, &quick, &newcomer] {
        sync(actor).map_err(|code| format!("device {}: {code}", actor.device))?;
    }
    same_records(&newcomer, &quick).and(same_records(&newcomer, &slow))
}

/// How far the two devices are, seen from their requests.
#[derive(Default)]
struct Order {
    slow_tidies: Cell<bool>,
    quick_writes_segments: Cell<bool>,
    quick_has_segments: Cell<bool>,
    slow_has_listed: Cell<bool>,
    quick_is_done: Cell<bool>,
}

impl Order {
    fn holds(&self, device: usize, request: &Request) -> bool {
        let is = |method: &str, part: &str| request.method == method && request.url.contains(part);
        match device {
            0 if is("GET", "_fields=id") => {
                self.slow_tidies.set(true);
                !self.quick_has_segments.get()
            }
            // The device has finished its listing by then.
            0 if is("POST", "/batch") => {
                self.slow_has_listed.set(true);
                !self.quick_is_done.get()
            }
            1 if is("PUT", "/records/s-") => {
                self.quick_writes_segments.set(true);
                false
            }
            1 if is("PUT", "/records/p") && self.quick_writes_segments.get() => {
                self.quick_has_segments.set(true);
                !self.slow_has_listed.get()
            }
            _ => false,
        }
    }
}

async fn write_until(actor: &Actor, is_reached: &Cell<bool>) {
    while !is_reached.get() {
        write_all(actor).await;
        actor.sync("manual").await.expect("a server that answers");
    }
}

/// A device has edited a record that nobody else changed, and catches up by a snapshot. This must cause no conflict.
pub fn a_snapshot_over_a_local_edit(without: Option<Rule>) -> Outcome {
    let limits = Limits {
        snapshot_pages: 2,
        ..Limits::default()
    };
    let world = world(limits, without);
    let (editor, writer) = (world.open(0), world.open(1));
    write_and_sync(&writer)?;
    sync(&editor).map_err(|code| format!("device 0: {code}"))?;
    let editing = editor.clone();
    world.wait(editor.owner, async move { editing.write(&shared_id(0)).await });
    for number in (1..RECORDS).cycle().take(20) {
        let writing = writer.clone();
        world.wait(writer.owner, async move { writing.write(&shared_id(number)).await });
        sync(&writer).map_err(|code| format!("device 1: {code}"))?;
    }
    let syncing = editor.clone();
    let report = world.wait(editor.owner, async move { syncing.collection.sync(&options("manual")).await });
    let report = report.map_err(|error| format!("device 0: {error}"))?;
    match json::member(&report, "conflicts") {
        Some("[]") => sync(&writer).and_then(|()| same_records(&editor, &writer)),
        conflicts => Err(format!("device 0 has conflicts: {conflicts:?}")),
    }
}

/// A device that has the key, but is faulty, writes snapshots that leave a record out. A device that can tell must report it and apply
/// nothing.
pub fn a_snapshot_that_leaves_something_out(without: Option<Rule>) -> Outcome {
    for author in [Author::WrongSegments, Author::WrongDigest] {
        let world = world(Limits::default(), without);
        let (writer, follower) = (world.open(0), world.open(1));
        write_and_sync(&writer)?;
        sync(&follower).map_err(|code| format!("device 1: {code}"))?;
        author.write_snapshot(&world);
        // A device that knows all records can detect a wrong digest. One that knows none can detect wrong segments.
        let reader = match author {
            Author::WrongSegments => world.open(2),
            Author::WrongDigest => follower,
        };
        let before = reader.records();
        match sync(&reader) {
            Err(code) if code == "bad_snapshot" && reader.records() == before => {}
            outcome => return Err(format!("device {}: {outcome:?}, {} records", reader.device, reader.records().len())),
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Author {
    /// The digest covers all live records, the segments do not. The pages are emptied.
    WrongSegments,
    /// The digest and the segments agree; both lack a record.
    WrongDigest,
}

impl Author {
    fn write_snapshot(self, world: &World) {
        let keys = key::read_key(&key_text()).expect("a key").derive_journal(COLLECTION);
        let records = format!("{}/records", collection_url());
        let send = |method, url: String, body: Option<String>| {
            let response = world.internet.handle(&request(method, url, body));
            assert!(response.status < 300, "{response:?}");
            response.body
        };
        let put = |id: &str, body: String| drop(send("PUT", format!("{records}/{id}"), Some(format!("{{\"data\":{{{body}}}}}"))));
        let seal = Seal::new(&keys);
        let (mut ledger, hashes, t) = read_journal(&send("GET", records.clone(), None), &seal);
        let whole = snapshot::digest(ledger.iter());
        ledger.pop_first();
        let digest = match self {
            Author::WrongSegments => whole,
            Author::WrongDigest => snapshot::digest(ledger.iter()),
        };
        let id = format!("s-{}", "A".repeat(22));
        let mut segments = Vec::new();
        for (count, text) in snapshot::segments(&ledger, 1 << 18) {
            let ct = seal.seal_segment(&id, &text, [1; 24]);
            segments.push(Segment {
                id: id.clone(),
                hash: snapshot::segment_hash(&ct),
                count,
            });
            put(&id, sealed_body(&ct));
        }
        let page = Page {
            prev: *hashes.last().expect("a page"),
            device: "faulty".into(),
            t: t + 1,
            kind: Kind::Snapshot(Snapshot {
                segments,
                covered: hashes.iter().copied().map(Some).collect(),
                history: Vec::new(),
                digest,
            }),
        };
        let position = hashes.len() as u64 + 1;
        put(&page_id(position), sealed_body(&seal.seal_page(position, &page.write(None), [2; 24])));
        if let Author::WrongSegments = self {
            (1..position).for_each(|position| put(&page_id(position), emptied_body()));
        }
    }
}

/// Reads a listing of pages: the live records, the hash of each page, and the time of the last page.
fn read_journal(listing: &str, seal: &Seal) -> (Ledger, Vec<Hash>, u64) {
    let mut view = View::default();
    let rows = json::member(listing, "data").and_then(json::elements).expect("a listing");
    rows.filter_map(item::read).for_each(|item| view.add(item));
    let (mut ledger, mut hashes, mut head, mut t) = (Ledger::new(), Vec::new(), Head::default(), 0);
    while let Ok(Next::Page(opened)) = view.next(&head, seal) {
        (head, t) = (opened.head, opened.page.t);
        hashes.push(head.hash);
        let Kind::Changes(changes) = opened.page.kind else {
            panic!("a page of changes")
        };
        for change in changes {
            let position = head.position;
            match change.text {
                Some(text) => drop(ledger.insert(change.id, Base { position, t, text })),
                None => drop(ledger.remove(&change.id)),
            }
        }
    }
    (ledger, hashes, t)
}

/// The newest page is shown to one device as emptied, for so long that the device might ask only whether anything has changed.
#[test]
fn a_newest_page_shown_as_emptied_is_found_when_the_lie_ends() {
    let mut told = 0;
    for seed in 0..20 {
        let world = world(Limits::default(), None);
        let (writer, victim) = (world.open(0), world.open(1));
        write_and_sync(&writer).unwrap();
        sync(&victim).unwrap();
        write_and_sync(&writer).unwrap();
        let backup = world.internet.server.borrow().clone();
        let liar = Rc::new(Liar::new(Lie::ForgedEmptying, Some(1), Rc::new(Dice::new(seed)), backup));
        *world.internet.liar.borrow_mut() = Some(liar.clone());
        for _ in 0..4 {
            let executor = world.executor.clone();
            world.wait(victim.owner, async move { executor.sleep(60_000).await });
            sync(&victim).ok();
        }
        told += usize::from(liar.has_told());
        *world.internet.liar.borrow_mut() = None;
        sync(&victim).unwrap();
        assert_eq!(same_records(&writer, &victim), Ok(()), "seed {seed}");
    }
    assert!(told > 0);
}

#[test]
fn two_snapshots_at_once_lose_nothing() {
    assert_eq!(two_snapshots_at_once(None), Ok(()));
}

#[test]
fn a_snapshot_over_a_local_edit_is_no_conflict() {
    assert_eq!(a_snapshot_over_a_local_edit(None), Ok(()));
}

#[test]
fn a_snapshot_that_leaves_something_out_is_not_adopted() {
    assert_eq!(a_snapshot_that_leaves_something_out(None), Ok(()));
}
