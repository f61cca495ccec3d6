//! Measures how the cost of a reader grows with the length of its input: inputs of growing length, and the exponents of time and memory.

use super::alloc::{Memory, measured};
use super::clock::Stopwatch;
use super::json::{Node, parse};
use std::time::Duration;

/// An input that can be made in any length.
pub struct Shape {
    pub name: String,
    /// Makes an input of about this many bytes.
    pub make: Box<dyn Fn(usize) -> Vec<u8>>,
}

impl Shape {
    pub fn new(name: impl Into<String>, make: impl Fn(usize) -> Vec<u8> + 'static) -> Self {
        Shape {
            name: name.into(),
            make: Box::new(make),
        }
    }
}

/// Returns the number of an item, given its index and the number of items.
type Order = fn(usize, usize) -> usize;

/// The orders in which items that differ by a number can come.
pub const ORDERS: [(&str, Order); 4] = [
    ("the same", |_, _| 1),
    ("ascending", |index, _| index + 1),
    ("descending", |index, count| count - index),
    ("shuffled", |index, count| index.wrapping_mul(7919) % count + 1),
];

type Filler = fn(usize) -> String;

/// The texts of length `n` that can fill a hole in a JSON text.
const FILLERS: &[(&str, Filler)] = &[
    ("arrays within arrays", |n| "[".repeat(n / 2) + &"]".repeat(n / 2)),
    ("objects within objects", |n| "{\"a\":".repeat(n / 6) + "1" + &"}".repeat(n / 6)),
    ("arrays within arrays, after a sibling", |n| "[1,".repeat(n / 4) + "1" + &"]".repeat(n / 4)),
    ("arrays within arrays, before a sibling", |n| "[".repeat(n / 4) + "1" + &",1]".repeat(n / 4)),
    ("objects within objects, after a sibling", |n| {
        "{\"b\":0,\"a\":".repeat(n / 12) + "1" + &"}".repeat(n / 12)
    }),
    ("objects within objects, before a sibling", |n| {
        "{\"b\":".repeat(n / 12) + "1" + &",\"a\":0}".repeat(n / 12)
    }),
    ("both within each other", |n| "[{\"a\":".repeat(n / 8) + "1" + &"}]".repeat(n / 8)),
    ("a long text", |n| format!("\"{}\"", "x".repeat(n))),
    ("a long text of escapes", |n| format!("\"{}\"", "\\n".repeat(n / 2))),
    ("a long text of \\u escapes", |n| format!("\"{}\"", "\\u0041".repeat(n / 6))),
    ("a long text of lone surrogates", |n| format!("\"{}\"", "\\ud800".repeat(n / 6))),
    ("a long text of quotes", |n| format!("\"{}\"", "\\\"".repeat(n / 2))),
    ("a long text of three-byte characters", |n| format!("\"{}\"", "\u{20ac}".repeat(n / 3))),
    ("a long number", |n| "1".repeat(n)),
    ("a number with a long exponent", |n| format!("1e{}1", "0".repeat(n))),
    ("a long array", |n| format!("[{}1]", "1,".repeat(n / 2))),
    ("a long array of arrays", |n| format!("[{}[]]", "[],".repeat(n / 3))),
    ("a long array of objects", |n| format!("[{}{{}}]", "{},".repeat(n / 3))),
    ("much white space", |n| format!("[{}]", " ".repeat(n))),
];

/// JSON texts made from `seed`: one node at a time is replaced by something long, or by many repetitions.
pub fn of_json(seed: &str) -> Vec<Shape> {
    let Some(root) = parse(seed) else { return Vec::new() };
    let mut shapes = Vec::new();
    for number in 0..root.size().min(60) {
        let mut with_hole = root.clone();
        let Some(place) = with_hole.nth(number) else { continue };
        let node = std::mem::replace(place, Node::Scalar("\u{1}".into()));
        let text = with_hole.text();
        let Some((before, after)) = text.split_once('\u{1}') else { continue };
        let (before, after) = (before.to_owned(), after.to_owned());
        let place = format!("node {number} of {}", &seed.chars().take(40).collect::<String>());
        let around = move |filled: String| [before.as_str(), &filled, &after].concat().into_bytes();
        for (name, fill) in FILLERS {
            let (around, fill) = (around.clone(), *fill);
            shapes.push(Shape::new(format!("{name}, at {place}"), move |n| around(fill(n))));
        }
        match node {
            Node::Array(items) => {
                for item in items.iter().take(2) {
                    repeat(&mut shapes, &item.text(), "[", "]", &place, around.clone());
                }
            }
            Node::Object(members) => {
                let own: Vec<String> = members.iter().map(|(key, value)| format!("{key}:{}", value.text())).collect();
                let head = format!("{{{}{}", own.join(","), if own.is_empty() { "" } else { "," });
                for member in ["\"k1\":1", "\"\\u006b1\":1", "\"k1\":{\"a\":[]}"]
                    .into_iter()
                    .map(str::to_owned)
                    .chain(own.iter().take(6).cloned())
                {
                    repeat(&mut shapes, &member, &head, "}", &place, around.clone());
                }
                let own = own.join(",");
                shapes.push(Shape::new(format!("a long key, at {place}"), {
                    let (around, own) = (around.clone(), own.clone());
                    move |n| around(format!("{{\"{}\":1,{own}}}", "k".repeat(n)))
                }));
                shapes.push(Shape::new(format!("a long key of escapes, at {place}"), move |n| {
                    around(format!("{{\"{}\":1,{own}}}", "\\u006b".repeat(n / 6)))
                }));
            }
            Node::Scalar(_) => {}
        }
    }
    shapes
}

