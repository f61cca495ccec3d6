//! When JavaScript holds two values equal, on their JSON texts.

use super::json::{Elements, Members, elements, members, number, quote_units, string_end, units, value_end};
use std::collections::BTreeMap;

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
        Some(value) => number_text(value),
        None => raw.to_owned(),
    }
}

/// A number as JavaScript writes it. Rust writes the same digits, but never chooses between the two notations.
fn number_text(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once('e').map(|(digits, exponent)| (digits, exponent.parse::<i32>())) {
        Some((digits, Ok(exponent))) if !(-6..=20).contains(&exponent) => format!("{digits}e{exponent:+}"),
        _ => value.to_string(),
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
    use super::super::json::validate;
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
    fn numbers_are_written_as_javascript_writes_them() {
        for (raw, written) in [
            ("1e21", "1e+21"),
            ("1e20", "100000000000000000000"),
            ("123456789012345680000", "123456789012345680000"),
            ("9007199254740993", "9007199254740992"),
            ("15e-1", "1.5"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-12.5e-8", "-1.25e-7"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("-0.0", "0"),
        ] {
            assert_eq!(canonical(raw), written);
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
}
