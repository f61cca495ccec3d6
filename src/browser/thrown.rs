use wasm_bindgen::{JsCast, JsValue};

/// What a user's function threw, as text: `Error`s by their message, anything else as JavaScript writes it.
pub fn message_of(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    }
}
