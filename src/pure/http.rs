//! An HTTP request and its response, as data.

use std::fmt;

#[derive(Clone, PartialEq, Eq, Default)]
pub struct Request {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub asks: Asks,
}

/// Leaves out header values and the body: they carry credentials and records.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "{} {} {headers:?}", self.method, self.url)
    }
}

/// The kind of answer that a request expects. It limits how much of the body is read: a small compressed body can unpack to more than the
/// memory of WASM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Asks {
    /// One record, the collection's metadata, or the server's root document ("hello").
    #[default]
    Object,
    /// A page of a listing, or a batch.
    Many,
}

const OBJECT_BYTES: usize = 4 << 20;
/// The largest page that an honest server sends: 2,000 records of 32 KiB, or 64 sealed pages of the largest size.
const MANY_BYTES: usize = 64 << 20;
/// An error of Kinto has less than 1 KiB; the error page of a proxy may be larger.
const ERROR_BYTES: usize = 1 << 20;

impl Asks {
    /// How many bytes of the body are read, counted after decompression.
    pub fn limit(self, status: u16) -> usize {
        match (self, status) {
            // The body of a 412 holds the server's version of the record.
            (_, 400..) if status != 412 => ERROR_BYTES,
            (Asks::Object, _) => OBJECT_BYTES,
            (Asks::Many, _) => MANY_BYTES,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The server answered with a redirect, which was not followed. (Browsers hide its status and target.)
    pub redirected: bool,
    /// The limit in bytes, if the body was larger. `body` is empty then.
    pub exceeded: Option<usize>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Drops the body if it is larger than this kind of answer may be. For a transport that cannot stop reading at the limit.
    pub fn within(mut self, asks: Asks) -> Self {
        let limit = asks.limit(self.status);
        if self.body.len() > limit {
            self.body = String::new();
            self.exceeded = Some(limit);
        }
        self
    }
}

/// The first `bytes` bytes of a text from the server, for error messages.
pub fn excerpt(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_up_to_the_limit_of_its_kind() {
        for (asks, status, limit) in [
            (Asks::Object, 200, OBJECT_BYTES),
            (Asks::Many, 200, MANY_BYTES),
            (Asks::Object, 412, OBJECT_BYTES),
            (Asks::Object, 400, ERROR_BYTES),
            (Asks::Many, 500, ERROR_BYTES),
        ] {
            let answer = |bytes: usize| Response {
                status,
                body: "x".repeat(bytes),
                ..Response::default()
            };
            assert_eq!(answer(limit).within(asks), answer(limit), "{asks:?} {status}");
            let cut = answer(limit + 1).within(asks);
            assert_eq!((cut.body.as_str(), cut.exceeded), ("", Some(limit)), "{asks:?} {status}");
        }
    }

    #[test]
    fn an_excerpt_is_cut_between_characters() {
        assert_eq!(excerpt("aéb", 4), "aéb");
        assert_eq!(excerpt("aéb", 2), "a…");
        assert_eq!(excerpt("", 0), "");
    }
}
