//! Cancels running syncs when `clear()`, `close()` or the deletion of the database comes between.

use crate::error::Result;
use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

/// The cancellation token of one sync that runs or waits for its turn.
#[derive(Default)]
pub(super) struct Cancellation {
    is_cancelled: Cell<bool>,
    in_commit: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Cancellation {
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.get()
    }

    /// Runs `work` to its end. If the sync is cancelled, drops `work` where it waits, with its requests and locks, and returns `None`.
    pub async fn run<R>(&self, mut work: LocalBoxFuture<'_, R>) -> Option<R> {
        poll_fn(|context| {
            if self.is_over() {
                return Poll::Ready(None);
            }
            let polled = work.as_mut().poll(context);
            if polled.is_pending() && self.is_over() {
                return Poll::Ready(None);
            }
            self.waker.set(Some(context.waker().clone()));
            polled.map(Some)
        })
        .await
    }

    fn is_over(&self) -> bool {
        self.is_cancelled() && !self.in_commit.get()
    }

    /// Runs a commit to its end even if the sync is cancelled: the sync may be the leader of a group whose commit carries changes of other
    /// callers.
    pub async fn finish(&self, commit: LocalBoxFuture<'_, Result<()>>) -> Result<()> {
        self.in_commit.set(true);
        let outcome = commit.await;
        self.in_commit.set(false);
        match self.is_cancelled() {
            // Waits until the next poll of `run` drops the sync.
            true => pending().await,
            false => outcome,
        }
    }
}

/// The syncs of one collection that run or wait in this page.
#[derive(Default)]
pub(super) struct Syncs(RefCell<Vec<Weak<Cancellation>>>);

impl Syncs {
    pub fn begin(&self) -> Rc<Cancellation> {
        let begun = Rc::new(Cancellation::default());
        let mut syncs = self.0.borrow_mut();
        syncs.retain(|sync| sync.strong_count() > 0);
        syncs.push(Rc::downgrade(&begun));
        begun
    }

    pub fn is_empty(&self) -> bool {
        self.0.borrow().iter().all(|sync| sync.strong_count() == 0)
    }

    pub fn cancel_all(&self) {
        for sync in self.0.take().iter().filter_map(Weak::upgrade) {
            sync.is_cancelled.set(true);
            if let Some(waker) = sync.waker.take() {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_channel::oneshot;
    use std::pin::pin;
    use std::task::Context;

    fn poll<R>(future: &mut std::pin::Pin<&mut impl Future<Output = R>>) -> Poll<R> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_waits_is_dropped_when_it_is_cancelled() {
        let syncs = Syncs::default();
        let (sender, receiver) = oneshot::channel::<()>();
        let sync = syncs.begin();
        let mut run = pin!(sync.run(Box::pin(receiver)));
        assert_eq!(poll(&mut run), Poll::Pending);
        syncs.cancel_all();
        assert_eq!(poll(&mut run), Poll::Ready(None));
        assert!(syncs.is_empty() || !sender.is_canceled());
    }

    #[test]
    fn a_commit_ends_first_and_nothing_follows_it() {
        let syncs = Syncs::default();
        let (sender, receiver) = oneshot::channel::<()>();
        let sync = syncs.begin();
        let after = Cell::new(false);
        let mut run = pin!(sync.run(Box::pin(async {
            let commit = async {
                let _ = receiver.await;
                Ok(())
            };
            let _ = sync.finish(Box::pin(commit)).await;
            after.set(true);
        })));
        assert_eq!(poll(&mut run), Poll::Pending);
        syncs.cancel_all();
        assert_eq!(poll(&mut run), Poll::Pending);
        assert!(!sender.is_canceled());
        sender.send(()).expect("the commit waits");
        assert_eq!(poll(&mut run), Poll::Ready(None));
        assert!(!after.get());
    }
}
