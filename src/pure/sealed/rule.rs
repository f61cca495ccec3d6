/// The rules of the journal that are easily taken for details. The simulation takes each away, to see that it is needed;
/// nobody else does, and the compiler then removes the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Pages that a snapshot covers are emptied, not deleted: `If-None-Match: *` over a deleted record is 201, and a position would be used twice.
    EmptyNotDelete,
    /// Only segments older than the snapshot page are deleted: a younger one may belong to a snapshot being written.
    YoungSegmentsStay,
    /// The cursor is the timestamp of the head's own row: PostgreSQL shows a row after a younger one.
    CursorIsTheHeads,
    /// What is about to be sent is noted before it is sent.
    PendingBeforeSending,
    /// An own page counts as its 201 before any record of it is met.
    PendingBeforeMeeting,
    /// A pending page knows what of each record it carries: the record may have been edited since.
    PendingKnowsVersions,
    /// The server has to show the known head before anything is pushed.
    HeadBeforePush,
    /// A device always finds its own head among the positions that a snapshot covers.
    NothingCutOff,
    /// A snapshot changes only records whose version in it is newer than the one known here.
    NewerVersionsOnly,
    /// A snapshot is compared with what is known here before it is adopted.
    DigestBeforeAdopting,
    /// What the chain says of a record after a stray left it stays; the stray is told as a conflict.
    LaterWordStays,
    /// Where pages of the chain cannot be read any more, a record that is gone may have been deleted: a stray of it is a conflict, too.
    UnreadMayBeGone,
    /// A stray is older than whatever the chain has after the page that both were written on, whatever its own position: after a
    /// rollback, positions are used again.
    ForkNotPosition,
    /// A record here that is of a history which the server has lost is a stray like any other.
    LostRowsAreStrays,
    /// Pages at positions whose hashes only the history knows are compared with it: one of another history misleads new devices.
    OldPagesAreCompared,
    /// A record that was sent and refused, and then deleted here, is deleted in the chain: what was sent can be shown again.
    RefusedIsDeleted,
    /// Whoever has deleted a record that was sent and never acknowledged is asked when it comes back: it may come as it was sent.
    SentMayBeKnown,
    /// A repair empties neither the latest snapshot page nor what follows it, whatever the server shows in their place.
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
