//! JSON texts as trees: parsed from seeds, mutated, and printed again.

use super::dice::Dice;

/// A JSON tree. Scalars and keys are raw text, so they may contain what no JSON writer would produce.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Scalar(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

const DEPTH: usize = 200;

pub const SCALARS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "1.5",
    "0.1",
    "1e400",
    "-1e400",
    "1e-400",
    "1E5",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e15",
    "1e30",
    "4294967296",
    "65536",
    "\"\"",
    "\"a\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"__proto__\"",
    "\"constructor\"",
    "\"\u{e9}\u{1f600}\"",
    "\"e\\u0301\"",
    "\"1\"",
    "\"\\\"\\\\\\/\"",
    "\"p000000000001\"",
    "\"p999999999999\"",
    "\"s-AAAAAAAAAAAAAAAAAAAAAA\"",
    "\"AAAA\"",
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
    "\"changes\"",
    "\"snapshot\"",
    "\"closed\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":{}}",
];

pub const KEYS: &[&str] = &[
    "id",
    "last_modified",
    "_status",
    "deleted",
    "data",
    "__proto__",
    "constructor",
    "length",
    "",
    "a",
    "v",
    "e",
    "ct",
    "history",
    "k",
    "c",
    "t",
    "d",
    "prev",
    "responses",
    "status",
    "body",
    "details",
    "existing",
    "errno",
    "message",
    "error",
    "local",
    "remote",
    "position",
    "hash",
    "since",
    "\\u0069d",
    "\\ud800",
];

pub fn parse(text: &str) -> Option<Node> {
    let mut parser = Parser {
        bytes: text.as_bytes(),
        text,
        at: 0,
    };
    let node = parser.value(0)?;
    parser.space();
    (parser.at == text.len()).then_some(node)
}

struct Parser<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn scalar(&mut self) -> Option<String> {
        self.space();
        let start = self.at;
        if self.bytes.get(start) == Some(&b'"') {
            self.at += 1;
            while *self.bytes.get(self.at)? != b'"' {
                self.at += 1 + usize::from(self.bytes[self.at] == b'\\');
            }
            self.at += 1;
        } else {
            while self.bytes.get(self.at).is_some_and(|byte| !b",:{}[]\" \n\r\t".contains(byte)) {
                self.at += 1;
            }
        }
        (self.at > start).then(|| self.text.get(start..self.at).map(str::to_owned)).flatten()
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return None;
        }
        if self.eat(b'{') {
            let mut members = Vec::new();
            while !self.eat(b'}') {
                let key = self.scalar()?;
                self.eat(b':').then_some(())?;
                members.push((key, self.value(depth + 1)?));
                self.eat(b',');
            }
            return Some(Node::Object(members));
        }
        if self.eat(b'[') {
            let mut items = Vec::new();
            while !self.eat(b']') {
                items.push(self.value(depth + 1)?);
                self.eat(b',');
            }
            return Some(Node::Array(items));
        }
        self.scalar().map(Node::Scalar)
    }
}

impl Node {
    pub fn print(&self, out: &mut String) {
        match self {
            Node::Scalar(raw) => out.push_str(raw),
            Node::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.print(out);
                }
                out.push(']');
            }
            Node::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(key);
                    out.push(':');
                    value.print(out);
                }
                out.push('}');
            }
        }
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        self.print(&mut out);
        out
    }

    pub fn size(&self) -> usize {
        1 + match self {
            Node::Scalar(_) => 0,
            Node::Array(items) => items.iter().map(Node::size).sum(),
            Node::Object(members) => members.iter().map(|(_, value)| value.size()).sum(),
        }
    }

    pub fn depth(&self) -> usize {
        1 + match self {
            Node::Scalar(_) => 0,
            Node::Array(items) => items.iter().map(Node::depth).max().unwrap_or(0),
            Node::Object(members) => members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
        }
    }

    /// The node with this number. The root is 0, and the others are numbered in the order of the text.
    pub fn nth(&mut self, number: usize) -> Option<&mut Node> {
        let mut left = number;
        self.find(&mut left)
    }

    fn find(&mut self, left: &mut usize) -> Option<&mut Node> {
        if *left == 0 {
            return Some(self);
        }
        *left -= 1;
        match self {
            Node::Scalar(_) => None,
            Node::Array(items) => items.iter_mut().find_map(|item| item.find(left)),
            Node::Object(members) => members.iter_mut().find_map(|(_, value)| value.find(left)),
        }
    }
}

