//! What operators see: log lines on standard error ([`crate::lines`]), and metrics for Prometheus.
//!
//! Defaults: text at level `info` for `serve`, `warn` for the other verbs; `FLEETWRIGHT_LOG` sets other levels, such as
//! `debug` or `info,fleetwright_runtime=debug`. No line carries what a submission says. Metrics are in base units;
//! every histogram in seconds has the same buckets, from 50 µs to a minute.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::lines::Lines;

/// The variable that sets the levels of log lines.
pub const LEVELS: &str = "FLEETWRIGHT_LOG";

/// How often histograms are folded while nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds of the buckets of everything measured in seconds: a stage's own time is tens of microseconds, an
/// inference milliseconds, a scanned page seconds.
const SECONDS: [f64; 20] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.015, 0.025, 0.05, 0.075,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];
/// Upper bounds of the buckets of everything counted in rows or calls.
const ROWS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there are no logs or no metrics.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The variable says nothing that can be read.
    #[error(
        "`{LEVELS}` is `{text}`, which sets no levels ({source}): write `info` or `info,fleetwright_runtime=debug`"
    )]
    Levels {
        /// What it holds.
        text: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// There is no thread to write log lines.
    #[error(
        "log lines cannot be written ({0}): free some threads, or raise the user's limit (`ulimit -u`)"
    )]
    Thread(std::io::Error),
    /// Logs were set up before.
    #[error("log lines go elsewhere already ({0}): set telemetry up once in a process")]
    Logs(#[from] TryInitError),
    /// The recorder was set up before, or its buckets are wrong.
    #[error("metrics cannot be recorded ({0}): set telemetry up once in a process")]
    Metrics(#[from] BuildError),
    /// The recorder was set up before.
    #[error("metrics are recorded elsewhere already: set telemetry up once in a process")]
    Recorder,
}

/// The lines of this process, once it logs.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Writes what is logged; when this is dropped, what was logged so far is written first.
#[derive(Debug)]
pub struct Logging(());

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(lines) = LINES.get() {
            lines.finish();
        }
    }
}

/// Starts writing log lines to standard error.
///
/// # Errors
/// `FLEETWRIGHT_LOG` cannot be read, logs were set up before, or there is no thread to write them.
pub fn log(
    format: LogFormat,
    default: LevelFilter,
    colour: bool,
) -> Result<Logging, TelemetryError> {
    let levels = match std::env::var(LEVELS) {
        Ok(text) if !text.is_empty() => text
            .parse::<Targets>()
            .map_err(|source| TelemetryError::Levels { text, source })?,
        _ => Targets::new().with_default(default),
    };
    let lines = Lines::start(std::io::stderr()).map_err(TelemetryError::Thread)?;
    let lines = LINES.get_or_init(|| lines).clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(lines);
    let registry = tracing_subscriber::registry().with(levels);
    match format {
        LogFormat::Text => registry
            .with(lines.with_ansi(colour).with_target(false))
            .try_init()?,
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_span_list(false))
            .try_init()?,
    }
    Ok(Logging(()))
}

/// What answers `/metrics`.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Starts recording for the whole process.
    ///
    /// # Errors
    /// Recording was started before.
    pub fn install() -> Result<Metrics, TelemetryError> {
        let recorder = recorder()?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Recorder)?;
        describe();
        Ok(Metrics { handle })
    }

    /// Metrics of nothing: for a router whose process records elsewhere.
    ///
    /// # Errors
    /// Never with the buckets that stand here; the recorder's type says otherwise.
    pub fn detached() -> Result<Metrics, TelemetryError> {
        Ok(Metrics {
            handle: recorder()?.handle(),
        })
    }

    /// Folds histograms for as long as it is polled, so that a host that nobody scrapes does not grow.
    pub async fn upkeep(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.handle.run_upkeep();
        }
    }

    /// All metrics as Prometheus reads them.
    #[must_use]
    pub fn render(&self) -> String {
        process();
        self.handle.render()
    }
}

fn recorder() -> Result<PrometheusRecorder, TelemetryError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_rows".to_owned()), &ROWS)?
        .set_buckets_for_metric(Matcher::Suffix("_entries".to_owned()), &ROWS)?;
    Ok(builder.build_recorder())
}

/// One request to `/v1/submissions`, answered or given up.
#[derive(Debug)]
pub struct SubmissionAnswered<'a> {
    /// The submission's id.
    pub id: &'a str,
    /// `completed`, `held`, `failed`, `refused`, `shed`, `late` or `cancelled`.
    pub status: &'static str,
    /// The HTTP status; none where the client went away.
    pub code: Option<StatusCode>,
    /// The kind of problem that was answered.
    pub problem: Option<&'static str>,
    /// From the request's head to the answer.
    pub elapsed: Duration,
}

