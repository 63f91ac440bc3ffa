//! What is logged and measured: one struct an event, its log line and its metrics together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::card::Card;

/// Which model an event belongs to.
#[derive(Clone, Debug)]
pub(crate) struct ModelLabels {
    pub(crate) model: std::sync::Arc<str>,
    pub(crate) version: std::sync::Arc<str>,
}

impl ModelLabels {
    pub(crate) fn of(card: &Card) -> ModelLabels {
        ModelLabels {
            model: card.name().into(),
            version: card.version().to_string().into(),
        }
    }

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
    /// Why it runs there.
    pub(crate) why: &'a str,
    /// Threads that a run computes with.
    pub(crate) threads: usize,
    /// Runs at once.
    pub(crate) workers: usize,
    /// Bytes of its weights, of all workers together.
    pub(crate) weights: u64,
    pub(crate) took: Duration,
}

impl Loaded<'_> {
    pub(crate) fn emit(&self) {
        let labels = self.labels.labels();
        counter!("fleetwright_model_requests_total", &labels).increment(0);
        counter!("fleetwright_model_executions_total", &labels).increment(0);
        counter!("fleetwright_model_overruns_total", &labels).increment(0);
        gauge!("fleetwright_model_pending", &labels).increment(0.0);
        #[allow(clippy::cast_precision_loss, reason = "threads are few")]
        gauge!("fleetwright_model_threads", &labels).set(self.threads as f64);
        #[allow(clippy::cast_precision_loss, reason = "workers are few")]
        gauge!("fleetwright_model_workers", &labels).set(self.workers as f64);
        #[allow(
            clippy::cast_precision_loss,
            reason = "weights have fewer bytes than 2^52"
        )]
        gauge!("fleetwright_model_weights_bytes", &labels).set(self.weights as f64);
        info!(
            model = &*self.labels.model,
            version = &*self.labels.version,
            backend = self.backend,
            device = self.device,
            why = self.why,
            threads = self.threads,
            workers = self.workers,
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

/// What a worker counts of its runs. Made once, since looking a metric up costs more than counting.
pub(crate) struct Meters {
    labels: ModelLabels,
    executions: Counter,
    queue: Histogram,
    compute: Histogram,
    processor: Histogram,
    rows: Histogram,
    entries: Histogram,
    padding: Counter,
    stages: BTreeMap<Arc<str>, StageMeters>,
}

/// The same, of one stage's part in them.
struct StageMeters {
    queue: Histogram,
    compute: Histogram,
    tokens: Counter,
}

/// Stages whose meters are kept; beyond, they are looked up anew.
const MOST_STAGES: usize = 256;

impl Meters {
    pub(crate) fn of(labels: &ModelLabels) -> Meters {
        let own = labels.labels();
        Meters {
            executions: counter!("fleetwright_model_executions_total", &own),
            queue: histogram!("fleetwright_model_queue_seconds", &own),
            compute: histogram!("fleetwright_model_compute_seconds", &own),
            processor: histogram!("fleetwright_model_processor_seconds", &own),
            rows: histogram!("fleetwright_model_batch_rows", &own),
            entries: histogram!("fleetwright_model_batch_entries", &own),
            padding: counter!("fleetwright_model_padding_tokens_total", &own),
            stages: BTreeMap::new(),
            labels: labels.clone(),
        }
    }

    fn stage(&mut self, stage: &Arc<str>) -> &StageMeters {
        if self.stages.len() >= MOST_STAGES && !self.stages.contains_key(stage) {
            self.stages.clear();
        }
        let labels = &self.labels;
        self.stages.entry(stage.clone()).or_insert_with(|| {
            let [model, version] = labels.labels();
            let own = [model, version, ("stage", stage.clone())];
            StageMeters {
                queue: histogram!("fleetwright_model_stage_queue_seconds", &own),
                compute: histogram!("fleetwright_model_stage_compute_seconds", &own),
                tokens: counter!("fleetwright_model_tokens_total", &own),
            }
        })
    }
}

/// A run ended well.
pub(crate) struct Executed<'a> {
    pub(crate) rows: usize,
    /// Places that were computed, padding among them.
    pub(crate) places: u64,
    pub(crate) compute: Duration,
    /// Processor time of the thread that ran it, where that is known; a run by several threads takes more.
    pub(crate) processor: Option<Duration>,
    pub(crate) entries: &'a [Served],
}

/// One entry of a run.
pub(crate) struct Served {
    pub(crate) stage: Arc<str>,
    pub(crate) queued: Duration,
    /// Its own places: rows × length.
    pub(crate) places: u64,
}

