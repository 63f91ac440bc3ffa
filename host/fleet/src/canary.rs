//! A canary: another plugin that takes a share of a stage's calls, on trial.
//!
//! Which submissions it takes is settled by a hash of the submission's id, or by a request header. It is judged on its own
//! counters against those of the stage beside it: it is rolled back as soon as its errors pass what `min_requests` calls
//! may have, or its 99th percentile what the stage's allows; it is promoted once `promote_after` has passed with
//! `min_requests` calls behind it. Times count only where both sides run optimised code, and there are no promotions without
//! times: quick code says nothing of how long a plugin takes. From the verdict on it takes no further call; the controller then makes it permanent.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetwright_manifest::{Canary as Terms, Split};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::settle::Settled;
use crate::snapshot::Arm;
use crate::submission::Submission;

/// Calls of each side whose durations are kept for the 99th percentile: the latest ones.
const KEPT: usize = 1024;
/// Fewer calls than this of the stage itself give no percentile to compare with.
const LEAST_TO_COMPARE: usize = 20;

/// A plugin on trial.
pub(crate) struct Canary {
    pub(crate) arm: Arm,
    pub(crate) trial: Arc<Trial>,
}

/// A trial: its terms, and how both sides fare. It goes on where a change leaves it the same trial, though limits or grants of
/// the arm on trial may be others then.
pub(crate) struct Trial {
    /// Which trial this is: see [`crate::history::Verdict::trial`].
    pub(crate) id: String,
    stage: String,
    terms: Terms,
    began: Instant,
    own: Side,
    beside: Side,
    settled: Settled,
    tell: mpsc::Sender<Decision>,
}

/// What a trial came to.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) stage: String,
    pub(crate) trial: String,
    pub(crate) promoted: bool,
    pub(crate) reason: String,
}

/// The counters of one side of a trial.
#[derive(Default)]
struct Side {
    calls: AtomicU64,
    errors: AtomicU64,
    /// Calls whose time counts.
    timed: AtomicU64,
    /// A ring of microseconds. Held for a push or a copy, never across an await.
    durations: Mutex<Vec<u32>>,
}

/// How a canary fares.
#[derive(Clone, Debug, Serialize)]
pub struct CanarySummary {
    /// Its plugin.
    pub plugin: crate::outcome::PluginUsed,
    /// How its submissions are chosen: `10 %`, or `header x-canary`.
    pub split: String,
    /// Its calls and errors, and its 99th percentile in milliseconds.
    pub canary: SideSummary,
    /// The stage's own over the same time.
    pub stage: SideSummary,
}

/// The counters of one side.
#[derive(Clone, Debug, Serialize)]
pub struct SideSummary {
    /// Calls that ended.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// The 99th percentile of the latest calls, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
}

impl Canary {
    pub(crate) fn header(&self) -> Option<&str> {
        match &self.trial.terms.split {
            Split::Header(header) => Some(header),
            Split::Weight(_) => None,
        }
    }

    /// Whether this submission is one of the canary's. Always the same for one id.
    pub(crate) fn takes(&self, submission: &Submission) -> bool {
        if self.trial.settled.is() {
            return false;
        }
        match &self.trial.terms.split {
            Split::Header(header) => submission.marks.contains(header),
            Split::Weight(weight) => share(submission.id.as_str(), &self.trial.stage) < *weight,
        }
    }

    pub(crate) fn summary(&self) -> CanarySummary {
        CanarySummary {
            plugin: self.arm.plugin.clone(),
            split: match &self.trial.terms.split {
                Split::Weight(weight) => format!("{} %", weight * 100.0),
                Split::Header(header) => format!("header {header}"),
            },
            canary: self.trial.own.summary(),
            stage: self.trial.beside.summary(),
        }
    }
}

impl Trial {
    pub(crate) fn new(
        id: String,
        stage: &str,
        terms: &Terms,
        tell: &mpsc::Sender<Decision>,
    ) -> Self {
        Trial {
            id,
            stage: stage.to_owned(),
            terms: terms.clone(),
            began: Instant::now(),
            own: Side::default(),
            beside: Side::default(),
            settled: Settled::not_yet(),
            tell: tell.clone(),
        }
    }

    /// Counts a call of the canary, or of the stage beside it, and judges. Without a time where it does not count.
    pub(crate) fn count(&self, own: bool, failed: bool, took: Option<Duration>) {
        if self.settled.is() {
            return;
        }
        let side = if own { &self.own } else { &self.beside };
        side.count(failed, took);
        if own {
            self.judge();
        }
    }

    /// Decides where a decision is due. Called after each call of the canary, and by the controller as time passes.
    pub(crate) fn judge(&self) {
        let calls = self.own.calls.load(Ordering::Acquire);
        let errors = self.own.errors.load(Ordering::Acquire);
        let least = u64::from(self.terms.min_requests);
        let against = self.against(calls, errors, least);
        let timed = self.own.timed.load(Ordering::Acquire);
        let due = self.began.elapsed() >= self.terms.promote_after && timed >= least;
        let (promoted, reason) = match against {
            Some(reason) => (false, reason),
            None if due => (true, self.promotion(calls, errors)),
            None => return,
        };
        let decision = Decision {
            stage: self.stage.clone(),
            trial: self.id.clone(),
            promoted,
            reason,
        };
        // A full queue holds other stages' decisions; this one is told again when the controller looks.
        self.settled.settle(|| self.tell.try_send(decision).is_ok());
    }

