//! The threads: one keeps time, the other asks and counts.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::arrivals::Schedule;
use crate::clock::thread_time;
use crate::plan::{Load, LoadError, Plan};
use crate::tally::{Reason, Tally};

/// Moments that the timekeeper is ahead of the asking at most, where the bound on requests in flight holds that up.
const AHEAD: usize = 64;

/// What answers.
pub trait Target: Send + Sync + 'static {
    /// Asks once; `number` counts from 0. Dropped at the deadline: what was asked must end with it.
    fn ask(&self, number: u64) -> impl Future<Output = Result<(), Reason>> + Send;
}

/// What both threads and whoever waits for them can see.
#[derive(Default)]
struct Shared {
    ended: AtomicU64,
    failed: AtomicU64,
    asker: AtomicU64,
    keeper: AtomicU64,
    stopped: AtomicBool,
    stop: Notify,
}

impl Shared {
    fn count(&self, result: &Result<(), Reason>) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.failed
            .fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
        keep(&self.asker);
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Writes down this thread's processor time.
fn keep(account: &AtomicU64) {
    let nanos = u64::try_from(thread_time().as_nanos()).unwrap_or(u64::MAX);
    account.store(nanos, Ordering::Relaxed);
}

/// A measurement under way.
pub struct Running {
    shared: Arc<Shared>,
    done: oneshot::Receiver<Tally>,
}

impl Running {
    /// Requests that have ended so far, those of the warm-up among them.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// Those of them that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Processor time of the load itself so far.
    #[must_use]
    pub fn own_time(&self) -> Duration {
        let of = |account: &AtomicU64| Duration::from_nanos(account.load(Ordering::Relaxed));
        of(&self.shared.asker) + of(&self.shared.keeper)
    }

    /// Begins no further request; those in flight are waited for.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.stop.notify_one();
    }

    /// Waits for the end, and gives it once. Waiting may be given up and begun again.
    ///
    /// # Errors
    /// [`LoadError::Lost`]: the thread that asks ended without a tally.
    pub async fn tally(&mut self) -> Result<Tally, LoadError> {
        (&mut self.done).await.map_err(|_| LoadError::Lost)
    }
}

/// Asks `target` as `plan` says, in threads of its own.
///
/// # Errors
/// [`LoadError`]: the plan cannot be kept, or there are no threads.
pub fn start<T: Target>(plan: Plan, target: Arc<T>) -> Result<Running, LoadError> {
    plan.check()?;
    let shared = Arc::new(Shared::default());
    let (give, done) = oneshot::channel();
    let asking = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::Thread)?;
    let moments = match plan.load {
        Load::Open { rate, arrivals } => {
            let (due, moments) = mpsc::channel(AHEAD);
            let (schedule, all) = (Schedule::new(rate, arrivals, plan.seed), all(&plan));
            let shared = shared.clone();
            thread::Builder::new()
                .name("load-keeper".to_owned())
                .spawn(move || keep_time(schedule, all, &due, &shared))
                .map_err(LoadError::Thread)?;
            Some(moments)
        }
        Load::Closed { .. } => None,
    };
    let asked = shared.clone();
    thread::Builder::new()
        .name("load-asker".to_owned())
        .spawn(move || {
            let tally = asking.block_on(async {
                match (moments, plan.load) {
                    (Some(moments), _) => open(plan, target, moments, &asked).await,
                    (None, Load::Closed { clients }) => closed(plan, clients, target, &asked).await,
                    (None, Load::Open { .. }) => None,
                }
            });
            keep(&asked.asker);
            if let Some(tally) = tally {
                // Whoever does not wait any more does not count either.
                give.send(tally).unwrap_or_default();
            }
        })
        .map_err(LoadError::Thread)?;
    Ok(Running { shared, done })
}

fn all(plan: &Plan) -> Duration {
    plan.warm.saturating_add(plan.span)
}