impl SubmissionAnswered<'_> {
    /// Counts it; logs it where no stage has seen it, since the fleet logs what it ran.
    pub fn emit(&self) {
        let code = self
            .code
            .map_or_else(|| "none".to_owned(), |code| code.as_u16().to_string());
        counter!("fleetwright_http_submissions_total", "status" => self.status, "code" => code.clone()).increment(1);
        histogram!("fleetwright_http_submission_seconds", "status" => self.status)
            .record(self.elapsed.as_secs_f64());
        let ms = self.elapsed.as_secs_f64() * 1000.0;
        let problem = self.problem.unwrap_or_default();
        match self.status {
            "completed" | "held" | "failed" => tracing::debug!(
                submission = self.id,
                status = self.status,
                code,
                ms,
                "submission answered"
            ),
            status => tracing::info!(
                submission = self.id,
                status,
                code,
                problem,
                ms,
                "submission not run"
            ),
        }
    }
}

fn describe() {
    describe_gauge!(
        "fleetwright_build_info",
        "Always 1; its labels say which build this is."
    );
    gauge!("fleetwright_build_info", "version" => env!("CARGO_PKG_VERSION"), "os" => std::env::consts::OS, "arch" => std::env::consts::ARCH).set(1.0);
    describe_gauge!(
        "process_start_time_seconds",
        Unit::Seconds,
        "When the process began to record, since 1970."
    );
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    gauge!("process_start_time_seconds").set(started);
    describe_gauge!(
        "fleetwright_log_lines_waiting",
        "Log lines that are not written yet."
    );
    describe_counter!(
        "fleetwright_log_lines_lost_total",
        "Log lines that were dropped because too many waited to be written."
    );
    describe_gauge!(
        "process_resident_memory_bytes",
        Unit::Bytes,
        "Memory of the process that is in use."
    );
    describe_gauge!(
        "process_open_fds",
        "File descriptors that the process holds open."
    );
    describe_gauge!(
        "fleetwright_submissions_in_flight",
        "Submissions that are let in and not yet answered."
    );
    gauge!("fleetwright_submissions_in_flight").set(0.0);
    describe_counter!(
        "fleetwright_http_submissions_total",
        "Requests to /v1/submissions, by how they ended and HTTP status."
    );
    describe_histogram!(
        "fleetwright_http_submission_seconds",
        Unit::Seconds,
        "From a submission's head to its answer, by how it ended."
    );
    describe_counter!(
        "fleetwright_http_requests_total",
        "Requests, by route, method and HTTP status."
    );
    describe_counter!(
        "fleetwright_submissions_total",
        "Submissions that the fleet ran, by what became of them."
    );
    describe_histogram!(
        "fleetwright_submission_duration_seconds",
        Unit::Seconds,
        "From a submission's first stage to its outcome."
    );
    describe_counter!(
        "fleetwright_stage_success_total",
        "Answers that a stage gave."
    );
    describe_counter!(
        "fleetwright_stage_skipped_total",
        "Submissions that a stage did not need to see."
    );
    describe_counter!(
        "fleetwright_stage_log_lines_dropped_total",
        "Log lines of a stage beyond what one call may write."
    );
    describe_counter!(
        "fleetwright_stage_limit_total",
        "Calls that a limit ended, by stage and limit; for `log`, lines that were dropped."
    );
    describe_gauge!(
        "fleetwright_instances",
        "Instances of a stage that are alive."
    );
    describe_counter!(
        "fleetwright_stage_failure_total",
        "Submissions on which a stage failed, by reason."
    );
    describe_histogram!(
        "fleetwright_stage_duration_seconds",
        Unit::Seconds,
        "A stage's whole time on a submission."
    );
    describe_histogram!(
        "fleetwright_stage_queue_seconds",
        Unit::Seconds,
        "Of a stage's time, what it waited for a place."
    );
    describe_histogram!(
        "fleetwright_stage_inference_seconds",
        Unit::Seconds,
        "Of a stage's time, what it waited for its models."
    );
    describe_histogram!(
        "fleetwright_stage_guest_seconds",
        Unit::Seconds,
        "Of a stage's time, what its guest spent on the processor."
    );
    describe_counter!(
        "fleetwright_model_requests_total",
        "Inferences asked of a model."
    );
    describe_counter!(
        "fleetwright_model_executions_total",
        "Runs of a model; one run may answer several inferences."
    );
    describe_counter!(
        "fleetwright_model_failures_total",
        "Inferences that failed, by reason."
    );
    describe_histogram!(
        "fleetwright_model_queue_seconds",
        Unit::Seconds,
        "What an inference waited for its run."
    );
    describe_histogram!(
        "fleetwright_model_compute_seconds",
        Unit::Seconds,
        "What a run of a model took."
    );
    describe_histogram!(
        "fleetwright_model_processor_seconds",
        Unit::Seconds,
        "Processor time of the thread that ran a model, by a library that works in it; a run by several threads takes more."
    );
    describe_histogram!(
        "fleetwright_model_saved_seconds",
        Unit::Seconds,
        "What an inference did not compute, since another stage of its submission had."
    );
    describe_gauge!(
        "fleetwright_model_pending",
        "Inferences that wait for a run."
    );
    describe_histogram!("fleetwright_model_batch_rows", "Rows in a run of a model.");
    describe_counter!(
        "fleetwright_model_generations_total",
        "Texts of a generative model, by how they ended."
    );
    describe_counter!(
        "fleetwright_model_prompt_tokens_total",
        "Tokens of prompts that a generative model was asked with."
    );
    describe_counter!(
        "fleetwright_model_reused_tokens_total",
        "Of those, tokens that it had read for an earlier call."
    );
    describe_counter!(
        "fleetwright_model_generated_tokens_total",
        "Tokens of the texts that a generative model wrote."
    );
    describe_histogram!(
        "fleetwright_model_batch_entries",
        "Inferences that a run of a model answered."
    );
    describe_histogram!(
        "fleetwright_model_stage_queue_seconds",
        Unit::Seconds,
        "What an inference waited for its run, by the stage that asked."
    );
    describe_histogram!(
        "fleetwright_model_stage_compute_seconds",
        Unit::Seconds,
        "An inference's share of what its run took, by the stage that asked and by what it asked for."
    );
    describe_counter!(
        "fleetwright_model_tokens_total",
        "Tokens (rows × length) that inferences asked for and got, by stage."
    );
    describe_counter!(
        "fleetwright_model_padding_tokens_total",
        "Tokens that were computed beside those, to make lengths equal."
    );
    describe_counter!(
        "fleetwright_model_dropped_total",
        "Inferences that were dropped before they ran: nobody waited any more, or the deadline had passed."
    );
    describe_counter!(
        "fleetwright_model_overruns_total",
        "Runs of a model that passed their bound."
    );
    describe_gauge!(
        "fleetwright_model_threads",
        "Threads that a run of a model computes with."
    );
    describe_gauge!(
        "fleetwright_generation",
        "The generation of the manifest that serves."
    );
    describe_gauge!(
        "fleetwright_generations_live",
        "Generations that serve or still have submissions in flight."
    );
    describe_counter!(
        "fleetwright_changes_total",
        "Changes of the manifest, plugins or models, by outcome."
    );
    describe_counter!(
        "fleetwright_canary_decisions_total",
        "Canaries that were promoted or rolled back, by stage and outcome."
    );
    describe_counter!(
        "fleetwright_shadow_total",
        "Answers of shadows, by stage and outcome."
    );
    describe_gauge!("fleetwright_model_workers", "Runs of a model at once.");
    describe_gauge!(
        "fleetwright_model_weights_bytes",
        Unit::Bytes,
        "Weights of a model, once for each worker: what it takes of its device's memory at least."
    );
    describe_gauge!(
        "fleetwright_inference_threads",
        "Threads that all models together compute on."
    );
    describe_counter!(
        "fleetwright_compiles_total",
        "Compilations of components, by the code that was made and outcome."
    );
    describe_gauge!(
        "fleetwright_quick_stages",
        "Stages that serve in quick code, their canaries and shadows among them."
    );
    describe_counter!(
        "fleetwright_improvements_total",
        "Stages whose optimised code has taken over, or that stay in quick code."
    );
    describe_histogram!(
        "fleetwright_compile_seconds",
        Unit::Seconds,
        "What compiling a component took."
    );
    describe_histogram!(
        "fleetwright_compile_held_seconds",
        Unit::Seconds,
        "How long of that the compiler was held up for submissions in flight."
    );
}

