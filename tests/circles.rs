#![cfg(not(target_arch = "wasm32"))]
//! Finds modules of the TypeScript in `pkg-template/src` that import one another in a circle, types included. TypeScript and bundlers allow
//! circles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// For each module, by its path from the root, the modules that it imports.
type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

fn imports_of(source: &str) -> impl Iterator<Item = &str> {
    let specifiers = ["from \"", "import(\"", "import \""]
        .into_iter()
        .flat_map(|before| source.split(before).skip(1));
    specifiers
        .filter_map(|rest| rest.split('"').next())
        .filter(|specifier| specifier.starts_with('.'))
}

/// `collection/steps` and `../result.js` → `collection/result.ts`.
fn resolve(folder: &Path, specifier: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(specifier).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path.with_extension("ts")
}

fn imports(root: &Path) -> Imports {
    let files = sources(root);
    let read = |file: &PathBuf| {
        let module = file.strip_prefix(root).unwrap().to_owned();
        let source = std::fs::read_to_string(file).unwrap();
        let folder = module.parent().unwrap().to_owned();
        (module, imports_of(&source).map(|specifier| resolve(&folder, specifier)).collect())
    };
    files.iter().map(read).collect()
}

/// Repeatedly removes the modules that import no remaining module. The remaining ones are in a circle, or lead into one.
fn circles(mut imports: Imports) -> Imports {
    loop {
        let left: BTreeSet<PathBuf> = imports.keys().cloned().collect();
        imports.values_mut().for_each(|imported| imported.retain(|module| left.contains(module)));
        imports.retain(|_, imported| !imported.is_empty());
        if imports.len() == left.len() {
            return imports;
        }
    }
}

#[test]
fn no_typescript_module_imports_itself_through_others() {
    let all = imports(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pkg-template/src"));
    assert!(
        all.len() > 40 && all.values().map(BTreeSet::len).sum::<usize>() > 150,
        "the imports were not found: {all:?}"
    );
    let found = circles(all);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_planted_circle_is_found() {
    let source = |imported: &str| imports_of(imported).map(|specifier| resolve(Path::new("a"), specifier)).collect();
    let planted = |last: &str| {
        let modules = [
            ("a/one.ts", "import type { X } from \"./two.js\";"),
            ("a/two.ts", "export * from \"../b/three.js\";\nimport { Y } from \"essaim\";"),
            ("b/three.ts", last),
        ];
        modules.into_iter().map(|(module, text)| (PathBuf::from(module), source(text))).collect()
    };
    assert_eq!(circles(planted("const { Z } = await import(\"../a/one.js\");")).len(), 3);
    assert_eq!(circles(planted("")).len(), 0);
}
