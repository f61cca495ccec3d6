//! Failures that IndexedDB reports, sorted by what can be done about them.

use crate::browser::thrown::message_of;
use crate::error::Error;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DomException;

pub type Outcome<T> = Result<T, Failure>;

#[derive(Clone, Debug)]
pub enum Failure {
    /// The connection cannot be used any more and has to be opened again. Nothing was written.
    Lost(String),
    /// As `Lost`, but after a commit was requested: the change may be committed or not.
    Unanswered(String),
    /// The page has no IndexedDB, or may not use it.
    Refused(String),
    /// The browser never answered.
    Silent(String),
    /// The database on disk has a later version than this code.
    Newer,
    /// Trying again does not help.
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

    /// Whether a new connection may help.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Failure::Lost(_) | Failure::Unanswered(_))
    }

    /// This failure, if it was the answer to a commit: then the change may be committed.
    pub fn of_commit(self) -> Self {
        match self {
            Failure::Lost(message) => Failure::Unanswered(message),
            other => other,
        }
    }

    /// Why a transaction or a request ended. `None` means that the browser gives no reason, which it does when it drops a connection.
    pub fn from_exception(exception: Option<DomException>) -> Self {
        let Some(exception) = exception else {
            return Failure::Lost("aborted without a reason".to_owned());
        };
        let message = format!("{}: {}", exception.name(), exception.message());
        let message = message.trim_end_matches('.').to_owned();
        match exception.name().as_str() {
            // TransactionInactiveError: essaim never uses a transaction after its end, so the browser must have ended it.
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

/// An exception that a call threw.
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
            // The errors that the calls of this adapter can cause; idb has one variant for each call.
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

/// The connection was lost after a callback had run that may not run again.
pub fn lost_after_decision(message: impl Into<String>) -> Failure {
    Failure::Final(Error::StorageLost { message: message.into() })
}

pub fn impossible() -> Error {
    Error::bug("a transaction was decided twice")
}
