//! Time: `Date.now`, `setTimeout`, and the turns of the event loop.

use crate::ports::Clock;
use futures_channel::oneshot;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    // Declared as globals and not as methods of `window`, so that they work in a worker too.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Closure<dyn FnMut()>, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The longest delay of one timer: the delay is a signed 32-bit number, and a timer with a longer one fires at once.
const LONGEST_MS: u64 = i32::MAX as u64;

#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserClock;

impl Clock for BrowserClock {
    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    async fn sleep_ms(&self, ms: u64) {
        let mut left_ms = ms;
        loop {
            let part_ms = left_ms.min(LONGEST_MS);
            sleep_once(part_ms).await;
            left_ms -= part_ms;
            if left_ms == 0 {
                return;
            }
        }
    }

    /// Waits for a microtask. That is enough, because the calls of the same turn are queued before it. A task (`setTimeout`) takes at least
    /// 4 ms once timers are nested, and every commit would wait for it.
    async fn next_turn(&self) {
        let _ = JsFuture::from(js_sys::Promise::resolve(&JsValue::UNDEFINED)).await;
    }
}

/// A running timer, which is cleared when the sleeping future is dropped.
struct Timer {
    id: JsValue,
    _fired: Closure<dyn FnMut()>,
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
    }
}

async fn sleep_once(ms: u64) {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    let fired = Closure::new(move || {
        if let Some(sender) = sender.take() {
            let _ = sender.send(());
        }
    });
    let _timer = Timer {
        id: set_timeout(&fired, ms as f64),
        _fired: fired,
    };
    let _ = receiver.await;
}
