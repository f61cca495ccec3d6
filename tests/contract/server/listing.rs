//! Lists of records, as a sync asks for them.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/records.html#retrieving-stored-records>

use serde_json::json;

use super::{Client, ids, quoted};

pub fn the_newest_comes_first_unless_asked_otherwise(client: &mut Client) {
    for id in ["b", "a", "c"] {
        client.write(id);
    }
    assert_eq!(client.ids(""), ["c", "a", "b"]);
    assert_eq!(client.ids("?_sort=-last_modified"), ["c", "a", "b"]);
    assert_eq!(client.ids("?_sort=last_modified"), ["b", "a", "c"]);
    assert_eq!(client.ids("?_sort=id"), ["a", "b", "c"]);
    assert_eq!(client.ids("?_sort=-id,last_modified"), ["c", "b", "a"]);
}

pub fn since_is_strict_and_shows_tombstones(client: &mut Client) {
    let first = client.write("a");
    let second = client.write("b");
    let path = client.record("a");
    let deleted = client.delete(&path).timestamp();
    assert_eq!(client.ids(""), ["b"]);
    assert_eq!(client.ids(&format!("?_since={}", first)), ["a", "b"]);
    assert_eq!(client.ids(&format!("?_since={}&_sort=last_modified", second)), ["a"]);
    assert_eq!(client.ids(&format!("?_since={}", quoted(second))), ["a"], "an ETag as it came is fine too");
    assert_eq!(client.ids(&format!("?_since={deleted}")), [""; 0]);
    assert_eq!(client.ids(&format!("?_since={second}&_before={deleted}")), [""; 0]);
}

pub fn a_tombstone_holds_nothing_of_the_record(client: &mut Client) {
    let path = client.record("a");
    client.put(&path, json!({"secret": "title"}));
    let deleted = client.delete(&path).timestamp();
    assert_eq!(client.list("?_since=0"), [json!({"id": "a", "last_modified": deleted, "deleted": true})]);
}

pub fn a_record_written_again_leaves_no_tombstone(client: &mut Client) {
    let path = client.record("a");
    client.write("a");
    client.delete(&path);
    let again = client.write("a");
    assert_eq!(client.list("?_since=0"), [json!({"id": "a", "title": "a", "last_modified": again})]);
}

pub fn a_lists_etag_is_its_last_change(client: &mut Client) {
    let written = client.write("a");
    assert_eq!(client.list_timestamp(), written);
    let path = client.record("a");
    let deleted = client.delete(&path).timestamp();
    for query in ["", "?_since=0", "?in_id=b", "?_sort=id"] {
        let path = client.records(query);
        assert_eq!(client.get(&path).etag, Some(deleted), "{query}");
    }
    let other = client.put("/buckets/default/collections/others/records/a", json!({})).timestamp();
    assert!(other > 0 && client.list_timestamp() == deleted, "other collections do not count");
}

/// The timestamp is taken from the clock, although nothing was written: an ETag that grew does not prove a change.
pub fn an_empty_list_keeps_the_timestamp_of_the_first_look(client: &mut Client) {
    let first = client.list_timestamp();
    assert!(first > 0);
    assert_eq!(client.list_timestamp(), first);
    assert!(client.write("a") > first);
}

pub fn a_list_is_not_sent_again_to_who_has_it(client: &mut Client) {
    let written = client.write("a");
    for query in ["", "?_since=0&_sort=last_modified", "?_since=0&_limit=1"] {
        let path = client.records(query);
        let unchanged = client.send("GET", &path, &[("If-None-Match", &quoted(written))], None);
        assert_eq!((unchanged.status, unchanged.response.body.as_str(), unchanged.etag), (304, "", Some(written)));
        let changed = client.send("GET", &path, &[("If-None-Match", &quoted(written - 1))], None);
        assert_eq!((changed.status, ids(&changed.list())), (200, vec!["a".to_owned()]));
    }
    let path = client.records("");
    assert_eq!(
        client.send("GET", &path, &[("If-None-Match", "*")], None).error(),
        (412, 114),
        "a list always exists"
    );
}

pub fn a_list_can_be_had_only_while_it_has_not_changed(client: &mut Client) {
    let first = client.write("a");
    let path = client.records("");
    assert_eq!(client.send("GET", &path, &[("If-Match", &quoted(first))], None).status, 200);
    let second = client.write("b");
    let refused = client.send("GET", &path, &[("If-Match", &quoted(first))], None);
    assert_eq!((refused.error(), refused.etag, refused.body.get("details")), ((412, 114), Some(second), None));
}

pub fn ids_can_be_left_out_and_picked(client: &mut Client) {
    for id in ["a", "b", "c", "d"] {
        client.write(id);
    }
    let path = client.record("d");
    client.delete(&path);
    assert_eq!(client.ids("?exclude_id=b,nobody"), ["c", "a"]);
    assert_eq!(client.ids("?_since=0&_sort=last_modified&exclude_id=b"), ["a", "c", "d"]);
    assert_eq!(
        client.ids("?_since=0&_sort=-last_modified&exclude_id=a,d"),
        ["c", "b"],
        "tombstones can be left out too"
    );
    assert_eq!(client.ids("?in_id=a,d"), ["a"]);
    assert_eq!(client.ids("?in_id=a,d&_since=0"), ["d", "a"]);
    assert_eq!(client.ids("?id=b"), ["b"]);
    assert_eq!(client.ids("?not_id=b"), ["c", "a"]);
    assert_eq!(client.ids("?in_id="), [""; 0]);
}

