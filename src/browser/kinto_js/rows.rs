//! Converts rows to JSON, as Kinto.js would have done to send them.

use crate::pure::adoption::{Earlier, Refused};
use js_sys::{Array, JSON, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// The results of one transaction.
pub struct Contents {
    pub rows: Vec<JsValue>,
    pub timestamp: JsValue,
    pub metadata: Option<String>,
}

impl Contents {
    pub fn into_earlier(self) -> Earlier {
        let (rows, unreadable) = to_json(&self.rows);
        let ms = self.timestamp.as_f64().or_else(|| self.timestamp.as_string()?.parse().ok());
        Earlier {
            rows,
            unreadable,
            last_modified: ms.filter(|ms| *ms > 0.0).map(|ms| ms as u64),
            metadata: self.metadata,
        }
    }
}

/// One `JSON.stringify` for all rows; row by row only if there is one that JSON cannot represent (a BigInt, a cycle).
fn to_json(rows: &[JsValue]) -> (String, Vec<Refused>) {
    if let Ok(all) = stringify(&rows.iter().collect::<Array>()) {
        return (all, Vec::new());
    }
    let (mut texts, mut refused) = (Vec::new(), Vec::new());
    for row in rows {
        match stringify(row) {
            Ok(text) => texts.push(text),
            Err(message) => refused.push(Refused {
                id: stringify(&Reflect::get(row, &"id".into()).unwrap_or_default()).unwrap_or_default(),
                message,
            }),
        }
    }
    (format!("[{}]", texts.join(",")), refused)
}

/// The JSON text; empty for a value that JSON leaves out. The error is the message of `JSON.stringify`.
pub fn stringify(value: &JsValue) -> Result<String, String> {
    let message = |thrown: JsValue| thrown.dyn_ref::<js_sys::Error>().map_or_else(String::new, |error| error.message().into());
    let text = JSON::stringify(value).map_err(message)?;
    Ok(text.as_string().unwrap_or_default())
}