/// Says each moment when it has come: a thread that sleeps wakes within tens of microseconds, a timer of the asking's runtime
/// within a millisecond.
fn keep_time(schedule: Schedule, all: Duration, due: &mpsc::Sender<Instant>, shared: &Shared) {
    let began = Instant::now();
    for at in schedule.take_while(|at| *at < all) {
        let moment = began + at;
        if let Some(left) = moment.checked_duration_since(Instant::now()) {
            thread::sleep(left);
        }
        keep(&shared.keeper);
        if shared.stopped() || due.blocking_send(moment).is_err() {
            return;
        }
    }
    // The last gap belongs to the time that was asked for.
    if let Some(left) = (began + all).checked_duration_since(Instant::now()) {
        thread::sleep(left);
    }
}

/// A request that has ended.
struct Ended {
    due: Instant,
    at: Instant,
    result: Result<(), Reason>,
}

/// Asks at each of `moments`, as long as the bound on requests in flight lets it.
async fn open<T: Target>(
    plan: Plan,
    target: Arc<T>,
    mut moments: mpsc::Receiver<Instant>,
    shared: &Shared,
) -> Option<Tally> {
    let mut tally = Tally::new()?;
    let began = Instant::now();
    let counted = began + plan.warm;
    let (mut flying, mut number, mut due_more) = (JoinSet::new(), 0, true);
    let mut last = counted + plan.span;
    while due_more || !flying.is_empty() {
        tokio::select! {
            biased;
            Some(ended) = flying.join_next(), if !flying.is_empty() => {
                let ended: Ended = ended.ok()?;
                shared.count(&ended.result);
                if ended.due >= counted {
                    last = last.max(ended.at);
                    tally.add(ended.at.saturating_duration_since(ended.due), ended.result);
                }
            }
            () = shared.stop.notified(), if due_more => {
                due_more = false;
                moments.close();
            }
            due = moments.recv(), if due_more && flying.len() < plan.in_flight => match due {
                Some(due) => {
                    flying.spawn(ask(target.clone(), number, due, plan.deadline));
                    number += 1;
                }
                None => due_more = false,
            },
        }
    }
    if shared.stopped() {
        last = Instant::now();
    }
    tally.close(last.saturating_duration_since(counted), !shared.stopped());
    Some(tally)
}

/// Each client asks again once it has its answer. Counted is what ends within the time that is counted.
async fn closed<T: Target>(
    plan: Plan,
    clients: usize,
    target: Arc<T>,
    shared: &Arc<Shared>,
) -> Option<Tally> {
    let mut tally = Tally::new()?;
    let began = Instant::now();
    let counted = began + plan.warm;
    let end = counted + plan.span;
    let (mut flying, mut number) = (JoinSet::new(), 0);
    loop {
        while flying.len() < clients && Instant::now() < end && !shared.stopped() {
            flying.spawn(ask(target.clone(), number, Instant::now(), plan.deadline));
            number += 1;
        }
        let Some(ended) = flying.join_next().await else {
            break;
        };
        let Ended { due, at, result } = ended.ok()?;
        shared.count(&result);
        if (counted..end).contains(&at) {
            tally.add(at.saturating_duration_since(due), result);
        }
    }
    let stopped = shared.stopped();
    let span = match stopped {
        true => Instant::now().min(end).saturating_duration_since(counted),
        false => plan.span,
    };
    tally.close(span, !stopped);
    Some(tally)
}

/// Asks once, unless it is too late to.
async fn ask<T: Target>(target: Arc<T>, number: u64, due: Instant, deadline: Duration) -> Ended {
    let last = due + deadline;
    let result = match Instant::now() < last {
        true => timeout_at(last, target.ask(number))
            .await
            .unwrap_or(Err(Reason::LATE)),
        false => Err(Reason::LATE),
    };
    Ended {
        due,
        at: Instant::now(),
        result,
    }
}

#[cfg(test)]
mod tests;
