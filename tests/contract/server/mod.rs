//! What essaim relies on in a Kinto server, one rule per test. The simulated server must keep every rule, and so must a real Kinto, on
//! memory and on PostgreSQL, with short pages and without. Where the simulated server and a real one differ, the real one is right.
//!
//! The API's own documentation: <https://docs.kinto-storage.org/en/stable/api/1.x/>

pub mod access;
pub mod batch;
pub mod journal;
pub mod listing;
pub mod oddities;
pub mod paging;
pub mod storage;
pub mod timestamps;
pub mod writing;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use essaim::ports::{Request, Response};
use serde_json::{Value, json};

/// A server under test.
pub trait Server {
    /// The URL up to the version, without a slash at the end: `http://localhost:8888/v1`.
    fn root(&self) -> String;
    fn send(&mut self, request: Request) -> Response;
    /// A name of a user or of a bucket that no other test uses.
    fn unique_name(&mut self) -> String;
    /// Whether the server keeps its data in PostgreSQL, not in memory. The two backends differ in some rules.
    fn is_postgresql(&self) -> bool;
    /// The configured greatest number of records in one answer, if any. The rules require at least three.
    fn page_size(&self) -> Option<usize>;
}

/// One user and the collection they work on.
pub struct Client {
    pub server: Box<dyn Server>,
    pub user: String,
    pub collection: String,
}

pub struct Reply {
    pub status: u16,
    pub etag: Option<u64>,
    /// `Value::Null` if the answer has no body.
    pub body: Value,
    pub response: Response,
}

impl Client {
    pub fn new(mut server: impl Server + 'static) -> Self {
        let user = server.unique_name();
        Self {
            server: Box::new(server),
            user,
            collection: "/buckets/default/collections/notes".to_owned(),
        }
    }

    pub fn record(&self, id: &str) -> String {
        format!("{}/records/{id}", self.collection)
    }

    pub fn records(&self, query: &str) -> String {
        format!("{}/records{query}", self.collection)
    }

    /// Sends a request. `path` is relative to the root, or a whole URL that the server gave.
    pub fn send(&mut self, method: &'static str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Reply {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.server.root())
        };
        let mut headers: Vec<(String, String)> = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        if !self.user.is_empty() {
            headers.push((
                "Authorization".to_owned(),
                format!("Basic {}", BASE64_STANDARD.encode(format!("{}:secret", self.user))),
            ));
        }
        if body.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let response = self.server.send(Request {
            method,
            url,
            headers,
            body,
            ..Request::default()
        });
        Reply {
            status: response.status,
            etag: response.header("etag").and_then(|etag| etag.trim_matches('"').parse().ok()),
            body: serde_json::from_str(&response.body).unwrap_or_default(),
            response,
        }
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], None)
    }

    pub fn put(&mut self, path: &str, data: Value) -> Reply {
        self.put_if(path, &[], data)
    }

    pub fn put_if(&mut self, path: &str, headers: &[(&str, &str)], data: Value) -> Reply {
        self.send("PUT", path, headers, Some(json!({"data": data}).to_string()))
    }

    pub fn patch(&mut self, path: &str, changes: Value) -> Reply {
        self.send("PATCH", path, &[], Some(json!({"data": changes}).to_string()))
    }

    pub fn delete(&mut self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None)
    }

    pub fn batch(&mut self, requests: Value) -> Reply {
        self.send("POST", "/batch", &[], Some(json!({"requests": requests}).to_string()))
    }

    /// Writes a record whose title is its id, and returns its timestamp.
    pub fn write(&mut self, id: &str) -> u64 {
        let path = self.record(id);
        self.put(&path, json!({"title": id})).timestamp()
    }

    pub fn write_all(&mut self, ids: &[&str]) {
        for id in ids {
            self.write(id);
        }
    }

    /// All pages of a listing.
    pub fn list(&mut self, query: &str) -> Vec<Value> {
        self.pages(query).concat()
    }

    pub fn ids(&mut self, query: &str) -> Vec<String> {
        ids(&self.list(query))
    }

    pub fn pages(&mut self, query: &str) -> Vec<Vec<Value>> {
        let mut next = Some(self.records(query));
        let mut pages = Vec::new();
        while let Some(path) = next {
            let reply = self.get(&path);
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            pages.push(reply.list());
            next = reply.next_page();
        }
        pages
    }

    /// The timestamp of the last change of the collection's records.
    pub fn list_timestamp(&mut self) -> u64 {
        let path = self.records("");
        self.get(&path).etag.expect("a list has an ETag")
    }
}

impl Reply {
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub fn list(&self) -> Vec<Value> {
        self.data().as_array().cloned().unwrap_or_default()
    }

    /// The timestamp of the object in the answer.
    pub fn timestamp(&self) -> u64 {
        self.data()["last_modified"]
            .as_u64()
            .unwrap_or_else(|| panic!("no last_modified in {}: {}", self.status, self.response.body))
    }

    pub fn next_page(&self) -> Option<String> {
        self.response.header("next-page").map(str::to_owned)
    }

    /// The status and the errno, which together identify an error.
    pub fn error(&self) -> (u16, u64) {
        (self.status, self.body["errno"].as_u64().unwrap_or_default())
    }
}

pub fn ids(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| record["id"].as_str().unwrap_or_default().to_owned()).collect()
}

pub fn quoted(timestamp: u64) -> String {
    format!("\"{timestamp}\"")
}

