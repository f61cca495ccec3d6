//! A collection as an app uses it. Records, ids and queries come and go as JSON text.

use super::resident::Resident;
use super::sealed::Secrets;
use super::server::Servers;
use super::sync::Running;
use crate::error::{Error, Result};
use crate::ports::{App, Platform, Storage};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::operations::{self, LAST_MODIFIED, METADATA, UpdateOptions};
use crate::pure::query::Query;
use crate::pure::record::{Parsed, RecordId, Row, invalid, read_record, split_local};
use crate::pure::resolve::resolve;
use crate::pure::sealed::home::PageNote;
use crate::pure::sealed::known;
use std::cell::RefCell;
use std::rc::Rc;

pub struct Collection<P: Platform> {
    pub(super) resident: Rc<Resident<P>>,
    pub(super) servers: Rc<Servers>,
    /// For an encrypted collection.
    pub(super) secrets: Option<Rc<Secrets>>,
    pub(super) app: P::App,
    pub(super) local_fields: Rc<Vec<String>>,
    pub(super) running: RefCell<Option<Running>>,
}

/// Decides on an answer as JSON, or on `""`.
pub(super) type Operation = dyn FnMut(&mut Draft) -> Result<String>;

/// What `open` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub persistent: bool,
    /// How many unsynced changes were lost because the browser evicted the database.
    pub evicted: Option<usize>,
}

impl<P: Platform> Collection<P> {
    pub(super) fn new(resident: Rc<Resident<P>>, servers: Rc<Servers>, secrets: Option<Rc<Secrets>>, app: P::App, local_fields: Vec<String>) -> Self {
        Collection {
            resident,
            servers,
            secrets,
            app,
            local_fields: Rc::new(local_fields),
            running: RefCell::new(None),
        }
    }

    pub async fn open(&self) -> Result<Opened> {
        let evicted = self.resident.open().await?;
        Ok(Opened {
            persistent: self.is_persistent(),
            evicted,
        })
    }

    /// How many unsynced changes were lost since the last look, because the database was deleted under the page. Told once.
    pub fn take_evicted(&self) -> Option<usize> {
        self.resident.take_evicted()
    }

    pub fn is_persistent(&self) -> bool {
        self.resident.platform.storage().is_persistent(&self.resident.collection)
    }

    /// When the collection was last in step with its server (ms), as far as this tab has read.
    pub fn last_modified(&self) -> Option<u64> {
        self.resident.state.borrow().notes.get(LAST_MODIFIED).and_then(|ms| ms.parse().ok())
    }

    /// Operations are boxed here and answer with one type, so that the engine is not compiled for each of them.
    pub(super) async fn commit(&self, operation: Box<Operation>) -> Result<String> {
        self.resident.commit(operation).await
    }

    /// Stores a record that has its id.
    pub async fn create(&self, record: &str, synced: bool) -> Result<String> {
        let record = read_record(record)?;
        record.id()?;
        let create = move |draft: &mut Draft| Ok(operations::create(draft, &record, synced)?.to_json(record.id()?));
        self.commit(Box::new(create)).await
    }

    /// `{"data", "oldRecord"}`
    pub async fn update(&self, record: &str, options: UpdateOptions) -> Result<String> {
        let record = read_record(record)?;
        record.id()?;
        let local_fields = self.local_fields.clone();
        let update = move |draft: &mut Draft| {
            let (new, old) = operations::update(draft, &record, options, &local_fields)?;
            Ok(data_and_old(record.id()?, &new, Some(&old)))
        };
        self.commit(Box::new(update)).await
    }

    /// `{"data", "oldRecord"?}`
    pub async fn upsert(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        record.id()?;
        let local_fields = self.local_fields.clone();
        let upsert = move |draft: &mut Draft| {
            let (new, old) = operations::upsert(draft, &record, &local_fields)?;
            Ok(data_and_old(record.id()?, &new, old.as_ref()))
        };
        self.commit(Box::new(upsert)).await
    }

