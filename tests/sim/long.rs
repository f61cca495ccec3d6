//! Builds journals as long as years of use make them, with the limits that apps have. Measures what a new device downloads, and how a
//! device that was away all the time catches up.

use super::actor::{Actor, by_id, options};
use super::executor::Dice;
use super::platform::NoApp;
use super::server::{SimConfig, SimServer};
use super::world::{COLLECTION, Device, World};
use essaim::memory::MemoryStorage;
use essaim::pure::crypto::key;
use essaim::pure::fold::Limits;
use essaim::pure::json;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The numbers of the devices, besides the new ones.
const WRITER: usize = 0;
pub const CLEAN_SLEEPER: usize = 1;
pub const DIRTY_SLEEPER: usize = 2;
pub const INTERRUPTED_SLEEPER: usize = 3;

pub struct Long {
    world: Rc<World>,
    writer: Actor,
    dice: Dice,
    /// The records that are live, by id, as JSON.
    live: BTreeMap<String, String>,
    /// Records that the writer does not change.
    spared: Vec<String>,
    newcomers: usize,
    made: usize,
    pub snapshots: usize,
}

/// The cost and the report of a sync.
#[derive(Debug)]
pub struct Catching {
    pub requests: usize,
    pub bytes: usize,
    pub report: String,
}

impl Long {
    /// `newcomers`: how many new devices there will be.
    pub fn begin(records: usize, newcomers: usize) -> Self {
        let key = key::make_key([7; 32]).to_string();
        let mut world = World::new(0, true, move |client| {
            client.sealed_collection("default", COLLECTION, NoApp, Vec::new(), &key).expect("a key")
        });
        world.replace_server(SimServer::new(SimConfig::default()));
        world.calm();
        world.fold_limits = Limits::default();
        let another = |_| Device {
            browser: Rc::default(),
            skew_ms: 0,
            disk: super::storage::Disk {
                memory: MemoryStorage::default(),
                ..world.devices[0].disk.clone()
            },
        };
        world.devices = (0..4 + newcomers).map(another).collect();
        let world = Rc::new(world);
        let writer = world.open(WRITER);
        let mut long = Long {
            writer,
            world,
            dice: Dice::new(1),
            live: BTreeMap::new(),
            spared: Vec::new(),
            newcomers: 4,
            made: 0,
            snapshots: 0,
        };
        for _ in 0..records {
            long.make();
        }
        long.sync(WRITER, "manual");
        long
    }

    /// Creates a record of about 300 bytes, and returns its id.
    fn make(&mut self) -> String {
        self.made += 1;
        let id = format!("{:08x}-0000-4000-8000-{:012x}", self.dice.next() as u32, self.made);
        self.write(&id, "")
    }

    fn write(&mut self, id: &str, mark: &str) -> String {
        let record = record(id, mark, &self.dice);
        upsert(&self.writer, &record);
        self.live.insert(id.to_owned(), record);
        id.to_owned()
    }

    /// Lets the writer make edits, each followed by a sync. One in fifty is a deletion, and another one in fifty is a creation.
    pub fn go_on(&mut self, edits: usize) {
        for _ in 0..edits {
            match self.dice.below(50) {
                0 => {
                    let id = self.any();
                    self.remove(&id);
                }
                1 => drop(self.make()),
                _ => {
                    let id = self.any();
                    self.write(&id, "");
                }
            }
            let before = self.position();
            self.sync(WRITER, "manual");
            self.snapshots += self.position() - before - 1;
        }
    }

    pub fn any(&mut self) -> String {
        loop {
            let id = self.live.keys().nth(self.dice.below(self.live.len())).expect("something lives").clone();
            if !self.spared.contains(&id) {
                return id;
            }
        }
    }

    /// A record that the writer will not change from now on.
    pub fn spare(&mut self) -> String {
        let id = self.any();
        self.spared.push(id.clone());
        id
    }

    /// An edit by the writer.
    pub fn edit(&mut self, id: &str) {
        self.write(id, "the writer's");
    }

    pub fn remove(&mut self, id: &str) {
        delete(&self.writer, id);
        self.live.remove(id);
    }

    /// An edit by another device. Returns the record.
    pub fn edit_on(&self, actor: &Actor, id: &str) -> String {
        let record = record(id, "the sleeper's", &self.dice);
        upsert(actor, &record);
        record
    }

