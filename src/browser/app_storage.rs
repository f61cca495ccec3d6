//! Custom storage: adapts a storage that the app wrote to the engine's `Storage`.

use super::thrown::message_of;
use crate::error::{Error, Result};
use crate::ports::{Appended, CollectionId, Fold, Storage};
use crate::pure::journal::{Entry, Head, Position, Rows, Stored, Tail, is_anchored};
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, JsError};
use wasm_bindgen_futures::JsFuture;
use web_sys::DomException;

#[wasm_bindgen(typescript_custom_section)]
const IMPORT: &str = r#"
import type { StorageAdapter } from "../storage/custom.js";
"#;

type Thrown<T> = std::result::Result<T, JsValue>;
/// A function that the app's storage calls within a transaction of its own.
type Callback<'a> = ScopedClosure<'a, dyn FnMut(JsValue) -> Thrown<JsValue>>;

#[wasm_bindgen]
extern "C" {
    /// A storage that the app wrote: `StorageAdapter` of the package.
    #[wasm_bindgen(typescript_type = "StorageAdapter")]
    #[derive(Clone, Debug)]
    pub type AppStorage;

    #[wasm_bindgen(method, getter, js_name = persistent)]
    fn get_persistent(this: &AppStorage) -> JsValue;
    #[wasm_bindgen(method, catch, js_name = open)]
    fn call_open(this: &AppStorage, name: &str) -> Thrown<JsValue>;
    #[wasm_bindgen(method, catch, js_name = append)]
    fn call_append(this: &AppStorage, name: &str, entry: Uint8Array) -> Thrown<JsValue>;
    #[wasm_bindgen(method, catch, js_name = decide)]
    fn call_decide(this: &AppStorage, name: &str, from: Option<f64>, decide: &Callback<'_>) -> Thrown<JsValue>;
    #[wasm_bindgen(method, catch, js_name = compact)]
    fn call_compact(this: &AppStorage, name: &str, fold: &Callback<'_>) -> Thrown<JsValue>;
    #[wasm_bindgen(method, catch, js_name = forget)]
    fn call_forget(this: &AppStorage, name: &str) -> Thrown<JsValue>;
}

/// The value that a method of the app's storage resolves to. The method need not return a promise.
async fn settled(called: Thrown<JsValue>) -> Result<JsValue> {
    let failed = |thrown: JsValue| match thrown.dyn_ref::<DomException>() {
        Some(exception) if exception.name() == "QuotaExceededError" => Error::Quota { message: exception.message() },
        _ => Error::storage(format!("the app's storage failed: {}", message_of(&thrown))),
    };
    JsFuture::from(Promise::resolve(&called.map_err(failed)?)).await.map_err(failed)
}

fn wrong(what: &str) -> Error {
    Error::storage(format!("the app's storage gave no {what}; see StorageAdapter for what it must give."))
}

fn bytes(value: &JsValue, what: &str) -> Result<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).ok_or_else(|| wrong(what))
}

fn array(object: &JsValue, name: &str) -> Result<Array> {
    let value = Reflect::get(object, &name.into()).map_err(|_| wrong(name))?;
    value.dyn_into().map_err(|_| wrong(name))
}

fn key(value: &JsValue) -> Result<u64> {
    let key = value.as_f64().filter(|key| *key >= 1.0 && key.fract() == 0.0);
    key.map(|key| key as u64).ok_or_else(|| wrong("key, a whole number from 1"))
}

fn head(value: &JsValue) -> Result<Head> {
    if value.is_null() || value.is_undefined() {
        return Ok(Head::default());
    }
    Head::read(&bytes(value, "head")?)
}

/// Reads `{head, segments, journal: [[key, bytes]]}`.
fn stored(pages: &JsValue) -> Result<Stored> {
    let segments = array(pages, "segments")?;
    Ok(Stored {
        head: head(&Reflect::get(pages, &"head".into()).map_err(|_| wrong("pages"))?)?,
        segments: segments.iter().map(|segment| bytes(&segment, "segment")).collect::<Result<_>>()?,
        journal: rows(pages)?,
    })
}

fn rows(pages: &JsValue) -> Result<Rows> {
    let row = |row: JsValue| {
        let pair: Array = row.dyn_into().map_err(|_| wrong("journal of [key, bytes]"))?;
        Ok((key(&pair.get(0))?, bytes(&pair.get(1), "entry")?))
    };
    array(pages, "journal")?.iter().map(row).collect()
}

/// Passes an error of essaim through the app's storage. The callback has to throw something there, so it throws a JavaScript error; the
/// original error is kept in `failed`.
fn within<R>(failed: &RefCell<Option<Error>>, work: Result<R>) -> Thrown<R> {
    work.map_err(|error| {
        let thrown = JsError::new(&error.to_string()).into();
        failed.replace(Some(error));
        thrown
    })
}

