//! Forges single records for a server that lies: hides, exchanges, changes or invents them.
//!
//! The forger is consistent: a record that it has once chosen to hide or change stays so until the lie ends.

use super::executor::Dice;
use super::lie::Lie;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub struct Forger {
    lie: Lie,
    way: usize,
    dice: Rc<Dice>,
    /// The ids that are lied about.
    chosen: RefCell<Vec<String>>,
    /// Every honest payload seen so far, by id.
    seen: RefCell<BTreeMap<String, String>>,
    /// The payloads that are told instead, by id, also for records that do not exist.
    told: RefCell<BTreeMap<String, Value>>,
    forged: Cell<bool>,
}

impl Forger {
    pub fn new(lie: Lie, way: usize, dice: Rc<Dice>) -> Self {
        Forger {
            lie,
            way,
            dice,
            chosen: RefCell::default(),
            seen: RefCell::default(),
            told: RefCell::default(),
            forged: Cell::default(),
        }
    }

    pub fn has_forged(&self) -> bool {
        self.forged.get()
    }

    /// A listing, as the liar tells it.
    pub fn rows(&self, rows: Vec<Value>, is_last: bool) -> Vec<Value> {
        rows.iter().for_each(|row| self.note(row));
        let mut rows: Vec<Value> = rows.into_iter().filter_map(|row| self.row(row)).collect();
        match self.lie {
            Lie::Misdated if rows.len() > 1 => {
                self.forged.set(true);
                rows.reverse();
            }
            Lie::Replay if self.appends() && is_last => rows.extend(self.after_the_last()),
            _ => {}
        }
        rows
    }

    /// One record, as the liar tells it; `None` if it is hidden.
    pub fn row(&self, row: Value) -> Option<Value> {
        self.note(&row);
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        let told = match self.lie {
            Lie::Misdated => Some(self.misdated(row.clone())),
            _ if row["ct"].is_string() && self.is_chosen(&id) => self.forge(&id, row.clone()),
            _ => Some(row.clone()),
        };
        if told.as_ref() != Some(&row) {
            self.forged.set(true);
        }
        told
    }

    fn forge(&self, id: &str, mut row: Value) -> Option<Value> {
        let last_modified = row["last_modified"].clone();
        match self.lie {
            Lie::Omission => return None,
            Lie::ForgedTombstone => return Some(json!({"id": id, "last_modified": last_modified, "deleted": true})),
            Lie::ForgedEmptying => return Some(json!({"id": id, "last_modified": last_modified, "v": 1})),
            Lie::Replay | Lie::Reordering | Lie::SwappedSegments => {
                if let Some(other) = self.exchanged(id) {
                    row["ct"] = other.into();
                }
            }
            Lie::FlippedBits => {
                let flipped = || self.flipped(row["ct"].as_str().unwrap_or_default());
                let flipped = self.told.borrow_mut().entry(id.to_owned()).or_insert_with(flipped).clone();
                row["ct"] = flipped;
            }
            Lie::Relabelled => {
                let (member, value) = [("v", json!(2)), ("e", json!(2)), ("v", json!("1")), ("e", json!(null))][self.way % 4].clone();
                row[member] = value;
            }
            _ => {}
        }
        Some(row)
    }

    fn note(&self, row: &Value) {
        if let (Some(id), Some(ct)) = (row["id"].as_str(), row["ct"].as_str()) {
            self.seen.borrow_mut().insert(id.to_owned(), ct.to_owned());
        }
    }

    /// Whether the lie concerns this id. Picks the first suitable ids by chance: one page or segment, or two that are exchanged.
    fn is_chosen(&self, id: &str) -> bool {
        let is_page = id.starts_with('p');
        let (suits, wanted) = match self.lie {
            Lie::Omission | Lie::ForgedTombstone | Lie::FlippedBits | Lie::Relabelled => (true, 1),
            Lie::ForgedEmptying => (is_page, 1),
            Lie::Replay => (is_page && !self.appends(), 1),
            Lie::Reordering => (is_page, 2),
            Lie::SwappedSegments => (!is_page, 2),
            _ => (false, 0),
        };
        let mut chosen = self.chosen.borrow_mut();
        let is_new = !chosen.iter().any(|known| known == id);
        if suits && is_new && chosen.len() < wanted && self.dice.permille(400) {
            chosen.push(id.to_owned());
            return true;
        }
        !is_new
    }

    /// The payload of the record that this one is exchanged with; in a replay, of the oldest page that was seen.
    fn exchanged(&self, id: &str) -> Option<String> {
        let (seen, chosen) = (self.seen.borrow(), self.chosen.borrow());
        let other = match self.lie {
            Lie::Replay => seen.keys().find(|other| other.starts_with('p') && *other != id),
            _ => chosen.iter().find(|other| *other != id),
        };
        other.and_then(|other| seen.get(other)).cloned()
    }

