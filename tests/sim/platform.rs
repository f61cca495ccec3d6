//! A simulated tab: the engine's ports, implemented by storage in memory and by a network and a clock that a seed controls.

use super::executor::{Dice, Executor, Owner};
use super::network::Network;
use super::storage::Disk;
use essaim::error::Result;
use essaim::ports::{App, Clock, DatabaseNotice, Platform, Rng, Tabs, Witness};
use essaim::pure::fold::Limits;
use essaim::pure::json;
use essaim::pure::sealed;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

pub struct Tab {
    pub owner: Owner,
    pub executor: Executor,
    pub disk: Disk,
    pub network: Network,
    pub browser: Rc<Browser>,
    pub fold_limits: Limits,
    pub sealed_limits: sealed::Limits,
    pub without: Option<sealed::Rule>,
    chance: SeededRng,
    clock: SimClock,
    tabs: SimTabs,
}

impl Tab {
    pub fn new(owner: Owner, executor: Executor, dice: Rc<Dice>, disk: Disk, network: Network, browser: Rc<Browser>) -> Self {
        let clock = SimClock {
            executor: executor.clone(),
            dice: dice.clone(),
            skew_ms: 0,
        };
        let tabs = SimTabs {
            owner,
            browser: browser.clone(),
            executor: executor.clone(),
            dice: dice.clone(),
        };
        Tab {
            owner,
            executor,
            chance: SeededRng(dice),
            disk,
            network,
            browser,
            // So small that a few commits trigger a compaction.
            fold_limits: Limits { rows: 6, bytes: 1 << 14 },
            sealed_limits: sealed::Limits::default(),
            without: None,
            clock,
            tabs,
        }
    }

    pub fn set_clock_off_by(&mut self, skew_ms: i64) {
        self.clock.skew_ms = skew_ms;
    }
}

impl Platform for Tab {
    type Storage = Disk;
    type Transport = Network;
    type Clock = SimClock;
    type Rng = SeededRng;
    type Tabs = SimTabs;
    type Witness = Browser;
    type Predecessor = ();
    type App = SimApp;

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.executor.spawn(self.owner, task);
    }
    fn fold_limits(&self) -> Limits {
        self.fold_limits
    }
    fn sealed_limits(&self) -> sealed::Limits {
        self.sealed_limits
    }
    fn without(&self) -> Option<sealed::Rule> {
        self.without
    }
    fn storage(&self) -> &Disk {
        &self.disk
    }
    fn transport(&self) -> &Network {
        &self.network
    }
    fn clock(&self) -> &SimClock {
        &self.clock
    }
    fn rng(&self) -> &SeededRng {
        &self.chance
    }
    fn tabs(&self) -> &SimTabs {
        &self.tabs
    }
    fn witness(&self) -> &Browser {
        &self.browser
    }
    fn predecessor(&self) -> &() {
        &()
    }
}

pub struct SimClock {
    executor: Executor,
    dice: Rc<Dice>,
    skew_ms: i64,
}

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        self.executor.now_ms().saturating_add_signed(self.skew_ms)
    }
    async fn sleep_ms(&self, ms: u64) {
        self.executor.sleep(ms).await;
    }
    async fn next_turn(&self) {
        self.executor.sleep(self.dice.below(2) as u64).await;
    }
}

pub struct SeededRng(Rc<Dice>);

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.next() as u8;
        }
    }
}

/// What the tabs of one browser share: locks, listeners and localStorage.
#[derive(Default)]
pub struct Browser {
    locks: RefCell<BTreeMap<String, Queue>>,
    listeners: RefCell<Vec<Heard>>,
    notes: RefCell<BTreeMap<String, String>>,
    next: std::cell::Cell<u64>,
}

#[derive(Default)]
struct Queue {
    held: Option<u64>,
    waiting: VecDeque<(u64, futures_channel::oneshot::Sender<()>)>,
}

struct Heard {
    key: u64,
    owner: Owner,
    name: String,
    call: Rc<dyn Fn(DatabaseNotice)>,
}

impl Browser {
    /// Notifies the listeners of a database, as a browser notifies every connection before it deletes a database.
    pub fn take_away(&self, database: &str) {
        let listeners = self.listeners.borrow();
        let heard: Vec<_> = listeners
            .iter()
            .filter(|heard| heard.name == database)
            .map(|heard| heard.call.clone())
            .collect();
        drop(listeners);
        heard.iter().for_each(|call| call(DatabaseNotice::TakenAway));
    }

