//! Runs records through the app's transformers.

use super::collection::Collection;
use crate::error::{Error, Result};
use crate::ports::{App, Platform};
use crate::pure::json;
use crate::pure::record::{RecordId, Row, split_local};

impl<P: Platform> Collection<P> {
    /// Encodes records by the app's transformers, as they are stored on the server. A record that the transformers fail on gives an error
    /// of its own.
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

    /// Runs records through the app's transformers; returns them unchanged if there are none.
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
