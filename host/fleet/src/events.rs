//! What operators see: one struct an event, which carries its log line and its metrics together.

use std::sync::{Arc, OnceLock};

use fleetwright_runtime::Timings;
use metrics::{Counter, Histogram};

use crate::outcome::{Outcome, StageOutcome, StageStatus};

/// The counters of one arm, found by their labels when it is first done with something: to find them costs as much as to count.
#[derive(Clone, Default)]
pub(crate) struct StageMeters(Arc<OnceLock<Meters>>);

struct Meters {
    success: Counter,
    skipped: Counter,
    duration: Histogram,
    queue: Histogram,
    inference: Histogram,
    guest: Histogram,
}

impl Meters {
    fn of(stage: &str, version: &str) -> Self {
        let labels = [("stage", stage.to_owned()), ("version", version.to_owned())];
        Meters {
            success: metrics::counter!("fleetwright_stage_success_total", &labels),
            skipped: metrics::counter!("fleetwright_stage_skipped_total", &labels),
            duration: metrics::histogram!("fleetwright_stage_duration_seconds", &labels),
            queue: metrics::histogram!("fleetwright_stage_queue_seconds", &labels),
            inference: metrics::histogram!("fleetwright_stage_inference_seconds", &labels),
            guest: metrics::histogram!("fleetwright_stage_guest_seconds", &labels),
        }
    }

    fn record(&self, ms: &Timings) {
        self.duration.record(ms.total.as_secs_f64());
        self.queue.record(ms.queue.as_secs_f64());
        self.inference.record(ms.inference.as_secs_f64());
        self.guest.record(ms.guest.as_secs_f64());
    }
}

/// A stage is done with a submission.
pub(crate) struct StageDone<'a> {
    pub(crate) submission: &'a str,
    pub(crate) stage: &'a str,
    pub(crate) outcome: &'a StageOutcome,
    pub(crate) meters: &'a StageMeters,
}

impl StageDone<'_> {
    pub(crate) fn emit(&self) {
        let StageDone { stage, outcome, .. } = self;
        let meters = self
            .meters
            .0
            .get_or_init(|| Meters::of(stage, &outcome.plugin.version));
        match outcome.status {
            StageStatus::Ok | StageStatus::Held => meters.success.increment(1),
            StageStatus::Skipped => {
                meters.skipped.increment(1);
                return;
            }
            StageStatus::Failed => self.failed(),
        }
        if let Some(ms) = &outcome.ms {
            meters.record(ms);
        }
    }

    fn failed(&self) {
        let StageDone {
            submission,
            stage,
            outcome,
            ..
        } = self;
        let failure = outcome.failure.as_ref();
        let reason = failure.map_or("unknown", |f| f.reason.name());
        let detail = failure.map_or("", |f| f.detail.as_str());
        let labels = [
            ("stage", stage.to_string()),
            ("version", outcome.plugin.version.clone()),
            ("reason", reason.to_owned()),
        ];
        metrics::counter!("fleetwright_stage_failure_total", &labels).increment(1);
        tracing::warn!(submission, stage, reason, detail, "stage failed");
    }
}

/// A submission is done.
pub(crate) struct SubmissionDone<'a>(pub(crate) &'a Outcome);

impl SubmissionDone<'_> {
    pub(crate) fn emit(&self) {
        let outcome = self.0;
        let status = outcome.status.name();
        metrics::counter!("fleetwright_submissions_total", "status" => status).increment(1);
        metrics::histogram!("fleetwright_submission_duration_seconds")
            .record(outcome.ms.as_secs_f64());
        let ms = outcome.ms.as_secs_f64() * 1000.0;
        tracing::info!(
            submission = outcome.id.as_str(),
            status,
            generation = outcome.fleet.generation,
            ms,
            "submission done"
        );
    }
}
