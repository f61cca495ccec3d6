//! The lies that a server may tell about an encrypted collection, and the expected consequences of each.
//!
//! | lie | what is told | alarms | heals |
//! |---|---|---|---|
//! | omission | one page or segment is left out of all lists, and is 404 | `omission`; `rollback` if it is the head | within an hour |
//! | forged tombstone | the same, but lists show it as `{id, deleted: true}` | ″ | ″ |
//! | forged emptying | one page is shown as emptied, as if a snapshot covered it | ″ | when the lie ends |
//! | rollback | reads get an earlier state | `rollback`, `server_lost`; `omission` if a push collides with a page that is not shown | when the lie ends |
//! | truncated lists | the end of each list is cut off, together with `Next-Page` | `rollback`, `omission` | ″ |
//! | false 304 | every conditional listing is answered "not modified" | ″ | ″ |
//! | flush | the collection, its records, or everything on the server is deleted | `rollback`, `server_lost`; `fork` if the journal is begun anew; `omission` if a push was under way | by repair |
//! | restored backup | the server goes back to an earlier state; its clock goes on | ″ | ″ |
//! | fork | the victims use a copy of the server, then all use the same server again | ″ | ″ |
//! | replay | an old page is shown in the place of another, or after the last one | `tampered`, `fork`, `rollback` | when the lie ends |
//! | reordering | two pages are shown in each other's place | ″ | ″ |
//! | swapped segments | two segments are shown in each other's place | `tampered`, `omission` | ″ |
//! | flipped bits | a page or segment is changed, cut, lengthened, or is no text | `tampered`, `fork`, `rollback` | ″ |
//! | relabelled | a page or segment claims another version or epoch | `tampered` if the label is invalid, `rollback` if it is the head; otherwise no alarm, but `upgrade_required` or `no_key` | ″ |
//! | misdated | `last_modified` is wrong, and lists are in reverse order | `rollback`, `omission` | ″ |
//! | vanished | everything in the collection is 404 | `server_lost` | ″ |
//! | another status | 200 for a creation, 201 for a replacement | none | ″ |
//! | false success | writes are answered with 200 and 201, and nothing is stored | `rollback`, `fork`, `omission` | by repair |
//! | harvested page | a page that was once sent, refused or not, is shown at its position later: alone, or with all pages after it hidden; in all answers, in full lists, or only to a repair | `rollback`, `fork`, `omission`, `bad_snapshot`, and `server_lost` where the collection was never made | by repair |
//! | false refusal | a page is refused (412) although its position is free | `omission` | when the lie ends |
//!
//! "By repair": some devices believed the lie and acted on it; devices that were not lied to then find what these have written. A lie that
//! only hides the newest pages gives a stale view: no device can tell this from a server to which nothing was written, and it does no harm.
//!
//! "Within an hour": the lie hides the newest page, and another page was emptied after it, so that the row of the emptied page has a later
//! timestamp. The timestamp of the collection then tells the device that it has seen everything, until it no longer relies on that
//! timestamp.
//!
//! A hidden head is a `rollback` if no other page is missing, and a wrong head is a `fork`. A head that is shown changed (replayed,
//! swapped, flipped) may cause any of three alarms, depending on what is checked first.

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
    /// All lies except the harvested page, which has seeds of its own.
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

    /// The alarms that this lie may cause, on any device.
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

    /// Whether the lie may remain undetected. A stale view may go unnoticed for ever. A wrong status or a wrong time has no effect, since
    /// pages are ordered by position.
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
