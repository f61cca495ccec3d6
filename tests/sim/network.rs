//! The simulated network: slow, and in bad weather it loses requests, answers and parts of answers.

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
    /// How often (per mille) something goes wrong.
    pub bad_weather: Cell<usize>,
    /// The bodies of writes that may have reached the server, and whose answers the client may never process; with the tab that sent them.
    pub unanswered: RefCell<Vec<(Owner, String)>>,
    pub requests: Cell<usize>,
    /// How many requests each tab sent.
    asked: RefCell<BTreeMap<Owner, usize>>,
    /// Behave as with PostgreSQL: writes become visible some time after they got their timestamps, and timestamps collide.
    pub postgresql: bool,
    pub liar: RefCell<Option<Rc<Liar>>>,
    pub harvest: Harvest,
    pub knowledge: Knowledge,
    /// Whether a `repair()` is running. Some pages are shown again only meanwhile ([`Harvest`]).
    pub repairing: Rc<Cell<bool>>,
    pub eavesdropper: RefCell<Option<Eavesdropper>>,
    /// A description of the first secret that the eavesdropper found.
    pub overheard: RefCell<Option<String>>,
    /// The answers to all requests so far.
    pub answered: RefCell<Vec<Answered>>,
    /// Whether a request has to wait, by device: for scenes in which the order of requests matters.
    pub held: RefCell<Option<Rc<Hold>>>,
    /// Changes answers, in scenes.
    pub altered: RefCell<Option<Rc<Alter>>>,
    /// The front server of each device.
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
    /// The size of the answer's body.
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

    /// The answer for the device, from the server or from the liar in front of it.
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

    /// Carries out a request whether or not the client still waits, as a real server does.
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
            // Whether the engine has processed the answer is unknown until its sync returns.
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

/// Shortens encrypted payloads, which nobody can read anyway.
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
