//! What IndexedDB reports, sorted by what can be done about it.

use crate::browser::thrown::message_of;
use crate::error::Error;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DomException;

pub type Outcome<T> = Result<T, Failure>;

#[derive(Clone, Debug)]
pub enum Failure {
    /// The connection is of no use any more: open it again. Nothing was written.
    Lost(String),
    /// The same, after a commit was asked for: it may stand or not.
    Unanswered(String),
    /// The page has no IndexedDB, or may not use it.
    Refused(String),
    /// The browser never answered.
    Silent(String),
    /// The database on disk is a later version than this code's.
    Newer,
    /// It will not get better by itself.
    Final(Error),
}

impl Failure {
    pub fn into_error(self) -> Error {
        match self {
            Failure::Lost(message) => Error::storage(format!("the browser lost it, also when it was opened again ({message}). Reload the page.")),
            Failure::Unanswered(message) => Error::storage(format!(
                "the browser lost it while it wrote ({message}). Reload the page: only then it shows whether the last change was kept."
            )),
            Failure::Refused(message) => Error::storage(format!(
                "{message}. Allow this site to store data in the browser's settings, then reload the page."
            )),
            Failure::Silent(message) => Error::storage(format!(
                "{message}. Close the other tabs of this app and try again; if it stays, restart the browser."
            )),
            Failure::Newer => Failure::unusual("the browser says that it is of a later version, which it is not").into_error(),
            Failure::Final(error) => error,
        }
    }

    /// Another connection may help.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Failure::Lost(_) | Failure::Unanswered(_))
    }

    /// This failure, had it come in answer to a commit.
    pub fn of_commit(self) -> Self {
        match self {
            Failure::Lost(message) => Failure::Unanswered(message),
            other => other,
        }
    }

    /// Why a transaction or a request ended; `None` where the browser gives no reason, which is what it does when it throws
    /// a connection away.
    pub fn from_exception(exception: Option<DomException>) -> Self {
        let Some(exception) = exception else {
            return Failure::Lost("aborted without a reason".to_owned());
        };
        let message = format!("{}: {}", exception.name(), exception.message());
        let message = message.trim_end_matches('.').to_owned();
        match exception.name().as_str() {
            // TransactionInactiveError: we never add to a transaction after its time, so the browser ended it under us.
            "InvalidStateError" | "UnknownError" | "AbortError" | "TransactionInactiveError" | "TimeoutError" => Failure::Lost(message),
            "QuotaExceededError" => Failure::Final(Error::Quota { message }),
            "VersionError" => Failure::Newer,
            "SecurityError" => Failure::Refused(message),
            _ => Failure::unusual(&message),
        }
    }

    fn unusual(message: &str) -> Self {
        Failure::Final(Error::storage(format!("{message}. Reload the page; if it stays, restart the browser.")))
    }
}

/// What a call threw.
impl From<JsValue> for Failure {
    fn from(thrown: JsValue) -> Self {
        match thrown.dyn_into::<DomException>() {
            Ok(exception) => Failure::from_exception(Some(exception)),
            Err(other) => Failure::unusual(&message_of(&other)),
        }
    }
}

impl From<idb::Error> for Failure {
    fn from(error: idb::Error) -> Self {
        use idb::Error::*;
        match error {
            DomException(exception) => Failure::from_exception(Some(exception)),
            IndexedDbNotFound(thrown) if thrown.is_instance_of::<web_sys::DomException>() => thrown.into(),
            IndexedDbNotFound(_) => Failure::Refused("this page has no IndexedDB".to_owned()),
            // What the calls of this adapter can throw; idb has one variant for each.
            IndexedDbOpenFailed(thrown) | IndexedDbDeleteFailed(thrown) | TransactionOpenFailed(thrown) | ObjectStoreNotFound(thrown) => thrown.into(),
            GetFailed(thrown) | GetAllFailed(thrown) | GetAllKeysFailed(thrown) => thrown.into(),
            other => Failure::Final(Error::storage(format!("{other:?}"))),
        }
    }
}

impl From<rexie::Error> for Failure {
    fn from(error: rexie::Error) -> Self {
        match error {
            rexie::Error::IdbError(error) => error.into(),
            other => Failure::Final(Error::storage(format!("{other:?}"))),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Final(error)
    }
}

/// For what came of a callback that may not be called again.
pub fn lost_after_decision(message: impl Into<String>) -> Failure {
    Failure::Final(Error::StorageLost { message: message.into() })
}

pub fn impossible() -> Error {
    Error::bug("a transaction was decided twice")
}
