//! Lets submissions in, up to a number, or sheds them. Nothing waits here: a submission that finds no place is told so
//! at once, because a queue in front of bounded queues only hides the overload and spends the deadline.
//!
//! Default: 256 submissions in flight. A [`Permit`] carries the submission's deadline and gives its place back when it
//! is dropped, however the submission ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Seconds after which a client that was shed may try again.
pub const RETRY_AFTER: u64 = 1;

/// The door: how many are in, how many may be, and whether it is still open.
#[derive(Debug, Clone)]
pub struct Admission {
    shared: Arc<Shared>,
    deadline: Duration,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    in_flight: AtomicUsize,
    draining: AtomicBool,
    /// Told whenever the last submission leaves.
    idle: Notify,
}

/// A submission's place and deadline.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    deadline: Instant,
}

/// Why a submission was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// As many are in flight as may be.
    #[error(
        "{max} submissions are in flight, as many as may be: send it again in {RETRY_AFTER} s, or start the host with a larger `--max-inflight`"
    )]
    Full {
        /// How many may be in flight.
        max: usize,
    },
    /// The host is shutting down.
    #[error(
        "the host is finishing what it has begun and takes nothing new: send it to another host"
    )]
    Draining,
}

impl Admission {
    /// A door for `max` submissions at once, each with `deadline` from its arrival to its outcome.
    #[must_use]
    pub fn new(max: usize, deadline: Duration) -> Admission {
        let shared = Shared {
            max,
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            idle: Notify::new(),
        };
        Admission {
            shared: Arc::new(shared),
            deadline,
        }
    }

    /// Gives a place, or says why there is none.
    ///
    /// # Errors
    /// The host is full, or draining.
    pub fn admit(&self) -> Result<Permit, Shed> {
        if self.is_draining() {
            return Err(Shed::Draining);
        }
        let max = self.shared.max;
        let enter = |count: usize| (count < max).then_some(count + 1);
        match self
            .shared
            .in_flight
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, enter)
        {
            Err(_) => Err(Shed::Full { max }),
            Ok(before) => {
                metrics::gauge!("fleetwright_submissions_in_flight").set(gauge(before + 1));
                let permit = Permit {
                    shared: Arc::clone(&self.shared),
                    deadline: Instant::now() + self.deadline,
                };
                // Draining may have begun between the two looks; then whoever drains may not have seen this place taken.
                if self.is_draining() {
                    Err(Shed::Draining)
                } else {
                    Ok(permit)
                }
            }
        }
    }

    /// How many submissions are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::SeqCst)
    }

    /// How many may be.
    #[must_use]
    pub fn max(&self) -> usize {
        self.shared.max
    }

    /// The time that each submission has.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Closes the door. What is in flight goes on.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the door is closed.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::SeqCst)
    }

    /// Waits until nothing is in flight.
    pub async fn idle(&self) {
        loop {
            let notified = self.shared.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Permit {
    /// When the submission must have its outcome.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let before = self.shared.in_flight.fetch_sub(1, Ordering::SeqCst);
        metrics::gauge!("fleetwright_submissions_in_flight").set(gauge(before.saturating_sub(1)));
        if before == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

fn gauge(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_sheds_what_exceeds_its_bound_and_takes_more_when_one_leaves() {
        let admission = Admission::new(2, Duration::from_secs(1));
        let first = admission.admit().unwrap();
        let _second = admission.admit().unwrap();
        assert_eq!(admission.admit().unwrap_err(), Shed::Full { max: 2 });
        drop(first);
        let _third = admission.admit().unwrap();
        assert_eq!(admission.in_flight(), 2);
    }

    #[test]
    fn a_draining_host_takes_nothing_and_keeps_no_place() {
        let admission = Admission::new(2, Duration::from_secs(1));
        admission.drain();
        assert_eq!(admission.admit().unwrap_err(), Shed::Draining);
        assert_eq!(admission.in_flight(), 0);
    }

    #[tokio::test]
    async fn idle_ends_when_the_last_submission_leaves() {
        let admission = Admission::new(2, Duration::from_secs(1));
        admission.idle().await;
        let permit = admission.admit().unwrap();
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(permit);
        waiting.await.unwrap();
    }
}
