//! The report: what was asked of what, how, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetwright_fleet::evaluation::Machine;
use fleetwright_load::{Arrivals, Load, Plan, Tally};
use serde::Serialize;
use serde_json::{Value, json};

use super::bodies;
use super::models::{ModelRuns, StageCalls};
use super::target::{Asked, Look};
use crate::cli;

/// The version of the report's form.
const SCHEMA: u32 = 1;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    /// What this is called.
    pub(super) name: String,
    /// `fleetwright` and its version.
    tool: String,
    began: String,
    machine: Machine,
    /// The manifest, or the URL.
    pub(super) target: String,
    over_http: bool,
    /// The fleet, its plugins and its models, by digest; nothing of another server.
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<Value>,
    pub(super) bodies: bodies::Told,
    settings: Settings,
    /// The measurements, in order.
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug, Serialize)]
struct Settings {
    warm_ms: u128,
    duration_ms: u128,
    deadline_ms: u128,
    max_in_flight: usize,
    seed: u64,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    /// `open` or `closed`.
    pub(super) mode: &'static str,
    /// Of an open loop: requests a second that were due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offered: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arrivals: Option<&'static str>,
    /// Of a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clients: Option<usize>,
    /// Whether it came to its own end.
    pub(super) complete: bool,
    seconds: f64,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Failures by reason.
    pub(super) failures: BTreeMap<String, u64>,
    /// Good answers a second.
    pub(super) rate: f64,
    /// In milliseconds, from when a request was due; what was late counts with what it waited.
    pub(super) latency_ms: Latency,
    pub(super) cpu: Cpu,
    pub(super) memory: Memory,
    /// Runs and batch sizes, where the target tells them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) models: Vec<ModelRuns>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageCalls>,
}

/// Nothing where nothing was answered or late.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Latency {
    mean: Option<f64>,
    pub(super) p50: Option<f64>,
    p90: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) p99_9: Option<f64>,
    most: Option<f64>,
}

/// Processor time, from the end of the warm-up to the last answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cpu {
    /// Of the target alone, in seconds.
    target_seconds: Option<f64>,
    /// The same for each request that ended meanwhile, in milliseconds.
    pub(super) submission_ms: Option<f64>,
    /// Of the load itself, in seconds.
    load_seconds: f64,
    /// Where `submission_ms` went; absent where the target does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) went: Option<Went>,
}

/// Where the processor time of a submission went, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Went {
    pub(super) models_ms: f64,
    pub(super) guests_ms: f64,
    /// All the rest: the host, with HTTP where it is asked over HTTP.
    pub(super) host_ms: f64,
}

/// Memory of the target.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Memory {
    /// The most that was resident so far, of each process by itself, summed up.
    pub(super) peak_bytes: Option<u64>,
    /// At the end, where a page that several processes share counts in parts.
    proportional_bytes: Option<u64>,
    processes: usize,
}

impl Report {
    pub(super) fn new(
        arguments: &cli::Bench,
        asked: &Asked,
        began: jiff::Timestamp,
        steps: Vec<Step>,
    ) -> Report {
        let own_name = || {
            let name = asked.fleet.as_ref()?.get("name")?.as_str()?;
            Some(name.to_owned())
        };
        let name = arguments.name.clone().or_else(own_name);
        Report {
            schema: SCHEMA,
            name: name.unwrap_or_else(|| asked.address.clone()),
            tool: concat!("fleetwright ", env!("CARGO_PKG_VERSION")).to_owned(),
            began: began.to_string(),
            machine: Machine::here(),
            target: asked.address.clone(),
            over_http: asked.over_http(),
            fleet: asked.fleet.as_ref().map(used),
            bodies: asked.bodies.clone(),
            settings: Settings {
                warm_ms: arguments.warm.as_millis(),
                duration_ms: arguments.duration.as_millis(),
                deadline_ms: arguments.deadline.as_millis(),
                max_in_flight: arguments.max_inflight,
                seed: arguments.seed,
            },
            steps,
        }
    }

    /// Whether every measurement came to its own end.
    pub(super) fn complete(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.complete)
    }

    pub(super) fn to_text(&self) -> String {
        // What is made of strings, numbers, lists and maps by string is JSON.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }
}

