//! Makes what runs in a stage, or takes it over from the fleet that serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetwright_manifest::{Canary as Terms, Diagnostic, Stage as Declared};
use fleetwright_runtime::{Grant, LoadError, ModelBinding, Plugin, Runtime, Stage, StageGrants};
use tokio::sync::mpsc;

use super::resolve::Choice;
use super::{codes, convert};
use crate::canary::{Canary, Decision, Trial};
use crate::events::StageMeters;
use crate::lock::{Pin, Pins};
use crate::outcome::PluginUsed;
use crate::shadow::Shadow;
use crate::snapshot::{Arm, ArmKey, LoadedModel, Node, Snapshot};

/// Makes arms for one candidate.
pub(super) struct Arms<'a> {
    runtime: &'a Runtime,
    models: &'a BTreeMap<String, LoadedModel>,
    serving: Option<&'a Snapshot>,
    /// Loaded for this candidate, by digest and grants: stages that share a plugin load it once.
    plugins: BTreeMap<(String, BTreeSet<Grant>, bool), Plugin>,
    components: BTreeMap<String, Vec<u8>>,
    /// Every plugin and model of an arm that was made or taken over.
    pins: Pins,
}

impl<'a> Arms<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        models: &'a BTreeMap<String, LoadedModel>,
        serving: Option<&'a Snapshot>,
    ) -> Self {
        Arms {
            runtime,
            models,
            serving,
            plugins: BTreeMap::new(),
            components: BTreeMap::new(),
            pins: Pins::default(),
        }
    }

    /// The arm of a choice, or a finding.
    pub(super) async fn make(
        &mut self,
        choice: &Choice<'_>,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Arm> {
        self.arm(choice, self.key(choice), findings).await
    }

    /// The arm of a shadow: of a name of its own, by which models and limits tell it from its stage.
    pub(super) async fn make_beside(
        &mut self,
        choice: &Choice<'_>,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Arm> {
        let key = ArmKey {
            beside: true,
            ..self.key(choice)
        };
        self.arm(choice, key, findings).await
    }

    async fn arm(
        &mut self,
        choice: &Choice<'_>,
        key: ArmKey,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Arm> {
        let arm = self.made_or_known(choice, key, findings).await?;
        self.pin(&arm);
        Some(arm)
    }

    async fn made_or_known(
        &mut self,
        choice: &Choice<'_>,
        key: ArmKey,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Arm> {
        if let Some(arm) = self.known(&key) {
            return Some(arm.clone());
        }
        let plugin = self.plugin(choice, &key, findings).await?;
        let granted = granted(&choice.stage, self.models, &key.config);
        let identities = granted.models.iter();
        let models = identities.map(|(role, bound)| (role.clone(), bound.model.identity().clone()));
        let models = models.collect();
        let description = plugin.description();
        let used = PluginUsed {
            name: description.name.clone(),
            version: description.version.to_string(),
            digest: plugin.digest().to_owned(),
        };
        let name = match key.beside {
            true => format!("{}/shadow", key.name),
            false => key.name.clone(),
        };
        match Stage::new(self.runtime, &name, plugin, granted, key.limits.clone()) {
            Ok(stage) => Some(Arm {
                stage: Arc::new(stage),
                plugin: used,
                models,
                key,
                meters: StageMeters::default(),
            }),
            Err(error) => {
                findings.push(codes::limit_refused(&choice.stage, &error));
                None
            }
        }
    }

    /// An arm on trial; where the fleet that serves runs the same trial, its counters go on.
    pub(super) fn canary(
        &self,
        arm: Arm,
        id: String,
        terms: &Terms,
        decisions: &mpsc::Sender<Decision>,
    ) -> Arc<Canary> {
        let mut running = self.nodes().filter_map(|node| node.canary.as_ref());
        let trial = match running.find(|canary| canary.trial.id == id) {
            Some(same) => same.trial.clone(),
            None => Arc::new(Trial::new(id, arm.stage.name(), terms, decisions)),
        };
        Arc::new(Canary { arm, trial })
    }

    /// The shadow of the fleet that serves, where it is the same: its counters go on.
    pub(super) fn shadow(&self, arm: Arm, sample: f64) -> Arc<Shadow> {
        let running = self.nodes().filter_map(|node| node.shadow.as_ref());
        let same = running
            .into_iter()
            .find(|shadow| Arc::ptr_eq(&shadow.arm.stage, &arm.stage) && shadow.is_sampled(sample));
        same.cloned()
            .unwrap_or_else(|| Arc::new(Shadow::new(arm, sample)))
    }

    /// Whether an arm was made for this candidate.
    pub(super) fn is_new(&self, arm: &Arm) -> bool {
        self.known(&arm.key).is_none()
    }

    /// The components that were read for this candidate, by digest, and the pins of all arms, used or put aside.
    pub(super) fn into_parts(self) -> (BTreeMap<String, Vec<u8>>, Pins) {
        (self.components, self.pins)
    }

    /// What an arm is, exactly. A verdict may put it aside: the manifest asks for it all the same, and comes to nothing without.
    fn pin(&mut self, arm: &Arm) {
        let plugin = arm.stage.plugin();
        let description = plugin.description();
        self.pins.plugins.insert(Pin {
            name: description.name.clone(),
            version: description.version.clone(),
            digest: arm.plugin.digest.clone(),
        });
        for binding in arm.stage.grants().models.values() {
            let card = binding.model.card();
            self.pins.models.insert(Pin {
                name: card.name().to_owned(),
                version: card.version().clone(),
                digest: card.digest().to_owned(),
            });
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &'a Node> {
        self.serving
            .into_iter()
            .flat_map(|snapshot| &snapshot.nodes)
    }

    fn known(&self, key: &ArmKey) -> Option<&'a Arm> {
        self.nodes()
            .flat_map(Node::arms)
            .find(|arm| arm.key == *key && arm.is_alive())
    }

    fn key(&self, choice: &Choice<'_>) -> ArmKey {
        let stage = &choice.stage;
        let models = stage.models.iter().filter_map(|(role, name)| {
            let loaded = self.models.get(name)?;
            Some((role.clone(), loaded.key.clone()))
        });
        ArmKey {
            name: stage.name.clone(),
            beside: false,
            plugin: choice.found.digest.clone(),
            grants: convert::grants(&stage.wasi),
            models: models.collect(),
            config: serde_json::Value::Object(stage.config.clone()).to_string(),
            limits: convert::limits(&stage.limits),
        }
    }

    /// The plugin, linked with the stage's grants: of the fleet that serves, of this candidate, or loaded.
    async fn plugin(
        &mut self,
        choice: &Choice<'_>,
        key: &ArmKey,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Plugin> {
        let fuel = key.limits.fuel.is_some();
        let of = (key.plugin.clone(), key.grants.clone(), fuel);
        if let Some(plugin) = self.plugins.get(&of) {
            return Some(plugin.clone());
        }
        let same = |arm: &&Arm| {
            let ArmKey {
                plugin,
                grants,
                limits,
                ..
            } = &arm.key;
            *plugin == key.plugin && *grants == key.grants && limits.fuel.is_some() == fuel
        };
        if let Some(arm) = self.nodes().flat_map(Node::arms).find(same) {
            return Some(Plugin::clone(&arm.stage.plugin()));
        }
        let loaded = match self.engine(fuel) {
            Ok(runtime) => choice.found.load(&runtime, &key.grants).await,
            Err(error) => Err(error),
        };
        match loaded {
            Ok((plugin, bytes)) => {
                self.components.insert(key.plugin.clone(), bytes);
                self.plugins.insert(of, plugin.clone());
                Some(plugin)
            }
            Err(error) => {
                findings.push(codes::plugin_refused(
                    &choice.stage,
                    &choice.found.path,
                    &error,
                ));
                None
            }
        }
    }
}

impl Arms<'_> {
    /// The runtime that counts fuel where that is asked for: its engine compiles a component anew.
    fn engine(&self, fuel: bool) -> Result<Runtime, LoadError> {
        match fuel {
            true => self.runtime.metered(),
            false => Ok(self.runtime.clone()),
        }
    }
}

impl Arm {
    /// Whether all of its models still serve.
    fn is_alive(&self) -> bool {
        let mut models = self.stage.grants().models.values();
        models.all(|binding| binding.model.serves())
    }
}

fn granted(stage: &Declared, models: &BTreeMap<String, LoadedModel>, config: &str) -> StageGrants {
    let bound = stage.models.iter().filter_map(|(role, name)| {
        let model = models.get(name)?.model.clone();
        let card = model.card().to_guest_json().into();
        Some((role.clone(), ModelBinding { model, card }))
    });
    StageGrants {
        models: bound.collect(),
        config: config.to_owned(),
    }
}
