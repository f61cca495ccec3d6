//! Encoding of a list of changes as bytes, and decoding: page format 1.
//!
//! ```text
//! page    := format:u8 (1) change*
//! change  := 1 id row | 2 id | 3 name | 4 name text | 5 id | 6        put, remove, note gone, note, sending, clear
//! row     := flags:u8 [last_modified:varint] [gone_at:varint] body [sent body] [position:varint t:varint [base text]]
//! flags   := status (bits 0-1: created, updated, deleted, synced) | 4: has last_modified
//!            | sent (bits 3-4: none, the body itself, a deletion, another body that follows) | 32: has gone_at
//!            | base (bits 6-7: none, its text is the body, unused, its text follows)
//! id, name, text, body := length:varint bytes                          UTF-8; an id is canonical JSON text
//! varint  := LEB128, unsigned
//! ```
//! Texts have a length and no delimiter, so that opening a collection scans no record. JSON for the whole page was tried in a prototype:
//! opening was three times slower, since each body had to be escaped or scanned.

use super::record::{Base, RecordId, Row, Sent, Status};
use super::state::Change;
use crate::error::{Error, Result};

pub const FORMAT: u8 = 1;
const STATUSES: [Status; 4] = [Status::Created, Status::Updated, Status::Deleted, Status::Synced];
const HAS_LAST_MODIFIED: u8 = 4;
const HAS_GONE_AT: u8 = 32;
const HAS_BASE: u8 = 64;
const BASE_TEXT_FOLLOWS: u8 = 128;

pub fn begin() -> Vec<u8> {
    vec![FORMAT]
}

pub fn write(changes: &[Change]) -> Vec<u8> {
    let mut out = begin();
    for change in changes {
        write_change(&mut out, change);
    }
    out
}

fn write_change(out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Put(id, row) => write_put(out, id, row),
        Change::Remove(id) => write_remove(out, id),
        Change::Note(name, text) => write_note(out, name, text.as_deref()),
        Change::Sending(id) => write_tagged(out, 5, id.as_json()),
        Change::Clear => out.push(6),
    }
}

pub fn write_remove(out: &mut Vec<u8>, id: &RecordId) {
    write_tagged(out, 2, id.as_json());
}

pub fn write_note(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    write_tagged(out, if text.is_some() { 4 } else { 3 }, name);
    if let Some(text) = text {
        write_text(out, text);
    }
}

/// Writes what `write` does for a `Change::Put`, without building one: compaction writes rows that it does not own.
pub fn write_put(out: &mut Vec<u8>, id: &RecordId, row: &Row) {
    write_tagged(out, 1, id.as_json());
    let status = STATUSES.iter().position(|status| *status == row.status).unwrap_or(0) as u8;
    let (sent, other) = match &row.sent {
        None => (0, None),
        Some(Sent::Body(body)) if *body == row.body => (1, None),
        Some(Sent::Deletion) => (2, None),
        Some(Sent::Body(body)) => (3, Some(body)),
    };
    let bit = |mask: u8, is_set: bool| if is_set { mask } else { 0 };
    let base_text = row.base.as_ref().filter(|base| base.text != row.body).map(|base| &base.text);
    let times = bit(HAS_LAST_MODIFIED, row.last_modified.is_some()) | bit(HAS_GONE_AT, row.gone_at.is_some());
    out.push(status | sent << 3 | times | bit(HAS_BASE, row.base.is_some()) | bit(BASE_TEXT_FOLLOWS, base_text.is_some()));
    for ms in [row.last_modified, row.gone_at].into_iter().flatten() {
        write_varint(out, ms);
    }
    write_text(out, &row.body);
    if let Some(body) = other {
        write_text(out, body);
    }
    if let Some(base) = &row.base {
        write_varint(out, base.position);
        write_varint(out, base.t);
    }
    if let Some(text) = base_text {
        write_text(out, text);
    }
}

