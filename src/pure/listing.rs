//! One listing of a remote collection, oldest first, page by page: which page to ask for next, and when the listing has ended.
//!
//! The next page is requested by the last version shown (`_since`). The header `Next-Page` only says that there is more; its URL is never
//! requested. CORS or a proxy may hide that header, and behind a proxy that does not pass `Host` on it names an internal URL. A server may also
//! show fewer rows than `_limit` asks for, so a short page is not the last one. The last page is one that shows nothing newer, or whose last
//! row is as new as the collection's timestamp (`ETag`).
//!
//! Two rows can have the same version, if a client forced it on Kinto's memory backend; and a proxy may answer in another order. Then `_since`
//! would pass over rows that were not shown, so the next page is requested by token, if the header shows one.
//!
//! A listing without `_since` shows no tombstones, and one with `has_ct` loses its `_since` on Kinto's memory backend. Such a listing is
//! continued by the `_token` of `Next-Page`, on the URL of the first request, if that header is visible. Otherwise it is continued by `_since`,
//! which also shows tombstones and emptied rows.

use super::answers;
use super::http::{Request, Response};
use super::json;
use super::walk::acceptable;
use crate::error::{Error, Result};
use crate::pure::sealed::item;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Limits of one listing. A server could list without end, and no other sync could begin. A plain pull that was ended resumes in the next sync.
const MOST_PAGES: usize = 4096;
const MOST_ROWS: usize = 1_000_000;
/// The limit on pages that have fewer than [`SHORT_PAGE_ROWS`] rows on average.
const MOST_SHORT_PAGES: usize = 1024;
const SHORT_PAGE_ROWS: usize = 25;
/// The limit on consecutive pages in the listing of a journal that have rows, but none of the journal.
const MOST_FOREIGN_PAGES: usize = 256;

/// A listing in progress.
pub struct Listing {
    first: Request,
    now_ms: u64,
    next: Option<Request>,
    /// The newest version shown.
    last: Option<u64>,
    /// The other way (token or version) to ask for the next page, if there is one. `takes_tokens` is the way that the server accepts, known
    /// once it has refused one.
    other: Option<Request>,
    is_by_token: bool,
    takes_tokens: Option<bool>,
    /// Hashes of rows whose version does not tell whether they were shown before: rows without a version, and rows of a listing that is out of
    /// order.
    shown: BTreeSet<u64>,
    /// Hashes of the rows that have the newest version shown.
    newest: BTreeSet<u64>,
    is_in_order: bool,
    /// The newest version shown among the collection's own rows. In a journal, a row that is neither page nor segment may have any version.
    last_own: Option<u64>,
    is_of_journal: bool,
    pages: usize,
    rows: usize,
    foreign_pages: usize,
    /// The listing ended although rows may be missing: those more than a day ahead of the server's clock, which it refuses to list by `_since`.
    pub is_cut: bool,
}

impl Listing {
    pub fn new(first: Request, now_ms: u64) -> Self {
        Listing {
            next: Some(first.clone()),
            first,
            now_ms,
            last: None,
            other: None,
            is_by_token: false,
            takes_tokens: None,
            shown: BTreeSet::new(),
            newest: BTreeSet::new(),
            is_in_order: true,
            last_own: None,
            is_of_journal: false,
            pages: 0,
            rows: 0,
            foreign_pages: 0,
            is_cut: false,
        }
    }

    /// Makes this the listing of a journal: rows that are neither pages nor segments do not count.
    pub fn of_journal(self, is_of_journal: bool) -> Self {
        Listing { is_of_journal, ..self }
    }

    /// The request for the next page; `None` after the last one.
    pub fn take_next(&mut self) -> Option<Request> {
        self.next.take()
    }

