//! Seeded simulations of the real engine: the same seed gives the same run, and a failure prints how to replay it.
//!
//! `cargo test --release --test sim` runs 1,000 seeds. `ESSAIM_SEEDS=50000` runs more, `ESSAIM_SEED=7` runs only seed 7.
#![cfg(not(target_arch = "wasm32"))]

mod actor;
mod devices;
mod eavesdropper;
mod encrypted;
mod erasure;
mod executor;
mod forger;
mod front;
mod harvest;
mod history;
mod junk;
mod knowledge;
mod leaving;
mod liar;
mod lie;
mod long;
mod network;
mod platform;
mod scenes;
#[allow(dead_code)]
mod server;
mod shown_again;
mod sleepers;
mod storage;
mod tabs;
mod telling;
mod unsettled;
mod world;

use essaim::pure::sealed;
use lie::Lie;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use storage::Rule;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("ESSAIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("ESSAIM_FIRST").unwrap_or(0);
            first..first + number("ESSAIM_SEEDS").unwrap_or(1000)
        }
    }
}

/// Runs all seeds, spread over all cores. Prints for each failed seed how to replay it.
fn all(name: &str, run: impl Fn(u64) -> Result<u64, String> + Sync) {
    let seeds: Vec<u64> = seeds().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failed: Mutex<Vec<u64>> = Mutex::default();
    std::thread::scope(|scope| {
        for part in seeds.chunks(seeds.len().div_ceil(threads).max(1)) {
            let (run, failed) = (&run, &failed);
            scope.spawn(move || {
                for seed in part {
                    let complaint = match catch_unwind(AssertUnwindSafe(|| run(*seed))) {
                        Ok(Ok(_)) => continue,
                        Ok(Err(complaint)) => complaint,
                        Err(_) => "a panic, above".to_owned(),
                    };
                    println!("seed {seed}: {complaint}\nreplay: ESSAIM_SEED={seed} cargo test --release --test sim {name} -- --nocapture");
                    failed.lock().unwrap().push(*seed);
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} seeds fail: {failed:?}", failed.len(), seeds.len());
}

#[test]
fn tabs_lose_nothing_and_write_nothing_twice() {
    all("tabs_lose_nothing_and_write_nothing_twice", |seed| tabs::run(seed, None));
}

#[test]
fn devices_lose_nothing_and_end_alike() {
    all("devices_lose_nothing_and_end_alike", devices::run);
}

#[test]
fn a_view_kept_by_what_is_told_ends_as_the_database() {
    all("a_view_kept_by_what_is_told_ends_as_the_database", telling::run);
}

#[test]
fn what_is_under_way_ends_when_the_collection_is_left() {
    all("what_is_under_way_ends_when_the_collection_is_left", leaving::run);
}

#[test]
fn encrypted_devices_lose_nothing_and_suspect_nobody() {
    all("encrypted_devices_lose_nothing_and_suspect_nobody", |seed| {
        encrypted::run(seed, None, None).map(|outcome| outcome.trace)
    });
}

fn lie_of(seed: u64) -> Lie {
    Lie::ALL[(seed % Lie::ALL.len() as u64) as usize]
}

#[test]
fn a_server_that_lies_is_found_out_and_does_no_harm() {
    /// The number of runs, of runs in which the lie was told, and of runs in which a device raised an alarm.
    type Tally = (usize, usize, usize);
    let tallies: Mutex<BTreeMap<Lie, Tally>> = Mutex::default();
    all("a_server_that_lies_is_found_out_and_does_no_harm", |seed| {
        let outcome = encrypted::run(seed, Some(lie_of(seed)), None)?;
        let mut tallies = tallies.lock().unwrap();
        let tally = tallies.entry(lie_of(seed)).or_default();
        *tally = (
            tally.0 + 1,
            tally.1 + usize::from(outcome.told),
            tally.2 + usize::from(!outcome.alarms.is_empty()),
        );
        Ok(outcome.trace)
    });
    let tallies = tallies.into_inner().unwrap();
    for (lie, (runs, told, alarmed)) in &tallies {
        println!("{lie:?}: told in {told} of {runs}, somebody was alarmed in {alarmed}");
        let enough = *runs >= 50;
        assert!(!enough || *told > 0, "{lie:?} is never told");
        assert!(!enough || *alarmed > 0 || lie.is_always_harmless(), "{lie:?} is never found out");
    }
}

/// The server shows an old page again. No version that a later write replaced or deleted may come back without a conflict, whatever the
/// strategy.
#[test]
fn a_page_that_is_shown_again_later_brings_nothing_back() {
    let told = AtomicUsize::new(0);
    all("a_page_that_is_shown_again_later_brings_nothing_back", |seed| {
        let outcome = encrypted::run(seed, Some(Lie::HarvestedPage), None)?;
        told.fetch_add(usize::from(outcome.told), Ordering::Relaxed);
        Ok(outcome.trace)
    });
    println!("told in {told:?} of {}", seeds().count());
}

/// Removes one rule of the sealed journal at a time; the simulation must then fail. Seven rules have a scene each. For every other rule,
/// seeds are tried until one fails without the rule and passes with it. Even seeds have an honest server and odd seeds a lying one. For the
/// rules that exist because of pages that are shown again, even seeds have a server that shows old pages again.
#[test]
fn without_any_one_rule_of_the_sealed_journal_something_goes_wrong() {
    let lie_for = |rule: sealed::Rule, seed: u64| match rule {
        sealed::Rule::LaterWordStays | sealed::Rule::UnreadMayBeGone | sealed::Rule::ForkNotPosition | sealed::Rule::LostRowsAreStrays => {
            Some(if seed % 2 == 1 { lie_of(seed) } else { Lie::HarvestedPage })
        }
        _ => (seed % 2 == 1).then(|| lie_of(seed)),
    };
    let goes_wrong =
        |lie: Option<Lie>, rule: Option<sealed::Rule>, seed: u64| !matches!(catch_unwind(AssertUnwindSafe(|| encrypted::run(seed, lie, rule))), Ok(Ok(_)));
    std::thread::scope(|scope| {
        for half in [0, 1] {
            scope.spawn(move || {
                let rules = sealed::Rule::ALL.into_iter().skip(half).step_by(2);
                for rule in rules {
                    let missed = match rule {
                        sealed::Rule::YoungSegmentsStay => scenes::two_snapshots_at_once(Some(rule)).err(),
                        sealed::Rule::NewerVersionsOnly => scenes::a_snapshot_over_a_local_edit(Some(rule)).err(),
                        sealed::Rule::DigestBeforeAdopting => scenes::a_snapshot_that_leaves_something_out(Some(rule)).err(),
                        sealed::Rule::RefusedIsDeleted => shown_again::a_refused_page_of_a_record_that_was_deleted(Some(rule)).err(),
                        sealed::Rule::SentMayBeKnown => shown_again::a_refused_page_of_a_record_that_was_edited_and_deleted(Some(rule)).err(),
                        sealed::Rule::NewDevicesNeedTheLatest => junk::junk_in_the_place_of_the_latest_snapshot(Some(rule)).err(),
                        sealed::Rule::OldPagesAreCompared => shown_again::an_old_page_of_another_history(Some(rule)).err(),
                        _ => (0..1000)
                            .find(|seed| goes_wrong(lie_for(rule, *seed), Some(rule), *seed) && !goes_wrong(lie_for(rule, *seed), None, *seed))
                            .map(|seed| format!("seed {seed} is the first to go wrong")),
                    };
                    println!("without {rule:?}: {missed:?}");
                    assert!(missed.is_some(), "{rule:?} is not missed");
                }
            });
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let lie = Some(lie_of(seed));
        assert_eq!(encrypted::run(seed, lie, None), encrypted::run(seed, lie, None), "seed {seed}");
        assert_eq!(devices::run(seed), devices::run(seed), "seed {seed}");
        assert_eq!(tabs::run(seed, None), tabs::run(seed, None), "seed {seed}");
    }
}

/// Removes one rule of the local journal at a time; some seeds must then fail. Otherwise either the rule is superfluous, or the simulation
/// cannot detect that it is missing.
#[test]
fn without_any_one_rule_of_the_journal_writes_are_lost_or_doubled() {
    for rule in [
        Rule::LookForTheEntry,
        Rule::CompactedPositionWithTheTail,
        Rule::CompareBeforeFolding,
        Rule::KeyRightAfterTheBase,
    ] {
        let harm = (0..600)
            .filter(|seed| !matches!(catch_unwind(AssertUnwindSafe(|| tabs::run(*seed, Some(rule)))), Ok(Ok(_))))
            .count();
        println!("without {rule:?}: {harm} of 600 seeds go wrong");
        assert!(harm > 0, "{rule:?} is not missed");
    }
}
