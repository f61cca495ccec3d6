//! Which records go into which page: those that one `execute` wrote stay together.

use crate::pure::record::RecordId;
use std::collections::{BTreeMap, BTreeSet};

/// Cuts records (with the bytes each adds) into pages. `groups` that share a record are one. A group larger than a page has one to itself.
pub fn pages(records: &[(RecordId, usize)], groups: &[BTreeSet<RecordId>], limit: usize) -> Vec<Vec<RecordId>> {
    let bytes: BTreeMap<&RecordId, usize> = records.iter().map(|(id, bytes)| (id, *bytes)).collect();
    let joined = join(groups);
    let mut placed = BTreeSet::new();
    let mut pages: Vec<(usize, Vec<RecordId>)> = Vec::new();
    for (id, _) in records {
        if placed.contains(id) {
            continue;
        }
        let unit: Vec<RecordId> = match joined.iter().find(|group| group.contains(id)) {
            Some(group) => group.iter().filter(|id| bytes.contains_key(id)).cloned().collect(),
            None => vec![id.clone()],
        };
        let weight: usize = unit.iter().map(|id| bytes[id]).sum();
        placed.extend(unit.iter().cloned());
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

/// Groups with a record in common become one.
pub fn join(groups: &[BTreeSet<RecordId>]) -> Vec<BTreeSet<RecordId>> {
    let mut joined: Vec<BTreeSet<RecordId>> = Vec::new();
    for group in groups {
        let mut whole = group.clone();
        joined.retain(|other| {
            let apart = other.is_disjoint(&whole);
            if !apart {
                whole.extend(other.iter().cloned());
            }
            apart
        });
        joined.push(whole);
    }
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
        let records: Vec<(RecordId, usize)> = records.iter().map(|text| (id(text), 10)).collect();
        pages(&records, groups, 30)
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
