//! Devices, their tabs, a foreign Kinto client and one server, through bad weather and then through good.
//!
//! While the weather is bad, tabs are killed between any two steps. Then nothing more goes wrong, everybody syncs, and
//! all must have the same records, none lost, none won by an older write; and one more sync has nothing to do.

use super::executor::{Dice, Executor, Owner};
use super::history::{History, Tag};
use super::network::{Internet, Network};
use super::platform::{Browser, Guard, NoApp, SimTabs, Tab};
use super::server::{SimConfig, SimServer};
use super::storage::Disk;
use essaim::engine::client::Client;
use essaim::engine::collection::Collection;
use essaim::error::{Error, Result as EngineResult};
use essaim::memory::MemoryStorage;
use essaim::ports::{Request, Response, Tabs};
use essaim::pure::equality;
use essaim::pure::json;
use essaim::pure::operations::UpdateOptions;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const DEVICES: usize = 3;
const RECORDS: usize = 5;
const REMOTE: &str = "http://server.test/v1";
const RECORDS_URL: &str = "http://server.test/v1/buckets/default/collections/tasks/records";
const AUTH: &str = "Basic YWxpY2U6c2VjcmV0";

#[derive(Clone)]
struct Device {
    disk: Disk,
    browser: Rc<Browser>,
}

struct World {
    executor: Executor,
    dice: Rc<Dice>,
    internet: Rc<Internet>,
    history: Rc<History>,
    devices: Vec<Device>,
    /// Which deletion a tombstone with this tag stands for, per device.
    deletions: Rc<RefCell<BTreeMap<(usize, Tag), Tag>>>,
    owners: Cell<Owner>,
    /// `pull_only` keeps, as Kinto.js does, local members that the remote record lacks: then only tags can be compared.
    fourth_strategy: &'static str,
}

/// One open tab.
#[derive(Clone)]
struct Actor {
    device: usize,
    owner: Owner,
    collection: Rc<Collection<Tab>>,
    dice: Rc<Dice>,
    history: Rc<History>,
    internet: Rc<Internet>,
    deletions: Rc<RefCell<BTreeMap<(usize, Tag), Tag>>>,
    fourth_strategy: &'static str,
    resolved: Rc<RefCell<BTreeSet<String>>>,
    tabs: SimTabs,
}

impl World {
    fn new(seed: u64) -> Self {
        let dice = Rc::new(Dice::new(seed));
        let executor = Executor::new(dice.clone());
        let postgresql = dice.permille(300);
        let config = SimConfig {
            page_size: [None, Some(2), Some(3)][dice.below(3)],
            batch_max_requests: [25, 2, 3][dice.below(3)],
            postgresql,
        };
        let internet = Internet {
            server: RefCell::new(SimServer::new(config)),
            executor: executor.clone(),
            dice: dice.clone(),
            bad_weather: Cell::new([0, 30, 80][dice.below(3)]),
            unanswered: RefCell::default(),
            requests: Cell::new(0),
            postgresql,
        };
        let device = |_| {
            let disk = Disk {
                memory: MemoryStorage::default(),
                executor: executor.clone(),
                dice: dice.clone(),
                lost_permille: 20,
                without: None,
            };
            Device { disk, browser: Rc::default() }
        };
        let devices = (0..DEVICES).map(device).collect();
        let fourth_strategy = ["manual", "manual", "pull_only"][dice.below(3)];
        World {
            fourth_strategy,
            devices,
            executor,
            dice,
            internet: Rc::new(internet),
            history: Rc::default(),
            deletions: Rc::default(),
            owners: Cell::new(1),
        }
    }

    fn open(&self, device: usize) -> Actor {
        let owner = self.owners.replace(self.owners.get() + 1);
        let Device { disk, browser } = self.devices[device].clone();
        let network = Network {
            owner,
            internet: self.internet.clone(),
        };
        let tabs = SimTabs {
            owner,
            browser: browser.clone(),
            executor: self.executor.clone(),
            dice: self.dice.clone(),
        };
        let tab = Tab::new(owner, self.executor.clone(), self.dice.clone(), disk, network, browser);
        let collection = Rc::new(Client::new(Rc::new(tab), "sim").collection("default", "tasks", NoApp, Vec::new()));
        let (dice, history, internet, deletions) = (self.dice.clone(), self.history.clone(), self.internet.clone(), self.deletions.clone());
        Actor {
            device,
            owner,
            collection,
            dice,
            history,
            internet,
            deletions,
            fourth_strategy: self.fourth_strategy,
            resolved: Rc::default(),
            tabs,
        }
    }

