//! The fuzz targets, in one module for each kind of input.

use super::growth::{self, Shape};
use super::runner::Target;
use std::sync::LazyLock;

pub mod answers;
pub mod crypto;
pub mod disk;
pub mod merging;
pub mod migration;
pub mod query;
pub mod sealed;
pub mod text;

/// Runs `read` if the input is text.
fn as_text(bytes: &[u8], read: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
}

/// Runs `read` if the input is JSON. Everything that passes `answers::accept` is JSON.
fn as_json(bytes: &[u8], read: impl FnOnce(&str)) {
    as_text(bytes, |text| {
        if essaim::pure::json::validate(text).is_ok() {
            read(text);
        }
    });
}

/// A record with values of every kind.
const RECORD: &str =
    r#"{"id":"a1","last_modified":1767225600000,"title":"x\ud800é","done":false,"n":1.50,"deep":{"b":[1,{"c":null}],"a":{}},"_status":"synced"}"#;
const TOMBSTONE: &str = r#"{"id":"a2","last_modified":1767225600001,"deleted":true}"#;

fn list(rows: &[&str]) -> String {
    format!("[{}]", rows.join(","))
}
