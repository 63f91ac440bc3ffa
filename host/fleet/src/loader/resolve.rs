//! Holds the manifest against what stands on disk: plugins, models, roles and configuration. All findings at once.

use std::collections::BTreeMap;

use fleetwright_inference::{BrokenCard, Card, Catalog};
use fleetwright_manifest::{Canary, Diagnostic, Manifest, ModelUse, Shadow, Stage};

use super::codes;
use crate::lock::Pins;
use crate::shelf::{Found, Missing, Shelf};

/// A manifest of which every plugin and model was found.
pub(super) struct Resolved<'a> {
    /// Each stage in the manifest's order.
    pub(super) stages: Vec<ResolvedStage<'a>>,
    /// The card of each model that a stage uses, with the adapter that it asks for, by its key in the manifest.
    pub(super) cards: BTreeMap<String, Card>,
}

/// A stage with what runs in it, and beside it.
pub(super) struct ResolvedStage<'a> {
    pub(super) main: Choice<'a>,
    pub(super) canary: Option<(Choice<'a>, &'a Canary)>,
    pub(super) shadow: Option<(Choice<'a>, &'a Shadow)>,
}

impl Resolved<'_> {
    /// Whether it needs a component that its file holds no longer.
    pub(super) fn leans_back(&self) -> bool {
        self.stages.iter().any(|stage| {
            let canary = stage.canary.iter().map(|(choice, _)| choice);
            let shadow = stage.shadow.iter().map(|(choice, _)| choice);
            let mut all = canary.chain(shadow).chain([&stage.main]);
            all.any(|choice| choice.found.replaced)
        })
    }
}

/// A component, and the stage as the manifest would declare it with that component.
pub(super) struct Choice<'a> {
    pub(super) stage: Stage,
    pub(super) found: &'a Found,
}

/// What stands on disk, and what of it may be used.
#[derive(Clone, Copy)]
pub(super) struct Stock<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) catalog: &'a Catalog,
    pub(super) pins: Option<&'a Pins>,
}

/// Resolves everything, or adds to `findings` why not.
pub(super) fn resolve<'a>(
    manifest: &'a Manifest,
    stock: Stock<'a>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Resolved<'a>> {
    let mut resolved = Resolved {
        stages: Vec::new(),
        cards: BTreeMap::new(),
    };
    for stage in &manifest.stages {
        let mut choose = |stage: Stage| choose(stage, stock, findings);
        let main = choose(stage.clone());
        let canary = stage.canary.as_ref();
        let canary = canary.map(|terms| (choose(with_canary(stage, terms)), terms));
        let shadow = stage.shadow.as_ref();
        let shadow = shadow.map(|terms| (choose(with_shadow(stage, terms)), terms));
        if let Some(main) = main {
            resolved.stages.push(ResolvedStage {
                main,
                canary: canary.and_then(|(choice, terms)| Some((choice?, terms))),
                shadow: shadow.and_then(|(choice, terms)| Some((choice?, terms))),
            });
        }
    }
    for (key, wanted) in &manifest.models {
        if !is_used(manifest, key) {
            continue;
        }
        if let Some(broken) = broken_card(stock, wanted) {
            findings.push(codes::card_refused(wanted, key, broken));
            continue;
        }
        match find_card(stock, wanted) {
            Some(card) => {
                if let Some(pinned) = wanted
                    .digest
                    .as_deref()
                    .filter(|pinned| *pinned != card.digest())
                {
                    findings.push(codes::model_digest_mismatch(wanted, pinned, card));
                }
                match with_adapter(card, wanted) {
                    Some(card) => drop(resolved.cards.insert(key.clone(), card)),
                    None => findings.push(codes::adapter_not_found(wanted, card)),
                }
            }
            None => findings.push(codes::model_not_found(wanted, key, stock)),
        }
    }
    findings.is_empty().then_some(resolved)
}

/// The card, with the adapter that is asked for; nothing where it has no such.
fn with_adapter(card: &Card, wanted: &ModelUse) -> Option<Card> {
    match &wanted.adapter {
        Some(adapter) => card.with_adapter(adapter),
        None => Some(card.clone()),
    }
}

/// Whether a stage, its canary or its shadow binds a model.
fn is_used(manifest: &Manifest, key: &str) -> bool {
    let binds = |models: &BTreeMap<String, String>| models.values().any(|used| used == key);
    manifest.stages.iter().any(|stage| {
        let canary = stage
            .canary
            .as_ref()
            .and_then(|canary| canary.models.as_ref());
        let shadow = stage
            .shadow
            .as_ref()
            .and_then(|shadow| shadow.models.as_ref());
        binds(&stage.models) || canary.is_some_and(binds) || shadow.is_some_and(binds)
    })
}

