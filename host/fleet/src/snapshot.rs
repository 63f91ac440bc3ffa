//! A snapshot: the fleet as one generation serves it. Immutable; a submission sees exactly one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetwright_inference::{Model, ModelIdentity, granted_threads};
use fleetwright_manifest::{Condition, Manifest, OnError};
use fleetwright_runtime::{Grant, Limits, Stage, Tier};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::canary::{Canary, CanarySummary};
use crate::events::{StageMeters, SubmissionDone};
use crate::executor;
use crate::lock::Pins;
use crate::outcome::{FleetUsed, Outcome, PluginUsed, StageOutcome};
use crate::retire::Retired;
use crate::shadow::{Difference, Shadow, ShadowSummary};
use crate::submission::{FieldError, Submission};

/// The fleet as one generation serves it.
pub struct Snapshot {
    pub(crate) used: FleetUsed,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) pins: Pins,
    /// In topological order: a node's needs stand before it.
    pub(crate) nodes: Vec<Node>,
    /// What the next generation may take over.
    pub(crate) models: Vec<LoadedModel>,
    /// The models that several nodes bind: equal work of theirs is done once for a submission.
    pub(crate) shared: Arc<[Model]>,
    /// Says so when the last submission of this generation has ended.
    pub(crate) _retired: Retired,
}

/// A stage and its place in the graph.
pub(crate) struct Node {
    pub(crate) arm: Arm,
    /// Takes a share of the stage's calls, on trial.
    pub(crate) canary: Option<Arc<Canary>>,
    /// Is shown what the stage is shown, and never answers.
    pub(crate) shadow: Option<Arc<Shadow>>,
    /// Indices of the nodes that must end before this one starts.
    pub(crate) needs: Vec<usize>,
    pub(crate) when: Option<Condition>,
    pub(crate) reads: BTreeSet<String>,
    pub(crate) on_error: OnError,
}

impl Node {
    pub(crate) fn name(&self) -> &str {
        self.arm.stage.name()
    }

    /// All that may run at this place of the graph.
    pub(crate) fn arms(&self) -> impl Iterator<Item = &Arm> {
        let canary = self.canary.as_ref().map(|canary| &canary.arm);
        let shadow = self.shadow.as_ref().map(|shadow| &shadow.arm);
        [Some(&self.arm), canary, shadow].into_iter().flatten()
    }
}

/// What runs at a place of the graph: one plugin with its models, and what an outcome says of them.
#[derive(Clone)]
pub(crate) struct Arm {
    pub(crate) stage: Arc<Stage>,
    pub(crate) plugin: PluginUsed,
    pub(crate) models: BTreeMap<String, ModelIdentity>,
    pub(crate) key: ArmKey,
    pub(crate) meters: StageMeters,
}

impl Arm {
    /// Its models by role, and how each is served.
    fn summary(&self) -> BTreeMap<String, ModelSummary> {
        let bound = self.stage.grants().models.iter();
        let told = bound.map(|(role, binding)| {
            let model = &binding.model;
            let summary = ModelSummary {
                identity: model.identity().clone(),
                why: model.why().to_owned(),
                workers: model.share().workers,
                weights_bytes: model.weights(),
            };
            (role.clone(), summary)
        });
        told.collect()
    }
}

/// All that an arm is made of. A change that leaves it equal leaves the arm alone: its instances, counters and queue go on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ArmKey {
    pub(crate) name: String,
    /// Whether it runs beside the stage, as its shadow, and shares nothing with it.
    pub(crate) beside: bool,
    pub(crate) plugin: String,
    pub(crate) grants: BTreeSet<Grant>,
    pub(crate) models: BTreeMap<String, ModelKey>,
    pub(crate) config: String,
    pub(crate) limits: Limits,
}

/// All that a loaded model is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelKey {
    pub(crate) digest: String,
    pub(crate) adapter: Option<String>,
    pub(crate) device: fleetwright_manifest::DeviceChoice,
    pub(crate) device_memory: Option<u64>,
    pub(crate) batch: fleetwright_manifest::Batch,
    pub(crate) effort: fleetwright_manifest::Effort,
    /// What it comes to on this machine.
    pub(crate) share: fleetwright_inference::Share,
}

/// A model that is loaded.
#[derive(Clone)]
pub(crate) struct LoadedModel {
    pub(crate) key: ModelKey,
    pub(crate) model: Model,
}

impl Snapshot {
    /// Runs a submission through the stage graph. Never waits beyond `deadline`.
    pub async fn run(self: &Arc<Self>, submission: Submission, deadline: Instant) -> Outcome {
        let outcome = executor::run(self, submission, deadline).await;
        SubmissionDone(&outcome).emit();
        outcome
    }

    /// Calls one stage alone, as a submission would whose earlier stages gave `answers`, whatever its `when` says. Nothing
    /// where the fleet has no such stage.
    pub async fn run_alone(
        &self,
        stage: &str,
        submission: &Submission,
        answers: &Map<String, Value>,
        deadline: Instant,
    ) -> Option<StageOutcome> {
        executor::run_alone(self, stage, submission, answers, deadline).await
    }

