//! HTTP by the browser's `fetch`.

use crate::error::{Error, Result};
use crate::ports::{Request, Response, Transport};
use crate::pure::answers::REASON;
use gloo_net::http::{Headers, Method, RequestBuilder};
use web_sys::{AbortController, RequestCache, RequestMode, RequestRedirect, ResponseType};

/// Never cached, since a stale listing would look like a server that forgot; never redirected, since credentials
/// would go with it.
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
        let lost = |error: gloo_net::Error| Error::Network {
            url: request.url.clone(),
            message: error.to_string(),
        };
        let response = self.build(&request, &aborts)?.send().await.map_err(lost)?;
        if response.type_() == ResponseType::Opaqueredirect {
            return Ok(Response {
                redirected: true,
                ..Response::default()
            });
        }
        let reason = Some((REASON.to_owned(), response.status_text())).filter(|(_, reason)| !reason.is_empty());
        let headers = response.headers().entries().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let headers = headers.chain(reason).collect();
        let body = response.text().await.map_err(lost)?;
        Ok(Response {
            status: response.status(),
            headers,
            body,
            redirected: false,
        })
    }
}

/// Aborts when dropped, with no reason: one that is not an `Error` would make gloo-net panic. Once the body has been
/// read there is nothing left to abort.
struct Aborts(AbortController);

impl Drop for Aborts {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// gloo-net's own `header()` panics on what a header cannot hold (a line break, a character above U+00FF).
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
