//! Who may write to a collection next, within this page.
//!
//! Work queues up; whoever comes to an idle queue leads. A leader takes all the jobs at the front as one group
//! (that is group commit: operations started in the same turn share one transaction), and passes the lead on when it is
//! done. There is no task of its own behind the queue, so nothing has to be started, stopped, or found dead.

use crate::error::{Error, Result};
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub struct Turns<J> {
    busy: Cell<bool>,
    waiting: RefCell<VecDeque<Waiting<J>>>,
}

/// A job to be done with a group, or (`None`) somebody who wants to be alone.
pub struct Waiting<J> {
    pub job: Option<J>,
    wake: Option<oneshot::Sender<Signal<J>>>,
}

impl<J> Waiting<J> {
    /// A job that is not queued, for whoever has the turn.
    pub fn new(job: J) -> Self {
        Waiting { job: Some(job), wake: None }
    }
}

enum Signal<J> {
    /// Carries the turn, so that one who gives up before looking passes it on.
    Lead(Turn<J>),
    Done(Result<()>),
}

pub enum Joined<J> {
    /// Another leader did the job.
    Done(Result<()>),
    /// Lead: one's own job is the first of [`Turn::take_group`].
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

    /// Queues a job, and waits until it is done or one has to lead.
    pub async fn join(self: &Rc<Self>, job: J) -> Joined<J> {
        if !self.busy.replace(true) {
            self.waiting.borrow_mut().push_back(Waiting { job: Some(job), wake: None });
            return Joined::Lead(Turn { turns: self.clone() });
        }
        match self.wait(Some(job)).await {
            Ok(Signal::Done(outcome)) => Joined::Done(outcome),
            Ok(Signal::Lead(turn)) => Joined::Lead(turn),
            // A leader that vanished (its future was dropped) took the job with it.
            Err(oneshot::Canceled) => Joined::Done(Err(Error::bug("the leader of a group vanished"))),
        }
    }

    /// Waits for everything queued before, then keeps everybody else out.
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

    /// Whom to wake; `Some(None)` for one who has given up. A job stays in the queue, for its leader to take.
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

/// The right to write, until dropped.
pub struct Turn<J> {
    turns: Rc<Turns<J>>,
}

impl<J> Turn<J> {
    /// The jobs at the front of the queue, up to whoever wants to be alone.
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
            // Nobody listens if the caller dropped its future; the job is done all the same.
            let _ = wake.send(Signal::Done(outcome));
        }
    }
}
