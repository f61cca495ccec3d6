//! The marker of a migration: digests of the unsynced Kinto.js rows that were dealt with. Any other row is newer. Kept as a note.

use crate::pure::crypto::hash::sha256_of;
use crate::pure::json;
use crate::pure::record::{RecordId, Row};
use std::collections::BTreeSet;

/// Digests in hexadecimal.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Marker(BTreeSet<String>);

impl Marker {
    pub fn read(note: Option<&str>) -> Self {
        let digests = note.and_then(|note| json::member(note, "unsynced")).and_then(json::elements);
        let mut marker = Marker::default();
        marker
            .0
            .extend(digests.into_iter().flatten().filter_map(json::string).map(|digest| digest.into_owned()));
        marker
    }

    pub fn to_json(&self) -> String {
        let digests: Vec<String> = self.0.iter().map(|digest| json::quote(digest)).collect();
        format!("{{\"unsynced\":[{}]}}", digests.join(","))
    }

    pub fn add(&mut self, id: &RecordId, row: &Row) {
        self.0.insert(digest(id, row));
    }

    pub fn has(&self, id: &RecordId, row: &Row) -> bool {
        self.0.contains(&digest(id, row))
    }
}

/// A digest of eight bytes: enough to tell ten thousand rows apart, and the marker has to be small. The id's length is hashed too, because id
/// and body both have variable lengths.
fn digest(id: &RecordId, row: &Row) -> String {
    let version = format!("{} {:?} {}", row.status.name(), row.last_modified, id.as_json().len());
    let hash = sha256_of(&[version.as_bytes(), id.as_json().as_bytes(), row.body.as_bytes()]);
    let digest = hash.iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte));
    format!("{digest:x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::record::Status;

    #[test]
    fn a_marker_survives_being_written() {
        let mut marker = Marker::default();
        marker.add(&RecordId::from_text("a"), &Row::new("\"n\":1", Status::Created, None));
        assert_eq!(Marker::read(Some(&marker.to_json())), marker);
        assert_eq!(Marker::read(None), Marker::default());
    }
}
