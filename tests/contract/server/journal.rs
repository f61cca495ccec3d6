//! What a sealed journal needs from a server: pages and segments are records with a payload `ct`, which are created once and emptied later.

use serde_json::{Value, json};

use super::{Client, Reply, ids, quoted};

const ABSENT: [(&str, &str); 1] = [("If-None-Match", "*")];

fn page(position: u32) -> String {
    format!("p{position:012}")
}

fn append(client: &mut Client, position: u32) -> Reply {
    let path = client.record(&page(position));
    client.put_if(&path, &ABSENT, json!({"v": 1, "e": 1, "ct": format!("sealed{position}")}))
}

/// Appends the pages 1 to `count`, and returns their timestamps.
fn append_all(client: &mut Client, count: u32) -> Vec<u64> {
    (1..=count).map(|position| append(client, position).timestamp()).collect()
}

fn empty(client: &mut Client, position: u32, known: u64) -> Reply {
    let path = client.record(&page(position));
    client.put_if(&path, &[("If-Match", &quoted(known))], json!({"v": 1}))
}

fn delete(client: &mut Client, id: &str, known: u64) -> Reply {
    let path = client.record(id);
    client.send("DELETE", &path, &[("If-Match", &quoted(known))], None)
}

fn pages(positions: impl IntoIterator<Item = u32>) -> Vec<String> {
    positions.into_iter().map(page).collect()
}

/// 201 means that the page was appended. A refusal contains the page that was first.
pub fn a_position_is_given_to_one_writer(client: &mut Client) {
    let first = append(client, 42);
    assert_eq!((first.status, first.data()["id"].as_str()), (201, Some("p000000000042")));
    let path = client.record(&page(42));
    let second = client.put_if(&path, &ABSENT, json!({"v": 1, "e": 1, "ct": "other"}));
    assert_eq!((second.error(), second.etag), ((412, 114), first.etag));
    assert_eq!(second.body["details"]["existing"], *first.data());
    assert_eq!(client.get(&path).data(), first.data());
}

pub fn an_emptied_page_still_holds_its_position(client: &mut Client) {
    let written = append(client, 1).timestamp();
    let emptied = empty(client, 1, written);
    assert_eq!(
        (emptied.status, emptied.data()),
        (200, &json!({"id": page(1), "v": 1, "last_modified": emptied.timestamp()})),
        "what the new record lacks is gone"
    );
    assert!(emptied.timestamp() > written);
    let refused = append(client, 1);
    assert_eq!(refused.error(), (412, 114));
    assert_eq!(refused.body["details"]["existing"], *emptied.data());
}

/// This is why pages are emptied, not deleted.
pub fn a_deleted_page_gives_its_position_away(client: &mut Client) {
    let written = append(client, 1).timestamp();
    assert_eq!(delete(client, &page(1), written).status, 200);
    assert_eq!(append(client, 1).status, 201);
}

pub fn only_who_knows_a_page_may_empty_or_delete_it(client: &mut Client) {
    let written = append(client, 1).timestamp();
    for known in [written - 1, written + 1] {
        assert_eq!(empty(client, 1, known).error(), (412, 114));
        assert_eq!(delete(client, &page(1), known).error(), (412, 114));
    }
    let emptied = empty(client, 1, written).timestamp();
    assert_eq!(empty(client, 1, written).error(), (412, 114), "not twice");
    assert_eq!(empty(client, 2, emptied).error(), (412, 114), "emptying creates nothing");
    let path = client.record(&page(2));
    assert_eq!(client.get(&path).error(), (404, 110));
}

pub fn a_page_can_be_asked_for_by_itself(client: &mut Client) {
    let path = client.record(&page(1));
    assert_eq!(client.get(&path).error(), (404, 110));
    let written = append(client, 1);
    let read = client.get(&path);
    assert_eq!((read.status, read.data(), read.etag), (200, written.data(), written.etag));
    let known = quoted(written.timestamp());
    assert_eq!(client.send("GET", &path, &[("If-None-Match", &known)], None).status, 304);
    let emptied = empty(client, 1, written.timestamp());
    let read = client.send("GET", &path, &[("If-None-Match", &known)], None);
    assert_eq!((read.status, read.data()), (200, emptied.data()));
    delete(client, &page(1), emptied.timestamp());
    assert_eq!(client.send("GET", &path, &[("If-None-Match", &known)], None).error(), (404, 110));
}

