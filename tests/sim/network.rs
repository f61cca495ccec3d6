//! The way to the server: slow, and in bad weather it loses requests, answers, and parts of answers.

use super::eavesdropper::Eavesdropper;
use super::executor::{Dice, Executor, Owner};
use super::front::Front;
use super::harvest::Harvest;
use super::knowledge::Knowledge;
use super::liar::{Liar, Server};
use super::server::SimServer;
use essaim::error::{Error, Result};
use essaim::ports::{Request, Response, Transport};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub struct Internet {
    pub server: Server,
    pub executor: Executor,
    pub dice: Rc<Dice>,
    /// How often something goes wrong, of a thousand.
    pub bad_weather: Cell<usize>,
    /// Called with each write that the server took and whose answer the client may never settle.
    pub unanswered: RefCell<Vec<(Owner, String)>>,
    pub requests: Cell<usize>,
    /// How many requests each tab sent.
    asked: RefCell<BTreeMap<Owner, usize>>,
    /// Writes become visible some time after they got their timestamps, and collide.
    pub postgresql: bool,
    pub liar: RefCell<Option<Rc<Liar>>>,
    pub harvest: Harvest,
    pub knowledge: Knowledge,
    /// A device is being repaired, and nobody else asks anything.
    pub repairing: Rc<Cell<bool>>,
    pub eavesdropper: RefCell<Option<Eavesdropper>>,
    /// What the eavesdropper understood first.
    pub overheard: RefCell<Option<String>>,
    /// The answers that came: whose, to what, which.
    pub answered: RefCell<Vec<Answered>>,
    /// Which requests wait on their way, by device: for scenes in which it matters who comes first.
    pub held: RefCell<Option<Rc<Hold>>>,
    /// What becomes of the answers, in scenes.
    pub altered: RefCell<Option<Rc<Alter>>>,
    /// What stands before the server, by device.
    pub fronts: RefCell<Vec<Front>>,
}

pub type Hold = dyn Fn(usize, &Request) -> bool;
pub type Alter = dyn Fn(&Request, Response) -> Response;

#[derive(Clone)]
pub struct Answered {
    pub device: usize,
    pub method: &'static str,
    pub url: String,
    pub status: u16,
    /// Of its body.
    pub bytes: usize,
}

#[derive(Clone)]
pub struct Network {
    pub owner: Owner,
    pub device: usize,
    pub internet: Rc<Internet>,
}

impl std::fmt::Display for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} → {}", self.method, self.url, self.status)
    }
}

impl Internet {
    pub fn new(server: SimServer, executor: Executor, dice: Rc<Dice>, postgresql: bool) -> Self {
        Internet {
            server: Rc::new(RefCell::new(server)),
            executor,
            dice,
            bad_weather: Cell::new(0),
            unanswered: RefCell::default(),
            requests: Cell::new(0),
            asked: RefCell::default(),
            postgresql,
            liar: RefCell::default(),
            harvest: Harvest::default(),
            knowledge: Knowledge::default(),
            repairing: Rc::default(),
            eavesdropper: RefCell::default(),
            overheard: RefCell::default(),
            answered: RefCell::default(),
            held: RefCell::default(),
            altered: RefCell::default(),
            fronts: RefCell::default(),
        }
    }

    async fn wait_while_held(&self, device: usize, request: &Request) {
        let held = self.held.borrow().clone();
        while held.as_ref().is_some_and(|held| held(device, request)) {
            self.executor.sleep(1).await;
        }
    }

    pub async fn pause(&self, up_to_ms: usize) {
        self.executor.sleep(1 + self.dice.below(up_to_ms) as u64).await;
    }

    pub fn asked_by(&self, owner: Owner) -> usize {
        self.asked.borrow().get(&owner).copied().unwrap_or(0)
    }

    fn storm(&self) -> bool {
        self.dice.permille(self.bad_weather.get())
    }

    pub fn handle(&self, request: &Request) -> Response {
        self.server.borrow_mut().handle(self.executor.now_ms(), request)
    }

