//! One record's place in the journal, as pages and segments have it.

use crate::pure::json;
use crate::pure::record::{Base, Body, RecordId};

/// `["<id>", {…}]`, or `["<id>", null]` for a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: RecordId,
    /// The text between the braces, as it was written.
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

    /// Bytes it adds to a page.
    pub fn bytes(&self) -> usize {
        self.id.as_json().len() + self.text.as_ref().map_or(4, |text| text.len() + 2) + 4
    }
}

fn read_object(raw: &str) -> Option<Body> {
    raw.strip_prefix('{')?.strip_suffix('}').map(Body::from)
}

/// The `t` of a page or an entry, in milliseconds. Nobody judges it, but a record shows it as its `last_modified`, which is a number of JavaScript's.
pub fn read_time(raw: &str) -> Option<u64> {
    json::number(raw).map(|t| (t as u64).min(json::MAX_SAFE_INTEGER))
}

/// `["<id>", position, t, {…}]`: a record in a segment.
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
