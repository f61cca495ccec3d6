//! Simulates tabs of one browser on one collection, to check what the local journal guarantees, on the real engine.
//!
//! Counters show lost and doubled writes. Ids that only one tab can create show decisions on an outdated state.

use super::executor::{Dice, Executor, Owner};
use super::network::{Internet, Network};
use super::platform::{Browser, NoApp, Tab};
use super::server::{SimConfig, SimServer};
use super::storage::{Disk, Rule};
use essaim::engine::client::Client;
use essaim::engine::collection::Collection;
use essaim::error::Error;
use essaim::memory::MemoryStorage;
use essaim::pure::json;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const TABS: usize = 3;

/// The operations that were acknowledged, and those that may or may not have happened because a tab was killed in the middle.
#[derive(Default)]
struct Ledger {
    acknowledged: RefCell<BTreeMap<&'static str, u64>>,
    in_flight: RefCell<BTreeMap<(Owner, u64), &'static str>>,
    created: RefCell<BTreeSet<String>>,
    refused: RefCell<BTreeSet<String>>,
    taken: RefCell<BTreeMap<String, Vec<Owner>>>,
    next: Cell<u64>,
}

impl Ledger {
    fn begin(&self, owner: Owner, counter: &'static str) -> (Owner, u64) {
        let key = (owner, self.next.replace(self.next.get() + 1));
        self.in_flight.borrow_mut().insert(key, counter);
        key
    }

    fn end(&self, key: (Owner, u64), counter: &'static str, done: bool) {
        self.in_flight.borrow_mut().remove(&key);
        if done {
            *self.acknowledged.borrow_mut().entry(counter).or_default() += 1;
        }
    }
}

struct World {
    executor: Executor,
    dice: Rc<Dice>,
    disk: Disk,
    network: Network,
    browser: Rc<Browser>,
    ledger: Rc<Ledger>,
}

impl World {
    fn new(seed: u64, without: Option<Rule>) -> Self {
        let dice = Rc::new(Dice::new(seed));
        let executor = Executor::new(dice.clone());
        let disk = Disk {
            memory: MemoryStorage::default(),
            executor: executor.clone(),
            dice: dice.clone(),
            lost_permille: Rc::new(Cell::new(60)),
            without,
        };
        let internet = Internet::new(SimServer::new(SimConfig::default()), executor.clone(), dice.clone(), false);
        let network = Network {
            owner: 0,
            device: 0,
            internet: Rc::new(internet),
        };
        World {
            executor,
            dice,
            disk,
            network,
            browser: Rc::default(),
            ledger: Rc::default(),
        }
    }

    fn open(&self, owner: Owner) -> Rc<Collection<Tab>> {
        let tab = Tab::new(
            owner,
            self.executor.clone(),
            self.dice.clone(),
            self.disk.clone(),
            self.network.clone(),
            self.browser.clone(),
        );
        Rc::new(Client::new(Rc::new(tab), "sim").collection("b", "c", NoApp, Vec::new()))
    }

    /// Starts a tab that does several things at once until it has done enough.
    fn start(&self, owner: Owner) {
        let collection = self.open(owner);
        for _ in 0..2 {
            let (collection, dice, executor, ledger) = (collection.clone(), self.dice.clone(), self.executor.clone(), self.ledger.clone());
            self.executor.spawn(owner, async move {
                for _ in 0..6 {
                    executor.sleep(dice.below(8) as u64).await;
                    act(owner, &collection, &dice, &ledger).await;
                }
            });
        }
    }
}