    fn ticket(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    fn release(&self, name: &str, ticket: u64) {
        let mut locks = self.locks.borrow_mut();
        let Some(queue) = locks.get_mut(name) else { return };
        queue.waiting.retain(|(waiting, _)| *waiting != ticket);
        if queue.held == Some(ticket) {
            queue.held = None;
            while let Some((next, wake)) = queue.waiting.pop_front() {
                if wake.send(()).is_ok() {
                    queue.held = Some(next);
                    break;
                }
            }
        }
    }
}

impl Witness for Browser {
    fn read(&self, name: &str) -> Option<String> {
        self.notes.borrow().get(name).cloned()
    }
    fn write(&self, name: &str, note: Option<&str>) {
        match note {
            Some(note) => self.notes.borrow_mut().insert(name.to_owned(), note.to_owned()),
            None => self.notes.borrow_mut().remove(name),
        };
    }
}

#[derive(Clone)]
pub struct SimTabs {
    pub owner: Owner,
    pub browser: Rc<Browser>,
    pub executor: Executor,
    pub dice: Rc<Dice>,
}

pub struct Guard {
    browser: Rc<Browser>,
    name: String,
    ticket: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.browser.release(&self.name, self.ticket);
    }
}

pub struct Listener {
    browser: Rc<Browser>,
    key: u64,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.browser.listeners.borrow_mut().retain(|heard| heard.key != self.key);
    }
}

impl Tabs for SimTabs {
    type Guard = Guard;
    type Listener = Listener;

    async fn lock(&self, name: &str) -> Result<Guard> {
        let ticket = self.browser.ticket();
        // The guard is made before waiting. If the waiting future is dropped (a timeout, a killed tab), the guard removes the ticket from
        // the queue.
        let guard = Guard {
            browser: self.browser.clone(),
            name: name.to_owned(),
            ticket,
        };
        let granted = {
            let mut locks = self.browser.locks.borrow_mut();
            let queue = locks.entry(name.to_owned()).or_default();
            if queue.held.is_none() {
                queue.held = Some(ticket);
                None
            } else {
                let (wake, granted) = futures_channel::oneshot::channel();
                queue.waiting.push_back((ticket, wake));
                Some(granted)
            }
        };
        if let Some(granted) = granted {
            let _ = granted.await;
        }
        Ok(guard)
    }

    async fn try_lock(&self, name: &str) -> Result<Option<Guard>> {
        let ticket = self.browser.ticket();
        let mut locks = self.browser.locks.borrow_mut();
        let queue = locks.entry(name.to_owned()).or_default();
        if queue.held.is_some() {
            return Ok(None);
        }
        queue.held = Some(ticket);
        Ok(Some(Guard {
            browser: self.browser.clone(),
            name: name.to_owned(),
            ticket,
        }))
    }

    fn notify(&self, name: &str) {
        let heard: Vec<Rc<dyn Fn(DatabaseNotice)>> = self
            .browser
            .listeners
            .borrow()
            .iter()
            .filter(|heard| heard.name == name && heard.owner != self.owner)
            .map(|heard| heard.call.clone())
            .collect();
        for call in heard {
            // A notice may come late or never: only freshness may depend on it.
            if !self.dice.permille(100) {
                let later = self.executor.sleep(self.dice.below(30) as u64);
                self.executor.spawn(usize::MAX, async move {
                    later.await;
                    call(DatabaseNotice::Written);
                });
            }
        }
    }

    fn listen(&self, name: &str, heard: impl Fn(DatabaseNotice) + 'static) -> Listener {
        let key = self.browser.ticket();
        self.browser.listeners.borrow_mut().push(Heard {
            key,
            owner: self.owner,
            name: name.to_owned(),
            call: Rc::new(heard),
        });
        Listener {
            browser: self.browser.clone(),
            key,
        }
    }
}

/// Records by id, as the change events of a tab describe them.
pub type View = RefCell<BTreeMap<String, String>>;

/// An app without transformers or hooks. It may keep a view of the records, made from change events.
pub struct SimApp {
    pub view: Option<Rc<View>>,
}

#[allow(non_upper_case_globals)]
pub const NoApp: SimApp = SimApp { view: None };

/// Applies one reported change to a view.
pub fn tell(view: &View, action: &str, data: &str) {
    let told = super::actor::by_id(&format!("[{data}]"));
    let mut view = view.borrow_mut();
    match action {
        "delete" => told.keys().for_each(|id| drop(view.remove(id))),
        _ => view.extend(told),
    }
}

impl App for SimApp {
    fn has_transformers(&self) -> bool {
        false
    }
    fn has_incoming_hook(&self) -> bool {
        false
    }
    async fn encode(&self, records: String) -> Result<String> {
        Ok(records)
    }
    async fn decode(&self, records: String) -> Result<String> {
        Ok(records)
    }
    async fn incoming(&self, payload: String) -> Result<String> {
        Ok(payload)
    }

    fn hears_changes(&self) -> bool {
        self.view.is_some()
    }

    fn changed(&self, changes: &str) {
        for change in json::elements(changes).expect("a list") {
            super::world::narrate(|| format!("told from elsewhere {change}"));
            let action = json::member(change, "action").and_then(json::string).expect("an action");
            if let Some(view) = &self.view {
                tell(view, &action, json::member(change, "data").expect("data"));
            }
        }
    }
}
