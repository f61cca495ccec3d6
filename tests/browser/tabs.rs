//! Tests of locks and notices between tabs.

use crate::{contract::abandoned, script};
use essaim::browser::{BrowserClock, BrowserTabs};
use essaim::ports::{Clock, DatabaseNotice, Tabs};
use futures_util::future::{join, select};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use wasm_bindgen_test::wasm_bindgen_test;

/// The listeners that were called, in order.
#[derive(Default)]
struct Heard {
    who: VecDeque<&'static str>,
    waiting: Option<Waker>,
}

fn tell(heard: &Rc<RefCell<Heard>>, who: &'static str) -> impl Fn(DatabaseNotice) + use<> {
    let heard = heard.clone();
    move |_| {
        let mut heard = heard.borrow_mut();
        heard.who.push_back(who);
        if let Some(waiting) = heard.waiting.take() {
            waiting.wake();
        }
    }
}

async fn next(heard: &RefCell<Heard>) -> &'static str {
    poll_fn(|context| {
        let mut heard = heard.borrow_mut();
        heard.waiting = Some(context.waker().clone());
        heard.who.pop_front().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

fn name() -> String {
    format!("essaim/lock {}", js_sys::Math::random())
}

#[wasm_bindgen_test]
async fn a_lock_is_held_until_its_guard_is_dropped() {
    let (one, other, name) = (BrowserTabs::default(), BrowserTabs::default(), name());
    let guard = one.lock(&name).await.expect("lock");
    assert!(other.try_lock(&name).await.expect("try").is_none());
    drop(guard);
    let guard = other.lock(&name).await.expect("lock");
    assert!(one.try_lock(&name).await.expect("try").is_none());
    drop(guard);
    // The browser releases the lock some time later, but before it serves anybody who asks later.
    drop(one.lock(&name).await.expect("lock"));
}

#[wasm_bindgen_test]
async fn who_waits_for_a_lock_gets_it_after_the_holder() {
    let (one, other, name) = (BrowserTabs::default(), BrowserTabs::default(), name());
    let order = RefCell::new(Vec::new());
    let guard = one.lock(&name).await.expect("lock");
    let waiting = async {
        let _guard = other.lock(&name).await.expect("lock");
        order.borrow_mut().push("other");
    };
    let holding = async {
        // The request of `other` has reached the browser once a later `try_lock` is refused.
        while one.try_lock(&name).await.expect("try").is_some() {}
        order.borrow_mut().push("one");
        drop(guard);
    };
    join(waiting, holding).await;
    assert_eq!(*order.borrow(), ["one", "other"]);
}

#[wasm_bindgen_test]
async fn who_no_longer_waits_does_not_keep_the_lock() {
    let (one, other, name) = (BrowserTabs::default(), BrowserTabs::default(), name());
    let guard = one.lock(&name).await.expect("lock");
    assert!(abandoned(1, other.lock(&name)).await.is_none());
    drop(guard);
    drop(one.lock(&name).await.expect("lock"));
}

#[wasm_bindgen_test]
async fn locks_of_different_names_are_different() {
    let tabs = BrowserTabs::default();
    let _one = tabs.lock(&name()).await.expect("lock");
    assert!(tabs.try_lock(&name()).await.expect("try").is_some());
}

#[wasm_bindgen_test]
async fn without_web_locks_everybody_gets_the_lock() {
    for refusal in [
        "Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true }); globalThis.heal = () => { delete navigator.locks; }",
        "const { request } = LockManager.prototype;
         LockManager.prototype.request = () => Promise.reject(new DOMException('no', 'SecurityError'));
         globalThis.heal = () => { LockManager.prototype.request = request; }",
    ] {
        let (tabs, name) = (BrowserTabs::default(), name());
        script("", refusal).await;
        let one = tabs.lock(&name).await.expect("lock");
        let other = tabs.try_lock(&name).await.expect("try");
        script("", "heal()").await;
        assert!(other.is_some());
        drop((one, other));
    }
}

#[wasm_bindgen_test]
async fn a_notice_reaches_the_other_tabs_and_not_the_one_that_gives_it() {
    let (one, other, name) = (BrowserTabs::default(), BrowserTabs::default(), name());
    let heard = Rc::default();
    let _own = one.listen(&name, tell(&heard, "one"));
    let listener = other.listen(&name, tell(&heard, "other"));
    let _elsewhere = other.listen(&format!("{name} elsewhere"), tell(&heard, "elsewhere"));
    one.notify(&name);
    assert_eq!(next(&heard).await, "other");
    drop(listener);
    one.notify(&name);
    other.notify(&name);
    // Messages of one channel arrive in the order in which they were sent, so `other` got nothing before this one.
    assert_eq!(next(&heard).await, "one");
}

#[wasm_bindgen_test]
async fn notices_without_a_channel_reach_nobody() {
    script(
        "",
        "globalThis.kept = BroadcastChannel; globalThis.BroadcastChannel = class { constructor() { throw new DOMException('no', 'SecurityError'); } }",
    )
    .await;
    let (one, name) = (BrowserTabs::default(), name());
    let heard = Rc::default();
    let listener = one.listen(&name, tell(&heard, "one"));
    one.notify(&name);
    script("", "globalThis.BroadcastChannel = kept").await;
    drop(listener);
    assert!(heard.borrow().who.is_empty());
}

/// The sleep does not wait for an event: it shows that the lock is not granted meanwhile.
#[wasm_bindgen_test]
async fn a_lock_somebody_else_holds_is_waited_for() {
    let (one, other, name) = (BrowserTabs::default(), BrowserTabs::default(), name());
    let _guard = one.lock(&name).await.expect("lock");
    let waiting = pin!(other.lock(&name));
    let later = pin!(BrowserClock.sleep_ms(50));
    assert!(matches!(select(waiting, later).await, futures_util::future::Either::Right(_)));
}
