//! Scenes about data that a server lost and pages that it shows again. Chance brings them about once in many thousand seeds, so they are
//! scripted: a refused page whose record its author deleted before or without sealing it again, and a page of another history below all
//! snapshots.

use super::actor::{Actor, options, shared_id};
use super::executor::Dice;
use super::harvest::Ghost;
use super::liar::Liar;
use super::lie::Lie;
use super::scenes::{Outcome, collection_url, repaired, same_records, sync, world, write_and_sync};
use super::world::{World, request};
use essaim::ports::Request;
use essaim::pure::json;
use essaim::pure::sealed::item::page_id;
use essaim::pure::sealed::{Limits, Rule};
use std::cell::Cell;
use std::rc::Rc;

const NEW: &str = "new";

/// A device creates a record, and its page loses the race. The user deletes the record before the device seals it again. Then the server
/// shows the refused page to another device that repairs.
pub fn a_refused_page_of_a_record_that_was_deleted(without: Option<Rule>) -> Outcome {
    let world = world(Limits::default(), without);
    let (slow, quick) = (world.open(0), world.open(1));
    write_and_sync(&quick)?;
    sync(&slow).map_err(|code| format!("device 0: {code}"))?;

    let race = lose_the_race(&slow, &quick, async |user| user.delete(NEW).await);
    world.run();
    assert!(race.slow_is_done.get() && race.is_deleted.get(), "the scene was not played");
    *world.internet.held.borrow_mut() = None;

    write_and_sync(&quick)?;
    let report = repaired_by_the_refused_page(&quick);
    if report.contains(&format!("\"{NEW}\"")) {
        return Err(format!("device 1 is told of a record that its author deleted: {report}"));
    }
    sync(&slow).map_err(|code| format!("device 0: {code}"))?;
    match [&slow, &quick].into_iter().find(|actor| actor.records().contains_key(NEW)) {
        Some(actor) => Err(format!("device {} has a record again that its author deleted", actor.device)),
        None => same_records(&slow, &quick),
    }
}

/// The same page, but its author edits the record before deleting it, and goes offline before anything more is sent. So no other device
/// knows of the deletion, and the version that comes back is not the one that was deleted.
pub fn a_refused_page_of_a_record_that_was_edited_and_deleted(without: Option<Rule>) -> Outcome {
    let world = world(Limits::default(), without);
    let (slow, quick) = (world.open(0), world.open(1));
    write_and_sync(&quick)?;
    sync(&slow).map_err(|code| format!("device 0: {code}"))?;
    let race = lose_the_race(&slow, &quick, async |user| {
        user.write(NEW).await;
        user.delete(NEW).await;
    });
    while !race.is_deleted.get() {
        assert!(world.executor.step(), "the scene was not played");
    }
    world.executor.kill(slow.owner);
    *world.internet.held.borrow_mut() = None;
    write_and_sync(&quick)?;
    let report = repaired_by_the_refused_page(&quick);
    let conflicts = json::member(&report, "conflicts").and_then(json::elements).into_iter().flatten();
    let conflict = conflicts.map(str::to_owned).find(|conflict| conflict.contains(NEW)).expect("the page is told");
    let collection = quick.collection.clone();
    world.wait(quick.owner, async move {
        let remote = json::member(&conflict, "remote").expect("a record");
        collection.resolve(&conflict, remote).await.unwrap();
    });
    sync(&quick).map_err(|code| format!("device 1: {code}"))?;
    let slow = world.open(0);
    let collection = slow.collection.clone();
    let report = world.wait(slow.owner, async move { collection.sync(&options("manual")).await.unwrap() });
    match json::member(&report, "conflicts").is_some_and(|conflicts| conflicts.contains(NEW)) {
        true => Ok(()),
        false => Err(format!("the author is not asked about the record that it deleted: {report}")),
    }
}

/// The slow device seals a page with a new record, but the quick device's page is stored first. `meanwhile`: what the user of the slow
/// device does after the refusal, before the device seals again.
fn lose_the_race(slow: &Actor, quick: &Actor, meanwhile: impl AsyncFn(&Actor) + 'static) -> Rc<Race> {
    let world = &slow.world;
    let race = Rc::new(Race::default());
    let held = race.clone();
    *world.internet.held.borrow_mut() = Some(Rc::new(move |device, request: &Request| held.holds(device, request)));
    let (writer, seen) = (slow.clone(), race.clone());
    world.executor.spawn(slow.owner, async move {
        writer.write(NEW).await;
        writer.sync("manual").await.expect("a server that answers");
        seen.slow_is_done.set(true);
    });
    let (other, user, seen) = (quick.clone(), slow.clone(), race.clone());
    world.executor.spawn(quick.owner, async move {
        until(&other, &seen.slow_has_sealed).await;
        other.write("r0").await;
        other.sync("manual").await.expect("a server that answers");
        seen.quick_is_first.set(true);
        until(&other, &seen.slow_was_refused).await;
        meanwhile(&user).await;
        seen.is_deleted.set(true);
    });
    race
}

