//! What is logged and measured: one struct an event, its log line and its metrics together.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

/// Which model an event belongs to.
#[derive(Clone, Debug)]
pub(crate) struct ModelLabels {
    pub(crate) model: std::sync::Arc<str>,
    pub(crate) version: std::sync::Arc<str>,
}

impl ModelLabels {
    fn labels(&self) -> [(&'static str, std::sync::Arc<str>); 2] {
        [
            ("model", self.model.clone()),
            ("version", self.version.clone()),
        ]
    }
}

/// A model was loaded.
pub(crate) struct Loaded<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) backend: &'a str,
    pub(crate) device: &'a str,
    pub(crate) took: Duration,
}

impl Loaded<'_> {
    pub(crate) fn emit(&self) {
        let labels = self.labels.labels();
        counter!("fleetwright_model_requests_total", &labels).increment(0);
        counter!("fleetwright_model_executions_total", &labels).increment(0);
        gauge!("fleetwright_model_pending", &labels).increment(0.0);
        info!(
            model = &*self.labels.model,
            version = &*self.labels.version,
            backend = self.backend,
            device = self.device,
            took_ms = self.took.as_millis(),
            "model loaded"
        );
    }
}

/// A request came in.
pub(crate) struct Requested<'a>(pub(crate) &'a ModelLabels);

impl Requested<'_> {
    pub(crate) fn emit(&self) {
        counter!("fleetwright_model_requests_total", &self.0.labels()).increment(1);
    }
}

/// A request ended without an answer.
pub(crate) struct Failed<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) reason: &'static str,
    /// Whether the model is at fault, not its caller or the load.
    pub(crate) at_fault: bool,
    pub(crate) detail: &'a dyn std::fmt::Display,
}

impl Failed<'_> {
    pub(crate) fn emit(&self) {
        let [model, version] = self.labels.labels();
        let labels = [model, version, ("reason", self.reason.into())];
        counter!("fleetwright_model_failures_total", &labels).increment(1);
        let (model, version, reason) = (&*self.labels.model, &*self.labels.version, self.reason);
        if self.at_fault {
            warn!(model, version, reason, detail = %self.detail, "inference failed");
        } else {
            debug!(model, version, reason, detail = %self.detail, "inference refused");
        }
    }
}

/// An entry was put in the queue; it leaves it when this is dropped.
pub(crate) struct Pending(metrics::Gauge);

impl Pending {
    pub(crate) fn enter(labels: &ModelLabels) -> Pending {
        let gauge = gauge!("fleetwright_model_pending", &labels.labels());
        gauge.increment(1.0);
        Pending(gauge)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A run ended well.
pub(crate) struct Executed<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) rows: usize,
    pub(crate) entries: usize,
    pub(crate) compute: Duration,
    pub(crate) queued: &'a [Duration],
}

impl Executed<'_> {
    pub(crate) fn emit(&self) {
        let labels = self.labels.labels();
        counter!("fleetwright_model_executions_total", &labels).increment(1);
        histogram!("fleetwright_model_compute_seconds", &labels).record(self.compute);
        #[allow(clippy::cast_precision_loss, reason = "rows are few")]
        histogram!("fleetwright_model_batch_rows", &labels).record(self.rows as f64);
        let queue = histogram!("fleetwright_model_queue_seconds", &labels);
        for queued in self.queued {
            queue.record(*queued);
        }
        debug!(
            model = &*self.labels.model,
            rows = self.rows,
            entries = self.entries,
            compute_us = self.compute.as_micros(),
            "model run"
        );
    }
}

/// A call was given the answer that another of its submission had computed.
pub(crate) struct Shared<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) saved: Duration,
}

impl Shared<'_> {
    pub(crate) fn emit(&self) {
        let labels = self.labels.labels();
        histogram!("fleetwright_model_saved_seconds", &labels).record(self.saved);
        debug!(
            model = &*self.labels.model,
            saved_us = self.saved.as_micros(),
            "an answer was shared"
        );
    }
}

/// A backend panicked; the model is loaded anew.
pub(crate) struct Panicked<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) message: &'a str,
}

impl Panicked<'_> {
    pub(crate) fn emit(&self) {
        error!(
            model = &*self.labels.model,
            version = &*self.labels.version,
            panic = self.message,
            "the backend panicked; loading the model anew"
        );
    }
}

/// A model could not be loaded anew, and serves no more.
pub(crate) struct Died<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) reason: &'a str,
}

impl Died<'_> {
    pub(crate) fn emit(&self) {
        error!(
            model = &*self.labels.model,
            version = &*self.labels.version,
            reason = self.reason,
            "the model serves no more"
        );
    }
}

/// A line that a library logged at warning or above.
pub(crate) struct LibraryWarned<'a> {
    pub(crate) library: &'static str,
    pub(crate) message: &'a str,
}

impl LibraryWarned<'_> {
    pub(crate) fn emit(&self) {
        warn!(library = self.library, "{}", self.message);
    }
}