    /// What the device is told, by the server or by who stands before it.
    async fn answer(self: &Rc<Self>, device: usize, request: &Request) -> Response {
        let liar = self.liar.borrow().clone().filter(|liar| liar.tells(device));
        let Some(liar) = liar else {
            return self.carry_out(&self.server, request).await;
        };
        if let Some(invented) = liar.invent(self.executor.now_ms(), request, &self.server) {
            return invented;
        }
        let server = liar.server(request);
        let response = self.carry_out(server.as_ref().unwrap_or(&self.server), request).await;
        liar.alter(request, response)
    }

    /// As a server does: whether or not the client still waits.
    async fn carry_out(self: &Rc<Self>, server: &Server, request: &Request) -> Response {
        if !self.postgresql || request.body.is_none() {
            return server.borrow_mut().handle(self.executor.now_ms(), request);
        }
        let mut view = server.borrow().clone();
        if self.dice.permille(100) {
            view.collide_after(self.dice.below(4) as u32);
        }
        let begun = view.begin(self.executor.now_ms(), request);
        let (answer, answered) = futures_channel::oneshot::channel();
        let (internet, server) = (self.clone(), server.clone());
        self.executor.spawn(usize::MAX, async move {
            internet.pause(40).await;
            let response = server.borrow_mut().commit(internet.executor.now_ms(), begun);
            let _ = answer.send(response);
        });
        answered.await.expect("the server answers")
    }

    fn overhear(&self, request: &Request) {
        let understood = self.eavesdropper.borrow().as_ref().and_then(|ear| ear.hear(request));
        if let Some(understood) = understood {
            self.overheard.borrow_mut().get_or_insert(understood);
        }
    }
}

impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response> {
        let internet = &self.internet;
        internet.requests.set(internet.requests.get() + 1);
        *internet.asked.borrow_mut().entry(self.owner).or_default() += 1;
        internet.overhear(&request);
        internet.wait_while_held(self.device, &request).await;
        internet.pause(20).await;
        let refused = || Error::Network {
            url: request.url.clone(),
            message: "simulated".into(),
        };
        if internet.storm() {
            return Err(refused());
        }
        if internet.storm() {
            let headers = vec![("retry-after".to_owned(), "1".to_owned())];
            return Ok(Response {
                status: 503,
                headers,
                body: "{}".into(),
                ..Response::default()
            });
        }
        if let Some(body) = &request.body {
            // Until the engine comes back for more, nobody knows that it settled this.
            internet.unanswered.borrow_mut().push((self.owner, body.clone()));
        }
        if request.body.is_some() {
            internet.knowledge.sends(self.device);
        }
        let mut response = internet.answer(self.device, &request).await;
        internet.harvest.note(&request, &response);
        if let Some(alter) = internet.altered.borrow().as_ref() {
            response = alter(&request, response);
        }
        if let Some(front) = internet.fronts.borrow().get(self.device) {
            response = front.pass(response);
        }
        response = response.within(request.asks);
        internet.answered.borrow_mut().push(Answered {
            device: self.device,
            method: request.method,
            url: request.url.clone(),
            status: response.status,
            bytes: response.body.len(),
        });
        super::world::narrate(|| {
            let told = format!("{:?} → {} {:?} {}", request.body, response.status, response.header("etag"), response.body);
            format!("  tab {}: {} {} {}", self.owner, request.method, request.url, brief(&told))
        });
        if internet.storm() {
            internet.pause(40).await;
            return Err(refused());
        }
        if internet.storm() {
            let half = (0..=response.body.len() / 2).rev().find(|at| response.body.is_char_boundary(*at)).unwrap_or(0);
            response.body.truncate(half);
        }
        if internet.storm() {
            // An answer that never comes: only the timeout ends it.
            internet.pause(1 << 30).await;
        }
        internet.pause(20).await;
        Ok(response)
    }
}

/// Without what nobody can read anyway.
fn brief(told: &str) -> String {
    let is_payload = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    told.split_inclusive(|char| !is_payload(char))
        .map(|run| {
            if run.len() > 50 {
                format!("{}…{}", &run[..8], &run[run.len() - 1..])
            } else {
                run.to_owned()
            }
        })
        .collect()
}
