//! Checks that a view which a tab keeps from change events alone ends equal to the database, no matter which tab wrote last.

use super::actor::by_id;
use super::platform::{SimApp, View, tell};
use super::world::{COLLECTION, World, narrate};
use essaim::engine::collection::Collection;
use essaim::pure::json;
use essaim::pure::operations::UpdateOptions;
use std::cell::RefCell;
use std::rc::Rc;

type Kept = Rc<Collection<super::platform::Tab>>;

pub fn run(seed: u64) -> Result<u64, String> {
    let views: Rc<RefCell<Vec<Rc<View>>>> = Rc::default();
    let kept = views.clone();
    let world = World::new(seed, false, move |client| {
        let view: Rc<View> = Rc::default();
        kept.borrow_mut().push(view.clone());
        client.collection("default", COLLECTION, SimApp { view: Some(view) }, Vec::new())
    });
    world.devices[0].disk.lost_permille.set([0, 40][world.dice.below(2)]);
    let world = Rc::new(world);
    let tabs: Vec<_> = (0..3).map(|_| world.open(0)).collect();
    for tab in &tabs {
        tab.records();
    }
    let views = views.take();
    for (number, (tab, view)) in tabs.iter().zip(&views).enumerate() {
        for _ in 0..3 {
            let (world, collection, view) = (world.clone(), tab.collection.clone(), view.clone());
            world.clone().executor.spawn(tab.owner, async move {
                for _ in 0..6 {
                    world.executor.sleep(world.dice.below(12) as u64).await;
                    // The first tab gets no events for some of its own actions, so its view is not compared.
                    act(&world, &collection, &view, number == 0).await;
                }
            });
        }
    }
    world.run();
    world.calm();
    for (tab, view) in tabs.iter().zip(&views).skip(1) {
        let collection = tab.collection.clone();
        let list = world.wait(tab.owner, async move {
            collection.refresh().await.expect("a disk that works");
            collection.list("{}").await.expect("a disk that works")
        });
        let (view, list) = (view.borrow().clone(), by_id(&list));
        if view != list {
            return Err(format!("tab {}: the view is {view:?}, the database {list:?}", tab.owner));
        }
    }
    Ok(world.executor.trace())
}

async fn act(world: &Rc<World>, collection: &Kept, view: &Rc<View>, may_be_silent: bool) {
    let dice = &world.dice;
    let id = format!("r{}", dice.below(4));
    let record = format!("{{\"id\":\"{id}\",\"n\":{}}}", dice.next() % 1000);
    let told = |action: &'static str| {
        let view = view.clone();
        collection.telling(Box::new(move |answer| {
            narrate(|| format!("told {action} {answer}"));
            let data = json::member(answer, "data").unwrap_or(answer);
            if json::member(answer, "deleted") != Some("false") {
                tell(&view, action, data);
            }
        }))
    };
    let quoted = json::quote(&id);
    match dice.below(if may_be_silent { 9 } else { 7 }) {
        0 => drop(told("create").create(&record, false).await),
        1 => drop(told("update").update(&record, UpdateOptions::read(Some("[]"), false)).await),
        2 | 3 => drop(told("update").upsert(&record).await),
        4 => drop(told("delete").delete(&quoted, true).await),
        5 => drop(told("delete").delete_any(&quoted).await),
        6 => {
            let (view, changed) = (view.clone(), Rc::new(RefCell::new(String::new())));
            let written = changed.clone();
            let telling = collection.telling(Box::new(move |_| tell(&view, "update", &written.take())));
            let executed = telling.execute(|transaction| {
                let answer = transaction.upsert(&record)?;
                *changed.borrow_mut() = json::member(&answer, "data").unwrap_or_default().to_owned();
                Ok(())
            });
            drop(executed.await);
        }
        7 => drop(collection.clear().await),
        _ => drop(
            collection
                .import_bulk("[{\"id\":\"r1\",\"last_modified\":5,\"n\":5},{\"id\":\"r9\",\"last_modified\":6}]")
                .await,
        ),
    }
}
