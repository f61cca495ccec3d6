//! The error type of the crate. Each variant is named by what the caller can do about it.
//!
//! The code and the typed data of an error come from one `Serialize`: `{"code": "not_found", "id": …}`. No table from variants to codes is kept
//! by hand, so there is no `_` arm in which a new variant could be forgotten.

use serde::Serialize;
use std::borrow::Cow;

pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. `Display` is the message, [`Error::code`] the stable name. The fields are the data, except `message`, which is a part of
/// what `Display` says.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Error {
    /// Change the record: it is not an object, or has something in it that JSON cannot hold. `path` says where, if known.
    #[error("{message}")]
    InvalidRecord {
        #[serde(skip)]
        message: String,
        path: String,
    },
    /// Change the id.
    #[error("{message}")]
    InvalidId {
        #[serde(skip)]
        message: String,
    },
    /// Change the option, argument or URL named in the message.
    #[error("{message}")]
    InvalidOption {
        #[serde(skip)]
        message: String,
    },
    /// Type the key again: it is mistyped or cut off. Nothing of the key is in this error.
    #[error(
        "This is not a key: a character or more of it is wrong, or part of it is missing. A key is `essaim1-`, eleven groups of five letters and digits and one of three; see that all of it is there."
    )]
    InvalidKey,
    /// There is no such record here, or no longer.
    #[error("Record with id={id} not found.")]
    NotFound { id: String },
    /// The id is taken: update the record, or choose another id.
    #[error("Record with id={id} already exists.")]
    AlreadyExists { id: String },

    /// The server could not be reached: go on working, and sync later.
    #[error("The server could not be reached ({message}). Local data is intact; sync again when online.")]
    Network {
        url: String,
        #[serde(skip)]
        message: String,
    },
    /// The server did not answer in time, and the request was aborted: sync again, or raise `timeout`.
    #[error("Timeout while trying to access {url}")]
    Timeout { url: String, timeout_ms: u64 },
    /// Log in (again): the server does not know these credentials.
    #[error("{message}. Log in again: set the `headers` option to valid credentials.")]
    Unauthorized {
        #[serde(skip)]
        message: String,
        url: String,
        errno: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Box<Answer>>,
    },
    /// Ask for access: the server knows the user but refuses.
    #[error("{message}. This account may not do that on this server; ask the owner of the bucket for access.")]
    Forbidden {
        #[serde(skip)]
        message: String,
        url: String,
        errno: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Box<Answer>>,
    },
    /// The server closed this version of its API for good: update the app, or move to another server.
    #[error("{message}. This server has retired its API at this address; local data is intact and can be synced with another.")]
    Gone {
        #[serde(skip)]
        message: String,
        url: String,
        errno: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Box<Answer>>,
    },
    /// The bucket or collection is not on the server: create it there, or correct the name.
    #[error("{message}. Create the bucket or collection on the server, or correct its name.")]
    RemoteNotFound {
        #[serde(skip)]
        message: String,
        url: String,
        errno: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Box<Answer>>,
    },
    /// The server refused or failed. `status` says which; above 499 it is worth trying again later.
    #[error("{message}")]
    Server {
        #[serde(skip)]
        message: String,
        url: String,
        status: u16,
        errno: Option<u32>,
        /// How long the server asks to wait (ms), if it does; at most a day.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Box<Answer>>,
    },
    /// Wait `retry_after_ms`, or pass `ignoreBackoff`.
    #[error("Server is asking clients to back off; retry in {}s or use the ignoreBackoff option.", retry_after_ms.div_ceil(1000))]
    Backoff { retry_after_ms: u64 },
    /// What answered is not a Kinto server, or the answer was cut off: check the URL.
    #[error("Response from server unparseable (HTTP {status}, {url}): {message}. Check that the remote is the URL of a Kinto server.")]
    BadResponse {
        #[serde(skip)]
        message: String,
        url: String,
        status: u16,
    },
    /// The server redirects: give the final URL as `remote`. Redirects are not followed, since they could lead credentials elsewhere.
    #[error("{url} answers with a redirect, which is not followed. Set `remote` to the server's final URL.")]
    Redirected { url: String },
    /// The server's `Next-Page` leads to another origin, to which no request was sent: report it to the server's administrator.
    #[error("The server's next page ({next}) is on another origin than {url}; it was not requested. Ask the server's administrator to correct its public URL.")]
    OtherOrigin { url: String, next: String },
    /// The server no longer has what it had: `found` says what happened. `repair()` uploads what it lost.
    #[error("{} Client Side Timestamp: {client_timestamp} Server Side Timestamp: {server_timestamp}. {}", found.cause(), found.advice())]
    ServerFlushed {
        client_timestamp: u64,
        server_timestamp: u64,
        found: Found,
    },

    /// Open the collection with its key: on this device the name belongs to an encrypted collection.
    #[error("The collection \"{name}\" is encrypted here. Open it with its key: collection(name, {{ key }}).")]
    KeyRequired { name: String },
    /// Open the collection without a key, or choose another name: on this device the name belongs to a collection that is not encrypted.
    #[error("The collection \"{name}\" is not encrypted here. Open it without a key, or choose another name for an encrypted one.")]
    NotEncrypted { name: String },
    /// Make the record smaller: it does not fit into a page of an encrypted collection. Nothing was written.
    #[error("{id} would be {bytes} bytes; in an encrypted collection a record, or what one execute() writes, can have {limit_bytes}. Nothing was written.")]
    Limit { id: String, bytes: usize, limit_bytes: usize },
    /// Get the newer key: a page is sealed with a key that this device does not have.
    #[error("A page of this collection is sealed with a key of epoch {epoch}, which this device does not have.")]
    NoKey { epoch: u32 },
    /// The encrypted collection is gone from its server. `repair()` creates it again from the local data.
    #[error("The server has lost this encrypted collection. Local data is intact; repair() uploads it again.")]
    ServerLost { url: String },
    /// The encrypted collection was closed at this remote and goes on elsewhere: sync with that remote.
    #[error("This encrypted collection has moved. Sync with its new remote: {destination}")]
    Moved { destination: String },

    // Alarms: errors that no honest server can cause. Nothing local is changed, and the alarm ends as soon as the server shows the truth again.
    /// The server hides a page that it must have.
    #[error("The server hides page {} of this encrypted collection. Local data is intact. If the server was damaged, repair() goes on with what it has.", evidence.position)]
    Omission { evidence: Box<Evidence> },
    /// The server shows an older state than one it has shown before.
    #[error("The server shows an older state of this encrypted collection than before: page {} is not there. Local data is intact. If the server was restored from a backup, repair() brings it up to date.", evidence.position)]
    Rollback { evidence: Box<Evidence> },
    /// The server shows another history than before.
    #[error("The server shows another page {} of this encrypted collection than it should. Local data is intact. If the server was restored from a backup, repair() brings both histories together.", evidence.position)]
    Fork { evidence: Box<Evidence> },
    /// The server shows a page or segment that essaim with this key did not write for this place.
    #[error("Page {} of this encrypted collection is not what a device with the key wrote there: it was damaged, or changed. Local data is intact; repair() goes on without it.", evidence.position)]
    Tampered { evidence: Box<Evidence> },
    /// A snapshot does not contain what the pages before it do.
    #[error("The snapshot at page {} of this encrypted collection, made by device {}, does not hold what it should. Local data is intact; repair() makes another.", evidence.position, evidence.device.as_deref().unwrap_or("unknown"))]
    BadSnapshot { evidence: Box<Evidence> },

    /// Another tab is syncing this collection: try again later.
    #[error("Another tab is syncing \"{name}\"; try again later.")]
    Busy { name: String },

    /// Do it again: the state on which the operation began is gone, because the collection was cleared meanwhile or somebody else wrote to it.
    #[error("{message}")]
    Interrupted {
        #[serde(skip)]
        message: String,
    },

    /// Make room: the browser gives this site no more storage space. Nothing was written.
    #[error("The browser gives no more storage space: {message}. Nothing was written.")]
    Quota {
        #[serde(skip)]
        message: String,
    },
    /// Do it again: the browser lost the database while user code ran, and that code is never run twice. Nothing was written.
    #[error("The browser lost its database connection ({message}). Nothing was written; try again.")]
    StorageLost {
        #[serde(skip)]
        message: String,
    },
    /// Close other tabs of this app: one of them holds an old version of the database open.
    #[error("The database is held open by another tab. Close the other tabs of this app.")]
    StorageBlocked { name: String },
    /// Update the app: a newer version of it wrote this data, which was not changed.
    #[error("This data was written by a newer version (format {found}, known here up to {known}). Update the app; nothing was changed.")]
    UpgradeRequired { found: u32, known: u32 },
    /// The database cannot be read or written: reload the page; what the server has can be synced again.
    #[error("The database cannot be used: {message}")]
    Storage {
        #[serde(skip)]
        message: String,
    },

    /// A function of the app (a transformer, a hook, the callback of `execute`) failed.
    #[error("{message}")]
    Callback {
        #[serde(skip)]
        message: String,
    },
    /// The collection was closed by `close()`, or because of an earlier bug.
    #[error("This collection is closed.")]
    Closed,
    /// A bug of this library: please report it.
    #[error("Bug in essaim, please report it: {message}")]
    Bug {
        #[serde(skip)]
        message: String,
    },
}

