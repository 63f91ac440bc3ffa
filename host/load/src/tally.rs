//! What came of a measurement: latencies in a histogram, failures by reason.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Kinds of failures that are told apart; what is beyond is counted as `other`.
pub const REASONS: usize = 32;
/// Latencies are told apart up to an hour.
const LONGEST: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// Why a request failed, in a word or two: what failures are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason(pub Cow<'static, str>);

impl Reason {
    /// No answer had come by the deadline.
    pub const LATE: Reason = Reason(Cow::Borrowed("deadline"));
    const OTHER: Reason = Reason(Cow::Borrowed("other"));
}

/// What was counted. Memory does not grow with the number of requests.
#[derive(Clone, Debug)]
pub struct Tally {
    micros: Histogram<u64>,
    answered: u64,
    failed: BTreeMap<Reason, u64>,
    seconds: f64,
    complete: bool,
}

impl Tally {
    pub(crate) fn new() -> Option<Self> {
        Some(Tally {
            micros: Histogram::new_with_bounds(1, LONGEST, DIGITS).ok()?,
            answered: 0,
            failed: BTreeMap::new(),
            seconds: 0.0,
            complete: true,
        })
    }

    /// Counts a request. One that had no answer by its deadline has waited that long at least, and counts with it: left out, it
    /// would make a slow target look fast.
    pub(crate) fn add(&mut self, latency: Duration, result: Result<(), Reason>) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
        match result {
            Ok(()) => {
                self.answered += 1;
                self.micros.saturating_record(micros);
            }
            Err(reason) => {
                if reason == Reason::LATE {
                    self.micros.saturating_record(micros);
                }
                let known = self.failed.len() < REASONS || self.failed.contains_key(&reason);
                let reason = if known { reason } else { Reason::OTHER };
                *self.failed.entry(reason).or_default() += 1;
            }
        }
    }

    pub(crate) fn close(&mut self, span: Duration, complete: bool) {
        self.seconds = span.as_secs_f64();
        self.complete = complete;
    }

    /// Requests that were answered well.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Requests that were not, by reason.
    #[must_use]
    pub fn failed(&self) -> &BTreeMap<Reason, u64> {
        &self.failed
    }

    /// Good answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        match self.seconds > 0.0 {
            true => self.answered as f64 / self.seconds,
            false => 0.0,
        }
    }

    /// How long counting took: the time that was asked for, and until the last answer where that came later.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Whether it came to its own end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// The latency, in milliseconds, that a share of the requests do not pass; nothing where none was answered or late.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        (!self.micros.is_empty()).then(|| self.micros.value_at_quantile(share) as f64 / 1000.0)
    }

    /// The mean latency in milliseconds.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (!self.micros.is_empty()).then(|| self.micros.mean() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_late_is_in_the_percentiles_and_what_was_refused_is_not() {
        let mut tally = Tally::new().unwrap();
        for _ in 0..98 {
            tally.add(Duration::from_millis(10), Ok(()));
        }
        tally.add(Duration::from_secs(30), Err(Reason::LATE));
        tally.add(Duration::from_secs(30), Err(Reason::LATE));
        tally.add(Duration::from_millis(1), Err(Reason("http 429".into())));
        tally.close(Duration::from_secs(10), true);
        assert_eq!(tally.answered(), 98);
        assert_eq!(tally.rate(), 9.8);
        let p99 = tally.quantile(0.99).unwrap();
        assert!((29_900.0..30_100.0).contains(&p99), "{p99}");
        assert!((9.9..10.1).contains(&tally.quantile(0.0).unwrap()));
    }

    #[test]
    fn kinds_of_failures_are_bounded() {
        let mut tally = Tally::new().unwrap();
        for number in 0..1000 {
            tally.add(Duration::ZERO, Err(Reason(number.to_string().into())));
        }
        assert_eq!(tally.failed().len(), REASONS + 1);
        assert_eq!(tally.failed()[&Reason::OTHER], 1000 - REASONS as u64);
        assert_eq!(tally.quantile(0.5), None);
    }
}
