//! JSON as JavaScript means it, kept as text.
//!
//! Parsing into `serde_json::Value` was tried and misreads what JavaScript can store: lone surrogates, `1e400` and
//! nesting past 127 are refused, `1` and `1.0` differ, strings sort by UTF-8. So records stay text; serde_json only
//! says whether a text from outside is valid (iteratively, at any depth), and the walkers below cut valid text into pieces.
//! They read defensively all the same: garbage gives `None` or an early end, never a panic.

use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whether a text is JSON. Everything from outside passes here once.
pub fn validate(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

/// The end of the value that begins at `start`.
fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
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

fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// Walks the pieces between an opening and a closing bracket.
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

/// `None` if the text is not an object.
pub fn members(text: &str) -> Option<Members<'_>> {
    Some(Members(
        PiecesIter {
            pieces: Pieces::within(text, b'{')?,
            keyed: true,
        }
        .fuse(),
    ))
}

/// The members of an object's text without its braces.
pub fn body_members(body: &str) -> Members<'_> {
    Members(
        PiecesIter {
            pieces: Pieces { text: body, at: 0 },
            keyed: true,
        }
        .fuse(),
    )
}

/// `None` if the text is not an array.
pub fn elements(text: &str) -> Option<Elements<'_>> {
    Some(Elements(
        PiecesIter {
            pieces: Pieces::within(text, b'[')?,
            keyed: false,
        }
        .fuse(),
    ))
}

/// The value of one member; of several with that key the last, as in JavaScript.
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    members(object)?.filter(|(key, _)| is_key(key, name)).last().map(|(_, value)| value)
}

/// Whether a raw key means this name.
pub fn is_key(raw: &str, name: &str) -> bool {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or("");
    if inner.contains('\\') {
        units(raw).is_some_and(|units| units.iter().copied().eq(name.encode_utf16()))
    } else {
        inner == name
    }
}

/// The UTF-16 units of a raw string: what a JavaScript string is, lone surrogates included.
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

/// The Rust string of a raw string; `None` if it is not a string, or has lone surrogates.
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    String::from_utf16(&units(raw)?).ok().map(Cow::Owned)
}

/// The raw string of a Rust string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote_units(text.encode_utf16(), &mut out);
    out
}

/// Writes as `JSON.stringify` does: short escapes, and lone surrogates escaped.
fn quote_units(units: impl Iterator<Item = u16>, out: &mut String) {
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

/// The number that JavaScript reads: an f64, `1e400` being Infinity.
pub fn number(raw: &str) -> Option<f64> {
    raw.as_bytes().first().filter(|byte| byte.is_ascii_digit() || **byte == b'-')?;
    raw.parse().ok()
}

/// One text per JavaScript value: keys sorted and unique, numbers and strings in one form.
/// Two values are deeply equal exactly when their canonical texts are. Iterative: depth costs memory, not stack.
pub fn canonical(text: &str) -> String {
    let text = text.trim();
    if !matches!(text.as_bytes().first(), Some(b'{' | b'[')) {
        return canonical_scalar(text);
    }
    enum Frame<'a> {
        Object(Members<'a>, BTreeMap<String, String>, String),
        Array(Elements<'a>, String),
    }
    fn frame(text: &str) -> Option<Frame<'_>> {
        match text.as_bytes().first()? {
            b'{' => members(text).map(|all| Frame::Object(all, BTreeMap::new(), String::new())),
            b'[' => elements(text).map(|all| Frame::Array(all, String::new())),
            _ => None,
        }
    }
    let mut stack: Vec<Frame<'_>> = frame(text).into_iter().collect();
    loop {
        let Some(top) = stack.last_mut() else { return String::new() };
        let next = match top {
            Frame::Object(all, _, key) => all.next().map(|(raw, value)| {
                *key = canonical_scalar(raw);
                value
            }),
            Frame::Array(all, _) => all.next(),
        };
        let done = match next {
            Some(value) => match frame(value) {
                Some(deeper) => {
                    stack.push(deeper);
                    continue;
                }
                None => canonical_scalar(value),
            },
            None => {
                let closed = match stack.pop() {
                    Some(Frame::Object(_, sorted, _)) => object_text(sorted),
                    Some(Frame::Array(_, items)) => format!("[{items}]"),
                    None => return String::new(),
                };
                if stack.is_empty() {
                    return closed;
                }
                closed
            }
        };
        match stack.last_mut() {
            Some(Frame::Object(_, sorted, key)) => {
                sorted.insert(std::mem::take(key), done);
            }
            Some(Frame::Array(_, items)) => {
                if !items.is_empty() {
                    items.push(',');
                }
                items.push_str(&done);
            }
            None => return done,
        }
    }
}

fn object_text(sorted: BTreeMap<String, String>) -> String {
    let mut out = String::from("{");
    for (key, value) in sorted {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&key);
        out.push(':');
        out.push_str(&value);
    }
    out.push('}');
    out
}

