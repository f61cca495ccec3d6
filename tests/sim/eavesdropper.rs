//! Searches every request for secrets, both as sent and decoded, as the administrator of the server could.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use essaim::ports::Request;
use std::cell::RefCell;
use std::collections::HashSet;

pub struct Eavesdropper {
    /// The texts that must never appear.
    secrets: Vec<String>,
    /// Headers and URLs that were found harmless: most of them recur.
    heard: RefCell<HashSet<String>>,
}

impl Eavesdropper {
    pub fn new(secrets: Vec<String>) -> Self {
        Eavesdropper {
            secrets,
            heard: RefCell::default(),
        }
    }

    /// Describes the secret that a request reveals, if any.
    pub fn hear(&self, request: &Request) -> Option<String> {
        let headers = request.headers.iter().flat_map(|(name, value)| [name, value]);
        let short = headers.chain([&request.url]).filter(|text| !self.heard.borrow().contains(*text));
        let mut told = None;
        for text in short.chain(&request.body) {
            if let Some(secret) = self.understand(text) {
                told = Some(format!("{} {} tells \"{secret}\": {text}", request.method, request.url));
                break;
            }
        }
        if told.is_none() {
            let headers = request.headers.iter().flat_map(|(name, value)| [name, value]);
            self.heard.borrow_mut().extend(headers.chain([&request.url]).cloned());
        }
        told
    }

    fn understand(&self, text: &str) -> Option<&String> {
        let unescaped = unescape(text);
        let runs = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let decoded = runs.filter(|run| run.len() >= 8).map(decode);
        let all = decoded.chain([text.as_bytes().to_vec(), unescaped]);
        let all: Vec<String> = all.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        self.secrets.iter().find(|secret| all.iter().any(|text| text.contains(*secret)))
    }
}

const LENIENT: base64::engine::GeneralPurposeConfig = base64::engine::GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
const BASE64: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

fn decode(run: &str) -> Vec<u8> {
    let whole = run.len() - usize::from(run.len() % 4 == 1);
    BASE64
        .decode(&run[..whole])
        .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(&run[..whole]))
        .unwrap_or_default()
}

/// Decodes `%C3%A9`, and changes all letters to lower case.
fn unescape(text: &str) -> Vec<u8> {
    if !text.contains(['%', '+']) {
        return text.to_lowercase().into_bytes();
    }
    url::form_urlencoded::parse(text.replace(['&', '='], "%26").to_lowercase().as_bytes())
        .flat_map(|(name, value)| [name.into_owned(), value.into_owned()].concat().into_bytes())
        .collect()
}

#[test]
fn an_eavesdropper_understands_what_is_hardly_hidden() {
    let ear = Eavesdropper::new(vec!["diary".into()]);
    let url = "http://s.test/v1/buckets/b/collections/c/records/p000000000001";
    let heard = |url: &str, header: &str, body: &str| {
        let request = Request {
            method: "PUT",
            url: url.into(),
            headers: vec![("X".into(), header.into())],
            body: Some(body.into()),
            ..Request::default()
        };
        ear.hear(&request).is_some()
    };
    assert!(!heard(url, "y", r#"{"data":{"v":1,"e":1,"ct":"AAAAAAAAAAAAAAAA"}}"#));
    assert!(heard("http://s.test/v1/buckets/b/collections/diary/records", "", ""));
    assert!(heard("http://s.test/v1/buckets/b/collections/%64iary/records", "", ""));
    assert!(heard(url, "diary", ""));
    assert!(heard(url, "", r#"{"data":{"ct":"eyJteSI6ImRpYXJ5In0"}}"#), "base64url of JSON");
    assert!(heard(url, "", r#"{"data":{"title":"my diary"}}"#));
}