fn process() {
    if let Some(lines) = LINES.get() {
        gauge!("fleetwright_log_lines_waiting")
            .set(u32::try_from(lines.waiting()).map_or(f64::MAX, f64::from));
        counter!("fleetwright_log_lines_lost_total").absolute(lines.lost());
    }
    if let Some(bytes) = resident_bytes() {
        gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds")
            .set(u32::try_from(descriptors.count()).map_or(f64::MAX, f64::from));
    }
}

/// Linux tells; elsewhere the metric is absent.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(f64::from(kilobytes) * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_come_with_help_types_and_buckets() {
        let recorder = recorder().unwrap();
        let metrics = Metrics {
            handle: recorder.handle(),
        };
        let text = metrics::with_local_recorder(&recorder, || {
            describe();
            histogram!("fleetwright_stage_queue_seconds", "stage" => "classify", "version" => "1.0.0").record(0.003);
            let event = SubmissionAnswered {
                id: "sub_1",
                status: "refused",
                code: Some(StatusCode::BAD_REQUEST),
                problem: Some("bad-json"),
                elapsed: Duration::from_millis(2),
            };
            event.emit();
            metrics.render()
        });
        for line in [
            "# HELP fleetwright_stage_queue_seconds ",
            "# TYPE fleetwright_stage_queue_seconds histogram",
            "fleetwright_stage_queue_seconds_bucket{stage=\"classify\",version=\"1.0.0\",le=\"0.0025\"} 0",
            "fleetwright_stage_queue_seconds_bucket{stage=\"classify\",version=\"1.0.0\",le=\"0.005\"} 1",
            "fleetwright_http_submissions_total{status=\"refused\",code=\"400\"} 1",
            "fleetwright_submissions_in_flight 0",
            "fleetwright_build_info{version=",
        ] {
            assert!(text.contains(line), "`{line}` is not in\n{text}");
        }
    }
}
