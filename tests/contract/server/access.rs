//! Access: which users reach which objects, and what exists before anything was put.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/buckets.html>

use serde_json::json;

use super::Client;

pub fn a_server_says_how_many_requests_a_batch_may_hold(client: &mut Client) {
    let hello = client.get("/");
    assert_eq!(hello.status, 200);
    assert_eq!(hello.body["settings"]["batch_max_requests"], 25);
    assert!(hello.body["user"]["id"].as_str().is_some_and(|id| id.starts_with("basicauth:")));
    client.user.clear();
    let anonymous = client.get("/");
    assert_eq!((anonymous.status, anonymous.body.get("user")), (200, None));
}

pub fn who_gives_no_credentials_is_asked_for_them(client: &mut Client) {
    client.user.clear();
    let path = client.records("");
    assert_eq!(client.get(&path).error(), (401, 104));
    assert_eq!(client.get("/buckets/elsewhere/collections/notes/records").error(), (401, 104));
    for unusable in ["Basic ~~~", "Bearer token", "Basic OnNlY3JldA=="] {
        assert_eq!(
            client.send("GET", &path, &[("Authorization", unusable)], None).error(),
            (401, 104),
            "{unusable}"
        );
    }
}

pub fn each_user_has_a_default_bucket_of_their_own(client: &mut Client) {
    client.write("mine");
    client.user = client.server.unique_name();
    assert_eq!(client.ids(""), [""; 0]);
}

/// A first sync of an empty collection therefore gets 200. So does a GET of metadata that were never put, in the default bucket.
pub fn a_default_collection_comes_into_being_when_it_is_first_looked_at(client: &mut Client) {
    let path = client.collection.clone();
    let metadata = client.get(&path);
    assert_eq!((metadata.status, metadata.data()["id"].as_str()), (200, Some("notes")));
    assert_eq!(metadata.etag, Some(metadata.timestamp()));
    assert_eq!(client.get(&path).timestamp(), metadata.timestamp());
    assert_eq!(client.put("/buckets/default/collections/other/records/first", json!({})).status, 201);
}

pub fn elsewhere_a_missing_collection_is_not_found(client: &mut Client) {
    let bucket = format!("/buckets/{}", client.server.unique_name());
    assert_eq!(client.put(&bucket, json!({})).status, 201);
    let collection = format!("{bucket}/collections/notes");
    assert_eq!(client.get(&collection).error(), (404, 110));
    assert_eq!(client.get(&format!("{collection}/records")).error(), (404, 111));
    assert_eq!(client.put(&format!("{collection}/records/a"), json!({})).error(), (404, 111));
    assert_eq!(client.patch(&format!("{collection}/records/a"), json!({})).error(), (404, 111));
    assert_eq!(client.delete(&format!("{collection}/records/a")).error(), (404, 111));
}

pub fn a_missing_bucket_is_as_forbidden_as_somebody_elses(client: &mut Client) {
    let bucket = format!("/buckets/{}", client.server.unique_name());
    let collection = format!("{bucket}/collections/notes");
    for exists in [false, true] {
        if exists {
            let owner = std::mem::replace(&mut client.user, "somebody-else".to_owned());
            client.put(&bucket, json!({}));
            client.put(&collection, json!({}));
            client.put(&format!("{collection}/records/a"), json!({}));
            client.user = owner;
            assert_eq!(client.put(&bucket, json!({})).error(), (403, 121));
            assert_eq!(client.put(&format!("{collection}/records/a"), json!({})).error(), (403, 121));
        }
        assert_eq!(client.get(&bucket).error(), (403, 121));
        assert_eq!(client.get(&collection).error(), (403, 121));
        assert_eq!(client.put(&collection, json!({})).error(), (403, 121));
        assert_eq!(client.get(&format!("{collection}/records")).error(), (403, 121));
        assert_eq!(client.get(&format!("{collection}/records/a")).error(), (403, 121));
        assert_eq!(client.delete(&format!("{collection}/records")).error(), (403, 121));
    }
}

