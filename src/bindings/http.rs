//! `RawHttp`: requests that an app makes itself, by `KintoClient`.

use super::client::read_options;
use super::error::thrown;
use super::promise::{Thrown, promise_of};
use crate::browser::BrowserClock;
use crate::browser::thrown::message_of;
use crate::engine::server::{Notice, Patience, Servers};
use crate::error::{Error, Result};
use crate::ports::{Clock, Request, Response, Transport};
use crate::pure::exchange;
use crate::pure::http::Asks;
use crate::pure::protocol::Remote;
use futures_util::FutureExt;
use js_sys::{Function, Promise};
use serde::Deserialize;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const RAW_HTTP: &str = r#"
/** One request. Header names are given once, whatever their case. */
export interface RawRequest {
  /** The root of the server, by which its backoff is remembered. */
  remote: string;
  url: string;
  retry: number;
  /** In milliseconds. */
  timeout?: number;
}

/** Sends one request, again at each retry, with the method, headers and body that it knows; a rejection is the error code `network`. */
export interface RawSender {
  /**
   * `{"status", "reason", "headers": [[name, value]], "redirected", "exceeded"}` as a line of JSON, then the body. Of a body larger than
   * the limit nothing is passed on, and `exceeded` is the limit: `limit` bytes of an answer below 400 and of a 412, `errorLimit` of others.
   */
  send(limit: number, errorLimit: number): Promise<string>;
  /** Gives up the request under way. */
  abort(): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// Sends one request.
    #[wasm_bindgen(typescript_type = "RawSender")]
    pub type RawSender;

    #[wasm_bindgen(method, catch, js_name = send)]
    async fn call_send(this: &RawSender, limit: usize, error_limit: usize) -> std::result::Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = abort)]
    fn call_abort(this: &RawSender);
}

impl Transport for RawSender {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut under_way = UnderWay { sender: self, ended: false };
        let sent = self.call_send(request.asks.limit(200), request.asks.limit(500)).await;
        under_way.ended = true;
        let text = sent.map_err(|thrown| Error::Network {
            url: request.url,
            message: message_of(&thrown),
        })?;
        let text = text.as_string().unwrap_or_default();
        exchange::read_answer(&text).ok_or_else(|| Error::bug("a RawSender resolved to something that is no answer"))
    }
}

/// Aborts the request if it is dropped before the answer has come.
struct UnderWay<'a> {
    sender: &'a RawSender,
    ended: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.sender.call_abort();
        }
    }
}

#[derive(Deserialize)]
struct RawRequest {
    remote: String,
    url: String,
    retry: u32,
    timeout: Option<f64>,
}

/// Applies essaim's timeouts, retries and backoff to requests that the app makes itself, and shares what is known of the servers.
///
/// JavaScript sends the request, so bodies that are not text (attachments) and the app's own `fetch` need no second path.
#[wasm_bindgen]
pub struct RawHttp {
    servers: Rc<Servers>,
}

impl RawHttp {
    pub fn servers(&self) -> Rc<Servers> {
        self.servers.clone()
    }
}

#[wasm_bindgen]
impl RawHttp {
    /// `tell` is called with what servers ask for: `"backoff"` and `"retry-after"` with a time (ms since 1970), `"alert"` with the text of
    /// the header.
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "(event: \"backoff\" | \"retry-after\" | \"alert\", value: any) => void")] tell: Function) -> RawHttp {
        let servers = Servers::heard_by(move |notice| {
            let (event, value) = match notice {
                Notice::Backoff { until_ms } => ("backoff", JsValue::from_f64(until_ms as f64)),
                Notice::RetryAfter { at_ms } => ("retry-after", JsValue::from_f64(at_ms as f64)),
                Notice::Alert(text) => ("alert", JsValue::from_str(text)),
            };
            let _ = tell.call2(&JsValue::UNDEFINED, &JsValue::from_str(event), &value);
        });
        RawHttp { servers: Rc::new(servers) }
    }

    /// Sends a request, with retries. Resolves to an empty value when the last answer had a status below 400; the sender keeps the answer.
    /// Rejects if the server refused, and with `network`, `timeout`, `redirected`, `bad_response`, `invalid_option`.
    #[wasm_bindgen(unchecked_return_type = "Promise<unknown>")]
    pub fn request(&self, #[wasm_bindgen(unchecked_param_type = "RawRequest")] request: JsValue, sender: RawSender) -> Promise {
        let servers = self.servers();
        let asked = async move {
            let asked = ask(&servers, request, &sender).await;
            asked.map(|()| String::new()).map_err(|error| Thrown::Value(exchange::refusal(&error).into()))
        };
        promise_of(asked.boxed_local())
    }

    /// Milliseconds until this server may be asked again; 0 if at once. Throws `invalid_option`.
    pub fn backoff_ms(&self, remote: &str) -> std::result::Result<f64, JsValue> {
        let remote = Remote::read(remote).map_err(thrown)?;
        Ok(self.servers.backoff_ms(&remote, BrowserClock.now_ms()) as f64)
    }
}

async fn ask(servers: &Servers, request: JsValue, sender: &RawSender) -> Result<()> {
    let RawRequest { remote, url, retry, timeout } = read_options(request)?;
    let remote = Remote::read(&remote)?;
    // Contains only what errors and timeouts name: the sender knows the request itself.
    let request = Request {
        url: url.clone(),
        asks: Asks::Many,
        ..Request::default()
    };
    let patience = Patience {
        timeout_ms: timeout.map(|ms| ms as u64),
        retries: retry,
    };
    let response = servers.send_by(sender, &BrowserClock, &remote, request, patience).await?;
    exchange::accept(&response, &url)
}

/// Returns the URL of a listing's next page, if it is on the origin that the credentials belong to. Throws `other_origin`,
/// `invalid_option`.
#[wasm_bindgen]
pub fn next_page(remote: &str, next: &str) -> std::result::Result<String, JsValue> {
    Remote::read(remote).and_then(|remote| remote.next_page(next)).map_err(thrown)
}

/// Returns the bodies of the batches that carry these requests (a JSON array), in their order. `defaults` is JSON: the headers that all of
/// them share.
#[wasm_bindgen]
pub fn batch_bodies(requests: &str, defaults: &str, max_requests: f64) -> Vec<String> {
    exchange::batch_bodies(requests, defaults, max_requests as usize).unwrap_or_default()
}
