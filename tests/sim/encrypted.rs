//! Simulates devices with one encrypted collection, and a server that can read none of it: honest, or lying for a while.
//!
//! In the first phase, messages are lost and tabs are killed between any two steps. Then the faults stop, the lie ends (see [`Lie`]), and
//! all devices sync, and repair what only a repair can heal. All must then have the same records and the same head, nothing lost, nothing
//! won by an older write. A new device must read it all, and one more sync must be a single request. No device may raise a false alarm.

use super::actor::{ALARMS, Actor, is_idle, keep_tags, shared_id, tag};
use super::eavesdropper::Eavesdropper;
use super::executor::Dice;
use super::harvest::Ghost;
use super::knowledge::unacknowledged;
use super::liar::Liar;
use super::lie::{Healing, Lie};
use super::network::Answered;
use super::platform::NoApp;
use super::server::SimServer;
use super::world::{COLLECTION, CONFIDENTIAL, DEVICES, RECORDS, REMOTE, World, narrate, request};
use essaim::error::Error;
use essaim::pure::crypto::key;
use essaim::pure::sealed::{Limits, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The result of a run.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub trace: u64,
    /// Whether the server told anything false.
    pub told: bool,
    pub alarms: BTreeSet<String>,
}

/// Runs one seed; an error says what went wrong.
pub fn run(seed: u64, lie: Option<Lie>, without: Option<Rule>) -> Result<Outcome, String> {
    let setting = Setting::draw(seed);
    let world = Rc::new(setting.world(seed, without));
    let mut deceit = Deceit::new(&world, &setting, lie);
    let haunts = lie == Some(Lie::HarvestedPage);
    world.repair_permille.set(if haunts { 400 } else { 0 });
    world.live(8, || deceit.go_on(&world));
    world.repair_permille.set(0);
    check_alarms(&world, &deceit)?;
    world.calm();
    match haunts {
        true => deceit.haunt(&world)?,
        false => deceit.rest(&world)?,
    }
    settle(&world, &deceit)?;
    check_alarms(&world, &deceit)?;
    Ok(Outcome {
        trace: world.executor.trace(),
        told: deceit.told || deceit.liar.as_ref().is_some_and(|liar| liar.has_told()),
        alarms: world.alarms.borrow().iter().map(|(_, code)| code.clone()).collect(),
    })
}

/// The choices of an app and an administrator.
struct Setting {
    bucket: &'static str,
    key: String,
    dice: Dice,
}

impl Setting {
    fn draw(seed: u64) -> Self {
        let dice = Dice::new(!seed);
        let random = std::array::from_fn(|_| dice.next() as u8);
        Setting {
            bucket: ["default", "shelf"][dice.below(2)],
            key: key::make_key(random).to_string(),
            dice,
        }
    }

    fn world(&self, seed: u64, without: Option<Rule>) -> World {
        let (bucket, key) = (self.bucket, self.key.clone());
        let mut world = World::new(seed, true, move |client| {
            client
                .sealed_collection(bucket, COLLECTION, NoApp, Vec::new(), &key)
                .expect("a key that was just made")
        });
        world.without = without;
        world.limits = Limits {
            page_bytes: [300, 700, 5000][self.dice.below(3)],
            snapshot_pages: [3, 5, 9][self.dice.below(3)],
            history_hashes: [2, 7][self.dice.below(2)],
            listing_rows: [2, 3, 64][self.dice.below(3)],
        };
        for device in &mut world.devices {
            device.skew_ms = [0, 0, -90_000, 3_600_000, 3 * 86_400_000][self.dice.below(5)];
        }
        let plain: String = self.key.chars().filter(|char| *char != '-').collect();
        let secrets = [
            CONFIDENTIAL.to_owned(),
            self.key.clone(),
            self.key.to_lowercase(),
            plain["essaim1".len()..].to_owned(),
        ];
        *world.internet.eavesdropper.borrow_mut() = Some(Eavesdropper::new(secrets.into()));
        if self.bucket != "default" {
            let made = world.internet.handle(&request("PUT", self.bucket_url(), Some("{}".into())));
            assert_eq!(made.status, 201, "{made:?}");
        }
        world
    }

    fn bucket_url(&self) -> String {
        format!("{REMOTE}/buckets/{}", self.bucket)
    }

    fn collection_url(&self) -> String {
        let keys = key::read_key(&self.key).expect("a key").derive_journal(COLLECTION);
        format!("{}/collections/{}", self.bucket_url(), keys.server_collection)
    }
}

/// When a lie begins and ends, counted in requests, and to whom it is told.
struct Deceit {
    lie: Option<Lie>,
    victim: Option<usize>,
    backup_at: usize,
    begin_at: usize,
    end_at: usize,
    backup: Option<SimServer>,
    liar: Option<Rc<Liar>>,
    told: bool,
    is_over: bool,
    bucket: String,
    collection: String,
}

