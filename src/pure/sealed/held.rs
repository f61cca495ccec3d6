//! Deferred changes: remote versions that are not applied here.
//!
//! * *open*: a conflict left to the user, or a change that could not be decoded. The head has passed its page, so every sync merges it again.
//! * *hidden*: a version that the app did not want here (a hook left it out, or the record was removed on this device only).
//!
//! A snapshot has to hold both kinds.

use super::change::Change;
use super::meet::Arrival;
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::record::{Base, RecordId};

const HELD: &str = "held ";

/// A deferred change of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub arrival: Arrival,
    pub is_open: bool,
}

pub fn note_name(id: &RecordId) -> String {
    format!("{HELD}{}", id.as_json())
}

/// Whether this very change is still open.
pub fn is_open(draft: &Draft, arrival: &Arrival) -> bool {
    draft.note(&note_name(&arrival.change.id)) == Some(Held::open(arrival.clone()).to_json())
}

pub fn is_note(name: &str) -> bool {
    name.starts_with(HELD)
}

impl Held {
    pub fn open(arrival: Arrival) -> Self {
        Held { arrival, is_open: true }
    }

    pub fn hidden(arrival: Arrival) -> Self {
        Held { arrival, is_open: false }
    }

    /// The version of a record that is removed here and stays in the journal.
    pub fn removed(id: &RecordId, base: &Base) -> Self {
        Held::hidden(Arrival::of(id, base))
    }

    pub fn to_json(&self) -> String {
        let Arrival { change, position, t } = &self.arrival;
        let mut out = format!("{{\"open\":{},\"position\":{position},\"t\":{t},\"c\":", self.is_open);
        change.write(&mut out);
        out.push('}');
        out
    }

    pub fn read(note: &str) -> Option<Self> {
        let number = |name: &str| json::member(note, name).and_then(json::number).map(|number| number as u64);
        Some(Held {
            arrival: Arrival {
                change: Change::read(json::member(note, "c")?)?,
                position: number("position")?,
                t: number("t")?,
            },
            is_open: json::member(note, "open") == Some("true"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_survives_being_written() {
        for text in [Some("\"n\": \"\\ud800\""), Some(""), None] {
            let change = Change {
                id: RecordId::from_text("a\""),
                text: text.map(Into::into),
            };
            let held = Held::open(Arrival { change, position: 7, t: 70 });
            assert_eq!(Held::read(&held.to_json()), Some(held));
        }
    }
}