    /// Whether a replay is told at a new position, instead of in the place of another page.
    fn appends(&self) -> bool {
        self.way.is_multiple_of(2)
    }

    /// The last page once more, at the next position. This position is chosen once.
    fn after_the_last(&self) -> Option<Value> {
        if self.told.borrow().is_empty() {
            let seen = self.seen.borrow();
            let last = seen.keys().rfind(|id| id.starts_with('p'))?;
            let position: u64 = last[1..].parse().ok()?;
            self.told.borrow_mut().insert(format!("p{:012}", position + 1), seen[last].clone().into());
        }
        let id = self.told.borrow().keys().next().cloned()?;
        self.made_up(&id).filter(|_| !self.seen.borrow().contains_key(&id))
    }

    /// A record that the server does not have.
    pub fn made_up(&self, id: &str) -> Option<Value> {
        let ct = self.told.borrow().get(id).cloned().filter(|_| self.lie == Lie::Replay)?;
        self.forged.set(true);
        Some(json!({"id": id, "v": 1, "e": 1, "ct": ct, "last_modified": 1_900_000_000_000u64}))
    }

    fn flipped(&self, ct: &str) -> Value {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(ct).unwrap_or_default();
        match self.way {
            0 => return json!(""),
            1 => return json!(7),
            2 => return json!(format!("{ct}=")),
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

    fn misdated(&self, mut row: Value) -> Value {
        if let Some(date) = row["last_modified"].as_i64() {
            row["last_modified"] = json!(date + [0, 5000, -5000, 1][self.way % 4]);
        }
        row
    }
}

/// Checks that every lie is actually told, and told in the same way to each request. Otherwise a simulation that passes would prove
/// nothing.
#[test]
fn every_lie_is_told_and_told_again() {
    use super::liar::Liar;
    use super::server::{SimConfig, SimServer};
    use super::world::{REMOTE, request};
    use std::cell::RefCell;

    let bucket = format!("{REMOTE}/buckets/default");
    let collection = format!("{bucket}/collections/e-c");
    let record = |id: &str| format!("{collection}/records/{id}");
    for (number, lie) in (0..12).flat_map(|number| Lie::ALL.map(|lie| (number, lie))) {
        let server = Rc::new(RefCell::new(SimServer::new(SimConfig::default())));
        let put = |id: &str, guard: &str| {
            let ct = BASE64_URL_SAFE_NO_PAD.encode(id.repeat(5));
            let mut put = request("PUT", record(id), Some(json!({"data": {"v": 1, "e": 1, "ct": ct}}).to_string()));
            put.headers.push((guard.into(), "*".into()));
            put
        };
        let backup = server.borrow().clone();
        let ids: Vec<String> = ["s-A", "s-B"]
            .map(str::to_owned)
            .into_iter()
            .chain((1..9).map(|n| format!("p{n:012}")))
            .collect();
        for id in &ids {
            server.borrow_mut().handle(5, &put(id, "If-None-Match"));
        }
        let liar = Liar::new(lie, None, Rc::new(Dice::new(number)), backup);
        let honest = server.borrow().clone();
        liar.begin(9, &server, &bucket, &collection);
        let ask = |request: &essaim::ports::Request| match liar.invent(9, request, &server) {
            Some(invented) => invented,
            None => {
                let asked = liar.server(request).unwrap_or(server.clone());
                let answer = asked.borrow_mut().handle(9, request);
                liar.alter(request, answer)
            }
        };
        let mut list = request("GET", format!("{collection}/records?_sort=last_modified"), None);
        list.headers.push(("If-None-Match".into(), "\"4\"".into()));
        // Repeats the request until the liar has picked something.
        (0..40).for_each(|_| drop(ask(&list)));
        let told = ask(&list);
        assert_eq!(told, ask(&list), "{lie:?}");
        let mut truth = honest.clone();
        let requests = ids.iter().map(|id| request("GET", record(id), None));
        let requests = requests.chain([
            list,
            put("p000000000009", "If-None-Match"),
            put("p000000000010", "If-Match"),
            put("s-C", "If-None-Match"),
        ]);
        let requests = requests.chain([put("p000000000001", "If-Match"), request("GET", record("p000000000009"), None)]);
        let differs = requests.filter(|request| ask(request) != truth.handle(9, request)).count();
        assert!(liar.has_told() && (differs > 0 || lie == Lie::Fork), "{lie:?}, {number}");
    }
}