/// The stage as it would be declared with the canary in its place.
fn with_canary(stage: &Stage, canary: &Canary) -> Stage {
    let mut with = Stage {
        plugin: canary.plugin.clone(),
        digest: canary.digest.clone(),
        ..stage.clone()
    };
    with.spans.plugin = canary.spans.plugin;
    with.spans.digest = canary.spans.digest;
    if let Some(models) = &canary.models {
        with.models.clone_from(models);
        with.spans.models = canary.spans.models;
        with.spans.roles.clone_from(&canary.spans.roles);
    }
    if let Some(config) = &canary.config {
        with.config.clone_from(config);
        with.spans.config = canary.spans.config;
        with.spans
            .config_values
            .clone_from(&canary.spans.config_values);
    }
    with
}

/// The stage as it would be declared with the shadow in its place.
fn with_shadow(stage: &Stage, shadow: &Shadow) -> Stage {
    let mut with = Stage {
        plugin: shadow.plugin.clone(),
        digest: shadow.digest.clone(),
        ..stage.clone()
    };
    with.spans.plugin = shadow.spans.plugin;
    with.spans.digest = shadow.spans.digest;
    if let Some(models) = &shadow.models {
        with.models.clone_from(models);
        with.spans.models = shadow.spans.models;
        with.spans.roles.clone_from(&shadow.spans.roles);
    }
    if let Some(config) = &shadow.config {
        with.config.clone_from(config);
        with.spans.config = shadow.spans.config;
        with.spans
            .config_values
            .clone_from(&shadow.spans.config_values);
    }
    with
}

/// The card that a model's entry resolves to, where there is one that may be used: that of the digest which is pinned, else the
/// highest version.
fn find_card<'c>(stock: Stock<'c>, wanted: &ModelUse) -> Option<&'c Card> {
    let reference = &wanted.reference;
    let allowed = |card: &&Card| {
        stock
            .pins
            .is_none_or(|pins| pins.allow_model(card.name(), card.version(), card.digest()))
    };
    let versions = stock.catalog.versions(&reference.name);
    let fits: Vec<_> = versions
        .filter(|card| reference.version.matches(card.version()))
        .filter(allowed)
        .collect();
    let pinned = |card: &&&Card| wanted.digest.as_deref() == Some(card.digest());
    let pinned = fits.iter().find(pinned);
    pinned.or(fits.last()).copied()
}

/// A version whose card cannot be used, and that would have been chosen. What is pinned is another one: nothing is known of a digest
/// that cannot be read.
fn broken_card<'c>(stock: Stock<'c>, wanted: &ModelUse) -> Option<&'c BrokenCard> {
    let reference = &wanted.reference;
    let found = find_card(stock, wanted);
    let settled = stock.pins.is_some()
        || found.is_some_and(|card| wanted.digest.as_deref() == Some(card.digest()));
    if settled && found.is_some() {
        return None;
    }
    let fits = stock.catalog.broken().iter().filter(|broken| {
        broken.name == reference.name && reference.version.matches(&broken.version)
    });
    let best = fits.max_by(|a, b| a.version.cmp(&b.version))?;
    found
        .is_none_or(|card| *card.version() < best.version)
        .then_some(best)
}

fn choose<'a>(
    stage: Stage,
    stock: Stock<'a>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Choice<'a>> {
    let reference = &stage.plugin;
    match stock.shelf.resolve(
        &reference.name,
        &reference.version,
        stage.digest.as_deref(),
        stock.pins,
    ) {
        Ok(found) => {
            check_stage(&stage, found, findings);
            Some(Choice { stage, found })
        }
        Err(Missing::NotFound { versions }) => {
            findings.push(codes::plugin_not_found(&stage, &versions, stock));
            None
        }
        Err(Missing::Twins { version, paths }) => {
            findings.push(codes::plugin_twins(&stage, &version, &paths));
            None
        }
    }
}

fn check_stage(stage: &Stage, found: &Found, findings: &mut Vec<Diagnostic>) {
    if let Some(pinned) = stage
        .digest
        .as_deref()
        .filter(|pinned| *pinned != found.digest)
    {
        findings.push(codes::digest_mismatch(stage, pinned, found));
    }
    let roles = &found.description.roles;
    for role in roles
        .iter()
        .filter(|role| !role.optional && !stage.models.contains_key(&role.name))
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
    check_config(stage, found, findings);
    // No answer is held to it: it tells those who read answers what to expect.
    if let Err(error) = jsonschema::validator_for(&found.description.answer_schema) {
        findings.push(codes::bad_schema(
            stage,
            found,
            "answer",
            &error.to_string(),
        ));
    }
}

fn check_config(stage: &Stage, found: &Found, findings: &mut Vec<Diagnostic>) {
    let schema = match jsonschema::validator_for(&found.description.config_schema) {
        Ok(schema) => schema,
        Err(error) => {
            return findings.push(codes::bad_schema(
                stage,
                found,
                "config",
                &error.to_string(),
            ));
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
