//! Kinto's answers, and its errors: `{code, errno, error, message, details}`.
//! <https://docs.kinto-storage.org/en/stable/api/1.x/errors.html>

use essaim::ports::Response;
use serde_json::{Value, json};

use super::resource::Object;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names are spelled as Kinto spells them: a batch shows them in its body.
    pub headers: Vec<(&'static str, String)>,
    /// `None` for an answer without a body (304, HEAD).
    pub body: Option<Value>,
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: Some(body),
        }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn etag(self, timestamp: u64) -> Self {
        self.with("ETag", format!("\"{timestamp}\""))
    }

    pub fn into_response(self) -> Response {
        Response {
            status: self.status,
            headers: self.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
            body: self.body.map(|body| body.to_string()).unwrap_or_default(),
            redirected: self.status == 307,
            ..Response::default()
        }
    }
}

fn error(status: u16, errno: u16, name: &str, message: Option<&str>, details: Option<Value>) -> Answer {
    let mut body = json!({"code": status, "errno": errno, "error": name});
    if let Some(message) = message {
        body["message"] = message.into();
    }
    if let Some(details) = details {
        body["details"] = details;
    }
    Answer::json(status, body)
}

pub fn redirect(location: &str) -> Answer {
    Answer {
        status: 307,
        headers: vec![("Location", location.to_owned())],
        body: None,
    }
}

pub fn wrong_version() -> Answer {
    error(404, 116, "Not Found", Some("The requested API version is not available on this server."), None)
}

pub fn no_such_path() -> Answer {
    error(404, 111, "Not Found", Some("The resource you are looking for could not be found."), None)
}

pub fn wrong_method() -> Answer {
    error(405, 115, "Method Not Allowed", Some("Method not allowed on this endpoint."), None)
}

pub fn not_logged_in() -> Answer {
    error(401, 104, "Unauthorized", Some("Please authenticate yourself to use this endpoint."), None)
}

pub fn forbidden() -> Answer {
    error(403, 121, "Forbidden", Some("This user cannot access this resource."), None)
}

pub fn wrong_media_type() -> Answer {
    let message = "Content-Type header should be one of ['application/json']";
    error(
        415,
        107,
        "Invalid parameters",
        Some(message),
        Some(json!([{"location": "header", "name": "Content-Type", "description": message}])),
    )
}

/// 404: the object itself does not exist.
pub fn no_such_object(kind: &str, id: &str) -> Answer {
    error(404, 110, "Not Found", None, Some(json!({"id": id, "resource_name": kind})))
}

/// 404: the parent of the object does not exist.
pub fn no_such_parent(kind: &str, id: &str) -> Answer {
    error(404, 111, "Not Found", None, Some(json!({"id": id, "resource_name": kind})))
}

pub fn modified_meanwhile(timestamp: u64, existing: Option<&Object>) -> Answer {
    let details = existing.map(|existing| json!({"existing": existing}));
    error(412, 114, "Precondition Failed", Some("Resource was modified meanwhile"), details).etag(timestamp)
}

pub fn not_modified(timestamp: u64) -> Answer {
    Answer {
        status: 304,
        headers: Vec::new(),
        body: None,
    }
    .etag(timestamp)
}

pub fn conflict() -> Answer {
    error(409, 122, "Conflict", Some("Integrity constraint violated, please retry."), None).with("Retry-After", 3)
}

pub fn unavailable() -> Answer {
    let message = "Service temporary unavailable due to overloading or maintenance, please retry later.";
    error(503, 201, "Service Unavailable", Some(message), None).with("Retry-After", 3)
}

/// 400: the request is invalid. `location` is `path`, `querystring`, `header` or `body`.
pub fn invalid(location: &str, name: Option<&str>, description: &str) -> Answer {
    let message = match name {
        Some(name) if description.contains(name) => description.to_owned(),
        Some(name) => format!("{name} in {location}: {description}"),
        None => format!("{location}: {description}"),
    };
    error(
        400,
        107,
        "Invalid parameters",
        Some(&message),
        Some(json!([{"location": location, "name": name, "description": description}])),
    )
}
