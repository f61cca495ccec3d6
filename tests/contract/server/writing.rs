//! PUT, PATCH, POST and DELETE of a record, with and without preconditions.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/records.html>

use serde_json::json;

use super::{Client, quoted};

pub fn a_created_record_is_201_with_its_timestamp_as_etag(client: &mut Client) {
    let path = client.record("a");
    let created = client.put(&path, json!({"title": "one", "nested": {"list": [1, null, {}]}}));
    assert_eq!(created.status, 201);
    assert_eq!(created.data()["id"], "a");
    assert_eq!(created.data()["nested"], json!({"list": [1, null, {}]}));
    assert_eq!(created.etag, Some(created.timestamp()));
    let read = client.get(&path);
    assert_eq!((read.status, read.etag, read.data()), (200, created.etag, created.data()));
    assert!(read.body["permissions"]["write"].is_array());
}

pub fn a_replaced_record_is_200_and_loses_what_the_new_one_lacks(client: &mut Client) {
    let path = client.record("a");
    client.put(&path, json!({"old": 1}));
    let replaced = client.put(&path, json!({"id": "a", "new": 2}));
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.data(), &json!({"id": "a", "new": 2, "last_modified": replaced.timestamp()}));
    let same = client.send("PUT", &path, &[], Some("{}".to_owned()));
    assert_eq!(
        (same.status, same.data()["new"].as_u64()),
        (200, Some(2)),
        "without data a record stays as it is"
    );
}

pub fn a_patch_keeps_what_it_does_not_name(client: &mut Client) {
    let path = client.record("a");
    let created = client.put(&path, json!({"kept": 1, "changed": {"deep": 1}})).timestamp();
    let patched = client.patch(&path, json!({"changed": {"other": 2}, "nothing": null}));
    assert_eq!(patched.status, 200);
    assert!(patched.timestamp() > created);
    assert_eq!(
        patched.data(),
        &json!({"id": "a", "kept": 1, "changed": {"other": 2}, "nothing": null, "last_modified": patched.timestamp()})
    );
}

pub fn a_patch_needs_a_record(client: &mut Client) {
    let path = client.record("a");
    assert_eq!(client.patch(&path, json!({"a": 1})).error(), (404, 110));
    client.write("a");
    client.delete(&path);
    assert_eq!(client.patch(&path, json!({"a": 1})).error(), (404, 110));
}

/// The refusal contains the existing record (`details.existing`), so that a conflict needs no further request.
pub fn creation_is_refused_where_a_record_is(client: &mut Client) {
    let path = client.record("a");
    let created = client.put_if(&path, &[("If-None-Match", "*")], json!({"title": "first"}));
    assert_eq!(created.status, 201);
    let refused = client.put_if(&path, &[("If-None-Match", "*")], json!({"title": "second"}));
    assert_eq!(refused.error(), (412, 114));
    assert_eq!(refused.body["details"]["existing"], *created.data());
    assert_eq!(refused.etag, created.etag);
}

pub fn a_tombstone_does_not_stand_in_the_way_of_creation(client: &mut Client) {
    let path = client.record("a");
    client.write("a");
    client.delete(&path);
    assert_eq!(client.put_if(&path, &[("If-None-Match", "*")], json!({})).status, 201);
}

pub fn an_overtaken_update_gets_the_record_that_is_there(client: &mut Client) {
    let path = client.record("a");
    let old = client.write("a");
    let overtaking = client.put(&path, json!({"title": "overtaking"}));
    let refused = client.put_if(&path, &[("If-Match", &quoted(old))], json!({"title": "late"}));
    assert_eq!(refused.error(), (412, 114));
    assert_eq!(refused.body["details"]["existing"], *overtaking.data());
    assert_eq!(refused.etag, overtaking.etag);
    assert_eq!(client.get(&path).data(), overtaking.data());
}

/// If the refusal has no `details`, the record is gone. The ETag is then that of the list.
pub fn an_update_of_what_is_gone_gets_no_record(client: &mut Client) {
    let path = client.record("a");
    let old = client.write("a");
    let deleted = client.delete(&path);
    for wanted in [quoted(old), quoted(deleted.timestamp()), "*".to_owned()] {
        let refused = client.put_if(&path, &[("If-Match", &wanted)], json!({}));
        assert_eq!(refused.error(), (412, 114));
        assert_eq!(refused.body.get("details"), None);
        assert_eq!(refused.etag, deleted.etag);
    }
}

pub fn an_update_in_time_goes_through(client: &mut Client) {
    let path = client.record("a");
    let first = client.write("a");
    let second = client.put_if(&path, &[("If-Match", &quoted(first))], json!({"title": "second"}));
    assert_eq!(second.status, 200);
    assert_eq!(client.put_if(&path, &[("If-Match", "*")], json!({"title": "third"})).status, 200);
    let guarded_patch = client.send(
        "PATCH",
        &path,
        &[("If-Match", &quoted(second.timestamp()))],
        Some(json!({"data": {}}).to_string()),
    );
    assert_eq!(guarded_patch.error(), (412, 114));
}