impl Deceit {
    fn new(world: &World, setting: &Setting, lie: Option<Lie>) -> Self {
        let dice = &world.dice;
        let begin_at = 8 + dice.below(60);
        Deceit {
            lie,
            victim: dice.permille(700).then(|| dice.below(DEVICES)),
            backup_at: begin_at / 2 + dice.below(begin_at / 2),
            begin_at,
            end_at: if dice.permille(500) { begin_at + 4 + dice.below(40) } else { usize::MAX },
            backup: None,
            liar: None,
            told: false,
            is_over: false,
            bucket: setting.bucket_url(),
            collection: setting.collection_url(),
        }
    }

    fn go_on(&mut self, world: &World) {
        let requests = world.internet.requests.get();
        if self.lie.is_none() || self.is_over {
            return;
        }
        if self.backup.is_none() && requests >= self.backup_at {
            self.backup = Some(world.internet.server.borrow().clone());
        }
        if self.liar.is_none() && requests >= self.begin_at {
            self.begin(world);
        }
        if requests >= self.end_at {
            self.end(world);
        }
    }

    fn begin(&mut self, world: &World) {
        let Some(lie) = self.lie.filter(|_| self.liar.is_none()) else { return };
        narrate(|| format!("THE SERVER LIES: {lie:?} to {:?}", self.victim));
        let backup = self.backup.take().unwrap_or_else(|| world.internet.server.borrow().clone());
        let mut liar = Liar::new(lie, self.victim, world.dice.clone(), backup);
        if lie == Lie::HarvestedPage {
            let internet = &world.internet;
            liar = liar.with_ghost(Ghost::new(&internet.harvest, internet.repairing.clone(), &world.dice));
        }
        let liar = Rc::new(liar);
        liar.begin(world.executor.now_ms(), &world.internet.server, &self.bucket, &self.collection);
        *world.internet.liar.borrow_mut() = Some(liar.clone());
        self.liar = Some(liar);
    }

    fn end(&mut self, world: &World) {
        narrate(|| "the server tells the truth".to_owned());
        *world.internet.liar.borrow_mut() = None;
        self.is_over = true;
        if self.is_repairable() {
            // Perhaps the server acknowledged them in a history that is gone now, and the answer was lost. Others may have deleted such a record
            // there. To its author it is like one that lost a race: the next sync uploads it again.
            for tag in world.devices.iter().flat_map(|device| unacknowledged(&device.disk)) {
                world.history.doubt(tag);
            }
        }
    }

    /// Nothing goes wrong any more except for the lie. A device with an alarm must keep it, send nothing, and lose nothing.
    fn rest(&mut self, world: &Rc<World>) -> Result<(), String> {
        self.begin(world);
        if self.liar.is_none() {
            return Ok(());
        }
        if !self.is_over {
            for device in 0..DEVICES {
                let actor = world.open(device);
                let writer = actor.clone();
                let id = shared_id(world.dice.below(RECORDS));
                world.wait(actor.owner, async move { writer.write(&id).await });
                sync(&actor, "manual").ok();
                // After this time, the next sync may ask only whether something has changed.
                let executor = world.executor.clone();
                world.wait(actor.owner, async move { executor.sleep(60_000).await });
                self.stay_alarmed(world, &actor)?;
            }
        }
        self.end(world);
        if self.lie.is_some_and(|lie| lie.healing() == Healing::WithinAnHour) {
            let executor = world.executor.clone();
            let actor = world.open(0);
            world.wait(actor.owner, async move { executor.sleep(3_600_000).await });
        }
        check_alarms(world, self)
    }

    /// Tells the same kind of lie several times, about other pages and to other devices. Between the lies the server may be honest, and
    /// devices repair while a lie lasts. An old page must not undo what devices do to records meanwhile.
    fn haunt(&mut self, world: &Rc<World>) -> Result<(), String> {
        self.begin(world);
        let dice = &world.dice;
        for _ in 0..1 + dice.below(3) {
            if dice.permille(600) {
                self.end(world);
                let mut recovery = Recovery::default();
                let devices: Vec<_> = (0..DEVICES).map(|device| world.open(device)).collect();
                world.rounds(&devices, |actor| recovery.one(actor, true))?;
            }
            if dice.permille(400) {
                // A repair ends with a snapshot.
                repair(&world.open(dice.below(DEVICES)), "manual")?;
            }
            self.act(world);
            self.told |= self.liar.take().is_some_and(|liar| liar.has_told());
            self.victim = dice.permille(600).then(|| dice.below(DEVICES));
            self.begin(world);
            self.act(world);
            for _ in 0..1 + dice.below(4) {
                let actor = world.open(dice.below(DEVICES));
                if let Err(error) = sync(&actor, "manual")
                    && ALARMS.contains(&error.code().as_str())
                    && dice.permille(700)
                {
                    repair(&actor, ["manual", "client_wins", "server_wins", world.fourth_strategy][dice.below(4)])?;
                }
            }
        }
        self.told |= self.liar.as_ref().is_some_and(|liar| liar.has_told());
        self.end(world);
        check_alarms(world, self)
    }