    pub async fn get(&self, id: &str, include_deleted: bool) -> Result<String> {
        let id = RecordId::read(id)?;
        let row = self
            .resident
            .read(|state| state.rows.get(&id).filter(|row| include_deleted || row.is_live()).cloned())
            .await?;
        row.map(|row| row.to_json(&id)).ok_or_else(|| Error::NotFound { id: id.display() })
    }

    /// The record, a tombstone, or `null`.
    pub async fn get_any(&self, id: &str) -> Result<String> {
        let id = RecordId::read(id)?;
        self.resident
            .read(|state| state.rows.get(&id).map_or_else(|| "null".to_owned(), |row| row.to_json(&id)))
            .await
    }

    /// The record as it was.
    pub async fn delete(&self, id: &str, is_virtual: bool) -> Result<String> {
        let id = RecordId::read(id)?;
        let delete = move |draft: &mut Draft| Ok(operations::delete(draft, &id, is_virtual)?.to_json(&id));
        self.commit(Box::new(delete)).await
    }

    /// `{"data", "deleted"}`
    pub async fn delete_any(&self, id: &str) -> Result<String> {
        let id = RecordId::read(id)?;
        let delete = move |draft: &mut Draft| Ok(data_and_deleted(&id, operations::delete_any(draft, &id).as_ref()));
        self.commit(Box::new(delete)).await
    }

    /// The records as they were.
    pub async fn delete_all(&self) -> Result<String> {
        let delete_all = |draft: &mut Draft| {
            let ids: Vec<RecordId> = draft.rows().into_iter().filter(|(_, row)| row.is_live()).map(|(id, _)| id).collect();
            Ok(array(&operations::delete_all(draft, &ids)?))
        };
        self.commit(Box::new(delete_all)).await
    }

    pub async fn list(&self, query: &str) -> Result<String> {
        let query = Query::read(query)?;
        self.resident.read(|state| query.run(state)).await
    }

    pub async fn clear(&self) -> Result<()> {
        let clear = |draft: &mut Draft| {
            operations::clear(draft);
            Ok(String::new())
        };
        self.commit(Box::new(clear)).await.map(drop)
    }

    /// The records that were written.
    pub async fn import_bulk(&self, records: &str) -> Result<String> {
        let records = json::elements(records).ok_or_else(|| invalid("Records is not an array.", ""))?;
        let records = records.map(read_record).collect::<Result<Vec<Parsed>>>()?;
        if records.is_empty() {
            return Ok("[]".to_owned());
        }
        let import = move |draft: &mut Draft| Ok(array(&operations::import_bulk(draft, &records)?));
        self.commit(Box::new(import)).await
    }

    /// Runs `work` exactly once in one transaction; its reads see its writes; an error from it undoes everything.
    pub async fn execute<R>(&self, work: impl FnOnce(Transaction) -> Result<R>) -> Result<R> {
        let local_fields = self.local_fields.clone();
        self.resident
            .execute(|draft| {
                work(Transaction {
                    draft: draft.clone(),
                    local_fields,
                })
            })
            .await
    }

    /// The server's metadata of the collection as last pulled, or `null`.
    pub async fn metadata(&self) -> Result<String> {
        self.resident
            .read(|state| state.notes.get(METADATA).cloned().unwrap_or_else(|| "null".to_owned()))
            .await
    }

    pub async fn save_metadata(&self, metadata: &str) -> Result<()> {
        let metadata = Some(metadata.to_owned()).filter(|text| text != "null");
        let save = move |draft: &mut Draft| {
            draft.set_note(METADATA, metadata.clone());
            Ok(String::new())
        };
        self.commit(Box::new(save)).await.map(drop)
    }

