//! The platform of a browser: implements each trait of `ports` by the browser's own API, without decisions.

/// Custom storage of the app.
pub mod app_storage;
/// Time.
pub mod clock;
/// Listeners for DOM events.
mod event;
/// HTTP.
pub mod fetch;
/// Storage in IndexedDB.
pub mod indexed_db;
/// Kinto.js data.
pub mod kinto_js;
/// Randomness.
pub mod random;
/// Whether this app stored data in this browser before.
mod stored_before;
/// Locks and notices between tabs.
pub mod tabs;
/// Exceptions of JavaScript.
pub mod thrown;
/// Eviction markers.
pub mod witness;

pub use app_storage::AppStorage;
pub use clock::BrowserClock;
pub use fetch::Fetch;
pub use indexed_db::{Durability, IndexedDb};
pub use kinto_js::KintoJs;
pub use random::BrowserRandom;
pub use tabs::BrowserTabs;
pub use witness::LocalStorage;