pub fn a_deletion_answers_with_a_tombstone(client: &mut Client) {
    let path = client.record("a");
    let written = client.write("a");
    let deleted = client.send("DELETE", &path, &[("If-Match", &quoted(written))], None);
    assert_eq!(deleted.status, 200);
    assert_eq!(
        deleted.body,
        json!({"data": {"id": "a", "last_modified": deleted.timestamp(), "deleted": true}})
    );
    assert_eq!(deleted.etag, Some(deleted.timestamp()));
    assert!(deleted.timestamp() > written);
    assert_eq!(client.get(&path).error(), (404, 110));
}

pub fn an_overtaken_deletion_gets_the_record_that_is_there(client: &mut Client) {
    let path = client.record("a");
    let old = client.write("a");
    let overtaking = client.put(&path, json!({"title": "overtaking"}));
    let refused = client.send("DELETE", &path, &[("If-Match", &quoted(old))], None);
    assert_eq!(refused.error(), (412, 114));
    assert_eq!(refused.body["details"]["existing"], *overtaking.data());
}

/// The answer is 404 and not 412, whatever the precondition: the client wanted the record gone, and it is.
pub fn a_deletion_of_what_is_gone_is_not_found(client: &mut Client) {
    let path = client.record("a");
    let old = client.write("a");
    client.delete(&path);
    assert_eq!(client.delete(&path).error(), (404, 110));
    assert_eq!(client.send("DELETE", &path, &[("If-Match", &quoted(old))], None).error(), (404, 110));
    assert_eq!(client.delete(&path).body["details"], json!({"id": "a", "resource_name": "record"}));
}

pub fn a_record_read_with_its_own_etag_is_not_sent_again(client: &mut Client) {
    let path = client.record("a");
    let written = client.write("a");
    let unchanged = client.send("GET", &path, &[("If-None-Match", &quoted(written))], None);
    assert_eq!((unchanged.status, unchanged.response.body.as_str(), unchanged.etag), (304, "", Some(written)));
    assert_eq!(client.send("GET", &path, &[("If-None-Match", &quoted(written - 1))], None).status, 200);
}

/// A second POST of the same id returns the existing record, unless a precondition forbids it.
pub fn a_post_creates_once(client: &mut Client) {
    let path = client.records("");
    let post = |client: &mut Client, headers: &[(&str, &str)], data| client.send("POST", &path, headers, Some(json!({"data": data}).to_string()));
    let first = post(client, &[], json!({"id": "a", "title": "first"}));
    assert_eq!((first.status, first.etag), (201, Some(first.timestamp())));
    let second = post(client, &[], json!({"id": "a", "title": "second"}));
    assert_eq!((second.status, second.data()), (200, first.data()));
    assert_eq!(post(client, &[("If-None-Match", "*")], json!({"id": "a"})).error(), (412, 114));
    let unnamed = post(client, &[], json!({"title": "no id"}));
    assert_eq!(unnamed.status, 201);
    assert_eq!(unnamed.data()["id"].as_str().map(str::len), Some(36));
}

pub fn bad_requests_change_nothing(client: &mut Client) {
    let path = client.record("a");
    let written = client.write("a");
    let not_below_data = json!({"title": "bare"}).to_string();
    for body in [
        "not json",
        "[]",
        "5",
        "{\"data\": 5}",
        "{\"data\": [1]}",
        "{\"data\": {\"title\":",
        &not_below_data,
    ] {
        assert_eq!(client.send("PUT", &path, &[], Some(body.to_owned())).error(), (400, 107), "{body}");
    }
    assert_eq!(client.put(&path, json!({"id": "b"})).error(), (400, 107));
    assert_eq!(client.patch(&path, json!({"id": "b"})).error(), (400, 107));
    assert_eq!(client.send("PATCH", &path, &[], Some("{}".to_owned())).error(), (400, 107));
    for id in ["_a", "-a", "a.b", "a b", "%C3%A9"] {
        let path = client.record(id);
        assert_eq!(client.put(&path, json!({})).error(), (400, 107), "{id}");
    }
    assert_eq!(client.send("POST", &path, &[], Some("{}".to_owned())).error(), (405, 115));
    assert_eq!(client.list_timestamp(), written);
}

pub fn conditions_are_quoted_numbers(client: &mut Client) {
    let path = client.record("a");
    let written = client.write("a");
    for bare in [written.to_string(), "\"abc\"".to_owned(), "W/\"1\"".to_owned()] {
        assert_eq!(client.put_if(&path, &[("If-Match", &bare)], json!({})).error(), (400, 107), "{bare}");
    }
    // Zero counts as no condition at all.
    assert_eq!(client.put_if(&path, &[("If-Match", "\"0\"")], json!({})).status, 200);
}
