//! The rows of a journal's collection on the server: pages, segments, and rows of others.
//!
//! ```text
//! { "id": "p000000000042", "v": 1, "e": 1, "ct": "<base64url>" }     a page
//! { "id": "p000000000007", "v": 1 }                                  a page emptied after a snapshot
//! { "id": "s-<128 random bits>", "v": 1, "e": 1, "ct": "…" }         a segment of a snapshot
//! { "id": "s-<128 random bits>", "v": 1, "e": 1, "history": "…" }    a segment of old hashes
//! ```
//! Any other member is ignored. A history segment has its envelope in a member of its own, so that a listing with `has_ct=true`, which is what
//! a new device asks for, leaves it out: after 10,000 pages it would be most of what that device downloads, and of no use to it.

use crate::pure::crypto::encoding;
use crate::pure::json;

/// The format version. It stands for one suite of algorithms: none is named in the format, and nothing is negotiated.
pub const VERSION: u64 = 1;
/// The key epoch. There is only one as long as a collection has nothing but a bare key.
pub const EPOCH: u32 = 1;

/// What the id of a row names: a page by its position, or a segment by that id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Page(u64),
    Segment(String),
}

/// A row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub name: Name,
    /// The row's timestamp. It is used in conditions and cursors, and trusted for nothing else.
    pub last_modified: u64,
    pub content: Content,
    /// The row as the server gave it, for the evidence of an alarm.
    pub raw: String,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Emptied,
    Sealed {
        epoch: u32,
        ct: Vec<u8>,
    },
    /// Sealed in a format version that is not known here.
    Foreign {
        version: u64,
    },
    /// Not written by any essaim.
    Malformed,
}

pub fn page_id(position: u64) -> String {
    format!("p{position:012}")
}

pub fn read_name(id: &str) -> Option<Name> {
    if let Some(digits) = id.strip_prefix('p') {
        let position = digits.parse().ok().filter(|position| *position > 0 && digits.len() == 12)?;
        return (page_id(position) == id).then_some(Name::Page(position));
    }
    encoding::read_base64url_array::<16>(id.strip_prefix("s-")?).map(|_| Name::Segment(id.to_owned()))
}

/// Reads a row of a listing. `None` for a row that is neither page nor segment, and for a tombstone: a server can make tombstones at will.
pub fn read(raw: &str) -> Option<Item> {
    // The members are read in one pass, since a row can have 256 KiB.
    let members: Vec<(&str, &str)> = json::members(raw)?.collect();
    let member = |name: &str| members.iter().rfind(|(key, _)| json::is_key(key, name)).map(|(_, value)| *value);
    if member("deleted") == Some("true") {
        return None;
    }
    let name = read_name(&member("id").and_then(json::string)?)?;
    let last_modified = member("last_modified").and_then(json::whole).unwrap_or(0);
    Some(Item {
        content: read_content(&name, member),
        name,
        last_modified,
        raw: raw.to_owned(),
    })
}

fn read_content<'a>(name: &Name, member: impl Fn(&str) -> Option<&'a str>) -> Content {
    let whole = |name: &str| member(name).and_then(json::whole);
    let history = || member("history").filter(|_| matches!(name, Name::Segment(_)));
    let sealed = member("ct").or_else(history);
    match (whole("v"), sealed) {
        (_, None) => Content::Emptied,
        (Some(VERSION), Some(text)) => {
            let ct = json::string(text).and_then(|text| encoding::read_base64url(&text));
            match (ct, whole("e").and_then(|epoch| u32::try_from(epoch).ok())) {
                (Some(ct), Some(epoch)) => Content::Sealed { epoch, ct },
                _ => Content::Malformed,
            }
        }
        (Some(version), Some(_)) => Content::Foreign { version },
        (None, Some(_)) => Content::Malformed,
    }
}

/// The body of a page or a segment to store on the server, without braces and id.
pub fn sealed_body(ct: &[u8]) -> String {
    format!("\"v\":{VERSION},\"e\":{EPOCH},\"ct\":\"{}\"", encoding::base64url(ct))
}

pub fn history_body(ct: &[u8]) -> String {
    format!("\"v\":{VERSION},\"e\":{EPOCH},\"history\":\"{}\"", encoding::base64url(ct))
}

pub fn emptied_body() -> String {
    format!("\"v\":{VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(members: &str) -> Content {
        read(&format!("{{\"id\":\"p000000000042\",\"last_modified\":7,{members}}}")).unwrap().content
    }

    #[test]
    fn only_pages_and_segments_are_ours() {
        let name = |id: &str| read(&format!("{{\"id\":\"{id}\",\"v\":1,\"last_modified\":7}}")).map(|item| item.name);
        assert_eq!(name("p000000000042"), Some(Name::Page(42)));
        assert_eq!(name("s-AAAAAAAAAAAAAAAAAAAAAA"), Some(Name::Segment("s-AAAAAAAAAAAAAAAAAAAAAA".into())));
        for other in [
            "p42",
            "p000000000000",
            "p+00000000042",
            "p0000000000042",
            "p18446744073709551615",
            "q000000000042",
            "s-",
            "s-AAAAAAAAAAAAAAAAAAAAAB",
            "s-AAAAAAAAAAAAAAAAAAAAA=",
            "s-AAAAAAAAAAAAAAAAAAAAAAA",
            "note",
            "",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
        assert_eq!(read(r#"{"id":"p000000000042","deleted":true,"last_modified":7}"#), None);
    }

    #[test]
    fn content_is_read_strictly() {
        assert_eq!(content(r#""v":1,"e":1,"ct":"AAEC","x":[]"#), Content::Sealed { epoch: 1, ct: vec![0, 1, 2] });
        assert_eq!(
            content(r#""v":1.0,"e":1e0,"ct":"AAEC","ct":"AAED""#),
            Content::Sealed { epoch: 1, ct: vec![0, 1, 3] },
            "numbers count by their value, and of two members the last"
        );
        for emptied in [r#""v":1"#, r#""v":2"#, r#""e":"x""#, r#""v":1,"e":1,"history":"AAEC""#] {
            assert_eq!(content(emptied), Content::Emptied, "{emptied}");
        }
        assert_eq!(content(r#""v":2,"e":1,"ct":"AAEC""#), Content::Foreign { version: 2 });
        for bad in [
            r#""v":1,"e":1,"ct":"AAEC=""#,
            r#""v":1,"e":1,"ct":"AA+C""#,
            r#""v":1,"e":1,"ct":"AAD""#,
            r#""v":1,"e":1,"ct":7"#,
            r#""v":1,"e":1,"ct":null"#,
            r#""v":-1,"e":1,"ct":"AAEC""#,
            r#""v":1e400,"e":1,"ct":"AAEC""#,
            r#""v":1,"e":4294967296,"ct":"AAEC""#,
            r#""v":1,"ct":"AAEC""#,
            r#""v":1,"e":1.5,"ct":"AAEC""#,
            r#""v":1,"e":"1","ct":"AAEC""#,
            r#""v":"1","e":1,"ct":"AAEC""#,
            r#""v":1.5,"e":1,"ct":"AAEC""#,
            r#""e":1,"ct":"AAEC""#,
        ] {
            assert_eq!(content(bad), Content::Malformed, "{bad}");
        }
    }
}
