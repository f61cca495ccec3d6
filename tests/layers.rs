#![cfg(not(target_arch = "wasm32"))]
//! Checks which layers of `src/` use which others, and that no layer does what is forbidden. The compiler would accept all violations.
//!
//! Sources are read as tokens, so that comments, texts and `#[cfg(test)]` items do not count.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// Each layer with the layers that it may use besides itself.
const LAYERS: [(&str, &[&str]); 7] = [
    ("error", &[]),
    ("pure", &["error"]),
    ("ports", &["pure", "error"]),
    ("memory", &["ports", "pure", "error"]),
    ("engine", &["ports", "pure", "error"]),
    ("browser", &["ports", "pure", "error"]),
    ("bindings", &["browser", "engine", "memory", "ports", "pure", "error"]),
];
const OF_A_BROWSER: [&str; 2] = ["browser", "bindings"];
const BROWSER_CRATES: [&str; 8] = [
    "gloo_net",
    "idb",
    "js_sys",
    "rexie",
    "serde_wasm_bindgen",
    "wasm_bindgen",
    "wasm_bindgen_futures",
    "web_sys",
];
const PANICS: [&str; 6] = ["unwrap", "expect", "unwrap_err", "expect_err", "unwrap_throw", "expect_throw"];

/// The faults of a file, given by its path under `src/`.
fn faults(path: &str, source: &str) -> Vec<String> {
    let Ok(stream) = source.parse::<TokenStream>() else {
        return vec![format!("src/{path} is not Rust")];
    };
    let tokens = tokens_of(stream);
    let modules = module_path(path);
    let layer = modules.first().copied().unwrap_or("lib");
    let mut found = panics(&tokens);
    if layer != "lib" {
        found.extend(foreign_names(layer, modules.len(), &tokens));
        if !OF_A_BROWSER.contains(&layer) {
            found.extend(named(
                &tokens,
                &BROWSER_CRATES,
                "belongs to a browser: put what needs it under browser/, behind a port",
            ));
            found.extend(named(
                &tokens,
                &["target_arch"],
                "makes code that differs by target: only browser/ and bindings/ may",
            ));
        }
    }
    match layer {
        "pure" => found.extend(named(&tokens, &["async", "await"], "waits: values in, values out; what waits is the engine's")),
        "bindings" => found.extend(unsafe_exports(&tokens)),
        _ => {}
    }
    found.into_iter().map(|fault| format!("src/{path}: {fault}")).collect()
}

/// `engine/sync.rs` → `engine`, `sync`.
fn module_path(path: &str) -> Vec<&str> {
    path.trim_end_matches(".rs").split('/').filter(|part| !["mod", "lib"].contains(part)).collect()
}

/// All tokens as texts, including those inside groups, but without `#[cfg(test)]` items.
fn tokens_of(stream: TokenStream) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let is_attribute = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '#');
        if is_attribute && trees.peek().is_some_and(is_cfg_test) {
            trees.find(ends_item);
            continue;
        }
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                tokens.push(open.to_owned());
                tokens.extend(tokens_of(group.stream()));
                tokens.push(close.to_owned());
            }
            other => tokens.push(other.to_string()),
        }
    }
    tokens
}

fn is_cfg_test(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.to_string().replace(' ', "") == "[cfg(test)]")
}

fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn is_at(tokens: &[String], at: usize, wanted: &[&str]) -> bool {
    tokens.get(at..at + wanted.len()).is_some_and(|found| found == wanted)
}

/// Names of layers that this layer may not use.
fn foreign_names(layer: &str, depth: usize, tokens: &[String]) -> Vec<String> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("{layer} is no layer: see LAYERS in tests/layers.rs")];
    };
    let names = (0..tokens.len()).flat_map(|at| names_at_root(tokens, at, depth));
    let foreign = names.filter(|name| name != layer && !allowed.contains(&name.as_str()));
    foreign.map(|name| format!("{layer} may not use crate::{name}")).collect()
}

