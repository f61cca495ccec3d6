//! A tab that dies at any moment of an operation: the operation happens completely or not at all.

use super::*;

/// More than any of these operations is polled.
const POLLS: std::ops::Range<usize> = 0..9;

pub async fn an_abandoned_append_is_there_or_not<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    for polls in POLLS {
        let tab = open_tab();
        let before = tab.open(&collection).await.expect("open").journal.len();
        let id = polls as u128;
        let big = vec![polls as u8; 100_000];
        let done = abandoned(polls, tab.append(&collection, entry(id, NOWHERE, &big))).await;
        for tab in [&tab, &open_tab()] {
            let journal = tab.open(&collection).await.expect("open").journal;
            let there = journal.get(before).is_some();
            assert!(there || done.is_none(), "an acknowledged write is lost");
            assert!(!there || *journal[before].1 == entry(id, NOWHERE, &big).to_bytes(), "half of an entry is there");
        }
        tab.append(&collection, entry(id + 100, NOWHERE, b"after"))
            .await
            .expect("the storage still works");
    }
}

pub async fn an_abandoned_decide_is_there_or_not<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    for polls in POLLS {
        let tab = open_tab();
        let before = tab.open(&collection).await.expect("open").journal.len();
        let id = polls as u128;
        let calls = Cell::new(0);
        let done = abandoned(
            polls,
            tab.decide(&collection, NOWHERE, |_| {
                calls.set(calls.get() + 1);
                Ok((Some(entry(id, NOWHERE, b"decided")), ()))
            }),
        )
        .await;
        let journal = open_tab().open(&collection).await.expect("open").journal;
        let there = journal.len() > before;
        assert!(there || done.is_none(), "an acknowledged write is lost");
        assert!(!there || calls.get() == 1, "{} calls", calls.get());
        tab.append(&collection, entry(id + 100, NOWHERE, b"after"))
            .await
            .expect("the storage still works");
    }
}

pub async fn an_abandoned_compaction_is_there_or_not<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    for polls in POLLS {
        let tab = open_tab();
        let before = tab.open(&collection).await.expect("open");
        let id = polls as u128;
        let from = before.head.position;
        let upto = write(&tab, &collection, from, [id]).await;
        let name = format!("segment {id}");
        let done = abandoned(polls, tab.compact(&collection, fold(from, upto, true, &[&name], &[id]))).await;
        let stored = open_tab().open(&collection).await.expect("open");
        if stored.head.position == upto {
            assert_eq!((segments_of(&stored).last(), stored.journal.len()), (Some(&name.as_str()), 0));
        } else {
            assert_eq!(done, None, "an acknowledged compaction is lost");
            assert_eq!(
                (stored.head, stored.segments.len(), rows_of(&stored.journal)),
                (before.head, before.segments.len(), vec![(upto.key, id)])
            );
            assert_eq!(tab.compact(&collection, fold(from, upto, true, &[&name], &[id])).await, Ok(true));
        }
    }
}
