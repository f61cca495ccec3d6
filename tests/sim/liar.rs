//! A server that lies, or a lying network in front of it: it stands between the honest server and one device, or all of them.
//!
//! [`Lie`] lists what it tells, and the expected consequences.

use super::executor::Dice;
use super::forger::Forger;
use super::harvest::Ghost;
use super::lie::Lie;
use super::server::SimServer;
use super::world::{REMOTE, request};
use essaim::ports::{Request, Response};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub type Server = Rc<RefCell<SimServer>>;

pub struct Liar {
    pub lie: Lie,
    /// The device that is lied to; `None` for all devices.
    victim: Option<usize>,
    /// Selects one of several ways to tell the lie, for the whole run.
    way: usize,
    /// An earlier state of the server, or the copy that only the victims use.
    other: Server,
    forger: Forger,
    /// Only for [`Lie::HarvestedPage`].
    ghost: Option<Ghost>,
    told: Cell<bool>,
}

/// The subject of a request.
enum Asked {
    List,
    Record(String),
    Other,
}

fn asked(request: &Request) -> Asked {
    let path = request.url.split('?').next().unwrap_or_default();
    match path.split("/records").collect::<Vec<_>>()[..] {
        [_, ""] => Asked::List,
        [_, id] => Asked::Record(id.trim_start_matches('/').to_owned()),
        _ => Asked::Other,
    }
}

impl Liar {
    /// `backup`: an earlier state of the server.
    pub fn new(lie: Lie, victim: Option<usize>, dice: Rc<Dice>, backup: SimServer) -> Self {
        let way = dice.below(12);
        Liar {
            lie,
            victim,
            way,
            other: Rc::new(RefCell::new(backup)),
            forger: Forger::new(lie, way, dice),
            ghost: None,
            told: Cell::default(),
        }
    }

    pub fn with_ghost(self, ghost: Ghost) -> Self {
        Liar { ghost: Some(ghost), ..self }
    }

