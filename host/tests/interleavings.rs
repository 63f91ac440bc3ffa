//! Admission under every order of events that its threads can come to: `src/admission.rs` as it is, on loom's atomics.
//!
//! Bounds: four threads; where three of them compete, at most three forced switches in one order. `Notify` is a stand-in that
//! does what tokio documents of `notify_waiters`: it reaches every `Notified` that was made before, polled or not.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code)]

#[path = "../src/admission.rs"]
mod admission;

mod sync {
    use std::future::poll_fn;
    use std::task::{Poll, Waker};

    pub(crate) use loom::sync::Arc;
    use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    pub(crate) struct Notify(Mutex<(u64, Vec<Waker>)>);

    impl Notify {
        pub(crate) fn new() -> Notify {
            Notify(Mutex::new((0, Vec::new())))
        }

        pub(crate) fn notified(&self) -> impl Future<Output = ()> {
            let made = self.0.lock().unwrap().0;
            poll_fn(move |context| {
                let mut state = self.0.lock().unwrap();
                if state.0 != made {
                    return Poll::Ready(());
                }
                state.1.push(context.waker().clone());
                Poll::Pending
            })
        }

        pub(crate) fn notify_waiters(&self) {
            let wakers = {
                let mut state = self.0.lock().unwrap();
                state.0 += 1;
                std::mem::take(&mut state.1)
            };
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use admission::{Admission, Shed};
use loom::future::block_on;
use loom::model::Builder;
use loom::thread;

/// What the test itself keeps count in: no part of what is tried in every order.
#[derive(Default)]
struct Witness {
    inside: AtomicUsize,
    idle: AtomicBool,
}

/// Comes in where it may, is inside, and leaves.
fn visit(admission: &Admission, witness: &Witness) -> Result<(), Shed> {
    let permit = admission.admit()?;
    let inside = witness.inside.fetch_add(1, Ordering::SeqCst) + 1;
    assert!(inside <= admission.max(), "{inside} are inside");
    thread::yield_now();
    assert!(
        !witness.idle.load(Ordering::SeqCst),
        "inside, after the door was closed and the house empty"
    );
    witness.inside.fetch_sub(1, Ordering::SeqCst);
    drop(permit);
    Ok(())
}

#[test]
fn there_are_never_more_inside_than_may_be() {
    let mut bounded = Builder::new();
    bounded.preemption_bound = Some(3);
    bounded.check(|| {
        let admission = Admission::new(1, Duration::from_secs(1));
        let witness = Arc::new(Witness::default());
        let visitors: Vec<_> = (0..3)
            .map(|_| {
                let (admission, witness) = (admission.clone(), witness.clone());
                thread::spawn(move || visit(&admission, &witness))
            })
            .collect();
        let came: Vec<_> = visitors
            .into_iter()
            .map(|visitor| visitor.join().unwrap())
            .collect();
        assert!(
            came.iter().any(Result::is_ok),
            "one of them finds the place free"
        );
        assert_eq!(admission.in_flight(), 0);
    });
}

#[test]
fn once_drained_and_idle_nobody_is_inside_and_nobody_comes() {
    let mut bounded = Builder::new();
    bounded.preemption_bound = Some(3);
    bounded.check(|| {
        let admission = Admission::new(2, Duration::from_secs(1));
        let witness = Arc::new(Witness::default());
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                let (admission, witness) = (admission.clone(), witness.clone());
                thread::spawn(move || visit(&admission, &witness))
            })
            .collect();
        admission.drain();
        // Ends in every order: loom would say so of a wait that nobody ends.
        block_on(admission.idle());
        assert_eq!(witness.inside.load(Ordering::SeqCst), 0);
        witness.idle.store(true, Ordering::SeqCst);
        assert_eq!(admission.admit().map(drop), Err(Shed::Draining));
        for visitor in visitors {
            assert!(matches!(
                visitor.join().unwrap(),
                Ok(()) | Err(Shed::Draining)
            ));
        }
        assert_eq!(admission.in_flight(), 0);
    });
}

#[test]
fn whoever_waits_for_the_last_to_leave_is_told() {
    loom::model(|| {
        let admission = Admission::new(1, Duration::from_secs(1));
        let permit = admission.admit().unwrap();
        let waiting = thread::spawn({
            let admission = admission.clone();
            move || block_on(admission.idle())
        });
        drop(permit);
        waiting.join().unwrap();
    });
}
