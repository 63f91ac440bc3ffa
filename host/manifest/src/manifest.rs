//! A valid manifest: what the host builds a fleet from.
//!
//! Purpose: every reference within it resolves, every limit is in range, and its stages stand in an order in which each
//! comes after all that it needs. Equality is about meaning: spans are left out of it, so that a manifest whose comments
//! changed is equal to the one before.

use crate::release::place_at;
use crate::{Canary, Condition, Limits, Reference, Shadow, Span};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// The fields of a submission where the manifest declares none.
pub const DEFAULT_FIELDS: &[&str] = &["subject", "body", "from", "to", "date", "messages"];

/// A valid manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The fleet's name.
    pub name: String,
    /// The fields that a submission may have, in the order declared; [`DEFAULT_FIELDS`] where none are.
    pub fields: Vec<String>,
    /// Threads that all models together compute on; `None` is as many as there are cores.
    pub threads: Option<usize>,
    /// The models, by the name that stages use.
    pub models: BTreeMap<String, ModelUse>,
    /// The stages. Each comes after all that it needs; stages that do not wait for each other keep the file's order.
    pub stages: Vec<Stage>,
}

impl Manifest {
    /// A stage by name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The stages that run before a stage: what it needs, what those need, and so on. Empty for an unknown name.
    #[must_use]
    pub fn upstream(&self, name: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = vec![name];
        while let Some(stage) = open.pop().and_then(|name| self.stage(name)) {
            for need in &stage.needs {
                if found.insert(need.as_str()) {
                    open.push(need);
                }
            }
        }
        found
    }
}

/// A model that the fleet uses, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelUse {
    /// Which model.
    pub reference: Reference,
    /// The digest that its card must have, `sha256:` and 64 lower-case hexadecimal digits; the card holds its files'.
    pub digest: Option<String>,
    /// The adapter of its card with which it answers; `None`: without.
    pub adapter: Option<String>,
    /// Where it must run.
    pub device: DeviceChoice,
    /// Bytes of a CUDA device's memory that each of its workers takes at most; `None` is what there is.
    pub device_memory: Option<u64>,
    /// How entries are merged into runs.
    pub batch: Batch,
    /// What it may take.
    pub effort: Effort,
    /// Places in the file.
    pub spans: ModelSpans,
}

/// Where a model must run. Anything but [`DeviceChoice::Auto`] refuses to start on another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A GPU where there is one, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this index.
    Cuda(u32),
    /// The GPU that WebGPU chooses.
    WebGpu,
}

/// How entries are merged into one run of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Batch {
    /// Rows a run at most; `None` is what the model's card says.
    pub max: Option<usize>,
    /// Tokens (rows × length, padding included) of a run of several entries at most; `None` is what suits the device.
    pub tokens: Option<u64>,
    /// How long a run waits for further entries, while somebody is left who could ask; `None` is what suits the device: not at all on a
    /// processor.
    pub delay: Option<Duration>,
}

/// What a model may take: threads, time and waiting calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Threads that compute a run, at most as many as all models together have; `None` is a quarter of those, at least one.
    pub threads: Option<usize>,
    /// How long one run may take. Default 30 s.
    pub run: Duration,
    /// How many calls may wait. Default 256.
    pub queue: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            threads: None,
            run: Duration::from_secs(30),
            queue: 256,
        }
    }
}

/// One stage: a plugin with what it is granted.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The stage's name, unique in the fleet.
    pub name: String,
    /// Which plugin.
    pub plugin: Reference,
    /// The digest that the component must have, `sha256:` and 64 lower-case hexadecimal digits.
    pub digest: Option<String>,
    /// The role that the plugin asks for → the key in [`Manifest::models`].
    pub models: BTreeMap<String, String>,
    /// The stages that must have ended before. Default: the stage above in the file.
    pub needs: Vec<String>,
    /// Runs only where this is true.
    pub when: Option<Condition>,
    /// Fields, `attachments` and upstream stages that the plugin is shown. Default: none.
    pub reads: BTreeSet<String>,
    /// What the plugin is configured with; empty where nothing is written.
    pub config: Map<String, Value>,
    /// What it may use.
    pub limits: Limits,
    /// What its failure means for the submission. Default: the submission fails.
    pub on_error: OnError,
    /// WASI interfaces that are linked. Default: none.
    pub wasi: BTreeSet<Grant>,
    /// A candidate that answers a part of the submissions.
    pub canary: Option<Canary>,
    /// A candidate that runs beside and never answers.
    pub shadow: Option<Shadow>,
    /// Places in the file.
    pub spans: StageSpans,
}

/// What a stage's failure means for the submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The submission fails.
    #[default]
    Fail,
    /// The submission goes on without this stage's answer.
    Continue,
    /// The submission is held for a person.
    Hold,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::WebGpu => f.write_str("webgpu"),
        }
    }
}

impl OnError {
    /// As the manifest writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Continue => "continue",
            Self::Hold => "hold",
        }
    }

    pub(crate) const ALL: [Self; 3] = [Self::Fail, Self::Continue, Self::Hold];
}

/// A WASI interface that a stage may be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// `wasi:clocks`: the time of day and a monotonic clock.
    Clocks,
    /// `wasi:random`: random bytes.
    Random,
}

impl Grant {
    /// As the manifest writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clocks => "clocks",
            Self::Random => "random",
        }
    }

    pub(crate) const ALL: [Self; 2] = [Self::Clocks, Self::Random];
}

/// Where a model stands in the file. Never part of equality.
#[derive(Debug, Clone, Default)]
pub struct ModelSpans {
    /// Its name, in `[models.NAME]`.
    pub name: Span,
    /// The value of `use`.
    pub reference: Span,
    /// The value of `digest`.
    pub digest: Option<Span>,
    /// The value of `adapter`.
    pub adapter: Option<Span>,
    /// The value of `device`.
    pub device: Option<Span>,
    /// The value of `batch`.
    pub batch: Option<Span>,
}

/// Where a stage stands in the file. Never part of equality.
#[derive(Debug, Clone, Default)]
pub struct StageSpans {
    /// The line `[[stage]]`.
    pub stage: Span,
    /// The value of `name`.
    pub name: Span,
    /// The value of `plugin`.
    pub plugin: Span,
    /// The value of `digest`.
    pub digest: Option<Span>,
    /// The value of `models`.
    pub models: Option<Span>,
    /// Each role's name in `models`.
    pub roles: BTreeMap<String, Span>,
    /// The value of `needs`.
    pub needs: Option<Span>,
    /// The value of `when`.
    pub when: Option<Span>,
    /// The value of `reads`.
    pub reads: Option<Span>,
    /// The value of `config`.
    pub config: Option<Span>,
    /// Every value within `config`, by JSON pointer (`/rules/0/queue`).
    pub config_values: BTreeMap<String, Span>,
    /// The value of `limits`.
    pub limits: Option<Span>,
    /// The value of `on_error`.
    pub on_error: Option<Span>,
    /// The value of `wasi`.
    pub wasi: Option<Span>,
}

impl StageSpans {
    /// The place of a value in `config` by JSON pointer, or of the nearest value around it, or of the stage.
    #[must_use]
    pub fn config_at(&self, pointer: &str) -> Span {
        place_at(&self.config_values, pointer)
            .or(self.config)
            .unwrap_or(self.stage)
    }
}

impl PartialEq for ModelSpans {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl PartialEq for StageSpans {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
