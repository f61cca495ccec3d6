//! The JSON of a change in a page, and of a record in a segment.

use crate::pure::json;
use crate::pure::record::{Base, Body, RecordId};

/// A change of a record, as a page has it: `["<id>", {…}]`, or `["<id>", null]` for a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: RecordId,
    /// The text between the braces, byte for byte as it was written; `None` for a deletion.
    pub text: Option<Body>,
}

impl Change {
    pub fn write(&self, out: &mut String) {
        out.push('[');
        out.push_str(self.id.as_json());
        match &self.text {
            Some(text) => {
                out.push_str(",{");
                out.push_str(text);
                out.push_str("}]");
            }
            None => out.push_str(",null]"),
        }
    }

    pub fn read(raw: &str) -> Option<Self> {
        let mut parts = json::elements(raw)?;
        let id = RecordId::read(parts.next()?).ok()?;
        let text = match parts.next()? {
            "null" => None,
            object => Some(read_object(object)?),
        };
        Some(Change { id, text })
    }

    /// The number of bytes that this change adds to a page.
    pub fn bytes(&self) -> usize {
        self.id.as_json().len() + self.text.as_ref().map_or(4, |text| text.len() + 2) + 4
    }
}

fn read_object(raw: &str) -> Option<Body> {
    raw.strip_prefix('{')?.strip_suffix('}').map(Body::from)
}

/// Reads the `t` of a page or an entry (ms). Any number is accepted, but it is limited to an integer that JavaScript can hold, since a record
/// shows it as `last_modified`.
pub fn read_time(raw: &str) -> Option<u64> {
    json::number(raw).map(|t| (t as u64).min(json::MAX_SAFE_INTEGER))
}

/// Writes a record as a segment has it: `["<id>", position, t, {…}]`.
pub fn write_entry(id: &RecordId, base: &Base, out: &mut String) {
    out.push('[');
    out.push_str(id.as_json());
    out.push_str(&format!(",{},{},{{", base.position, base.t));
    out.push_str(&base.text);
    out.push_str("}]");
}

pub fn read_entry(raw: &str) -> Option<(RecordId, Base)> {
    let mut parts = json::elements(raw)?;
    let id = RecordId::read(parts.next()?).ok()?;
    let position = json::whole(parts.next()?)?;
    let t = read_time(parts.next()?)?;
    let text = read_object(parts.next()?)?;
    Some((id, Base { position, t, text }))
}
