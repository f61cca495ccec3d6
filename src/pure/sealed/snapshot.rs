//! Snapshots: all current records in segments, so that the pages before can be emptied.
//!
//! ```json
//! { …, "k": "snapshot", "segments": [["<id>", "<hash>", count], …], "covered": ["<hash>" | null, …],
//!   "history": [["<segment id>", "<hash>", first, last], …], "digest": "<hash>" }
//! ```
//! `covered`: the hashes of the positions from the previous snapshot (included) up to this page (excluded); `null` for a position that was
//! emptied before anybody could read it. Older hashes are in history segments: 32 raw bytes each, zeros for `null`.

use super::change;
use super::item::{Name, read_name};
use super::seal::Hash;
use crate::pure::crypto::hash::sha256;
use crate::pure::json;
use crate::pure::record::{Base, RecordId};
use std::collections::BTreeMap;

/// The records that a journal holds, each with its version and text.
pub type Ledger = BTreeMap<RecordId, Base>;

/// The content of a snapshot page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    pub segments: Vec<Segment>,
    pub covered: Vec<Option<Hash>>,
    pub history: Vec<History>,
    pub digest: Hash,
}

/// A segment that a snapshot lists: the id of its row, its hash, and how many records it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub id: String,
    pub hash: Hash,
    pub count: usize,
}

/// Hashes of the positions from `first` to `last`.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    pub id: String,
    pub hash: Hash,
    pub first: u64,
    pub last: u64,
}

impl Snapshot {
    /// The first position that `covered` names, for a snapshot at `position`.
    pub fn first_covered(&self, position: u64) -> u64 {
        position.saturating_sub(self.covered.len() as u64)
    }

    /// The hash that this snapshot, which is at position `at`, names for `position`. The inner `None` is a void position.
    pub fn hash_of(&self, at: u64, position: u64) -> Option<Option<Hash>> {
        let index = position.checked_sub(self.first_covered(at))?;
        self.covered.get(usize::try_from(index).ok()?).copied()
    }

    /// Whether a snapshot at `position` names every position before it once (first `history` from 1 on, then `covered`), and names all its
    /// segments by ids of segments. The latter matters because the rows with these ids are deleted one day.
    pub fn is_whole(&self, position: u64) -> bool {
        let is_segment = |name: &str| matches!(read_name(name), Some(Name::Segment(_)));
        let after = self.history.iter().try_fold(1, |next, part| {
            let follows = part.first == next && part.last >= part.first;
            part.last.checked_add(1).filter(|_| follows)
        });
        after == Some(self.first_covered(position)) && self.names().all(is_segment)
    }

    /// Whether the snapshot is whole, and its `covered` begins at the snapshot before it, at position `before`.
    pub fn follows(&self, before: u64, position: u64) -> bool {
        self.first_covered(position) == before.max(1) && self.is_whole(position)
    }