impl AppStorage {
    /// Runs one transaction of the app's storage. `None` if `known` is not stored and `whole` is false: then the caller has to ask for
    /// everything.
    async fn decide_once(
        &self,
        name: &str,
        known: Position,
        whole: bool,
        decide: &mut dyn FnMut(Tail) -> Result<Option<Entry>>,
    ) -> Result<Option<Option<u64>>> {
        let failed = RefCell::new(None);
        let (mut calls, mut is_missing, mut is_entry) = (0, false, false);
        let mut answer = |pages: JsValue| {
            calls += 1;
            within(
                &failed,
                (|| {
                    if calls > 1 {
                        return Err(Error::storage("the app's storage called the function it was given twice"));
                    }
                    let tail = if whole {
                        Tail::Whole(stored(&pages)?)
                    } else {
                        let at_head = head(&Reflect::get(&pages, &"head".into()).map_err(|_| wrong("pages"))?)?.position;
                        let rows = rows(&pages)?;
                        let at_known = rows.iter().find(|(key, _)| *key == known.key).map(|(_, bytes)| bytes.as_slice());
                        if !is_anchored(at_head, at_known, known)? {
                            is_missing = true;
                            return Ok(JsValue::NULL);
                        }
                        Tail::Since(rows.into_iter().filter(|(key, _)| *key > known.key).collect())
                    };
                    let entry = decide(tail)?;
                    is_entry = entry.is_some();
                    Ok(entry.map_or(JsValue::NULL, |entry| Uint8Array::from(entry.to_bytes().as_slice()).into()))
                })(),
            )
        };
        let from = (!whole).then_some(known.key as f64);
        let key_given = {
            let callback = ScopedClosure::borrow_mut(&mut answer);
            let called = self.call_decide(name, from, &callback);
            settled(called).await
        };
        if let Some(error) = failed.take() {
            return Err(error);
        }
        let key_given = key_given?;
        match (is_missing, calls) {
            (true, _) => Ok(None),
            (_, 0) => Err(wrong("call of the function that decides")),
            _ if !is_entry => Ok(Some(None)),
            _ => key(&key_given).map(|key| Some(Some(key))),
        }
    }
}

impl Storage for AppStorage {
    async fn open(&self, collection: &CollectionId) -> Result<Stored> {
        stored(&settled(self.call_open(&collection.database())).await?)
    }

    async fn append(&self, collection: &CollectionId, entry: Entry) -> Result<Appended> {
        let bytes = Uint8Array::from(entry.to_bytes().as_slice());
        let key = key(&settled(self.call_append(&collection.database(), bytes)).await?)?;
        Ok(Appended { key, certain: true })
    }

    /// Asks the app's storage for the segments only if the entries after `known` are not enough.
    async fn decide<R>(&self, collection: &CollectionId, known: Position, decide: impl FnOnce(Tail) -> Result<(Option<Entry>, R)>) -> Result<(Option<u64>, R)> {
        let name = collection.database();
        let (mut decide, mut value) = (Some(decide), None);
        let twice = || Error::bug("a decision was asked for twice");
        let mut decide_once = |tail| {
            let (entry, decided) = decide.take().ok_or_else(twice)?(tail)?;
            value = Some(decided);
            Ok(entry)
        };
        let key = match self.decide_once(&name, known, false, &mut decide_once).await? {
            Some(key) => key,
            None => self.decide_once(&name, known, true, &mut decide_once).await?.unwrap_or_default(),
        };
        Ok((key, value.ok_or_else(twice)?))
    }

    async fn compact(&self, collection: &CollectionId, fold: Fold) -> Result<bool> {
        let failed = RefCell::new(None);
        let mut compacted = false;
        let mut replace = |old: JsValue| {
            within(
                &failed,
                head(&old).and_then(|old| {
                    compacted = old.position == fold.from;
                    if !compacted {
                        return Ok(JsValue::NULL);
                    }
                    let segments: Array = fold
                        .segments
                        .iter()
                        .map(|segment| JsValue::from(Uint8Array::from(segment.as_slice())))
                        .collect();
                    let new = Uint8Array::from(old.after(fold.upto, &fold.folded).to_bytes().as_slice());
                    let parts = [
                        ("head", new.into()),
                        ("segments", segments.into()),
                        ("keepSegments", fold.keep.into()),
                        ("upto", (fold.upto.key as f64).into()),
                    ];
                    let change = Object::new();
                    for (name, value) in parts {
                        Reflect::set(&change, &name.into(), &value).map_err(|_| Error::bug("an object takes no member"))?;
                    }
                    Ok(change.into())
                }),
            )
        };
        let done = {
            let callback = ScopedClosure::borrow_mut(&mut replace);
            let called = self.call_compact(&collection.database(), &callback);
            settled(called).await
        };
        match failed.take() {
            Some(error) => Err(error),
            None => done.map(|_| compacted),
        }
    }

    async fn forget(&self, collection: &CollectionId) -> Result<()> {
        settled(self.call_forget(&collection.database())).await.map(drop)
    }

    fn is_persistent(&self, _: &CollectionId) -> bool {
        self.get_persistent().is_truthy()
    }
}
