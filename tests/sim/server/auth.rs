//! Who asks. <https://docs.kinto-storage.org/en/stable/api/1.x/authentication.html>

/// A Basic name and password, as they came: Kinto's `basicauth` policy makes a user of every pair.
pub struct User(String);

impl User {
    pub fn of(headers: &[(String, String)]) -> Option<Self> {
        let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
        let (scheme, credentials) = value.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("basic") && is_pair(credentials)).then(|| Self(credentials.to_owned()))
    }

    pub fn principal(&self) -> String {
        format!("basicauth:{}", self.default_bucket())
    }

    /// Kinto takes a keyed hash, which nobody can guess. Here it only has to be a valid id, different for every user.
    pub fn default_bucket(&self) -> String {
        self.0.bytes().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Valid base64 of `name:password` with a name.
fn is_pair(credentials: &str) -> bool {
    let decoded: Option<Vec<u32>> = credentials.trim_end_matches('=').bytes().map(sextet).collect();
    let Some(sextets) = decoded else { return false };
    let bytes: Vec<u8> = sextets
        .chunks(4)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0, |bits, sextet| bits << 6 | sextet) << (6 * (4 - chunk.len()));
            [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8].into_iter().take(chunk.len() * 6 / 8)
        })
        .collect();
    bytes.iter().position(|byte| *byte == b':').is_some_and(|colon| colon > 0)
}

fn sextet(byte: u8) -> Option<u32> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    ALPHABET.iter().position(|letter| *letter == byte).map(|index| index as u32)
}