pub fn the_answer_to_an_append_tells_what_listings_will(client: &mut Client) {
    let mut answers: Vec<Value> = (1..=4).map(|position| append(client, position).data().clone()).collect();
    let first = answers.remove(0);
    answers.push(empty(client, 1, first["last_modified"].as_u64().expect("a timestamp")).data().clone());
    assert_eq!(client.list("?_sort=last_modified&_limit=2"), answers);
    assert_eq!(client.list("?_since=0&_sort=last_modified&_limit=2"), answers);
    assert_eq!(Some(client.list_timestamp()), answers[3]["last_modified"].as_u64());
}

/// As in a first pull: emptied and deleted pages are left out, on every page of the listing.
pub fn has_ct_hides_what_was_emptied(client: &mut Client) {
    let written = append_all(client, 9);
    for position in [1, 2, 5] {
        empty(client, position, written[position as usize - 1]);
    }
    delete(client, &page(7), written[6]);
    let sealed = pages([3, 4, 6, 8, 9]);
    assert_eq!(client.ids("?has_ct=true&_sort=last_modified&_limit=64"), sealed);
    let listing = client.pages("?has_ct=true&_sort=last_modified&_limit=2");
    assert_eq!(
        listing.iter().map(|page| ids(page)).collect::<Vec<_>>(),
        [&sealed[..2], &sealed[2..4], &sealed[4..]]
    );
    assert_eq!(client.ids("?has_ct=false&_sort=last_modified&_limit=64"), pages([1, 2, 5]));
    assert_eq!(client.ids("?has_ct=true&_sort=last_modified&_limit=64"), sealed, "in the same order each time");
}

/// A page that is emptied while the listing is read disappears from the listing, but makes it omit no other page.
pub fn emptying_between_pages_of_a_listing_hides_nothing_else(client: &mut Client) {
    let written = append_all(client, 6);
    let path = client.records("?has_ct=true&_sort=last_modified&_limit=2");
    let first = client.get(&path);
    for position in [1, 2, 3] {
        empty(client, position, written[position as usize - 1]);
    }
    append(client, 7);
    let second = client.get(&first.next_page().expect("a second page"));
    let third = client.get(&second.next_page().expect("a third page"));
    assert_eq!((ids(&second.list()), ids(&third.list())), (pages([4, 5]), pages([6, 7])));
    assert!(third.next_page().is_none() && third.etag > first.etag);
}

/// A later pull lists pages, emptied pages and tombstones, oldest change first.
pub fn since_shows_what_was_emptied_and_what_was_deleted(client: &mut Client) {
    let written = append_all(client, 6);
    let emptied = empty(client, 1, written[0]).timestamp();
    let deleted = delete(client, &page(3), written[2]).timestamp();
    let expected = pages([4, 5, 6, 1, 3]);
    let query = format!("?_since={}&_sort=last_modified&_limit=2", written[2]);
    let listing = client.pages(&query);
    assert_eq!(
        listing.iter().map(|page| ids(page)).collect::<Vec<_>>(),
        [&expected[..2], &expected[2..4], &expected[4..]]
    );
    assert_eq!(listing[1][1], json!({"id": page(1), "v": 1, "last_modified": emptied}));
    assert_eq!(listing[2][0], json!({"id": page(3), "deleted": true, "last_modified": deleted}));
    assert_eq!(
        ids(&client.list(&format!("?_since={}&_sort=last_modified&_limit=64", written[5] - 1)))[0],
        page(6)
    );
}

/// On the memory backend, a `has_…` makes Kinto forget the filters before it. But because of them the listing still shows tombstones.
pub fn since_before_has_ct_is_forgotten_on_memory(client: &mut Client) {
    let written = append_all(client, 3);
    let since = written[1];
    let all = if client.server.is_postgresql() { pages([3]) } else { pages([1, 2, 3]) };
    assert_eq!(client.ids(&format!("?_since={since}&has_ct=true&_sort=last_modified&_limit=2")), all);
    assert_eq!(client.ids(&format!("?has_ct=true&_since={since}&_sort=last_modified&_limit=2")), pages([3]));
    delete(client, &page(3), written[2]);
    assert_eq!(client.ids(&format!("?has_ct=false&_since={since}")), pages([3]), "a tombstone has no ct");
}

