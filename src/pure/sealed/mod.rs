//! The sealed journal: how an encrypted collection is kept on a server that can read none of it.
//!
//! A chain of sealed pages, each naming the hash of the one before. A page is created at head + 1 with
//! `If-None-Match: *`, and never deleted, only emptied: so a position is used once, and **201 means appended**. It is the
//! local journal's idea again (`pure::journal`): an append names its base, and who was overtaken reads the tail and
//! decides again. There the rule serialises tabs, here devices.
//!
//! `docs/encryption.md` has the format to the byte.

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

/// How large pages and journals grow. The simulation has them much smaller.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of plaintext that a page or segment is filled up to.
    pub page_bytes: usize,
    /// A snapshot is not worth its segments before so many pages.
    pub snapshot_pages: u64,
    /// Hashes in a full history segment.
    pub history_hashes: u64,
    /// Rows in one page of a listing: a row can be 256 KiB.
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

/// A record as JSON, or what one `execute` writes, may have so many bytes: no request passes the 1 MiB that front servers commonly allow.
pub const RECORD_BYTES: usize = 512 << 10;
