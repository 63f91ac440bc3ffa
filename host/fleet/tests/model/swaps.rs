//! One stage swapped again and again on real threads: who took a generation sees that one to the end, a number means one
//! generation, and each is freed when its last submission has ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use fleetwright_fleet::{Fleet, OrderError, Snapshot};
use fleetwright_tests::until;
use tokio::time::timeout;

use crate::host::{Host, RUNTIME, ask, word};
use crate::reference::{Disk, Edit};

const CLIENTS: usize = 8;
const SWAPS: u8 = 100;

/// What clients saw of each generation.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<u64, (Weak<Snapshot>, String)>>);

impl Seen {
    fn saw(&self, snapshot: &Arc<Snapshot>, said: &str) {
        let mut seen = self.0.lock().unwrap();
        let (first, word) = seen
            .entry(snapshot.generation())
            .or_insert_with(|| (Arc::downgrade(snapshot), said.to_owned()));
        assert!(
            first.ptr_eq(&Arc::downgrade(snapshot)),
            "two generations of one number"
        );
        assert_eq!(word, said, "one generation said two things");
    }
}

async fn client(fleet: Fleet, done: Arc<AtomicBool>, seen: Arc<Seen>) {
    let mut latest = 0;
    while !done.load(Ordering::Acquire) {
        let snapshot = fleet.current();
        assert!(snapshot.generation() >= latest, "a generation came back");
        latest = snapshot.generation();
        // Twice, with whatever swaps come between.
        for _ in 0..2 {
            let (_, said) = ask(&snapshot).await;
            seen.saw(&snapshot, &said);
        }
    }
}

#[test]
fn a_generation_is_one_thing_and_is_freed_with_its_last_submission() {
    let mut disk = Disk::first();
    let mut host = Host::new(&disk);
    host.start(false, false).unwrap();
    let fleet = host.fleet().clone();
    let (done, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| RUNTIME.spawn(client(fleet.clone(), done.clone(), seen.clone())))
        .collect();
    let mut words = BTreeMap::from([(1, word(0))]);
    for swap in 1..=SWAPS {
        let edit = Edit::Word(swap);
        disk.edit(edit);
        host.edit(edit, &disk);
        let applied = RUNTIME.block_on(fleet.apply()).unwrap();
        assert_eq!(applied.generation, u64::from(swap) + 1);
        words.insert(applied.generation, word(swap));
    }
    done.store(true, Ordering::Release);
    for client in clients {
        RUNTIME.block_on(client).unwrap();
    }
    let seen = seen.0.lock().unwrap();
    for (generation, (_, said)) in &*seen {
        assert_eq!(said, &words[generation], "generation {generation}");
    }
    let serving = fleet.current().generation();
    until("the end of all generations but one", || {
        let older = seen
            .iter()
            .filter(|(generation, _)| **generation != serving);
        let alive = older.filter(|(_, (weak, _))| weak.strong_count() > 0);
        Ok((alive.count() == 0).then_some(()))
    })
    .unwrap();
    drop(fleet);
    host.stop();
}

#[test]
fn orders_that_wait_are_bounded_and_the_one_too_many_says_so_at_once() {
    let host = Host::new(&Disk::first());
    let (fleet, controller) = host.unattended();
    let waiting = RUNTIME.block_on(async {
        let mut waiting = 0;
        // Whoever gave an order and left is waited for no less.
        while let Err(_waits) = timeout(Duration::ZERO, fleet.apply()).await {
            waiting += 1;
            assert!(waiting < 1000, "orders without end");
        }
        let refused = timeout(Duration::ZERO, fleet.rollback(None)).await;
        assert!(matches!(refused, Ok(Err(OrderError::Busy))), "{refused:?}");
        waiting
    });
    assert_eq!(waiting, 16);
    let running = RUNTIME.spawn(controller.run());
    until("an order that is carried out", || {
        Ok(RUNTIME.block_on(fleet.apply()).ok())
    })
    .unwrap();
    drop(fleet);
    RUNTIME.block_on(running).unwrap();
}