/// A random tree.
pub fn any(dice: &mut Dice, depth: usize) -> Node {
    match dice.below(if depth == 0 { 6 } else { 10 }) {
        0..6 => Node::Scalar((*dice.pick(&SCALARS[..SCALARS.len() - 4])).to_owned()),
        6..8 => Node::Array((0..dice.below(5)).map(|_| any(dice, depth - 1)).collect()),
        _ => Node::Object((0..dice.below(5)).map(|_| (key(dice), any(dice, depth - 1))).collect()),
    }
}

fn key(dice: &mut Dice) -> String {
    format!("\"{}\"", dice.pick(KEYS))
}

/// Changes a tree once. `donor` is another seed, parts of which may be inserted.
pub fn mutate(root: &mut Node, donor: &Node, dice: &mut Dice) {
    let size = root.size();
    let at = dice.below(size);
    let from = dice.below(donor.size());
    let graft = donor.clone().nth(from).cloned().unwrap_or(Node::Scalar("null".into()));
    let Some(node) = root.nth(at) else { return };
    let depth = node.depth();
    match dice.below(12) {
        0 => *node = Node::Scalar((*dice.pick(SCALARS)).to_owned()),
        1 => *node = any(dice, 3),
        2 => *node = graft,
        3 if depth < DEPTH / 2 => {
            let times = dice.count(60);
            for _ in 0..times {
                let inner = std::mem::replace(node, Node::Scalar("null".into()));
                *node = if dice.permille(500) {
                    Node::Array(vec![inner])
                } else {
                    Node::Object(vec![(key(dice), inner)])
                };
            }
        }
        _ => change(node, graft, dice),
    }
}

fn change(node: &mut Node, graft: Node, dice: &mut Dice) {
    match node {
        Node::Scalar(raw) => change_scalar(raw, dice),
        Node::Array(items) => {
            let at = dice.below(items.len() + 1);
            match dice.below(6) {
                0 => items.insert(at, graft),
                1 if at < items.len() => drop(items.remove(at)),
                2 if at < items.len() => {
                    let copies = vec![items[at].clone(); dice.count(if items[at].size() < 40 { 200 } else { 4 })];
                    items.splice(at..at, copies);
                }
                3 if at < items.len() => items.rotate_left(at),
                4 => items.reverse(),
                _ => items.truncate(at),
            }
        }
        Node::Object(members) => {
            let at = dice.below(members.len() + 1);
            match dice.below(6) {
                0 => members.insert(at, (key(dice), graft)),
                1 if at < members.len() => drop(members.remove(at)),
                // The same key twice, with the same value or another one.
                2 if at < members.len() => {
                    let twin = (members[at].0.clone(), if dice.permille(500) { graft } else { members[at].1.clone() });
                    members.insert(dice.below(members.len() + 1), twin);
                }
                3 if at < members.len() => members[at].0 = key(dice),
                4 if at < members.len() => members[at].0 = escaped(&members[at].0),
                _ => members.reverse(),
            }
        }
    }
}

/// The same text, with its first alphanumeric character written like `\u0041`.
fn escaped(raw: &str) -> String {
    match raw.char_indices().find(|(_, char)| char.is_ascii_alphanumeric()) {
        Some((at, char)) if !raw.contains('\\') => format!("{}\\u{:04x}{}", &raw[..at], char as u32, &raw[at + 1..]),
        _ => raw.to_owned(),
    }
}

fn change_scalar(raw: &mut String, dice: &mut Dice) {
    match dice.below(5) {
        0 => *raw = escaped(raw),
        1 if raw.starts_with('"') => {
            let inner = dice.pick(&["x", "\\n", "\\u0041", "\\ud800", "é", "\\\\", "\\\""]).repeat(dice.count(300));
            raw.insert_str(1, &inner);
        }
        2 if raw.starts_with('"') && raw.len() > 2 => {
            let at = 1 + dice.below(raw.len() - 2);
            if raw.is_char_boundary(at) && !raw[..at].ends_with('\\') {
                raw.replace_range(at..raw.len() - 1, "");
            }
        }
        3 if !raw.starts_with('"') => raw.push_str(dice.pick::<&str>(&["0", "1", "9", "e1", "e400", ".5", "E-1"])),
        _ => {
            // Changes one digit, to get for example the next position or another hash.
            let digits: Vec<usize> = raw.char_indices().filter(|(_, char)| char.is_ascii_digit()).map(|(at, _)| at).collect();
            if !digits.is_empty() {
                let at = *dice.pick(&digits);
                raw.replace_range(at..at + 1, &dice.below(10).to_string());
            }
        }
    }
}
