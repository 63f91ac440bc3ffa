//! The swap, and the decision on a canary, under every order of events: `src/serving.rs` and `src/settle.rs` as they are.
//!
//! `ArcSwap` is a stand-in, for loom cannot see into the real one: it does what arc-swap documents, one load or store after
//! the other, and whoever loads a pointer sees what came before it was stored. `model/swaps.rs` tries the real one on threads.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code)]

#[path = "../src/serving.rs"]
mod serving;
#[path = "../src/settle.rs"]
mod settle;

mod sync {
    pub(crate) use loom::sync::Arc;
    use loom::sync::RwLock;
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};

    pub(crate) struct ArcSwap<T>(RwLock<Arc<T>>);

    impl<T> ArcSwap<T> {
        pub(crate) fn from_pointee(value: T) -> Self {
            ArcSwap(RwLock::new(Arc::new(value)))
        }

        pub(crate) fn load_full(&self) -> Arc<T> {
            self.0.read().unwrap().clone()
        }

        pub(crate) fn store(&self, value: Arc<T>) {
            // What stood there before is dropped when nobody is kept waiting any more.
            let old = std::mem::replace(&mut *self.0.write().unwrap(), value);
            drop(old);
        }
    }
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use serving::Serving;
use settle::Settled;

/// A generation: written by the control plane, read by submissions, freed once.
struct Generation {
    number: usize,
    /// Without any order of its own: whoever reads it sees it whole only where the swap has brought that about.
    content: AtomicUsize,
    freed: Arc<AtomicUsize>,
}

impl Generation {
    fn new(number: usize, freed: &Arc<AtomicUsize>) -> Generation {
        let content = AtomicUsize::new(0);
        content.store(number, Ordering::Relaxed);
        let freed = freed.clone();
        Generation {
            number,
            content,
            freed,
        }
    }

    fn is_whole(&self) -> bool {
        self.content.load(Ordering::Relaxed) == self.number
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.content.store(0, Ordering::Relaxed);
        self.freed.fetch_add(1, Ordering::AcqRel);
    }
}

/// Two swaps while two submissions come: each sees one generation to its end, none earlier than one that it heard of, and every
/// generation but the last is freed, once, when nobody holds it.
#[test]
fn a_submission_holds_one_generation_and_the_last_to_hold_it_frees_it() {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(3);
    bounded.check(|| {
        let freed = Arc::new(AtomicUsize::new(0));
        let recorded = Arc::new(AtomicUsize::new(1));
        let serving = Arc::new(Serving::new(Generation::new(1, &freed), 1));
        let submissions: Vec<_> = (0..2)
            .map(|_| {
                let (serving, recorded) = (serving.clone(), recorded.clone());
                thread::spawn(move || {
                    let heard = *serving.status();
                    let generation = serving.take();
                    assert!(
                        generation.number >= heard,
                        "an earlier one than it heard of"
                    );
                    assert!(recorded.load(Ordering::Relaxed) >= generation.number);
                    assert!(generation.is_whole());
                    thread::yield_now();
                    assert!(generation.is_whole());
                    assert!(serving.take().number >= generation.number, "one came back");
                })
            })
            .collect();
        for number in 2..=3 {
            recorded.store(number, Ordering::Relaxed);
            let generation = Generation::new(number, &freed);
            serving.serve(generation, |status| *status = number);
        }
        submissions.into_iter().for_each(|one| one.join().unwrap());
        assert_eq!(freed.load(Ordering::Acquire), 2, "all but the last");
        drop(serving);
        assert_eq!(freed.load(Ordering::Acquire), 3);
    });
}

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
