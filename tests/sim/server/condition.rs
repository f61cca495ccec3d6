//! `If-Match` and `If-None-Match`. <https://docs.kinto-storage.org/en/stable/api/1.x/timestamps.html>

use super::Call;
use super::answer::{self, Answer};
use super::resource::{Object, last_modified};

enum Tag {
    Any,
    Timestamp(u64),
}

/// The preconditions of a request, on an object or on a list.
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

    /// 304 if the client has this timestamp already. Only GET and HEAD use this.
    pub fn not_modified(&self, current: u64) -> Option<Answer> {
        matches!(self.if_none_match, Some(Tag::Timestamp(known)) if known == current).then(|| answer::not_modified(current))
    }

    /// 412 if a list does not meet the condition. A list always exists.
    pub fn list_modified(&self, current: u64) -> Option<Answer> {
        self.is_violated(true, current).then(|| answer::modified_meanwhile(current, None))
    }

    /// 412 if an object does not meet the condition. If the object does not exist, the ETag is that of the list, and there are no
    /// `details`.
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
            // Zero means no condition to Kinto, which tests whether the number is zero and not whether it is present.
            Some(0) => Ok(None),
            Some(timestamp) => Ok(Some(Tag::Timestamp(timestamp))),
            None => Err(answer::invalid("header", Some(name), "The value should be integer between double quotes.")),
        },
    }
}
