//! The commit queue: decides who may write to a collection next, within this page.
//!
//! Jobs queue up. A caller that finds the queue idle becomes the group leader. A leader takes all jobs at the front of the queue as one
//! group and commits them together (group commit: operations that were started in the same turn share one transaction). It passes the slot
//! on when it is done. No task runs the queue, so none has to be started, stopped, or restarted.

use crate::error::{Error, Result};
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub struct Turns<J> {
    busy: Cell<bool>,
    waiting: RefCell<VecDeque<Waiting<J>>>,
}

/// An entry of the queue: a job that is done with a group, or (`None`) a caller that wants the slot for itself.
pub struct Waiting<J> {
    pub job: Option<J>,
    wake: Option<oneshot::Sender<Signal<J>>>,
}

impl<J> Waiting<J> {
    /// A job that is not queued, for the holder of the slot.
    pub fn new(job: J) -> Self {
        Waiting { job: Some(job), wake: None }
    }
}

enum Signal<J> {
    /// Carries the slot, so that a caller who is dropped before it receives the signal passes the slot on.
    Lead(Turn<J>),
    Done(Result<()>),
}

pub enum Joined<J> {
    /// Another leader did the job.
    Done(Result<()>),
    /// The caller is the group leader. Its own job is the first of [`Turn::take_group`].
    Lead(Turn<J>),
}

impl<J> Turns<J> {
    pub fn new() -> Rc<Self> {
        Rc::new(Turns {
            busy: Cell::new(false),
            waiting: RefCell::new(VecDeque::new()),
        })
    }

    pub fn is_idle(&self) -> bool {
        !self.busy.get()
    }

    /// Queues a job. Waits until it is done, or until the caller has to lead.
    pub async fn join(self: &Rc<Self>, job: J) -> Joined<J> {
        if !self.busy.replace(true) {
            self.waiting.borrow_mut().push_back(Waiting { job: Some(job), wake: None });
            return Joined::Lead(Turn { turns: self.clone() });
        }
        match self.wait(Some(job)).await {
            Ok(Signal::Done(outcome)) => Joined::Done(outcome),
            Ok(Signal::Lead(turn)) => Joined::Lead(turn),
            // The leader was dropped, and the jobs of its group with it.
            Err(oneshot::Canceled) => Joined::Done(Err(Error::bug("the leader of a group vanished"))),
        }
    }

    /// Waits for everything that was queued before, then holds the slot alone.
    pub async fn alone(self: &Rc<Self>) -> Turn<J> {
        if self.busy.replace(true)
            && let Ok(Signal::Lead(turn)) = self.wait(None).await
        {
            return turn;
        }
        Turn { turns: self.clone() }
    }

    fn wait(&self, job: Option<J>) -> oneshot::Receiver<Signal<J>> {
        let (wake, signal) = oneshot::channel();
        self.waiting.borrow_mut().push_back(Waiting { job, wake: Some(wake) });
        signal
    }

    fn pass_on(self: &Rc<Self>) {
        while let Some(wake) = self.next_leader() {
            if let Some(wake) = wake {
                let _ = wake.send(Signal::Lead(Turn { turns: self.clone() }));
                return;
            }
        }
        self.busy.set(false);
    }

    /// Whom to wake next; `Some(None)` for a caller that was dropped. A job stays in the queue, for its leader to take.
    fn next_leader(&self) -> Option<Option<oneshot::Sender<Signal<J>>>> {
        let mut waiting = self.waiting.borrow_mut();
        let next = waiting.front_mut()?;
        let wake = next.wake.take().filter(|wake| !wake.is_canceled());
        if next.job.is_none() || wake.is_none() {
            waiting.pop_front();
        }
        Some(wake)
    }
}

/// The slot: the right to write, until it is dropped.
pub struct Turn<J> {
    turns: Rc<Turns<J>>,
}

impl<J> Turn<J> {
    /// Takes the jobs at the front of the queue, up to the first caller that wants the slot for itself.
    pub fn take_group(&self) -> Vec<Waiting<J>> {
        let mut waiting = self.turns.waiting.borrow_mut();
        let length = waiting.iter().take_while(|next| next.job.is_some()).count();
        waiting.drain(..length).collect()
    }
}

impl<J> Drop for Turn<J> {
    fn drop(&mut self) {
        self.turns.pass_on();
    }
}

impl<J> Waiting<J> {
    pub fn settle(self, outcome: Result<()>) {
        if let Some(wake) = self.wake {
            // Nobody receives this if the caller was dropped. The job is done all the same.
            let _ = wake.send(Signal::Done(outcome));
        }
    }
}
