//! Simulates devices, a foreign Kinto client and one server, first with faults and then without.
//!
//! In the first phase ("bad weather"), the network loses messages and tabs are killed between any two steps. In the second phase nothing
//! goes wrong, and all devices sync. All must then have the same records, none lost, none won by an older write; and one more sync must
//! have nothing to do.

use super::actor::{Actor, by_id, is_idle, keep_tags, members, shared_id, tag};
use super::history::Tag;
use super::platform::NoApp;
use super::world::{COLLECTION, DEVICES, RECORDS, REMOTE, World, narrate, request};
use essaim::error::Error;
use essaim::ports::Response;
use essaim::pure::json;
use std::collections::BTreeMap;
use std::rc::Rc;

fn records_url() -> String {
    format!("{REMOTE}/buckets/default/collections/{COLLECTION}/records")
}

/// Another program on the same account: it reads a record, then replaces, patches or deletes it, without preconditions.
async fn foreigner(world: Rc<World>, actions: usize) {
    let World {
        executor,
        dice,
        internet,
        history,
        ..
    } = &*world;
    for _ in 0..actions {
        executor.sleep(dice.below(400) as u64).await;
        let id = shared_id(dice.below(RECORDS));
        let send = |method: &'static str, body: Option<String>| internet.handle(&request(method, format!("{}/{id}", records_url()), body));
        let there = send("GET", None);
        let parents: Vec<Tag> = Some(&there)
            .filter(|there| there.status == 200)
            .and_then(|there| tag(json::member(&there.body, "data")?))
            .into_iter()
            .collect();
        let deletes = dice.permille(200);
        let tag = history.begin(&id, deletes);
        let data = members(tag);
        let answer: Response = match (deletes, there.status) {
            (true, 200) => send("DELETE", None),
            (true, _) => {
                history.forget(tag);
                continue;
            }
            (false, 200) if dice.permille(500) => send("PATCH", Some(format!("{{\"data\":{{{data}}}}}"))),
            _ => send("PUT", Some(format!("{{\"data\":{{{data},\"foreign\":true}}}}"))),
        };
        if answer.status == 409 {
            // Another write got the same millisecond.
            history.forget(tag);
            continue;
        }
        assert!(answer.status < 300, "the foreign client got {answer:?}");
        narrate(|| format!("the foreign client wrote {id} {tag} over {parents:?}: {} {}", answer.status, answer.body));
        history.acknowledge(tag, parents);
    }
}

/// Runs one seed; an error says what went wrong.
pub fn run(seed: u64) -> Result<u64, String> {
    let world = Rc::new(World::new(seed, false, |client| client.collection("default", COLLECTION, NoApp, Vec::new())));
    if world.dice.permille(700) {
        world.executor.spawn(usize::MAX, foreigner(world.clone(), 6));
    }
    world.live(8, || {});
    settle(&world)?;
    Ok(world.executor.trace())
}

/// Ends the bad weather: all devices sync until nothing is left to do. Then all must have the same records as the server.
fn settle(world: &Rc<World>) -> Result<(), String> {
    world.internet.bad_weather.set(0);
    let devices: Vec<Actor> = (0..DEVICES).map(|device| world.open(device)).collect();
    world.rounds(&devices, |actor| {
        let strategy = ["manual", "client_wins", "server_wins"][world.dice.below(3)];
        let syncing = actor.clone();
        match world.wait(actor.owner, async move { syncing.sync(strategy).await }) {
            Ok(report) => Ok(is_idle(&report)),
            Err(Error::Network { .. } | Error::StorageLost { .. } | Error::Server { status: 409 | 503, .. }) => Ok(false),
            Err(error) => panic!("a sync in good weather: {error}"),
        }
    })?;
    super::erasure::check(world)?;
    let mut on_server = server_records(world);
    for actor in &devices {
        let mut here = actor.records();
        if world.fourth_strategy == "pull_only" {
            keep_tags(&mut here);
            keep_tags(&mut on_server);
        }
        if here != on_server {
            return Err(format!("NOT ALIKE: device {} has {here:?}, the server {on_server:?}", actor.device));
        }
    }
    world
        .history
        .check(&on_server.into_iter().map(|(id, record)| (id, tag(&record).unwrap_or(0))).collect())
}

fn server_records(world: &World) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut url = format!("{}?_sort=last_modified", records_url());
    loop {
        let response = world.internet.handle(&request("GET", url, None));
        all.extend(by_id(json::member(&response.body, "data").unwrap()));
        match response.header("next-page") {
            Some(next) => url = next.to_owned(),
            None => return all,
        }
    }
}
