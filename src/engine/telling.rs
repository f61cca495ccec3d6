//! Tells the app what changed, in the order of the commits: changes of its own calls, and changes of other tabs.

use super::resident::Job;
use super::turns::Waiting;
use crate::ports::App;
use crate::pure::record::{RecordId, Row};
use crate::pure::state::{Change, State};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::{Rc, Weak};

/// A queue of what the app is to be told. It is flushed outside of transactions and borrows, because flushing calls the app.
pub struct Telling<A> {
    apps: RefCell<Vec<Weak<A>>>,
    waiting: RefCell<VecDeque<Told>>,
}

enum Told {
    Own(Box<dyn FnOnce()>),
    /// Changes of other tabs, as JSON.
    Elsewhere(String),
}

impl<A> Default for Telling<A> {
    fn default() -> Self {
        Telling {
            apps: RefCell::default(),
            waiting: RefCell::default(),
        }
    }
}

impl<A: App> Telling<A> {
    pub fn join(&self, app: &Rc<A>) {
        let mut apps = self.apps.borrow_mut();
        apps.retain(|app| app.strong_count() > 0);
        apps.push(Rc::downgrade(app));
    }

    fn apps(&self) -> Vec<Rc<A>> {
        self.apps.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether the app listens to changes of other tabs.
    pub fn is_heard(&self) -> bool {
        self.apps().iter().any(|app| app.hears_changes())
    }

    pub fn add(&self, tell: Option<Box<dyn FnOnce()>>) {
        self.waiting.borrow_mut().extend(tell.map(Told::Own));
    }

    pub fn add_group(&self, group: &mut [Waiting<Job>]) {
        for job in group.iter_mut().filter_map(|waiting| waiting.job.as_mut()) {
            self.add(job.tell.take());
        }
    }

    pub fn add_differences(&self, differences: &mut Differences, after: &State) {
        self.waiting.borrow_mut().extend(differences.take(after).map(Told::Elsewhere));
    }

    pub fn flush(&self) {
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            match next {
                None => return,
                Some(Told::Own(tell)) => tell(),
                Some(Told::Elsewhere(changes)) => self.tell_all(&changes),
            }
        }
    }

    /// Calls each listener once, although several handles may share one.
    fn tell_all(&self, changes: &str) {
        let mut told: Vec<Rc<A>> = Vec::new();
        for app in self.apps() {
            if app.hears_changes() && !told.iter().any(|other| other.is_same_listener(&app)) {
                app.changed(changes);
                told.push(app);
            }
        }
    }
}

/// Records that entries of other tabs change, as they were before.
pub struct Differences {
    is_wanted: bool,
    is_whole: bool,
    touched: BTreeSet<RecordId>,
    before: Vec<(RecordId, Option<Row>)>,
}

impl Differences {
    pub fn new(is_wanted: bool) -> Self {
        Differences {
            is_wanted,
            is_whole: false,
            touched: BTreeSet::new(),
            before: Vec::new(),
        }
    }

    fn touch(&mut self, id: &RecordId, before: &State) {
        if self.touched.insert(id.clone()) {
            self.before.push((id.clone(), before.rows.get(id).cloned()));
        }
    }

    /// Called before everything is read again: notes every record as it is.
    pub fn note_all(&mut self, before: &State) {
        self.is_whole = true;
        if self.is_wanted {
            before.rows.keys().for_each(|id| self.touch(id, before));
        }
    }

    pub fn note(&mut self, changes: &[Change], before: &State) {
        // When everything is read again, the state passes through earlier versions, which are not told.
        if !self.is_wanted || self.is_whole {
            return;
        }
        for change in changes {
            match change {
                Change::Put(id, _) | Change::Remove(id) | Change::Sending(id) => self.touch(id, before),
                Change::Clear => before.rows.keys().for_each(|id| self.touch(id, before)),
                Change::Note(..) => {}
            }
        }
    }

    /// Returns `[{"action", "data", "oldRecord"?}]`, or `None` if nothing has changed.
    fn take(&mut self, after: &State) -> Option<String> {
        if self.is_whole && self.is_wanted {
            self.is_whole = false;
            let new = after.rows.keys().filter(|id| !self.touched.contains(*id));
            self.before.extend(new.map(|id| (id.clone(), None)));
        }
        self.touched.clear();
        let targets: Vec<String> = self.before.drain(..).filter_map(|(id, old)| target(&id, old, after.rows.get(&id))).collect();
        (!targets.is_empty()).then(|| format!("[{}]", targets.join(",")))
    }
}

fn target(id: &RecordId, old: Option<Row>, new: Option<&Row>) -> Option<String> {
    let json = |row: &Row| Some(row).filter(|row| row.is_live()).map(|row| row.to_json(id));
    match (old.as_ref().and_then(json), new.and_then(json)) {
        (None, None) => None,
        (None, Some(new)) => Some(format!("{{\"action\":\"create\",\"data\":{new}}}")),
        (Some(old), None) => Some(format!("{{\"action\":\"delete\",\"data\":{old}}}")),
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(format!("{{\"action\":\"update\",\"data\":{new},\"oldRecord\":{old}}}")),
    }
}
