//! Encrypted collections: the sealed journal on a server that can read none of it.
//!
//! The journal is a chain of sealed pages; each names the hash of the one before. A page is created at head + 1 with `If-None-Match: *`, and
//! never deleted, only emptied. So a position is used once, and **201 means appended**. The rule is that of the local journal
//! (`pure::journal`): an append names its base, and a writer that lost the race reads the tail and decides again. There the rule orders the
//! commits of tabs, here those of devices.
//!
//! `docs/encryption.md` documents the format to the byte.

pub mod chain;
pub mod change;
pub mod deleted;
pub mod group;
pub mod held;
pub mod home;
pub mod item;
pub mod known;
pub mod meet;
pub mod meeting;
pub mod older;
pub mod page;
pub mod pending;
pub mod reconcile;
pub mod repair;
pub mod rule;
pub mod run;
pub mod seal;
pub mod snapshot;
pub mod stray;
pub mod survey;
pub mod told;

pub use rule::Rule;

/// How large pages and journals grow. The simulation uses much smaller limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A page or segment is filled up to this size of plaintext (bytes).
    pub page_bytes: usize,
    /// The least number of pages before a snapshot: with fewer, a snapshot is not worth its segments.
    pub snapshot_pages: u64,
    /// The number of hashes in a full history segment.
    pub history_hashes: u64,
    /// The number of rows in one page of a listing. A row can have 256 KiB.
    pub listing_rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            page_bytes: 192 << 10,
            snapshot_pages: 64,
            history_hashes: 4096,
            listing_rows: 64,
        }
    }
}

/// The most bytes that a record as JSON, or all that one `execute` writes, may have. With this, no request passes the 1 MiB that proxies
/// commonly allow.
pub const RECORD_BYTES: usize = 512 << 10;
