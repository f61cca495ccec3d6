//! Distributes changed records over pages, so that the records which one `execute` wrote are in one page.

use crate::pure::record::RecordId;
use std::collections::{BTreeMap, BTreeSet};

/// Distributes records (id, bytes that it adds) over pages of at most `limit` bytes. Returns the indices of each page's records. Groups that
/// share a record are treated as one. A group larger than a page has a page to itself.
pub fn pages(records: &[(&RecordId, usize)], groups: &[BTreeSet<RecordId>], limit: usize) -> Vec<Vec<usize>> {
    let joined = join(groups);
    let place = places(&joined);
    let group_of = |id: &RecordId| place.get(id).map(|place| *place as usize);
    // The indices of each group's records.
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); joined.len()];
    for (index, (id, _)) in records.iter().enumerate() {
        if let Some(group) = group_of(id) {
            members[group].push(index);
        }
    }
    let mut pages: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, (id, _)) in records.iter().enumerate() {
        let unit = match group_of(id) {
            Some(group) => std::mem::take(&mut members[group]),
            None => vec![index],
        };
        // A record whose group already has its place.
        if unit.is_empty() {
            continue;
        }
        let weight: usize = unit.iter().map(|index| records[*index].1).sum();
        match pages.last_mut().filter(|(used, _)| used + weight <= limit) {
            Some((used, page)) => {
                *used += weight;
                page.extend(unit);
            }
            None => pages.push((weight, unit)),
        }
    }
    pages.into_iter().map(|(_, page)| page).collect()
}

/// The number of the group that each record is in.
fn places(groups: &[BTreeSet<RecordId>]) -> BTreeMap<RecordId, u64> {
    let mut places = BTreeMap::new();
    for (group, number) in groups.iter().zip(0..) {
        places.extend(group.iter().map(|id| (id.clone(), number)));
    }
    places
}

/// Joins groups that have a record in common. The joined group takes the place of the last of them.
pub fn join(groups: &[BTreeSet<RecordId>]) -> Vec<BTreeSet<RecordId>> {
    // A union-find: each group refers to a later one that has a record in common with it, or to itself. The last one becomes the joined group.
    let mut leads: Vec<usize> = (0..groups.len()).collect();
    fn whole(leads: &mut [usize], mut group: usize) -> usize {
        while leads[group] != group {
            leads[group] = leads[leads[group]];
            group = leads[group];
        }
        group
    }
    let mut last: BTreeMap<RecordId, u64> = BTreeMap::new();
    for (group, number) in groups.iter().zip(0..) {
        for id in group {
            if let Some(earlier) = last.insert(id.clone(), number) {
                let earlier = whole(&mut leads, earlier as usize);
                leads[earlier] = number as usize;
            }
        }
    }
    let mut joined = groups.to_vec();
    for group in 0..groups.len() {
        let end = whole(&mut leads, group);
        if end != group {
            let part = std::mem::take(&mut joined[group]);
            joined[end].extend(part);
        }
    }
    joined.retain(|group| !group.is_empty());
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RecordId {
        RecordId::from_text(text)
    }

    fn set(ids: &[&str]) -> BTreeSet<RecordId> {
        ids.iter().map(|text| id(text)).collect()
    }

    fn cut(records: &[&str], groups: &[BTreeSet<RecordId>]) -> Vec<Vec<RecordId>> {
        let ids: Vec<RecordId> = records.iter().map(|text| id(text)).collect();
        let records: Vec<(&RecordId, usize)> = ids.iter().map(|id| (id, 10)).collect();
        let pages = pages(&records, groups, 30);
        pages.iter().map(|page| page.iter().map(|index| ids[*index].clone()).collect()).collect()
    }

    #[test]
    fn pages_are_filled_in_order() {
        let all = cut(&["a", "b", "c", "d"], &[]);
        assert_eq!(all, [vec![id("a"), id("b"), id("c")], vec![id("d")]]);
    }

    #[test]
    fn what_one_execute_wrote_stays_in_one_page() {
        let all = cut(&["a", "b", "c", "d"], &[set(&["c", "d", "gone"])]);
        assert_eq!(all, [vec![id("a"), id("b")], vec![id("c"), id("d")]]);
        let large = cut(&["a", "b", "c", "d", "e"], &[set(&["a", "c"]), set(&["c", "d"]), set(&["e", "d"])]);
        assert_eq!(
            large,
            [vec![id("a"), id("c"), id("d"), id("e")], vec![id("b")]],
            "groups with a record in common are one"
        );
    }
}
