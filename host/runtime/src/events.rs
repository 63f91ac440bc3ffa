//! What operators see of a call's limits: one struct an event, and the count of live instances.

use std::sync::Arc;

/// A limit ended a call. Counted once a call.
pub(crate) struct LimitPassed<'a> {
    pub(crate) stage: &'a Arc<str>,
    pub(crate) limit: &'static str,
}

impl LimitPassed<'_> {
    pub(crate) fn emit(&self) {
        let LimitPassed { stage, limit } = *self;
        metrics::counter!("fleetwright_stage_limit_total", "stage" => stage.clone(), "limit" => limit)
            .increment(1);
        tracing::debug!(stage = &**stage, limit, "limit passed");
    }
}

/// A call wrote more log lines than it may: so many were dropped.
pub(crate) struct LinesDropped<'a> {
    pub(crate) stage: &'a Arc<str>,
    pub(crate) lines: u64,
}

impl LinesDropped<'_> {
    pub(crate) fn emit(&self) {
        let LinesDropped { stage, lines } = *self;
        if lines == 0 {
            return;
        }
        metrics::counter!("fleetwright_stage_limit_total", "stage" => stage.clone(), "limit" => "log")
            .increment(lines);
        metrics::counter!("fleetwright_stage_log_lines_dropped_total", "stage" => stage.clone())
            .increment(lines);
        tracing::debug!(stage = &**stage, lines, "log lines dropped");
    }
}

/// The instances of a stage that are alive.
pub(crate) struct Instances(metrics::Gauge);

impl Instances {
    pub(crate) fn of(stage: &Arc<str>) -> Self {
        Instances(metrics::gauge!("fleetwright_instances", "stage" => stage.clone()))
    }

    /// One more, until what this gives is dropped.
    pub(crate) fn enter(&self) -> Live {
        self.0.increment(1.0);
        Live(self.0.clone())
    }
}

/// An instance that is alive.
pub(crate) struct Live(metrics::Gauge);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
