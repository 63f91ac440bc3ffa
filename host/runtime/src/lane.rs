//! The lane for long calls: threads of their own, half as many as cores.
//!
//! A guest starts on the worker that its request is on. One that has computed for [`SHORT`] goes on here, and so does, from
//! its start, the next call of a stage whose calls are long: guests without end take half of the processor at most, however
//! many they are, and no turn from those who answer in microseconds.
//!
//! The threads stand behind all others ([`Rank::Behind`]): they have a tenth of a core that all want, and whoever wakes up on their
//! core has it at once. One that was asleep yields as it wakes up. The kernel gives it the core as soon as the thread that woke it
//! waits for a moment, and lets it keep it; whoever is about to go on there is let through first.
//!
//! They do not yield at the begin of every turn, which would hold neighbours up less still: on a full machine a document then
//! took three times as long.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use fleetwright_turns::Rank;

use crate::meter::Spent;

/// Processor time after which a call is long.
pub(crate) const SHORT: Duration = Duration::from_millis(2);

/// The threads, started when the first long call comes. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Lane(Arc<OnceLock<Threads>>);

struct Threads {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Lane {
    /// Goes on with `call` in the lane. Where its threads cannot be started, the call goes on here.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Moved<T> {
        let threads = self.0.get_or_init(|| {
            let runtime = start().inspect_err(|error| {
                tracing::warn!(%error, "cannot start threads for long calls; they run among the short ones");
            });
            let runtime = runtime.ok();
            let handle = runtime.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone());
            Threads { runtime, handle }
        });
        Moved {
            call: threads.handle.spawn(call),
            _lane: self.clone(),
        }
    }
}

fn start() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads((cores / 2).max(1))
        .thread_name("long calls")
        .on_thread_start(step_back)
        .on_thread_unpark(std::thread::yield_now)
        .enable_time()
        .build()
}

fn step_back() {
    if let Err(error) = fleetwright_turns::take(Rank::Behind) {
        tracing::warn!(%error, "threads for long calls do not make way at once for those that answer");
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A call that was moved; dropping this ends the call at its next yield. `None`: the lane has closed.
pub(crate) struct Moved<T> {
    call: JoinHandle<T>,
    /// Whoever waits keeps the threads.
    _lane: Lane,
}

impl<T> Future for Moved<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.call).poll(cx).map(|ended| match ended {
            Ok(output) => Some(output),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        })
    }
}

impl<T> Drop for Moved<T> {
    fn drop(&mut self) {
        self.call.abort();
    }
}

/// How long the calls of a stage are, lately: whether the next one should start in the lane.
#[derive(Debug, Default)]
pub(crate) struct Habit(AtomicU64);

/// Notes the length of a call when it is dropped.
pub(crate) struct Noting<'a> {
    habit: &'a Habit,
    spent: &'a Spent,
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        self.habit.note(self.spent.guest().get());
    }
}

impl Habit {
    /// Notes a call that begins now when it is over: also one that is never answered, since nobody waited that long.
    pub(crate) fn noting<'a>(&'a self, spent: &'a Spent) -> Noting<'a> {
        Noting { habit: self, spent }
    }

    /// A call of this length has ended. The last few count most.
    fn note(&self, guest: Duration) {
        let nanos = u64::try_from(guest.as_nanos()).unwrap_or(u64::MAX);
        // Two calls at once may lose one of the notes: it is a habit, not an account.
        let old = self.0.load(Ordering::Relaxed);
        let new = (old / 8).saturating_mul(7).saturating_add(nanos / 8);
        self.0.store(new, Ordering::Relaxed);
    }

    pub(crate) fn is_long(&self) -> bool {
        Duration::from_nanos(self.0.load(Ordering::Relaxed)) > SHORT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_is_taken_up_by_one_very_long_call_or_several_and_given_up_again() {
        let habit = Habit::default();
        for _ in 0..100 {
            habit.note(SHORT / 2);
        }
        assert!(!habit.is_long());
        habit.note(SHORT * 20);
        assert!(habit.is_long());
        for _ in 0..20 {
            habit.note(SHORT / 2);
        }
        assert!(!habit.is_long());
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_is_noted() {
        let (habit, spent) = (Habit::default(), Spent::default());
        spent.guest().add(SHORT * 20);
        let call = async {
            let _noted = habit.noting(&spent);
            std::future::pending::<()>().await;
        };
        drop(tokio::time::timeout(Duration::ZERO, call).await);
        assert!(habit.is_long());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn long_calls_are_behind_the_others() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let lane = Lane::default();
        let behind = lane.run(async move { niceness() }).await.unwrap();
        assert_eq!(behind, (niceness() + 10).min(19));
    }

    #[tokio::test]
    async fn a_panic_in_the_lane_is_the_callers() {
        let moved = Lane::default().run(async { panic!("as told") });
        let caught = tokio::spawn(async move {
            let _: Option<()> = moved.await;
        });
        assert!(caught.await.unwrap_err().is_panic());
    }
}
