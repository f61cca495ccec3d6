//! The user of a request. <https://docs.kinto-storage.org/en/stable/api/1.x/authentication.html>

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A Basic name and password, still encoded. Kinto's `basicauth` policy makes a user of every such pair.
pub struct User(String);

impl User {
    pub fn of(headers: &[(String, String)]) -> Option<Self> {
        let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
        let (scheme, credentials) = value.split_once(' ')?;
        let pair = BASE64_STANDARD.decode(credentials).ok()?;
        let has_name = pair.iter().position(|byte| *byte == b':').is_some_and(|colon| colon > 0);
        (scheme.eq_ignore_ascii_case("basic") && has_name).then(|| Self(credentials.to_owned()))
    }

    pub fn principal(&self) -> String {
        format!("basicauth:{}", self.default_bucket())
    }

    /// The id of the user's `default` bucket. Kinto takes a keyed hash, which nobody can guess. Here it only has to be a valid id,
    /// different for every user.
    pub fn default_bucket(&self) -> String {
        self.0.bytes().map(|byte| format!("{byte:02x}")).collect()
    }
}
