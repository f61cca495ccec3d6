//! Locks and notices between tabs, by Web Locks and BroadcastChannel.
//!
//! Both only save work; the rule of the journal is what makes writes safe. So where a browser lacks or refuses them (an insecure context,
//! a sandboxed frame), a lock is granted at once and a notice reaches nobody.

use super::clock::BrowserClock;
use super::event::Listener;
use super::stored_before;
use crate::error::Result;
use crate::ports::{Clock, DatabaseNotice, Tabs};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use js_sys::{Function, Object, Promise, Reflect};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, Event, EventTarget};

#[wasm_bindgen]
extern "C" {
    /// web-sys has this type only under an unstable cfg.
    #[derive(Clone, Debug)]
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &Object, granted: &Function) -> std::result::Result<Promise, JsValue>;
}

fn lock_manager() -> Option<LockManager> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    locks.is_object().then(|| locks.unchecked_into())
}

/// One per client. A second client in the same page counts as another tab, except that it receives notices at once.
#[derive(Clone, Debug, Default)]
pub struct BrowserTabs {
    /// One channel per name, for sending and receiving: a channel does not receive its own messages.
    channels: Rc<RefCell<Vec<(String, Channel)>>>,
}

thread_local! {
    /// The subscriptions of this page, called directly. A channel message takes a task to arrive, and code that wrote by one client may
    /// read by another before that.
    static HERE: RefCell<Vec<Neighbour>> = RefCell::default();
}

struct Neighbour {
    name: String,
    client: *const RefCell<Vec<(String, Channel)>>,
    heard: Weak<dyn Fn(DatabaseNotice)>,
}

fn tell_here(notice: DatabaseNotice, is_told: impl Fn(&&Neighbour) -> bool) {
    HERE.with_borrow_mut(|here| here.retain(|neighbour| neighbour.heard.strong_count() > 0));
    let told: Vec<_> = HERE.with_borrow(|here| here.iter().filter(is_told).filter_map(|neighbour| neighbour.heard.upgrade()).collect());
    told.iter().for_each(|heard| heard(notice));
}

/// Tells every subscription of this page that the database is deleted or upgraded. Called for the `versionchange` event, which the browser
/// fires at every connection of the page.
pub(super) fn tell_taken_away(name: &str) {
    tell_here(DatabaseNotice::TakenAway, |neighbour| neighbour.name == name);
}

/// A subscription. Ends when it is dropped.
pub struct Ears {
    _listeners: Vec<Listener>,
    _here: Rc<dyn Fn(DatabaseNotice)>,
}

#[derive(Debug)]
struct Channel(BroadcastChannel);

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl BrowserTabs {
    fn channel(&self, name: &str) -> Option<BroadcastChannel> {
        if let Some((_, channel)) = self.channels.borrow().iter().find(|(known, _)| known == name) {
            return Some(channel.0.clone());
        }
        let channel = BroadcastChannel::new(name).ok()?;
        self.channels.borrow_mut().push((name.to_owned(), Channel(channel.clone())));
        Some(channel)
    }
}

/// How long (ms) another tab may take to answer.
const ANSWER_MS: u64 = 200;
/// `IS_OPEN` asks the other tabs whether one of them has this database open, and `OPEN` is the answer. Any other message is a notice.
const IS_OPEN: &str = "open?";
const OPEN: &str = "open";

/// Whether another tab has this database open.
pub async fn is_open_elsewhere(database: &str) -> bool {
    let Ok(channel) = BroadcastChannel::new(database).map(Channel) else {
        return false;
    };
    let (sender, answered) = oneshot::channel();
    let mut sender = Some(sender);
    let _listener = Listener::new(&channel.0, "message", move |event| {
        if data_of(&event).as_deref() == Some(OPEN)
            && let Some(sender) = sender.take()
        {
            let _ = sender.send(());
        }
    });
    let _ = channel.0.post_message(&IS_OPEN.into());
    matches!(select(answered, Box::pin(BrowserClock.sleep_ms(ANSWER_MS))).await, Either::Left((Ok(()), _)))
}

