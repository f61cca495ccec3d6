//! Reading a database, by rexie.

use super::connection::{Connection, JOURNAL, PAGES};
use super::failure::{Failure, Outcome};
use crate::error::Error;
use crate::pure::journal::{Head, Rows, Stored, read_entry};
use futures_util::future::{join, join4};
use js_sys::Uint8Array;
use rexie::{KeyRange, TransactionResult};
use wasm_bindgen::{JsCast, JsValue};

/// Key of the head in the store `pages`, before the keys of the segments.
pub const HEAD: f64 = 0.0;

pub async fn stored(connection: &Connection) -> Outcome<Stored> {
    let transaction = connection.reading()?;
    let (journal, pages) = (transaction.store(JOURNAL)?, transaction.store(PAGES)?);
    let segments = KeyRange::lower_bound(&HEAD.into(), Some(true)).map_err(Failure::from)?;
    // All four requests are made at once, in the first poll. The transaction ends after the last of them.
    let requests = async {
        let (head, segments, keys, rows) = join4(
            pages.get(HEAD.into()),
            pages.get_all(Some(segments), None),
            journal.get_all_keys(None, None),
            journal.get_all(None, None),
        )
        .await;
        Ok::<_, Failure>((head?, segments?, keys?, rows?))
    };
    let end = async {
        match transaction.done().await? {
            TransactionResult::Committed => Ok(()),
            TransactionResult::Aborted => Err(Failure::from_exception(None)),
        }
    };
    // Both futures run to their end, because idb leaves its event handlers set when a future is dropped. A request's own error takes
    // precedence.
    let (answers, end) = join(requests, end).await;
    let (head, segments, keys, rows) = answers?;
    end?;
    Ok(Stored {
        head: head_of(head.as_ref())?,
        segments: segments.iter().map(bytes_of).collect::<Result<_, _>>()?,
        journal: rows_of(&keys, &rows)?,
    })
}

/// The key of the entry with this id; 0 if the entry has been compacted, `None` if it is not stored.
pub async fn find(connection: &Connection, id: u128) -> Outcome<Option<u64>> {
    let stored = stored(connection).await?;
    for (key, bytes) in &stored.journal {
        if read_entry(bytes)?.id == id {
            return Ok(Some(*key));
        }
    }
    Ok(stored.head.folded.contains(&id).then_some(0))
}

pub fn head_of(value: Option<&JsValue>) -> Outcome<Head> {
    match value {
        Some(value) if !value.is_undefined() => Ok(Head::read(&bytes_of(value)?)?),
        _ => Ok(Head::default()),
    }
}

pub fn rows_of(keys: &[JsValue], rows: &[JsValue]) -> Outcome<Rows> {
    keys.iter().zip(rows).map(|(key, row)| Ok((key_of(key)?, bytes_of(row)?))).collect()
}

pub fn key_of(value: &JsValue) -> Outcome<u64> {
    value.as_f64().map(|key| key as u64).ok_or_else(foreign)
}

pub fn bytes_of(value: &JsValue) -> Outcome<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).ok_or_else(foreign)
}

fn foreign() -> Failure {
    Failure::Final(Error::storage("it holds something that essaim did not write."))
}