    /// A tab that edits and syncs, doing several things at once.
    fn start(&self, device: usize, actions: usize) -> Owner {
        let actor = self.open(device);
        for _ in 0..2 {
            let (actor, executor) = (actor.clone(), self.executor.clone());
            self.executor.spawn(actor.owner, async move {
                for _ in 0..actions {
                    executor.sleep(actor.dice.below(60) as u64).await;
                    actor.act().await;
                }
            });
        }
        actor.owner
    }

    fn run(&self) {
        while self.executor.step() {}
    }
}

fn options(strategy: &str) -> String {
    format!("{{\"remote\":\"{REMOTE}\",\"headers\":{{\"Authorization\":\"{AUTH}\"}},\"strategy\":\"{strategy}\",\"timeout\":30000,\"ignoreBackoff\":true}}")
}

fn tag(record: &str) -> Option<Tag> {
    json::member(record, "w").and_then(json::number).map(|tag| tag as Tag)
}

impl Actor {
    async fn act(&self) {
        let id = format!("r{}", self.dice.below(RECORDS));
        match self.dice.below(20) {
            0..=6 => self.write(&id).await,
            7..=8 => self.delete(&id).await,
            9 => self.patch(&id).await,
            10..=11 => self.create().await,
            12 => drop(self.collection.list("{}").await),
            _ => drop(
                self.sync(["manual", "client_wins", "server_wins", self.fourth_strategy][self.dice.below(4)])
                    .await,
            ),
        }
    }

    /// A user has one pair of eyes: what is shown of a record and what is done with it are not parted by another deed of theirs.
    async fn attention(&self, id: &str) -> Guard {
        self.tabs.lock(&format!("attention {id}")).await.unwrap()
    }

    /// Creates or replaces, knowing what it replaces, tombstones included.
    async fn write(&self, id: &str) {
        let _attention = self.attention(id).await;
        let tag = self.history.begin(id, false);
        let written = self.collection.execute(|transaction| {
            let before = transaction.get(&json::quote(id))?;
            transaction.upsert(&format!("{{\"id\":\"{id}\",\"w\":{tag}}}"))?;
            Ok(before)
        });
        match written.await {
            Ok(before) => {
                narrate(|| format!("device {} tab {} wrote {id} {tag} over {before:?}", self.device, self.owner));
                self.history.acknowledge(tag, self.parents(before.as_deref()));
            }
            Err(_) => self.history.forget(tag),
        }
    }

    fn parents(&self, before: Option<&str>) -> Vec<Tag> {
        let Some(before_tag) = before.and_then(tag) else { return Vec::new() };
        let is_tombstone = before.is_some_and(|text| text.contains("\"_status\":\"deleted\""));
        match self.deletions.borrow().get(&(self.device, before_tag)) {
            Some(deletion) if is_tombstone => vec![*deletion],
            _ => vec![before_tag],
        }
    }

    /// The group-commit path.
    async fn patch(&self, id: &str) {
        let _attention = self.attention(id).await;
        let tag = self.history.begin(id, false);
        let options = UpdateOptions { patch: true, synced: false };
        match self
            .collection
            .update(&format!("{{\"id\":\"{id}\",\"w\":{tag},\"p\":{}}}", self.owner), options)
            .await
        {
            Ok(answer) => self.history.acknowledge(tag, self.parents(json::member(&answer, "oldRecord"))),
            Err(_) => self.history.forget(tag),
        }
    }

    async fn create(&self) {
        let id = format!("u{}-{}", self.owner, self.dice.below(1 << 20));
        let tag = self.history.begin(&id, false);
        match self.collection.create(&format!("{{\"id\":\"{id}\",\"w\":{tag}}}"), false).await {
            Ok(_) => self.history.acknowledge(tag, Vec::new()),
            Err(_) => self.history.forget(tag),
        }
    }

    async fn delete(&self, id: &str) {
        let _attention = self.attention(id).await;
        let deletion = self.history.begin(id, true);
        match self.collection.delete(&json::quote(id), true).await {
            Ok(before) => {
                let parents = self.parents(Some(&before));
                narrate(|| format!("device {} tab {} deleted {id} as {deletion}: {before}", self.device, self.owner));
                if let Some(before) = tag(&before) {
                    self.deletions.borrow_mut().insert((self.device, before), deletion);
                }
                self.history.acknowledge(deletion, parents);
            }
            Err(_) => self.history.forget(deletion),
        }
    }

