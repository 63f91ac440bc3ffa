//! The decision on a canary under every order of events: `src/settle.rs` as it is, on loom's atomics.
//!
//! The swap itself is one call of `ArcSwap`, which loom cannot see into: `model/swaps.rs` tries it on real threads.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code)]

#[path = "../src/settle.rs"]
mod settle;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use settle::Settled;

/// A canary's share of what several calls see: the decision, and a queue to the controller.
struct Trial {
    settled: Settled,
    /// Free places of the queue.
    room: AtomicUsize,
    told: AtomicUsize,
}

impl Trial {
    fn with_room(room: usize) -> Arc<Trial> {
        Arc::new(Trial {
            settled: Settled::not_yet(),
            room: AtomicUsize::new(room),
            told: AtomicUsize::new(0),
        })
    }

    fn judge(&self) {
        self.settled.settle(|| {
            let taken = |room: usize| room.checked_sub(1);
            let found = self
                .room
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, taken);
            if found.is_ok() {
                self.told.fetch_add(1, Ordering::AcqRel);
            }
            found.is_ok()
        });
    }
}

#[test]
fn a_decision_is_told_once_though_all_calls_come_to_it() {
    loom::model(|| {
        let trial = Trial::with_room(3);
        let judge = |trial: &Trial| {
            trial.judge();
            assert!(trial.settled.is(), "whoever judged takes no further call");
        };
        let judges: Vec<_> = (0..2)
            .map(|_| {
                let trial = trial.clone();
                thread::spawn(move || judge(&trial))
            })
            .collect();
        judge(&trial);
        judges.into_iter().for_each(|judge| judge.join().unwrap());
        assert_eq!(trial.told.load(Ordering::Acquire), 1);
    });
}

#[test]
fn a_decision_that_finds_no_room_is_told_later_and_once() {
    loom::model(|| {
        let trial = Trial::with_room(0);
        let judges: Vec<_> = (0..2)
            .map(|_| {
                let trial = trial.clone();
                thread::spawn(move || trial.judge())
            })
            .collect();
        // The controller takes something off its queue.
        trial.room.fetch_add(1, Ordering::AcqRel);
        judges.into_iter().for_each(|judge| judge.join().unwrap());
        assert_eq!(trial.settled.is(), trial.told.load(Ordering::Acquire) == 1);
        // It looks again, as it does every half a second.
        trial.judge();
        assert!(trial.settled.is());
        trial.judge();
        assert_eq!(trial.told.load(Ordering::Acquire), 1);
    });
}
