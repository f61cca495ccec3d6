//! Surprising behaviour of Kinto 26.5 that essaim has to cope with.

use serde_json::json;

use super::Client;

/// Kinto assumes that any PUT whose path ends with the collection's name creates the collection itself, and so does not create it first.
pub fn a_record_that_ends_like_its_collection_does_not_bring_it_into_being(client: &mut Client) {
    let path = client.record("my-notes");
    assert_eq!(client.put(&path, json!({})).error(), (404, 111));
    client.get("/buckets/default/collections/notes");
    assert_eq!(client.put(&path, json!({})).status, 201);
}

/// Below `/buckets/default`, Kinto replaces the word `default` in `data.id` by the bucket's id; then `data.id` differs from the id in the
/// path. A body without `id` works everywhere.
pub fn the_word_default_cannot_be_in_the_id_of_a_body(client: &mut Client) {
    let path = client.record("default-theme");
    assert_eq!(client.put(&path, json!({"id": "default-theme"})).error(), (400, 107));
    assert_eq!(
        client
            .batch(json!([{"method": "PUT", "path": path, "body": {"data": {"id": "default-theme"}}}]))
            .body["responses"][0]["status"],
        400
    );
    assert_eq!(client.put(&path, json!({})).data()["id"], "default-theme");
}

/// To refuse batches inside batches, Kinto looks for `/batch` anywhere in the paths.
pub fn a_collection_named_like_batch_cannot_be_written_in_a_batch(client: &mut Client) {
    let path = "/buckets/default/collections/batches/records/a";
    assert_eq!(client.batch(json!([{"method": "PUT", "path": path, "body": {"data": {}}}])).error(), (400, 107));
    assert_eq!(client.put(path, json!({})).status, 201);
}

pub fn ids_that_look_like_json_must_be_quoted_in_a_query(client: &mut Client) {
    for id in ["1", "true", "null", "1e5", "01", "a"] {
        client.write(id);
    }
    for bare in ["1", "true", "null", "1e5", "a,1"] {
        for filter in ["exclude_id", "in_id"] {
            let path = client.records(&format!("?{filter}={bare}"));
            assert_eq!(client.get(&path).error(), (400, 107), "{filter}={bare}");
        }
    }
    assert_eq!(client.ids("?exclude_id=01"), ["a", "1e5", "null", "true", "1"]);
    assert_eq!(client.ids("?exclude_id=%221%22,%22true%22,%22null%22,%221e5%22,%2201%22"), ["a"]);
    assert_eq!(client.ids("?in_id=%221%22"), ["1"]);
}

/// If one record has a timestamp that is forced so far ahead, every later pull fails.
pub fn a_cursor_a_day_ahead_of_the_clock_is_refused(client: &mut Client) {
    let now = client.write("a");
    let path = client.record("a");
    let far = client.put(&path, json!({"last_modified": now + 25 * 3_600_000})).timestamp();
    assert_eq!(client.list_timestamp(), far);
    let path = client.records(&format!("?_since={far}"));
    assert_eq!(client.get(&path).error(), (400, 107));
    let path = client.records(&format!("?_since={}", now + 23 * 3_600_000));
    assert_eq!(client.get(&path).status, 200);
}

/// A tenth of all numbers with 16 or 17 digits change by one unit in the last place when they are first written. After that they stay the
/// same.
pub fn full_precision_may_be_lost_in_the_last_digit(client: &mut Client) {
    let path = client.record("a");
    let exact = json!({"price": 12.34, "whole": 9_007_199_254_740_991_u64, "negative": -0.001, "large": 1e21, "position": 48.858093});
    let written = client.put(&path, exact.clone());
    for (field, value) in exact.as_object().expect("an object") {
        assert_eq!(written.data()[field].as_f64(), value.as_f64(), "{field}");
    }
    for (sent, stored) in LOSSY {
        let written = client.put(&path, json!({"number": sent}));
        assert_eq!(written.data()["number"].as_f64(), Some(stored), "{sent}");
        let again = client.put(&path, json!({"number": stored}));
        assert_eq!(again.data()["number"].as_f64(), Some(stored), "what was changed once stays");
    }
}

/// Pairs of the number that is sent and the number that Kinto stores.
const LOSSY: [(f64, f64); 4] = [
    (0.9097040631431023, 0.9097040631431024),
    (0.41817215137075947, 0.4181721513707594),
    (0.0009474497007074875, 0.0009474497007074876),
    (0.028960928633167626, 0.028960928633167623),
];

/// So are numbers too large for a double, although `JSON.stringify` never makes any.
pub fn what_javascript_can_hold_and_kinto_cannot_is_refused(client: &mut Client) {
    let path = client.record("a");
    for value in [r#""\ud800""#, r#""\udc00 alone""#, "1e400"] {
        let body = format!(r#"{{"data": {{"value": {value}}}}}"#);
        assert_eq!(client.send("PUT", &path, &[], Some(body)).error(), (400, 107), "{value}");
    }
    let pair = client.send("PUT", &path, &[], Some(r#"{"data": {"value": "\ud83d\ude00"}}"#.to_owned()));
    assert_eq!((pair.status, pair.data()["value"].as_str()), (201, Some("😀")));
}

/// A client can store `deleted: true` in a live record. Only a GET of the record itself then shows that it is live.
pub fn a_record_may_say_that_it_is_deleted_and_live(client: &mut Client) {
    let path = client.record("a");
    let written = client.put(&path, json!({"deleted": true}));
    assert_eq!(written.status, 201);
    assert_eq!(client.list(""), [json!({"id": "a", "deleted": true, "last_modified": written.timestamp()})]);
    assert_eq!(client.get(&path).status, 200);
}

/// Kinto stores a record's own field `deleted` like any other field. Only a record with no other field looks like a tombstone.
pub fn a_field_called_deleted_is_a_field(client: &mut Client) {
    for (id, data) in [
        ("bare", json!({"deleted": true})),
        ("field", json!({"deleted": true, "n": 1})),
        ("plain", json!({"n": 1})),
    ] {
        let path = client.record(id);
        assert_eq!(client.put(&path, data).status, 201);
    }
    client.write("gone");
    let path = client.record("gone");
    client.delete(&path);
    for query in ["?_sort=id", "?_since=0&_sort=id"] {
        let listed = client.list(query);
        let of = |id: &str| listed.iter().find(|row| row["id"] == id);
        assert_eq!(of("field").map(|row| (&row["deleted"], &row["n"])), Some((&json!(true), &json!(1))), "{query}");
        assert_eq!(of("bare").and_then(|row| row.as_object()).map(|row| row.len()), Some(3), "{query}");
        assert_eq!(of("gone").is_some(), query.contains("_since"), "{query}");
    }
    assert_eq!(client.ids("?deleted=true&_sort=id"), ["bare", "field"]);
}