/// If nothing is new, one request is enough to learn this, whatever the query.
pub fn an_unchanged_journal_is_not_sent_again(client: &mut Client) {
    let written = append_all(client, 5);
    let timestamp = client.list_timestamp();
    for query in [
        "?has_ct=true&_sort=last_modified&_limit=2".to_owned(),
        format!("?_since={}&_sort=last_modified&_limit=2", written[2]),
        format!("?_since={}&_sort=last_modified&_limit=2", written[4] - 1),
    ] {
        let path = client.records(&query);
        let unchanged = client.send("GET", &path, &[("If-None-Match", &quoted(timestamp))], None);
        assert_eq!((unchanged.status, unchanged.etag), (304, Some(timestamp)), "{query}");
        assert_eq!(client.send("GET", &path, &[("If-None-Match", &quoted(timestamp - 1))], None).status, 200);
        assert_eq!(client.send("GET", &path, &[("If-None-Match", &quoted(timestamp + 1))], None).status, 200);
    }
    let emptied = empty(client, 1, written[0]).timestamp();
    let path = client.records(&format!("?_since={}&_sort=last_modified&_limit=2", written[4] - 1));
    let changed = client.send("GET", &path, &[("If-None-Match", &quoted(timestamp))], None);
    assert_eq!((changed.status, changed.etag, ids(&changed.list())), (200, Some(emptied), pages([5, 1])));
}

/// Names in base64url contain `-` and `_`, also at the beginning and at the end.
pub fn segments_can_be_named_in_base64url(client: &mut Client) {
    let names = [
        "s-AbC_-0123456789xyzXYZ_-",
        "s--_AbC0123456789xyzXYZ_",
        "s-__________-----------",
        "p999999999999",
    ];
    client.write_all(&names);
    assert_eq!(client.ids("?_sort=last_modified"), names);
    for name in names {
        let path = client.record(name);
        let segment = client.get(&path);
        assert_eq!(segment.data()["id"], name);
        assert_eq!(delete(client, name, segment.timestamp()).status, 200);
    }
}

/// The page has one mebibyte, which front servers commonly allow. Kinto itself has no limit.
pub fn a_large_page_is_kept_as_it_is(client: &mut Client) {
    let ct = "sealed_-".repeat((1 << 17) - 100);
    let path = client.record(&page(1));
    let written = client.put_if(&path, &ABSENT, json!({"v": 1, "e": 1, "ct": ct}));
    assert_eq!((written.status, written.data()["ct"].as_str()), (201, Some(ct.as_str())));
    append(client, 2);
    let listed = client.list("?has_ct=true&_sort=last_modified&_limit=64");
    assert_eq!((listed.len(), listed[0]["ct"].as_str()), (2, Some(ct.as_str())));
    let refused = append(client, 1);
    assert_eq!(
        refused.body["details"]["existing"]["ct"].as_str(),
        Some(ct.as_str()),
        "and comes with a refusal"
    );
}

pub fn a_collection_is_created_once(client: &mut Client) {
    let bucket = format!("/buckets/{}", client.server.unique_name());
    let collection = format!("{bucket}/collections/e-0123456789abcdefghjkmnpqrs");
    assert_eq!(client.put_if(&collection, &ABSENT, json!({})).error(), (403, 121), "no bucket, no collection");
    assert_eq!(client.put(&bucket, json!({})).status, 201);
    let record = format!("{collection}/records/{}", page(1));
    assert_eq!(client.put_if(&record, &ABSENT, json!({"v": 1})).error(), (404, 111));
    assert_eq!(client.get(&format!("{collection}/records?has_ct=true")).error(), (404, 111));
    let created = client.put_if(&collection, &ABSENT, json!({}));
    assert_eq!((created.status, created.data()["id"].as_str()), (201, Some("e-0123456789abcdefghjkmnpqrs")));
    let again = client.put_if(&collection, &ABSENT, json!({}));
    assert_eq!((again.error(), &again.body["details"]["existing"]), ((412, 114), created.data()));
    assert_eq!(client.put_if(&record, &ABSENT, json!({"v": 1})).status, 201);
    assert_eq!(client.put_if(&collection, &ABSENT, json!({})).error(), (412, 114));
}

/// In the default bucket, the collection need not be created, but may be.
pub fn in_the_default_bucket_a_journal_begins_with_its_first_page(client: &mut Client) {
    let [made, unmade] = ["e-made", "e-unmade"].map(|name| format!("/buckets/default/collections/{name}"));
    assert_eq!(client.put_if(&made, &ABSENT, json!({})).status, 201);
    assert_eq!(client.put_if(&made, &ABSENT, json!({})).error(), (412, 114));
    for collection in [made, unmade] {
        let record = format!("{collection}/records/{}", page(1));
        assert_eq!(client.put_if(&record, &ABSENT, json!({"v": 1, "ct": "sealed"})).status, 201);
        assert_eq!(client.put_if(&record, &ABSENT, json!({"v": 1, "ct": "other"})).error(), (412, 114));
        assert_eq!(client.put_if(&collection, &ABSENT, json!({})).error(), (412, 114), "it is there by now");
    }
}