    /// Refuses a submission with a field that the manifest does not declare.
    ///
    /// # Errors
    /// [`FieldError`] names the field and those accepted.
    pub fn accepts(&self, submission: &Submission) -> Result<(), FieldError> {
        submission.check(&self.manifest.fields)
    }

    /// The fleet's name.
    pub fn name(&self) -> &str {
        &self.used.name
    }

    /// The generation: one more for each change.
    pub fn generation(&self) -> u64 {
        self.used.generation
    }

    /// Digest of the manifest.
    pub fn manifest_digest(&self) -> &str {
        &self.used.manifest
    }

    /// The fields that a submission may carry.
    pub fn fields(&self) -> &[String] {
        &self.manifest.fields
    }

    /// The request headers, in lower case, that choose a canary.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.nodes
            .iter()
            .filter_map(|node| node.canary.as_ref()?.header())
    }

    /// Every plugin and model that the manifest comes to, exactly; those that a verdict put aside among them.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// What is served, for people and `GET /v1/fleet`.
    pub fn summary(&self) -> Summary {
        let name_of = |&i: &usize| self.nodes.get(i).map(|node| node.name().to_owned());
        Summary {
            name: self.used.name.clone(),
            generation: self.used.generation,
            manifest: self.used.manifest.clone(),
            fields: self.manifest.fields.clone(),
            threads: granted_threads(self.manifest.threads),
            stages: self
                .nodes
                .iter()
                .map(|node| StageSummary {
                    name: node.name().to_owned(),
                    about: node.arm.stage.plugin().description().summary.clone(),
                    needs: node.needs.iter().filter_map(name_of).collect(),
                    when: node.when.as_ref().map(|when| when.source().to_owned()),
                    reads: node.reads.iter().cloned().collect(),
                    plugin: node.arm.plugin.clone(),
                    code: node.arm.stage.plugin().tier(),
                    models: node.arm.summary(),
                    canary: node.canary.as_ref().map(|canary| canary.summary()),
                    shadow: node.shadow.as_ref().map(|shadow| shadow.summary()),
                })
                .collect(),
        }
    }
}

/// The models that more than one of `nodes` binds for what answers.
pub(crate) fn shared_by(nodes: &[Node]) -> Arc<[Model]> {
    let binds = |node: &Node, model: &Model| {
        let canary = node.canary.as_ref().map(|canary| &canary.arm);
        let arms = [Some(&node.arm), canary].into_iter().flatten();
        arms.flat_map(|arm| arm.stage.grants().models.values())
            .any(|binding| binding.model.is(model))
    };
    let mut shared: Vec<Model> = Vec::new();
    let bound = nodes
        .iter()
        .flat_map(|node| node.arm.stage.grants().models.values());
    for model in bound.map(|binding| &binding.model) {
        let several = nodes
            .iter()
            .filter(|node| binds(node, model))
            .nth(1)
            .is_some();
        if several && !shared.iter().any(|known| known.is(model)) {
            shared.push(model.clone());
        }
    }
    shared.into()
}

/// What a snapshot serves.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The fleet's name.
    pub name: String,
    /// The generation.
    pub generation: u64,
    /// Digest of the manifest.
    pub manifest: String,
    /// The fields that a submission may carry.
    pub fields: Vec<String>,
    /// Threads that all models together compute on at most.
    pub threads: usize,
    /// The stages, in topological order.
    pub stages: Vec<StageSummary>,
}

impl Snapshot {
    /// The latest answers of a stage's shadow that differ from the stage's, oldest first; nothing where it has none.
    pub fn differences(&self, stage: &str) -> Vec<Difference> {
        let node = self.nodes.iter().find(|node| node.name() == stage);
        let shadow = node.and_then(|node| node.shadow.as_ref());
        shadow
            .map(|shadow| shadow.differences())
            .unwrap_or_default()
    }
}

/// A model, and how it is served.
#[derive(Clone, Debug, Serialize)]
pub struct ModelSummary {
    /// Which it is.
    #[serde(flatten)]
    pub identity: ModelIdentity,
    /// Why it runs on the device that it runs on.
    pub why: String,
    /// Runs of it at once.
    pub workers: usize,
    /// Bytes of its weights, once for each of them: what it takes of its device's memory at least.
    pub weights_bytes: u64,
}

/// What one stage is.
#[derive(Clone, Debug, Serialize)]
pub struct StageSummary {
    /// Its name.
    pub name: String,
    /// What its plugin says of itself.
    pub about: String,
    /// The stages that must end before it starts.
    pub needs: Vec<String>,
    /// The condition under which it runs (CEL).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The fields that it is shown.
    pub reads: Vec<String>,
    /// Its plugin.
    pub plugin: PluginUsed,
    /// How the plugin's code was compiled: `quick` until the optimised code takes over.
    pub code: Tier,
    /// Its models, by role.
    pub models: BTreeMap<String, ModelSummary>,
    /// The plugin on trial, and how it fares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanarySummary>,
    /// The plugin that runs beside, and how its answers differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowSummary>,
}