fn data_of(event: &Event) -> Option<String> {
    Reflect::get(event, &"data".into()).ok()?.as_string()
}

/// A held lock. Without `release` there is no lock: the browser has none to grant.
#[derive(Debug, Default)]
pub struct LockGuard {
    release: Option<Function>,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

impl Tabs for BrowserTabs {
    type Guard = LockGuard;

    async fn lock(&self, name: &str) -> Result<LockGuard> {
        Ok(request_lock(name, false).await.unwrap_or_default())
    }

    async fn try_lock(&self, name: &str) -> Result<Option<LockGuard>> {
        Ok(request_lock(name, true).await)
    }

    fn notify(&self, name: &str) {
        let client = Rc::as_ptr(&self.channels);
        tell_here(DatabaseNotice::Written, |neighbour| neighbour.name == name && neighbour.client != client);
        if let Some(channel) = self.channel(name) {
            let _ = channel.post_message(&JsValue::NULL);
        }
    }

    type Listener = Ears;

    /// Also reports [`DatabaseNotice::Written`] when the page comes back from the browser's back/forward cache, because it missed the
    /// notices of the meantime.
    fn listen(&self, name: &str, heard: impl Fn(DatabaseNotice) + 'static) -> Ears {
        let heard: Rc<dyn Fn(DatabaseNotice)> = Rc::new(heard);
        HERE.with_borrow_mut(|here| {
            here.push(Neighbour {
                name: name.to_owned(),
                client: Rc::as_ptr(&self.channels),
                heard: Rc::downgrade(&heard),
            });
        });
        let (at_return, here) = (heard.clone(), heard.clone());
        let page: EventTarget = js_sys::global().unchecked_into();
        let pageshow = Listener::new(&page, "pageshow", move |event| {
            if Reflect::get(&event, &"persisted".into()).is_ok_and(|persisted| persisted.is_truthy()) {
                at_return(DatabaseNotice::Written);
            }
        });
        let database = name.to_owned();
        let message = self.channel(name).map(|channel| {
            Listener::new(&channel.clone(), "message", move |event| match data_of(&event).as_deref() {
                Some(IS_OPEN) if stored_before::was_opened(&database) => drop(channel.post_message(&OPEN.into())),
                Some(IS_OPEN | OPEN) => {}
                _ => heard(DatabaseNotice::Written),
            })
        });
        Ears {
            _listeners: message.into_iter().chain([pageshow]).collect(),
            _here: here,
        }
    }
}

/// Requests a lock. `None` if `only_if_available` and somebody else holds it.
///
/// The guard is created in the browser's callback and sent to this future. If the caller was dropped, nobody receives the guard: it is
/// dropped at once, which releases the lock.
async fn request_lock(name: &str, only_if_available: bool) -> Option<LockGuard> {
    let Some(manager) = lock_manager() else { return Some(LockGuard::default()) };
    let (sender, granted) = oneshot::channel();
    let callback = Closure::once_into_js(move |lock: JsValue| {
        if lock.is_null() {
            let _ = sender.send(None);
            return JsValue::UNDEFINED;
        }
        let mut guard = LockGuard::default();
        let held = Promise::new(&mut |resolve, _| guard.release = Some(resolve));
        let _ = sender.send(Some(guard));
        held.into()
    });
    let options = Object::new();
    let _ = Reflect::set(&options, &"ifAvailable".into(), &only_if_available.into());
    let Ok(promise) = manager.request(name, &options, callback.unchecked_ref()) else {
        return Some(LockGuard::default());
    };
    match select(granted, JsFuture::from(promise)).await {
        Either::Left((Ok(guard), _)) => guard,
        // The browser refused: it rejected the promise, or dropped the callback, before it granted anything.
        Either::Left((Err(_), _)) | Either::Right(_) => Some(LockGuard::default()),
    }
}