/// What happened to a server that no longer has what it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It was emptied, or the collection was deleted and created again.
    Flushed,
    /// It shows an older state, as after the restoration of a backup.
    Restored,
    /// It is not the server, or not the account, that the records here were synced with.
    Another,
}

impl Found {
    fn cause(self) -> &'static str {
        match self {
            // The wording of Kinto.js, which apps look for.
            Found::Flushed => "Server has been flushed.",
            Found::Restored => "Server has been restored to an older state.",
            Found::Another => "This server, or this account on it, has none of the records that were synced before.",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Found::Another => "Local data is intact: repair() uploads it here. If another user is logged in, open a database of his own, or clear() this one.",
            _ => "Local data is intact: repair() uploads what the server has lost.",
        }
    }
}

/// The answer of a server that refused a request, for apps that look into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The status text, if the server sent one.
    pub reason: String,
    /// A line for each header: `name: value`.
    pub headers: String,
    pub body: String,
}

/// The evidence of an alarm, to be kept and shown to the administrator of the server. It holds nothing secret: its hashes are of sealed bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The URL of the collection on the server, and the local time (ms).
    pub url: String,
    pub at_ms: u64,
    pub position: u64,
    /// The device that claims to have written the page, if known.
    pub device: Option<String>,
    /// The hashes that were expected and found, if the alarm is about hashes.
    pub expected: Option<String>,
    pub found: Option<String>,
    /// The row as the server gave it: the first 8 KiB of its JSON.
    pub record: Option<String>,
}

