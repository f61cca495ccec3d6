//! A user at one open tab, who edits, deletes, syncs and resolves conflicts.

use super::executor::Owner;
use super::history::Tag;
use super::platform::{Guard, SimTabs, Tab};
use super::world::{AUTH, CONFIDENTIAL, RECORDS, REMOTE, World, narrate};
use essaim::engine::client::Client;
use essaim::engine::collection::Collection;
use essaim::error::Result as EngineResult;
use essaim::ports::Tabs;
use essaim::pure::equality;
use essaim::pure::json;
use essaim::pure::operations::UpdateOptions;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The error codes of alarms, which only a lying, broken or restored server causes.
pub const ALARMS: [&str; 6] = ["omission", "rollback", "fork", "tampered", "bad_snapshot", "server_lost"];

#[derive(Clone)]
pub struct Actor {
    pub device: usize,
    pub owner: Owner,
    pub client: Rc<Client<Tab>>,
    pub collection: Rc<Collection<Tab>>,
    /// How many syncs of this tab were called.
    pub syncing: Rc<Cell<usize>>,
    pub world: Rc<World>,
    pub resolved: Rc<RefCell<BTreeSet<String>>>,
    pub tabs: SimTabs,
}

/// The member with the tag of the write that a record comes from.
const TAG: &str = "confidential-tag";

pub fn tag(record: &str) -> Option<Tag> {
    json::member(record, TAG).and_then(json::number).map(|tag| tag as Tag)
}

/// The id of one of the records that all devices edit.
pub fn shared_id(number: usize) -> String {
    format!("{CONFIDENTIAL}-r{number}")
}

/// The members, besides the id, that a write with this tag stores.
pub fn members(tag: Tag) -> String {
    format!("\"{TAG}\":{tag},\"title\":\"{CONFIDENTIAL} title {tag}\"")
}

pub fn options(strategy: &str) -> String {
    format!("{{\"remote\":\"{REMOTE}\",\"headers\":{{\"Authorization\":\"{AUTH}\"}},\"strategy\":\"{strategy}\",\"timeout\":30000,\"ignoreBackoff\":true}}")
}

impl Actor {
    pub async fn act(&self) {
        let dice = &self.world.dice;
        let id = shared_id(dice.below(RECORDS));
        match dice.below(20) {
            0..=6 => self.write(&id).await,
            7..=8 => self.delete(&id).await,
            9 => self.patch(&id).await,
            10 => self.create().await,
            11 => self.create_pair().await,
            12 if dice.permille(300) => self.world.executor.sleep(dice.below(40_000) as u64).await,
            12 => self.look().await,
            _ => {
                let strategy = ["manual", "client_wins", "server_wins", self.world.fourth_strategy][dice.below(4)];
                drop(self.sync(strategy).await);
            }
        }
    }

    /// Locks a record for one action of this device's user. Users see one thing at a time: no other action of the same user comes between
    /// what is shown of a record and what is done with it.
    async fn attention(&self, id: &str) -> Guard {
        self.tabs.lock(&format!("attention {id}")).await.unwrap()
    }

    /// Creates or replaces the record. The replaced version is recorded as the parent of the write, also if it is a tombstone.
    pub async fn write(&self, id: &str) {
        let _attention = self.attention(id).await;
        let tag = self.world.history.begin(id, false);
        let written = self.collection.execute(|transaction| {
            let before = transaction.get(&json::quote(id))?;
            transaction.upsert(&format!("{{\"id\":\"{id}\",{}}}", members(tag)))?;
            Ok(before)
        });
        match written.await {
            Ok(before) => {
                narrate(|| format!("device {} tab {} wrote {id} {tag} over {before:?}", self.device, self.owner));
                let parents = before.as_deref().map_or_else(|| self.deletions(id), |before| self.parents(Some(before)));
                self.world.history.acknowledge(tag, parents);
                self.world.deciding.writes(self.device, id, tag);
            }
            Err(_) => self.world.history.forget(tag),
        }
    }

    /// The deletions of a record that a user of this device knows of. They are the parents of a write that creates the record again here.
    fn deletions(&self, id: &str) -> Vec<Tag> {
        let (world, device) = (&self.world, self.device);
        let known = world.internet.knowledge.of(device, &world.devices[device].disk, id);
        known.into_iter().collect()
    }

    fn parents(&self, before: Option<&str>) -> Vec<Tag> {
        let Some(before_tag) = before.and_then(tag) else { return Vec::new() };
        let is_tombstone = before.is_some_and(|text| text.contains("\"_status\":\"deleted\""));
        match self.world.deletions.borrow().get(&(self.device, before_tag)) {
            Some(deletion) if is_tombstone => vec![*deletion],
            _ => vec![before_tag],
        }
    }