    fn act(&self, world: &Rc<World>) {
        for _ in 0..world.dice.below(4) {
            let actor = world.open(world.dice.below(DEVICES));
            let id = shared_id(world.dice.below(RECORDS));
            let deletes = world.dice.permille(500);
            let writer = actor.clone();
            world.wait(actor.owner, async move {
                match deletes {
                    true => writer.delete(&id).await,
                    false => writer.write(&id).await,
                }
            });
            if world.dice.permille(700) {
                sync(&actor, "client_wins").ok();
            }
        }
    }

    fn stay_alarmed(&self, world: &World, actor: &Actor) -> Result<(), String> {
        let first = sync(actor, "manual");
        let before = actor.records();
        world.internet.answered.borrow_mut().clear();
        let second = sync(actor, "manual");
        let (Err(first), Err(second)) = (first, second) else { return Ok(()) };
        if !ALARMS.contains(&first.code().as_str()) || !ALARMS.contains(&second.code().as_str()) {
            return Ok(());
        }
        let written = world
            .internet
            .answered
            .borrow()
            .iter()
            .find(|answer| answer.device == actor.device && answer.method != "GET" && answer.status < 300)
            .cloned();
        if let Some(written) = written {
            return Err(format!("TRUSTED: device {} was alarmed ({second}), and still: {written}", actor.device));
        }
        if actor.records() != before {
            return Err(format!("CHANGED: device {} was alarmed ({second}), and its records changed", actor.device));
        }
        Ok(())
    }

    fn is_repairable(&self) -> bool {
        self.lie.is_some_and(|lie| lie.healing() == Healing::ByRepair)
    }
}

fn sync(actor: &Actor, strategy: &'static str) -> Result<String, Error> {
    let syncing = actor.clone();
    actor.world.wait(actor.owner, async move { syncing.sync(strategy).await })
}

/// Every alarm must be one that this lie may cause, and an honest server must cause none.
fn check_alarms(world: &World, deceit: &Deceit) -> Result<(), String> {
    for (device, code) in world.alarms.borrow().iter() {
        let Some(lie) = deceit.lie.filter(|_| deceit.liar.is_some()) else {
            return Err(format!("FALSE ALARM: device {device} says {code}"));
        };
        let concerned = deceit.victim.is_none_or(|victim| victim == *device) || lie.healing() == Healing::ByRepair;
        if !concerned || !lie.alarms().contains(&code.as_str()) {
            return Err(format!(
                "FALSE ALARM: device {device} says {code}, and the lie was {lie:?} to {:?}",
                deceit.victim
            ));
        }
    }
    Ok(())
}

/// No more faults and no more lies: all devices sync until nothing is left to do, then all must agree.
fn settle(world: &Rc<World>, deceit: &Deceit) -> Result<(), String> {
    let mut devices: Vec<Actor> = (0..DEVICES).map(|device| world.open(device)).collect();
    let mut recovery = Recovery::default();
    let repairs = deceit.is_repairable();
    let mut settle_one = |actor: &Actor| recovery.one(actor, repairs);
    world.rounds(&devices, &mut settle_one)?;
    // Always `manual`: syncs with other strategies do not report again what a repair has reported.
    world.rounds(&devices, |actor| {
        let before = head(actor);
        let synced = sync(actor, "manual").map_err(|error| format!("NOT HEALED: device {}: {error}", actor.device));
        Ok(is_idle(&synced?) && head(actor) == before)
    })?;
    let fresh = world.open(DEVICES);
    match sync(&fresh, "manual") {
        // A page that a device wrote when it saw an empty server misleads new devices until the next snapshot.
        Err(Error::Fork { .. }) if deceit.lie == Some(Lie::HarvestedPage) => {
            settle_one(&fresh)?;
        }
        outcome => drop(outcome.map_err(|error| format!("UNREADABLE: a new device: {error}"))?),
    }
    devices.push(fresh);
    world.rounds(&devices, &mut settle_one)?;
    check_alike(world, &devices)?;
    check_idle(world, &devices)?;
    super::erasure::check(world)?;
    if let Some(complaint) = world.complaint.borrow().clone().or_else(|| world.internet.overheard.borrow().clone()) {
        return Err(complaint);
    }
    let finals: BTreeMap<String, u64> = devices[0].records().into_iter().map(|(id, record)| (id, tag(&record).unwrap_or(0))).collect();
    match recovery.has_repaired {
        _ if deceit.lie == Some(Lie::HarvestedPage) => world.history.check(&finals),
        false => world.history.check(&finals),
        // What was written on top of lost versions, and what was deleted since, may come up again as a conflict.
        true => world.history.check_existence(&finals).and_then(|()| world.history.check(&finals)),
    }
}

