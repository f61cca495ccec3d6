//! Errors as JavaScript receives them, and the report of a panic.

use crate::error::Error;
use js_sys::Function;
use wasm_bindgen::prelude::*;

/// The string that is thrown: the error as JSON text.
pub fn thrown(error: Error) -> JsValue {
    error.to_json().into()
}

/// Installs a panic hook that calls `report` with the place of the panic. Its text is added only if it is a fixed string, because a
/// formatted text may quote data of the app. After a panic the state of the instance is unknown: it must not be called again, and promises
/// of running calls never settle.
#[wasm_bindgen]
pub fn on_panic(#[wasm_bindgen(unchecked_param_type = "(message: string) => void")] report: Function) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload().downcast_ref::<&str>().map_or_else(String::new, |text| format!(": {text}"));
        let _ = report.call1(&JsValue::UNDEFINED, &format!("panicked at {place}{text}").into());
    }));
}