impl Error {
    /// Whether a request failed, or the server refused it. Errors of storage or hooks, and alarms, are not of this kind.
    pub fn is_answer(&self) -> bool {
        matches!(
            self,
            Error::Network { .. }
                | Error::Timeout { .. }
                | Error::Unauthorized { .. }
                | Error::Forbidden { .. }
                | Error::Gone { .. }
                | Error::RemoteNotFound { .. }
                | Error::Server { .. }
                | Error::Backoff { .. }
                | Error::BadResponse { .. }
                | Error::Redirected { .. }
                | Error::OtherOrigin { .. }
        )
    }

    /// Whether this is an alarm: an error that no honest server can cause.
    pub fn is_alarm(&self) -> bool {
        matches!(
            self,
            Error::Omission { .. } | Error::Rollback { .. } | Error::Fork { .. } | Error::Tampered { .. } | Error::BadSnapshot { .. }
        )
    }

    /// The evidence, if this is an alarm.
    pub fn evidence_mut(&mut self) -> Option<&mut Evidence> {
        match self {
            Error::Omission { evidence }
            | Error::Rollback { evidence }
            | Error::Fork { evidence }
            | Error::Tampered { evidence }
            | Error::BadSnapshot { evidence } => Some(evidence),
            _ => None,
        }
    }

    /// This error without the server's answer.
    pub fn briefly(&self) -> Self {
        let mut brief = self.clone();
        if let Error::Unauthorized { answer, .. }
        | Error::Forbidden { answer, .. }
        | Error::Gone { answer, .. }
        | Error::RemoteNotFound { answer, .. }
        | Error::Server { answer, .. } = &mut brief
        {
            *answer = None;
        }
        brief
    }

    /// The stable name, as JavaScript sees it.
    pub fn code(&self) -> String {
        let data = self.data();
        data.strip_prefix("{\"code\":\"")
            .and_then(|rest| rest.split('"').next())
            .unwrap_or("bug")
            .to_owned()
    }

    /// The error as JSON text, `{"code", "message", …data}`: the form in which it is passed to JavaScript.
    pub fn to_json(&self) -> String {
        self.to_json_saying(&self.to_string())
    }

    /// [`Error::to_json`] with another message.
    pub fn to_json_saying(&self, message: &str) -> String {
        let mut json = self.data();
        json.truncate(json.len().saturating_sub(1));
        json.push_str(",\"message\":");
        json.push_str(&serde_json::to_string(message).unwrap_or_default());
        json.push('}');
        json
    }

    /// The message without the advice to somebody who syncs. `None` if the message has no such advice.
    pub fn plainly(&self) -> Option<Cow<'_, str>> {
        match self {
            Error::Unauthorized { message, .. }
            | Error::Forbidden { message, .. }
            | Error::Gone { message, .. }
            | Error::RemoteNotFound { message, .. }
            | Error::Server { message, .. } => Some(message.into()),
            Error::Network { message, .. } => Some(format!("The server could not be reached ({message}).").into()),
            _ => None,
        }
    }

    /// Serialises directly to text. Going through a `serde_json::Value`, which brings all of JSON's numbers, made the module 25 KB larger.
    fn data(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{\"code\":\"bug\"}".to_owned())
    }

    pub fn bug(message: impl Into<String>) -> Self {
        Error::Bug { message: message.into() }
    }

    pub fn storage(message: impl Into<String>) -> Self {
        Error::Storage { message: message.into() }
    }
}