/// Kinto accepts no value for `exclude_last_modified` and `in_last_modified`.
pub fn one_timestamp_can_be_left_out_but_not_several(client: &mut Client) {
    let first = client.write("a");
    let second = client.write("b");
    let path = client.record("c");
    client.write("c");
    client.delete(&path);
    for query in ["exclude_last_modified", "in_last_modified"] {
        for value in [format!("{first}"), format!("{first},{second}"), quoted(first)] {
            for rest in ["", "&_since=0", "&_since=0&_sort=last_modified"] {
                let path = client.records(&format!("?{query}={value}{rest}"));
                assert_eq!(client.get(&path).error(), (400, 107), "{path}");
            }
        }
    }
    assert_eq!(
        client.ids(&format!("?not_last_modified={first}")),
        ["c", "b"],
        "any condition on last_modified shows tombstones"
    );
    assert_eq!(client.ids(&format!("?not_last_modified={second}&_since=0&_sort=last_modified")), ["a", "c"]);
    assert_eq!(client.ids(&format!("?last_modified={second}")), ["b"]);
    assert_eq!(client.ids(&format!("?min_last_modified={second}&max_last_modified={second}")), ["b"]);
    assert_eq!(client.ids(&format!("?gt_last_modified={first}&lt_last_modified={}", second + 1)), ["b"]);
}

/// A listing with `_fields=id` therefore does not distinguish records from tombstones, unless `deleted` is requested as well.
pub fn fields_bring_id_and_timestamp_but_not_deletion(client: &mut Client) {
    let path = client.record("a");
    let written = client.put(&path, json!({"title": "t", "text": "x"})).timestamp();
    assert_eq!(client.list("?_fields=id"), [json!({"id": "a", "last_modified": written})]);
    assert_eq!(
        client.list("?_fields=title,missing"),
        [json!({"id": "a", "last_modified": written, "title": "t"})]
    );
    let deleted = client.delete(&path).timestamp();
    assert_eq!(client.list("?_fields=id&_since=0"), [json!({"id": "a", "last_modified": deleted})]);
    assert_eq!(
        client.list("?_fields=deleted&_since=0"),
        [json!({"id": "a", "last_modified": deleted, "deleted": true})]
    );
}

pub fn a_made_up_parameter_changes_nothing(client: &mut Client) {
    client.write("a");
    assert_eq!(client.ids("?_expected=12345"), ["a"]);
}

pub fn bad_queries_are_refused(client: &mut Client) {
    client.write("a");
    for query in [
        "_since=abc",
        "_since=-1",
        "_since=true",
        "_since=",
        "_limit=x",
        "_limit=-1",
        "_before=%22x%22",
        "gt_last_modified=x",
    ] {
        let path = client.records(&format!("?{query}"));
        assert_eq!(client.get(&path).error(), (400, 107), "{query}");
    }
}

pub fn a_head_counts_live_records(client: &mut Client) {
    client.write("a");
    client.write("b");
    let path = client.record("a");
    let deleted = client.delete(&path).timestamp();
    for (query, count) in [("", "1"), ("?_since=0", "1"), ("?exclude_id=b", "0")] {
        let path = client.records(query);
        let head = client.send("HEAD", &path, &[], None);
        assert_eq!(
            (head.status, head.response.header("total-records"), head.etag),
            (200, Some(count), Some(deleted)),
            "{query}"
        );
    }
}

pub fn a_deleted_list_leaves_tombstones(client: &mut Client) {
    let written = ["a", "b", "c"].map(|id| client.write(id));
    let path = client.records("?_limit=0");
    let deleted = client.delete(&path);
    assert_eq!(deleted.status, 200);
    assert!(
        deleted
            .list()
            .iter()
            .all(|tombstone| tombstone["deleted"] == true && tombstone["last_modified"].as_u64() > Some(written[2]))
    );
    assert_eq!(deleted.etag, Some(client.list_timestamp()));
    assert_eq!(client.ids(""), [""; 0]);
    let mut ids = client.ids("?_since=0");
    ids.sort();
    assert_eq!(ids, ["a", "b", "c"]);
    let again = client.delete(&path);
    assert_eq!(
        (again.status, again.list().len(), again.etag),
        (200, 0, deleted.etag),
        "what is gone is not deleted again"
    );
}

pub fn a_deletion_of_a_list_can_be_guarded_and_filtered(client: &mut Client) {
    let first = client.write("a");
    let second = client.write("b");
    client.write("c");
    let path = client.records("");
    assert_eq!(client.send("DELETE", &path, &[("If-Match", &quoted(second))], None).error(), (412, 114));
    let path = client.records(&format!("?_since={first}&exclude_id=c"));
    assert_eq!(ids(&client.delete(&path).list()), ["b"]);
    assert_eq!(client.ids(""), ["c", "a"]);
}