    /// Syncs, and resolves what is left to the user: one or the other, or something new made from both.
    async fn sync(&self, strategy: &str) -> EngineResult<String> {
        narrate(|| format!("device {} tab {} syncs, {strategy}", self.device, self.owner));
        let result = self.collection.sync(&options(strategy)).await;
        narrate(|| format!("device {} tab {} synced: {result:?}", self.device, self.owner));
        match &result {
            // Whatever was sent, the engine has settled it.
            Ok(_) => self.internet.unanswered.borrow_mut().retain(|(owner, _)| *owner != self.owner),
            Err(_) => self.doubt_unanswered(),
        }
        if let Ok(report) = &result {
            for conflict in json::member(report, "conflicts").and_then(json::elements).into_iter().flatten() {
                self.resolve(conflict).await?;
            }
        }
        result
    }

    fn doubt_unanswered(&self) {
        doubt_unanswered(&self.internet, &self.history, self.owner);
    }

    async fn resolve(&self, conflict: &str) -> EngineResult<()> {
        let local = json::member(conflict, "local").unwrap_or("null");
        let remote = json::member(conflict, "remote").unwrap_or("null");
        let id = json::string(json::member(local, "id").unwrap_or("\"\"")).unwrap_or_default().into_owned();
        // Between the sync and the user's word the record may have changed again; the resolution is made of what was shown.
        let parents: Vec<Tag> = [self.parents(Some(local)), tag(remote).into_iter().collect()].concat();
        // A sync that was joined gives its conflicts to everybody; one user resolves them.
        if !self.resolved.borrow_mut().insert(conflict.to_owned()) {
            return Ok(());
        }
        let _attention = self.attention(&id).await;
        // What other tabs of this device wrote is seen at the latest when their notice comes; a user sees both windows.
        self.collection.refresh().await?;
        if self.collection.get_any(&json::quote(&id)).await? != local {
            return Ok(());
        }
        narrate(|| format!("device {} tab {} resolves {conflict}", self.device, self.owner));
        match self.dice.below(3) {
            0 => drop(self.collection.resolve(conflict, local).await),
            1 => drop(self.collection.resolve(conflict, remote).await),
            _ => {
                let tag = self.history.begin(&id, false);
                match self.collection.resolve(conflict, &format!("{{\"id\":\"{id}\",\"w\":{tag}}}")).await {
                    Ok(_) => self.history.acknowledge(tag, parents),
                    Err(_) => self.history.forget(tag),
                }
            }
        }
        Ok(())
    }
}

fn doubt_unanswered(internet: &Internet, history: &History, owner: Owner) {
    internet.unanswered.borrow_mut().retain(|(other, body)| {
        if *other == owner {
            for part in json::member(body, "requests").and_then(json::elements).into_iter().flatten() {
                let data = json::member(part, "body").and_then(|body| json::member(body, "data"));
                if let Some(tag) = data.and_then(tag) {
                    history.doubt(tag);
                }
            }
        }
        *other != owner
    });
}

/// Another program on the same account: it reads a record, then replaces, patches or deletes it, without preconditions.
async fn foreigner(executor: Executor, dice: Rc<Dice>, internet: Rc<Internet>, history: Rc<History>, actions: usize) {
    for _ in 0..actions {
        executor.sleep(dice.below(400) as u64).await;
        let id = format!("r{}", dice.below(RECORDS));
        let request = |method: &'static str, body: Option<String>| Request {
            method,
            url: format!("{RECORDS_URL}/{id}"),
            headers: vec![("Authorization".into(), AUTH.into()), ("Content-Type".into(), "application/json".into())],
            body,
        };
        let there = internet.handle(&request("GET", None));
        let parents: Vec<Tag> = Some(&there)
            .filter(|there| there.status == 200)
            .and_then(|there| tag(json::member(&there.body, "data")?))
            .into_iter()
            .collect();
        let deletes = dice.permille(200);
        let tag = history.begin(&id, deletes);
        let answer: Response = match (deletes, there.status) {
            (true, 200) => internet.handle(&request("DELETE", None)),
            (true, _) => {
                history.forget(tag);
                continue;
            }
            (false, 200) if dice.permille(500) => internet.handle(&request("PATCH", Some(format!("{{\"data\":{{\"w\":{tag}}}}}")))),
            _ => internet.handle(&request("PUT", Some(format!("{{\"data\":{{\"w\":{tag},\"foreign\":true}}}}")))),
        };
        if answer.status == 409 {
            // It was somebody else's millisecond.
            history.forget(tag);
            continue;
        }
        assert!(answer.status < 300, "the foreign client got {answer:?}");
        narrate(|| format!("the foreign client wrote {id} {tag} over {parents:?}: {} {}", answer.status, answer.body));
        history.acknowledge(tag, parents);
    }
}