/// Makes a test of each rule. A rule that is not listed here is dead code, which clippy refuses.
///
/// `$attribute` goes on each test. `$client` makes a [`Client`] with a new user.
macro_rules! server_contract {
    (#[$attribute:meta] $client:expr) => {
        server_contract! { #[$attribute] $client;
            access: a_server_says_how_many_requests_a_batch_may_hold, who_gives_no_credentials_is_asked_for_them,
                each_user_has_a_default_bucket_of_their_own, a_default_collection_comes_into_being_when_it_is_first_looked_at,
                elsewhere_a_missing_collection_is_not_found, a_missing_bucket_is_as_forbidden_as_somebody_elses,
                a_missing_collection_is_told_even_to_strangers_who_write, who_makes_a_bucket_may_use_it, collection_metadata_is_kept_as_put,
                a_deleted_collection_takes_its_records_and_tombstones_along, a_flushed_server_holds_nothing_and_starts_anew,
                a_slash_too_many_and_a_missing_version_are_redirects, unknown_paths_and_versions_are_not_found;
            writing: a_created_record_is_201_with_its_timestamp_as_etag, a_replaced_record_is_200_and_loses_what_the_new_one_lacks,
                a_patch_keeps_what_it_does_not_name, a_patch_needs_a_record, creation_is_refused_where_a_record_is,
                a_tombstone_does_not_stand_in_the_way_of_creation, an_overtaken_update_gets_the_record_that_is_there,
                an_update_of_what_is_gone_gets_no_record, an_update_in_time_goes_through, a_deletion_answers_with_a_tombstone,
                an_overtaken_deletion_gets_the_record_that_is_there, a_deletion_of_what_is_gone_is_not_found,
                a_record_read_with_its_own_etag_is_not_sent_again, a_post_creates_once, bad_requests_change_nothing, conditions_are_quoted_numbers;
            timestamps: every_write_has_a_later_timestamp_than_all_before, writing_the_same_again_is_a_write,
                a_created_record_keeps_a_timestamp_from_the_past, a_timestamp_from_the_future_moves_the_list_along,
                going_back_in_time_is_refused_without_a_word, the_lists_own_timestamp_is_not_given_twice, a_deletion_can_be_given_its_timestamp;
            listing: the_newest_comes_first_unless_asked_otherwise, since_is_strict_and_shows_tombstones,
                a_tombstone_holds_nothing_of_the_record, a_record_written_again_leaves_no_tombstone, a_lists_etag_is_its_last_change,
                an_empty_list_keeps_the_timestamp_of_the_first_look, a_list_is_not_sent_again_to_who_has_it,
                a_list_can_be_had_only_while_it_has_not_changed, ids_can_be_left_out_and_picked, one_timestamp_can_be_left_out_but_not_several,
                fields_bring_id_and_timestamp_but_not_deletion, a_made_up_parameter_changes_nothing, bad_queries_are_refused, a_head_counts_live_records,
                a_deleted_list_leaves_tombstones, a_deletion_of_a_list_can_be_guarded_and_filtered;
            paging: pages_are_followed_by_absolute_addresses_on_the_same_server, pages_hold_everything_once_in_order,
                pages_keep_the_query_they_began_with, a_write_between_ascending_pages_is_on_the_last, a_write_between_descending_pages_is_missed,
                a_later_page_can_ask_that_nothing_changed, a_servers_own_page_size_is_the_longest, a_limit_of_zero_is_no_limit, a_made_up_token_is_refused,
                a_deleted_list_is_deleted_page_by_page;
            batch: answers_come_in_the_order_of_requests, a_refusal_inside_a_batch_concerns_only_itself, a_later_request_sees_an_earlier_one,
                defaults_fill_what_is_missing, a_batch_lends_its_headers, a_batch_follows_redirects, a_batch_that_is_too_long_is_refused_whole,
                an_unreadable_record_spoils_its_whole_batch, a_batch_makes_a_default_collection;
            oddities: a_field_called_deleted_is_a_field, a_record_that_ends_like_its_collection_does_not_bring_it_into_being, the_word_default_cannot_be_in_the_id_of_a_body,
                a_collection_named_like_batch_cannot_be_written_in_a_batch, ids_that_look_like_json_must_be_quoted_in_a_query,
                a_cursor_a_day_ahead_of_the_clock_is_refused, full_precision_may_be_lost_in_the_last_digit, what_javascript_can_hold_and_kinto_cannot_is_refused,
                a_record_may_say_that_it_is_deleted_and_live;
            journal: a_position_is_given_to_one_writer, an_emptied_page_still_holds_its_position, a_deleted_page_gives_its_position_away,
                only_who_knows_a_page_may_empty_or_delete_it, a_page_can_be_asked_for_by_itself, the_answer_to_an_append_tells_what_listings_will,
                has_ct_hides_what_was_emptied, emptying_between_pages_of_a_listing_hides_nothing_else,
                since_shows_what_was_emptied_and_what_was_deleted, since_before_has_ct_is_forgotten_on_memory,
                an_unchanged_journal_is_not_sent_again, segments_can_be_named_in_base64url, a_large_page_is_kept_as_it_is,
                a_collection_is_created_once, in_the_default_bucket_a_journal_begins_with_its_first_page;
            storage: a_timestamp_of_another_record_is_a_conflict_to_postgresql, a_conflict_in_a_batch_undoes_what_was_answered_before_it,
                a_nul_character_breaks_postgresql;
        }
    };
    (#[$attribute:meta] $client:expr; $($module:ident: $($rule:ident),* ;)*) => {
        $($(
            #[test]
            #[$attribute]
            fn $rule() {
                contract::$module::$rule(&mut $client);
            }
        )*)*
    };
}
