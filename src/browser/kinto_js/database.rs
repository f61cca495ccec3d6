//! One database of Kinto.js, in either of its two forms.

use super::rows::{Contents, stringify};
use crate::browser::clock::BrowserClock;
use crate::browser::indexed_db::{BLOCKED_MS, Failure, Outcome};
use crate::error::Error;
use crate::ports::Clock;
use crate::pure::adoption::Earlier;
use futures_util::future::{Either, select};
use idb::request::futures::{GetAllStoreRequestFuture, GetStoreRequestFuture};
use idb::{Factory, KeyPath, KeyRange, ObjectStore, Query, Request, Transaction, TransactionMode};
use js_sys::{Array, Reflect};
use std::cell::Cell;
use std::future::IntoFuture;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

const RECORDS: &str = "records";
const TIMESTAMPS: &str = "timestamps";
const COLLECTIONS: &str = "collections";
const META: &str = "__meta__";
const STATUS_INDEX: &str = "_status";
const UNSYNCED: [&str; 3] = ["created", "updated", "deleted"];

/// Which records of a collection to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Everything,
    Unsynced,
}

/// The two forms of a Kinto.js database.
enum Form {
    /// All collections in one database (since Kinto.js 12).
    Shared,
    /// One collection, whose name is the name of the database (up to Kinto.js 11).
    Own,
}

pub struct Database {
    inner: idb::Database,
    form: Form,
}

impl Database {
    /// `None` if there is no database of this name, or if Kinto.js did not write it.
    pub async fn open(name: &str) -> Outcome<Option<Self>> {
        let Some(inner) = open_existing(name).await? else { return Ok(None) };
        match form(&inner, name) {
            Ok(Some(form)) => Ok(Some(Database { inner, form })),
            other => {
                inner.close();
                other.map(|_| None)
            }
        }
    }

    pub fn close(&self) {
        self.inner.close();
    }

    /// Reads a collection, in one transaction; `None` if there is nothing of it. Every request is made before the first answer is awaited,
    /// because a transaction ends when it has no request left.
    pub async fn read(&self, cid: &str, wanted: Wanted) -> Outcome<Option<Earlier>> {
        let stores = self.inner.store_names();
        let transaction = self.inner.transaction(&stores, TransactionMode::ReadOnly)?;
        let (records, own_key) = match self.form {
            Form::Shared => (transaction.object_store(RECORDS)?, String::new()),
            Form::Own => (transaction.object_store(cid)?, format!("{cid}-lastModified")),
        };
        let rows = ask_rows(&records, self.ranges(cid, wanted)?, wanted)?;
        let [first, second] = match self.form {
            Form::Shared => [(TIMESTAMPS, cid, "value"), (COLLECTIONS, cid, "metadata")],
            Form::Own => [(META, own_key.as_str(), "value"), (META, "lastModified", "value")],
        }
        .map(|(store, key, name)| (ask_value(&transaction, &stores, store, key), name));
        let rows = all(rows).await?;
        let (first, second) = (member(first).await?, member(second).await?);
        let (timestamp, metadata) = match self.form {
            Form::Shared => (first, stringify(&second).ok().filter(|text| text.starts_with('{'))),
            Form::Own if first.is_falsy() => (second, None),
            Form::Own => (first, None),
        };
        let contents = Contents { rows, timestamp, metadata };
        Ok(Some(contents.into_earlier()).filter(|earlier| !earlier.is_empty()))
    }

    /// The key ranges to read: keys of the store, or of its index of statuses.
    fn ranges(&self, cid: &str, wanted: Wanted) -> Outcome<Vec<Option<Query>>> {
        let first = Array::of1(&cid.into());
        Ok(match (&self.form, wanted) {
            // All keys that begin with this collection's name. Reading by the index of collection names would have to look up each row.
            (Form::Shared, Wanted::Everything) => {
                let after = Array::of1(&format!("{cid}\0").into());
                vec![Some(KeyRange::bound(&first, &after, None, Some(true))?.into())]
            }
            (Form::Own, Wanted::Everything) => vec![None],
            (Form::Shared, Wanted::Unsynced) => UNSYNCED
                .iter()
                .map(|status| Some(Query::Key(Array::of2(&cid.into(), &(*status).into()).into())))
                .collect(),
            (Form::Own, Wanted::Unsynced) => UNSYNCED.iter().map(|status| Some(Query::Key((*status).into()))).collect(),
        })
    }
}

