//! Listings that are too long for one answer.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/pagination.html>

use serde_json::json;

use super::{Client, ids, quoted};

/// The address of the next page names the `default` bucket by its real id.
pub fn pages_are_followed_by_absolute_addresses_on_the_same_server(client: &mut Client) {
    client.write_all(&["a", "b", "c"]);
    let path = client.records("?_limit=2");
    let first = client.get(&path);
    assert_eq!(ids(&first.list()), ["c", "b"]);
    let next = first.next_page().expect("a third record");
    assert!(next.starts_with(&format!("{}/buckets/", client.server.root())), "{next}");
    let hello = client.get("/");
    assert!(next.contains(hello.body["user"]["bucket"].as_str().expect("a user has a bucket")), "{next}");
    let last = client.get(&next);
    assert_eq!((ids(&last.list()), last.next_page(), last.etag), (vec!["a".to_owned()], None, first.etag));
    let path = client.records("?_limit=3");
    assert_eq!(client.get(&path).next_page(), None, "a full page may be the last");
}

pub fn pages_hold_everything_once_in_order(client: &mut Client) {
    let names: Vec<String> = (0..7).map(|number| format!("n{number}")).collect();
    for name in &names {
        client.write(name);
    }
    for query in ["?_limit=2&_sort=last_modified", "?_limit=1&_sort=id", "?_sort=last_modified"] {
        assert_eq!(client.ids(query), names, "{query}");
    }
    let pages: Vec<usize> = client.pages("?_limit=3").iter().map(Vec::len).collect();
    assert_eq!(pages, [3, 3, 1]);
}

pub fn pages_keep_the_query_they_began_with(client: &mut Client) {
    let timestamps = ["a", "b", "c", "d", "e"].map(|id| client.write(id));
    let path = client.record("d");
    client.delete(&path);
    let since = timestamps[0];
    let pages = client.pages(&format!("?_since={since}&_sort=last_modified&_limit=1&exclude_id=c,nobody&_fields=id,deleted"));
    assert_eq!(pages.iter().map(|page| ids(page)).collect::<Vec<_>>(), [["b"], ["e"], ["d"]]);
    assert_eq!(pages[2][0]["deleted"], true);
    assert!(pages.concat().iter().all(|record| record.get("title").is_none()));
}

/// In ascending order, a record that changes meanwhile moves to the end, which is still to be read: such a pull misses nothing.
pub fn a_write_between_ascending_pages_is_on_the_last(client: &mut Client) {
    client.write_all(&["a", "b", "c", "d"]);
    let path = client.records("?_sort=last_modified&_limit=2&_since=0");
    let first = client.get(&path);
    client.write("a");
    client.write("new");
    let path = client.record("c");
    client.delete(&path);
    let second = client.get(&first.next_page().expect("a second page"));
    let third = client.get(&second.next_page().expect("a third page"));
    assert_eq!(ids(&[first.list(), second.list(), third.list()].concat()), ["a", "b", "d", "a", "new", "c"]);
    assert!(third.etag > first.etag);
}

/// In descending order, the new record comes before what was already read. If the ETag of the last page became the next `_since`, the
/// record would be missed for ever.
pub fn a_write_between_descending_pages_is_missed(client: &mut Client) {
    client.write_all(&["a", "b", "c"]);
    let path = client.records("?_sort=-last_modified&_limit=2&_since=0");
    let first = client.get(&path);
    let written = client.write("new");
    let second = client.get(&first.next_page().expect("a second page"));
    assert_eq!(ids(&[first.list(), second.list()].concat()), ["c", "b", "a"]);
    assert_eq!(second.etag, Some(written));
}

pub fn a_later_page_can_ask_that_nothing_changed(client: &mut Client) {
    client.write_all(&["a", "b", "c"]);
    let path = client.records("?_limit=2");
    let first = client.get(&path);
    let (next, etag) = (first.next_page().expect("a second page"), quoted(first.etag.expect("an ETag")));
    assert_eq!(client.send("GET", &next, &[("If-Match", &etag)], None).status, 200);
    client.write("new");
    assert_eq!(client.send("GET", &next, &[("If-Match", &etag)], None).error(), (412, 114));
}

pub fn a_servers_own_page_size_is_the_longest(client: &mut Client) {
    let Some(size) = client.server.page_size() else { return };
    for number in 0..=size {
        client.write(&format!("n{number}"));
    }
    for query in ["".to_owned(), format!("?_limit={}", size + 1), "?_since=0".to_owned()] {
        let pages: Vec<usize> = client.pages(&query).iter().map(Vec::len).collect();
        assert_eq!(pages, [size, 1], "{query}");
    }
}

pub fn a_limit_of_zero_is_no_limit(client: &mut Client) {
    for number in 0..5 {
        client.write(&format!("n{number}"));
    }
    let path = client.records("?_limit=0");
    let all = client.get(&path);
    assert_eq!((all.list().len(), all.next_page()), (5, None));
}

pub fn a_made_up_token_is_refused(client: &mut Client) {
    client.write("a");
    for token in ["abc", "e30=", "%00"] {
        let path = client.records(&format!("?_limit=1&_token={token}"));
        assert_eq!(client.get(&path).error(), (400, 107), "{token}");
    }
}

/// The answer has `Next-Page`, but web pages cannot read it: Kinto does not expose this header to CORS on DELETE.
pub fn a_deleted_list_is_deleted_page_by_page(client: &mut Client) {
    client.write_all(&["a", "b", "c"]);
    let path = client.records("?_limit=2");
    let first = client.delete(&path);
    let mut deleted = ids(&first.list());
    deleted.sort();
    assert_eq!(deleted, ["b", "c"], "the newest first");
    assert!(first.next_page().is_some());
    assert_eq!(client.ids(""), ["a"]);
    let path = client.record("d");
    client.put(&path, json!({}));
    assert_eq!(client.ids(""), ["d", "a"]);
}
