//! Appending an entry: one row, one transaction, without reading first.

use super::*;

pub async fn a_collection_never_written_is_empty<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    assert_eq!(tab.open(&collection).await, Ok(Stored::default()));
    assert_eq!(since(tail(&tab, &collection, NOWHERE).await), []);
}

pub async fn an_append_gets_the_next_key<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    tab.open(&collection).await.expect("open");
    let mut last = NOWHERE;
    for id in 1..=5 {
        let appended = tab.append(&collection, entry(id, last, b"page")).await.expect("append");
        assert_eq!((appended.key, appended.certain), (last.key + 1, true));
        last = Position { key: appended.key, id };
    }
}

pub async fn entries_are_read_back_in_order_by_every_tab<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    other.open(&collection).await.expect("open");
    let mut written = Vec::new();
    let mut last = NOWHERE;
    // Contains all byte values, and very short lengths.
    for (id, page) in [vec![], vec![0], (0..=255).collect::<Vec<u8>>()].into_iter().enumerate() {
        let entry = Entry {
            id: id as u128 + 7,
            base: last,
            page,
        };
        let appended = one.append(&collection, entry.clone()).await.expect("append");
        last = Position {
            key: appended.key,
            id: entry.id,
        };
        written.push((appended.key, entry.to_bytes()));
    }
    for tab in [one, other, open_tab()] {
        assert_eq!(tab.open(&collection).await.expect("open").journal, written);
    }
}

pub async fn an_append_does_not_judge_its_base<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    write(&tab, &collection, NOWHERE, [1, 2]).await;
    let overtaken = tab.append(&collection, entry(3, NOWHERE, b"void")).await.expect("append");
    assert_eq!(overtaken.key, 3);
    assert_eq!(rows_of(&tab.open(&collection).await.expect("open").journal), [(1, 1), (2, 2), (3, 3)]);
}

pub async fn appends_of_two_tabs_never_get_the_same_key<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let appends = (0..60u128).map(|id| [&one, &other][id as usize % 2].append(&collection, entry(id, NOWHERE, b"page")));
    let mut got: Vec<(u64, u128)> = join_all(appends)
        .await
        .into_iter()
        .zip(0..)
        .map(|(appended, id)| (appended.expect("append").key, id))
        .collect();
    got.sort_unstable();
    assert_eq!(got.iter().map(|(key, _)| *key).collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
    assert_eq!(rows_of(&one.open(&collection).await.expect("open").journal), got);
}

pub async fn ten_megabytes_come_back<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let page: Vec<u8> = (0..10u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let first = entry(1, NOWHERE, &page);
    let key = tab.append(&collection, first.clone()).await.expect("append").key;
    let last = Position { key, id: 1 };
    assert!(open_tab().open(&collection).await.expect("open").journal[0].1 == first.to_bytes());
    let fold = Fold {
        from: NOWHERE,
        upto: last,
        keep: true,
        segments: vec![page.clone(), page.clone()],
        folded: vec![1],
    };
    assert_eq!(tab.compact(&collection, fold).await, Ok(true));
    assert!(open_tab().open(&collection).await.expect("open").segments == [page.clone(), page]);
}
