//! Devices, their tabs, and one server: what the simulated worlds have in common.

use super::actor::Actor;
use super::executor::{Dice, Executor, Owner};
use super::front::Front;
use super::history::History;
use super::knowledge::Deciding;
use super::network::{Internet, Network};
use super::platform::{Browser, SimTabs, Tab};
use super::server::{SimConfig, SimServer};
use super::storage::Disk;
use essaim::engine::client::Client;
use essaim::engine::collection::Collection;
use essaim::memory::MemoryStorage;
use essaim::ports::Request;
use essaim::pure::fold;
use essaim::pure::sealed::{Limits, Rule};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub const DEVICES: usize = 3;
/// How many records everybody edits.
pub const RECORDS: usize = 5;
pub const REMOTE: &str = "http://server.test/v1";
pub const AUTH: &str = "Basic YWxpY2U6c2VjcmV0";
/// It is in the names of the collection, of every record and of every member: who sees it was told too much.
pub const CONFIDENTIAL: &str = "confidential";
pub const COLLECTION: &str = "confidential-tasks";

#[derive(Clone)]
pub struct Device {
    pub disk: Disk,
    pub browser: Rc<Browser>,
    /// How far its clock is off.
    pub skew_ms: i64,
}

/// Makes the collection under test.
pub type Opener = dyn Fn(&Client<Tab>) -> Collection<Tab>;

pub struct World {
    pub executor: Executor,
    pub dice: Rc<Dice>,
    pub internet: Rc<Internet>,
    pub history: History,
    pub devices: Vec<Device>,
    /// Which deletion a tombstone with this tag stands for, per device.
    pub deletions: RefCell<BTreeMap<(usize, u64), u64>>,
    pub deciding: Deciding,
    /// Records of which a user resolved a conflict: one of two that were written together, and the other one later.
    pub decided: RefCell<BTreeSet<String>>,
    owners: Cell<Owner>,
    /// `pull_only` keeps, as Kinto.js does, local members that the remote record lacks: then only tags can be compared.
    pub fourth_strategy: &'static str,
    open: Box<Opener>,
    /// What no honest server and no sound journal brings about, as it happened: (device, code).
    pub alarms: RefCell<Vec<(usize, String)>>,
    /// What was written together arrives together.
    pub is_atomic: bool,
    pub complaint: RefCell<Option<String>>,
    /// How often, of a thousand, an alarm makes a user call `repair()` at once.
    pub repair_permille: Cell<usize>,
    pub limits: Limits,
    pub fold_limits: fold::Limits,
    pub without: Option<Rule>,
}

impl World {
    pub fn new(seed: u64, is_atomic: bool, open: impl Fn(&Client<Tab>) -> Collection<Tab> + 'static) -> Self {
        let dice = Rc::new(Dice::new(seed));
        let executor = Executor::new(dice.clone());
        let postgresql = dice.permille(300);
        let config = SimConfig {
            page_size: [None, Some(2), Some(3)][dice.below(3)],
            batch_max_requests: [25, 2, 3][dice.below(3)],
            postgresql,
        };
        let internet = Internet::new(SimServer::new(config), executor.clone(), dice.clone(), postgresql);
        internet.bad_weather.set([0, 30, 80][dice.below(3)]);
        *internet.fronts.borrow_mut() = (0..=DEVICES).map(|device| Front::of(seed, device)).collect();
        let lost_permille = Rc::new(Cell::new(20));
        let device = |_| {
            let disk = Disk {
                memory: MemoryStorage::default(),
                executor: executor.clone(),
                dice: dice.clone(),
                lost_permille: lost_permille.clone(),
                without: None,
            };
            Device {
                disk,
                browser: Rc::default(),
                skew_ms: 0,
            }
        };
        // One more than act: a device that comes new to it all when the others are done.
        let devices = (0..=DEVICES).map(device).collect();
        let fourth_strategy = ["manual", "manual", "pull_only"][dice.below(3)];
        World {
            fourth_strategy,
            devices,
            executor,
            dice,
            internet: Rc::new(internet),
            history: History::default(),
            deletions: RefCell::default(),
            deciding: Deciding::default(),
            decided: RefCell::default(),
            owners: Cell::new(1),
            open: Box::new(open),
            alarms: RefCell::default(),
            is_atomic,
            complaint: RefCell::default(),
            repair_permille: Cell::default(),
            limits: Limits::default(),
            fold_limits: fold::Limits { rows: 6, bytes: 1 << 14 },
            without: None,
        }
    }

    /// Before anybody opens a tab: another server, on Kinto's memory backend.
    pub fn replace_server(&mut self, server: SimServer) {
        let internet = Internet::new(server, self.executor.clone(), self.dice.clone(), false);
        self.internet = Rc::new(internet);
    }