    /// Whether this answer (a 400) refuses the way in which the page was requested, by token or by version. If so, the other way is next.
    pub fn is_refused(&mut self, response: &Response) -> bool {
        let other = self.other.take();
        let is_refused = response.status == 400 && other.is_some();
        if is_refused {
            self.takes_tokens = Some(!self.is_by_token);
            self.next = other;
        }
        is_refused
    }

    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// The newest version that was shown.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// Returns the rows of a page that were not shown before, and prepares the request for the next page.
    pub fn read<'a>(&mut self, response: &'a Response, url: &str) -> Result<Vec<&'a str>> {
        let body = answers::accept(response, url)?;
        let mut records = answers::records(body, url, response.status)?;
        let before = self.last;
        let versions: Vec<Option<u64>> = records.iter().map(|record| answers::version(record).map(|(_, at)| at)).collect();
        self.is_in_order &= self.is_of_journal || versions.iter().flatten().is_sorted();
        let mut versions = versions.into_iter();
        let mut has_news = false;
        records.retain(|record| {
            let at = versions.next().flatten();
            let is_new = match at {
                None => self.shown.insert(hash(record)),
                Some(_) if at > self.last => {
                    (self.last, self.newest) = (at, BTreeSet::from([hash(record)]));
                    true
                }
                Some(_) if at == self.last => self.newest.insert(hash(record)),
                Some(_) if self.is_in_order => at > before,
                Some(_) => self.shown.insert(hash(record)),
            };
            // A row without a version is no news: it is shown again on every later page.
            has_news |= is_new && at.is_some();
            is_new
        });
        let own = records
            .iter()
            .filter(|record| self.is_own(record))
            .filter_map(|record| answers::version(record));
        self.last_own = own.map(|(_, at)| Some(at)).fold(self.last_own, Option::max);
        let (etag, hint) = (answers::etag(response), response.header("next-page"));
        let is_whole = hint.is_none() && etag.is_some() && (etag == self.last || etag == self.last_own);
        if has_news && !is_whole {
            self.ask_for_more(hint, etag.is_some());
        }
        self.count(&records);
        match self.next.is_some() && self.is_endless() {
            true => Err(Error::BadResponse {
                message: format!("its list goes on after {} pages with {} rows", self.pages, self.rows),
                url: url.to_owned(),
                status: response.status,
            }),
            false => Ok(records),
        }
    }

    /// Whether a row is the collection's own: in a journal, a page or a segment; otherwise any row.
    fn is_own(&self, record: &str) -> bool {
        let id = || json::member(record, "id").and_then(json::string);
        !self.is_of_journal || id().is_some_and(|id| item::read_name(&id).is_some())
    }

    fn count(&mut self, records: &[&str]) {
        self.pages += 1;
        self.rows += records.len();
        self.foreign_pages = match records.iter().any(|record| self.is_own(record)) || !self.is_of_journal {
            true => 0,
            false => self.foreign_pages + 1,
        };
    }

    fn is_endless(&self) -> bool {
        let has_short_pages = self.rows < self.pages * SHORT_PAGE_ROWS;
        let most_pages = if has_short_pages { MOST_SHORT_PAGES } else { MOST_PAGES };
        self.pages > most_pages || self.rows > MOST_ROWS || self.foreign_pages > MOST_FOREIGN_PAGES
    }

    fn ask_for_more(&mut self, hint: Option<&str>, is_dated: bool) {
        let (address, query) = self.first.url.split_once('?').unwrap_or((&self.first.url, ""));
        let request = |query: String| Request {
            url: format!("{address}?{query}"),
            headers: self
                .first
                .headers
                .iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("if-none-match"))
                .cloned()
                .collect(),
            ..self.first.clone()
        };
        let by_token = hint.and_then(token).map(|token| request(format!("{query}&_token={token}")));
        let is_tied = self.newest.len() > 1;
        let last = self.last.unwrap_or(0).saturating_sub(u64::from(is_tied));
        let since = acceptable(last, self.now_ms);
        let is_kept = |part: &&str| !part.starts_with("has_ct=") && !part.starts_with("_since=");
        let page = format!("_since={since}");
        let query_since: Vec<&str> = query.split('&').filter(is_kept).chain([page.as_str()]).collect();
        let by_version = request(query_since.join("&"));
        // A listing without `_since` is only continued by token if its answers have a timestamp: a deletion during the listing is found by the
        // next pull, which reads the tombstones after the timestamp of the first page.
        let prefers_token = !self.is_in_order || is_tied || query.starts_with("has_ct=") || since < last || is_dated && !query.contains("_since=");
        let (next, other) = match by_token {
            Some(by_token) if self.takes_tokens.unwrap_or(prefers_token) => (by_token, Some(by_version)),
            by_token => (by_version, by_token),
        };
        self.is_by_token = next.url.contains("&_token=");
        self.is_cut |= since < last;
        (self.next, self.other) = (Some(next), other);
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The value of `_token` in the URL of a next page, still encoded, if it can safely be put into another URL.
fn token(next: &str) -> Option<&str> {
    let (_, query) = next.split_once('?')?;
    let token = query.split(['&', '#']).find_map(|part| part.strip_prefix("_token="))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%-_.~=+/".contains(&byte);
    (!token.is_empty() && token.len() <= 4096 && token.bytes().all(is_plain)).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: &str = "https://kinto.example/v1/buckets/b/collections/c/records";
    const NOW_MS: u64 = 1000;

    fn listing(query: &str) -> Listing {
        let headers = vec![("Accept".into(), "x".into()), ("If-None-Match".into(), "\"5\"".into())];
        let mut listing = Listing::new(
            Request {
                method: "GET",
                url: format!("{RECORDS}?{query}"),
                headers,
                ..Request::default()
            },
            NOW_MS,
        );
        listing.take_next().unwrap();
        listing
    }

    fn page(versions: &[u64], headers: &[(&str, &str)]) -> Response {
        let rows: Vec<String> = versions.iter().map(|at| format!("{{\"id\":\"r{at}\",\"last_modified\":{at}}}")).collect();
        Response {
            status: 200,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: format!("{{\"data\":[{}]}}", rows.join(",")),
            ..Response::default()
        }
    }

    #[test]
    fn the_end_is_a_page_without_news_or_as_new_as_the_timestamp() {
        let next = ("next-page", "x");
        type Case<'a> = (&'a [u64], &'a [(&'a str, &'a str)], bool, &'a str);
        let cases: [Case<'_>; 9] = [
            (&[4, 5], &[("etag", "\"5\"")], false, "as new as the timestamp"),
            (
                &[4, 6],
                &[("etag", "\"5\"")],
                true,
                "newer: written meanwhile, or the timestamp is not the list's",
            ),
            (&[4, 5], &[("etag", "W/\"5\"")], false, "a weak timestamp"),
            (&[4, 5], &[("etag", "\"5-gzip\"")], false, "a timestamp that a front server changed"),
            (&[4, 5], &[("etag", "\"9\"")], true, "something newer is not shown"),
            (&[4, 5], &[], true, "neither header can be seen"),
            (&[4, 5], &[("etag", "\"5\""), next], true, "more is announced"),
            (&[], &[("etag", "\"9\""), next], false, "nothing at all"),
            (&[], &[], false, "nothing, and no header"),
        ];
        for (versions, headers, has_more, what) in cases {
            let mut listing = listing("_since=3");
            listing.read(&page(versions, headers), "u").unwrap();
            assert_eq!(listing.has_more(), has_more, "{what}");
        }
    }

    #[test]
    fn a_row_without_a_version_is_shown_once_and_moves_nothing() {
        let mut listing = listing("_since=3");
        let mut response = page(&[4, 5], &[("next-page", "x")]);
        response.body = response.body.replace("5}", "1e400}");
        assert_eq!(listing.read(&response, "u").unwrap().len(), 2);
        assert!(listing.take_next().unwrap().url.ends_with("_since=4"));
        response.body = response.body.replace("last_modified\":4", "last_modified\":6");
        assert_eq!(listing.read(&response, "u").unwrap().len(), 1);
    }

    #[test]
    fn a_row_that_is_none_of_a_journal_does_not_make_its_list_go_on() {
        let row = |id: &str, at: u64| format!("{{\"id\":\"{id}\",\"last_modified\":{at}}}");
        for (odd, at, has_more) in [("cake", 900, false), ("cake", 3, false), ("p000000000009", 900, true)] {
            let mut listing = listing("_since=2").of_journal(true);
            let mut response = page(&[], &[("etag", "\"5\"")]);
            response.body = format!("{{\"data\":[{},{}]}}", row(odd, at), row("p000000000002", 5));
            assert_eq!(listing.read(&response, "u").unwrap().len(), 2);
            assert_eq!(listing.has_more(), has_more, "{odd} {at}");
        }
    }

    #[test]
    fn rows_of_one_version_and_rows_out_of_order_are_read_by_token() {
        let next = ("next-page", "x?_token=t");
        for (pages, what) in [
            ([[4, 4], [4, 4]], "one version"),
            ([[3, 4], [4, 5]], "a tie at the end of a page"),
            ([[9, 8], [7, 6]], "newest first"),
        ] {
            let mut listing = listing("_since=2");
            let rows = |number: usize| {
                let mut response = page(&pages[number], &[next]);
                response.body = response
                    .body
                    .replace("\"r", &format!("\"{number}-"))
                    .replacen("\"id\"", "\"first\":1,\"id\"", 1);
                response
            };
            assert_eq!(listing.read(&rows(0), "u").unwrap().len(), 2, "{what}");
            let asked = listing.take_next().unwrap().url;
            assert!(asked.ends_with("&_token=t") || what == "a tie at the end of a page", "{what}: {asked}");
            assert_eq!(listing.read(&rows(1), "u").unwrap().len(), 2, "{what}");
            assert!(listing.read(&rows(1), "u").unwrap().is_empty(), "{what}");
        }
        let mut hidden = listing("_since=2");
        hidden.read(&page(&[3, 4, 4], &[]), "u").unwrap();
        assert!(hidden.has_more());
    }

    #[test]
    fn what_was_shown_is_not_shown_again_and_ends_the_listing() {
        let mut listing = listing("_since=3");
        assert_eq!(listing.read(&page(&[4, 5], &[("next-page", "x")]), "u").unwrap().len(), 2);
        listing.take_next().unwrap();
        assert!(listing.read(&page(&[4, 5], &[("next-page", "x")]), "u").unwrap().is_empty());
        assert!(!listing.has_more());
    }

    #[test]
    fn a_listing_of_ever_new_rows_ends() {
        for (rows, is_of_journal, most_pages, what) in [
            (1, false, MOST_SHORT_PAGES, "rows one by one"),
            (24, false, MOST_SHORT_PAGES, "short pages"),
            (25, false, MOST_PAGES, "longer pages"),
            (2000, false, MOST_ROWS / 2000, "full pages"),
            (2000, true, MOST_FOREIGN_PAGES, "rows that are not of a journal"),
        ] {
            let mut listing = listing("_since=3").of_journal(is_of_journal);
            let mut pages = 0;
            let last = loop {
                let first = 10 + pages * rows;
                let shown: Vec<u64> = (first..first + rows).collect();
                match listing.read(&page(&shown, &[("next-page", "x")]), "u") {
                    Ok(_) => pages += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!((pages as usize, last.code().as_str()), (most_pages, "bad_response"), "{what}");
        }
    }

    #[test]
    fn a_large_honest_listing_is_read_to_its_end() {
        for (rows, count) in [(2000, 900_000), (100, 400_000), (25, 100_000)] {
            let mut listing = listing("_since=3");
            for first in (10..count).step_by(rows as usize) {
                let shown: Vec<u64> = (first..first + rows).collect();
                assert_eq!(listing.read(&page(&shown, &[("next-page", "x")]), "u").map(|all| all.len()), Ok(rows as usize));
            }
        }
    }

    #[test]
    fn the_next_page_is_on_the_address_of_the_first() {
        let inner = "http://kinto:8888/v1/buckets/x/collections/c/records?_limit=2&_token=eyJ%3D#x";
        let evil = "https://evil.example/?_token=a\\b";
        let dated = ("etag", "\"9\"");
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
        let cases: [Case<'_>; 9] = [
            ("_sort=last_modified&_since=3", &[dated, ("next-page", inner)], "_sort=last_modified&_since=5"),
            ("_sort=last_modified", &[dated, ("next-page", inner)], "_sort=last_modified&_token=eyJ%3D"),
            ("_sort=last_modified", &[("next-page", inner)], "_sort=last_modified&_since=5"),
            ("_sort=last_modified", &[dated, ("next-page", evil)], "_sort=last_modified&_since=5"),
            ("_sort=last_modified", &[dated], "_sort=last_modified&_since=5"),
            ("has_ct=true&_limit=9", &[dated, ("next-page", inner)], "has_ct=true&_limit=9&_token=eyJ%3D"),
            ("has_ct=true&_limit=9", &[("next-page", "/v1/x?_token=t")], "has_ct=true&_limit=9&_token=t"),
            ("has_ct=true&_limit=9", &[dated], "_limit=9&_since=5"),
            ("has_ct=true&_limit=9", &[dated, ("next-page", "no address")], "_limit=9&_since=5"),
        ];
        for (query, headers, wanted) in cases {
            let mut listing = listing(query);
            listing.read(&page(&[4, 5], headers), "u").unwrap();
            let next = listing.take_next().unwrap();
            assert_eq!((next.url, next.headers.len()), (format!("{RECORDS}?{wanted}"), 1), "{query} {headers:?}");
        }
    }

    #[test]
    fn what_is_refused_is_asked_for_in_the_other_way() {
        let mut listing = listing("has_ct=true");
        let refusal = Response {
            status: 400,
            ..Response::default()
        };
        assert!(!listing.is_refused(&refusal));
        listing.read(&page(&[4, 5], &[("next-page", "x?_token=t")]), "u").unwrap();
        assert_eq!(listing.take_next().unwrap().url, format!("{RECORDS}?has_ct=true&_token=t"));
        assert!(listing.is_refused(&refusal));
        assert_eq!(listing.take_next().unwrap().url, format!("{RECORDS}?_since=5"));
        listing.read(&page(&[6, 7], &[("next-page", "x?_token=t")]), "u").unwrap();
        assert_eq!(listing.take_next().unwrap().url, format!("{RECORDS}?_since=7"));
        assert!(listing.is_refused(&refusal), "the token again, as the server takes neither for long");
        let mut listing = super::tests::listing("_since=0");
        listing.read(&page(&[4, 5], &[("next-page", "x?_token=t")]), "u").unwrap();
        assert_eq!(listing.take_next().unwrap().url, format!("{RECORDS}?_since=5"));
        assert!(listing.is_refused(&refusal));
        assert_eq!(listing.take_next().unwrap().url, format!("{RECORDS}?_since=0&_token=t"));
        assert!(!listing.is_refused(&refusal));
    }

    #[test]
    fn a_time_that_kinto_refuses_is_not_asked_for() {
        let ahead = NOW_MS + 3 * 24 * 3600 * 1000;
        let mut listing = listing("_since=3");
        listing.read(&page(&[4, ahead], &[]), "u").unwrap();
        assert_eq!(listing.take_next().unwrap().url, format!("{RECORDS}?_since={NOW_MS}"));
        assert!(listing.read(&page(&[ahead], &[]), "u").unwrap().is_empty() && !listing.has_more() && listing.is_cut);
    }
}