/// Returns true if the repair is refused.
fn repair(actor: &Actor, strategy: &'static str) -> Result<bool, String> {
    let repairing = actor.clone();
    match actor.world.wait(actor.owner, async move { repairing.repair(strategy).await }) {
        Ok(_) | Err(Error::Network { .. } | Error::StorageLost { .. } | Error::Server { status: 409 | 503, .. } | Error::Interrupted { .. }) => Ok(false),
        // The alarm concerns a page that came to light only now, which the next repair knows of; or data that only another device has.
        Err(error) if ALARMS.contains(&error.code().as_str()) => Ok(true),
        Err(error) => Err(format!("NOT REPAIRED: device {}: {error}", actor.device)),
    }
}

fn any_strategy(world: &World) -> &'static str {
    ["manual", "client_wins", "server_wins"][world.dice.below(3)]
}

/// What users do until everything works again.
#[derive(Default)]
struct Recovery {
    has_repaired: bool,
    /// Whether a repair was refused: then another device has what the server lost, and repairs it, with or without an alarm.
    is_refused: bool,
}

impl Recovery {
    /// Syncs, and repairs if the sync raises an alarm. Returns true if there was nothing to do.
    fn one(&mut self, actor: &Actor, repairs: bool) -> Result<bool, String> {
        let before = head(actor);
        let alarmed = match sync(actor, any_strategy(&actor.world)) {
            Ok(_) if self.is_refused => false,
            // A snapshot is not in the report, so the heads are compared, too.
            Ok(report) => return Ok(is_idle(&report) && head(actor) == before),
            Err(Error::Network { .. } | Error::StorageLost { .. } | Error::Server { status: 409 | 503, .. }) => return Ok(false),
            Err(error) if repairs && ALARMS.contains(&error.code().as_str()) => true,
            Err(error) => return Err(format!("NOT HEALED: device {}: {error}", actor.device)),
        };
        self.has_repaired |= alarmed;
        self.is_refused = repair(actor, any_strategy(&actor.world))?;
        Ok(false)
    }
}

/// All devices must have the same records, down to tags and members, and the same head.
fn check_alike(world: &Rc<World>, devices: &[Actor]) -> Result<(), String> {
    let records = |actor: &Actor| {
        let mut records = actor.records();
        if world.fourth_strategy == "pull_only" {
            keep_tags(&mut records);
        }
        records
    };
    let (there, first) = (records(&devices[0]), head(&devices[0]));
    for actor in &devices[1..] {
        let here = records(actor);
        if here != there {
            return Err(format!("NOT ALIKE: device {} has {here:?}, device 0 {there:?}", actor.device));
        }
        let head = head(actor);
        if head != first {
            return Err(format!("HEADS: device {} is at {head}, device 0 at {first}", actor.device));
        }
        actor.check_pairs(&list(actor));
    }
    Ok(())
}

fn head(actor: &Actor) -> String {
    let collection = actor.collection.clone();
    actor.world.wait(actor.owner, async move { collection.head().await.unwrap() })
}

fn list(actor: &Actor) -> String {
    let collection = actor.collection.clone();
    actor.world.wait(actor.owner, async move { collection.list("{}").await.unwrap() })
}

/// The first two syncs may list the newest rows again. From then on, a sync without news must be one request, answered with 304.
fn check_idle(world: &World, devices: &[Actor]) -> Result<(), String> {
    for actor in devices {
        for may_list in [true, true, false, false] {
            let executor = world.executor.clone();
            world.wait(actor.owner, async move { executor.sleep(60_000).await });
            world.internet.answered.borrow_mut().clear();
            let report = sync(actor, "manual").map_err(|error| format!("NOT IDLE: device {}: {error}", actor.device))?;
            let answered = world.internet.answered.borrow();
            let is_one = answered.len() == 1 && answered[0].status == 304;
            let reads = answered.iter().all(|answer| answer.method == "GET");
            let may_list = may_list || world.internet.fronts.borrow()[actor.device].hides_timestamp();
            if !(is_one || may_list && reads) || !is_idle(&report) {
                let all: Vec<String> = answered.iter().map(Answered::to_string).collect();
                return Err(format!("NOT IDLE: device {}: {all:?}, {report}", actor.device));
            }
        }
    }
    Ok(())
}
