//! What was removed is on no disk any more, once everybody is idle.

use super::world::World;
use essaim::ports::Storage;
use essaim::pure::journal::{Stored, follow};
use essaim::pure::page;
use essaim::pure::record::RecordId;
use essaim::pure::state::{Change, State};
use futures_util::FutureExt;
use std::collections::BTreeSet;

/// Checks every database of every device.
pub fn check(world: &World) -> Result<(), String> {
    for (device, at) in world.devices.iter().zip(0..) {
        let memory = &device.disk.memory;
        for collection in memory.collections() {
            let stored = memory.open(&collection).now_or_never().expect("memory answers at once").expect("it opens");
            if let Some(id) = left_behind(&stored) {
                return Err(format!("NOT ERASED: device {at} still has the content of {id:?}, which was removed"));
            }
        }
    }
    Ok(())
}

/// A record whose content is in some row although it was removed.
fn left_behind(stored: &Stored) -> Option<RecordId> {
    let (mut state, mut with_content) = (State::default(), BTreeSet::new());
    let mut read = |page: &[u8]| {
        for change in page::read(page).expect("a page") {
            if let Change::Put(id, row) = &change
                && row.is_live()
                && !row.body.is_empty()
            {
                with_content.insert(id.clone());
            }
            state.apply(change);
        }
    };
    stored.segments.iter().for_each(|segment| read(segment));
    let followed = follow(stored.head.position, &stored.journal, |_, page| {
        read(page);
        Ok(())
    });
    followed.expect("a journal");
    with_content.into_iter().find(|id| !state.rows.get(id).is_some_and(|row| row.is_live()))
}
