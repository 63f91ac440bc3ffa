//! A stage's `rate`: a token bucket without a lock.
//!
//! What is kept is one number, the time at which the bucket is full again (the generic cell rate algorithm): a call moves it
//! one interval on, and is refused where that would put it further ahead than a burst. Refused calls cost nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{CallErrorKind, Failure};
use crate::limits::Rate;

/// A stage's bucket, full at first.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    start: Instant,
    /// Nanoseconds for one call.
    interval: u64,
    /// Nanoseconds that the bucket may be ahead of the clock before a call is refused.
    tolerance: u64,
    /// When the bucket is full again, in nanoseconds since `start`.
    full_at: AtomicU64,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        let per = nanos(rate.per).max(1);
        let interval = (per / u64::from(rate.calls.max(1))).max(1);
        let burst = nanos(rate.per.min(Duration::from_secs(1))) / interval;
        Bucket {
            rate,
            start: Instant::now(),
            interval,
            tolerance: burst.saturating_sub(1).saturating_mul(interval),
            full_at: AtomicU64::new(0),
        }
    }

    /// Takes a token, if there is one.
    pub(crate) fn admit(&self) -> Result<(), Failure> {
        self.take(nanos(self.start.elapsed())).map_err(|wait| {
            let Rate { calls, per } = self.rate;
            Failure::of(
                CallErrorKind::Rate,
                "rate",
                format!(
                    "the stage admits {calls} calls in {per:?}; the next in {} ms: send less at once, or raise `limits.rate`",
                    wait.as_millis().max(1)
                ),
            )
        })
    }

    /// Takes a token at `now`, or says after how long there will be one.
    fn take(&self, now: u64) -> Result<(), Duration> {
        let next = |full_at: u64| {
            let full_at = full_at.max(now);
            let ahead = full_at - now;
            (ahead <= self.tolerance).then(|| full_at.saturating_add(self.interval))
        };
        self.full_at
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .map(|_| ())
            .map_err(|full_at| Duration::from_nanos(full_at.saturating_sub(now).saturating_sub(self.tolerance)))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn bucket(calls: u32, seconds: u64) -> Bucket {
        Bucket::new(Rate {
            calls,
            per: Duration::from_secs(seconds),
        })
    }

    /// How many of `tries` are admitted at `now`.
    fn admitted(bucket: &Bucket, now: u64, tries: usize) -> usize {
        (0..tries).filter(|_| bucket.take(now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_one_period_at_most_one_second_and_at_least_one_call() {
        assert_eq!(admitted(&bucket(100, 1), 0, 1000), 100);
        assert_eq!(admitted(&bucket(600, 60), 0, 1000), 10);
        assert_eq!(admitted(&bucket(30, 60), 0, 1000), 1);
        assert_eq!(admitted(&bucket(1, 3600), 0, 1000), 1);
    }

    #[test]
    fn tokens_come_back_one_by_one_and_never_more_than_a_burst() {
        let bucket = bucket(10, 1);
        assert_eq!(admitted(&bucket, 0, 20), 10);
        assert_eq!(admitted(&bucket, SECOND / 20, 20), 0);
        assert_eq!(admitted(&bucket, SECOND / 10, 20), 1);
        assert_eq!(admitted(&bucket, SECOND / 2, 20), 4);
        assert_eq!(admitted(&bucket, 100 * SECOND, 200), 10);
    }

    #[test]
    fn over_a_long_time_the_rate_is_what_was_asked_for() {
        let bucket = bucket(7, 60);
        let calls: usize = (0..600_000)
            .map(|ms| admitted(&bucket, ms * SECOND / 1000, 3))
            .sum();
        assert_eq!(calls, 70);
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_costs_nothing() {
        let bucket = bucket(1, 60);
        bucket.take(0).unwrap();
        for _ in 0..100 {
            assert_eq!(bucket.take(20 * SECOND), Err(Duration::from_secs(40)));
        }
        bucket.take(60 * SECOND).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_sentence_names_rate_wait_and_way_out() {
        let bucket = bucket(2, 60);
        bucket.admit().unwrap();
        let failure = bucket.admit().unwrap_err();
        assert_eq!((failure.kind, failure.limit), (CallErrorKind::Rate, Some("rate")));
        for part in ["2 calls in 60s", "30000 ms", "`limits.rate`"] {
            assert!(failure.detail.contains(part), "{}", failure.detail);
        }
        tokio::time::advance(Duration::from_secs(30)).await;
        bucket.admit().unwrap();
    }

    #[test]
    fn threads_together_get_one_burst() {
        let bucket = bucket(1000, 1);
        let admitted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| admitted(&bucket, 0, 1000)))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(admitted, 1000);
    }
}
