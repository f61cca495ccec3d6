//! Targets that read bytes stored in the browser.

use super::*;
use essaim::pure::journal::{self, Entry, Head, Position, follow, is_anchored, read_entry};
use essaim::pure::record::{Base, RecordId, Row, Sent, Status};
use essaim::pure::state::{Change, State};
use essaim::pure::{fold as folding, page as pages};
use std::collections::BTreeSet;

fn row(body: &str) -> Row {
    Row {
        sent: Some(Sent::Body("\"n\":0".into())),
        gone_at: Some(7),
        ..Row::new(body, Status::Updated, Some(1_767_225_600_000))
    }
    .on(Some(Base {
        position: 3,
        t: 17,
        text: "\"n\":1".into(),
    }))
}

fn changes() -> Vec<Change> {
    let id = RecordId::from_text("a1");
    vec![
        Change::Put(id.clone(), row("\"title\":\"x\"")),
        Change::Put(RecordId::from_text("a2"), Row::new("", Status::Synced, None)),
        Change::Note("cursor x".into(), Some("{\"since\":1}".into())),
        Change::Note("gone".into(), None),
        Change::Sending(id.clone()),
        Change::Remove(id),
        Change::Clear,
    ]
}

/// Shapes with many changes of one kind.
fn of_changes(wrap: fn(&[Change]) -> Vec<u8>) -> Vec<Shape> {
    type Make = fn(String) -> Change;
    let kinds: [(&str, Make); 6] = [
        ("records", |id| {
            Change::Put(RecordId::from_text(&id), Row::new("\"n\":1", Status::Updated, Some(5)))
        }),
        ("removals", |id| Change::Remove(RecordId::from_text(&id))),
        ("notes", |id| Change::Note(id, Some("1".into()))),
        ("notes gone", |id| Change::Note(id, None)),
        ("records sent", |id| Change::Sending(RecordId::from_text(&id))),
        ("clearings", |_| Change::Clear),
    ];
    let mut shapes = Vec::new();
    for (kind, make) in kinds {
        for (order, number) in growth::ORDERS {
            shapes.push(Shape::new(format!("many {kind}, {order}"), move |n| {
                let count = n / 20 + 1;
                let changes: Vec<Change> = (0..count).map(|index| make(format!("a{:09}", number(index, count)))).collect();
                wrap(&changes)
            }));
        }
    }
    shapes.push(Shape::new("one long record", move |n| {
        wrap(&[Change::Put(RecordId::from_text("a"), row(&format!("\"t\":\"{}\"", "x".repeat(n))))])
    }));
    shapes.push(Shape::new("one long id", move |n| {
        wrap(&[Change::Put(RecordId::from_text(&"x".repeat(n)), row(""))])
    }));
    // Long ids that differ only at their ends.
    shapes.push(Shape::new("long ids", move |n| {
        let changes: Vec<Change> = (0..n.isqrt())
            .map(|index| Change::Remove(RecordId::from_text(&format!("{}{index:09}", "x".repeat(n.isqrt())))))
            .collect();
        wrap(&changes)
    }));
    shapes
}

fn apply(changes: Vec<Change>) -> State {
    let mut state = State::default();
    changes.into_iter().for_each(|change| state.apply(change));
    state
}

pub fn page() -> Target {
    fn read(bytes: &[u8]) {
        let Ok(changes) = pages::read(bytes) else { return };
        let written = pages::write(&changes);
        assert_eq!(pages::read(&written).expect("what was written is read"), changes);
    }
    let seeds = (0..=changes().len()).map(|count| pages::write(&changes()[..count]));
    let mut target = Target::bytes("page", read, seeds).grows(of_changes(pages::write));
    // A change takes much more memory than bytes on disk.
    target.memory = (400, 1 << 18);
    target
}