/// Kinto must know whether a PUT creates or replaces before it knows which permission is needed.
pub fn a_missing_collection_is_told_even_to_strangers_who_write(client: &mut Client) {
    let bucket = format!("/buckets/{}", client.server.unique_name());
    let record = format!("{bucket}/collections/notes/records/a");
    assert_eq!(client.put(&record, json!({})).error(), (404, 111));
}

pub fn who_makes_a_bucket_may_use_it(client: &mut Client) {
    let bucket = format!("/buckets/{}", client.server.unique_name());
    let created = client.put(&bucket, json!({"color": "red"}));
    assert_eq!((created.status, created.data()["color"].as_str()), (201, Some("red")));
    client.collection = format!("{bucket}/collections/notes");
    let path = client.collection.clone();
    assert_eq!(client.put(&path, json!({})).status, 201);
    client.write("a");
    assert_eq!(client.ids(""), ["a"]);
    assert_eq!(client.delete(&bucket).status, 200);
    assert_eq!(client.get(&path).error(), (403, 121));
}

pub fn collection_metadata_is_kept_as_put(client: &mut Client) {
    let path = client.collection.clone();
    client.get(&path);
    let put = client.put(&path, json!({"schema_of_mine": {"a": [1, null, "é"]}}));
    assert_eq!(put.status, 200);
    assert_eq!(client.patch(&path, json!({"more": 1})).status, 200);
    let read = client.get(&path);
    assert_eq!(read.data()["schema_of_mine"], json!({"a": [1, null, "é"]}));
    assert_eq!(read.data()["more"], 1);
    assert!(read.timestamp() > put.timestamp());
    assert!(read.body["permissions"]["write"].is_array());
}

pub fn a_deleted_collection_takes_its_records_and_tombstones_along(client: &mut Client) {
    client.write("kept");
    client.write("gone");
    let gone = client.record("gone");
    client.delete(&gone);
    let path = client.collection.clone();
    let deleted = client.delete(&path);
    assert_eq!((deleted.status, deleted.data()["deleted"].as_bool()), (200, Some(true)));
    assert_eq!(client.ids("?_since=0"), [""; 0]);
}

/// The answer is 202. Neither records nor tombstones nor timestamps survive, so the timestamp of a list starts at the clock again.
/// <https://docs.kinto-storage.org/en/stable/api/1.x/flush.html>
pub fn a_flushed_server_holds_nothing_and_starts_anew(client: &mut Client) {
    let first = client.write("a");
    let ahead = client.record("ahead");
    client.put(&ahead, json!({"last_modified": first + 3_600_000}));
    assert_eq!(client.list_timestamp(), first + 3_600_000);
    assert_eq!(client.send("POST", "/__flush__", &[], None).status, 202);
    assert_eq!(client.ids("?_since=0"), [""; 0]);
    assert!(client.list_timestamp() < first + 3_600_000);
}

/// Such redirects have no CORS headers and lead credentials elsewhere, so the client treats them as failures.
pub fn a_slash_too_many_and_a_missing_version_are_redirects(client: &mut Client) {
    let origin = client.server.root().trim_end_matches("/v1").to_owned();
    let list = client.records("/");
    for path in [origin.as_str(), &format!("{origin}/v1"), "/buckets/", &list] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.response.redirected), (307, true), "{path}");
        assert!(reply.response.header("location").is_some_and(|location| !location.is_empty()), "{path}");
    }
}

pub fn unknown_paths_and_versions_are_not_found(client: &mut Client) {
    let origin = client.server.root().trim_end_matches("/v1").to_owned();
    assert_eq!(client.get("/nothing").error(), (404, 111));
    assert_eq!(client.get("/buckets/b/nothing").error(), (404, 111));
    assert_eq!(client.get(&format!("{origin}/v2/buckets")).error(), (404, 116));
}
