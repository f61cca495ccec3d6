//! Collects every sealed page that devices send, also refused ones, as a server can, so that it may show them at any later moment.

use super::executor::Dice;
use essaim::ports::{Request, Response};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
struct Page {
    id: String,
    ct: String,
    /// Whether the server refused it. Its author has then sealed the change again.
    is_refused: bool,
}

/// Every page that was ever sent to the server.
#[derive(Default)]
pub struct Harvest(RefCell<Vec<Page>>);

impl Harvest {
    pub fn note(&self, request: &Request, response: &Response) {
        let creates = request.method == "PUT" && request.headers.iter().any(|(name, value)| name == "If-None-Match" && value == "*");
        let Some(id) = request.url.rsplit('/').next().filter(|id| creates && id.starts_with('p') && id.len() == 13) else {
            return;
        };
        let body = request.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
        if let Some(ct) = body.as_ref().and_then(|body| body["data"]["ct"].as_str()) {
            self.0.borrow_mut().push(Page {
                id: id.to_owned(),
                ct: ct.to_owned(),
                is_refused: response.status != 201,
            });
        }
    }

    fn pick(&self, dice: &Dice) -> Option<Page> {
        let pages = self.0.borrow();
        let refused: Vec<&Page> = pages.iter().filter(|page| page.is_refused).collect();
        match refused.is_empty() || dice.permille(300) {
            true if pages.is_empty() => None,
            true => Some(dice.pick(&pages).clone()),
            false => Some((*dice.pick(&refused)).clone()),
        }
    }
}

/// In which answers the page is shown.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Everywhere,
    /// In lists that are read from the beginning, not from a cursor.
    FullLists,
    /// Only in lists, while a `repair()` is running.
    Repair,
}

/// One page of the harvest that the server shows again, at its position.
pub struct Ghost {
    page: Option<Page>,
    scope: Scope,
    /// Whether the pages after it are hidden.
    hides_later: bool,
    /// Whether the true page of that position is shown, too.
    is_beside: bool,
    /// In how many more lists the page is shown.
    left: Cell<usize>,
    /// Whether the list that is being read has shown the page already.
    is_in_list: Cell<bool>,
    repairing: Rc<Cell<bool>>,
    told: Cell<bool>,
}

impl Ghost {
    pub fn new(harvest: &Harvest, repairing: Rc<Cell<bool>>, dice: &Dice) -> Self {
        Ghost {
            page: harvest.pick(dice),
            scope: *dice.pick(&[Scope::Everywhere, Scope::FullLists, Scope::Repair]),
            hides_later: dice.permille(400),
            is_beside: dice.permille(200),
            left: Cell::new(*dice.pick(&[1, 2, 1000, 1000])),
            is_in_list: Cell::default(),
            repairing,
            told: Cell::default(),
        }
    }

    /// Shows the page that was refused last, in the list of each `repair()`.
    pub fn refused(harvest: &Harvest, repairing: Rc<Cell<bool>>) -> Self {
        Ghost {
            page: harvest.0.borrow().iter().rfind(|page| page.is_refused).cloned(),
            scope: Scope::Repair,
            hides_later: false,
            is_beside: false,
            left: Cell::new(1000),
            is_in_list: Cell::default(),
            repairing,
            told: Cell::default(),
        }
    }

    pub fn has_told(&self) -> bool {
        self.told.get()
    }

    fn row(&self, page: &Page, last_modified: &Value) -> Value {
        self.told.set(true);
        json!({"id": page.id, "v": 1, "e": 1, "ct": page.ct, "last_modified": last_modified})
    }

    fn is_hidden(&self, id: &str) -> bool {
        let Some(page) = &self.page else { return false };
        let is_told = self.scope != Scope::Repair || self.repairing.get();
        is_told && self.hides_later && id.starts_with('p') && id > page.id.as_str()
    }

    pub fn list(&self, url: &str, is_last: bool, rows: Vec<Value>) -> Vec<Value> {
        let Some(page) = &self.page else { return rows };
        let is_full = !url.contains("_since");
        let suits = match self.scope {
            Scope::Everywhere => true,
            Scope::FullLists => is_full,
            Scope::Repair => self.repairing.get(),
        };
        if !suits || url.contains("_fields") || self.left.get() == 0 {
            return rows;
        }
        if !url.contains("_token") {
            self.is_in_list.set(false);
        }
        let youngest = rows.iter().filter_map(|row| row["last_modified"].as_u64()).max().unwrap_or(1);
        let mut shown = Vec::new();
        for row in rows {
            let id = row["id"].as_str().unwrap_or_default();
            if self.is_hidden(id) {
                self.told.set(true);
            } else if id == page.id && !self.is_beside {
                shown.push(self.row(page, &row["last_modified"]));
                self.is_in_list.set(true);
            } else {
                shown.push(row);
            }
        }
        if is_last {
            if !self.is_in_list.get() {
                shown.push(self.row(page, &json!(youngest + 1)));
            }
            self.left.set(self.left.get() - 1);
        }
        shown
    }

    /// The answer for a single record; `None` for 404.
    pub fn record(&self, id: &str, there: Option<Value>) -> Option<Value> {
        let page = self
            .page
            .as_ref()
            .filter(|page| page.id == id && self.scope == Scope::Everywhere && self.left.get() > 0);
        if let Some(page) = page {
            let last_modified = there.as_ref().map_or(json!(1_900_000_000_000u64), |there| there["last_modified"].clone());
            return Some(self.row(page, &last_modified));
        }
        there.filter(|_| !self.is_hidden(id))
    }
}
