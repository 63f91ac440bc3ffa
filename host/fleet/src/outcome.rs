//! What became of a submission: one [`Outcome`], with the decision of every stage and what gave it.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetwright_inference::ModelIdentity;
use fleetwright_runtime::{CallErrorKind, Timings};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::submission::SubmissionId;

/// The answer to a submission, in the shape that the HTTP interface gives it.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The submission's id.
    pub id: SubmissionId,
    /// What became of it.
    pub status: Status,
    /// The fleet that ran it.
    pub fleet: FleetUsed,
    /// Why it is held, one entry a stage that holds it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// The failure that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<StageFailure>,
    /// Each stage's decision, in the order of the graph.
    #[serde(serialize_with = "in_order")]
    pub stages: Vec<(String, StageOutcome)>,
    /// From the first stage's start to the last one's end.
    #[serde(serialize_with = "millis")]
    pub ms: Duration,
}

impl Outcome {
    /// The failure that ended the submission, where one did.
    pub fn failure(&self) -> Option<&StageFailure> {
        self.failure.as_ref()
    }

    /// The decision of a stage.
    pub fn stage(&self, name: &str) -> Option<&StageOutcome> {
        self.stages
            .iter()
            .find(|(stage, _)| stage == name)
            .map(|(_, outcome)| outcome)
    }
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every stage that was to run answered, or its failure was let pass by `on_error`.
    Completed,
    /// A stage, or the failure of one with `on_error = "hold"`, holds it for a person.
    Held,
    /// A stage failed.
    Failed,
}

impl Status {
    /// As answers and metrics write it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Held => "held",
            Status::Failed => "failed",
        }
    }
}

/// The fleet that ran a submission.
#[derive(Clone, Debug, Serialize)]
pub struct FleetUsed {
    /// The fleet's name.
    pub name: String,
    /// The generation served.
    pub generation: u64,
    /// Digest of the manifest.
    pub manifest: String,
}

/// One reason for which a submission is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The stage that holds it.
    pub stage: String,
    /// Its reason.
    pub reason: String,
}

/// The decision of one stage, or why there is none.
#[derive(Clone, Debug, Serialize)]
pub struct StageOutcome {
    /// Whether it answered.
    pub status: StageStatus,
    /// Why it did not answer or holds the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Map<String, Value>>,
    /// How sure it is, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<StageFailure>,
    /// The plugin that ran.
    pub plugin: PluginUsed,
    /// The models that it may use, by role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, ModelUsed>,
    /// Where its time went, in milliseconds.
    #[serde(serialize_with = "timings", skip_serializing_if = "Option::is_none")]
    pub ms: Option<Timings>,
}

/// What a stage did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StageStatus {
    /// It answered.
    Ok,
    /// It did not run: its `when` was false, or the submission was held or failed before.
    Skipped,
    /// It ran and gave no answer.
    Failed,
    /// It answered, and holds the submission.
    Held,
}

impl StageStatus {
    /// As answers and metrics write it.
    pub fn name(self) -> &'static str {
        match self {
            StageStatus::Ok => "ok",
            StageStatus::Skipped => "skipped",
            StageStatus::Failed => "failed",
            StageStatus::Held => "held",
        }
    }
}

/// A plugin as an answer names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginUsed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of its component.
    pub digest: String,
}

/// A model as an answer names it.
pub type ModelUsed = ModelIdentity;

/// A failure, attributed to its stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageFailure {
    /// The stage's name.
    pub stage: String,
    /// What kind of failure it was.
    pub reason: Reason,
    /// A sentence for a person.
    pub detail: String,
}

/// The kinds of failure of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The call failed.
    Call(CallErrorKind),
    /// The stage's `when` could not be evaluated.
    Condition,
}

impl Reason {
    /// As answers and metrics write it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Call(kind) => kind.name(),
            Reason::Condition => "condition",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn in_order<S: Serializer>(
    stages: &[(String, StageOutcome)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(stages.len()))?;
    for (name, stage) in stages {
        map.serialize_entry(name, stage)?;
    }
    map.end()
}

fn millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(in_millis(*time))
}

/// Milliseconds to the microsecond: what a person reads, and no digits that mean nothing.
fn in_millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

fn timings<S: Serializer>(timings: &Option<Timings>, serializer: S) -> Result<S::Ok, S::Error> {
    let timings = timings.unwrap_or_default();
    let mut map = serializer.serialize_map(Some(4))?;
    map.serialize_entry("total", &in_millis(timings.total))?;
    map.serialize_entry("queue", &in_millis(timings.queue))?;
    map.serialize_entry("inference", &in_millis(timings.inference))?;
    map.serialize_entry("guest", &in_millis(timings.guest))?;
    map.end()
}
