//! Simulates that a collection is cleared, reset, closed or deleted at any moment of a sync. A sync under way must end with `interrupted`
//! or `closed`, and must write and send nothing afterwards. A sync that is called later must lose nothing.

use super::actor::{Actor, options};
use super::platform::NoApp;
use super::world::{COLLECTION, World, narrate};
use essaim::error::{Error, Result as EngineResult};
use essaim::ports::{CollectionId, Storage};
use essaim::pure::crypto::key;
use essaim::pure::journal::Stored;
use futures_util::future::join4;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    Clear,
    Reset,
    Close,
    Delete,
}

/// The outcomes of the syncs of the tab that leaves; the flag says whether a sync ended after the leaving.
type Outcomes = Rc<RefCell<Vec<(bool, EngineResult<String>)>>>;

type Named = (&'static str, EngineResult<String>);

fn key_text() -> String {
    key::make_key([5; 32]).to_string()
}

fn databases(is_encrypted: bool) -> Vec<CollectionId> {
    let plain = CollectionId {
        db_name: "sim".into(),
        bucket: "default".into(),
        name: COLLECTION.into(),
        sealed: None,
    };
    let server_collection = key::read_key(&key_text()).expect("a key").derive_journal(COLLECTION).server_collection;
    let sealed = CollectionId {
        sealed: Some(server_collection),
        ..plain.clone()
    };
    if is_encrypted { vec![plain, sealed] } else { vec![plain] }
}

pub fn run(seed: u64) -> Result<u64, String> {
    let is_encrypted = seed % 2 == 1;
    let mut world = World::new(seed, true, move |client| match is_encrypted {
        true => client.sealed_collection("default", COLLECTION, NoApp, Vec::new(), &key_text()).expect("a key"),
        false => client.collection("default", COLLECTION, NoApp, Vec::new()),
    });
    world.limits.snapshot_pages = 2;
    world.limits.page_bytes = 300;
    let world = Rc::new(world);
    let (weather, dice) = (world.internet.bad_weather.replace(0), world.dice.clone());
    world.calm();
    let elsewhere = world.open(1);
    for number in 0..8 {
        write(&elsewhere, number);
    }
    sync_now(&elsewhere)?;
    let (leaver, other) = (world.open(0), world.open(0));
    if dice.permille(500) {
        sync_now(&leaver)?;
        (8..12).for_each(|number| write(&elsewhere, number));
        sync_now(&elsewhere)?;
    }
    for number in 0..dice.below(4) {
        write(&leaver, 20 + number);
    }
    // Both tabs read the database before the syncs begin.
    leaver.records();
    other.records();

    world.internet.bad_weather.set(weather);
    let (left, outcomes) = (Rc::new(Cell::new(false)), Outcomes::default());
    let others = Outcomes::default();
    for _ in 0..1 + dice.below(3) {
        begin_sync(&leaver, &left, &outcomes, is_encrypted);
    }
    if dice.permille(400) {
        begin_sync(&other, &left, &others, is_encrypted);
    }
    let leaving = [Leaving::Clear, Leaving::Reset, Leaving::Close, Leaving::Delete][dice.below(4)];
    let (tab, done, ids) = (leaver.clone(), left.clone(), databases(is_encrypted));
    world.executor.spawn(leaver.owner, async move {
        tab.world.executor.sleep(tab.world.dice.below(400) as u64).await;
        narrate(|| format!("tab {} leaves: {leaving:?}", tab.owner));
        match leaving {
            Leaving::Clear => tab.collection.clear().await.expect("a disk that works"),
            Leaving::Reset => drop(tab.collection.reset_sync_status().await.expect("a disk that works")),
            Leaving::Close => tab.client.close(),
            Leaving::Delete => {
                for id in &ids {
                    tab.world.devices[0].browser.take_away(&id.database());
                    tab.world.devices[0].disk.memory.forget(id).await.expect("memory");
                }
            }
        }
        narrate(|| format!("tab {} has left", tab.owner));
        done.set(true);
    });
    while !left.get() && world.executor.step() {}
    let asked = world.internet.asked_by(leaver.owner);
    // Writes that the storage was given before are still completed.
    let until = world.executor.now_ms() + 50;
    while world.executor.now_ms() < until && world.executor.step() {}
    let stored = all_stored(&world, is_encrypted);
    world.run();

    for (afterwards, outcome) in outcomes.borrow().iter() {
        match outcome {
            Err(Error::Interrupted { .. }) if *afterwards && leaving != Leaving::Close => {}
            Err(Error::Closed) if *afterwards && leaving == Leaving::Close => {}
            _ if *afterwards && leaving != Leaving::Delete => return Err(format!("{leaving:?}: a sync under way ended with {outcome:?}")),
            _ => {}
        }
    }
    if matches!(leaving, Leaving::Clear | Leaving::Reset | Leaving::Close) && world.internet.asked_by(leaver.owner) != asked {
        return Err(format!("{leaving:?}: a request was sent afterwards"));
    }
    world.calm();
    if leaving == Leaving::Close && others.borrow().is_empty() && all_stored(&world, is_encrypted) != stored {
        return Err("something was written after close()".into());
    }
    let next = world.open(0);
    if matches!(leaving, Leaving::Clear | Leaving::Delete) && !next.records().is_empty() {
        return Err(format!("{leaving:?}: afterwards there is {:?}", next.records()));
    }
    sync_now(&next)?;
    let newcomer = world.open(2);
    sync_now(&newcomer)?;
    match next.records() == newcomer.records() && next.records().len() >= 8 {
        true => Ok(world.executor.trace()),
        false => Err(format!("{leaving:?}: {:?} here, {:?} elsewhere", next.records(), newcomer.records())),
    }
}

fn begin_sync(tab: &Actor, left: &Rc<Cell<bool>>, outcomes: &Outcomes, is_encrypted: bool) {
    let (tab, left, outcomes) = (tab.clone(), left.clone(), outcomes.clone());
    let strategy = ["manual", "server_wins"][tab.world.dice.below(2)];
    let repairs = is_encrypted && tab.world.dice.permille(200);
    tab.world.executor.clone().spawn(tab.owner, async move {
        let outcome = match repairs {
            true => tab.collection.repair(&options(strategy)).await,
            false => tab.collection.sync(&options(strategy)).await,
        };
        narrate(|| format!("tab {}: {outcome:?}", tab.owner));
        outcomes.borrow_mut().push((left.get(), outcome));
    });
}

fn all_stored(world: &World, is_encrypted: bool) -> Vec<Stored> {
    use futures_util::FutureExt;
    let memory = &world.devices[0].disk.memory;
    let stored = |id: &CollectionId| memory.open(id).now_or_never().expect("memory").expect("bytes");
    databases(is_encrypted).iter().map(stored).collect()
}

fn write(tab: &Actor, number: usize) {
    let (collection, id) = (tab.collection.clone(), format!("{COLLECTION}-{number}"));
    tab.world.wait(tab.owner, async move {
        collection.upsert(&format!("{{\"id\":\"{id}\",\"n\":{number}}}")).await.expect("a write");
    });
}

fn sync_now(tab: &Actor) -> Result<(), String> {
    let collection = tab.collection.clone();
    let synced = tab.world.wait(tab.owner, async move { collection.sync(&options("server_wins")).await });
    synced.map(drop).map_err(|error| format!("device {} tab {}: {error}", tab.device, tab.owner))
}

fn calm_world(encrypted: bool) -> Rc<World> {
    let world = World::new(9, true, move |client| match encrypted {
        true => client.sealed_collection("default", COLLECTION, NoApp, Vec::new(), &key_text()).expect("a key"),
        false => client.collection("default", COLLECTION, NoApp, Vec::new()),
    });
    world.calm();
    Rc::new(world)
}

/// While a sync runs, a record is created here and another one elsewhere. All callers that then sync share one run, which transfers both. A
/// caller with other options gets a run of its own. If the first sync fails, the others succeed nevertheless.
#[test]
fn a_sync_begins_after_its_call() {
    for (encrypted, first_fails) in [(false, false), (false, true), (true, false), (true, true)] {
        let world = calm_world(encrypted);
        let (here, elsewhere) = (world.open(0), world.open(1));
        write(&here, 0);
        sync_now(&here).unwrap();
        let is_held = Rc::new(Cell::new(true));
        let held = is_held.clone();
        *world.internet.held.borrow_mut() = Some(Rc::new(move |device, _| device == 0 && held.get()));
        let results: Rc<RefCell<Vec<Named>>> = Rc::default();
        let sync = |name: &'static str, strategy: &'static str| {
            let (tab, results) = (here.clone(), results.clone());
            world.executor.spawn(here.owner, async move {
                let result = tab.collection.sync(&options(strategy)).await;
                results.borrow_mut().push((name, result));
            });
        };
        let pass = |ms: u64| {
            let until = world.executor.now_ms() + ms;
            // A task that only sleeps, so that the clock advances to the end although everything else waits.
            let executor = world.executor.clone();
            world.executor.spawn(usize::MAX, async move { executor.sleep(ms).await });
            while world.executor.now_ms() < until && world.executor.step() {}
        };
        sync("first", "manual");
        pass(100);
        let (collection, made) = (here.collection.clone(), format!("{{\"id\":\"{COLLECTION}-here\"}}"));
        world
            .executor
            .spawn(here.owner, async move { drop(collection.create(&made, false).await.unwrap()) });
        let (writer, made) = (elsewhere.collection.clone(), format!("{{\"id\":\"{COLLECTION}-elsewhere\"}}"));
        world.executor.spawn(elsewhere.owner, async move {
            writer.create(&made, false).await.unwrap();
            writer.sync(&options("manual")).await.unwrap();
        });
        pass(2000);
        for _ in 0..3 {
            sync("late", "manual");
        }
        sync("other options", "server_wins");
        pass(100);
        assert!(results.borrow().is_empty());
        let before = world.internet.answered.borrow().len();
        if first_fails {
            world.internet.bad_weather.set(1000);
        }
        is_held.set(false);
        while results.borrow().is_empty() && world.executor.step() {}
        world.internet.bad_weather.set(0);
        world.run();
        let results = results.take();
        let names: Vec<_> = results.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["first", "late", "late", "late", "other options"], "encrypted: {encrypted}");
        assert_eq!(results[0].1.is_err(), first_fails, "{:?}", results[0]);
        for (name, result) in &results[1..] {
            assert!(result.is_ok(), "{name}: {result:?}");
        }
        let late = results[1].1.as_ref().unwrap();
        assert!(results[2..4].iter().all(|(_, result)| result.as_ref() == Ok(late)));
        let ids: Vec<String> = here.records().into_keys().collect();
        assert_eq!(ids.len(), 3, "{ids:?}");
        assert!(late.contains("-elsewhere") || results[0].1.as_ref().is_ok_and(|first| first.contains("-elsewhere")));
        sync_now(&elsewhere).unwrap();
        assert_eq!(elsewhere.records(), here.records());
        if !encrypted && !first_fails {
            let answered = world.internet.answered.borrow();
            let metadata = |answer: &&super::network::Answered| answer.device == 0 && answer.url.ends_with(COLLECTION);
            assert_eq!(answered[before..].iter().filter(metadata).count(), 3, "three runs");
        }
    }
}