fn repeat(shapes: &mut Vec<Shape>, item: &str, open: &str, close: &'static str, place: &str, around: impl Fn(String) -> Vec<u8> + Clone + 'static) {
    for (order, number) in ORDERS {
        let (item, open, around) = (item.to_owned(), open.to_owned(), around.clone());
        let name = format!("many {}, {order}, at {place}", item.chars().take(60).collect::<String>());
        shapes.push(Shape::new(name, move |n| {
            let count = n / (item.len() + 1) + 1;
            let mut text = open.clone();
            for index in 0..count {
                if index > 0 {
                    text.push(',');
                }
                numbered(&item, number(index, count), &mut text);
            }
            text.push_str(close);
            around(text)
        }));
    }
}

/// Appends `item` to `out` with every number in it replaced by `number`, except in `\u` escapes. Numbers of eight digits or more keep their
/// length, by zeros at the front.
pub fn numbered(item: &str, number: usize, out: &mut String) {
    let mut rest = item;
    while let Some(at) = rest.find(|char: char| char.is_ascii_digit()) {
        let length = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(&rest[..at]);
        let is_escape = rest[..at].ends_with("\\u");
        match length {
            _ if is_escape => out.push_str(&rest[at..at + length]),
            8.. => out.push_str(&format!("{number:0length$}")),
            _ => out.push_str(&number.to_string()),
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
}

/// How the cost of a shape grows.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    pub shape: String,
    /// The exponent of the time.
    pub time: f64,
    /// The exponent of all allocations: the same on every machine.
    pub allocated: f64,
    /// The greatest number of bytes held at one time, for each byte of input.
    pub peak: f64,
    pub nanos_per_byte: f64,
}

struct Sample {
    length: usize,
    time: Duration,
    memory: Memory,
}

fn sample(read: fn(&[u8]), shape: &Shape, length: usize, runs: usize) -> Sample {
    let input = (shape.make)(length);
    let mut least = Duration::MAX;
    let mut memory = Memory::default();
    for _ in 0..runs {
        let begun = Stopwatch::start();
        memory = measured(|| read(&input));
        least = least.min(begun.elapsed());
    }
    Sample {
        length: input.len(),
        time: least,
        memory,
    }
}

fn exponent(small: &Sample, large: &Sample, of: impl Fn(&Sample) -> f64) -> f64 {
    // Values below 1 would give meaningless exponents.
    let grown = |sample: &Sample| of(sample).max(1.0);
    (grown(large) / grown(small)).ln() / (large.length as f64 / small.length as f64).ln()
}

/// The greatest allowed exponent. Sorting, and memory beyond the caches, cost up to 0.1 more than linear.
pub const MOST: f64 = 1.2;

/// The same for time in `make test`, where other suites share the processor's caches: 1.2 failed by chance there. Quadratic time is still
/// detected.
pub const MOST_SHARED: f64 = 1.5;

/// Measures a shape quickly, and again more precisely if the first result is suspicious.
pub fn measure(read: fn(&[u8]), shape: &Shape, longest: usize) -> Cost {
    let small = sample(read, shape, longest / 16, 2);
    let large = sample(read, shape, longest, 1);
    let nanos = |sample: &Sample| sample.time.as_nanos() as f64;
    let mut cost = Cost {
        shape: shape.name.clone(),
        time: exponent(&small, &large, nanos),
        // A buffer that is large enough for the shortest input does not count.
        allocated: exponent(&small, &large, |sample| (sample.memory.total as f64).max(4096.0)),
        peak: large.memory.peak as f64 / large.length as f64,
        nanos_per_byte: nanos(&large) / large.length as f64,
    };
    if large.time < Duration::from_micros(100) {
        cost.time = cost.time.min(1.0);
    }
    let mut longest = longest;
    for _ in 0..4 {
        if cost.time.max(cost.allocated) <= MOST - 0.1 || large.time > Duration::from_secs(5) {
            break;
        }
        let samples: Vec<Sample> = [longest / 8, longest / 4, longest / 2, longest]
            .into_iter()
            .map(|length| sample(read, shape, length, 4))
            .collect();
        cost.time = cost.time.min(fit(&samples, nanos));
        cost.allocated = cost.allocated.min(fit(&samples, |sample| sample.memory.total as f64));
        if samples[3].time < Duration::from_millis(50) {
            longest *= 2;
        }
    }
    cost
}

/// The slope of the least-squares line through the logarithms.
fn fit(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let points: Vec<(f64, f64)> = samples.iter().map(|sample| ((sample.length as f64).ln(), of(sample).max(1.0).ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    above / below
}