/// The names in the root of the crate that a path beginning here refers to: by `crate::`, or by enough `super::`.
fn names_at_root(tokens: &[String], at: usize, depth: usize) -> Vec<String> {
    let mut after = at;
    if is_at(tokens, at, &["crate", ":", ":"]) {
        after += 3;
    } else if at < 3 || !is_at(tokens, at - 3, &["super", ":", ":"]) {
        let mut supers = 0;
        while is_at(tokens, after, &["super", ":", ":"]) {
            (supers, after) = (supers + 1, after + 3);
        }
        if supers < depth {
            return Vec::new();
        }
    } else {
        return Vec::new();
    }
    let is_first = |place: &usize| *place == after || ["{", ","].contains(&tokens[place - 1].as_str());
    let end = if is_at(tokens, after, &["{"]) {
        end_of_group(tokens, after)
    } else {
        after + 1
    };
    let start = if is_at(tokens, after, &["{"]) { after + 1 } else { after };
    (start..end)
        .filter(is_first)
        .filter(|place| nesting(&tokens[start..*place]) == 0)
        .map(|place| tokens[place].clone())
        .collect()
}

fn nesting(tokens: &[String]) -> usize {
    let count = |bracket: &str| tokens.iter().filter(|token| *token == bracket).count();
    count("{") - count("}")
}

