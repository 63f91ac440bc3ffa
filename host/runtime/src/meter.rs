//! Processor time of a guest, metered around each poll of its call.
//!
//! A guest yields at every epoch tick, so a poll is never longer than a tick; the time that the call waits for inference
//! passes outside of polls and is not counted. The clock is the thread's processor time, not the wall: a busy machine takes
//! nothing from a guest's budget. Reading that clock costs as much as all other limits together, so that a poll which is over
//! in half a millisecond by the wall is charged that, and no more than it can have used is charged for a longer one. A call that passes [`crate::lane::SHORT`] goes on in the lane for long calls, if it is
//! given one.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::lane::{Lane, Moved, SHORT};

/// Where the time of a call went so far; read by whoever waits for it, whatever became of the call itself.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    guest: Account,
    queue: Account,
    inference: Account,
}

impl Spent {
    /// Processor time of the guest.
    pub(crate) fn guest(&self) -> &Account {
        &self.guest
    }

    /// Time in the queues of models.
    pub(crate) fn queue(&self) -> &Account {
        &self.queue
    }

    /// Models at work.
    pub(crate) fn inference(&self) -> &Account {
        &self.inference
    }
}

/// A sum of times.
#[derive(Debug, Default)]
pub(crate) struct Account(AtomicU64);

impl Account {
    pub(crate) fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Why a metered call did not come to its own end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The guest's processor time reached its limit.
    CpuSpent,
    /// The host is going down.
    Closing,
}

/// A call in a place of its own. Whoever makes it puts it there: it has some kilobytes, which to move costs as much as a limit.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A call whose polls are metered.
pub(crate) struct Metered<T> {
    at: At<T>,
    spent: Arc<Spent>,
    limit: Duration,
    lane: Option<Lane>,
}

enum At<T> {
    Here(Boxed<T>),
    Lane(Moved<Result<T, Ended>>),
    Done,
}

impl<T: Send + 'static> Metered<T> {
    /// Runs `call`, adding its processor time to `spent`, until that passes `limit`. With a lane, a call that is not short
    /// goes on there.
    pub(crate) fn new(
        call: Boxed<T>,
        spent: Arc<Spent>,
        limit: Duration,
        lane: Option<Lane>,
    ) -> Self {
        Metered {
            at: At::Here(call),
            spent,
            limit,
            lane,
        }
    }

    /// The same, in the lane from the start.
    pub(crate) fn in_lane(mut self) -> Self {
        self.move_to_lane();
        self
    }

    fn move_to_lane(&mut self) {
        let Some(lane) = self.lane.take() else {
            return;
        };
        match std::mem::replace(&mut self.at, At::Done) {
            At::Here(call) => {
                let (spent, limit) = (self.spent.clone(), self.limit);
                let there = Metered {
                    at: At::Here(call),
                    spent,
                    limit,
                    lane: None,
                };
                self.at = At::Lane(lane.run(there));
            }
            at => self.at = at,
        }
    }
}

impl<T: Send + 'static> Future for Metered<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let At::Here(call) = &mut this.at {
            let watch = Watch::start();
            let polled = call.as_mut().poll(cx);
            this.spent.guest.add(watch.stop());
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            let spent = this.spent.guest.get();
            if spent > this.limit {
                this.at = At::Done;
                return Poll::Ready(Err(Ended::CpuSpent));
            }
            if spent < SHORT || this.lane.is_none() {
                return Poll::Pending;
            }
            this.move_to_lane();
        }
        match &mut this.at {
            At::Lane(moved) => Pin::new(moved)
                .poll(cx)
                .map(|ended| ended.unwrap_or(Err(Ended::Closing))),
            // Polled again after its end.
            At::Here(_) | At::Done => Poll::Pending,
        }
    }
}

/// A poll as short as this is charged by the wall.
const BRIEF: Duration = Duration::from_micros(500);
/// A reading of the thread's processor clock is as good as new for so long.
const FRESH: Duration = Duration::from_millis(1);

