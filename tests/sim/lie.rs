//! What a server may do to an encrypted collection, and what has to come of it.
//!
//! | lie | what is told | alarms | heals |
//! |---|---|---|---|
//! | omission | one page or segment is in no list, and 404 | `omission`; `rollback` if it is the head | within an hour |
//! | forged tombstone | the same, as `{id, deleted: true}` | ″ | ″ |
//! | forged emptying | one page is shown as if a snapshot covered it | ″ | when it ends |
//! | rollback | reads get an earlier state | `rollback`, `server_lost`; `omission` if a push meets what is not shown | when it ends |
//! | truncated lists | the end of each list is cut off, `Next-Page` too | `rollback`, `omission` | ″ |
//! | false 304 | nothing is new, ever | ″ | ″ |
//! | flush | the collection, its records, or the whole server is emptied | `rollback`, `server_lost`; `fork` where it is begun anew, `omission` where a push was under way | by repair |
//! | restored backup | the server is an earlier one again; its clock goes on | ″ | ″ |
//! | fork | victims live on in a copy of the server, then all are together again | ″ | ″ |
//! | replay | an old page is shown in the place of another, or after the last | `tampered`, `fork`, `rollback` | when it ends |
//! | reordering | two pages are shown in each other's place | ″ | ″ |
//! | swapped segments | the same with segments | `tampered`, `omission` | ″ |
//! | flipped bits | a page or segment is changed, cut, lengthened, or no text at all | `tampered`, `fork`, `rollback` | ″ |
//! | relabelled | a page or segment claims another version or epoch | `tampered` if it is none, `rollback` if it is the head; else none: `upgrade_required`, `no_key` | ″ |
//! | misdated | `last_modified` is off, lists are upside down | `rollback`, `omission` | ″ |
//! | vanished | everything in the collection is 404 | `server_lost` | ″ |
//! | another status | 200 for what is created, 201 for what is replaced | none | ″ |
//! | false success | 200 and 201, and nothing stored | `rollback`, `fork`, `omission` | by repair |
//! | harvested page | a page that was once sent, refused or not, is shown at its position at some later moment: by itself or with all after it hidden, in all answers, in full lists, or only to a repair | `rollback`, `fork`, `omission`, `bad_snapshot`, and `server_lost` where the collection was never made | by repair |
//! | false refusal | 412, and the position is free | `omission` | when it ends |
//!
//! "By repair": devices were told things that are not so, and believed them; honest ones then find what these wrote. A lie about
//! the newest pages alone is a stale view: nobody can tell it from a quiet day, and it does no harm.
//!
//! "Within an hour": the lie alone knows of the newest page, and the row of one that is emptied is younger still. The timestamp of
//! the collection then says that all was seen, until it is no longer trusted.
//!
//! A hidden head is a `rollback` when it is the only page missing, and a wrong one is a `fork`. A head that is shown only changed
//! (replayed, swapped, flipped) may be called any of three things, according to what is looked at first.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    Omission,
    ForgedTombstone,
    ForgedEmptying,
    Rollback,
    TruncatedLists,
    FalseUnchanged,
    Flush,
    RestoredBackup,
    Fork,
    Replay,
    Reordering,
    SwappedSegments,
    FlippedBits,
    Relabelled,
    Misdated,
    Vanished,
    AnotherStatus,
    FalseSuccess,
    FalseRefusal,
    HarvestedPage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    WhenItEnds,
    WithinAnHour,
    ByRepair,
}

impl Lie {
    /// All but the harvested page, which has seeds of its own.
    pub const ALL: [Lie; 19] = [
        Lie::Omission,
        Lie::ForgedTombstone,
        Lie::ForgedEmptying,
        Lie::Rollback,
        Lie::TruncatedLists,
        Lie::FalseUnchanged,
        Lie::Flush,
        Lie::RestoredBackup,
        Lie::Fork,
        Lie::Replay,
        Lie::Reordering,
        Lie::SwappedSegments,
        Lie::FlippedBits,
        Lie::Relabelled,
        Lie::Misdated,
        Lie::Vanished,
        Lie::AnotherStatus,
        Lie::FalseSuccess,
        Lie::FalseRefusal,
    ];

    /// What may be raised because of it, on any device.
    pub fn alarms(self) -> &'static [&'static str] {
        match self {
            Lie::Omission | Lie::ForgedTombstone | Lie::ForgedEmptying | Lie::TruncatedLists | Lie::FalseUnchanged | Lie::Misdated => &["omission", "rollback"],
            Lie::Rollback => &["omission", "rollback", "server_lost"],
            Lie::FalseSuccess => &["omission", "fork", "rollback"],
            Lie::HarvestedPage => &["omission", "fork", "rollback", "bad_snapshot", "server_lost"],
            Lie::Flush | Lie::RestoredBackup | Lie::Fork => &["omission", "fork", "rollback", "server_lost"],
            Lie::Replay | Lie::Reordering | Lie::FlippedBits => &["tampered", "fork", "rollback"],
            Lie::Relabelled => &["tampered", "rollback"],
            Lie::SwappedSegments => &["tampered", "omission"],
            Lie::Vanished => &["server_lost"],
            Lie::FalseRefusal => &["omission"],
            Lie::AnotherStatus => &[],
        }
    }

    /// A stale view alone may go unnoticed for ever; a wrong status or a wrong time means nothing: order is by position.
    pub fn is_always_harmless(self) -> bool {
        matches!(self, Lie::FalseUnchanged | Lie::AnotherStatus | Lie::Misdated)
    }

    pub fn healing(self) -> Healing {
        match self {
            Lie::Flush | Lie::RestoredBackup | Lie::Fork | Lie::FalseSuccess | Lie::HarvestedPage => Healing::ByRepair,
            Lie::Omission | Lie::ForgedTombstone => Healing::WithinAnHour,
            _ => Healing::WhenItEnds,
        }
    }
}
