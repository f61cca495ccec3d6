//! The transaction that the callback of `execute` works with, and how the answers of a collection are written.

use crate::error::{Error, Result};
use crate::pure::draft::Draft;
use crate::pure::json;
use crate::pure::operations::{self, UpdateOptions};
use crate::pure::record::{RecordId, Row, read_record};
use std::cell::RefCell;
use std::rc::Rc;

/// Passed to the callback of `execute`. It is synchronous, and fails with `closed` once the callback has returned.
pub struct Transaction {
    pub(super) draft: Rc<RefCell<Option<Draft>>>,
    pub(super) local_fields: Rc<Vec<String>>,
}

impl Transaction {
    fn with<R>(&self, work: impl FnOnce(&mut Draft) -> Result<R>) -> Result<R> {
        let mut draft = self.draft.try_borrow_mut().map_err(|_| Error::bug("a transaction was entered twice"))?;
        work(draft.as_mut().ok_or(Error::Closed)?)
    }

    /// Returns the record or tombstone.
    pub fn get(&self, id: &str) -> Result<Option<String>> {
        let id = RecordId::read(id)?;
        self.with(|draft| Ok(draft.row(&id).map(|row| row.to_json(&id))))
    }

    pub fn create(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        let row = self.with(|draft| operations::create_as_given(draft, &record))?;
        Ok(row.to_json(record.id()?))
    }

    /// Stores a record whether or not one exists.
    pub fn put(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        let row = self.with(|draft| operations::put_as_given(draft, &record))?;
        Ok(row.to_json(record.id()?))
    }

    /// Returns `{"data", "oldRecord"}`.
    pub fn update(&self, record: &str, options: UpdateOptions) -> Result<String> {
        let record = read_record(record)?;
        let (new, old) = self.with(|draft| operations::update(draft, &record, &options, &self.local_fields))?;
        Ok(data_and_old(record.id()?, &new, Some(&old)))
    }

    /// Returns `{"data", "oldRecord"?}`.
    pub fn upsert(&self, record: &str) -> Result<String> {
        let record = read_record(record)?;
        let (new, old) = self.with(|draft| operations::upsert(draft, &record, &self.local_fields))?;
        Ok(data_and_old(record.id()?, &new, old.as_ref()))
    }

    /// Returns the record as it was.
    pub fn delete(&self, id: &str, is_virtual: bool) -> Result<String> {
        let id = RecordId::read(id)?;
        self.with(|draft| operations::delete(draft, &id, is_virtual)).map(|old| old.to_json(&id))
    }

    /// Returns `{"data", "deleted"}`.
    pub fn delete_any(&self, id: &str) -> Result<String> {
        let id = RecordId::read(id)?;
        let old = self.with(|draft| Ok(operations::delete_any(draft, &id)))?;
        Ok(data_and_deleted(&id, old.as_ref()))
    }

    /// Returns the records as they were.
    pub fn delete_all(&self, ids: &str) -> Result<String> {
        let ids = json::elements(ids).ok_or_else(|| Error::InvalidId {
            message: "Invalid Id: not a list of ids".into(),
        })?;
        let ids = ids.map(RecordId::read).collect::<Result<Vec<_>>>()?;
        self.with(|draft| operations::delete_all(draft, &ids)).map(|old| array(&old))
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

pub(super) fn data_and_old(id: &RecordId, new: &Row, old: Option<&Row>) -> String {
    let old = old.map_or_else(String::new, |old| format!(",\"oldRecord\":{}", old.to_json(id)));
    format!("{{\"data\":{}{old}}}", new.to_json(id))
}

pub(super) fn data_and_deleted(id: &RecordId, old: Option<&Row>) -> String {
    let data = old.map_or_else(|| format!("{{\"id\":{}}}", id.as_json()), |old| old.to_json(id));
    format!("{{\"data\":{data},\"deleted\":{}}}", old.is_some())
}
