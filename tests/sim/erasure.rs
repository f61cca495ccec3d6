//! Checks that removed content is on no disk any more, once all devices are idle.

use super::storage::each_change;
use super::world::World;
use essaim::pure::journal::Stored;
use essaim::pure::record::RecordId;
use essaim::pure::state::{Change, State};
use std::collections::BTreeSet;

/// Checks every database of every device.
pub fn check(world: &World) -> Result<(), String> {
    for (device, at) in world.devices.iter().zip(0..) {
        for stored in device.disk.databases() {
            if let Some(id) = left_behind(&stored) {
                return Err(format!("NOT ERASED: device {at} still has the content of {id:?}, which was removed"));
            }
        }
    }
    Ok(())
}

/// The id of a removed record whose content is still in some row.
fn left_behind(stored: &Stored) -> Option<RecordId> {
    let (mut state, mut with_content) = (State::default(), BTreeSet::new());
    each_change(stored, |change| {
        if let Change::Put(id, row) = &change
            && row.is_live()
            && !row.body.is_empty()
        {
            with_content.insert(id.clone());
        }
        state.apply(change);
    });
    with_content.into_iter().find(|id| !state.rows.get(id).is_some_and(|row| row.is_live()))
}
