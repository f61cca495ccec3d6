//! The text of exceptions that JavaScript throws.

use wasm_bindgen::{JsCast, JsValue};

/// The text of a thrown value: the message of an `Error`, otherwise the value as JavaScript writes it.
pub fn message_of(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    }
}