    /// Updates a record through the commit queue (group commit).
    async fn patch(&self, id: &str) {
        let _attention = self.attention(id).await;
        let tag = self.world.history.begin(id, false);
        let options = UpdateOptions::read(Some("[]"), false);
        let record = format!("{{\"id\":\"{id}\",{},\"{CONFIDENTIAL}-patch\":{}}}", members(tag), self.owner);
        match self.collection.update(&record, options).await {
            Ok(answer) => {
                self.world.history.acknowledge(tag, self.parents(json::member(&answer, "oldRecord")));
                self.world.deciding.writes(self.device, id, tag);
            }
            Err(_) => self.world.history.forget(tag),
        }
    }

    async fn create(&self) {
        let id = format!("{CONFIDENTIAL}-u{}-{}", self.owner, self.world.dice.below(1 << 20));
        let tag = self.world.history.begin(&id, false);
        match self.collection.create(&format!("{{\"id\":\"{id}\",{}}}", members(tag)), false).await {
            Ok(_) => self.world.history.acknowledge(tag, Vec::new()),
            Err(_) => self.world.history.forget(tag),
        }
    }

    /// Creates two records in one transaction.
    async fn create_pair(&self) {
        let number = self.world.dice.below(1 << 20);
        let halves = ["left", "right"].map(|half| {
            let id = format!("{CONFIDENTIAL}-pair{}-{number}-{half}", self.owner);
            let tag = self.world.history.begin(&id, false);
            (id, tag)
        });
        let created = self.collection.execute(|transaction| {
            for (id, tag) in &halves {
                transaction.upsert(&format!("{{\"id\":\"{id}\",{}}}", members(*tag)))?;
            }
            Ok(())
        });
        let created = created.await.is_ok();
        for (_, tag) in halves {
            match created {
                true => self.world.history.acknowledge(tag, Vec::new()),
                false => self.world.history.forget(tag),
            }
        }
    }

    /// Checks that records written in one transaction are either all present or all absent.
    async fn look(&self) {
        if let (Ok(list), true) = (self.collection.list("{}").await, self.world.is_atomic) {
            self.check_pairs(&list);
        }
    }

    pub fn check_pairs(&self, list: &str) {
        let ids = by_id(list);
        let decided = self.world.decided.borrow();
        for id in ids
            .keys()
            .filter(|id| id.starts_with(&format!("{CONFIDENTIAL}-pair")) && !decided.contains(*id))
        {
            let other = match id.strip_suffix("left") {
                Some(pair) => format!("{pair}right"),
                None => id.replace("right", "left"),
            };
            if !ids.contains_key(&other) && !decided.contains(&other) {
                self.world.complain(|| format!("TORN: device {} has {id} without {other}", self.device));
            }
        }
    }

    pub async fn delete(&self, id: &str) {
        let _attention = self.attention(id).await;
        let history = &self.world.history;
        let deletion = history.begin(id, true);
        match self.collection.delete(&json::quote(id), true).await {
            Ok(before) => {
                narrate(|| format!("device {} tab {} deleted {id} as {deletion}: {before}", self.device, self.owner));
                self.acknowledge_deletion(id, [Some(&before), None], deletion);
            }
            Err(_) => history.forget(deletion),
        }
    }

    /// `before`: the deleted version and, if the deletion resolves a conflict, its other side.
    fn acknowledge_deletion(&self, id: &str, before: [Option<&str>; 2], deletion: Tag) {
        let parents = before.iter().flat_map(|before| self.parents(*before)).collect();
        for before in before.into_iter().flatten().filter_map(tag) {
            self.world.deletions.borrow_mut().insert((self.device, before), deletion);
        }
        self.world.internet.knowledge.deletes(self.device, id, deletion);
        self.world.history.acknowledge(deletion, parents);
    }

    /// Syncs, then resolves the conflicts that are left to the user: takes one of both sides, or writes a new record made from both.
    pub async fn sync(&self, strategy: &str) -> EngineResult<String> {
        narrate(|| format!("device {} tab {} syncs, {strategy}", self.device, self.owner));
        self.syncing.set(self.syncing.get() + 1);
        self.begins(strategy);
        let result = self.collection.sync(&options(strategy)).await;
        narrate(|| format!("device {} tab {} synced: {result:?}", self.device, self.owner));
        self.after(&result, strategy, false).await?;
        let is_alarmed = result.as_ref().is_err_and(|error| ALARMS.contains(&error.code().as_str()));
        if is_alarmed && self.world.dice.permille(self.world.repair_permille.get()) {
            drop(self.repair(strategy).await);
        }
        result
    }

