//! Tests of the browser's clock: the time, sleeping, and turns of the event loop.

use crate::{contract::abandoned, script};
use essaim::browser::BrowserClock;
use essaim::ports::Clock;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::wasm_bindgen_test;

/// A commit relies on this: the first call of a turn waits for the next turn, and by then all calls of its turn have been made.
#[wasm_bindgen_test]
async fn a_thousand_calls_of_one_turn_are_there_before_the_next() {
    for call in [
        "() => raw()",
        "async () => raw()",
        "async () => { await null; return raw(); }",
        "async () => { await ready; await null; return await raw(); }",
    ] {
        let queued = Rc::new(Cell::new(0));
        let seen = Rc::new(Cell::new(0));
        let (count, first) = (queued.clone(), seen.clone());
        let raw = Closure::<dyn Fn() -> js_sys::Promise>::new(move || {
            let (count, first) = (count.clone(), first.clone());
            future_to_promise(async move {
                count.set(count.get() + 1);
                if count.get() == 1 {
                    BrowserClock.next_turn().await;
                    first.set(count.get());
                }
                Ok(JsValue::UNDEFINED)
            })
        });
        let calls = format!("const ready = Promise.resolve(); const create = {call}; return Promise.all(Array.from({{ length: 1000 }}, create));");
        let promise = js_sys::Function::new_with_args("raw", &calls)
            .call1(&JsValue::UNDEFINED, raw.as_ref())
            .expect("calls");
        JsFuture::from(js_sys::Promise::from(promise)).await.expect("all done");
        assert_eq!((queued.get(), seen.get()), (1000, 1000), "{call}");
    }
}

#[wasm_bindgen_test]
async fn sleep_ends_after_its_time() {
    let before = BrowserClock.now_ms();
    BrowserClock.sleep_ms(30).await;
    // `Date.now` is rounded, coarsely if the browser resists fingerprinting.
    assert!(BrowserClock.now_ms() >= before + 28);
    BrowserClock.sleep_ms(0).await;
}

#[wasm_bindgen_test]
async fn a_sleep_longer_than_a_timer_can_does_not_end_at_once() {
    let mut woken = false;
    let sleeper = async {
        BrowserClock.sleep_ms(u64::from(u32::MAX) * 1000).await;
        woken = true;
    };
    let other = BrowserClock.sleep_ms(20);
    futures_util::future::select(Box::pin(sleeper), Box::pin(other)).await;
    assert!(!woken);
}

#[wasm_bindgen_test]
async fn a_sleeper_that_is_gone_leaves_no_timer() {
    script(
        "",
        "globalThis.clear = clearTimeout; globalThis.cleared = 0; globalThis.clearTimeout = timer => { cleared += 1; clear(timer); }",
    )
    .await;
    assert!(abandoned(1, BrowserClock.sleep_ms(60_000)).await.is_none());
    let cleared = script("", "clearTimeout = clear; return cleared").await;
    assert_eq!(cleared.as_f64(), Some(1.0));
}