    /// What a push would send: changed records, then tombstones, encoded.
    pub async fn gather_local_changes(&self) -> Result<String> {
        let dirty = self
            .resident
            .read(|state| {
                state
                    .rows
                    .iter()
                    .filter(|(_, row)| row.is_dirty())
                    .map(|(id, row)| (id.clone(), row.clone()))
                    .collect()
            })
            .await?;
        let (live, deleted): (Vec<_>, Vec<(RecordId, Row)>) = Vec::into_iter(dirty).partition(|(_, row)| row.is_live());
        let ordered: Vec<_> = live.into_iter().chain(deleted).collect();
        let encoded = self.encode(&ordered).await?;
        Ok(format!("[{}]", encoded.into_iter().collect::<Result<Vec<_>>>()?.join(",")))
    }

    /// Records as the app's transformers want them on the server; a record they fail on is an error of its own.
    pub(super) async fn encode(&self, rows: &[(RecordId, Row)]) -> Result<Vec<Result<String>>> {
        let shared = |(id, row): &(RecordId, Row)| {
            Row {
                body: split_local(&row.body, &self.local_fields).0.into(),
                ..row.clone()
            }
            .to_json(id)
        };
        let records: Vec<String> = rows.iter().map(shared).collect();
        self.transformed(records, true).await
    }

    /// Through the app's transformers; unchanged where it has none.
    pub(super) async fn transformed(&self, records: Vec<String>, encode: bool) -> Result<Vec<Result<String>>> {
        if !self.app.has_transformers() || records.is_empty() {
            return Ok(records.into_iter().map(Ok).collect());
        }
        let count = records.len();
        let text = format!("[{}]", records.join(","));
        let answer = if encode { self.app.encode(text).await? } else { self.app.decode(text).await? };
        let results: Vec<Result<String>> = json::elements(&answer).into_iter().flatten().map(transformed_one).collect();
        if results.len() != count {
            return Err(Error::bug("the transformers gave another number of records than they got"));
        }
        Ok(results)
    }

    pub async fn resolve(&self, conflict: &str, resolution: &str) -> Result<String> {
        let (conflict, resolution) = (conflict.to_owned(), resolution.to_owned());
        let local_fields = self.local_fields.clone();
        let resolve = move |draft: &mut Draft| {
            let (id, row) = resolve(draft, &conflict, &resolution, &local_fields)?;
            Ok(row.to_json(&id))
        };
        self.commit(Box::new(resolve)).await
    }

    pub async fn reset_sync_status(&self) -> Result<usize> {
        self.resident.commit(|draft| Ok(operations::reset_sync_status(draft))).await
    }

    /// The head of an encrypted collection's journal: `{"position", "hash"}`, or `null` before the first sync.
    pub async fn head(&self) -> Result<String> {
        self.sealed("head")?;
        self.resident
            .read(|state| match known::home(state).head {
                head if head.position == 0 => "null".to_owned(),
                head => format!("{{\"position\":{},\"hash\":\"{}\"}}", head.position, head.hash.to_text()),
            })
            .await
    }

    /// The newest pages since the latest snapshot: `[{"position", "time", "device", "bytes", "kind"}]`.
    pub async fn pages(&self, limit: usize) -> Result<String> {
        self.sealed("pages")?;
        let write = |(position, page): (u64, PageNote)| {
            let PageNote { t, device, bytes, kind, .. } = page;
            let device = json::quote(&device);
            format!("{{\"position\":{position},\"time\":{t},\"device\":{device},\"bytes\":{bytes},\"kind\":\"{kind}\"}}")
        };
        let pages = self
            .resident
            .read(|state| known::pages(state).into_iter().take(limit).map(write).collect::<Vec<_>>());
        Ok(format!("[{}]", pages.await?.join(",")))
    }

    /// Errors: `invalid_option` for a collection that is not encrypted.
    pub(super) fn sealed(&self, method: &str) -> Result<&Rc<Secrets>> {
        let message = || format!("{method}() is for encrypted collections.");
        self.secrets.as_ref().ok_or_else(|| Error::InvalidOption { message: message() })
    }