    /// Applies what the lie does to the server itself. `bucket` and `collection` are their URLs.
    pub fn begin(&self, now_ms: u64, server: &Server, bucket: &str, collection: &str) {
        match self.lie {
            Lie::RestoredBackup => server.swap(&self.other),
            // The fork begins from the present state; or, for every third `way`, from the earlier one.
            Lie::Fork if !self.way.is_multiple_of(3) => *self.other.borrow_mut() = server.borrow().clone(),
            Lie::Flush => {
                let mut server = server.borrow_mut();
                let mut send = |method, url: String, body: Option<&str>| drop(server.handle(now_ms, &request(method, url, body.map(str::to_owned))));
                match self.way % 3 {
                    0 => send("DELETE", format!("{collection}/records"), None),
                    1 => send("DELETE", collection.to_owned(), None),
                    _ => {
                        send("POST", format!("{REMOTE}/__flush__"), None);
                        // An administrator, who knows of the buckets, creates the bucket again.
                        if !bucket.ends_with("/default") {
                            send("PUT", bucket.to_owned(), Some("{}"));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    pub fn tells(&self, device: usize) -> bool {
        self.victim.is_none_or(|victim| victim == device)
    }

    /// Whether anything false was told.
    pub fn has_told(&self) -> bool {
        self.told.get() || self.forger.has_forged() || self.ghost.as_ref().is_some_and(Ghost::has_told) || matches!(self.lie, Lie::Flush | Lie::RestoredBackup)
    }

    /// The server that a request is sent to: `None` for the honest one.
    pub fn server(&self, request: &Request) -> Option<Server> {
        let elsewhere = match self.lie {
            Lie::Fork => true,
            Lie::Rollback => request.method == "GET",
            _ => false,
        };
        elsewhere.then(|| {
            self.told.set(true);
            self.other.clone()
        })
    }

    /// An invented answer: the request does not reach the honest server.
    pub fn invent(&self, now_ms: u64, request: &Request, server: &Server) -> Option<Response> {
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        let creates = request.method == "PUT" && header("if-none-match") == Some("*");
        let invented = match (self.lie, &asked(request)) {
            (Lie::FalseUnchanged, Asked::List) => header("if-none-match").map(|known| Response {
                status: 304,
                headers: vec![("etag".into(), known.to_owned())],
                ..Response::default()
            }),
            (Lie::FalseSuccess, Asked::Record(id)) if request.method != "GET" => {
                let is_concerned = match self.way % 4 {
                    0 => true,
                    1 => creates && id.starts_with('p'),
                    2 => creates && id.starts_with("s-"),
                    _ => !creates,
                };
                is_concerned.then(|| server.borrow().clone().handle(now_ms, request))
            }
            (Lie::FalseRefusal, Asked::Record(_)) if creates => Some(error(412, 114)),
            (Lie::Vanished, Asked::List | Asked::Record(_)) => Some(error(404, 111)),
            _ => None,
        };
        invented.inspect(|_| self.told.set(true))
    }

    /// Changes an honest answer. The same lie is told in lists, for single records, and in the record that a refusal quotes.
    pub fn alter(&self, request: &Request, response: Response) -> Response {
        let Ok(body) = serde_json::from_str::<Value>(&response.body) else {
            return response;
        };
        let reads = request.method == "GET";
        if let Some(ghost) = &self.ghost {
            return haunt(ghost, request, body, response);
        }
        match (asked(request), response.status) {
            (Asked::List, 200) if reads => self.alter_list(body, response),
            (Asked::Record(_), 200) if reads => match self.forger.row(body["data"].clone()) {
                Some(row) if row.get("deleted").is_none() => with_body(response, json!({"data": row})),
                _ => error(404, 110),
            },
            (Asked::Record(id), 404) if reads => match self.forger.made_up(&id) {
                Some(row) => Response {
                    status: 200,
                    ..with_body(response, json!({"data": row}))
                },
                None => response,
            },
            (Asked::Record(_), 412) => self.alter_refusal(body, response),
            (Asked::Record(_), 200 | 201) if !reads => self.alter_written(body, response),
            _ => response,
        }
    }

    fn alter_list(&self, mut body: Value, mut response: Response) -> Response {
        let rows = body["data"].as_array().cloned().unwrap_or_default();
        let is_last = response.header("next-page").is_none();
        let mut rows = self.forger.rows(rows, is_last);
        if self.lie == Lie::TruncatedLists && !rows.is_empty() {
            self.told.set(true);
            rows.truncate(rows.len() * (self.way % 4) / 4);
            response.headers.retain(|(name, _)| name != "next-page");
        }
        body["data"] = rows.into();
        with_body(response, body)
    }

    fn alter_refusal(&self, mut body: Value, response: Response) -> Response {
        let quoted = body["details"]["existing"].take();
        let is_known = self.lie != Lie::Rollback && quoted.is_object();
        match self.forger.row(quoted).filter(|row| is_known && row.get("deleted").is_none()) {
            Some(row) => body["details"]["existing"] = row,
            None => drop(body.as_object_mut().map(|body| body.remove("details"))),
        }
        with_body(response, body)
    }

    fn alter_written(&self, mut body: Value, mut response: Response) -> Response {
        match self.lie {
            Lie::AnotherStatus => {
                self.told.set(true);
                response.status = if response.status == 200 { 201 } else { 200 };
                response
            }
            Lie::Misdated => {
                body["data"] = self.forger.row(body["data"].take()).unwrap_or_default();
                with_body(response, body)
            }
            _ => response,
        }
    }
}

fn haunt(ghost: &Ghost, request: &Request, mut body: Value, response: Response) -> Response {
    let reads = request.method == "GET";
    match (asked(request), response.status) {
        (Asked::List, 200) if reads => {
            let rows = body["data"].as_array().cloned().unwrap_or_default();
            let is_last = response.header("next-page").is_none();
            body["data"] = ghost.list(&request.url, is_last, rows).into();
            with_body(response, body)
        }
        (Asked::Record(id), 200 | 404) if reads => {
            let there = Some(body["data"].clone()).filter(Value::is_object);
            match ghost.record(&id, there) {
                Some(row) => Response {
                    status: 200,
                    ..with_body(response, json!({"data": row}))
                },
                None => error(404, 110),
            }
        }
        (Asked::Record(id), 412) => {
            let there = Some(body["details"]["existing"].take()).filter(Value::is_object);
            match ghost.record(&id, there) {
                Some(row) => body["details"]["existing"] = row,
                None => drop(body.as_object_mut().map(|body| body.remove("details"))),
            }
            with_body(response, body)
        }
        _ => response,
    }
}

fn error(status: u16, errno: u16) -> Response {
    Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({"code": status, "errno": errno, "error": "as it says"}).to_string(),
        ..Response::default()
    }
}

fn with_body(response: Response, body: Value) -> Response {
    Response {
        body: body.to_string(),
        ..response
    }
}
