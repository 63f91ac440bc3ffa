//! A snapshot: the fleet as one generation serves it. Immutable; a submission sees exactly one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetwright_inference::ModelIdentity;
use fleetwright_manifest::{Condition, OnError};
use serde::Serialize;
use tokio::time::Instant;

use crate::events::SubmissionDone;
use crate::executor;
use crate::outcome::{FleetUsed, Outcome, PluginUsed};
use crate::submission::{FieldError, Submission};

/// The fleet as one generation serves it.
pub struct Snapshot {
    pub(crate) used: FleetUsed,
    pub(crate) fields: Vec<String>,
    /// In topological order: a node's needs stand before it.
    pub(crate) nodes: Vec<Node>,
}

/// A stage and its place in the graph.
pub(crate) struct Node {
    pub(crate) stage: fleetwright_runtime::Stage,
    /// Indices of the nodes that must end before this one starts.
    pub(crate) needs: Vec<usize>,
    pub(crate) when: Option<Condition>,
    pub(crate) reads: BTreeSet<String>,
    pub(crate) on_error: OnError,
    pub(crate) plugin: PluginUsed,
    pub(crate) models: BTreeMap<String, ModelIdentity>,
}

impl Snapshot {
    /// Runs a submission through the stage graph. Never waits beyond `deadline`.
    pub async fn run(self: &Arc<Self>, submission: Submission, deadline: Instant) -> Outcome {
        let outcome = executor::run(self, submission, deadline).await;
        SubmissionDone(&outcome).emit();
        outcome
    }

    /// Refuses a submission with a field that the manifest does not declare.
    ///
    /// # Errors
    /// [`FieldError`] names the field and those accepted.
    pub fn accepts(&self, submission: &Submission) -> Result<(), FieldError> {
        submission.check(&self.fields)
    }

    /// The fleet's name.
    pub fn name(&self) -> &str {
        &self.used.name
    }

    /// The generation: 1 at the start, one more for each change.
    pub fn generation(&self) -> u64 {
        self.used.generation
    }

    /// Digest of the manifest.
    pub fn manifest_digest(&self) -> &str {
        &self.used.manifest
    }

    /// The fields that a submission may carry.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// What is served, for people and `GET /v1/fleet`.
    pub fn summary(&self) -> Summary {
        let name_of = |&i: &usize| self.nodes.get(i).map(|node| node.stage.name().to_owned());
        Summary {
            name: self.used.name.clone(),
            generation: self.used.generation,
            manifest: self.used.manifest.clone(),
            fields: self.fields.clone(),
            stages: self
                .nodes
                .iter()
                .map(|node| StageSummary {
                    name: node.stage.name().to_owned(),
                    about: node.stage.plugin().description().summary.clone(),
                    needs: node.needs.iter().filter_map(name_of).collect(),
                    when: node.when.as_ref().map(|when| when.source().to_owned()),
                    reads: node.reads.iter().cloned().collect(),
                    plugin: node.plugin.clone(),
                    models: node.models.clone(),
                })
                .collect(),
        }
    }
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
    /// The stages, in topological order.
    pub stages: Vec<StageSummary>,
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
    /// Its models, by role.
    pub models: BTreeMap<String, ModelIdentity>,
}
