//! Separate collections, and `forget`.

use super::*;

pub async fn forget_leaves_nothing_in_any_tab<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let (one, other) = (open_tab(), open_tab());
    let last = write(&one, &collection, NOWHERE, [1, 2]).await;
    one.compact(&collection, fold(NOWHERE, last, false, &["all"], &[1, 2])).await.expect("compact");
    write(&one, &collection, last, [3]).await;
    other.open(&collection).await.expect("open");
    one.forget(&collection).await.expect("forget");
    for tab in [&one, &other] {
        assert_eq!(tab.open(&collection).await, Ok(Stored::default()));
    }
    assert_eq!(write(&other, &collection, NOWHERE, [4]).await.key, 1);
    // A collection that does not exist can be forgotten, too.
    one.forget(&collection).await.expect("forget");
    one.forget(&collection).await.expect("forget");
}

pub async fn collections_do_not_see_one_another<S: Storage>(open_tab: impl Fn() -> S, collection: CollectionId) {
    let tab = open_tab();
    let part = |bucket: &str, name: &str| CollectionId {
        bucket: bucket.to_owned(),
        name: format!("{name}{}", collection.name),
        ..collection.clone()
    };
    let collections = [part("a/b", "c"), part("a", "b/c"), part("a%2Fb", "c"), part("a", "c"), part("é", "c")];
    for (id, collection) in (1..).zip(&collections) {
        assert_eq!(write(&tab, collection, NOWHERE, [id]).await.key, 1);
    }
    tab.forget(&collections[3]).await.expect("forget");
    for (id, collection) in (1..).zip(&collections) {
        let expected = if id == 4 { vec![] } else { vec![(1, id)] };
        assert_eq!(rows_of(&open_tab().open(collection).await.expect("open").journal), expected);
    }
}
