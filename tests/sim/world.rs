//! The simulated world that most simulations share: devices, their tabs, one server, and the network between them.

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
/// How many records all devices edit.
pub const RECORDS: usize = 5;
pub const REMOTE: &str = "http://server.test/v1";
pub const AUTH: &str = "Basic YWxpY2U6c2VjcmV0";
/// This word is in the name of the collection, of every record and of every member. If it appears in a request of an encrypted collection,
/// the server was told too much.
pub const CONFIDENTIAL: &str = "confidential";
pub const COLLECTION: &str = "confidential-tasks";

#[derive(Clone)]
pub struct Device {
    pub disk: Disk,
    pub browser: Rc<Browser>,
    /// How far its clock is off (ms).
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
    /// The tag of the deletion that a tombstone stands for, by device and by the tag of the deleted version. (A tombstone still has the tag
    /// of the version that was deleted.)
    pub deletions: RefCell<BTreeMap<(usize, u64), u64>>,
    pub deciding: Deciding,
    /// Ids of records whose conflict a user resolved. They are exempt from the check that both records of a pair are present: one was
    /// written together with the other, but the resolution came later and concerns only one.
    pub decided: RefCell<BTreeSet<String>>,
    owners: Cell<Owner>,
    /// `manual` or `pull_only`, drawn for each world: used besides `manual`, `client_wins` and `server_wins`. `pull_only` keeps, as
    /// Kinto.js does, local members that the remote record lacks. The records of devices can then be compared only by their tags.
    pub fourth_strategy: &'static str,
    open: Box<Opener>,
    /// Alarms in the order in which they were raised: (device, error code). Neither an honest server nor an intact journal causes any.
    pub alarms: RefCell<Vec<(usize, String)>>,
    /// Whether records that were written in one transaction become visible together on every device.
    pub is_atomic: bool,
    pub complaint: RefCell<Option<String>>,
    /// How often (per mille) an alarm makes the user call `repair()` at once.
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
        // One device more than takes part: a new device that joins when the others are done.
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

    /// Replaces the server by another one, on Kinto's memory backend. Must be called before any tab is opened.
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

    /// Opens a tab that edits and syncs in two concurrent tasks of `actions` actions each.
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

    /// Runs every device in one or two tabs until all have performed their actions. Some tabs are killed at random and opened again. Calls
    /// `meanwhile` after every step.
    pub fn live(self: &Rc<Self>, actions: usize, mut meanwhile: impl FnMut()) {
        let mut owners: Vec<(usize, Owner)> = Vec::new();
        for device in 0..DEVICES {
            for _ in 0..1 + self.dice.below(2) {
                owners.push((device, self.start(device, actions)));
            }
        }
        let kill_permille = [0, 0, 2, 5][self.dice.below(4)];
        // The kills are limited: if a lie keeps segments from being deleted, listings grow with each kill, and the run would not end any
        // more.
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

    /// From now on, no requests, answers or database connections are lost.
    pub fn calm(&self) {
        self.internet.bad_weather.set(0);
        self.devices.iter().for_each(|device| device.disk.lost_permille.set(0));
    }

    pub fn run(&self) {
        while self.executor.step() {}
    }

    /// Runs a future to its end, together with all other tasks, and returns its output.
    pub fn wait<T: 'static>(&self, owner: Owner, future: impl Future<Output = T> + 'static) -> T {
        let place: Rc<RefCell<Option<T>>> = Rc::default();
        let result = place.clone();
        self.executor.spawn(owner, async move { *result.borrow_mut() = Some(future.await) });
        self.run();
        place.take().expect("the future ended")
    }

    /// Calls `one` for every device in turn, until a whole round has nothing to do. `one` returns whether its device had nothing to do.
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

/// A request with the credentials of the account that owns all simulated data.
pub fn request(method: &'static str, url: String, body: Option<String>) -> Request {
    Request {
        method,
        url,
        headers: vec![("Authorization".into(), AUTH.into()), ("Content-Type".into(), "application/json".into())],
        body,
        ..Request::default()
    }
}

/// Prints an event if a single seed is replayed (`ESSAIM_SEED`).
pub fn narrate(line: impl Fn() -> String) {
    if std::env::var_os("ESSAIM_SEED").is_some() {
        println!("{}", line());
    }
}
