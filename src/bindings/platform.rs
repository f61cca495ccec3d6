//! The browser's implementations of the ports, as one platform.

use super::app::RawApp;
use super::storage::PageStorage;
use crate::browser::{BrowserClock, BrowserRandom, BrowserTabs, Fetch, KintoJs, LocalStorage};
use crate::ports::Platform;

/// The platform of a web page.
#[derive(Debug)]
pub struct BrowserPlatform {
    storage: PageStorage,
    fetch: Fetch,
    tabs: BrowserTabs,
    predecessor: KintoJs,
}

impl BrowserPlatform {
    pub fn new(storage: PageStorage, fetch: Fetch) -> Self {
        BrowserPlatform {
            predecessor: KintoJs::new(matches!(storage, PageStorage::IndexedDb(..))),
            storage,
            fetch,
            tabs: BrowserTabs::default(),
        }
    }
}

impl Platform for BrowserPlatform {
    type Storage = PageStorage;
    type Transport = Fetch;
    type Clock = BrowserClock;
    type Rng = BrowserRandom;
    type Tabs = BrowserTabs;
    type Witness = LocalStorage;
    type Predecessor = KintoJs;
    type App = RawApp;

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn storage(&self) -> &PageStorage {
        &self.storage
    }

    fn transport(&self) -> &Fetch {
        &self.fetch
    }

    fn clock(&self) -> &BrowserClock {
        &BrowserClock
    }

    fn rng(&self) -> &BrowserRandom {
        &BrowserRandom
    }

    fn tabs(&self) -> &BrowserTabs {
        &self.tabs
    }

    fn witness(&self) -> &LocalStorage {
        &LocalStorage
    }

    fn predecessor(&self) -> &KintoJs {
        &self.predecessor
    }
}
