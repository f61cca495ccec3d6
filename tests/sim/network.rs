//! The way to the server: slow, and in bad weather it loses requests, answers, and parts of answers.

use super::executor::{Dice, Executor, Owner};
use super::server::SimServer;
use essaim::error::{Error, Result};
use essaim::ports::{Request, Response, Transport};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub struct Internet {
    pub server: RefCell<SimServer>,
    pub executor: Executor,
    pub dice: Rc<Dice>,
    /// How often something goes wrong, of a thousand.
    pub bad_weather: Cell<usize>,
    /// Called with each write that the server took and whose answer the client may never settle.
    pub unanswered: RefCell<Vec<(Owner, String)>>,
    pub requests: Cell<usize>,
    /// Writes become visible some time after they got their timestamps, and collide.
    pub postgresql: bool,
}

#[derive(Clone)]
pub struct Network {
    pub owner: Owner,
    pub internet: Rc<Internet>,
}

impl Internet {
    pub async fn pause(&self, up_to_ms: usize) {
        self.executor.sleep(1 + self.dice.below(up_to_ms) as u64).await;
    }

    fn storm(&self) -> bool {
        self.dice.permille(self.bad_weather.get())
    }

    pub fn handle(&self, request: &Request) -> Response {
        self.server.borrow_mut().handle(self.executor.now_ms(), request)
    }

    /// As a server does: whether or not the client still waits.
    async fn carry_out(self: &Rc<Self>, request: &Request) -> Response {
        if !self.postgresql || request.body.is_none() {
            return self.handle(request);
        }
        let mut view = self.server.borrow().clone();
        if self.dice.permille(100) {
            view.collide_after(self.dice.below(4) as u32);
        }
        let begun = view.begin(self.executor.now_ms(), request);
        let (answer, answered) = futures_channel::oneshot::channel();
        let internet = self.clone();
        self.executor.spawn(usize::MAX, async move {
            internet.pause(40).await;
            let response = internet.server.borrow_mut().commit(internet.executor.now_ms(), begun);
            let _ = answer.send(response);
        });
        answered.await.expect("the server answers")
    }
}

impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response> {
        let internet = &self.internet;
        internet.requests.set(internet.requests.get() + 1);
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
                redirected: false,
            });
        }
        if let Some(body) = &request.body {
            // Until the engine comes back for more, nobody knows that it settled this.
            internet.unanswered.borrow_mut().push((self.owner, body.clone()));
        }
        let mut response = internet.carry_out(&request).await;
        super::devices::narrate(|| {
            format!(
                "  tab {}: {} {} {:?} → {} {:?} {}",
                self.owner,
                request.method,
                request.url,
                request.body,
                response.status,
                response.header("etag"),
                response.body
            )
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
