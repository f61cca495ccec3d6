//! A server that lies, or the network before it: it stands between one device, or all, and the honest server.
//!
//! It is of one mind: what it once chose to hide or to change stays so until the lie ends, in lists, in single records, and in
//! what a refusal quotes. [`Lie`] says what it tells and what has to come of it.

use super::executor::Dice;
use super::lie::Lie;
use super::server::SimServer;
use super::world::request;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use essaim::ports::{Request, Response};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub type Server = Rc<RefCell<SimServer>>;

pub struct Liar {
    pub lie: Lie,
    /// Nobody in particular: everybody.
    victim: Option<usize>,
    dice: Rc<Dice>,
    /// Which of several ways to tell it, from the beginning on.
    way: usize,
    /// An earlier state, or the one that only the victims live in.
    other: Server,
    told: Cell<bool>,
    /// The ids that are lied about, and every payload that passed by.
    chosen: RefCell<Vec<String>>,
    seen: RefCell<BTreeMap<String, String>>,
    flipped: RefCell<BTreeMap<String, Value>>,
}

/// What a request is about.
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
        Liar {
            lie,
            victim,
            way: dice.below(12),
            dice,
            other: Rc::new(RefCell::new(backup)),
            told: Cell::default(),
            chosen: RefCell::default(),
            seen: RefCell::default(),
            flipped: RefCell::default(),
        }
    }

    /// What is done to the server itself. `collection` and `bucket`: their URLs.
    pub fn begin(&self, now_ms: u64, server: &Server, bucket: &str, collection: &str) {
        match self.lie {
            Lie::RestoredBackup => server.swap(&self.other),
            // Sometimes of now, sometimes an old one.
            Lie::Fork if self.way % 3 > 0 => *self.other.borrow_mut() = server.borrow().clone(),
            Lie::Flush => {
                let mut server = server.borrow_mut();
                let mut send = |method, url: String, body: Option<&str>| drop(server.handle(now_ms, &request(method, url, body.map(str::to_owned))));
                match self.way % 3 {
                    0 => send("DELETE", format!("{collection}/records"), None),
                    1 => send("DELETE", collection.to_owned(), None),
                    _ => {
                        send("POST", format!("{}/__flush__", super::world::REMOTE), None);
                        // As its administrator would, who knows of buckets.
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

    /// Whether anything was said that is not so.
    pub fn has_told(&self) -> bool {
        self.told.get() || matches!(self.lie, Lie::Flush | Lie::RestoredBackup)
    }

    /// Which server gets a request: `None` for the true one.
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

    /// An answer for which nobody was asked.
    pub fn invent(&self, now_ms: u64, request: &Request, server: &Server) -> Option<Response> {
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        let asked = asked(request);
        let creates = request.method == "PUT" && header("if-none-match") == Some("*");
        let invented = match (self.lie, &asked) {
            (Lie::FalseUnchanged, Asked::List) => header("if-none-match").map(|known| Response {
                status: 304,
                headers: vec![("etag".into(), known.to_owned())],
                ..Response::default()
            }),
            (Lie::FalseSuccess, Asked::Record(id)) if request.method != "GET" => {
                let concerned = match self.way % 4 {
                    0 => true,
                    1 => creates && id.starts_with('p'),
                    2 => creates && id.starts_with("s-"),
                    _ => !creates,
                };
                concerned.then(|| server.borrow().clone().handle(now_ms, request))
            }
            (Lie::FalseRefusal, Asked::Record(_)) if creates => Some(error(412, 114)),
            (Lie::Vanished, Asked::List | Asked::Record(_)) => Some(error(404, 111)),
            _ => None,
        };
        invented.inspect(|_| self.told.set(true))
    }

    /// What becomes of an honest answer.
    pub fn alter(&self, request: &Request, response: Response) -> Response {
        let Ok(mut body) = serde_json::from_str::<Value>(&response.body) else {
            return response;
        };
        let is_write = request.method != "GET";
        match (asked(request), response.status) {
            (Asked::List, 200) if !is_write => self.alter_list(body, response),
            (Asked::Record(_), 200) if !is_write => match self.alter_row(body["data"].clone()) {
                Some(row) if row.get("deleted").is_none() => with_body(response, json!({"data": row})),
                _ => error(404, 110),
            },
            (Asked::Record(_), 412) => {
                let quoted = body["details"]["existing"].take();
                let hides = matches!(self.lie, Lie::Rollback);
                match self.alter_row(quoted).filter(|row| row.is_object() && !hides) {
                    Some(row) => body["details"]["existing"] = row,
                    None => drop(body.as_object_mut().map(|body| body.remove("details"))),
                }
                with_body(response, body)
            }
            (Asked::Record(_), status @ (200 | 201)) if is_write => self.alter_written(status, body, response),
            (Asked::Record(id), 404) if !is_write => match self.made_up(&id) {
                Some(row) => Response {
                    status: 200,
                    ..with_body(response, json!({"data": row}))
                },
                None => response,
            },
            _ => response,
        }
    }

    fn alter_written(&self, status: u16, mut body: Value, mut response: Response) -> Response {
        match self.lie {
            Lie::AnotherStatus => {
                self.told.set(true);
                response.status = if status == 200 { 201 } else { 200 };
                response
            }
            Lie::Misdated => {
                self.misdate(&mut body["data"]);
                with_body(response, body)
            }
            _ => response,
        }
    }

    fn alter_list(&self, mut body: Value, mut response: Response) -> Response {
        let rows = body["data"].as_array().cloned().unwrap_or_default();
        rows.iter().for_each(|row| self.note(row));
        let mut rows: Vec<Value> = rows.into_iter().filter_map(|row| self.alter_row(row)).collect();
        match self.lie {
            Lie::TruncatedLists if !rows.is_empty() => {
                self.told.set(true);
                rows.truncate(rows.len() * (self.way % 4) / 4);
                response.headers.retain(|(name, _)| name != "next-page");
            }
            Lie::Misdated => rows.reverse(),
            Lie::Replay if self.way.is_multiple_of(2) && response.header("next-page").is_none() => rows.extend(self.next_page()),
            _ => {}
        }
        body["data"] = rows.into();
        with_body(response, body)
    }

    /// One record as it is told; `None` if it is hidden.
    fn alter_row(&self, mut row: Value) -> Option<Value> {
        self.note(&row);
        let Some(id) = row["id"].as_str().map(str::to_owned) else { return Some(row) };
        if self.lie == Lie::Misdated {
            self.misdate(&mut row);
            return Some(row);
        }
        if !row["ct"].is_string() || !self.is_chosen(&id) {
            return Some(row);
        }
        let honest = row.clone();
        let altered = match self.lie {
            Lie::Omission => None,
            Lie::ForgedTombstone => Some(json!({"id": id, "last_modified": row["last_modified"], "deleted": true})),
            Lie::ForgedEmptying => Some(json!({"id": id, "last_modified": row["last_modified"], "v": 1})),
            Lie::Replay | Lie::Reordering | Lie::SwappedSegments => {
                if let Some(other) = self.other_payload(&id) {
                    row["ct"] = other.into();
                }
                Some(row)
            }
            Lie::FlippedBits => {
                let flipped = self.flipped.borrow_mut().entry(id).or_insert_with(|| self.flip(&row["ct"])).clone();
                row["ct"] = flipped;
                Some(row)
            }
            Lie::Relabelled => {
                let (member, value) = [("v", json!(2)), ("e", json!(2)), ("v", json!("1")), ("e", json!(null))][self.way % 4].clone();
                row[member] = value;
                Some(row)
            }
            _ => Some(row),
        };
        if altered.as_ref() != Some(&honest) {
            self.told.set(true);
        }
        altered
    }

    fn note(&self, row: &Value) {
        if let (Some(id), Some(ct)) = (row["id"].as_str(), row["ct"].as_str()) {
            self.seen.borrow_mut().insert(id.to_owned(), ct.to_owned());
        }
    }

    /// One page or segment is lied about, or two that are exchanged: the first that come by and are picked.
    fn is_chosen(&self, id: &str) -> bool {
        let is_page = id.starts_with('p');
        let (suits, wanted) = match self.lie {
            Lie::Omission | Lie::ForgedTombstone | Lie::FlippedBits | Lie::Relabelled => (true, 1),
            Lie::ForgedEmptying | Lie::Replay => (is_page, 1),
            Lie::Reordering => (is_page, 2),
            Lie::SwappedSegments => (!is_page, 2),
            _ => (false, 0),
        };
        let mut chosen = self.chosen.borrow_mut();
        if suits && chosen.len() < wanted && !chosen.iter().any(|known| known == id) && self.dice.permille(400) {
            chosen.push(id.to_owned());
        }
        chosen.iter().any(|known| known == id)
    }

    /// Of the one that it is exchanged with; in a replay, of the oldest page that was seen.
    fn other_payload(&self, id: &str) -> Option<String> {
        let seen = self.seen.borrow();
        let chosen = self.chosen.borrow();
        let other = match self.lie {
            Lie::Replay => seen.keys().find(|other| other.starts_with('p') && *other != id),
            _ => chosen.iter().find(|other| *other != id),
        };
        other.and_then(|other| seen.get(other)).cloned()
    }

    /// An old page again, after the last one.
    fn next_page(&self) -> Option<Value> {
        let seen = self.seen.borrow();
        let last = seen.keys().rfind(|id| id.starts_with('p'))?;
        let position: u64 = last[1..].parse().ok()?;
        let id = format!("p{:012}", position + 1);
        self.chosen.borrow_mut().get_mut(0).filter(|chosen| **chosen > id).is_none().then_some(())?;
        self.told.set(true);
        self.flipped.borrow_mut().insert(id.clone(), seen[last].clone().into());
        self.made_up_with(&id, seen[last].clone().into())
    }

    fn made_up(&self, id: &str) -> Option<Value> {
        let payload = self.flipped.borrow().get(id).cloned();
        payload.filter(|_| self.lie == Lie::Replay).and_then(|payload| self.made_up_with(id, payload))
    }

    fn made_up_with(&self, id: &str, ct: Value) -> Option<Value> {
        Some(json!({"id": id, "v": 1, "e": 1, "ct": ct, "last_modified": 1_900_000_000_000u64}))
    }

    fn flip(&self, ct: &Value) -> Value {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(ct.as_str().unwrap_or_default()).unwrap_or_default();
        match self.way {
            0 => return json!(""),
            1 => return json!(7),
            2 => return json!(format!("{}=", ct.as_str().unwrap_or_default())),
            3 => bytes.truncate(self.dice.below(bytes.len())),
            4 => bytes.push(0),
            _ => {
                let at = self.dice.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.dice.below(8);
                }
            }
        }
        json!(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    fn misdate(&self, row: &mut Value) {
        if let Some(date) = row["last_modified"].as_i64() {
            self.told.set(true);
            row["last_modified"] = json!(date + [0, 5000, -5000, 1][self.way % 4]);
        }
    }
}

fn error(status: u16, errno: u16) -> Response {
    Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({"code": status, "errno": errno, "error": "as it says"}).to_string(),
        redirected: false,
    }
}

fn with_body(response: Response, body: Value) -> Response {
    Response {
        body: body.to_string(),
        ..response
    }
}