/// The order of the calls counts: a sync that is called after `clear()`, even in the same turn, is not under way when the collection is
/// cleared.
#[test]
fn a_sync_called_right_after_clear_is_not_interrupted() {
    for encrypted in [false, true] {
        let world = calm_world(encrypted);
        let (here, elsewhere) = (world.open(0), world.open(1));
        write(&elsewhere, 1);
        sync_now(&elsewhere).unwrap();
        sync_now(&here).unwrap();
        let tab = here.clone();
        let results = world.wait(here.owner, async move {
            let (collection, options) = (&tab.collection, options("manual"));
            join4(
                collection.sync(&options),
                collection.clear(),
                collection.sync(&options),
                collection.sync(&options),
            )
            .await
        });
        assert!(matches!(results.0, Err(Error::Interrupted { .. })), "{results:?}");
        assert!(results.1.is_ok() && results.2.is_ok() && results.3.is_ok(), "{results:?}");
        assert_eq!(here.records(), elsewhere.records());
    }
}

/// A sync waits for the sync of another tab, which then clears the collection. The waiting sync was called before, so it must not fill the
/// collection again.
#[test]
fn a_sync_that_waits_while_another_tab_clears_or_resets_is_interrupted() {
    for (encrypted, clears) in [(false, true), (true, true), (false, false), (true, false)] {
        let world = calm_world(encrypted);
        let elsewhere = world.open(1);
        write(&elsewhere, 1);
        sync_now(&elsewhere).unwrap();
        let (first, second) = (world.open(0), world.open(0));
        let waits = Rc::new(Cell::new(true));
        let held = waits.clone();
        *world.internet.held.borrow_mut() = Some(Rc::new(move |device, _| device == 0 && held.get()));
        let outcome = Outcomes::default();
        begin_sync(&first, &Rc::default(), &Outcomes::default(), false);
        begin_sync(&second, &Rc::default(), &outcome, false);
        let leaver = first.clone();
        world.executor.spawn(first.owner, async move {
            leaver.world.executor.sleep(1000).await;
            match clears {
                true => leaver.collection.clear().await.unwrap(),
                false => drop(leaver.collection.reset_sync_status().await.unwrap()),
            }
            waits.set(false);
        });
        world.run();
        let outcome = outcome.take();
        assert!(
            matches!(outcome[..], [(_, Err(Error::Interrupted { .. }))]),
            "encrypted: {encrypted}: {outcome:?}"
        );
        assert!(second.records().is_empty(), "encrypted: {encrypted}");
    }
}

/// A batch that was sent cannot be taken back. The storage notes that its answer never came, and the next sync sends requests of its own.
#[test]
fn a_closed_sync_goes_on_where_it_was_when_the_collection_is_opened_again() {
    let world = calm_world(false);
    let here = world.open(0);
    (0..3).for_each(|number| write(&here, number));
    let (tab, closes) = (here.clone(), here.client.clone());
    *world.internet.held.borrow_mut() = Some(Rc::new(move |_, request| {
        if request.body.is_some() {
            closes.close();
        }
        false
    }));
    let result = world.wait(here.owner, async move { tab.collection.sync(&options("manual")).await });
    assert_eq!(result, Err(Error::Closed));
    *world.internet.held.borrow_mut() = None;
    let again = world.open(0);
    sync_now(&again).unwrap();
    let elsewhere = world.open(1);
    sync_now(&elsewhere).unwrap();
    assert_eq!((elsewhere.records().len(), elsewhere.records()), (3, again.records()));
}
