//! Eviction markers in localStorage, which browsers evict more rarely than a database.
//!
//! The markers are optional, so nothing here fails: in a worker, where storage is refused, or when localStorage is full, there are none.

use crate::ports::Witness;
use web_sys::Storage;

#[derive(Clone, Copy, Debug, Default)]
pub struct LocalStorage;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// The names of all notes in localStorage; `None` where there is no localStorage.
pub fn names() -> Option<Vec<String>> {
    let storage = storage()?;
    let count = storage.length().ok()?;
    Some((0..count).filter_map(|index| storage.key(index).ok()?).collect())
}

impl Witness for LocalStorage {
    fn read(&self, name: &str) -> Option<String> {
        storage()?.get_item(name).ok()?
    }

    fn write(&self, name: &str, note: Option<&str>) {
        if let Some(storage) = storage() {
            let _ = match note {
                Some(note) => storage.set_item(name, note),
                None => storage.remove_item(name),
            };
        }
    }
}