/// The rows of these ranges, from the store; or from its index of statuses, if only unsynced rows are wanted.
fn ask_rows(records: &ObjectStore, ranges: Vec<Option<Query>>, wanted: Wanted) -> Outcome<Vec<GetAllStoreRequestFuture>> {
    let is_indexed = records.index_names().iter().any(|name| name == STATUS_INDEX);
    let index = if wanted == Wanted::Unsynced && is_indexed {
        Some(records.index(STATUS_INDEX)?)
    } else {
        None
    };
    let mut asked = Vec::new();
    for range in ranges {
        let request = match (&index, wanted) {
            (Some(index), _) => index.get_all(range, None)?,
            (None, Wanted::Everything) => records.get_all(range, None)?,
            // Without the index, all rows are read once; synced ones are left out later.
            (None, Wanted::Unsynced) if asked.is_empty() => records.get_all(None, None)?,
            (None, Wanted::Unsynced) => continue,
        };
        asked.push(request.into_future());
    }
    Ok(asked)
}

async fn all(asked: Vec<GetAllStoreRequestFuture>) -> Outcome<Vec<JsValue>> {
    let mut rows = Vec::new();
    for answer in asked {
        rows.append(&mut answer.await?);
    }
    Ok(rows)
}

/// Requests the value at this key, if the store exists.
fn ask_value(transaction: &Transaction, stores: &[String], store: &str, key: &str) -> Outcome<Option<GetStoreRequestFuture>> {
    if !stores.iter().any(|known| known == store) {
        return Ok(None);
    }
    let request = transaction.object_store(store)?.get(JsValue::from(key))?;
    Ok(Some(request.into_future()))
}

/// A member of the requested value; undefined if there is no such store, value or member.
async fn member((asked, name): (Outcome<Option<GetStoreRequestFuture>>, &str)) -> Outcome<JsValue> {
    let value = match asked? {
        Some(asked) => asked.await?,
        None => None,
    };
    Ok(value.and_then(|value| Reflect::get(&value, &name.into()).ok()).unwrap_or_default())
}

/// Which form of Kinto.js database this is; `None` if it is not one.
fn form(database: &idb::Database, name: &str) -> Outcome<Option<Form>> {
    let stores = database.store_names();
    let has = |store: &str| stores.iter().any(|known| known == store);
    let key_path = |store: &str| -> Outcome<Option<KeyPath>> {
        let transaction = database.transaction(&[store], TransactionMode::ReadOnly)?;
        Ok(transaction.object_store(store)?.key_path()?)
    };
    if has(RECORDS) && has(TIMESTAMPS) && key_path(RECORDS)? == Some(KeyPath::new_array(["_cid", "id"])) {
        return Ok(Some(Form::Shared));
    }
    if has(name) && has(META) && key_path(name)? == Some(KeyPath::new_single("id")) {
        return Ok(Some(Form::Own));
    }
    Ok(None)
}

/// Opens a database in the version that it has. Opening a missing database without a version would create it; the upgrade is aborted then,
/// which leaves nothing behind. `indexedDB.databases()` would tell without opening, but not in every browser, and its answer may be out of
/// date a moment later.
async fn open_existing(name: &str) -> Outcome<Option<idb::Database>> {
    let mut request = Factory::new()?.open(name, None)?;
    let is_missing = Rc::new(Cell::new(false));
    let missing = is_missing.clone();
    request.on_upgrade_needed(move |event| {
        missing.set(true);
        if let Some(upgrade) = idb::Event::target(&event).ok().and_then(|request| request.transaction()) {
            let _ = upgrade.abort();
        }
    });
    // Opening may have to wait for a deletion or an upgrade, which in turn waits for another tab.
    match select(request.into_future(), Box::pin(BrowserClock.sleep_ms(BLOCKED_MS))).await {
        Either::Left((Ok(database), _)) => Ok(Some(database)),
        Either::Left((Err(_), _)) if is_missing.get() => Ok(None),
        Either::Left((Err(error), _)) => Err(error.into()),
        Either::Right((_, opening)) => {
            // A connection that opens late is closed, so that it does not block others.
            spawn_local(async move {
                if let Ok(late) = opening.await {
                    late.close();
                }
            });
            Err(Failure::Final(Error::StorageBlocked { name: name.to_owned() }))
        }
    }
}
