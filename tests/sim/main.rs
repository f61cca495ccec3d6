//! Seeded simulations of the real engine: the same seed gives the same run, and a failure prints how to replay it.
//!
//! `ESSAIM_SEEDS=50000 cargo test --release --test sim` runs more; `ESSAIM_SEED=7` just one.
#![cfg(not(target_arch = "wasm32"))]

mod actor;
mod devices;
mod eavesdropper;
mod executor;
mod forger;
mod history;
mod liar;
mod lie;
mod network;
mod platform;
#[allow(dead_code)]
mod server;
mod storage;
mod tabs;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use storage::Rule;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("ESSAIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ESSAIM_SEEDS").unwrap_or(1000),
    }
}

/// Runs every seed on all cores; the first failure says how to see it again.
fn all(name: &str, run: impl Fn(u64) -> Result<u64, String> + Sync) {
    let seeds: Vec<u64> = seeds().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for part in seeds.chunks(seeds.len().div_ceil(threads).max(1)) {
            let run = &run;
            scope.spawn(move || {
                for seed in part {
                    let outcome = catch_unwind(AssertUnwindSafe(|| run(*seed)));
                    let complaint = match outcome {
                        Ok(Ok(_)) => continue,
                        Ok(Err(complaint)) => complaint,
                        Err(_) => "a panic, above".to_owned(),
                    };
                    panic!("seed {seed}: {complaint}\nreplay: ESSAIM_SEED={seed} cargo test --release --test sim {name} -- --nocapture");
                }
            });
        }
    });
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
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(devices::run(seed), devices::run(seed), "seed {seed}");
        assert_eq!(tabs::run(seed, None), tabs::run(seed, None), "seed {seed}");
    }
}

/// A rule that nothing would miss need not be there, and a simulation that does not miss it sees nothing.
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
