//! Compacting the journal into segments.

use super::*;

pub async fn a_fold_replaces_segments_and_drops_what_it_folded<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let one = write(&tab, &collection, NOWHERE, [1, 2]).await;
    assert_eq!(tab.compact(&collection, fold(NOWHERE, one, false, &["a", "b", "c"], &[1, 2])).await, Ok(true));
    let two = write(&tab, &collection, one, [3]).await;
    assert_eq!(tab.compact(&collection, fold(one, two, false, &["d"], &[3])).await, Ok(true));
    let stored = open_tab().open(&collection).await.expect("open");
    assert_eq!((segments_of(&stored), stored.journal.len(), stored.head.position), (vec!["d"], 0, two));
}

pub async fn segments_alone_can_be_replaced<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    assert_eq!(tab.compact(&collection, fold(NOWHERE, last, false, &["a", "b"], &[1])).await, Ok(true));
    write(&tab, &collection, last, [2]).await;
    assert_eq!(tab.compact(&collection, fold(last, last, false, &["c"], &[])).await, Ok(true));
    let stored = open_tab().open(&collection).await.expect("open");
    assert_eq!(
        (segments_of(&stored), rows_of(&stored.journal), stored.head.position),
        (vec!["c"], vec![(2, 2)], last)
    );
}

pub async fn a_fold_that_keeps_adds_its_segments_after_those_there<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let mut last = NOWHERE;
    let mut expected = Vec::new();
    // More than nine segments, so that sorting them as text would show.
    for round in 0..6u128 {
        let next = write(&tab, &collection, last, [round]).await;
        let names = [format!("{round} first"), format!("{round} second")];
        let segments = names.each_ref().map(String::as_str);
        assert_eq!(tab.compact(&collection, fold(last, next, true, &segments, &[round])).await, Ok(true));
        expected.extend(names);
        last = next;
    }
    let stored = open_tab().open(&collection).await.expect("open");
    assert_eq!(
        (segments_of(&stored), stored.journal.len(), stored.head.position),
        (expected.iter().map(String::as_str).collect(), 0, last)
    );
}

pub async fn compaction_leaves_what_came_after_it<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let upto = write(&one, &collection, NOWHERE, [1, 2, 3]).await;
    write(&other, &collection, upto, [4, 5]).await;
    assert_eq!(one.compact(&collection, fold(NOWHERE, upto, true, &["1 2 3"], &[1, 2, 3])).await, Ok(true));
    let stored = other.open(&collection).await.expect("open");
    assert_eq!((segments_of(&stored), rows_of(&stored.journal)), (vec!["1 2 3"], vec![(4, 4), (5, 5)]));
}

pub async fn compaction_gives_up_when_somebody_was_first<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let early = write(&one, &collection, NOWHERE, [1]).await;
    let late = write(&other, &collection, early, [2]).await;
    assert_eq!(other.compact(&collection, fold(NOWHERE, late, false, &["1 2"], &[1, 2])).await, Ok(true));
    write(&other, &collection, late, [3]).await;
    let before = other.open(&collection).await;
    for keep in [true, false] {
        assert_eq!(one.compact(&collection, fold(NOWHERE, early, keep, &["1"], &[1])).await, Ok(false));
        // A position with the right key, but with the id of another entry, is another position.
        let other_entry = Position { id: 9, ..late };
        assert_eq!(
            one.compact(&collection, fold(other_entry, Position { key: 3, id: 3 }, keep, &["x"], &[3]))
                .await,
            Ok(false)
        );
    }
    assert_eq!(other.open(&collection).await, before);
}

pub async fn of_compactions_at_the_same_time_one_wins<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tabs = [open_tab(), open_tab(), open_tab()];
    let upto = write(&tabs[0], &collection, NOWHERE, [1, 2]).await;
    let won = join_all(tabs.iter().map(|tab| tab.compact(&collection, fold(NOWHERE, upto, true, &["folded"], &[1, 2])))).await;
    assert_eq!(won.into_iter().filter(|won| *won == Ok(true)).count(), 1);
    let stored = tabs[1].open(&collection).await.expect("open");
    assert_eq!((segments_of(&stored), stored.journal.len()), (vec!["folded"], 0));
}

pub async fn the_head_remembers_what_was_folded<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let one = write(&tab, &collection, NOWHERE, [10, 11]).await;
    tab.compact(&collection, fold(NOWHERE, one, true, &[], &[10, 11])).await.expect("compact");
    let two = write(&tab, &collection, one, [12]).await;
    tab.compact(&collection, fold(one, two, true, &[], &[12])).await.expect("compact");
    assert_eq!(open_tab().open(&collection).await.expect("open").head.folded, [10, 11, 12]);
}

pub async fn keys_go_on_after_compaction<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let last = write(&tab, &collection, NOWHERE, [1, 2, 3]).await;
    tab.compact(&collection, fold(NOWHERE, last, false, &["all"], &[1, 2, 3]))
        .await
        .expect("compact");
    assert_eq!(write(&open_tab(), &collection, last, [4]).await.key, 4);
}
