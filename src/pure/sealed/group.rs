//! Which records go into which page: those that one `execute` wrote stay together.

use crate::pure::record::RecordId;
use std::collections::BTreeSet;

/// Cuts records (with the bytes each adds) into pages, which are lists of indices. `groups` that share a record are one. A
/// group larger than a page has one to itself.
pub fn pages(records: &[(&RecordId, usize)], groups: &[BTreeSet<RecordId>], limit: usize) -> Vec<Vec<usize>> {
    let joined = join(groups);
    let mut placed = vec![false; records.len()];
    let mut pages: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, (id, _)) in records.iter().enumerate() {
        if placed[index] {
            continue;
        }
        let unit: Vec<usize> = match joined.iter().find(|group| group.contains(*id)) {
            Some(group) => (index..records.len()).filter(|other| group.contains(records[*other].0)).collect(),
            None => vec![index],
        };
        let weight: usize = unit.iter().map(|index| records[*index].1).sum();
        unit.iter().for_each(|index| placed[*index] = true);
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