    /// The ids of all its segments, those of `history` included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let segments = self.segments.iter().map(|segment| segment.id.as_str());
        segments.chain(self.history.iter().map(|entry| entry.id.as_str()))
    }

    pub fn write(&self, out: &mut String) {
        let segments = self
            .segments
            .iter()
            .map(|segment| format!("[{},\"{}\",{}]", json::quote(&segment.id), segment.hash.to_text(), segment.count));
        let covered = self
            .covered
            .iter()
            .map(|hash| hash.map_or_else(|| "null".to_owned(), |hash| format!("\"{}\"", hash.to_text())));
        out.push_str(&format!(
            ",\"segments\":[{}],\"covered\":[{}],\"history\":{},\"digest\":\"{}\"",
            join(segments),
            join(covered),
            write_history(&self.history),
            self.digest.to_text()
        ));
    }

    pub fn read(page: &str) -> Option<Self> {
        let list = |name: &str| json::member(page, name).and_then(json::elements);
        Some(Snapshot {
            segments: list("segments")?.map(read_segment).collect::<Option<_>>()?,
            covered: list("covered")?.map(read_covered).collect::<Option<_>>()?,
            history: read_history(json::member(page, "history")?)?,
            digest: Hash::read(&json::string(json::member(page, "digest")?)?)?,
        })
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

fn read_covered(raw: &str) -> Option<Option<Hash>> {
    match raw {
        "null" => Some(None),
        hash => Hash::read(&json::string(hash)?).map(Some),
    }
}

fn read_segment(raw: &str) -> Option<Segment> {
    let mut parts = json::elements(raw)?;
    Some(Segment {
        id: json::string(parts.next()?)?.into_owned(),
        hash: Hash::read(&json::string(parts.next()?)?)?,
        count: json::whole(parts.next()?)? as usize,
    })
}

pub fn write_history(history: &[History]) -> String {
    let entry = |entry: &History| format!("[{},\"{}\",{},{}]", json::quote(&entry.id), entry.hash.to_text(), entry.first, entry.last);
    format!("[{}]", join(history.iter().map(entry)))
}

pub fn read_history(raw: &str) -> Option<Vec<History>> {
    json::elements(raw)?
        .map(|entry| {
            let mut parts = json::elements(entry)?;
            Some(History {
                id: json::string(parts.next()?)?.into_owned(),
                hash: Hash::read(&json::string(parts.next()?)?)?,
                first: json::whole(parts.next()?)?,
                last: json::whole(parts.next()?)?,
            })
        })
        .collect()
}

/// The hash of a segment. It is that of the sealed bytes, so it can be checked before the segment is opened.
pub fn segment_hash(ct: &[u8]) -> Hash {
    Hash(sha256(ct))
}

/// All records as segments of at most `limit` bytes (unless a record alone is larger): (number of records, plaintext).
pub fn segments(ledger: &Ledger, limit: usize) -> Vec<(usize, String)> {
    let mut full: Vec<(usize, String)> = Vec::new();
    for (id, base) in ledger {
        let fits = |text: &String| text.len() + id.as_json().len() + base.text.len() + 48 <= limit;
        match full.last_mut().filter(|(_, text)| fits(text)) {
            Some((count, text)) => {
                *count += 1;
                text.push(',');
                change::write_entry(id, base, text);
            }
            None => {
                let mut text = String::from("[");
                change::write_entry(id, base, &mut text);
                full.push((1, text));
            }
        }
    }
    for (_, text) in &mut full {
        text.push(']');
    }
    full
}

/// Adds the records of a segment. `None` if the segment is malformed or does not add `count` records.
pub fn read_segment_into(ledger: &mut Ledger, text: &str, count: usize) -> Option<()> {
    json::validate(text).ok()?;
    let before = ledger.len();
    for entry in json::elements(text)? {
        let (id, base) = change::read_entry(entry)?;
        ledger.insert(id, base);
    }
    (ledger.len() == before + count).then_some(())
}

/// The digest: SHA-256 over all records in the order of their ids, each as `u32be length ‖ id ‖ u64be position ‖ SHA-256({…})`.
pub fn digest<'a>(records: impl Iterator<Item = (&'a RecordId, &'a Base)>) -> Hash {
    let mut bytes = Vec::new();
    for (id, base) in records {
        let id = id.as_json().as_bytes();
        bytes.extend_from_slice(&(id.len() as u32).to_be_bytes());
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&base.position.to_be_bytes());
        bytes.extend_from_slice(&sha256(format!("{{{}}}", base.text).as_bytes()));
    }
    Hash(sha256(&bytes))
}

/// How many bytes a record adds to a segment, about. Used to decide when a snapshot pays.
pub fn weight(id: &RecordId, base: &Base) -> usize {
    id.as_json().len() + base.text.len() + 24
}

/// Whether the superseded changes since the last snapshot are worth a new one. A new device downloads both the current and the superseded data,
/// as padded base64, which is a third and a few percent larger than the plaintext. If the superseded data may weigh up to a third of the
/// current data, that device never downloads twice the size of the current data.
pub fn is_due(live_bytes: usize, journal_bytes: usize, pages: u64, least_pages: u64) -> bool {
    pages >= least_pages && journal_bytes.saturating_sub(live_bytes) > live_bytes / 3
}

/// Cuts old hashes into history segments of `full` hashes each, except for the last: (first position, last position, raw bytes).
pub fn cut_history(first: u64, hashes: &[Option<Hash>], full: u64) -> Vec<(u64, u64, Vec<u8>)> {
    let mut parts: Vec<(u64, u64, Vec<u8>)> = Vec::new();
    for (position, hash) in (first..).zip(hashes) {
        let raw = hash.unwrap_or_default().0;
        match parts.last_mut().filter(|(first, ..)| position - first < full) {
            Some((_, last, bytes)) => {
                *last = position;
                bytes.extend_from_slice(&raw);
            }
            None => parts.push((position, position, raw.to_vec())),
        }
    }
    parts
}

