//! Events of the browser's objects, heard once or until dropped.
//!
//! The futures of `idb` set `on…` properties and leave them there when they are dropped: the event that comes later
//! then calls a closure that is gone, and an exception in a request's handler aborts its transaction. Listeners that
//! are taken away when dropped have no such afterlife.

use futures_channel::oneshot;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventTarget};

/// Listens until dropped.
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    heard: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub fn new(target: &EventTarget, name: &'static str, heard: impl FnMut(Event) + 'static) -> Self {
        let heard = Closure::new(heard);
        // It throws for a listener that is no function, and for nothing else.
        let _ = target.add_event_listener_with_callback(name, heard.as_ref().unchecked_ref());
        Listener {
            target: target.clone(),
            name,
            heard,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.target.remove_event_listener_with_callback(self.name, self.heard.as_ref().unchecked_ref());
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Listener").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The name of the first of some events, which are listened for from the moment this is made.
#[derive(Debug)]
pub struct FirstOf {
    first: oneshot::Receiver<&'static str>,
    _listeners: Vec<Listener>,
}

pub fn first_of(events: &[(&EventTarget, &'static str)]) -> FirstOf {
    let (sender, first) = oneshot::channel();
    let sender = Rc::new(Cell::new(Some(sender)));
    let listen = |(target, name): &(&EventTarget, &'static str)| {
        let (name, sender) = (*name, sender.clone());
        Listener::new(target, name, move |_| {
            if let Some(sender) = sender.take() {
                let _ = sender.send(name);
            }
        })
    };
    FirstOf {
        first,
        _listeners: events.iter().map(listen).collect(),
    }
}

impl Future for FirstOf {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<&'static str> {
        // The listeners hold the sender as long as this exists, so it is never gone without an event.
        Pin::new(&mut self.first).poll(context).map(Result::unwrap_or_default)
    }
}
