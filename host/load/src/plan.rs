//! What is asked how often, for how long, and within which bounds.

use std::time::Duration;

use crate::arrivals::Arrivals;

/// The highest rate that the timekeeper can keep.
const FASTEST: f64 = 100_000.0;
/// The most clients, and the most requests in flight.
const MOST: usize = 65_536;

/// How requests come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// At a rate a second, whatever is answered.
    Open {
        /// Requests a second.
        rate: f64,
        /// How they are spaced.
        arrivals: Arrivals,
    },
    /// From so many clients, each of which waits for its answer.
    Closed {
        /// How many.
        clients: usize,
    },
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How requests come.
    pub load: Load,
    /// What is asked before anything is counted.
    pub warm: Duration,
    /// What is counted.
    pub span: Duration,
    /// The time that a request has, from when it is due.
    pub deadline: Duration,
    /// Requests in flight at most, of an open loop.
    pub in_flight: usize,
    /// What Poisson arrivals are drawn by.
    pub seed: u64,
}

/// Why a load cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The rate is none.
    #[error("a rate of `{rate}` a second is none: give a number above 0 and at most {FASTEST}")]
    Rate {
        /// What was asked for.
        rate: f64,
    },
    /// Nobody would ask.
    #[error("`{clients}` clients cannot ask: give 1 to {MOST}")]
    Clients {
        /// What was asked for.
        clients: usize,
    },
    /// Nothing could be in flight.
    #[error("`{in_flight}` requests in flight are no bound: give 1 to {MOST}")]
    InFlight {
        /// What was asked for.
        in_flight: usize,
    },
    /// Nothing would be counted.
    #[error("nothing is counted in `{} ms`: give it at least 1 ms, and each request a deadline", span.as_millis())]
    Span {
        /// The time that was to be counted.
        span: Duration,
    },
    /// A thread cannot be started.
    #[error(
        "a thread for the load cannot be started ({0}): free some, or raise the user's limit (`ulimit -u`)"
    )]
    Thread(std::io::Error),
    /// The asking ended without a tally.
    #[error("the load ended before it was counted: try again, and report it if that fails too")]
    Lost,
}

impl Plan {
    /// Refuses what cannot be done.
    ///
    /// # Errors
    /// [`LoadError`] names the value.
    pub fn check(&self) -> Result<(), LoadError> {
        match self.load {
            Load::Open { rate, .. } if !(rate > 0.0 && rate <= FASTEST) => {
                return Err(LoadError::Rate { rate });
            }
            Load::Closed { clients } if clients == 0 || clients > MOST => {
                return Err(LoadError::Clients { clients });
            }
            Load::Open { .. } | Load::Closed { .. } => {}
        }
        let in_flight = self.in_flight;
        if in_flight == 0 || in_flight > MOST {
            return Err(LoadError::InFlight { in_flight });
        }
        if self.span.is_zero() || self.deadline.is_zero() {
            return Err(LoadError::Span { span: self.span });
        }
        Ok(())
    }
}