    /// What speaks against the canary, where something does.
    fn against(&self, calls: u64, errors: u64, least: u64) -> Option<String> {
        let most = self.terms.max_error_rate;
        // Before `min_requests`, only errors that already exceed what that many calls may have.
        #[allow(clippy::cast_precision_loss, reason = "counts of calls are small")]
        let rate = errors as f64 / calls.max(least).max(1) as f64;
        if rate > most {
            return Some(format!(
                "{}; errors pass `max_error_rate` {most}",
                self.figures(calls, errors)
            ));
        }
        if calls < least {
            return None;
        }
        let (own, stage) = (self.own.p99(1)?, self.beside.p99(LEAST_TO_COMPARE)?);
        let ratio = own / stage.max(1e-6);
        (ratio > self.terms.max_p99_ratio).then(|| {
            format!(
                "{}; p99 is {ratio:.2} times the stage's, above `max_p99_ratio` {}",
                self.figures(calls, errors),
                self.terms.max_p99_ratio
            )
        })
    }

    /// The figures of a promotion; where the stage had too few calls to compare with, that is said.
    fn promotion(&self, calls: u64, errors: u64) -> String {
        let figures = self.figures(calls, errors);
        match self.beside.p99(LEAST_TO_COMPARE) {
            Some(_) => figures,
            None => format!(
                "{figures}; p99 is not compared, for the stage had fewer than {LEAST_TO_COMPARE} calls"
            ),
        }
    }

    fn figures(&self, calls: u64, errors: u64) -> String {
        let stage = &self.beside;
        let millis = |p99: Option<f64>| p99.map_or("–".to_owned(), |ms| format!("{ms:.1} ms"));
        format!(
            "{errors} errors in {calls} calls, p99 {}; the stage beside it {} in {}, p99 {}",
            millis(self.own.p99(1)),
            stage.errors.load(Ordering::Acquire),
            stage.calls.load(Ordering::Acquire),
            millis(stage.p99(1)),
        )
    }
}

impl Side {
    fn count(&self, failed: bool, took: Option<Duration>) {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.errors.fetch_add(u64::from(failed), Ordering::AcqRel);
        let Some(took) = took else { return };
        let call = self.timed.fetch_add(1, Ordering::AcqRel);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let mut durations = self.durations.lock().unwrap_or_else(|e| e.into_inner());
        let place = usize::try_from(call).unwrap_or(0) % KEPT;
        match durations.get_mut(place) {
            Some(slot) => *slot = micros,
            None => durations.push(micros),
        }
    }

    /// Milliseconds, where at least so many calls are known.
    fn p99(&self, least: usize) -> Option<f64> {
        let mut durations = self
            .durations
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clone();
        if durations.len() < least.max(1) {
            return None;
        }
        let place = (durations.len() * 99).div_ceil(100).saturating_sub(1);
        let (_, micros, _) = durations.select_nth_unstable(place);
        Some(f64::from(*micros) / 1000.0)
    }

    fn summary(&self) -> SideSummary {
        SideSummary {
            calls: self.calls.load(Ordering::Acquire),
            errors: self.errors.load(Ordering::Acquire),
            p99_ms: self.p99(1),
        }
    }
}

/// Where an id falls between 0 and 1; for another stage elsewhere, so that canaries do not share their submissions.
fn share(id: &str, stage: &str) -> f64 {
    let mut hasher = std::hash::DefaultHasher::new();
    stage.hash(&mut hasher);
    id.hash(&mut hasher);
    #[allow(clippy::cast_precision_loss, reason = "53 bits are plenty")]
    let place = (hasher.finish() >> 11) as f64;
    place / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_stable_even_and_of_its_stage() {
        let shares: Vec<f64> = (0..10_000)
            .map(|n| share(&format!("sub_{n}"), "classify"))
            .collect();
        let below = shares.iter().filter(|share| **share < 0.1).count();
        assert!((850..1150).contains(&below), "{below}");
        assert_eq!(shares[7], share("sub_7", "classify"));
        assert_ne!(shares[7], share("sub_7", "route"));
    }

    #[test]
    fn the_percentile_is_of_the_latest_calls() {
        let side = Side::default();
        assert_eq!(side.p99(1), None);
        for _ in 0..KEPT {
            side.count(false, Some(Duration::from_millis(100)));
        }
        assert_eq!(side.p99(1), Some(100.0));
        for _ in 0..KEPT {
            side.count(true, Some(Duration::from_millis(2)));
            side.count(true, None);
        }
        assert_eq!(side.p99(1), Some(2.0));
        assert_eq!(side.summary().errors, 2 * KEPT as u64);
        assert_eq!(side.p99(KEPT + 1), None);
    }
}
