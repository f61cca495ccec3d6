//! A collection as an app uses it. Records, ids and queries are passed as JSON text.

use super::resident::{Job, Resident, take};
use super::sealed::Secrets;
use super::server::Servers;
use super::sync::{Waiting, check_epoch};
use super::transaction::{Transaction, array, data_and_deleted, data_and_old};
use crate::error::{Error, Result};
use crate::ports::{App, Platform, Storage};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::operations::{self, LAST_MODIFIED, METADATA, UpdateOptions};
use crate::pure::query::Query;
use crate::pure::record::{Parsed, RecordId, Row, invalid, read_record};
use crate::pure::resolve::resolve;
use crate::pure::sealed::home::PageNote;
use crate::pure::sealed::known;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub struct Collection<P: Platform> {
    pub(super) resident: Rc<Resident<P>>,
    pub(super) servers: Rc<Servers>,
    /// Only for an encrypted collection.
    pub(super) secrets: Option<Rc<Secrets>>,
    pub(super) app: Rc<P::App>,
    /// Called with the answer of the next change, once that is committed.
    told: Cell<Option<Told>>,
    pub(super) local_fields: Rc<Vec<String>>,
    /// Syncs of this handle that have not begun.
    pub(super) waiting: RefCell<Vec<Rc<Waiting>>>,
}

/// Receives the answer of a change.
pub type Told = Box<dyn FnOnce(&str)>;

/// Decides a change on a draft. Returns the answer as JSON, or `""`.
pub(super) type Operation = dyn FnMut(&mut Draft) -> Result<String>;

/// The result of `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub persistent: bool,
    /// How many unsynced changes were lost because the browser evicted the database.
    pub evicted: Option<usize>,
}

impl<P: Platform> Collection<P> {
    pub(super) fn new(resident: Rc<Resident<P>>, servers: Rc<Servers>, secrets: Option<Rc<Secrets>>, app: P::App, local_fields: Vec<String>) -> Self {
        if app.has_transformers() {
            resident.keeps_deleted.set(true);
        }
        let app = Rc::new(app);
        resident.telling.join(&app);
        Collection {
            resident,
            servers,
            secrets,
            app,
            told: Cell::new(None),
            local_fields: Rc::new(local_fields),
            waiting: RefCell::default(),
        }
    }

    /// A handle on the same collection, for one change. `told` receives the change's answer after its commit, in the order of the commits
    /// and before the call resolves. The call itself then resolves to `null`.
    pub fn telling(&self, told: Told) -> Self {
        Collection {
            resident: self.resident.clone(),
            servers: self.servers.clone(),
            secrets: self.secrets.clone(),
            app: self.app.clone(),
            told: Cell::new(Some(told)),
            local_fields: self.local_fields.clone(),
            waiting: RefCell::default(),
        }
    }

    pub async fn open(&self) -> Result<Opened> {
        let evicted = self.resident.open().await?;
        Ok(Opened {
            persistent: self.is_persistent(),
            evicted,
        })
    }

    /// How many unsynced changes were lost because the database was deleted while the page was open. Each loss is returned once.
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

    /// Commits an operation. Operations are boxed here and return one type, so that the engine is not compiled for each of them.
    pub(super) async fn commit(&self, operation: Box<Operation>) -> Result<String> {
        let (mut job, slot) = Job::new(operation);
        if let Some(told) = self.told.take() {
            let answer = slot.clone();
            job.tell = Some(Box::new(move || {
                let answer = answer
                    .borrow_mut()
                    .as_mut()
                    .and_then(|answer| answer.as_mut().ok())
                    .map(|text| std::mem::replace(text, "null".to_owned()));
                if let Some(text) = answer {
                    told(&text);
                }
            }));
        }
        self.resident.join(job).await?;
        take(&slot)
    }

    /// Creates a record; the given record has its id already. Returns the record as stored.
    pub async fn create(&self, record: &str, synced: bool) -> Result<String> {
        let record = read_record(record)?;
        record.id()?;
        let create = move |draft: &mut Draft| Ok(operations::create(draft, &record, synced)?.to_json(record.id()?));
        self.commit(Box::new(create)).await
    }

