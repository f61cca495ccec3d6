//! What every storage guarantees (`ports::Storage`), one rule per test. `tests/storage.rs` runs them in memory; `tests/browser` runs them
//! in real browsers, on IndexedDB and on a custom storage. Each rule gets a function that opens tabs on one store, and a collection of its
//! own.

use essaim::ports::{CollectionId, Fold, Storage};
use essaim::pure::journal::{Entry, Position, Stored, Tail, follow, read_entry};
use futures_util::future::join_all;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

mod abandoned;
mod appending;
mod compacting;
mod deciding;
mod forgetting;

pub use abandoned::*;
pub use appending::*;
pub use compacting::*;
pub use deciding::*;
pub use forgetting::*;

/// Passes the name of every rule to a macro, which makes a test of it.
#[macro_export]
macro_rules! storage_contract {
    ($test:ident) => {
        $test!(a_collection_never_written_is_empty);
        $test!(an_append_gets_the_next_key);
        $test!(entries_are_read_back_in_order_by_every_tab);
        $test!(an_append_does_not_judge_its_base);
        $test!(appends_of_two_tabs_never_get_the_same_key);
        $test!(decide_sees_what_stands_after_the_known_position);
        $test!(decide_at_the_last_position_sees_nothing);
        $test!(decide_on_the_compacted_position_sees_the_tail);
        $test!(decide_on_a_folded_position_gets_everything);
        $test!(decide_on_a_position_of_another_database_gets_everything);
        $test!(what_decide_gives_is_appended);
        $test!(decide_may_give_nothing);
        $test!(an_error_of_decide_writes_nothing);
        $test!(decisions_of_two_tabs_follow_one_another);
        $test!(a_fold_replaces_segments_and_drops_what_it_folded);
        $test!(segments_alone_can_be_replaced);
        $test!(a_fold_that_keeps_adds_its_segments_after_those_there);
        $test!(compaction_leaves_what_came_after_it);
        $test!(compaction_gives_up_when_somebody_was_first);
        $test!(of_compactions_at_the_same_time_one_wins);
        $test!(the_head_remembers_what_was_folded);
        $test!(keys_go_on_after_compaction);
        $test!(forget_leaves_nothing_in_any_tab);
        $test!(collections_do_not_see_one_another);
        $test!(ten_megabytes_come_back);
        $test!(an_abandoned_append_is_there_or_not);
        $test!(an_abandoned_decide_is_there_or_not);
        $test!(an_abandoned_compaction_is_there_or_not);
    };
}

pub fn collection(name: &str) -> CollectionId {
    CollectionId {
        db_name: "contract".to_owned(),
        bucket: "default".to_owned(),
        name: name.to_owned(),
        sealed: None,
    }
}

pub fn entry(id: u128, base: Position, page: &[u8]) -> Entry {
    Entry { id, base, page: page.to_vec() }
}

/// Appends entries with these ids one after another, each on the one before. Returns the last position.
pub async fn write<S: Storage>(tab: &S, collection: &CollectionId, from: Position, ids: impl IntoIterator<Item = u128>) -> Position {
    let mut last = from;
    for id in ids {
        let appended = tab.append(collection, entry(id, last, &page_of(id))).await.expect("append");
        last = Position { key: appended.key, id };
    }
    last
}

fn page_of(id: u128) -> Vec<u8> {
    format!("page {id}").into_bytes()
}

pub fn fold(from: Position, upto: Position, keep: bool, segments: &[&str], folded: &[u128]) -> Fold {
    Fold {
        from,
        upto,
        keep,
        segments: segments.iter().map(|text| text.as_bytes().to_vec()).collect(),
        folded: folded.to_vec(),
    }
}

/// The keys and ids of the journal's rows.
pub fn rows_of(journal: &[(u64, Vec<u8>)]) -> Vec<(u64, u128)> {
    journal.iter().map(|(key, bytes)| (*key, read_entry(bytes).expect("an entry").id)).collect()
}

fn segments_of(stored: &Stored) -> Vec<&str> {
    stored.segments.iter().map(|segment| std::str::from_utf8(segment).expect("text")).collect()
}

fn since(tail: Tail) -> Vec<(u64, u128)> {
    match tail {
        Tail::Since(rows) => rows_of(&rows),
        Tail::Whole(_) => panic!("everything was read again"),
    }
}

fn whole(tail: Tail) -> Stored {
    match tail {
        Tail::Whole(stored) => stored,
        Tail::Since(_) => panic!("the known position was taken for one of this database"),
    }
}

/// The tail that `decide` passes to its callback. Appends nothing.
pub async fn tail<S: Storage>(tab: &S, collection: &CollectionId, known: Position) -> Tail {
    let (key, tail) = tab.decide(collection, known, |tail| Ok((None, tail))).await.expect("decide");
    assert_eq!(key, None);
    tail
}

/// Polls a future at most `polls` times, then drops it, like a tab that dies in the middle.
pub async fn abandoned<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        if polled < polls {
            polled += 1;
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
        }
        if polled < polls { Poll::Pending } else { Poll::Ready(None) }
    })
    .await
}

const NOWHERE: Position = Position { key: 0, id: 0 };
