//! Holds the manifest against what stands on disk: plugins, models, roles and configuration. All findings at once.

use std::collections::BTreeMap;

use fleetwright_inference::{Card, Catalog};
use fleetwright_manifest::{Diagnostic, Manifest, Stage};

use super::{codes, find_card};
use crate::plugins::{Missing, Picked, Shelf};

/// A manifest of which every plugin and model was found.
pub(super) struct Resolved<'a> {
    /// The component of each stage, in the manifest's order.
    pub(super) plugins: Vec<Picked<'a>>,
    /// The card of each model that a stage uses, by its key in the manifest.
    pub(super) cards: BTreeMap<String, &'a Card>,
}

/// Resolves everything, or adds to `findings` why not.
pub(super) fn resolve<'a>(
    manifest: &Manifest,
    shelf: &'a Shelf,
    catalog: &'a Catalog,
    findings: &mut Vec<Diagnostic>,
) -> Option<Resolved<'a>> {
    let mut resolved = Resolved {
        plugins: Vec::new(),
        cards: BTreeMap::new(),
    };
    for stage in &manifest.stages {
        match shelf.resolve(&stage.plugin.name, &stage.plugin.version) {
            Ok(picked) => {
                check_stage(stage, &picked, findings);
                resolved.plugins.push(picked);
            }
            Err(Missing::NotFound { versions }) => {
                findings.push(codes::plugin_not_found(stage, &versions, shelf))
            }
            Err(Missing::Twins { version, paths }) => {
                findings.push(codes::plugin_twins(stage, &version, &paths))
            }
        }
    }
    for (key, wanted) in &manifest.models {
        if !manifest
            .stages
            .iter()
            .any(|stage| stage.models.values().any(|used| used == key))
        {
            continue;
        }
        match find_card(catalog, wanted) {
            Some(card) => {
                resolved.cards.insert(key.clone(), card);
            }
            None => findings.push(codes::model_not_found(wanted, key, catalog)),
        }
    }
    findings.is_empty().then_some(resolved)
}

fn check_stage(stage: &Stage, picked: &Picked<'_>, findings: &mut Vec<Diagnostic>) {
    if let Some(pinned) = stage
        .digest
        .as_deref()
        .filter(|pinned| *pinned != picked.digest())
    {
        findings.push(codes::digest_mismatch(stage, pinned, picked));
    }
    let roles = &picked.description().roles;
    for role in roles
        .iter()
        .filter(|role| !stage.models.contains_key(&role.name))
    {
        findings.push(codes::role_not_bound(stage, role));
    }
    for name in stage
        .models
        .keys()
        .filter(|name| !roles.iter().any(|role| role.name == **name))
    {
        findings.push(codes::role_unknown(stage, name, roles));
    }
    check_config(stage, picked, findings);
}

fn check_config(stage: &Stage, picked: &Picked<'_>, findings: &mut Vec<Diagnostic>) {
    let schema = match jsonschema::validator_for(&picked.description().config_schema) {
        Ok(schema) => schema,
        Err(error) => {
            return findings.push(codes::bad_config_schema(stage, picked, &error.to_string()));
        }
    };
    let config = serde_json::Value::Object(stage.config.clone());
    for error in schema.iter_errors(&config) {
        findings.push(codes::config_refused(
            stage,
            &error.instance_path().to_string(),
            &error.to_string(),
        ));
    }
}
