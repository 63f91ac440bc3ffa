//! Ends runs that pass their bound, from a thread beside the worker's.
//!
//! A worker arms its watchdog before a run and disarms it after. At the bound, the watchdog tells the library to stop; the run
//! then comes back with an error. Defaults: one watchdog a model, with a small stack, asleep until the earliest bound that it
//! knows of: runs that end in time do not wake it. Bounds: one run at a time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use fleetwright_turns::{Rank, take};

/// The stack of a watchdog: it waits and calls one function.
const STACK: usize = 64 * 1024;

/// Tells a library to end the run that it is in.
pub(crate) trait Stop: Send + Sync {
    /// Ends the run under way, or the next one.
    fn stop(&self);
    /// Lets later runs go on.
    fn reset(&self);
}

/// Ends the runs of one worker that pass their bound. Its thread ends when this is dropped.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    run: Option<Run>,
    /// Until when the thread sleeps unless it is woken; none: until it is.
    sleeps: Option<Instant>,
    ended: bool,
}

struct Run {
    until: Instant,
    stop: Arc<dyn Stop>,
    stopped: bool,
}

impl Watchdog {
    /// Starts the thread of the model that is `named`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(named: &str) -> std::io::Result<Watchdog> {
        let shared = Arc::new(Shared::default());
        let watched = shared.clone();
        thread::Builder::new()
            .name(format!("watch {named}"))
            .stack_size(STACK)
            .spawn(move || {
                // Not of the rank of the thread that it watches. Where a sandbox refuses that, it is as late as that thread is long.
                take(Rank::Answer).unwrap_or_default();
                watched.watch();
            })?;
        Ok(Watchdog { shared })
    }

    /// Stops the run that begins now when `until` is there. At once where it is there already.
    pub(crate) fn arm(&self, until: Instant, stop: Arc<dyn Stop>) {
        let mut state = self.shared.lock();
        let mut run = Run {
            until,
            stop,
            stopped: false,
        };
        if until <= Instant::now() {
            run.stop.stop();
            run.stopped = true;
        } else if state.sleeps.is_none_or(|sleeps| until < sleeps) {
            self.shared.changed.notify_one();
        }
        state.run = Some(run);
    }

    /// The run has ended. Says whether it was told to; the library is then ready for the next one.
    pub(crate) fn disarm(&self) -> bool {
        let Some(run) = self.shared.lock().run.take() else {
            return false;
        };
        if run.stopped {
            run.stop.reset();
        }
        run.stopped
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            if let Some(run) = state.run.as_mut().filter(|run| !run.stopped)
                && run.until <= now
            {
                // The lock is held, so that the run cannot end and another begin between the two.
                run.stop.stop();
                run.stopped = true;
            }
            let run = state.run.as_ref().filter(|run| !run.stopped);
            state.sleeps = run.map(|run| run.until);
            let woken = match state.sleeps {
                Some(until) => {
                    let rest = until.saturating_duration_since(now);
                    self.changed
                        .wait_timeout(state, rest)
                        .map(|(state, _)| state)
                        .map_err(|poisoned| poisoned.into_inner().0)
                }
                None => self.changed.wait(state).map_err(PoisonError::into_inner),
            };
            state = woken.unwrap_or_else(|state| state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// Counts, and tells of each stop.
    struct Told {
        stops: mpsc::SyncSender<()>,
        resets: AtomicUsize,
    }

    impl Stop for Told {
        fn stop(&self) {
            self.stops.send(()).unwrap();
        }
        fn reset(&self) {
            self.resets.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn told() -> (Arc<Told>, mpsc::Receiver<()>) {
        let (stops, seen) = mpsc::sync_channel(8);
        let resets = AtomicUsize::new(0);
        (Arc::new(Told { stops, resets }), seen)
    }

    #[test]
    fn a_run_is_stopped_at_its_bound_also_while_the_watchdog_sleeps_towards_a_later_one() {
        let (stop, seen) = told();
        let watchdog = Watchdog::start("m").unwrap();
        watchdog.arm(Instant::now() + LONG, stop.clone());
        assert!(!watchdog.disarm(), "it ended in time");
        watchdog.arm(Instant::now() + Duration::from_millis(5), stop.clone());
        seen.recv().unwrap();
        assert!(watchdog.disarm());
        assert_eq!(stop.resets.load(Ordering::SeqCst), 1);
        assert!(seen.try_recv().is_err(), "once a run");
    }

    #[test]
    fn a_bound_that_has_passed_stops_before_the_run_begins() {
        let (stop, seen) = told();
        let watchdog = Watchdog::start("m").unwrap();
        watchdog.arm(Instant::now(), stop);
        seen.try_recv().unwrap();
        assert!(watchdog.disarm());
    }

    #[test]
    fn its_thread_ends_with_it() {
        let (stop, seen) = told();
        let watchdog = Watchdog::start("m").unwrap();
        watchdog.arm(Instant::now() + LONG, stop);
        let shared = Arc::downgrade(&watchdog.shared);
        drop(watchdog);
        while shared.upgrade().is_some() {
            thread::yield_now();
        }
        assert!(seen.try_recv().is_err());
    }
}
