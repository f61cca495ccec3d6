//! Performs random operations on IndexedDB and on the storage in memory, side by side: their results must never differ.

use crate::contract::{collection as named, entry, fold};
use crate::{collection, tab};
use essaim::browser::IndexedDb;
use essaim::memory::MemoryStorage;
use essaim::ports::{CollectionId, Storage};
use essaim::pure::journal::{Position, Tail};
use wasm_bindgen_test::wasm_bindgen_test;

/// Random numbers: Marsaglia's xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Open,
    Append {
        base: Position,
    },
    Decide {
        known: Position,
        append: bool,
        fail: bool,
    },
    Compact {
        from: Position,
        upto: Position,
        keep: bool,
        segments: u64,
    },
    Close,
    Forget,
}

/// Chooses an operation. Its positions existed at some time, so that old, compacted and forgotten positions occur, too.
fn choose(chance: &mut Chance, positions: &[Position]) -> Work {
    let mut any = || positions[positions.len() - 1 - chance.below((positions.len() as u64).min(6)) as usize];
    let (one, two) = (any(), any());
    match chance.below(100) {
        0..10 => Work::Open,
        10..45 => Work::Append { base: one },
        45..75 => Work::Decide {
            known: one,
            append: chance.below(3) > 0,
            fail: chance.below(5) == 0,
        },
        75..93 => Work::Compact {
            from: one,
            upto: two,
            keep: chance.below(2) == 0,
            segments: chance.below(4),
        },
        93..99 => Work::Close,
        _ => Work::Forget,
    }
}

/// Performs an operation. Returns its result as text, and the position of the appended entry, if any.
async fn perform<S: Storage>(storage: &S, collection: &CollectionId, id: u128, work: Work) -> (String, Option<Position>) {
    let at = |key| Position { key, id };
    match work {
        Work::Open => (format!("{:?}", storage.open(collection).await), None),
        Work::Append { base } => {
            let key = storage.append(collection, entry(id, base, b"appended")).await.expect("append").key;
            (format!("{key}"), Some(at(key)))
        }
        Work::Decide { known, append, fail } => {
            let decided = storage.decide(collection, known, |tail| {
                let tail: Tail = tail;
                if fail {
                    Err(essaim::error::Error::Closed)
                } else {
                    Ok((append.then(|| entry(id, known, b"decided")), format!("{tail:?}")))
                }
            });
            let decided = decided.await;
            let key = decided.as_ref().ok().and_then(|(key, _)| *key);
            (format!("{decided:?}"), key.map(at))
        }
        Work::Compact { from, upto, keep, segments } => {
            let names: Vec<String> = (0..segments).map(|segment| format!("{id} {segment}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (format!("{:?}", storage.compact(collection, fold(from, upto, keep, &names, &[id])).await), None)
        }
        Work::Close => (String::new(), None),
        Work::Forget => (format!("{:?}", storage.forget(collection).await), None),
    }
}

async fn compare(seed: u64) {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (real, name) = ([tab(), tab()], collection());
    let (reference, reference_name) = (MemoryStorage::default(), named("reference"));
    let mut positions = vec![Position::default()];
    for id in 1..=60 {
        let work = choose(&mut chance, &positions);
        let tab: &IndexedDb = &real[chance.below(2) as usize];
        if let Work::Close = work {
            tab.disconnect();
        }
        let (got, position) = perform(tab, &name, id, work).await;
        // After a connection was opened again, nothing is written on a base that the database does not have.
        if let Work::Append { base } = work
            && got == "0"
        {
            let is_unknown = reference.decide(&reference_name, base, |tail| Ok((None, matches!(tail, Tail::Whole(_))))).await;
            assert_eq!(is_unknown, Ok((None, true)), "seed {seed}, step {id}: {work:?}");
            continue;
        }
        let (expected, _) = perform(&reference, &reference_name, id, work).await;
        assert_eq!(got, expected, "seed {seed}, step {id}: {work:?}");
        positions.extend(position);
    }
    assert_eq!(real[0].open(&name).await, reference.open(&reference_name).await, "seed {seed}");
    real[0].forget(&name).await.expect("forget");
}

#[wasm_bindgen_test]
async fn indexed_db_does_what_memory_does() {
    for seed in 1..=20 {
        compare(seed).await;
    }
}
