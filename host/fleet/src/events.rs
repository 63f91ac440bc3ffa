//! What operators see: one struct an event, which carries its log line and its metrics together.

use crate::outcome::{Outcome, StageOutcome, StageStatus};

/// A stage is done with a submission.
pub(crate) struct StageDone<'a> {
    pub(crate) submission: &'a str,
    pub(crate) stage: &'a str,
    pub(crate) outcome: &'a StageOutcome,
}

impl StageDone<'_> {
    pub(crate) fn emit(&self) {
        let StageDone {
            submission,
            stage,
            outcome,
        } = self;
        let labels = [
            ("stage", stage.to_string()),
            ("version", outcome.plugin.version.clone()),
        ];
        match (outcome.status, &outcome.failure) {
            (StageStatus::Ok | StageStatus::Held, _) => {
                metrics::counter!("fleetwright_stage_success_total", &labels).increment(1);
            }
            (StageStatus::Skipped, _) => {
                metrics::counter!("fleetwright_stage_skipped_total", &labels).increment(1);
                return;
            }
            (StageStatus::Failed, failure) => {
                let reason = failure.as_ref().map_or("unknown", |f| f.reason.name());
                let detail = failure.as_ref().map_or("", |f| f.detail.as_str());
                let [stage_label, version] = labels.clone();
                metrics::counter!(
                    "fleetwright_stage_failure_total",
                    &[stage_label, version, ("reason", reason.to_string())]
                )
                .increment(1);
                tracing::warn!(submission, stage, reason, detail, "stage failed");
            }
        }
        if let Some(ms) = outcome.ms {
            metrics::histogram!("fleetwright_stage_duration_seconds", &labels)
                .record(ms.total.as_secs_f64());
            metrics::histogram!("fleetwright_stage_queue_seconds", &labels)
                .record(ms.queue.as_secs_f64());
            metrics::histogram!("fleetwright_stage_inference_seconds", &labels)
                .record(ms.inference.as_secs_f64());
            metrics::histogram!("fleetwright_stage_guest_seconds", &labels)
                .record(ms.guest.as_secs_f64());
        }
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
