//! Values in, values out. Nothing here waits, asks the time, or knows JavaScript.

/// JSON as JavaScript means it.
pub mod json;
/// Records, their ids and statuses.
pub mod record;
/// What a collection is: rows and notes, changed by changes.
pub mod state;
/// Changes as bytes, and back.
pub mod page;
/// Entries that name their base: which of them stand.
pub mod journal;
/// When and how a journal is folded into segments.
pub mod fold;
/// A change in the making: reads see it, nothing is decided yet.
pub mod draft;
/// What the operations on records do to a draft.
pub mod operations;
/// Filters and orders of `list()`.
pub mod query;
/// Where a remote change meets a local record.
pub mod merge;
/// What a sync did, list by list.
pub mod report;
/// How far a remote has been read.
pub mod cursor;
/// One HTTP request and its answer.
pub mod http;
/// Kinto over HTTP, as data: URLs and requests.
pub mod protocol;
/// What a Kinto server's answers mean.
pub mod answers;