fn canonical_scalar(raw: &str) -> String {
    if let Some(units) = units(raw) {
        let mut out = String::with_capacity(raw.len());
        quote_units(units.into_iter(), &mut out);
        return out;
    }
    match number(raw) {
        // Adding zero turns -0 into 0, which JavaScript holds equal.
        Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => format!("{}", value as i64),
        Some(value) => format!("{:?}", value + 0.0),
        None => raw.to_owned(),
    }
}

/// Deep equality as JavaScript has it.
pub fn equal(a: &str, b: &str) -> bool {
    a == b || canonical(a) == canonical(b)
}

/// As [`equal`], but for the last digit of numbers: Kinto's JSON parser rounds one in ten doubles to a neighbour.
pub fn nearly_equal(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (a, b) = (canonical(a), canonical(b));
    a == b || same_tokens(tokens(&a), tokens(&b))
}

fn same_token(a: &str, b: &str) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b || a.next_up() == b || a.next_down() == b,
        _ => a == b,
    }
}

/// The scalars, keys and brackets of canonical text.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        let start = at;
        at = match bytes.get(start)? {
            b'"' => string_end(bytes, start)?,
            b'{' | b'}' | b'[' | b']' | b',' | b':' => start + 1,
            _ => value_end(bytes, start)?,
        };
        text.get(start..at)
    })
}

fn same_tokens<'a>(mut a: impl Iterator<Item = &'a str>, mut b: impl Iterator<Item = &'a str>) -> bool {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if same_token(a, b) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbouring_double_is_nearly_equal_and_nothing_else() {
        for (a, b, same) in [
            (r#"{"a":0.1,"b":[1]}"#, r#"{"b":[1],"a":0.10000000000000002}"#, true),
            ("0.1", "0.09999999999999999", true),
            ("0.1", "0.10000000000000003", false),
            ("0.1", "0.1000000000000001", false),
            ("[0.1,1]", "[0.1]", false),
            (r#"{"a":"0.1"}"#, r#"{"a":0.1}"#, false),
            ("1", "2", false),
        ] {
            assert_eq!(nearly_equal(a, b), same, "{a} and {b}");
        }
    }

    #[test]
    fn what_javascript_holds_equal_is_equal() {
        for (a, b) in [
            ("1", "1.0"),
            ("-0", "0"),
            ("1e3", "1000"),
            (r#"{"a":1,"b":[true,null]}"#, r#" { "b" : [ true , null ] , "a" : 1.0 } "#),
            (r#""\u00e9""#, r#""é""#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#""\/""#, r#""/""#),
            (r#""\ud83d\ude00""#, r#""😀""#),
            ("1e400", "1e999"),
            ("[]", "[ ]"),
            ("{}", "{ }"),
        ] {
            assert!(equal(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn what_javascript_holds_different_is_different() {
        for (a, b) in [
            ("1", "\"1\""),
            ("null", "false"),
            ("[1,2]", "[2,1]"),
            (r#"{"a":null}"#, "{}"),
            (r#""\ud800""#, r#""\ud801""#),
            ("0.1", "0.10000000000000002"),
            ("[[]]", "[]"),
            ("[{}]", "[[]]"),
        ] {
            assert!(!equal(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(validate(&deep).is_ok());
        assert_eq!(elements(&deep).map(|all| all.count()), Some(1));
        let less = format!("{}1{}", "{\"a\":[".repeat(3_000), "]}".repeat(3_000));
        assert!(equal(&less, &less.replace("[1]", "[1.0]")));
    }

    #[test]
    fn garbage_ends_early_and_never_panics() {
        for text in ["{", "[", "{\"a", "{\"a\":", "[1,", "\"", "{\"a\\", "[\"\\", "{]", "", "]", "[\"\\u12"] {
            let _ = members(text).map(|all| all.count());
            let _ = elements(text).map(|all| all.count());
            let _ = canonical(text);
            let _ = units(text);
        }
    }

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
}
