//! `decide`: reading the tail, deciding, and appending, in one transaction.

use super::*;
use essaim::error::{Error, Result};

pub async fn decide_sees_what_stands_after_the_known_position<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let known = write(&one, &collection, NOWHERE, [1, 2]).await;
    write(&other, &collection, known, [3, 4]).await;
    assert_eq!(since(tail(&one, &collection, known).await), [(3, 3), (4, 4)]);
    assert_eq!(since(tail(&one, &collection, NOWHERE).await), [(1, 1), (2, 2), (3, 3), (4, 4)]);
}

pub async fn decide_at_the_last_position_sees_nothing<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let last = write(&tab, &collection, NOWHERE, [1, 2]).await;
    assert_eq!(since(tail(&tab, &collection, last).await), []);
}

pub async fn decide_on_the_compacted_position_sees_the_tail<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let known = write(&tab, &collection, NOWHERE, [1, 2]).await;
    assert!(tab.compact(&collection, fold(NOWHERE, known, false, &["1 2"], &[1, 2])).await.expect("compact"));
    assert_eq!(since(tail(&tab, &collection, known).await), []);
    write(&tab, &collection, known, [3]).await;
    assert_eq!(since(tail(&tab, &collection, known).await), [(3, 3)]);
}

pub async fn decide_on_a_folded_position_gets_everything<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let known = write(&one, &collection, NOWHERE, [1, 2]).await;
    let last = write(&other, &collection, known, [3, 4]).await;
    assert!(
        other
            .compact(&collection, fold(NOWHERE, last, false, &["1 2", "3 4"], &[1, 2, 3, 4]))
            .await
            .expect("compact")
    );
    write(&other, &collection, last, [5]).await;
    for known in [known, NOWHERE] {
        let stored = whole(tail(&one, &collection, known).await);
        assert_eq!(stored, other.open(&collection).await.expect("open"));
        assert_eq!(
            (segments_of(&stored), rows_of(&stored.journal), stored.head.position),
            (vec!["1 2", "3 4"], vec![(5, 5)], last)
        );
    }
}

pub async fn decide_on_a_position_of_another_database_gets_everything<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let known = write(&one, &collection, NOWHERE, [1, 2]).await;
    other.forget(&collection).await.expect("forget");
    // The same key, but another entry. Further below, a position beyond everything.
    write(&other, &collection, NOWHERE, [3, 4]).await;
    assert_eq!(rows_of(&whole(tail(&one, &collection, known).await).journal), [(1, 3), (2, 4)]);
    assert_eq!(
        rows_of(&whole(tail(&one, &collection, Position { key: 99, id: 1 }).await).journal),
        [(1, 3), (2, 4)]
    );
}

pub async fn what_decide_gives_is_appended<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    let calls = Cell::new(0);
    let decided = tab
        .decide(&collection, NOWHERE, |tail| {
            calls.set(calls.get() + 1);
            assert_eq!(since(tail), [(1, 1)]);
            Ok((Some(entry(2, last, b"decided")), "value"))
        })
        .await;
    assert_eq!((decided, calls.get()), (Ok((Some(2), "value")), 1));
    let journal = open_tab().open(&collection).await.expect("open").journal;
    assert_eq!(journal[1], (2, entry(2, last, b"decided").to_bytes()));
}

pub async fn decide_may_give_nothing<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    assert_eq!(tab.decide(&collection, last, |_| Ok((None, 42))).await, Ok((None, 42)));
    assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [(1, 1)]);
    assert_eq!(write(&tab, &collection, last, [2]).await.key, 2);
}

pub async fn an_error_of_decide_writes_nothing<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let last = write(&tab, &collection, NOWHERE, [1]).await;
    let refused = Error::Callback {
        message: "the app threw".to_owned(),
    };
    let decided: Result<(Option<u64>, ())> = tab.decide(&collection, last, |_| Err(refused.clone())).await;
    assert_eq!(decided, Err(refused));
    assert_eq!(rows_of(&open_tab().open(&collection).await.expect("open").journal), [(1, 1)]);
    assert_eq!(write(&tab, &collection, last, [2]).await.key, 2);
}

pub async fn decisions_of_two_tabs_follow_one_another<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tabs = [open_tab(), open_tab()];
    let decisions = (1..=40u128).map(|id| {
        tabs[id as usize % 2].decide(&collection, NOWHERE, move |tail| {
            let Tail::Since(rows) = tail else { panic!("nothing was folded") };
            let last = follow(NOWHERE, &rows, |_, _| Ok(()))?;
            Ok((Some(entry(id, last, b"page")), ()))
        })
    });
    for decided in join_all(decisions).await {
        decided.expect("decide");
    }
    let mut standing = 0;
    let journal = tabs[0].open(&collection).await.expect("open").journal;
    follow(NOWHERE, &journal, |_, _| {
        standing += 1;
        Ok(())
    })
    .expect("follow");
    assert_eq!((standing, journal.len()), (40, 40));
}
