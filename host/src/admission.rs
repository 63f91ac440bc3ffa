//! Lets submissions in, up to a number, or sheds them. Nothing waits here: a submission that finds no place is told so
//! at once, because a queue in front of bounded queues only hides the overload and spends the deadline.
//!
//! Default: 256 submissions in flight. A [`Permit`] carries the submission's deadline and gives its place back when it
//! is dropped, however the submission ends.

use std::time::Duration;

use tokio::time::Instant;

use crate::sync::{Arc, AtomicUsize, Notify, Ordering};

/// Seconds after which a client that was shed may try again.
pub const RETRY_AFTER: u64 = 1;

/// The bit of the state that says that the door is closed.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// The door: how many are in, how many may be, and whether it is still open.
#[derive(Debug, Clone)]
pub struct Admission {
    shared: Arc<Shared>,
    deadline: Duration,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    /// How many are in flight, and [`CLOSED`]: one word, so that nobody comes in after whoever drains saw that none is in.
    state: AtomicUsize,
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
            max: max.min(CLOSED - 1),
            state: AtomicUsize::new(0),
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
        let max = self.shared.max;
        // Closed, the state is above every count.
        let enter = |state: usize| (state < max).then_some(state + 1);
        let entered = self
            .shared
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, enter);
        match entered {
            Err(state) if is_closed(state) => Err(Shed::Draining),
            Err(_) => Err(Shed::Full { max }),
            Ok(before) => {
                metrics::gauge!("fleetwright_submissions_in_flight").set(gauge(before + 1));
                Ok(Permit {
                    shared: Arc::clone(&self.shared),
                    deadline: Instant::now() + self.deadline,
                })
            }
        }
    }

    /// How many submissions are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        count(self.shared.state.load(Ordering::Acquire))
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
        self.shared.state.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Whether the door is closed.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        is_closed(self.shared.state.load(Ordering::Acquire))
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
        let before = count(self.shared.state.fetch_sub(1, Ordering::AcqRel));
        metrics::gauge!("fleetwright_submissions_in_flight").set(gauge(before.saturating_sub(1)));
        if before == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

fn count(state: usize) -> usize {
    state & !CLOSED
}

fn is_closed(state: usize) -> bool {
    state & CLOSED != 0
}

fn gauge(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
