//! Devices that join or rejoin a long journal: new ones at any time, and old ones that were away for fifty snapshots.

use super::actor::Actor;
use super::long::{CLEAN_SLEEPER, Catching, DIRTY_SLEEPER, INTERRUPTED_SLEEPER, Long};
use essaim::pure::json;

/// 2,000 records of 300 bytes, and 10,000 edits of one record each, with a sync after each edit, and with the limits that apps have.
#[test]
fn a_long_journal_is_caught_up_with_from_anywhere() {
    let mut long = Long::begin(2000, 12);
    long.go_on(300);
    let sleepers: Vec<Actor> = [CLEAN_SLEEPER, DIRTY_SLEEPER, INTERRUPTED_SLEEPER].map(|device| long.open(device)).into();
    sleepers.iter().for_each(|sleeper| drop(long.sync_on(sleeper, "manual")));
    let [clean, dirty, interrupted] = &sleepers[..] else { unreachable!() };
    // The actions on the sleeping devices before these fall asleep. The writer edits two of these records too, and deletes one.
    let [mine, unloved, both, gone, lost] = std::array::from_fn(|_| long.spare());
    let mine_edited = long.edit_on(dirty, &mine);
    long.remove_on(dirty, &unloved);
    let both_edited = long.edit_on(dirty, &both);
    let gone_edited = long.edit_on(dirty, &gone);
    long.edit_on(interrupted, &lost);
    long.sync_without_answer(interrupted);
    long.go_on(50);
    long.edit(&both);
    long.edit(&lost);
    long.remove(&gone);
    let asleep_since = long.snapshots;
    long.go_on(9600);
    let slept_through = long.snapshots - asleep_since;
    assert!(
        long.position() >= 10_000 && slept_through >= 50,
        "{} pages, {slept_through} snapshots",
        long.position()
    );

    // New devices join at different moments between two snapshots.
    let mut worst: f64 = 0.0;
    for _ in 0..11 {
        long.go_on(20);
        let taken = long.newcomer();
        let ratio = taken.bytes as f64 / long.live_bytes() as f64;
        println!(
            "{} pages: a new device takes {} bytes in {} requests for {} that live: {ratio:.2}",
            long.position(),
            taken.bytes,
            taken.requests,
            long.live_bytes()
        );
        worst = worst.max(ratio);
    }
    assert!(worst <= 2.0, "a new device downloads {worst:.2} times what lives");

    let told = |name: &str, caught: &Catching| println!("{name}, {slept_through} snapshots later: {} requests, {} bytes", caught.requests, caught.bytes);
    let caught = long.sync_on(clean, "manual");
    told("a device without changes of its own", &caught);
    assert!(caught.requests <= 12, "{} requests", caught.requests);
    long.check_alike(clean);

    let interrupted = &long.open(INTERRUPTED_SLEEPER);
    let caught = long.sync_on(interrupted, "manual");
    told("one whose last answer was lost", &caught);
    assert!(
        caught.requests <= 12 && caught.report.contains("\"conflicts\":[]"),
        "{} requests",
        caught.requests
    );
    long.check_alike(interrupted);

    let caught = long.sync_on(dirty, "manual");
    told("one with changes of its own", &caught);
    let conflicts = json::member(&caught.report, "conflicts").and_then(json::elements).into_iter().flatten().count();
    assert!(caught.requests <= 14 && conflicts == 2, "{} requests, {conflicts} conflicts", caught.requests);
    long.sync_on(dirty, "client_wins");
    for (id, record) in [(mine, Some(mine_edited)), (unloved, None), (both, Some(both_edited)), (gone, Some(gone_edited))] {
        long.expect(&id, record);
    }
    [clean, interrupted, dirty].iter().for_each(|sleeper| long.check_alike(sleeper));
    long.newcomer();
}

/// With so little live data, a snapshot does not pay before 64 pages. A new device then downloads up to 64 pages.
#[test]
fn a_small_collection_is_never_much_more_than_its_pages() {
    const PAGES: usize = 64 * 1500;
    let mut long = Long::begin(100, 20);
    long.go_on(300);
    let mut worst: f64 = 0.0;
    for _ in 0..20 {
        long.go_on(7);
        let taken = long.newcomer();
        assert!(taken.bytes <= 2 * long.live_bytes() + PAGES, "{} bytes for {}", taken.bytes, long.live_bytes());
        worst = worst.max(taken.bytes as f64 / long.live_bytes() as f64);
    }
    println!("{} bytes live: a new device downloads up to {worst:.1} times that", long.live_bytes());
}
