//! A journal that moves to another server: it is closed at the old one, copied byte for byte, and continued at the new one.

use crate::device::{COLLECTION, Device, Kinto, REMOTE, list, now, options, sync, sync_at};
use crate::generator::key;
use essaim::engine::collection::Collection;
use essaim::error::Error;
use essaim::pure::sealed::Limits;

const HOME: &str = "https://mine.example/v1";

fn create(device: &Collection<Device>, id: &str) {
    now(device.create(&format!("{{\"id\":\"{id}\"}}"), false)).expect("nothing goes wrong");
}

fn ids(device: &Collection<Device>) -> Vec<String> {
    list(device).iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_write_that_lost_to_the_closing_page_goes_to_the_new_home() {
    let old = Kinto::new();
    let new = old.beside(HOME);
    let [here, late] = ["here", "late"].map(|name| Device::open(&old, &key(), name, Limits::default()));
    create(&here, "a");
    sync(&here);
    sync(&late);
    create(&late, "late");
    create(&here, "b");
    now(here.close_journal(&format!("{{\"remote\":\"{HOME}\"}}"), &options(REMOTE))).expect("nothing goes wrong");
    let collection = crate::contract::vectors::journal(&key(), COLLECTION).server_collection;
    let before = old.dump(&collection);

    for device in [&here, &late, &here] {
        match sync_at(device, REMOTE) {
            Err(Error::Moved { destination }) => assert!(destination.contains(HOME), "{destination}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(old.dump(&collection), before, "nothing was written after the closing page");

    // A copy as anybody can make it without the key. The rows are put in the order of their timestamps, which Kinto keeps.
    let mut rows = before;
    rows.sort_by_key(|row| row["last_modified"].as_u64());
    rows.iter().for_each(|row| new.put(&collection, row));
    for device in [&late, &here, &late] {
        sync_at(device, HOME).expect("nothing goes wrong");
    }
    assert_eq!((ids(&here), ids(&late)), (ids(&late), vec!["a".into(), "b".into(), "late".into()]));
    assert_eq!(now(here.head()).unwrap(), now(late.head()).unwrap());
    let fresh = Device::open(&old, &key(), "fresh", Limits::default());
    sync_at(&fresh, HOME).expect("nothing goes wrong");
    assert_eq!((ids(&fresh), now(fresh.head()).unwrap()), (ids(&here), now(here.head()).unwrap()));
}

#[test]
fn a_server_that_was_never_told_of_the_move_cannot_pass_for_the_new_home() {
    let old = Kinto::new();
    old.beside(HOME);
    let here = Device::open(&old, &key(), "here", Limits::default());
    create(&here, "a");
    sync(&here);
    let error = sync_at(&here, HOME).expect_err("it has nothing of this journal");
    assert_eq!(error.code(), "rollback");
    assert_eq!(ids(&here), ["a"]);
    let report = now(here.repair(&options(HOME))).expect("on the user's word it begins anew there");
    assert!(report.contains("\"published\":[{"), "{report}");
}
