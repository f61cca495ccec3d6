//! Time: `Date.now`, `setTimeout`, and the turns of the event loop.

use crate::ports::Clock;
use futures_channel::oneshot;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    // By their global names, and not as methods of a window, so that they work in a worker too.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Closure<dyn FnMut()>, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Above this a timer fires at once: its delay is a signed 32-bit number.
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

    /// A microtask is enough: whatever the same turn started has been queued before it. A task (`setTimeout`) waits
    /// for 4 ms once nested, which every commit would pay.
    async fn next_turn(&self) {
        let _ = JsFuture::from(js_sys::Promise::resolve(&JsValue::UNDEFINED)).await;
    }
}

/// Stops the timer when the sleeper is dropped.
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
