//! Where Kinto on memory and Kinto on PostgreSQL differ: a client must be right on both.

use serde_json::{Value, json};

use super::{Client, Reply};

fn statuses(reply: &Reply) -> Vec<u64> {
    reply.body["responses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|response| response["status"].as_u64())
        .collect()
}

/// Two writes in one millisecond meet the same way, and so does the first look of two users at their default bucket:
/// a 409 is nobody's fault, and is cured by asking again.
pub fn a_timestamp_of_another_record_is_a_conflict_to_postgresql(client: &mut Client) {
    let taken = client.write("a");
    client.write("b");
    let path = client.record("c");
    let reply = client.put(&path, json!({"last_modified": taken}));
    if client.server.is_postgresql() {
        assert_eq!(reply.error(), (409, 122));
        assert!(reply.response.header("retry-after").is_some());
        assert_eq!(client.put(&path, json!({})).status, 201);
    } else {
        assert_eq!((reply.status, reply.timestamp()), (201, taken));
    }
}

/// The batch is one transaction. Kinto aborts it at a 409, after having answered the requests before, and goes on with a new one:
/// **a 201 that stands before a 409 is a write that was lost**. Only what comes after the last 409 can be believed.
pub fn a_conflict_in_a_batch_undoes_what_was_answered_before_it(client: &mut Client) {
    let taken = client.write("a");
    client.write("b");
    let requests: Value = [("before", json!({})), ("conflict", json!({"last_modified": taken})), ("after", json!({}))]
        .map(|(id, data)| json!({"method": "PUT", "path": client.record(id), "body": {"data": data}}))
        .into_iter()
        .collect();
    let reply = client.batch(requests);
    let mut ids = client.ids("");
    ids.sort();
    if client.server.is_postgresql() {
        assert_eq!((reply.status, statuses(&reply)), (200, vec![201, 409, 201]));
        assert_eq!(ids, ["a", "after", "b"]);
    } else {
        assert_eq!(statuses(&reply), [201, 201, 201]);
        assert_eq!(ids, ["a", "after", "b", "before", "conflict"]);
    }
}

/// JSONB has no place for it. The answer says "try again later", for ever, and in a batch it stands for all of it.
pub fn a_nul_character_breaks_postgresql(client: &mut Client) {
    client.write("a");
    let path = client.record("b");
    let data = json!({"text": "a\u{0}b"});
    let alone = client.put(&path, data.clone());
    let [c, d] = ["c", "d"].map(|id| client.record(id));
    let batch = client.batch(json!([{"method": "PUT", "path": c, "body": {"data": {}}}, {"method": "PUT", "path": d, "body": {"data": data}}]));
    if client.server.is_postgresql() {
        assert_eq!((alone.error(), batch.error()), ((503, 201), (503, 201)));
        assert!(alone.response.header("retry-after").is_some());
        assert_eq!(client.ids(""), ["a"]);
    } else {
        assert_eq!((alone.status, &alone.data()["text"]), (201, &json!("a\u{0}b")));
        assert_eq!(statuses(&batch), [201, 201]);
    }
}
