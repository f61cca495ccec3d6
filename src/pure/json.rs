//! JSON texts with the meaning that JavaScript gives them: finds values in a text without parsing it into a tree.
//!
//! Parsing into `serde_json::Value` was tried, and misreads what JavaScript can store: lone surrogates, `1e400` and nesting deeper than 127 are
//! refused, `1` and `1.0` differ, and strings are sorted by UTF-8. So records stay text. serde_json only checks whether a text from outside is
//! valid (iteratively, at any depth), and the functions below cut valid texts into pieces. On an invalid text they return `None` or end early;
//! they never panic.

use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Checks that a text is JSON. Every text from outside passes this check once.
pub fn validate(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

/// The index after the value that begins at `start`.
pub(super) fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start)? {
        b'"' => string_end(bytes, start),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0usize, start);
            loop {
                match bytes.get(at)? {
                    b'"' => at = string_end(bytes, at)? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let length = bytes[start..]
                .iter()
                .take_while(|byte| !matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\r' | b'\t'))
                .count();
            (length > 0).then_some(start + length)
        }
    }
}

pub(super) fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += plain_length(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The number of bytes before the first quote or backslash. Eight bytes are tested at a time: with one at a time, most of the time to read a
/// sealed page was spent here, on its string of 256 KiB.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The usual test for a zero byte in a word, after the XOR has made the wanted byte zero.
    let has = |word: u64, byte: u8| {
        let zero = word ^ (ONES * u64::from(byte));
        zero.wrapping_sub(ONES) & !zero & (ONES << 7) != 0
    };
    let ends = |chunk: &[u8; 8]| {
        let word = u64::from_ne_bytes(*chunk);
        has(word, b'"') || has(word, b'\\')
    };
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\');
    let whole = 8 * bytes.as_chunks::<8>().0.iter().take_while(|chunk| !ends(chunk)).count();
    whole + bytes[whole..].iter().take_while(is_plain).count()
}

pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// Iterates over the pieces between an opening and a closing bracket.
struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pieces<'a> {
    fn within(text: &'a str, open: u8) -> Option<Self> {
        let at = skip_space(text.as_bytes(), 0);
        (text.as_bytes().get(at) == Some(&open)).then_some(Pieces { text, at: at + 1 })
    }

    fn value(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = skip_space(bytes, self.at);
        let end = value_end(bytes, start)?;
        self.at = skip_space(bytes, end);
        self.text.get(start..end)
    }

    fn separator(&mut self, separator: u8) {
        if self.text.as_bytes().get(self.at) == Some(&separator) {
            self.at += 1;
        }
    }
}

/// The members of an object: key and value, both as raw text.
#[derive(Debug)]
pub struct Members<'a>(PiecesOf<'a>);
/// The elements of an array, as raw text.
#[derive(Debug)]
pub struct Elements<'a>(PiecesOf<'a>);
type PiecesOf<'a> = std::iter::Fuse<PiecesIter<'a>>;
struct PiecesIter<'a> {
    pieces: Pieces<'a>,
    keyed: bool,
}

impl std::fmt::Debug for PiecesIter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}", self.pieces.at)
    }
}

impl<'a> Iterator for PiecesIter<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        let key = if self.keyed { self.pieces.value()? } else { "" };
        if self.keyed {
            self.pieces.separator(b':');
        }
        let value = self.pieces.value()?;
        self.pieces.separator(b',');
        Some((key, value))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, value)| value)
    }
}

/// The members of an object. `None` if the text is not an object.
pub fn members(text: &str) -> Option<Members<'_>> {
    Some(Members(
        PiecesIter {
            pieces: Pieces::within(text, b'{')?,
            keyed: true,
        }
        .fuse(),
    ))
}

/// The members of a body: the text of an object without its braces.
pub fn body_members(body: &str) -> Members<'_> {
    Members(
        PiecesIter {
            pieces: Pieces { text: body, at: 0 },
            keyed: true,
        }
        .fuse(),
    )
}

/// The elements of an array. `None` if the text is not an array.
pub fn elements(text: &str) -> Option<Elements<'_>> {
    Some(Elements(
        PiecesIter {
            pieces: Pieces::within(text, b'[')?,
            keyed: false,
        }
        .fuse(),
    ))
}

/// The value of a member. If several members have that name, the last one counts, as in JavaScript.
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    members(object)?.filter(|(key, _)| is_key(key, name)).last().map(|(_, value)| value)
}

