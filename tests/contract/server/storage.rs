//! Differences between Kinto on memory and on PostgreSQL: a client must work with both.

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

/// Two writes in the same millisecond collide in the same way, and so do the first requests of two users for their default buckets. A 409
/// is no error of the client; it has to send the request again.
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

/// On PostgreSQL the batch is one transaction. At a 409, Kinto aborts it after having answered the requests before, and continues in a new
/// one. So **a 201 before a 409 is a write that was lost**: only the answers after the last 409 are true.
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

/// JSONB cannot store NUL. The answer says "try again later", for ever; in a batch, the whole batch gets this answer.
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
