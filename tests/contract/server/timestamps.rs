//! `last_modified`: unique and growing in a collection, unless the client sets it (to copy one server to another).
//! <https://docs.kinto-storage.org/en/stable/api/1.x/timestamps.html>

use serde_json::json;

use super::{Client, quoted};

pub fn every_write_has_a_later_timestamp_than_all_before(client: &mut Client) {
    let mut last = 0;
    for turn in 0..10 {
        let written = client.write("a");
        let other = client.record(&format!("b{turn}"));
        let created = client.put(&other, json!({})).timestamp();
        let patched = client.patch(&other, json!({"x": 1})).timestamp();
        let deleted = client.delete(&other).timestamp();
        for timestamp in [written, created, patched, deleted] {
            assert!(timestamp > last, "{timestamp} after {last}");
            last = timestamp;
        }
    }
    assert_eq!(client.list_timestamp(), last);
}

pub fn writing_the_same_again_is_a_write(client: &mut Client) {
    let first = client.write("a");
    assert!(client.write("a") > first);
}

/// The record is then older than the list's timestamp, so a client that has synced already never sees it.
pub fn a_created_record_keeps_a_timestamp_from_the_past(client: &mut Client) {
    let now = client.write("a");
    let path = client.record("old");
    let created = client.put(&path, json!({"last_modified": now - 1000}));
    assert_eq!((created.status, created.timestamp(), created.etag), (201, now - 1000, Some(now - 1000)));
    assert_eq!(client.list_timestamp(), now);
    assert_eq!(client.ids(&format!("?_since={now}")), [""; 0]);
    assert_eq!(client.ids(&format!("?_since={}", now - 1001)), ["a", "old"]);
}

pub fn a_timestamp_from_the_future_moves_the_list_along(client: &mut Client) {
    let now = client.write("a");
    let path = client.record("a");
    assert_eq!(client.put(&path, json!({"last_modified": now + 60_000})).timestamp(), now + 60_000);
    assert_eq!(client.list_timestamp(), now + 60_000);
    assert_eq!(client.write("next"), now + 60_001);
}

pub fn going_back_in_time_is_refused_without_a_word(client: &mut Client) {
    let path = client.record("a");
    let first = client.write("a");
    for forced in [first - 1, first] {
        let replaced = client.put(&path, json!({"last_modified": forced}));
        assert_eq!(replaced.status, 200);
        assert!(replaced.timestamp() > first);
    }
    let not_a_number = client.put(&path, json!({"last_modified": "yesterday"}));
    assert!(not_a_number.timestamp() > first);
}

pub fn the_lists_own_timestamp_is_not_given_twice(client: &mut Client) {
    let taken = client.write("a");
    let path = client.record("b");
    assert!(client.put(&path, json!({"last_modified": taken})).timestamp() > taken);
}

/// The timestamp must be later than that of the record, as for a write.
pub fn a_deletion_can_be_given_its_timestamp(client: &mut Client) {
    let written = client.write("a");
    let path = client.record("a");
    let deleted = client.send(
        "DELETE",
        &format!("{path}?last_modified={}", written + 5_000),
        &[("If-Match", &quoted(written))],
        None,
    );
    assert_eq!(deleted.timestamp(), written + 5_000);
    assert_eq!(client.list_timestamp(), written + 5_000);
    let second = client.write("b");
    let path = client.record("b");
    assert!(client.delete(&format!("{path}?last_modified={}", second - 1)).timestamp() > second);
}
