//! The batch endpoint: many requests in one.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/batch.html>

use serde_json::{Value, json};

use super::{Client, Reply, quoted};

fn responses(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["responses"].as_array().cloned().expect("responses")
}

fn statuses(responses: &[Value]) -> Vec<u64> {
    responses.iter().map(|response| response["status"].as_u64().unwrap_or_default()).collect()
}

pub fn answers_come_in_the_order_of_requests(client: &mut Client) {
    let [first, second] = ["a", "b"].map(|id| client.record(id));
    let reply = client.batch(json!([
        {"method": "PUT", "path": first, "body": {"data": {"n": 1}}},
        {"method": "PUT", "path": format!("/v1{second}"), "body": {"data": {"n": 2}}},
        {"path": first},
        {"method": "DELETE", "path": second},
    ]));
    let responses = responses(&reply);
    assert_eq!(statuses(&responses), [201, 201, 200, 200]);
    assert_eq!(responses[0]["path"], format!("/v1{first}"), "the path as asked, with the version");
    assert_eq!(responses[1]["path"], format!("/v1{second}"));
    assert_eq!(responses[1]["body"]["data"]["n"], 2);
    assert_eq!(
        responses[0]["headers"]["ETag"],
        quoted(responses[0]["body"]["data"]["last_modified"].as_u64().expect("a timestamp"))
    );
    assert_eq!(responses[3]["body"]["data"]["deleted"], true);
}

/// The batch itself is answered 200: nothing is rolled back, and the requests after the refusal are carried out.
pub fn a_refusal_inside_a_batch_concerns_only_itself(client: &mut Client) {
    let written = client.write("there");
    let [there, gone, last, bad] = ["there", "gone", "last", "_bad"].map(|id| client.record(id));
    let foreign = format!("/buckets/{}/collections/notes/records", client.server.unique_name());
    let reply = client.batch(json!([
        {"method": "PUT", "path": there, "headers": {"If-None-Match": "*"}, "body": {"data": {}}},
        {"method": "PUT", "path": there, "headers": {"If-Match": quoted(written - 1)}, "body": {"data": {}}},
        {"method": "PUT", "path": gone, "headers": {"If-Match": quoted(written)}, "body": {"data": {}}},
        {"method": "DELETE", "path": gone, "headers": {"If-Match": quoted(written)}},
        {"method": "PUT", "path": bad, "body": {"data": {}}},
        {"path": foreign},
        {"path": "/nothing"},
        {"method": "PUT", "path": last, "body": {"data": {}}},
    ]));
    let responses = responses(&reply);
    assert_eq!(statuses(&responses), [412, 412, 412, 404, 400, 403, 404, 201]);
    for overtaken in &responses[..2] {
        assert_eq!(
            overtaken["body"]["details"]["existing"],
            json!({"id": "there", "title": "there", "last_modified": written})
        );
    }
    assert_eq!(responses[2]["body"].get("details"), None);
    let errnos: Vec<&Value> = responses[..7].iter().map(|response| &response["body"]["errno"]).collect();
    assert_eq!(errnos, [114, 114, 114, 110, 107, 121, 111]);
    let user = std::mem::take(&mut client.user);
    let anonymous = client.batch(json!([{"path": there}]));
    assert_eq!(
        anonymous.body["responses"][0]["body"]["errno"], 104,
        "a batch needs no credentials, what is in it does"
    );
    client.user = user;
}

pub fn a_later_request_sees_an_earlier_one(client: &mut Client) {
    let path = client.record("a");
    let create = json!({"method": "PUT", "path": path, "headers": {"If-None-Match": "*"}, "body": {"data": {}}});
    let reply = client.batch(json!([create, create]));
    assert_eq!(statuses(&responses(&reply)), [201, 412]);
}

pub fn defaults_fill_what_is_missing(client: &mut Client) {
    let [a, b] = ["a", "b"].map(|id| client.record(id));
    let body = json!({
        "defaults": {"method": "PUT", "headers": {"If-None-Match": "*"}, "body": {"data": {"shared": 1}}},
        "requests": [{"path": a}, {"path": b, "body": {"data": {"own": 2}}}, {"path": a, "headers": {"X-Other": "1"}}],
    });
    let reply = client.send("POST", "/batch", &[], Some(body.to_string()));
    let responses = responses(&reply);
    assert_eq!(statuses(&responses), [201, 201, 412]);
    assert_eq!(
        (&responses[1]["body"]["data"]["shared"], &responses[1]["body"]["data"]["own"]),
        (&json!(1), &json!(2))
    );
}

/// Above all, the credentials apply to each request of the batch. But preconditions do, too, so the client must not put any on the batch
/// itself.
pub fn a_batch_lends_its_headers(client: &mut Client) {
    client.write("a");
    let path = client.record("a");
    let body = json!({"requests": [{"method": "PUT", "path": path, "body": {"data": {}}}]}).to_string();
    let reply = client.send("POST", "/batch", &[("If-None-Match", "*")], Some(body));
    assert_eq!(statuses(&responses(&reply)), [412]);
}

pub fn a_batch_follows_redirects(client: &mut Client) {
    client.write("a");
    let path = client.record("a");
    let reply = client.batch(json!([{"path": format!("{path}/")}]));
    let responses = responses(&reply);
    assert_eq!((statuses(&responses), &responses[0]["body"]["data"]["id"]), (vec![200], &json!("a")));
}

pub fn a_batch_that_is_too_long_is_refused_whole(client: &mut Client) {
    let hello = client.get("/");
    let most = hello.body["settings"]["batch_max_requests"].as_u64().expect("a number");
    let requests = |client: &Client, count| -> Value {
        (0..count)
            .map(|number| json!({"method": "PUT", "path": client.record(&format!("n{number}")), "body": {"data": {}}}))
            .collect()
    };
    let too_many = requests(client, most + 1);
    assert_eq!(client.batch(too_many).error(), (400, 107));
    assert_eq!(client.ids(""), [""; 0]);
    let enough = requests(client, most);
    let reply = client.batch(enough);
    assert_eq!(statuses(&responses(&reply)), vec![201; most as usize]);
}

/// A client must find the rejected record; otherwise all other records of its batch wait for ever.
pub fn an_unreadable_record_spoils_its_whole_batch(client: &mut Client) {
    let [a, b] = ["a", "b"].map(|id| client.record(id));
    let body = format!(
        r#"{{"requests": [{{"method": "PUT", "path": "{a}", "body": {{"data": {{}}}}}}, {{"method": "PUT", "path": "{b}", "body": {{"data": {{"text": "\ud800"}}}}}}]}}"#
    );
    assert_eq!(client.send("POST", "/batch", &[], Some(body)).error(), (400, 107));
    assert_eq!(client.ids(""), [""; 0]);
}

pub fn a_batch_makes_a_default_collection(client: &mut Client) {
    let [a, b] = ["a", "b"].map(|id| client.record(id));
    let reply = client.batch(json!([{"method": "PUT", "path": a, "body": {"data": {}}}, {"method": "PUT", "path": b, "body": {"data": {}}}]));
    assert_eq!(statuses(&responses(&reply)), [201, 201]);
}