    pub async fn repair(&self, strategy: &str) -> EngineResult<String> {
        narrate(|| format!("device {} tab {} is repaired, {strategy}", self.device, self.owner));
        let repairing = &self.world.internet.repairing;
        repairing.set(true);
        self.begins(strategy);
        let result = self.collection.repair(&options(strategy)).await;
        repairing.set(false);
        narrate(|| format!("device {} tab {} was repaired: {result:?}", self.device, self.owner));
        self.after(&result, strategy, true).await?;
        result
    }

    fn begins(&self, strategy: &str) {
        if is_deciding(strategy) {
            let disk = &self.world.devices[self.device].disk;
            self.world.deciding.begin(self.owner, self.device, disk);
        }
    }

    async fn after(&self, result: &EngineResult<String>, strategy: &str, is_repair: bool) -> EngineResult<()> {
        match result {
            // The sync succeeded, so the engine has acknowledged whatever was sent.
            Ok(_) => self.world.internet.unanswered.borrow_mut().retain(|(owner, _)| *owner != self.owner),
            Err(error) => {
                self.note_alarm(&error.code());
                doubt_unanswered(&self.world, self.owner);
            }
        }
        if is_deciding(strategy) {
            self.world.deciding.end(self.owner);
        }
        if let Ok(report) = result {
            for resolution in json::member(report, "resolved").and_then(json::elements).into_iter().flatten() {
                let rejected = json::member(resolution, "rejected").unwrap_or("null");
                match self.tag_of(rejected) {
                    Some(tag) => self.world.history.overrule(tag),
                    // The rejected side is a deletion without a tag: only the id was remembered, or the deletion may be in a page that
                    // cannot be read.
                    None => {
                        let id = json::member(rejected, "id").and_then(json::string);
                        let known = id.into_iter().flat_map(|id| self.world.internet.knowledge.sent(&id));
                        known.for_each(|tag| self.world.history.overrule(tag));
                    }
                }
            }
            // With `pull_only`, the server's version replaces local changes that were not sent yet.
            let replaced = |list: &str| json::member(report, list).and_then(json::elements).into_iter().flatten();
            let old = replaced("updated").filter_map(|entry| json::member(entry, "old")).chain(replaced("deleted"));
            for old in old.filter(|old| !old.contains("\"_status\":\"synced\"")) {
                self.tag_of(old).into_iter().for_each(|tag| self.world.history.overrule(tag));
            }
            for conflict in json::member(report, "conflicts").and_then(json::elements).into_iter().flatten() {
                self.resolve(conflict, is_repair).await?;
            }
        }
        Ok(())
    }

    fn tag_of(&self, side: &str) -> Option<Tag> {
        self.parents(Some(side).filter(|side| *side != "null")).first().copied()
    }

    fn note_alarm(&self, code: &str) {
        if ALARMS.contains(&code) {
            self.world.alarms.borrow_mut().push((self.device, code.to_owned()));
        }
    }

