//! Front servers (reverse proxies), which change the headers of listings that a device sees. They are honest, and so is the server behind
//! them.

use super::executor::Dice;
use essaim::ports::Response;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Front {
    /// Everything is passed on.
    None,
    /// `Next-Page` is stripped, or CORS does not expose it.
    HidesNext,
    HidesTimestamp,
    /// Both are hidden, as if CORS exposed no header.
    HidesBoth,
    /// `Host` is not passed on: `Next-Page` names an address that only the front server can reach.
    InnerAddress,
    /// Answers are compressed: the `ETag` is weak, or has a suffix.
    Compresses,
}

impl Front {
    const ALL: [Front; 6] = [
        Front::None,
        Front::HidesNext,
        Front::HidesTimestamp,
        Front::HidesBoth,
        Front::InnerAddress,
        Front::Compresses,
    ];

    /// The front server of a device; half of the devices have none. It is not drawn from the world's dice, so that everything else that a
    /// seed determines stays the same.
    pub fn of(seed: u64, device: usize) -> Self {
        let dice = Dice::new(seed ^ (device as u64 + 1) << 40);
        if dice.permille(500) { Front::None } else { *dice.pick(&Self::ALL) }
    }

    /// Whether a device behind it cannot learn that a list has not changed.
    pub fn hides_timestamp(self) -> bool {
        matches!(self, Front::HidesTimestamp | Front::HidesBoth)
    }

    pub fn pass(self, mut response: Response) -> Response {
        let hides = |name: &str| match self {
            Front::HidesNext => name == "next-page",
            Front::HidesTimestamp => name == "etag",
            Front::HidesBoth => name == "next-page" || name == "etag",
            _ => false,
        };
        response.headers.retain(|(name, _)| !hides(name));
        for (name, value) in &mut response.headers {
            match (self, name.as_str()) {
                (Front::InnerAddress, "next-page") => *value = value.replace("http://server.test/", "http://kinto:8888/"),
                (Front::Compresses, "etag") => *value = format!("W/{}-gzip\"", value.trim_end_matches('"')),
                _ => {}
            }
        }
        response
    }
}
