//! Scenes in which a device calls `repair()` with local changes that are not acknowledged: a page whose answer was lost, and a
//! deletion that was never sent.

use super::actor::{Actor, shared_id};
use super::scenes::{collection_url, repaired, sync, world, write_and_sync};
use super::world::{World, request};
use essaim::ports::Request;
use essaim::pure::json;
use essaim::pure::sealed::Limits;
use std::cell::Cell;
use std::rc::Rc;

const NEW: &str = "new";

/// The author's page is in the chain, but its answer was lost. Another device changes the record, then the author calls `repair()`.
fn a_page_whose_answer_never_came(limits: Limits, change: impl AsyncFn(&Actor) + 'static, edits: bool) -> (Rc<World>, String) {
    let world = world(limits, None);
    let author = world.open(0);
    write_and_sync(&author).unwrap();
    let writer = author.clone();
    world.internet.answered.borrow_mut().clear();
    world.executor.spawn(author.owner, async move {
        writer.write(NEW).await;
        drop(writer.sync("manual").await);
    });
    let stands = || {
        world
            .internet
            .answered
            .borrow()
            .iter()
            .any(|answer| answer.method == "PUT" && answer.status == 201)
    };
    while !stands() {
        assert!(world.executor.step(), "the page was never sent");
    }
    world.executor.kill(author.owner);
    let other = world.open(1);
    sync(&other).unwrap();
    let changing = other.clone();
    world.wait(other.owner, async move { change(&changing).await });
    sync(&other).unwrap();
    let author = world.open(0);
    let editor = author.clone();
    if edits {
        world.wait(author.owner, async move { editor.write(NEW).await });
    }
    let report = repaired(&author, "manual");
    (world, report)
}

/// A record is edited, a repair runs while the server shows an empty collection, and the record is then deleted. Then the server shows the
/// true collection again.
#[test]
fn a_deletion_of_what_an_earlier_repair_took_off_its_version_is_no_deletion_of_nothing() {
    for strategy in ["manual", "client_wins", "server_wins", "pull_only"] {
        let world = world(Limits::default(), None);
        let (author, other) = (world.open(0), world.open(1));
        write_and_sync(&author).unwrap();
        sync(&other).unwrap();
        let editing = author.clone();
        world.wait(author.owner, async move { editing.write(&shared_id(0)).await });
        let truth = world.internet.server.borrow().clone();
        world.internet.handle(&request("DELETE", collection_url(), None));
        let empty = world.internet.server.borrow().clone();
        repaired(&author, strategy);
        // The server loses what the repair has uploaded.
        *world.internet.server.borrow_mut() = empty;
        let deleting = author.clone();
        world.wait(author.owner, async move { deleting.delete(&shared_id(0)).await });
        sync(&author).ok();
        *world.internet.server.borrow_mut() = truth;
        let report = repaired(&author, "manual");
        let has = author.records().get(&shared_id(0)).is_some_and(|record| !record.contains("deleted"));
        let is_told = list(&report, "conflicts").contains(&shared_id(0));
        assert!(!has || is_told, "{strategy}: {report}");
    }
}

fn list<'a>(report: &'a str, name: &str) -> &'a str {
    json::member(report, name).unwrap()
}

/// The author's report lists what the other device did, as after a sync.
#[test]
fn a_page_that_stands_is_not_sealed_again_by_a_repair() {
    let (_, report) = a_page_whose_answer_never_came(Limits::default(), async |other| other.delete(NEW).await, false);
    assert!(list(&report, "deleted").contains(NEW) && list(&report, "conflicts") == "[]", "{report}");
    let (world, report) = a_page_whose_answer_never_came(Limits::default(), async |other| other.write(NEW).await, false);
    assert!(list(&report, "updated").contains(NEW) && list(&report, "conflicts") == "[]", "{report}");
    assert_eq!(world.open(0).records(), world.open(1).records());
}

/// By then, only the history segments of the snapshots contain the page's hash.
#[test]
fn a_page_that_many_snapshots_have_covered_is_no_conflict_with_its_author() {
    let limits = Limits {
        snapshot_pages: 2,
        ..Limits::default()
    };
    let rounds = async |other: &Actor| {
        for _ in 0..30 {
            other.write(&shared_id(0)).await;
            other.sync("manual").await.unwrap();
        }
    };
    let (_, report) = a_page_whose_answer_never_came(limits, rounds, true);
    assert!(list(&report, "published").contains(NEW) && list(&report, "conflicts") == "[]", "{report}");
}

/// Between the repairs the server shows an empty collection, then the true one.
#[test]
fn a_deletion_that_was_never_sent_outlasts_repairs() {
    for strategy in ["manual", "client_wins", "server_wins", "pull_only"] {
        let world = world(Limits::default(), None);
        let (author, other) = (world.open(0), world.open(1));
        write_and_sync(&author).unwrap();
        sync(&other).unwrap();
        let truth = world.internet.server.borrow().clone();
        let deleting = author.clone();
        world.wait(author.owner, async move { deleting.delete(&shared_id(0)).await });
        world.internet.handle(&request("DELETE", collection_url(), None));
        let empty = world.internet.server.borrow().clone();
        for _ in 0..2 {
            repaired(&author, strategy);
            // The server loses what the repair has uploaded.
            *world.internet.server.borrow_mut() = empty.clone();
        }
        *world.internet.server.borrow_mut() = truth;
        let report = repaired(&author, "manual");
        let has = author.records().get(&shared_id(0)).is_some_and(|record| !record.contains("deleted"));
        let is_told = list(&report, "conflicts").contains(&shared_id(0));
        assert!(!has || is_told, "{strategy}: {report}");
    }
}

/// A record is removed on its author's device alone while the page with it is on its way.
#[test]
fn a_record_that_was_removed_here_while_it_was_sent_is_in_the_snapshots_of_its_author() {
    let limits = Limits {
        snapshot_pages: 2,
        ..Limits::default()
    };
    let world = world(limits, None);
    let (author, other) = (world.open(0), world.open(1));
    let (is_sent, is_removed) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (sent, removed) = (is_sent.clone(), is_removed.clone());
    *world.internet.held.borrow_mut() = Some(Rc::new(move |_, request: &Request| {
        let holds = request.method == "PUT" && !removed.get();
        sent.set(sent.get() || holds);
        holds
    }));
    let (writer, user, world_of_user) = (author.clone(), author.clone(), world.clone());
    world.executor.spawn(author.owner, async move {
        writer.write(NEW).await;
        writer.sync("manual").await.unwrap();
    });
    world.executor.spawn(author.owner, async move {
        while !is_sent.get() {
            world_of_user.executor.sleep(1).await;
        }
        user.collection.delete(&json::quote(NEW), false).await.unwrap();
        is_removed.set(true);
    });
    world.run();
    for _ in 0..4 {
        write_and_sync(&author).unwrap();
        sync(&other).unwrap();
    }
    assert!(other.records().contains_key(NEW) && !author.records().contains_key(NEW));
}