/// Of what `/v1/fleet` tells, what says exactly what ran.
fn used(fleet: &Value) -> Value {
    let stages = fleet.get("stages").and_then(Value::as_array);
    let stage = |stage: &Value| json!({"name": stage.get("name"), "plugin": stage.get("plugin"), "code": stage.get("code"), "models": stage.get("models")});
    let stages: Vec<Value> = stages.into_iter().flatten().map(stage).collect();
    json!({"name": fleet.get("name"), "generation": fleet.get("generation"), "manifest": fleet.get("manifest"), "stages": stages})
}

impl Step {
    pub(super) fn new(plan: Plan, tally: &Tally, before: &Look, after: &Look) -> Step {
        let (offered, arrivals, clients) = match plan.load {
            Load::Open { rate, arrivals } => (Some(rate), Some(word(arrivals)), None),
            Load::Closed { clients } => (None, None, Some(clients)),
        };
        let failures = tally.failed().iter();
        let models = after.metered.models(&before.metered);
        let stages = after.metered.stages(&before.metered);
        Step {
            mode: if clients.is_some() { "closed" } else { "open" },
            offered,
            arrivals,
            clients,
            complete: tally.complete(),
            seconds: tally.seconds(),
            answered: tally.answered(),
            failed: tally.failed().values().sum(),
            failures: failures
                .map(|(reason, count)| (reason.0.to_string(), *count))
                .collect(),
            rate: tally.rate(),
            latency_ms: Latency::of(tally),
            cpu: Cpu::of(before, after).gone_to(
                &models,
                &stages,
                after.ended.saturating_sub(before.ended),
            ),
            memory: Memory {
                peak_bytes: after.usage.peak,
                proportional_bytes: after.usage.proportional,
                processes: after.usage.processes,
            },
            models,
            stages,
        }
    }
}

fn word(arrivals: Arrivals) -> &'static str {
    match arrivals {
        Arrivals::Poisson => "poisson",
        Arrivals::Constant => "constant",
    }
}

impl Latency {
    fn of(tally: &Tally) -> Latency {
        Latency {
            mean: tally.mean(),
            p50: tally.quantile(0.5),
            p90: tally.quantile(0.9),
            p95: tally.quantile(0.95),
            p99: tally.quantile(0.99),
            p99_9: tally.quantile(0.999),
            most: tally.quantile(1.0),
        }
    }
}

impl Cpu {
    fn of(before: &Look, after: &Look) -> Cpu {
        let own = after.own.saturating_sub(before.own);
        let used = after.usage.cpu.zip(before.usage.cpu);
        let target = used.map(|(after_used, before_used)| {
            let all = after_used.saturating_sub(before_used);
            match after.own_process {
                true => all.saturating_sub(own),
                false => all,
            }
        });
        let ended = after.ended.saturating_sub(before.ended);
        let each = |target: Duration| 1000.0 * target.as_secs_f64() / ended as f64;
        Cpu {
            target_seconds: target.map(|target| target.as_secs_f64()),
            submission_ms: target.filter(|_| ended > 0).map(each),
            load_seconds: own.as_secs_f64(),
            went: None,
        }
    }

    /// With what models and guests had of it, by `ended` submissions.
    #[allow(clippy::cast_precision_loss, reason = "counts are small")]
    fn gone_to(self, models: &[ModelRuns], stages: &[StageCalls], ended: u64) -> Cpu {
        let each = |total: f64| total / ended as f64;
        let runs = models
            .iter()
            .map(|model| Some(model.processor_ms? * model.executions as f64));
        let models = runs.sum::<Option<f64>>().map(each);
        let guests = each(
            stages
                .iter()
                .map(|stage| stage.guest_ms * stage.calls as f64)
                .sum(),
        );
        let told = !stages.is_empty() && ended > 0;
        let all = self.submission_ms.filter(|all| *all > 0.0);
        let went = models.zip(all).filter(|_| told);
        Cpu {
            went: went.map(|(models_ms, all)| Went {
                models_ms,
                guests_ms: guests,
                host_ms: (all - models_ms - guests).max(0.0),
            }),
            ..self
        }
    }
}
