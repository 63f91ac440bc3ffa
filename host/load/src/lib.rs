//! A load generator: asks a [`Target`] as a [`Plan`] says, and gives a [`Tally`] of how long that took and what failed.
//!
//! **Open loop**: requests are due at moments that do not depend on the answers, and a latency is counted from the moment at
//! which its request was *due*. Where the target stalls, what was due meanwhile is asked later and counted as late: the stall is
//! in the percentiles, and is not omitted because the asker was waiting too. **Closed loop**: so many clients, each of which
//! asks again once it has its answer; a latency is counted from the asking.
//!
//! Default: Poisson arrivals, 2 s of warm-up that are not counted, 10 s that are. Bounds: [`Plan::in_flight`] requests at once
//! (what is due beyond waits, and its waiting counts), a deadline for each, latencies in a histogram of fixed size with three
//! significant digits, [`REASONS`] kinds of failures.
//!
//! The asking has a thread of its own, so that its processor time can be told from the target's, and another that keeps time.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod arrivals;
mod asking;
mod clock;
mod plan;
mod tally;

pub use arrivals::Arrivals;
pub use asking::{Running, Target, start};
pub use clock::process_time;
pub use plan::{Load, LoadError, Plan};
pub use tally::{REASONS, Reason, Tally};
