//! The app's own functions for one collection, as JavaScript passes them in.

use crate::browser::thrown::message_of;
use crate::error::{Error, Result};
use crate::ports::App;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const RAW_APP: &str = r#"
/** The user's own functions for one collection. Texts are JSON; a rejection is the error code `callback`. */
export interface RawApp {
  readonly has_transformers: boolean;
  readonly has_incoming_hook: boolean;
  /** An array of records → an array of the same length: `{"ok": record}` or `{"error": message}` each. */
  encode(records: string): Promise<string>;
  /** As `encode`, the other way. */
  decode(records: string): Promise<string>;
  /** `{"changes": […], "lastModified": …}` → the same, after the app's `incoming-changes` hooks. */
  incoming(payload: string): Promise<string>;
  /** The emitter, and whether anybody listens to `change` there. */
  readonly events: object;
  readonly hears_changes: boolean;
  /** Other tabs did this: `[{"action": "create" | "update" | "delete", "data", "oldRecord"?}]`. */
  changed(changes: string): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The app's own functions for one collection.
    #[wasm_bindgen(typescript_type = "RawApp")]
    pub type RawApp;

    #[wasm_bindgen(method, getter, js_name = has_transformers)]
    fn get_has_transformers(this: &RawApp) -> bool;
    #[wasm_bindgen(method, getter, js_name = has_incoming_hook)]
    fn get_has_incoming_hook(this: &RawApp) -> bool;
    #[wasm_bindgen(method, getter, js_name = events)]
    fn get_events(this: &RawApp) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = hears_changes)]
    fn get_hears_changes(this: &RawApp) -> bool;
    #[wasm_bindgen(method, catch, js_name = changed)]
    fn call_changed(this: &RawApp, changes: &str) -> std::result::Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = encode)]
    async fn call_encode(this: &RawApp, records: &str) -> std::result::Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = decode)]
    async fn call_decode(this: &RawApp, records: &str) -> std::result::Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = incoming)]
    async fn call_incoming(this: &RawApp, payload: &str) -> std::result::Result<JsValue, JsValue>;
}

impl App for RawApp {
    fn has_transformers(&self) -> bool {
        self.get_has_transformers()
    }

    fn has_incoming_hook(&self) -> bool {
        self.get_has_incoming_hook()
    }

    async fn encode(&self, records: String) -> Result<String> {
        text(self.call_encode(&records).await)
    }

    async fn decode(&self, records: String) -> Result<String> {
        text(self.call_decode(&records).await)
    }

    async fn incoming(&self, payload: String) -> Result<String> {
        text(self.call_incoming(&payload).await)
    }

    fn hears_changes(&self) -> bool {
        self.get_hears_changes()
    }

    fn is_same_listener(&self, other: &Self) -> bool {
        self.get_events() == other.get_events()
    }

    fn changed(&self, changes: &str) {
        let _ = self.call_changed(changes);
    }
}

fn text(answer: std::result::Result<JsValue, JsValue>) -> Result<String> {
    let answer = answer.map_err(|thrown| Error::Callback { message: message_of(&thrown) })?;
    answer
        .as_string()
        .ok_or_else(|| Error::bug("a function of RawApp resolved to something that is no text"))
}