/// Whether a raw key (a JSON string, quotes included) is this name.
pub fn is_key(raw: &str, name: &str) -> bool {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or("");
    if inner.contains('\\') {
        units(raw).is_some_and(|units| units.iter().copied().eq(name.encode_utf16()))
    } else {
        inner == name
    }
}

/// The UTF-16 units of a raw string, as a JavaScript string has them, lone surrogates included. `None` if it is not a string.
pub fn units(raw: &str) -> Option<Vec<u16>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut units = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        units.extend(rest[..at].encode_utf16());
        let escape = rest.as_bytes().get(at + 1)?;
        let mut after = at + 2;
        units.push(match escape {
            b'n' => 10,
            b't' => 9,
            b'r' => 13,
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                after = at + 6;
                u16::from_str_radix(rest.get(at + 2..after)?, 16).ok()?
            }
            other => u16::from(*other),
        });
        rest = rest.get(after..)?;
    }
    units.extend(rest.encode_utf16());
    Some(units)
}

/// The Rust string of a raw string. `None` if it is not a string, or has lone surrogates.
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    String::from_utf16(&units(raw)?).ok().map(Cow::Owned)
}

/// The raw string (JSON, with quotes) of a Rust string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote_units(text.encode_utf16(), &mut out);
    out
}

/// Writes a string as `JSON.stringify` does: with short escapes, and with lone surrogates escaped.
pub(super) fn quote_units(units: impl Iterator<Item = u16>, out: &mut String) {
    out.push('"');
    for unit in char::decode_utf16(units) {
        match unit {
            Ok('"') => out.push_str("\\\""),
            Ok('\\') => out.push_str("\\\\"),
            Ok('\n') => out.push_str("\\n"),
            Ok('\r') => out.push_str("\\r"),
            Ok('\t') => out.push_str("\\t"),
            Ok('\u{8}') => out.push_str("\\b"),
            Ok('\u{c}') => out.push_str("\\f"),
            Ok(c) if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            Ok(c) => out.push(c),
            Err(lone) => out.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
        }
    }
    out.push('"');
}

/// The number that JavaScript reads, as an f64; `1e400` is Infinity. `None` if the text is not a number.
pub fn number(raw: &str) -> Option<f64> {
    raw.as_bytes().first().filter(|byte| byte.is_ascii_digit() || **byte == b'-')?;
    raw.parse().ok()
}

/// Names the kind of a value, for error messages: these never quote what an app stores.
pub fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        None => "nothing",
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ if number(raw).is_some_and(f64::is_infinite) => "a number beyond those of JavaScript",
        _ => "a number",
    }
}

/// The greatest integer up to which JavaScript's numbers hold every integer exactly.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Reads an integer from 0 to [`MAX_SAFE_INTEGER`], by its value: `1`, `1.0` and `1e0` are the same.
pub fn whole(raw: &str) -> Option<u64> {
    number(raw)
        .filter(|value| value.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER as f64).contains(value))
        .map(|value| value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_cut_verbatim() {
        let text = r#" {"id" : "a", "t":"x\"y", "n" : {"deep":[1, {"}":"]"}]}, "e":1e400 } "#;
        let cut: Vec<_> = members(text).unwrap().collect();
        assert_eq!(
            cut,
            [
                ("\"id\"", "\"a\""),
                ("\"t\"", r#""x\"y""#),
                ("\"n\"", r#"{"deep":[1, {"}":"]"}]}"#),
                ("\"e\"", "1e400")
            ]
        );
        assert_eq!(member(text, "t").and_then(string).unwrap(), "x\"y");
    }

    #[test]
    fn a_string_ends_at_its_quote_wherever_that_is() {
        for length in 0..40 {
            for (part, width) in [("x", 1), ("ä", 2), ("\u{2022}\u{a2}", 5), ("\\\"", 2), ("\\\\", 2), ("#!]\u{7f}", 4)] {
                for at in 0..=length {
                    let inner = "-".repeat(at) + part + &"-".repeat(length - at);
                    let text = format!("\"{inner}\",\"next\"");
                    assert_eq!(string_end(text.as_bytes(), 0), Some(length + width + 2), "{text}");
                    assert_eq!(string_end(&text.as_bytes()[..length + width + 1], 0), None, "{text}");
                }
            }
        }
    }
}
