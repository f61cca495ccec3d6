//! What a browser is to the engine: each port, given by the browser's own thing. Nothing is decided here.

/// Pages that the app keeps.
pub mod app_storage;
/// Time.
pub mod clock;
/// Events, heard once or until dropped.
mod event;
/// HTTP.
pub mod fetch;
/// Storage that outlives the page.
pub mod indexed_db;
/// What Kinto.js left behind.
pub mod kinto_js;
/// Randomness.
pub mod random;
/// What says that this app stored data in this browser before.
mod stored_before;
/// Locks and notices between tabs.
pub mod tabs;
/// What JavaScript throws.
pub mod thrown;
/// Notes that outlive an evicted database.
pub mod witness;

pub use app_storage::AppStorage;
pub use clock::BrowserClock;
pub use fetch::Fetch;
pub use indexed_db::{Durability, IndexedDb};
pub use kinto_js::KintoJs;
pub use random::BrowserRandom;
pub use tabs::BrowserTabs;
pub use witness::LocalStorage;