/// Compaction: segments are written anew from what was read.
pub fn fold() -> Target {
    fn read(bytes: &[u8]) {
        let Ok(changes) = pages::read(bytes) else { return };
        let ids: BTreeSet<RecordId> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Put(id, _) | Change::Remove(id) | Change::Sending(id) => Some(id.clone()),
                _ => None,
            })
            .collect();
        let state = apply(changes);
        let again = folding::whole(&state, folding::DeletedContent::Keep)
            .iter()
            .flat_map(|segment| pages::read(segment).expect("a segment"))
            .collect();
        assert_eq!(apply(again), state);
        let _ = folding::journal_only(&state, &ids, &BTreeSet::from(["cursor x".to_owned()]), folding::DeletedContent::Keep);
    }
    let seeds = (0..=changes().len()).map(|count| pages::write(&changes()[..count]));
    let mut target = Target::bytes("fold", read, seeds).grows(of_changes(pages::write));
    target.memory = (400, 1 << 18);
    target
}

pub fn entry() -> Target {
    fn read(bytes: &[u8]) {
        let Ok(stamped) = read_entry(bytes) else { return };
        let entry = Entry {
            id: stamped.id,
            base: stamped.base,
            page: stamped.page.to_vec(),
        };
        assert_eq!(entry.to_bytes(), bytes);
        let _ = pages::read(stamped.page);
    }
    let entry = |page| {
        Entry {
            id: 7,
            base: Position { key: 3, id: 5 },
            page,
        }
        .to_bytes()
    };
    let mut target = Target::bytes("entry", read, [entry(pages::write(&changes())), entry(Vec::new())]).grows(of_changes(|changes| {
        Entry {
            id: 7,
            base: Position { key: 3, id: 5 },
            page: pages::write(changes),
        }
        .to_bytes()
    }));
    target.memory = (400, 1 << 18);
    target
}

pub fn head() -> Target {
    fn read(bytes: &[u8]) {
        let Ok(head) = Head::read(bytes) else { return };
        assert_eq!(head.to_bytes(), bytes);
        assert!(head.after(Position::default(), &[1, 2]).folded.len() <= journal::FOLDED_IDS);
    }
    let head = |count| {
        Head {
            position: Position { key: 3, id: 5 },
            folded: (0..count).collect(),
        }
        .to_bytes()
    };
    Target::bytes("head", read, [head(0), head(3)]).grows([Shape::new("many folded ids", move |n| head(n as u128 / 16))])
}

/// A journal: rows of bytes, each preceded by its length.
pub fn journal() -> Target {
    fn read(bytes: &[u8]) {
        let mut rows = Vec::new();
        let mut rest = bytes;
        while let Some((length, more)) = rest.split_first_chunk::<2>() {
            let (row, after) = more.split_at(usize::from(u16::from_le_bytes(*length)).min(more.len()));
            rows.push((rows.len() as u64 + 1, row.to_vec()));
            rest = after;
        }
        let mut state = State::default();
        let end = follow(Position::default(), &rows, |_, page| {
            pages::read(page)?.into_iter().for_each(|change| state.apply(change));
            Ok(())
        });
        if let (Ok(end), Some((_, last))) = (end, rows.last()) {
            let _ = is_anchored(Position::default(), Some(last), end);
        }
    }
    fn rows(count: usize, number: fn(usize, usize) -> usize) -> Vec<u8> {
        let mut base = Position::default();
        let mut bytes = Vec::new();
        for index in 0..count {
            let name = format!("a{:09}", number(index, count));
            let page = pages::write(&[Change::Put(RecordId::from_text(&name), row("\"n\":1")), Change::Note(name, Some("1".into()))]);
            let entry = Entry {
                id: index as u128 + 10,
                base,
                page,
            };
            base = Position {
                key: index as u64 + 1,
                id: entry.id,
            };
            let row = entry.to_bytes();
            bytes.extend_from_slice(&(row.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&row);
        }
        bytes
    }
    let shapes = growth::ORDERS.map(|(order, number)| Shape::new(format!("many entries, {order}"), move |n| rows(n / 120 + 1, number)));
    Target::bytes("journal", read, [rows(3, |index, _| index), rows(1, |_, _| 0)]).grows(shapes)
}
