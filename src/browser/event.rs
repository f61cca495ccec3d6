//! Listeners for DOM events, which are removed when they are dropped.
//!
//! The futures of `idb` set `on…` properties and leave them set when they are dropped. A later event then calls a closure that was
//! freed, and an exception in a request's handler aborts its transaction. The listeners here are removed when they are dropped, so they
//! are never called afterwards.

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

/// Listens until it is dropped.
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    heard: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub fn new(target: &EventTarget, name: &'static str, heard: impl FnMut(Event) + 'static) -> Self {
        let heard = Closure::new(heard);
        // This call throws only if the listener is not a function, which cannot happen here.
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

/// A future for the name of the event that comes first among several. It listens from the moment it is created.
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
        // The listeners keep the sender alive as long as this future exists, so the channel never ends without an event.
        Pin::new(&mut self.first).poll(context).map(Result::unwrap_or_default)
    }
}
