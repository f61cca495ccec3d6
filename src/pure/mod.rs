//! Values in, values out. Nothing here waits, asks the time, or knows JavaScript.

/// What Kinto.js kept of a collection, and what becomes of it here.
pub mod adoption;
/// What a Kinto server's answers mean.
pub mod answers;
/// How an encrypted collection is sealed.
pub mod crypto;
/// How far a remote has been read.
pub mod cursor;
/// A change in the making: reads see it, nothing is decided yet.
pub mod draft;
/// When JavaScript holds two values equal.
pub mod equality;
/// What the HTTP client of the package asks and is told.
pub mod exchange;
/// The filters of `list()`.
pub mod filter;
/// When and how a journal is folded into segments.
pub mod fold;
/// Versions that were removed on this device alone.
pub mod hidden;
/// One HTTP request and its answer.
pub mod http;
/// Entries that name their base: which of them stand.
pub mod journal;
/// JSON as JavaScript means it.
pub mod json;
/// What appeared at Kinto.js after the adoption.
pub mod leftover;
/// One listing of a remote collection, page by page.
pub mod listing;
/// What became of records that a server no longer shows.
pub mod lost;
/// Where a remote change meets a local record.
pub mod merge;
/// What the operations on records do to a draft.
pub mod operations;
/// Changes as bytes, and back.
pub mod page;
/// Kinto over HTTP, as data: URLs and requests.
pub mod protocol;
/// What `list()` asks for.
pub mod query;
/// Records, their ids and statuses.
pub mod record;
/// What a server says when it refuses.
pub mod refusal;
/// What a sync did, list by list.
pub mod report;
/// What becomes of a conflict that the user decided.
pub mod resolve;
/// The sealed journal of an encrypted collection.
pub mod sealed;
/// What a collection is: rows and notes, changed by changes.
pub mod state;
/// One walk through the pages of a listing.
pub mod walk;
