//! The plaintext of a page, as JSON: anyone who has the key can read it without this library.
//!
//! ```json
//! { "prev": "<hash>", "d": "<device>", "t": 1767225600000, "k": "changes", "c": [["<id>", {…}], ["<id>", null]] }
//! ```

use super::change::{Change, read_time};
use super::seal::Hash;
use super::snapshot::Snapshot;
use crate::pure::json;

/// A page of the chain, opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The hash of the page before; zeros in the first page.
    pub prev: Hash,
    pub device: String,
    /// The time of the author's clock (ms). Readers never judge it: the order is by position.
    pub t: u64,
    pub kind: Kind,
}

/// What a page holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Changes(Vec<Change>),
    Snapshot(Snapshot),
    /// Where the journal goes on: `{"remote", "bucket", "collection"}` as JSON text.
    Closed(String),
    /// A kind that a later version of essaim writes.
    Unknown,
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Changes(_) => "changes",
            Kind::Snapshot(_) => "snapshot",
            Kind::Closed(_) => "closed",
            Kind::Unknown => "unknown",
        }
    }
}

impl Page {
    /// Writes the page. `start` is random, and only in the first page: with it, a journal that is begun again is a fork and not the old
    /// journal.
    pub fn write(&self, start: Option<&str>) -> String {
        let start = start.map_or_else(String::new, |start| format!(",\"start\":\"{start}\""));
        let mut out = format!(
            "{{\"prev\":\"{}\",\"d\":{},\"t\":{}{start},\"k\":\"{}\"",
            self.prev.to_text(),
            json::quote(&self.device),
            self.t,
            self.kind.name()
        );
        match &self.kind {
            Kind::Changes(changes) => write_list(&mut out, changes),
            Kind::Snapshot(snapshot) => snapshot.write(&mut out),
            Kind::Closed(destination) => out.push_str(&format!(",\"destination\":{destination}")),
            Kind::Unknown => {}
        }
        out.push('}');
        out
    }
}

fn write_list(out: &mut String, changes: &[Change]) {
    out.push_str(",\"c\":[");
    for (index, change) in changes.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        change.write(out);
    }
    out.push(']');
}

/// Reads a page. `None` if the text is malformed: no essaim writes it.
pub fn read(text: &str) -> Option<Page> {
    json::validate(text).ok()?;
    let member = |name: &str| json::member(text, name);
    let string = |name: &str| member(name).and_then(json::string);
    let kind = match string("k")?.as_ref() {
        "changes" => Kind::Changes(json::elements(member("c")?)?.map(Change::read).collect::<Option<_>>()?),
        "snapshot" => Kind::Snapshot(Snapshot::read(text)?),
        "closed" => Kind::Closed(read_destination(member("destination")?)?.to_owned()),
        _ => Kind::Unknown,
    };
    Some(Page {
        prev: Hash::read(&string("prev")?)?,
        device: String::from_utf16_lossy(&json::units(member("d")?)?),
        t: read_time(member("t")?)?,
        kind,
    })
}

/// Checks that a destination has its three strings. It may have other members.
fn read_destination(raw: &str) -> Option<&str> {
    let is_text = |name: &&str| json::member(raw, name).and_then(json::string).is_some();
    ["remote", "bucket", "collection"].iter().all(is_text).then_some(raw)
}

/// The time (ms) for a page that is written now, after a page with the time `prev_t`. It is later than that, unless that page is more than a
/// day ahead of this device's clock. Then it is just now, and the second value is by how much the journal is ahead (ms).
pub fn time(now_ms: u64, prev_t: u64) -> (u64, Option<u64>) {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    match prev_t.saturating_sub(now_ms) {
        ahead if ahead > DAY_MS => (now_ms, Some(ahead)),
        _ => (now_ms.max(prev_t + 1), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::record::RecordId;

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let page = Page {
            prev: Hash([7; 32]),
            device: "d\"1".into(),
            t: 1_767_225_600_000,
            kind: Kind::Changes(vec![
                Change {
                    id: RecordId::from_text("a\"b"),
                    text: Some(r#""x": "\ud800" ,"n":1e400"#.into()),
                },
                Change {
                    id: RecordId::read("12").unwrap(),
                    text: None,
                },
            ]),
        };
        assert_eq!(read(&page.write(Some("s"))), Some(page.clone()));
        assert_eq!(read(&(page.write(None) + "   ")), Some(page));
        for bad in ["", "{}", "[]", r#"{"prev":"AA","d":"d","t":1,"k":"changes","c":[]}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn time_goes_on_but_follows_no_clock_that_is_a_day_ahead() {
        const DAY: u64 = 86_400_000;
        assert_eq!(time(5_000, 4_000), (5_000, None));
        assert_eq!(time(5_000, 5_000), (5_001, None));
        assert_eq!(time(5_000, 5_000 + DAY), (5_001 + DAY, None));
        assert_eq!(time(5_000, 5_001 + DAY), (5_000, Some(DAY + 1)));
    }
}
