//! HTTP by the browser's `fetch`.

use super::thrown::message_of;
use crate::error::{Error, Result};
use crate::ports::{Request, Response, Transport};
use crate::pure::refusal::REASON;
use gloo_net::http::{Headers, Method, RequestBuilder};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, ReadableStream, RequestCache, RequestMode, RequestRedirect, ResponseType};

/// Sends requests by `fetch`. Answers are never cached, because a stale listing would look like a server that lost records. Redirects are
/// never followed, because they would carry the credentials along.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    mode: RequestMode,
}

impl Default for Fetch {
    fn default() -> Self {
        Fetch { mode: RequestMode::Cors }
    }
}

impl Fetch {
    /// `mode` is `fetch`'s own: `"cors"`, `"same-origin"` or `"no-cors"`.
    pub fn with_mode(mode: &str) -> Result<Self> {
        match mode {
            "cors" => Ok(Fetch { mode: RequestMode::Cors }),
            "same-origin" => Ok(Fetch { mode: RequestMode::SameOrigin }),
            "no-cors" => Ok(Fetch { mode: RequestMode::NoCors }),
            _ => Err(Error::InvalidOption {
                message: format!("requestMode is \"cors\", \"same-origin\" or \"no-cors\", not {mode:?}."),
            }),
        }
    }

    fn build(&self, request: &Request, aborts: &Aborts) -> Result<gloo_net::http::Request> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| invalid(&request.url, error))?;
        let builder = RequestBuilder::new(&request.url)
            .method(method)
            .headers(headers(request)?)
            .mode(self.mode)
            .cache(RequestCache::NoStore)
            .redirect(RequestRedirect::Manual)
            .abort_signal(Some(&aborts.0.signal()));
        match &request.body {
            Some(body) => builder.body(body.as_str()),
            None => builder.build(),
        }
        .map_err(|error| invalid(&request.url, error))
    }
}

impl Transport for Fetch {
    async fn send(&self, request: Request) -> Result<Response> {
        let aborts = Aborts(AbortController::new().map_err(|_| Error::bug("no AbortController"))?);
        let lost = |message: String| Error::Network {
            url: request.url.clone(),
            message,
        };
        let response = self.build(&request, &aborts)?.send().await.map_err(|error| lost(error.to_string()))?;
        if response.type_() == ResponseType::Opaqueredirect {
            return Ok(Response {
                redirected: true,
                ..Response::default()
            });
        }
        let reason = Some((REASON.to_owned(), response.status_text())).filter(|(_, reason)| !reason.is_empty());
        let headers = response.headers().entries().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let headers = headers.chain(reason).collect();
        let status = response.status();
        let limit = request.asks.limit(status);
        let body = read_text(response.body(), limit).await.map_err(|thrown| lost(message_of(&thrown)))?;
        Ok(Response {
            status,
            headers,
            exceeded: body.is_none().then_some(limit),
            body: body.unwrap_or_default(),
            redirected: false,
        })
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = js_sys::Object)]
    type Reader;
    #[wasm_bindgen(method, catch)]
    async fn read(this: &Reader) -> std::result::Result<Chunk, JsValue>;

    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> JsValue;
}

/// The text of a body, decoded as by `Response.text()`; `None` if it has more bytes than `limit`. The rest of such a body is not read: the
/// caller aborts the request.
async fn read_text(body: Option<ReadableStream>, limit: usize) -> std::result::Result<Option<String>, JsValue> {
    let Some(body) = body else { return Ok(Some(String::new())) };
    let reader: Reader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = reader.read().await?;
        if chunk.done() {
            break;
        }
        // A copy and not a cast, because a page may have several realms, each with a `Uint8Array` of its own.
        let chunk = Uint8Array::new(&chunk.value());
        let start = bytes.len();
        let end = start + chunk.length() as usize;
        if end > limit {
            return Ok(None);
        }
        bytes.resize(end, 0);
        chunk.copy_to(&mut bytes[start..]);
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let lossy = |error: std::string::FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    Ok(Some(String::from_utf8(bytes).unwrap_or_else(lossy)))
}

/// Aborts the request when dropped. It gives no reason, because a reason that is not an `Error` makes gloo-net panic. Once the body has
/// been read, aborting has no effect.
struct Aborts(AbortController);

impl Drop for Aborts {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Builds the headers by web-sys, because gloo-net's own `header()` panics on text that a header cannot contain (a line break, a character
/// above U+00FF).
fn headers(request: &Request) -> Result<Headers> {
    let headers = web_sys::Headers::new().map_err(|_| Error::bug("no Headers"))?;
    for (name, value) in &request.headers {
        headers.set(name, value).map_err(|_| Error::InvalidOption {
            message: format!("The header {name:?} cannot be sent: a name is plain letters, a value has no line break and no character above U+00FF."),
        })?;
    }
    Ok(Headers::from_raw(headers))
}

fn invalid(url: &str, error: impl std::fmt::Display) -> Error {
    Error::InvalidOption {
        message: format!("A request to {url} cannot be made: {error}"),
    }
}