    /// Returns `{"data", "oldRecord"}`.
    pub async fn update(&self, record: &str, options: UpdateOptions) -> Result<String> {
        let record = read_record(record)?;
        record.id()?;
        let local_fields = self.local_fields.clone();
        let update = move |draft: &mut Draft| {
            let (new, old) = operations::update(draft, &record, &options, &local_fields)?;
            Ok(data_and_old(record.id()?, &new, Some(&old)))
        };
        self.commit(Box::new(update)).await
    }

    /// Returns `{"data", "oldRecord"?}`.
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

    /// Returns the record, a tombstone, or `null`.
    pub async fn get_any(&self, id: &str) -> Result<String> {
        let id = RecordId::read(id)?;
        self.resident
            .read(|state| state.rows.get(&id).map_or_else(|| "null".to_owned(), |row| row.to_json(&id)))
            .await
    }

    /// Returns the record as it was.
    pub async fn delete(&self, id: &str, is_virtual: bool) -> Result<String> {
        let id = RecordId::read(id)?;
        let delete = move |draft: &mut Draft| Ok(operations::delete(draft, &id, is_virtual)?.to_json(&id));
        self.commit(Box::new(delete)).await
    }

    /// Returns `{"data", "deleted"}`.
    pub async fn delete_any(&self, id: &str) -> Result<String> {
        let id = RecordId::read(id)?;
        let delete = move |draft: &mut Draft| Ok(data_and_deleted(&id, operations::delete_any(draft, &id).as_ref()));
        self.commit(Box::new(delete)).await
    }

    /// Returns the records as they were.
    pub async fn delete_all(&self) -> Result<String> {
        let delete_all = |draft: &mut Draft| {
            let ids = Query::read("{}")?.ids(&draft.rows());
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
        self.commit(Box::new(clear)).await?;
        self.resident.erase_now().await;
        Ok(())
    }

    /// Returns the records that were written.
    pub async fn import_bulk(&self, records: &str) -> Result<String> {
        let records = json::elements(records).ok_or_else(|| invalid("Records is not an array.", ""))?;
        let records = records.map(read_record).collect::<Result<Vec<Parsed>>>()?;
        if records.is_empty() {
            return Ok("[]".to_owned());
        }
        let import = move |draft: &mut Draft| Ok(array(&operations::import_bulk(draft, &records)?));
        self.commit(Box::new(import)).await
    }

    /// Runs `work` exactly once, in one transaction. Its reads see its writes. An error from it undoes everything.
    pub async fn execute<R>(&self, work: impl FnOnce(Transaction) -> Result<R>) -> Result<R> {
        let local_fields = self.local_fields.clone();
        let work = |draft: &Rc<RefCell<Option<Draft>>>| {
            work(Transaction {
                draft: draft.clone(),
                local_fields,
            })
        };
        let tell = self.told.take().map(|told| Box::new(move || told("null")) as Box<dyn FnOnce()>);
        self.resident.execute(work, tell).await
    }

    /// The server's metadata of the collection as last pulled, or `null`.
    pub async fn metadata(&self) -> Result<String> {
        self.resident
            .read(|state| state.notes.get(METADATA).cloned().unwrap_or_else(|| "null".to_owned()))
            .await
    }

    /// `epoch`: see [`super::steps`].
    pub async fn save_metadata(&self, metadata: &str, epoch: Option<String>) -> Result<()> {
        let metadata = Some(metadata.to_owned()).filter(|text| text != "null");
        let save = move |draft: &mut Draft| {
            check_epoch(draft, &epoch)?;
            draft.set_note(METADATA, metadata.clone());
            Ok(String::new())
        };
        self.commit(Box::new(save)).await.map(drop)
    }

    /// What a push would send: changed records, then tombstones, encoded by the app's transformers.
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

    /// The secrets of an encrypted collection. Errors: `invalid_option` for a collection that is not encrypted.
    pub(super) fn sealed(&self, method: &str) -> Result<&Rc<Secrets>> {
        let message = || format!("{method}() is for encrypted collections.");
        self.secrets.as_ref().ok_or_else(|| Error::InvalidOption { message: message() })
    }

    /// Reads what other tabs wrote.
    pub async fn refresh(&self) -> Result<()> {
        self.resident.refresh().await
    }
}
