//! The pure layer: values in, values out. It does no I/O, does not read the clock, and does not depend on JavaScript.

/// Migration from Kinto.js: its data of a collection, and what they become here.
pub mod adoption;
/// The meaning of a Kinto server's answers.
pub mod answers;
/// The cryptography of encrypted collections.
pub mod crypto;
/// The cursor: how far a remote has been read.
pub mod cursor;
/// Draft of a commit: its reads see its own writes; nothing is stored yet.
pub mod draft;
/// Equality of JSON values as JavaScript has it.
pub mod equality;
/// Requests made through `KintoClient`, not by `sync()`.
pub mod exchange;
/// The filters of `list()`.
pub mod filter;
/// Compaction: when and how journal entries are replaced by segments.
pub mod fold;
/// Versions of records that were removed on this device only.
pub mod hidden;
/// An HTTP request and its response.
pub mod http;
/// The local journal, and the rule that decides which entries are valid.
pub mod journal;
/// JSON texts with the meaning that JavaScript gives them.
pub mod json;
/// Changes that Kinto.js data got after the migration.
pub mod leftover;
/// Decisions of one listing of a remote collection, page by page.
pub mod listing;
/// Records that a server no longer shows: deleted there, or lost.
pub mod lost;
/// Merge of a remote change into a local record.
pub mod merge;
/// The operations on records, applied to a draft.
pub mod operations;
/// Encoding of changes as bytes, and decoding.
pub mod page;
/// The Kinto HTTP API as data: URLs, requests and batches.
pub mod protocol;
/// The query of `list()`: filters, order and limits.
pub mod query;
/// Records, their ids and statuses.
pub mod record;
/// The messages of a server that refuses a request.
pub mod refusal;
/// The result of a sync: a list of records for each kind of event.
pub mod report;
/// Resolving a conflict as the user decided.
pub mod resolve;
/// Encrypted collections: the sealed journal on the server.
pub mod sealed;
/// State of a collection: rows and notes, and the changes that modify them.
pub mod state;
/// Progress of a listing: cursor, newest version seen, and pages read so far.
pub mod walk;