    pub fn remove_on(&self, actor: &Actor, id: &str) {
        delete(actor, id);
    }

    /// Sets the content that a record must have when everybody has synced; `None` for a deleted one.
    pub fn expect(&mut self, id: &str, record: Option<String>) {
        match record {
            Some(record) => drop(self.live.insert(id.to_owned(), record)),
            None => drop(self.live.remove(id)),
        }
    }

    pub fn open(&self, device: usize) -> Actor {
        match device {
            WRITER => self.writer.clone(),
            _ => self.world.open(device),
        }
    }

    pub fn sync(&self, device: usize, strategy: &'static str) -> Catching {
        self.sync_on(&self.open(device), strategy)
    }

    pub fn sync_on(&self, actor: &Actor, strategy: &'static str) -> Catching {
        let answered = &self.world.internet.answered;
        answered.borrow_mut().clear();
        let collection = actor.collection.clone();
        let synced = self.world.wait(actor.owner, async move { collection.sync(&options(strategy)).await });
        let report = synced.unwrap_or_else(|error| panic!("device {}: {error}", actor.device));
        let answered = answered.borrow();
        Catching {
            requests: answered.len(),
            bytes: answered.iter().map(|answer| answer.bytes).sum(),
            report,
        }
    }

    /// Starts a sync, and kills the device as soon as the server has stored its page.
    pub fn sync_without_answer(&self, actor: &Actor) {
        self.world.internet.answered.borrow_mut().clear();
        let collection = actor.collection.clone();
        let syncing = async move { drop(collection.sync(&options("manual")).await) };
        self.world.executor.spawn(actor.owner, syncing);
        let is_taken = || self.world.internet.answered.borrow().iter().any(|answer| answer.status == 201);
        while !is_taken() {
            assert!(self.world.executor.step(), "nothing was sent");
        }
        self.world.executor.kill(actor.owner);
        self.world.run();
    }

    /// The first sync of a new device. It must bring every record.
    pub fn newcomer(&mut self) -> Catching {
        let device = self.newcomers;
        self.newcomers += 1;
        let actor = self.world.open(device);
        let taken = self.sync_on(&actor, "manual");
        self.check_alike(&actor);
        taken
    }

    /// The size of all live records as a JSON list, in bytes.
    pub fn live_bytes(&self) -> usize {
        self.live.values().map(|record| record.len() + 1).sum::<usize>() + 1
    }

    /// Checks that a device ends with the same records as the writer, which are those that should be live, and with the same head.
    pub fn check_alike(&self, actor: &Actor) {
        self.sync(WRITER, "manual");
        self.sync_on(actor, "manual");
        let list: Vec<&str> = self.live.values().map(String::as_str).collect();
        let live = by_id(&format!("[{}]", list.join(",")));
        for actor in [&self.writer, actor] {
            let here = actor.records();
            assert_eq!(here.len(), live.len(), "device {}", actor.device);
            for (id, record) in &live {
                assert_eq!(here.get(id), Some(record), "device {}", actor.device);
            }
        }
        assert_eq!(self.head(actor), self.head(&self.writer));
    }

    pub fn head(&self, actor: &Actor) -> String {
        let collection = actor.collection.clone();
        self.world.wait(actor.owner, async move { collection.head().await.expect("a head") })
    }

    /// The position of the newest page.
    pub fn position(&self) -> usize {
        json::member(&self.head(&self.writer), "position").and_then(json::number).expect("a position") as usize
    }
}

fn record(id: &str, mark: &str, dice: &Dice) -> String {
    let text: String = (0..11).map(|_| format!("{:016x} ", dice.next())).collect();
    format!(
        "{{\"id\":\"{id}\",\"title\":\"Task {:08x} {mark}\",\"text\":\"{text}\",\"done\":false}}",
        dice.next() as u32
    )
}

fn upsert(actor: &Actor, record: &str) {
    let (collection, record) = (actor.collection.clone(), record.to_owned());
    let written = actor.world.wait(actor.owner, async move { collection.upsert(&record).await });
    written.expect("a write");
}

fn delete(actor: &Actor, id: &str) {
    let (collection, id) = (actor.collection.clone(), json::quote(id));
    let deleted = actor.world.wait(actor.owner, async move { collection.delete(&id, true).await });
    deleted.expect("a deletion");
}
