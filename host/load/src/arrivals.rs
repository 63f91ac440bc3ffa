//! When requests are due: evenly, or as independent senders would send them.

use std::time::Duration;

/// How requests of an open loop are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Gaps are drawn from an exponential distribution: many senders that know nothing of each other.
    Poisson,
    /// Every gap is the same.
    Constant,
}

/// The moments at which requests are due, from the first on; endless.
pub(crate) struct Schedule {
    rate: f64,
    arrivals: Arrivals,
    /// Seconds since the start. Of constant arrivals, moments are counted and not added up: no error grows.
    at: f64,
    number: u64,
    state: u64,
}

impl Schedule {
    pub(crate) fn new(rate: f64, arrivals: Arrivals, seed: u64) -> Self {
        Schedule {
            rate,
            arrivals,
            at: 0.0,
            number: 0,
            state: seed,
        }
    }

    /// From 0 up to, and never, 1: splitmix64, whose 53 highest bits make a number of double precision.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match self.arrivals {
            Arrivals::Constant => self.at = self.number as f64 / self.rate,
            Arrivals::Poisson => self.at += -(1.0 - self.uniform()).ln() / self.rate,
        }
        self.number += 1;
        // Beyond what a duration holds there is no moment any more.
        Duration::try_from_secs_f64(self.at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_arrivals_keep_their_rate_without_drift() {
        let millionth = Schedule::new(3.0, Arrivals::Constant, 1).nth(3_000_000);
        assert_eq!(millionth, Some(Duration::from_secs(1_000_000)));
    }

    #[test]
    fn poisson_arrivals_keep_their_rate_and_spread_as_independent_ones_do() {
        let due: Vec<f64> = Schedule::new(100.0, Arrivals::Poisson, 7)
            .take(20_000)
            .map(|at| at.as_secs_f64())
            .collect();
        let gaps: Vec<f64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.01).abs() < 0.0003, "{mean}");
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.05,
            "of an exponential distribution, the deviation is the mean: {variance}"
        );
        assert!(gaps.iter().all(|gap| *gap >= 0.0));
    }

    #[test]
    fn an_equal_seed_gives_equal_arrivals() {
        let of = |seed| -> Vec<Duration> {
            Schedule::new(10.0, Arrivals::Poisson, seed)
                .take(50)
                .collect()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