/// The hashes of a history segment. `None` if its length is not the one that its entry says.
pub fn read_hashes(entry: &History, bytes: &[u8]) -> Option<Vec<Option<Hash>>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    let expected = entry.last.checked_sub(entry.first)?.checked_add(1)?;
    (rest.is_empty() && hashes.len() as u64 == expected).then(|| hashes.iter().map(|raw| Some(Hash(*raw)).filter(|hash| *hash != Hash::default())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(count: u64) -> Ledger {
        let base = |position| Base {
            position,
            t: position * 10,
            text: format!("\"n\": {position}").into(),
        };
        (1..=count)
            .map(|position| (RecordId::from_text(&format!("id{position}")), base(position)))
            .collect()
    }

    #[test]
    fn segments_hold_everything_once() {
        let all = ledger(50);
        let cut = segments(&all, 400);
        assert!(cut.len() > 3 && cut.iter().all(|(_, text)| text.len() <= 400));
        let mut again = Ledger::new();
        for (count, text) in &cut {
            read_segment_into(&mut again, text, *count).unwrap();
        }
        assert_eq!(again, all);
        assert_eq!(read_segment_into(&mut Ledger::new(), &cut[0].1, cut[0].0 + 1), None);
    }

    #[test]
    fn the_digest_tells_any_difference() {
        let all = ledger(3);
        let of = |ledger: &Ledger| digest(ledger.iter());
        let mut other = all.clone();
        other.remove(&RecordId::from_text("id2"));
        assert_ne!(of(&all), of(&other));
        let mut other = all.clone();
        other.values_mut().next().unwrap().position += 1;
        assert_ne!(of(&all), of(&other));
        let mut other = all.clone();
        other.values_mut().next().unwrap().text = "\"n\":1".into();
        assert_ne!(of(&all), of(&other), "a text is what was written, not what it means");
    }

    #[test]
    fn history_is_cut_where_it_was_cut_before() {
        let hashes: Vec<Option<Hash>> = (0..10).map(|n| (n != 4).then_some(Hash([n + 1; 32]))).collect();
        let parts = cut_history(5, &hashes, 4);
        assert_eq!(
            parts.iter().map(|(first, last, bytes)| (*first, *last, bytes.len())).collect::<Vec<_>>(),
            [(5, 8, 128), (9, 12, 128), (13, 14, 64)]
        );
        let entry = History {
            id: String::new(),
            hash: Hash::default(),
            first: 9,
            last: 12,
        };
        assert_eq!(read_hashes(&entry, &parts[1].2).unwrap(), hashes[4..8]);
        assert_eq!(read_hashes(&entry, &parts[2].2), None);
    }

    #[test]
    fn a_history_goes_from_the_first_position_to_what_is_covered() {
        let part = |first, last| History {
            id: format!("s-{}", "A".repeat(22)),
            hash: Hash::default(),
            first,
            last,
        };
        let covers = |history: &[History], covered: usize| {
            Snapshot {
                history: history.to_vec(),
                covered: vec![None; covered],
                ..Snapshot::default()
            }
            .is_whole(10)
        };
        assert!(covers(&[], 9) && covers(&[part(1, 4), part(5, 6)], 3));
        for (history, covered) in [
            (vec![], 8),
            (vec![], 10),
            (vec![], 99),
            (vec![part(1, 4)], 4),
            (vec![part(1, 4)], 6),
            (vec![part(2, 4)], 5),
            (vec![part(1, 3), part(5, 6)], 3),
            (vec![part(1, 4), part(4, 6)], 3),
            (vec![part(5, 6), part(1, 4)], 3),
            (vec![part(1, 0), part(1, 6)], 3),
            (vec![part(1, u64::MAX)], 3),
        ] {
            assert!(!covers(&history, covered), "{history:?} {covered}");
        }
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written() {
        let snapshot = Snapshot {
            segments: vec![Segment {
                id: "s-AAAAAAAAAAAAAAAAAAAAAA".into(),
                hash: Hash([1; 32]),
                count: 3,
            }],
            covered: vec![Some(Hash([2; 32])), None, Some(Hash([3; 32]))],
            history: vec![History {
                id: "s-AAAAAAAAAAAAAAAAAAAAAQ".into(),
                hash: Hash([4; 32]),
                first: 1,
                last: 9,
            }],
            digest: Hash([5; 32]),
        };
        let mut text = String::from("{\"k\":\"snapshot\"");
        snapshot.write(&mut text);
        text.push('}');
        assert_eq!(Snapshot::read(&text), Some(snapshot.clone()));
        assert_eq!((snapshot.first_covered(13), snapshot.hash_of(13, 10)), (10, Some(Some(Hash([2; 32])))));
        assert!(snapshot.is_whole(13) && !snapshot.is_whole(12) && !snapshot.is_whole(14));
        for name in ["p000000000001", "..", "s-1", "note", "S-AAAAAAAAAAAAAAAAAAAAAA", ""] {
            let mut other = snapshot.clone();
            other.segments[0].id = name.into();
            assert!(!other.is_whole(13), "{name}");
            let mut other = snapshot.clone();
            other.history[0].id = name.into();
            assert!(!other.is_whole(13), "{name}");
        }
        assert_eq!(
            (snapshot.hash_of(13, 11), snapshot.hash_of(13, 13), snapshot.hash_of(13, 9)),
            (Some(None), None, None)
        );
    }
}