async fn act(owner: Owner, collection: &Rc<Collection<Tab>>, dice: &Dice, ledger: &Ledger) {
    match dice.below(10) {
        0..=3 => increment(owner, collection, ["a", "b"][dice.below(2)], ledger).await,
        4..=6 => {
            let id = format!("unique-{owner}-{}", ledger.next.replace(ledger.next.get() + 1));
            let list = match collection.create(&format!("{{\"id\":\"{id}\"}}"), false).await {
                Ok(_) => &ledger.created,
                // This error says that the outcome is unknown.
                Err(Error::Storage { .. }) => return,
                Err(_) => &ledger.refused,
            };
            list.borrow_mut().insert(id);
        }
        7..=8 => {
            let id = format!("name-{}", dice.below(4));
            match collection.create(&format!("{{\"id\":\"{id}\",\"by\":{owner}}}"), false).await {
                Ok(_) => ledger.taken.borrow_mut().entry(id).or_default().push(owner),
                Err(Error::AlreadyExists { .. } | Error::StorageLost { .. } | Error::Storage { .. }) => {}
                Err(error) => panic!("create: {error}"),
            }
        }
        _ => drop(collection.list("{}").await),
    }
}

async fn increment(owner: Owner, collection: &Rc<Collection<Tab>>, counter: &'static str, ledger: &Ledger) {
    let key = ledger.begin(owner, counter);
    let id = format!("\"counter-{counter}\"");
    let done = collection
        .execute(|transaction| {
            let value = transaction
                .get(&id)?
                .and_then(|text| json::member(&text, "n").and_then(json::number))
                .unwrap_or(0.0);
            transaction.upsert(&format!("{{\"id\":{id},\"n\":{}}}", value + 1.0)).map(|_| ())
        })
        .await;
    match done {
        Ok(()) => ledger.end(key, counter, true),
        // This error says that nothing was written; `check` tests that, too.
        Err(Error::StorageLost { .. }) => ledger.end(key, counter, false),
        Err(error) => panic!("execute: {error}"),
    }
}

/// Runs one seed; an error says what was lost or doubled.
pub fn run(seed: u64, without: Option<Rule>) -> Result<u64, String> {
    let world = World::new(seed, without);
    for owner in 1..=TABS {
        world.start(owner);
    }
    let victim = world.dice.permille(500).then(|| (1 + world.dice.below(TABS), world.dice.below(400)));
    let mut steps = 0;
    while world.executor.step() {
        steps += 1;
        if victim.is_some_and(|(_, at)| at == steps) {
            world.executor.kill(victim.map_or(0, |(owner, _)| owner));
        }
    }
    check(&world)?;
    Ok(world.executor.trace())
}

fn check(world: &World) -> Result<(), String> {
    let seen: Rc<RefCell<String>> = Rc::default();
    let (fresh, result) = (world.open(TABS + 1), seen.clone());
    world.executor.spawn(TABS + 1, async move {
        *result.borrow_mut() = fresh.list("{}").await.map_err(|error| error.to_string()).unwrap()
    });
    while world.executor.step() {}
    let list = seen.take();
    let records: BTreeMap<String, &str> = json::elements(&list)
        .unwrap()
        .map(|record| (json::string(json::member(record, "id").unwrap()).unwrap().into_owned(), record))
        .collect();
    let ledger = &world.ledger;
    for id in ledger.created.borrow().iter() {
        if !records.contains_key(id) {
            return Err(format!("LOST: {id}"));
        }
    }
    if let Some(id) = ledger.refused.borrow().iter().find(|id| records.contains_key(*id)) {
        return Err(format!("TWICE: {id} was refused, and is there"));
    }
    for counter in ["a", "b"] {
        let value = records
            .get(&format!("counter-{counter}"))
            .and_then(|text| json::member(text, "n").and_then(json::number))
            .unwrap_or(0.0) as u64;
        let sure = ledger.acknowledged.borrow().get(counter).copied().unwrap_or(0);
        let perhaps = ledger.in_flight.borrow().values().filter(|other| **other == counter).count() as u64;
        if value < sure {
            return Err(format!("LOST: counter {counter} is {value} after {sure} increments"));
        }
        if value > sure + perhaps {
            return Err(format!("TWICE: counter {counter} is {value} after {sure} increments and {perhaps} unfinished"));
        }
    }
    for (id, owners) in ledger.taken.borrow().iter() {
        let by = records.get(id).and_then(|text| json::member(text, "by").and_then(json::number)).unwrap_or(0.0) as usize;
        if owners.len() != 1 || owners[0] != by {
            return Err(format!("TWICE: {id} was given to {owners:?} and belongs to {by}"));
        }
    }
    Ok(())
}