fn write_tagged(out: &mut Vec<u8>, tag: u8, text: &str) {
    out.push(tag);
    write_text(out, text);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a page. Bytes that are no page are a `storage` error; a later format is `upgrade_required`.
pub fn read(bytes: &[u8]) -> Result<Vec<Change>> {
    let mut reader = Reader { bytes, at: 0 };
    match reader.byte() {
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => {
            return Err(Error::UpgradeRequired {
                found: found.into(),
                known: FORMAT.into(),
            });
        }
        _ => return Err(damaged()),
    }
    let mut changes = Vec::new();
    while reader.at < bytes.len() {
        changes.extend(reader.change().ok_or_else(damaged)?);
    }
    Ok(changes)
}

fn damaged() -> Error {
    Error::storage("a page of this collection is damaged. Reload; if it stays, clear() it and sync again.")
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The outer `None` means damaged bytes. The inner `None` is a change of a record whose id is not JSON: it is left out, so that the rest of
    /// the collection still opens.
    fn change(&mut self) -> Option<Option<Change>> {
        Some(match self.byte()? {
            1 => {
                let id = self.id()?;
                let row = self.row()?;
                id.map(|id| Change::Put(id, row))
            }
            2 => self.id()?.map(Change::Remove),
            3 => Some(Change::Note(self.text()?.to_owned(), None)),
            4 => Some(Change::Note(self.text()?.to_owned(), Some(self.text()?.to_owned()))),
            5 => self.id()?.map(Change::Sending),
            6 => Some(Change::Clear),
            _ => return None,
        })
    }

    fn row(&mut self) -> Option<Row> {
        let flags = self.byte()?;
        let mut time = |mask: u8| if flags & mask != 0 { self.varint().map(Some) } else { Some(None) };
        let (last_modified, gone_at) = (time(HAS_LAST_MODIFIED)?, time(HAS_GONE_AT)?);
        let mut row = Row::new(self.text()?, STATUSES[usize::from(flags & 3)], last_modified);
        row.gone_at = gone_at;
        row.sent = match flags >> 3 & 3 {
            0 => None,
            1 => Some(Sent::Body(row.body.clone())),
            2 => Some(Sent::Deletion),
            _ => Some(Sent::Body(self.text()?.into())),
        };
        row.base = match flags & (HAS_BASE | BASE_TEXT_FOLLOWS) {
            0 => None,
            BASE_TEXT_FOLLOWS => return None,
            which => Some(Base {
                position: self.varint()?,
                t: self.varint()?,
                text: if which == HAS_BASE { row.body.clone() } else { self.text()?.into() },
            }),
        };
        Some(row)
    }

    fn id(&mut self) -> Option<Option<RecordId>> {
        self.text().map(RecordId::from_disk)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.varint()?).ok()?;
        let end = self.at.checked_add(length)?;
        let text = std::str::from_utf8(self.bytes.get(self.at..end)?).ok()?;
        self.at = end;
        Some(text)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_read_as_it_was_written() {
        let id = RecordId::from_text("é\"");
        let mut changes = vec![
            Change::Clear,
            Change::Remove(id.clone()),
            Change::Sending(id.clone()),
            Change::Note("n".into(), None),
            Change::Note("n".into(), Some("t".into())),
        ];
        for status in STATUSES {
            for last_modified in [None, Some(0), Some(9_007_199_254_740_991)] {
                for sent in [None, Some(Sent::Deletion), Some(Sent::Body("\"a\":1".into())), Some(Sent::Body("".into()))] {
                    for gone_at in [None, Some(300)] {
                        for base in [None, Some("\"a\":1"), Some("\"a\": 1")] {
                            let base = base.map(|text| Base {
                                position: 300,
                                t: 1 << 41,
                                text: text.into(),
                            });
                            let row = Row {
                                sent: sent.clone(),
                                gone_at,
                                base,
                                ..Row::new("\"a\":1", status, last_modified)
                            };
                            changes.push(Change::Put(id.clone(), row));
                        }
                    }
                }
            }
        }
        assert_eq!(read(&write(&changes)).unwrap(), changes);
    }

    /// Bytes that an earlier version wrote for a row `{"id":1e400}` of a server: it stored the id as `inf`.
    #[test]
    fn a_record_whose_id_is_no_json_is_left_out() {
        let put = |id: &str| [&[1, id.len() as u8], id.as_bytes(), &[7, 9, 5], b"\"n\":1"].concat();
        let of = |tag: u8, id: &str| [&[tag, id.len() as u8], id.as_bytes()].concat();
        let page = [
            vec![FORMAT],
            put("inf"),
            put("\"a\""),
            put("-inf"),
            of(5, "inf"),
            of(2, "-inf"),
            put("NaN"),
            put("12"),
        ]
        .concat();
        let row = Row::new("\"n\":1", Status::Synced, Some(9));
        let kept = ["\"a\"", "12"].map(|id| Change::Put(RecordId::read(id).unwrap(), row.clone()));
        assert_eq!(read(&page).unwrap(), kept);
    }

    #[test]
    fn what_is_not_a_page_is_an_error_and_no_panic() {
        let page = write(&[Change::Put(RecordId::from_text("a"), Row::new("\"a\":1", Status::Synced, Some(300)))]);
        for end in 1..page.len() {
            assert!(end == 1 || read(&page[..end]).is_err(), "cut at {end}");
        }
        for at in 0..page.len() {
            for bit in 0..8 {
                let mut flipped = page.clone();
                flipped[at] ^= 1 << bit;
                let _ = read(&flipped);
            }
        }
        assert_eq!(read(&[2]).map_err(|error| error.code()), Err("upgrade_required".into()));
        assert!(read(&[]).is_err() && read(&[1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]).is_err());
    }
}