/// The index of the bracket that closes the one at `open`.
fn end_of_group(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

fn named(tokens: &[String], words: &[&str], why: &str) -> Vec<String> {
    tokens
        .iter()
        .filter(|token| words.contains(&token.as_str()))
        .map(|token| format!("{token} {why}"))
        .collect()
}

/// Calls that can panic. After a panic, the WASM instance must not be used any more.
fn panics(tokens: &[String]) -> Vec<String> {
    let calls = tokens
        .windows(3)
        .filter(|call| [".", ":"].contains(&call[0].as_str()) && PANICS.contains(&call[1].as_str()) && call[2] == "(");
    calls.map(|call| format!("{}() can panic: give an Error", call[1])).collect()
}

/// Exported methods that fail if JavaScript calls them, or frees their object, while they are still running.
fn unsafe_exports(tokens: &[String]) -> Vec<String> {
    let exports = (0..tokens.len()).filter(|at| is_at(tokens, *at, &["#", "[", "wasm_bindgen"])).filter_map(|at| {
        let item = end_of_group(tokens, at + 1) + 1;
        let open = item + tokens.get(item..)?.iter().position(|token| token == "{")?;
        is_at(tokens, item, &["impl"]).then(|| &tokens[open..end_of_group(tokens, open)])
    });
    let mut found = Vec::new();
    for export in exports {
        let has = |wanted: &[&str]| (0..export.len()).any(|at| is_at(export, at, wanted));
        if has(&["&", "mut", "self"]) {
            found.push("an export takes &mut self: overlapping calls throw".to_owned());
        }
        if has(&["async", "fn"]) {
            found.push("an export is an async fn: it throws once JavaScript frees the object; return a promise".to_owned());
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_file_keeps_to_its_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut layers = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for file in sources(&src) {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        layers.insert(module_path(&path).first().copied().unwrap_or("lib").to_owned());
        found.extend(faults(&path, &std::fs::read_to_string(&file).unwrap()));
    }
    assert!(LAYERS.iter().all(|(layer, _)| layers.contains(*layer)), "a layer without a file: {layers:?}");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn planted_faults_are_found() {
    for (path, source, fault) in [
        ("pure/merge.rs", "use crate::engine::sync::Options;", "pure may not use crate::engine"),
        (
            "pure/merge.rs",
            "use crate::{error::{Error, Result}, ports::Clock};",
            "pure may not use crate::ports",
        ),
        ("pure/merge.rs", "use super::super::memory::MemoryStorage;", "pure may not use crate::memory"),
        ("pure/mod.rs", "use super::{ports};", "pure may not use crate::ports"),
        (
            "error.rs",
            "fn f() -> crate::pure::record::RecordId { todo!() }",
            "error may not use crate::pure",
        ),
        ("ports.rs", "use crate::engine::client::Client;", "ports may not use crate::engine"),
        ("memory.rs", "use super::engine;", "memory may not use crate::engine"),
        ("engine/sync.rs", "use crate::memory::MemoryStorage;", "engine may not use crate::memory"),
        (
            "engine/sync.rs",
            "fn f() { let x = crate::browser::clock::now(); }",
            "engine may not use crate::browser",
        ),
        ("engine/sync.rs", "use crate::*;", "engine may not use crate::*"),
        (
            "browser/indexed_db/read.rs",
            "use super::super::super::engine::client;",
            "browser may not use crate::engine",
        ),
        ("browser/fetch.rs", "use crate::bindings::RawClient;", "browser may not use crate::bindings"),
        ("utils.rs", "fn f() {}", "utils is no layer"),
        ("pure/record.rs", "async fn f() {}", "async waits"),
        ("pure/record.rs", "fn f() -> impl Future { async { 1 } }", "async waits"),
        ("engine/sync.rs", "#[cfg(target_arch = \"wasm32\")] fn f() {}", "target_arch makes"),
        ("pure/record.rs", "fn f() { if cfg!(target_arch = \"wasm32\") {} }", "target_arch makes"),
        ("engine/sync.rs", "use js_sys::Date;", "js_sys belongs to a browser"),
        ("ports.rs", "fn f(value: wasm_bindgen::JsValue) {}", "wasm_bindgen belongs to a browser"),
        ("memory.rs", "use rexie::Rexie;", "rexie belongs to a browser"),
        ("engine/sync.rs", "fn f() { g().unwrap(); }", "unwrap() can panic"),
        ("browser/random.rs", "fn f() { g().expect(\"text\"); }", "expect() can panic"),
        ("lib.rs", "fn f() { g().map(Option::unwrap(x)); }", "unwrap() can panic"),
        (
            "engine/sync.rs",
            "#[cfg(test)] mod tests { fn f() { g().unwrap(); } } fn h() { g().unwrap(); }",
            "unwrap() can panic",
        ),
        (
            "bindings/client.rs",
            "#[wasm_bindgen] impl RawClient { pub fn close(&mut self) {} }",
            "takes &mut self",
        ),
        (
            "bindings/client.rs",
            "#[wasm_bindgen(js_class = X)] impl RawClient { pub async fn open(&self) {} }",
            "is an async fn",
        ),
        ("pure/record.rs", "fn f( {", "is not Rust"),
    ] {
        let found = faults(path, source);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("src/{path}")) && found[0].contains(fault),
            "{path}: {source}\nwanted: {fault}\nfound: {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_is_not_reported() {
    for (path, source) in [
        (
            "pure/merge.rs",
            "//! See crate::engine and .unwrap(), async too.\nuse super::record::Row; use crate::error::Result; pub(crate) fn f() {}",
        ),
        ("pure/merge.rs", "const TEXT: &str = \"use crate::engine; js_sys .unwrap() async\";"),
        (
            "pure/merge.rs",
            "fn f() { g().unwrap_or_default(); } #[cfg(test)] mod tests { use super::super::state::State; fn f() { g().unwrap(); } }",
        ),
        (
            "engine/sync.rs",
            "use super::{client, server::Servers}; use crate::{error::{Error, Result}, ports, pure::merge}; async fn f(&mut self) {}",
        ),
        (
            "browser/indexed_db/read.rs",
            "use super::super::event::first_of; use crate::browser::clock; #[cfg(target_arch = \"wasm32\")] use js_sys::Date;",
        ),
        (
            "bindings/client.rs",
            "impl Drop for X { fn drop(&mut self) {} } impl Storage for X { async fn open(&self) {} } #[wasm_bindgen] impl X { pub fn f(&self) {} }",
        ),
        ("lib.rs", "#[cfg(target_arch = \"wasm32\")] mod browser;"),
    ] {
        assert_eq!(faults(path, source), Vec::<String>::new(), "{source}");
    }
}