    async fn resolve(&self, conflict: &str, is_repair: bool) -> EngineResult<()> {
        let local = json::member(conflict, "local").unwrap_or("null");
        let remote = json::member(conflict, "remote").unwrap_or("null");
        let id = [local, remote].into_iter().find_map(|side| json::member(side, "id")).unwrap_or("\"\"");
        let id = json::string(id).unwrap_or_default().into_owned();
        // A stray: the remote side is an old change, beside the version that the server has. Its author may still have the change and send
        // it.
        let is_stray = local == "null" || local.contains("\"_status\":\"synced\"");
        if is_stray {
            match self.tag_of(remote) {
                Some(tag) => self.world.history.overrule(tag),
                None => self
                    .world
                    .internet
                    .knowledge
                    .sent(&id)
                    .into_iter()
                    .for_each(|tag| self.world.history.overrule(tag)),
            }
        }
        // Between the sync and the user's decision, the record may have changed again. The resolution is made from the versions that were
        // shown.
        let parents: Vec<Tag> = [self.parents(Some(local)), tag(remote).filter(|_| !is_stray).into_iter().collect()].concat();
        // All callers that joined a sync get its conflicts, but only one user resolves them.
        if !self.resolved.borrow_mut().insert(conflict.to_owned()) {
            return Ok(());
        }
        let _attention = self.attention(&id).await;
        // Without a refresh, this tab sees the writes of other tabs only when their notices arrive. A user sees the windows of all tabs.
        self.collection.refresh().await?;
        if self.collection.get_any(&json::quote(&id)).await? != local {
            self.resolved.borrow_mut().remove(conflict);
            return Ok(());
        }
        narrate(|| format!("device {} tab {} resolves {conflict}", self.device, self.owner));
        self.world.decided.borrow_mut().insert(id.clone());
        // Instead of a stray, a user mostly wants the version that is present. Both records of a pair get the same choice, so that they
        // stay together.
        let choice = match is_stray {
            true if id.contains("-pair") => 1,
            false if id.contains("-pair") => 0,
            true => [0, 0, 0, 1, 2][self.world.dice.below(5)],
            false => self.world.dice.below(3),
        };
        match choice {
            // The chosen side is a deletion. If the record is absent here (`local: null`), choosing the local side is no deletion, since it
            // changes nothing.
            0 | 1 if is_deletion([local, remote][choice]) && (choice, local) != (0, "null") => {
                let deletion = self.world.history.begin(&id, true);
                match self.collection.resolve(conflict, [local, remote][choice]).await {
                    Ok(_) => self.acknowledge_deletion(&id, [Some(local), Some(remote)], deletion),
                    Err(_) => self.world.history.forget(deletion),
                }
            }
            0 => {
                drop(self.collection.resolve(conflict, local).await);
                let history = &self.world.history;
                let deletions = || self.world.internet.knowledge.sent(&id).into_iter().collect();
                let remotes: Vec<Tag> = self.tag_of(remote).map_or_else(deletions, |tag| vec![tag]);
                match self.tag_of(local) {
                    // The user goes back to an older version: one that the server had lost, or one that a repair has found.
                    Some(local) if is_repair || remotes.iter().any(|remote| history.is_older(local, *remote)) => history.choose(local),
                    Some(local) if !is_stray => remotes.iter().for_each(|remote| history.put_on(local, *remote)),
                    _ => {}
                }
            }
            1 => {
                drop(self.collection.resolve(conflict, remote).await);
                // As with `server_wins`: the local version is given up, and with it the versions that it was based on.
                self.parents(Some(local).filter(|_| !is_stray))
                    .into_iter()
                    .for_each(|tag| self.world.history.overrule(tag));
                tag(remote).into_iter().for_each(|tag| self.world.history.choose(tag));
            }
            _ => {
                let tag = self.world.history.begin(&id, false);
                match self.collection.resolve(conflict, &format!("{{\"id\":\"{id}\",{}}}", members(tag))).await {
                    Ok(_) => self.world.history.acknowledge(tag, parents),
                    Err(_) => self.world.history.forget(tag),
                }
            }
        }
        Ok(())
    }

    /// All local records by id, including tombstones.
    pub fn records(&self) -> BTreeMap<String, String> {
        let collection = self.collection.clone();
        let list = self
            .world
            .wait(self.owner, async move { collection.list("{\"includeDeleted\":true}").await.unwrap() });
        by_id(&list)
    }
}

/// Marks the writes of a tab that was killed, or whose sync failed, as doubtful: they may have reached the server. Local changes that its
/// syncs have replaced count as overruled.
pub fn doubt_unanswered(world: &World, owner: Owner) {
    world
        .deciding
        .replaced(owner, &world.devices, &world.history)
        .into_iter()
        .for_each(|tag| world.history.overrule(tag));
    world.internet.unanswered.borrow_mut().retain(|(other, body)| {
        if *other == owner {
            for part in json::member(body, "requests").and_then(json::elements).into_iter().flatten() {
                let data = json::member(part, "body").and_then(|body| json::member(body, "data"));
                if let Some(tag) = data.and_then(tag) {
                    world.history.doubt(tag);
                }
            }
        }
        *other != owner
    });
}

/// Whether a strategy replaces local changes.
fn is_deciding(strategy: &str) -> bool {
    ["server_wins", "pull_only"].contains(&strategy)
}

/// Whether one side of a conflict is a deletion.
fn is_deletion(side: &str) -> bool {
    side == "null" || side.contains("\"deleted\":true") || side.contains("\"_status\":\"deleted\"")
}

/// Whether the report of a sync says that it had nothing to do.
pub fn is_idle(report: &str) -> bool {
    ["errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"]
        .iter()
        .all(|list| {
            json::member(report, list)
                .and_then(json::elements)
                .is_some_and(|mut entries| entries.next().is_none())
        })
}

/// The canonical JSON of the records in a list, by id.
pub fn by_id(list: &str) -> BTreeMap<String, String> {
    let own = |record: &str| {
        let parsed = essaim::pure::record::read_record(record).unwrap();
        (parsed.id.unwrap().display(), equality::canonical(&format!("{{{}}}", parsed.body)))
    };
    json::elements(list).unwrap().map(own).collect()
}

/// Reduces records to their tags: with `pull_only`, nothing else is comparable.
pub fn keep_tags(records: &mut BTreeMap<String, String>) {
    for record in records.values_mut() {
        *record = format!("{{\"{TAG}\":{}}}", tag(record).unwrap_or(0));
    }
}