/// Tells the story of a seed that is replayed.
pub fn narrate(line: impl Fn() -> String) {
    if std::env::var_os("ESSAIM_SEED").is_some() {
        println!("{}", line());
    }
}

/// Runs one seed; an error says what went wrong.
pub fn run(seed: u64) -> Result<u64, String> {
    let world = World::new(seed);
    let mut owners: Vec<(usize, Owner)> = Vec::new();
    for device in 0..DEVICES {
        for _ in 0..1 + world.dice.below(2) {
            owners.push((device, world.start(device, 8)));
        }
    }
    if world.dice.permille(700) {
        let (executor, dice, internet, history) = (world.executor.clone(), world.dice.clone(), world.internet.clone(), world.history.clone());
        world.executor.spawn(usize::MAX, foreigner(executor, dice, internet, history, 6));
    }
    let kill_permille = [0, 0, 2, 5][world.dice.below(4)];
    while world.executor.step() {
        if world.dice.permille(kill_permille) && !owners.is_empty() {
            let index = world.dice.below(owners.len());
            let (device, owner) = owners[index];
            world.executor.kill(owner);
            narrate(|| format!("device {device} tab {owner} is killed"));
            doubt_unanswered(&world.internet, &world.history, owner);
            owners[index] = (device, world.start(device, 2));
        }
    }
    settle(&world)?;
    Ok(world.executor.trace())
}

/// The weather clears: everybody syncs until nothing is left, then all must agree.
fn settle(world: &World) -> Result<(), String> {
    world.internet.bad_weather.set(0);
    let devices: Vec<Actor> = (0..DEVICES).map(|device| world.open(device)).collect();
    const ROUNDS: usize = 12;
    for round in 0.. {
        let quiet = Rc::new(Cell::new(true));
        for actor in &devices {
            let (actor, quiet) = (actor.clone(), quiet.clone());
            let strategy = ["manual", "client_wins", "server_wins"][world.dice.below(3)];
            world.executor.spawn(actor.owner, async move {
                match actor.sync(strategy).await {
                    Ok(report) => quiet.set(quiet.get() && is_idle(&report)),
                    Err(Error::Network { .. } | Error::StorageLost { .. } | Error::Server { status: 409 | 503, .. }) => quiet.set(false),
                    Err(error) => panic!("a sync in good weather: {error}"),
                }
            });
            world.run();
        }
        if quiet.get() {
            break;
        }
        if round == ROUNDS {
            return Err(format!("NO END: still something to do after {ROUNDS} rounds"));
        }
    }
    let mut on_server = server_records(world);
    for actor in &devices {
        let mut here = local_records(world, actor);
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

fn is_idle(report: &str) -> bool {
    ["errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"]
        .iter()
        .all(|list| {
            json::member(report, list)
                .and_then(json::elements)
                .is_some_and(|mut entries| entries.next().is_none())
        })
}

fn keep_tags(records: &mut BTreeMap<String, String>) {
    for record in records.values_mut() {
        *record = format!("{{\"w\":{}}}", tag(record).unwrap_or(0));
    }
}

/// Canonical bodies by id.
fn by_id(list: &str) -> BTreeMap<String, String> {
    let own = |record: &str| {
        let parsed = essaim::pure::record::read_record(record).unwrap();
        (parsed.id.unwrap().display(), equality::canonical(&format!("{{{}}}", parsed.body)))
    };
    json::elements(list).unwrap().map(own).collect()
}

fn server_records(world: &World) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut url = format!("{RECORDS_URL}?_sort=last_modified");
    loop {
        let response = world.internet.handle(&Request {
            method: "GET",
            url,
            headers: vec![("Authorization".into(), AUTH.into())],
            body: None,
        });
        all.extend(by_id(json::member(&response.body, "data").unwrap()));
        match response.header("next-page") {
            Some(next) => url = next.to_owned(),
            None => return all,
        }
    }
}

fn local_records(world: &World, actor: &Actor) -> BTreeMap<String, String> {
    let list: Rc<RefCell<String>> = Rc::default();
    let (collection, result) = (actor.collection.clone(), list.clone());
    world.executor.spawn(actor.owner, async move {
        *result.borrow_mut() = collection.list("{\"includeDeleted\":true}").await.unwrap()
    });
    world.run();
    by_id(&list.take())
}