/// Repairs while the server shows the page that it refused, and returns the report.
fn repaired_by_the_refused_page(actor: &Actor) -> String {
    let internet = &actor.world.internet;
    let backup = internet.server.borrow().clone();
    let ghost = Ghost::refused(&internet.harvest, internet.repairing.clone());
    let liar = Rc::new(Liar::new(Lie::HarvestedPage, None, Rc::new(Dice::new(0)), backup).with_ghost(ghost));
    *internet.liar.borrow_mut() = Some(liar.clone());
    internet.repairing.set(true);
    let report = repaired(actor, "manual");
    internet.repairing.set(false);
    assert!(liar.has_told(), "the page was not shown");
    *internet.liar.borrow_mut() = None;
    report
}

/// How far the two devices are, seen from the requests of the slow one.
#[derive(Default)]
struct Race {
    slow_has_sealed: Cell<bool>,
    quick_is_first: Cell<bool>,
    slow_was_refused: Cell<bool>,
    is_deleted: Cell<bool>,
    slow_is_done: Cell<bool>,
}

impl Race {
    fn holds(&self, device: usize, request: &Request) -> bool {
        let is_append = request.method == "PUT" && request.url.contains("/records/p");
        if device != 0 {
            return false;
        }
        if !self.quick_is_first.get() {
            self.slow_has_sealed.set(self.slow_has_sealed.get() || is_append);
            return is_append;
        }
        // The held page is on its way now. Any request after it is made by a device that was refused.
        if is_append && !self.slow_was_refused.get() {
            return false;
        }
        self.slow_was_refused.set(true);
        !self.is_deleted.get()
    }
}

async fn until(actor: &Actor, is_reached: &Cell<bool>) {
    while !is_reached.get() {
        actor.world.executor.sleep(1).await;
    }
}

/// An administrator puts back the first page of a lost history, below everything that the snapshots of the present history cover.
pub fn an_old_page_of_another_history(without: Option<Rule>) -> Outcome {
    let limits = Limits {
        snapshot_pages: 2,
        ..Limits::default()
    };
    let world = world(limits, without);
    write_and_sync(&world.open(0))?;
    let first = format!("{}/records/{}", collection_url(), page_id(1));
    let lost = send(&world, "GET", first.clone(), None);
    send(&world, "DELETE", format!("{}/records", collection_url()), None);
    let device = world.open(1);
    for _ in 0..30 {
        write_and_sync(&device)?;
    }
    assert!(send(&world, "GET", first.clone(), None).len() < lost.len(), "the first page is not emptied");
    send(&world, "PUT", first, Some(lost));
    repair(&device)?;
    // `Actor::repair` has resolved the conflicts that the repair reported.
    sync(&device).map_err(|code| format!("device 1: {code}"))?;
    let newcomer = world.open(2);
    sync(&newcomer).map_err(|code| format!("a new device: {code}"))?;
    same_records(&newcomer, &device)
}

fn repair(actor: &Actor) -> Outcome {
    let repairing = actor.clone();
    let repaired = actor.world.wait(actor.owner, async move { repairing.repair("client_wins").await });
    repaired.map(drop).map_err(|error| format!("device {}: {error}", actor.device))
}

fn send(world: &World, method: &'static str, url: String, body: Option<String>) -> String {
    let response = world.internet.handle(&request(method, url, body));
    assert!(response.status < 300, "{response:?}");
    response.body
}

#[test]
fn a_refused_page_of_a_record_that_was_deleted_brings_nothing_back() {
    assert_eq!(a_refused_page_of_a_record_that_was_deleted(None), Ok(()));
}

#[test]
fn a_refused_page_of_a_record_that_was_edited_and_deleted_is_a_question_to_its_author() {
    assert_eq!(a_refused_page_of_a_record_that_was_edited_and_deleted(None), Ok(()));
}

#[test]
fn an_old_page_of_another_history_misleads_no_new_device_after_a_repair() {
    assert_eq!(an_old_page_of_another_history(None), Ok(()));
}

/// A server loses everything, including a deletion that only one of two devices knows of.
#[test]
fn a_deletion_that_the_server_lost_is_said_again_or_is_a_conflict_whoever_repairs_first() {
    for knower_is_first in [true, false] {
        let world = world(Limits::default(), None);
        let (knower, stale) = (world.open(0), world.open(1));
        write_and_sync(&knower).unwrap();
        sync(&stale).unwrap();
        let deleting = knower.clone();
        world.wait(knower.owner, async move { deleting.delete(&shared_id(0)).await });
        sync(&knower).unwrap();
        send(&world, "DELETE", collection_url(), None);
        let [first, second] = if knower_is_first { [&knower, &stale] } else { [&stale, &knower] };
        repaired(first, "manual");
        let report = repaired(second, "manual");
        let conflicts = json::member(&report, "conflicts").unwrap();
        assert!(conflicts.contains(&shared_id(0)), "{knower_is_first}: {report}");
        // This sync leaves its conflicts open.
        let collection = knower.collection.clone();
        let list = world.wait(knower.owner, async move {
            collection.sync(&options("manual")).await.ok();
            collection.list("{}").await.unwrap()
        });
        assert!(!list.contains(&shared_id(0)), "{knower_is_first}: {list}");
    }
}