    /// Opens a tab.
    pub fn open(self: &Rc<Self>, device: usize) -> Actor {
        let owner = self.owners.replace(self.owners.get() + 1);
        let Device { disk, browser, skew_ms } = self.devices[device].clone();
        let network = Network {
            owner,
            device,
            internet: self.internet.clone(),
        };
        let tabs = SimTabs {
            owner,
            browser: browser.clone(),
            executor: self.executor.clone(),
            dice: self.dice.clone(),
        };
        let mut tab = Tab::new(owner, self.executor.clone(), self.dice.clone(), disk, network, browser);
        tab.set_clock_off_by(skew_ms);
        (tab.sealed_limits, tab.fold_limits, tab.without) = (self.limits, self.fold_limits, self.without);
        let client = Rc::new(Client::new(Rc::new(tab), "sim"));
        let collection = Rc::new((self.open)(&client));
        Actor {
            device,
            owner,
            client,
            collection,
            syncing: Rc::default(),
            world: self.clone(),
            resolved: Rc::default(),
            tabs,
        }
    }

    /// A tab that edits and syncs, doing several things at once.
    pub fn start(self: &Rc<Self>, device: usize, actions: usize) -> Owner {
        let actor = self.open(device);
        for _ in 0..2 {
            let actor = actor.clone();
            self.executor.spawn(actor.owner, async move {
                for _ in 0..actions {
                    actor.world.executor.sleep(actor.world.dice.below(60) as u64).await;
                    actor.act().await;
                }
            });
        }
        actor.owner
    }

    /// Every device in one or two tabs, some of which are killed and opened again, until all have done enough.
    /// `meanwhile` is called after every step.
    pub fn live(self: &Rc<Self>, actions: usize, mut meanwhile: impl FnMut()) {
        let mut owners: Vec<(usize, Owner)> = Vec::new();
        for device in 0..DEVICES {
            for _ in 0..1 + self.dice.below(2) {
                owners.push((device, self.start(device, actions)));
            }
        }
        let kill_permille = [0, 0, 2, 5][self.dice.below(4)];
        // Where a lie keeps segments from being deleted, lists grow with each kill, and nobody would come to an end any more.
        let mut kills = 100;
        while self.executor.step() {
            meanwhile();
            if kills > 0 && self.dice.permille(kill_permille) {
                kills -= 1;
                let index = self.dice.below(owners.len());
                let (device, owner) = owners[index];
                self.executor.kill(owner);
                narrate(|| format!("device {device} tab {owner} is killed"));
                super::actor::doubt_unanswered(self, owner);
                owners[index] = (device, self.start(device, 2));
            }
        }
    }

    /// Nothing is lost any more: no requests, no answers, no connections to a disk.
    pub fn calm(&self) {
        self.internet.bad_weather.set(0);
        self.devices.iter().for_each(|device| device.disk.lost_permille.set(0));
    }

    pub fn run(&self) {
        while self.executor.step() {}
    }

    /// Does one thing to its end, and whatever it sets going.
    pub fn wait<T: 'static>(&self, owner: Owner, future: impl Future<Output = T> + 'static) -> T {
        let place: Rc<RefCell<Option<T>>> = Rc::default();
        let result = place.clone();
        self.executor.spawn(owner, async move { *result.borrow_mut() = Some(future.await) });
        self.run();
        place.take().expect("the future ended")
    }

    /// Everybody in turn, again and again, until nobody has anything to do (`one` says whether that was so).
    pub fn rounds(&self, devices: &[Actor], mut one: impl FnMut(&Actor) -> Result<bool, String>) -> Result<(), String> {
        const ROUNDS: usize = 12;
        for _ in 0..=ROUNDS {
            let mut quiet = true;
            for actor in devices {
                quiet &= one(actor)?;
            }
            if quiet {
                return Ok(());
            }
        }
        Err(format!("NO END: still something to do after {ROUNDS} rounds"))
    }

    pub fn complain(&self, complaint: impl FnOnce() -> String) {
        self.complaint.borrow_mut().get_or_insert_with(complaint);
    }
}

/// A request of the account that everything here belongs to.
pub fn request(method: &'static str, url: String, body: Option<String>) -> Request {
    Request {
        method,
        url,
        headers: vec![("Authorization".into(), AUTH.into()), ("Content-Type".into(), "application/json".into())],
        body,
        ..Request::default()
    }
}

/// Tells the story of a seed that is replayed.
pub fn narrate(line: impl Fn() -> String) {
    if std::env::var_os("ESSAIM_SEED").is_some() {
        println!("{}", line());
    }
}
