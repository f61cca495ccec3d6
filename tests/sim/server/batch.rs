//! The batch endpoint: many requests in one. <https://docs.kinto-storage.org/en/stable/api/1.x/batch.html>

use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::object::read_body;
use super::{Call, SimServer};

impl SimServer {
    /// Carries out the requests one after another; each sees the effects of those before it. A refusal concerns only the request that is
    /// refused.
    pub(super) fn batch(&mut self, call: &Call) -> Answer {
        if call.method != "POST" {
            return answer::wrong_method();
        }
        let requests = match self.read_requests(call) {
            Ok(requests) => requests,
            Err(refusal) => return refusal,
        };
        let begun = self.config.postgresql.then(|| self.clone());
        let mut responses = Vec::new();
        for request in &requests {
            let response = self.within(call, request);
            // On PostgreSQL the batch is one transaction. A conflict (409) rolls it back and begins another one, although the requests
            // before it were answered already. An answer of 500 or more fails the whole batch.
            match (response["status"].as_u64(), &begun) {
                (Some(409), Some(begun)) => {
                    self.clone_from(begun);
                    self.collision = None;
                }
                (Some(500..), Some(begun)) => {
                    self.clone_from(begun);
                    return answer::unavailable();
                }
                _ => {}
            }
            responses.push(response);
        }
        // The entry in the bucket's history is written last, and may collide as well. Then the whole batch is undone.
        if let (Some(0), Some(begun)) = (self.collision, begun) {
            self.clone_from(&begun);
            self.collision = None;
            return answer::conflict();
        }
        Answer::json(200, json!({"responses": responses}))
    }

    fn read_requests(&self, call: &Call) -> Result<Vec<Value>, Answer> {
        let body = read_body(call)?.unwrap_or_default();
        let invalid = |description: &str| answer::invalid("body", Some("requests"), description);
        let mut requests = body.get("requests").and_then(Value::as_array).cloned().ok_or_else(|| invalid("Required"))?;
        if let Some(defaults) = body.get("defaults") {
            requests.iter_mut().for_each(|request| fill(request, defaults));
        }
        if requests.len() > self.config.batch_max_requests {
            return Err(invalid(&format!("Number of requests is limited to {}", self.config.batch_max_requests)));
        }
        for request in &requests {
            match request["path"].as_str() {
                // Kinto looks for this text anywhere in the path: a collection whose name begins with `batch` cannot be written in a batch.
                Some(path) if path.contains("/batch") => return Err(invalid("Recursive call on /batch endpoint is forbidden.")),
                Some(path) if path.starts_with('/') => {}
                _ => return Err(invalid("String does not match expected pattern")),
            }
        }
        Ok(requests)
    }

    fn within(&mut self, call: &Call, request: &Value) -> Value {
        let path = request["path"].as_str().unwrap_or_default();
        let prefix = if path.starts_with("/v1") { "" } else { "/v1" };
        let body = request.get("body").map(Value::to_string);
        let mut inner = Call {
            now_ms: call.now_ms,
            method: request["method"].as_str().unwrap_or("GET"),
            url: call.url.join(&format!("{prefix}{path}")).expect("a path on this server"),
            headers: inner_headers(call, request),
            body: body.as_deref(),
            user: None,
        };
        inner.user = super::User::of(&inner.headers);
        let mut answer = self.answer(&inner);
        if answer.status == 307 {
            let (_, location) = answer.headers.iter().find(|(name, _)| *name == "Location").expect("a redirect says where to");
            inner.url = call.url.join(location).expect("a path on this server");
            answer = self.answer(&inner);
        }
        let headers: Value = answer
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        json!({"path": inner.url.path(), "status": answer.status, "headers": headers, "body": answer.body.unwrap_or_else(|| json!({}))})
    }
}

/// The headers of the batch apply to each request, unless the request has its own.
fn inner_headers(call: &Call, request: &Value) -> Vec<(String, String)> {
    let mut own: Vec<(String, String)> = request["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let inherited = call
        .headers
        .iter()
        .filter(|(name, _)| !own.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)))
        .cloned()
        .collect::<Vec<_>>();
    own.extend(inherited);
    own
}

/// Adds the members of `defaults` that the request lacks, at every depth.
fn fill(request: &mut Value, defaults: &Value) {
    let (Some(request), Some(defaults)) = (request.as_object_mut(), defaults.as_object()) else {
        return;
    };
    for (key, default) in defaults {
        match request.get_mut(key) {
            Some(value) => fill(value, default),
            None => drop(request.insert(key.clone(), default.clone())),
        }
    }
}