    /// Reads what other tabs wrote.
    pub async fn refresh(&self) -> Result<()> {
        self.resident.refresh().await
    }
}

fn transformed_one(result: &str) -> Result<String> {
    match json::member(result, "ok") {
        Some(record) => Ok(record.to_owned()),
        None => Err(Error::Callback {
            message: json::member(result, "error")
                .and_then(json::string)
                .map_or_else(|| "a transformer failed".to_owned(), |text| text.into_owned()),
        }),
    }
}

pub(super) fn array(rows: &[(RecordId, Row)]) -> String {
    let mut out = String::from("[");
    for (index, (id, row)) in rows.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        row.write(id, &mut out);
    }
    out.push(']');
    out
}

fn data_and_old(id: &RecordId, new: &Row, old: Option<&Row>) -> String {
    let old = old.map_or_else(String::new, |old| format!(",\"oldRecord\":{}", old.to_json(id)));
    format!("{{\"data\":{}{old}}}", new.to_json(id))
}

fn data_and_deleted(id: &RecordId, old: Option<&Row>) -> String {
    let data = old.map_or_else(|| format!("{{\"id\":{}}}", id.as_json()), |old| old.to_json(id));
    format!("{{\"data\":{data},\"deleted\":{}}}", old.is_some())
}

/// What `execute` hands to the user's function: synchronous, and dead when that function has returned.
pub struct Transaction {
    draft: Rc<RefCell<Option<Draft>>>,
    local_fields: Rc<Vec<String>>,
}

impl Transaction {
    fn with<R>(&self, work: impl FnOnce(&mut Draft) -> Result<R>) -> Result<R> {
        let mut draft = self.draft.try_borrow_mut().map_err(|_| Error::bug("a transaction was entered twice"))?;
        work(draft.as_mut().ok_or(Error::Closed)?)
    }

    /// The record or tombstone.
    pub fn get(&self, id: &str) -> Result<Option<String>> {
        let id = RecordId::read(id)?;
        self.with(|draft| Ok(draft.row(&id).map(|row| row.to_json(&id))))
    }

    pub fn create(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        let row = self.with(|draft| operations::create_as_given(draft, &record))?;
        Ok(row.to_json(record.id()?))
    }

    /// Whatever is there.
    pub fn put(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        let row = self.with(|draft| operations::put_as_given(draft, &record))?;
        Ok(row.to_json(record.id()?))
    }

    /// `{"data", "oldRecord"}`
    pub fn update(&self, record: &str, options: UpdateOptions) -> Result<String> {
        let record = read_record(record)?;
        let (new, old) = self.with(|draft| operations::update(draft, &record, options, &self.local_fields))?;
        Ok(data_and_old(record.id()?, &new, Some(&old)))
    }

    /// `{"data", "oldRecord"?}`
    pub fn upsert(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        let (new, old) = self.with(|draft| operations::upsert(draft, &record, &self.local_fields))?;
        Ok(data_and_old(record.id()?, &new, old.as_ref()))
    }

    /// The record as it was.
    pub fn delete(&self, id: &str, is_virtual: bool) -> Result<String> {
        let id = RecordId::read(id)?;
        self.with(|draft| operations::delete(draft, &id, is_virtual)).map(|old| old.to_json(&id))
    }

    /// `{"data", "deleted"}`
    pub fn delete_any(&self, id: &str) -> Result<String> {
        let id = RecordId::read(id)?;
        let old = self.with(|draft| Ok(operations::delete_any(draft, &id)))?;
        Ok(data_and_deleted(&id, old.as_ref()))
    }

    /// The records as they were.
    pub fn delete_all(&self, ids: &str) -> Result<String> {
        let ids = json::elements(ids).ok_or_else(|| Error::InvalidId {
            message: "Invalid Id: not a list of ids".into(),
        })?;
        let ids = ids.map(RecordId::read).collect::<Result<Vec<_>>>()?;
        self.with(|draft| operations::delete_all(draft, &ids)).map(|old| array(&old))
    }
}
