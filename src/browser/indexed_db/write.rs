//! Writing to a database: transactions that request a durability, end with `commit()`, and tell why they were aborted.

use super::Durability;
use super::connection::{Connection, JOURNAL, PAGES};
use super::failure::{Failure, Outcome};
use super::read::{HEAD, bytes_of, head_of, key_of, rows_of};
use crate::browser::event::{FirstOf, first_of};
use crate::ports::Fold;
use crate::pure::journal::{Head, Position, Stored, Tail, is_anchored, read_entry};
use futures_util::future::{Either, select};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction};

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase` with the third argument of `transaction`, which web-sys offers only under an unstable cfg.
    #[wasm_bindgen(extends = IdbDatabase, js_name = IDBDatabase)]
    type DurableDatabase;

    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn transaction_with(this: &DurableDatabase, stores: &Array, mode: &str, options: &Object) -> Result<IdbTransaction, JsValue>;
}

/// A readwrite transaction. It is aborted if it is dropped before its commit.
pub struct Write<'a> {
    database: &'a IdbDatabase,
    transaction: IdbTransaction,
    end: FirstOf,
    committed: bool,
}

impl<'a> Write<'a> {
    fn begin(connection: &'a Connection, durability: Durability, stores: &[&str]) -> Outcome<Self> {
        let database: &DurableDatabase = connection.writer.unchecked_ref();
        let stores = stores.iter().map(|name| JsValue::from_str(name)).collect::<Array>();
        let options = Object::new();
        let durability = match durability {
            Durability::Relaxed => "relaxed",
            Durability::Strict => "strict",
        };
        Reflect::set(&options, &"durability".into(), &durability.into())?;
        let transaction = database.transaction_with(&stores, "readwrite", &options)?;
        let end = first_of(&[(&transaction, "complete"), (&transaction, "abort"), (database, "close")]);
        Ok(Write {
            database: &connection.writer,
            transaction,
            end,
            committed: false,
        })
    }

    fn store(&self, name: &str) -> Outcome<IdbObjectStore> {
        Ok(self.transaction.object_store(name)?)
    }

    /// Waits until a request has succeeded, and with it all requests before it. Also ends with the transaction: on a full disk Chromium may
    /// fire no event at the request.
    async fn answer(&self, request: &IdbRequest) -> Outcome<()> {
        match first_of(&[(request, "success"), (request, "error"), (&self.transaction, "abort"), (self.database, "close")]).await {
            "success" => Ok(()),
            _ => Err(self.reason(request)),
        }
    }

    /// Commits, and resolves when the transaction is complete. `last` must be the only request that has no answer yet.
    ///
    /// It must be the only one because Firefox keeps the effects of the others when one of several requests fails after `commit()`: a
    /// compaction on a full disk lost its segments and deleted the journal. Even a single failing request may be followed by `complete`; in
    /// WebKit, on a connection that was closed meanwhile, no event may follow at all.
    async fn commit(mut self, last: &IdbRequest) -> Outcome<()> {
        self.committed = true;
        let failed = first_of(&[(last, "error")]);
        // Throws where the browser does not have it (it then commits by itself), and after an abort (which is noticed below).
        #[allow(deprecated, reason = "it left the second edition of the standard and came back with the third")]
        let _ = self.transaction.commit();
        match select(&mut self.end, failed).await {
            Either::Left(("complete", _)) if matches!(last.error(), Ok(None)) => Ok(()),
            _ => Err(self.reason(last).of_commit()),
        }
    }

    /// The first cause of a failure. `AbortError` is only a consequence: Chromium reports it for the other requests, Firefox for the
    /// transaction itself when `commit()` had been called.
    fn reason(&self, request: &IdbRequest) -> Failure {
        let own = request.error().ok().flatten();
        let cause = own
            .into_iter()
            .chain(self.transaction.error())
            .find(|exception| exception.name() != "AbortError");
        Failure::from_exception(cause)
    }

    /// Adds a row to the journal and commits. Returns its key.
    pub async fn append(self, bytes: &[u8]) -> Outcome<u64> {
        let request = self.store(JOURNAL)?.add(&Uint8Array::from(bytes))?;
        self.commit(&request).await?;
        key_of(&request.result()?)
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        if !self.committed {
            let _ = self.transaction.abort();
        }
    }
}

pub async fn append(connection: &Connection, durability: Durability, bytes: &[u8]) -> Outcome<u64> {
    Write::begin(connection, durability, &[JOURNAL])?.append(bytes).await
}

/// Appends on a connection that was opened again. `None` if its database is another one, created after the first was deleted: nothing that
/// was decided on the first is written to it.
pub async fn append_after(connection: &Connection, durability: Durability, base: Position, bytes: &[u8]) -> Outcome<Option<u64>> {
    match begin_with_tail(connection, durability, base).await? {
        (write, Tail::Since(_)) => write.append(bytes).await.map(Some),
        (_, Tail::Whole(_)) => Ok(None),
    }
}

/// Begins a transaction and reads in it what follows `known`.
pub async fn begin_with_tail(connection: &Connection, durability: Durability, known: Position) -> Outcome<(Write<'_>, Tail)> {
    let write = Write::begin(connection, durability, &[JOURNAL, PAGES])?;
    let head = read_head(&write)?;
    let from_known = IdbKeyRange::lower_bound(&(known.key as f64).into())?;
    let journal = write.store(JOURNAL)?;
    let keys = journal.get_all_keys_with_key(&from_known)?;
    let rows = journal.get_all_with_key(&from_known)?;
    // Requests are answered in order, so after the last answer all of them are answered.
    write.answer(&rows).await?;
    let head = head_of(Some(&head.result()?))?;
    let mut rows = rows_of(&list_of(&keys)?, &list_of(&rows)?)?;
    let at_known = rows.first().filter(|(key, _)| *key == known.key).map(|(_, bytes)| bytes.as_slice());
    if !is_anchored(head.position, at_known, known)? {
        let everything = read_everything(&write, head).await?;
        return Ok((write, Tail::Whole(everything)));
    }
    rows.retain(|(key, _)| *key > known.key);
    Ok((write, Tail::Since(rows)))
}

fn read_head(write: &Write<'_>) -> Outcome<IdbRequest> {
    Ok(write.store(PAGES)?.get(&HEAD.into())?)
}

async fn read_everything(write: &Write<'_>, head: Head) -> Outcome<Stored> {
    let (journal, pages) = (write.store(JOURNAL)?, write.store(PAGES)?);
    let segments = pages.get_all_with_key(&IdbKeyRange::lower_bound_with_open(&HEAD.into(), true)?.into())?;
    let (keys, rows) = (journal.get_all_keys()?, journal.get_all()?);
    write.answer(&rows).await?;
    let segments = list_of(&segments)?.iter().map(bytes_of).collect::<Result<_, _>>()?;
    Ok(Stored {
        head,
        segments,
        journal: rows_of(&list_of(&keys)?, &list_of(&rows)?)?,
    })
}

/// Applies a compaction. Returns `false` if somebody else compacted first, or if the entry `fold.upto` is not stored, which means that this
/// is another database. `perhaps_done`: an earlier try lost its connection and may have done this compaction already.
pub async fn compact(connection: &Connection, durability: Durability, fold: &Fold, perhaps_done: bool) -> Outcome<bool> {
    let write = Write::begin(connection, durability, &[JOURNAL, PAGES])?;
    let pages = write.store(PAGES)?;
    let (head, keys) = (read_head(&write)?, pages.get_all_keys()?);
    let last = write.store(JOURNAL)?.get(&(fold.upto.key as f64).into())?;
    write.answer(&last).await?;
    let head = head_of(Some(&head.result()?))?;
    if head.position != fold.from {
        return Ok(perhaps_done && head.position == fold.upto);
    }
    let last = last.result()?;
    // If only segments are written anew (`upto == from`), there is no entry to check.
    if fold.upto != fold.from && (last.is_undefined() || read_entry(&bytes_of(&last)?)?.id != fold.upto.id) {
        return Ok(false);
    }
    let last = if fold.keep {
        list_of(&keys)?.last().map_or(Ok(0), key_of)?
    } else {
        pages.clear()?;
        0
    };
    for (key, segment) in (last + 1..).zip(&fold.segments) {
        pages.put_with_key(&Uint8Array::from(segment.as_slice()), &(key as f64).into())?;
    }
    let head = head.after(fold.upto, &fold.folded).to_bytes();
    pages.put_with_key(&Uint8Array::from(head.as_slice()), &HEAD.into())?;
    let folded = IdbKeyRange::upper_bound(&(fold.upto.key as f64).into())?;
    let deleted = write.store(JOURNAL)?.delete(&folded.into())?;
    write.answer(&deleted).await?;
    write.commit(&deleted).await?;
    Ok(true)
}

fn list_of(request: &IdbRequest) -> Outcome<Vec<JsValue>> {
    Ok(request.result()?.unchecked_into::<Array>().to_vec())
}