thread_local! {
    /// When this thread's processor clock was last read, and what it said.
    static READ: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// Measures one poll, which begins and ends on one thread.
struct Watch {
    start: Instant,
    /// The thread's processor time at `start`, or up to [`FRESH`] before.
    cpu: Duration,
}

impl Watch {
    fn start() -> Self {
        let start = Instant::now();
        let fresh = READ
            .get()
            .filter(|(at, _)| start.saturating_duration_since(*at) < FRESH);
        let (_, cpu) = fresh.unwrap_or_else(|| read(start));
        Watch { start, cpu }
    }

    /// No less than the processor time since the start; more by [`BRIEF`] or [`FRESH`] at most.
    fn stop(self) -> Duration {
        let now = Instant::now();
        let wall = now.saturating_duration_since(self.start);
        if wall < BRIEF {
            return wall;
        }
        let (_, cpu) = read(now);
        wall.min(cpu.saturating_sub(self.cpu))
    }
}

fn read(at: Instant) -> (Instant, Duration) {
    let read = (at, thread_time());
    READ.set(Some(read));
    read
}

fn thread_time() -> Duration {
    processor_time(ClockId::ThreadCPUTime)
}

/// The processor time that this process has used so far, in all of its threads; that of its children is theirs.
pub fn process_time() -> Duration {
    processor_time(ClockId::ProcessCPUTime)
}

fn processor_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn busy() {
        loop {
            let start = thread_time();
            while thread_time() - start < Duration::from_millis(1) {}
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_busy_call_is_ended_and_a_waiting_one_is_not() {
        let spent = Arc::new(Spent::default());
        let limit = Duration::from_millis(5);
        let ended = Metered::new(Box::pin(busy()), spent.clone(), limit, None).await;
        assert_eq!(ended, Err(Ended::CpuSpent));
        assert!(spent.guest().get() > limit);

        let waiting = tokio::time::sleep(Duration::from_millis(30));
        let limit = Duration::from_millis(20);
        assert_eq!(
            Metered::new(Box::pin(waiting), Arc::default(), limit, None).await,
            Ok(())
        );
    }

    /// Each of many polls is long by the wall and uses next to nothing.
    #[tokio::test]
    async fn a_call_that_is_put_off_is_not_charged_for_it() {
        let spent = Arc::new(Spent::default());
        let polls = 50;
        let put_off = async move {
            for _ in 0..polls {
                std::thread::sleep(Duration::from_millis(4));
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_secs(600);
        let ended = Metered::new(Box::pin(put_off), spent.clone(), limit, None).await;
        assert_eq!(ended, Ok(()));
        let most = polls * (FRESH + BRIEF);
        assert!(spent.guest().get() < most, "{:?}", spent.guest().get());
    }

    #[tokio::test]
    async fn a_call_that_is_not_short_goes_on_in_the_lane_and_is_metered_there() {
        let lane = Lane::default();
        let threads = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
        let seen = threads.clone();
        let call = async move {
            for _ in 0..200 {
                let name = std::thread::current().name().unwrap_or("").to_owned();
                seen.lock().unwrap().insert(name);
                let start = thread_time();
                while thread_time() - start < Duration::from_millis(1) {}
                tokio::task::yield_now().await;
            }
            7
        };
        let spent = Arc::new(Spent::default());
        let limit = Duration::from_secs(600);
        let ended = Metered::new(Box::pin(call), spent.clone(), limit, Some(lane.clone())).await;
        assert_eq!(ended, Ok(7));
        assert!(spent.guest().get() >= Duration::from_millis(200));
        let threads = threads.lock().unwrap().clone();
        assert!(
            threads.len() >= 2 && threads.contains("long calls"),
            "{threads:?}"
        );

        let limit = Duration::from_millis(20);
        let ended = Metered::new(Box::pin(busy()), Arc::default(), limit, Some(lane.clone()))
            .in_lane()
            .await;
        assert_eq!(ended, Err(Ended::CpuSpent));
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_is_dropped_in_the_lane() {
        let (dropped, seen) = tokio::sync::oneshot::channel::<()>();
        let call = async move {
            let _dropped = dropped;
            busy().await;
        };
        let limit = Duration::from_secs(600);
        let metered =
            Metered::new(Box::pin(call), Arc::default(), limit, Some(Lane::default())).in_lane();
        let ended = tokio::time::timeout(Duration::from_millis(20), metered).await;
        assert!(ended.is_err());
        assert!(seen.await.is_err(), "the call and what it holds are gone");
    }
}
