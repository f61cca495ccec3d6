//! The rules of the journal, each of which the simulation can disable.

/// The rules of the journal that look like details. The simulation disables each in turn, to show that it is needed. Nothing else does: the
/// `Option<Rule>` that disables one is always `None` in production builds, and the compiler removes the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Pages that a snapshot covers are emptied, not deleted. Over a deleted record, `If-None-Match: *` gives 201, so a position would be used
    /// twice.
    EmptyNotDelete,
    /// Only segments older than the snapshot page are deleted: a younger one may belong to a snapshot that is being written.
    YoungSegmentsStay,
    /// The cursor is the timestamp of the head's own row, not the newest one seen: PostgreSQL can show a row after a younger one.
    CursorIsTheHeads,
    /// A page that is about to be sent is noted before it is sent.
    PendingBeforeSending,
    /// An own page that the chain shows is acknowledged before any record of it is merged.
    PendingBeforeMeeting,
    /// A pending page notes which version of each record it carries: the record may have been edited since.
    PendingKnowsVersions,
    /// The server has to show the known head before anything is pushed.
    HeadBeforePush,
    /// A device always finds its own head among the positions that a snapshot covers.
    NothingCutOff,
    /// A snapshot only changes records whose version in it is newer than the one known here.
    NewerVersionsOnly,
    /// A snapshot is compared with what is known here before it is applied.
    DigestBeforeAdopting,
    /// A change of a record that the chain has after the fork of a stray stays in force; the stray's change is reported as a conflict.
    LaterWordStays,
    /// If pages of the chain can no longer be read, a missing record may have been deleted in them. Then a stray's change of it is a conflict,
    /// too.
    UnreadMayBeGone,
    /// A stray is older than all that the chain has after the page that both were written on. The stray's own position does not count: after a
    /// rollback, positions are used again.
    ForkNotPosition,
    /// A record here whose version is in a history that the server has lost is treated like a stray.
    LostRowsAreStrays,
    /// Pages at positions whose hashes only the history knows are compared with it: a page of another history would mislead new devices.
    OldPagesAreCompared,
    /// A record that was sent in a refused page, and then deleted here, is also deleted in the chain: the server can show the refused page
    /// again.
    RefusedIsDeleted,
    /// If a record that was sent, never acknowledged, and then deleted here comes back, that is a conflict: it may come back as it was sent.
    SentMayBeKnown,
    /// A repair does not empty the latest snapshot page or the pages after it, whatever the server shows in their place.
    NewDevicesNeedTheLatest,
}

impl Rule {
    pub const ALL: [Rule; 18] = [
        Rule::EmptyNotDelete,
        Rule::YoungSegmentsStay,
        Rule::CursorIsTheHeads,
        Rule::PendingBeforeSending,
        Rule::PendingBeforeMeeting,
        Rule::PendingKnowsVersions,
        Rule::HeadBeforePush,
        Rule::NothingCutOff,
        Rule::NewerVersionsOnly,
        Rule::DigestBeforeAdopting,
        Rule::LaterWordStays,
        Rule::UnreadMayBeGone,
        Rule::ForkNotPosition,
        Rule::LostRowsAreStrays,
        Rule::OldPagesAreCompared,
        Rule::RefusedIsDeleted,
        Rule::SentMayBeKnown,
        Rule::NewDevicesNeedTheLatest,
    ];
}
