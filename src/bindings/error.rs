use crate::error::Error;
use js_sys::Function;
use wasm_bindgen::prelude::*;

/// The string that is thrown.
pub fn thrown(error: Error) -> JsValue {
    error.to_json().into()
}

/// Calls `report` with the place of a panic, and with its text where that is fixed: others may quote what an app stores. The instance is in no known state then: nothing more may be asked of it, and
/// promises of calls under way stay unsettled.
#[wasm_bindgen]
pub fn on_panic(#[wasm_bindgen(unchecked_param_type = "(message: string) => void")] report: Function) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload().downcast_ref::<&str>().map_or_else(String::new, |text| format!(": {text}"));
        let _ = report.call1(&JsValue::UNDEFINED, &format!("panicked at {place}{text}").into());
    }));
}
