//! Runs tasks in an order drawn from a seed. The clock advances only when all tasks wait.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Seeded random numbers (SplitMix64). They are the same on every machine and for ever; those of a library may change with its next
/// version.
#[derive(Debug)]
pub struct Dice(Cell<u64>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(Cell::new(seed))
    }

    pub fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True with a probability of `rate` per mille.
    pub fn permille(&self, rate: usize) -> bool {
        self.below(1000) < rate
    }

    pub fn pick<'a, T>(&self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Identifies the tab to which a task belongs. When an owner is killed, its tasks are dropped wherever they wait.
pub type Owner = usize;

struct Task {
    owner: Owner,
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

#[derive(Clone)]
pub struct Executor(Rc<Inner>);

struct Inner {
    dice: Rc<Dice>,
    now_ms: Cell<u64>,
    tasks: RefCell<BTreeMap<usize, Task>>,
    next_task: Cell<usize>,
    woken: Arc<Mutex<BTreeSet<usize>>>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    next_timer: Cell<u64>,
    /// A hash of every choice, to compare two runs of a seed.
    trace: Cell<u64>,
}

struct TaskWaker {
    task: usize,
    woken: Arc<Mutex<BTreeSet<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().insert(self.task);
    }
}

impl Executor {
    pub fn new(dice: Rc<Dice>) -> Self {
        Executor(Rc::new(Inner {
            dice,
            now_ms: Cell::new(1_800_000_000_000),
            tasks: RefCell::default(),
            next_task: Cell::new(0),
            woken: Arc::default(),
            timers: RefCell::default(),
            next_timer: Cell::new(0),
            trace: Cell::new(0),
        }))
    }

    pub fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    pub fn trace(&self) -> u64 {
        self.0.trace.get()
    }

    pub fn spawn(&self, owner: Owner, future: impl Future<Output = ()> + 'static) {
        let task = self.0.next_task.replace(self.0.next_task.get() + 1);
        self.0.tasks.borrow_mut().insert(
            task,
            Task {
                owner,
                future: Some(Box::pin(future)),
            },
        );
        self.0.woken.lock().unwrap().insert(task);
    }

    /// Drops all tasks of an owner.
    pub fn kill(&self, owner: Owner) {
        let dead: Vec<Task> = {
            let mut tasks = self.0.tasks.borrow_mut();
            let ids: Vec<usize> = tasks.iter().filter(|(_, task)| task.owner == owner).map(|(id, _)| *id).collect();
            ids.into_iter().filter_map(|id| tasks.remove(&id)).collect()
        };
        drop(dead);
    }

    pub fn sleep(&self, ms: u64) -> Sleep {
        Sleep {
            executor: self.clone(),
            until: self.now_ms() + ms,
            timer: None,
        }
    }

    /// Polls one ready task, or advances the clock if none is ready. Returns false when all tasks are done.
    pub fn step(&self) -> bool {
        let ready: Vec<usize> = self.0.woken.lock().unwrap().iter().copied().collect();
        if ready.is_empty() {
            return self.advance();
        }
        let task = *self.0.dice.pick(&ready);
        self.0.woken.lock().unwrap().remove(&task);
        self.poll(task);
        true
    }

    fn poll(&self, task: usize) {
        let Some(mut future) = self.0.tasks.borrow_mut().get_mut(&task).and_then(|task| task.future.take()) else {
            return;
        };
        self.0.trace.set(self.0.trace.get().wrapping_mul(31).wrapping_add(task as u64 + 1));
        let waker = Waker::from(Arc::new(TaskWaker {
            task,
            woken: self.0.woken.clone(),
        }));
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => drop(self.0.tasks.borrow_mut().remove(&task)),
            Poll::Pending => {
                // The entry is gone if the task killed its own owner.
                if let Some(place) = self.0.tasks.borrow_mut().get_mut(&task) {
                    place.future = Some(future);
                }
            }
        }
    }

    fn advance(&self) -> bool {
        let next = self.0.timers.borrow_mut().pop_first();
        match next {
            Some(((at, _), waker)) => {
                self.0.now_ms.set(self.now_ms().max(at));
                waker.wake();
                true
            }
            None => {
                assert!(self.0.tasks.borrow().is_empty(), "tasks wait for something that will never come");
                false
            }
        }
    }
}

pub struct Sleep {
    executor: Executor,
    until: u64,
    timer: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let inner = self.executor.0.clone();
        if let Some(timer) = self.timer.take() {
            inner.timers.borrow_mut().remove(&timer);
            if inner.now_ms.get() >= self.until {
                return Poll::Ready(());
            }
        }
        let timer = (self.until, inner.next_timer.replace(inner.next_timer.get() + 1));
        inner.timers.borrow_mut().insert(timer, context.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.executor.0.timers.borrow_mut().remove(&timer);
        }
    }
}