impl Executed<'_> {
    #[allow(clippy::cast_precision_loss, reason = "rows and places are few")]
    pub(crate) fn emit(&self, meters: &mut Meters) {
        let asked: u64 = self.entries.iter().map(|entry| entry.places).sum();
        let padding = self.places.saturating_sub(asked);
        meters.executions.increment(1);
        meters.compute.record(self.compute);
        if let Some(processor) = self.processor {
            meters.processor.record(processor);
        }
        meters.rows.record(self.rows as f64);
        meters.entries.record(self.entries.len() as f64);
        meters.padding.increment(padding);
        for entry in self.entries {
            meters.queue.record(entry.queued);
            let stage = meters.stage(&entry.stage);
            // What a run took is its entries', by what each asked for.
            let share = entry.places as f64 / asked.max(1) as f64;
            stage.queue.record(entry.queued);
            stage.compute.record(self.compute.mul_f64(share));
            stage.tokens.increment(entry.places);
        }
        debug!(
            model = &*meters.labels.model,
            rows = self.rows,
            entries = self.entries.len(),
            tokens = asked,
            padding,
            compute_us = self.compute.as_micros(),
            "model run"
        );
    }
}

/// A generative model took a step.
pub(crate) struct Stepped {
    /// Sequences that were in it.
    pub(crate) rows: usize,
    pub(crate) compute: Duration,
}

impl Stepped {
    #[allow(clippy::cast_precision_loss, reason = "sequences are few")]
    pub(crate) fn emit(&self, meters: &Meters) {
        meters.executions.increment(1);
        meters.compute.record(self.compute);
        meters.rows.record(self.rows as f64);
    }
}

/// A call of a generative model left its slot.
pub(crate) struct Generated<'a> {
    pub(crate) stage: &'a Arc<str>,
    /// `end`, `stop`, `length` or `time`; `abandoned`, `overrun` or `failed` where there was no answer.
    pub(crate) finish: &'static str,
    /// Tokens of the prompt.
    pub(crate) prompt: u64,
    /// How many of those were there from an earlier call.
    pub(crate) reused: u64,
    /// Tokens of the answer.
    pub(crate) tokens: u64,
    pub(crate) queued: Duration,
    pub(crate) compute: Duration,
}

impl Generated<'_> {
    pub(crate) fn emit(&self, meters: &mut Meters) {
        let labels = meters.labels.labels();
        let [model, version] = labels.clone();
        let finished = [model, version, ("finish", self.finish.into())];
        counter!("fleetwright_model_generations_total", &finished).increment(1);
        counter!("fleetwright_model_prompt_tokens_total", &labels).increment(self.prompt);
        counter!("fleetwright_model_reused_tokens_total", &labels).increment(self.reused);
        counter!("fleetwright_model_generated_tokens_total", &labels).increment(self.tokens);
        meters.queue.record(self.queued);
        let stage = meters.stage(self.stage);
        stage.queue.record(self.queued);
        stage.compute.record(self.compute);
        stage.tokens.increment(self.prompt + self.tokens);
        debug!(
            model = &*meters.labels.model,
            finish = self.finish,
            prompt = self.prompt,
            reused = self.reused,
            tokens = self.tokens,
            compute_us = self.compute.as_micros(),
            "text generated"
        );
    }
}

/// An entry was dropped before it cost a run.
pub(crate) struct Dropped<'a> {
    pub(crate) labels: &'a ModelLabels,
    /// `gone`: nobody waits for its answer; `deadline`: it would come too late.
    pub(crate) reason: &'static str,
}

impl Dropped<'_> {
    pub(crate) fn emit(&self) {
        let [model, version] = self.labels.labels();
        let labels = [model, version, ("reason", self.reason.into())];
        counter!("fleetwright_model_dropped_total", &labels).increment(1);
    }
}

/// A run passed its bound.
pub(crate) struct Overran<'a> {
    pub(crate) labels: &'a ModelLabels,
    pub(crate) entries: usize,
    pub(crate) took: Duration,
    /// Whether the library could be told to stop; one that could not came to its end.
    pub(crate) stopped: bool,
}

impl Overran<'_> {
    pub(crate) fn emit(&self) {
        let labels = self.labels.labels();
        counter!("fleetwright_model_overruns_total", &labels).increment(1);
        warn!(
            model = &*self.labels.model,
            version = &*self.labels.version,
            entries = self.entries,
            took_ms = self.took.as_millis(),
            stopped = self.stopped,
            "a run passed its bound"
        );
    }
}

/// How many threads all models together compute on, from now on.
pub(crate) struct ThreadsGranted(pub(crate) usize);

impl ThreadsGranted {
    pub(crate) fn emit(&self) {
        #[allow(clippy::cast_precision_loss, reason = "threads are few")]
        gauge!("fleetwright_inference_threads").set(self.0 as f64);
        debug!(threads = self.0, "threads that all models compute on");
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
