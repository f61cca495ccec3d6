//! `If-Match` and `If-None-Match`. <https://docs.kinto-storage.org/en/stable/api/1.x/timestamps.html>

use super::Call;
use super::answer::{self, Answer};
use super::resource::{Object, last_modified};

enum Tag {
    Any,
    Timestamp(u64),
}

/// What the request wants to be true of the object, or of the list.
pub struct Condition {
    if_match: Option<Tag>,
    if_none_match: Option<Tag>,
}

impl Condition {
    pub fn of(call: &Call) -> Result<Self, Answer> {
        Ok(Self {
            if_match: read(call, "If-Match")?,
            if_none_match: read(call, "If-None-Match")?,
        })
    }

    /// 304 for who has this timestamp already. Only GET asks.
    pub fn not_modified(&self, current: u64) -> Option<Answer> {
        matches!(self.if_none_match, Some(Tag::Timestamp(known)) if known == current).then(|| answer::not_modified(current))
    }

    /// 412 when a list, which always exists, is not as wanted.
    pub fn list_modified(&self, current: u64) -> Option<Answer> {
        self.is_violated(true, current).then(|| answer::modified_meanwhile(current, None))
    }

    /// 412 when an object is not as wanted. Of an object that does not exist the ETag is the list's, and there is no `details`.
    pub fn object_modified(&self, existing: Option<&Object>, list_timestamp: u64) -> Option<Answer> {
        let current = existing.and_then(last_modified).unwrap_or(list_timestamp);
        self.is_violated(existing.is_some(), current)
            .then(|| answer::modified_meanwhile(current, existing))
    }

    fn is_violated(&self, exists: bool, current: u64) -> bool {
        match (&self.if_match, &self.if_none_match) {
            (_, Some(Tag::Any)) if exists => true,
            (Some(_), _) if !exists => true,
            (Some(Tag::Timestamp(wanted)), _) => *wanted != current,
            _ => false,
        }
    }
}

fn read(call: &Call, name: &str) -> Result<Option<Tag>, Answer> {
    match call.header(name) {
        None => Ok(None),
        Some("*") => Ok(Some(Tag::Any)),
        Some(quoted) => match quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok())
        {
            // Zero is "nothing" to Kinto, which tests the number and not its presence.
            Some(0) => Ok(None),
            Some(timestamp) => Ok(Some(Tag::Timestamp(timestamp))),
            None => Err(answer::invalid("header", Some(name), "The value should be integer between double quotes.")),
        },
    }
}
