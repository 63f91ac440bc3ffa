//! What a candidate changes of the fleet that serves, one sentence each: what the manifests say, and what they resolve to.

use std::collections::{BTreeMap, BTreeSet};

use fleetwright_manifest::diff;
use tokio::sync::mpsc;

use crate::history;
use crate::loader::{Candidate, ChangeError, Options, Proposal, Workshop};
use crate::lock::{self, Pin};
use crate::snapshot::{Arm, Node, Snapshot};

/// Everything that differs; nothing where the fleets are the same.
pub(crate) fn changes(serving: &Snapshot, candidate: &Candidate) -> Vec<String> {
    let mut changes: Vec<String> = diff(&serving.manifest, &candidate.manifest)
        .iter()
        .map(ToString::to_string)
        .collect();
    for node in &candidate.nodes {
        let Some(old) = serving.nodes.iter().find(|old| old.name() == node.name()) else {
            continue;
        };
        resolved(node.name(), "", &old.arm, &node.arm, &mut changes);
        if let (Some(old), Some(new)) = (&old.canary, &node.canary) {
            resolved(node.name(), "canary ", &old.arm, &new.arm, &mut changes);
        }
        if let (Some(old), Some(new)) = (&old.shadow, &node.shadow) {
            resolved(node.name(), "shadow ", &old.arm, &new.arm, &mut changes);
        }
        if canary_ended(old, node) {
            changes.push(format!(
                "stage `{}`: its canary's trial has ended",
                node.name()
            ));
        }
    }
    changes
}

/// What a manifest would change of the generation that served last, with its number; where no host runs that could be
/// asked. Generation 0 is that none ever served.
///
/// # Errors
/// [`ChangeError`] where the manifest would be refused.
pub async fn plan(options: &Options, text: String) -> Result<(u64, Vec<String>), ChangeError> {
    let workshop = Workshop::open(options)?;
    let shelf = workshop.shelf(&options.plugins).await?;
    let pins = options
        .locked
        .then(|| lock::read(&options.manifest))
        .transpose()?;
    let (decisions, _) = mpsc::channel(1);
    let verdicts = history::verdicts(&options.state, &options.manifest);
    let proposal = Proposal {
        source: fleetwright_manifest::Source {
            name: options.manifest.display().to_string(),
            text,
        },
        shelf: &shelf,
        pins: pins.as_ref(),
        verdicts: &verdicts,
        golden: true,
        decisions: &decisions,
    };
    let candidate = workshop.prepare(proposal, None).await?;
    let records = history::records(&options.state, &options.manifest)?;
    let Some(last) = records.into_iter().rev().find_map(Result::ok) else {
        let named = |node: &Node| format!("stage `{}`: added, {}", node.name(), plugin(&node.arm));
        return Ok((0, candidate.nodes.iter().map(named).collect()));
    };
    let recorded = fleetwright_manifest::Source {
        name: format!("generation {}", last.generation),
        text: last.text.clone(),
    };
    let mut changes = Vec::new();
    // A record of another release may not be read by this one; what it was resolved to still is.
    if let Ok(old) = fleetwright_manifest::parse(&recorded) {
        let differences = diff(&old, &candidate.manifest);
        changes.extend(differences.iter().map(ToString::to_string));
    }
    pinned(
        "plugin",
        &last.pins.plugins,
        &candidate.pins.plugins,
        &mut changes,
    );
    pinned(
        "model",
        &last.pins.models,
        &candidate.pins.models,
        &mut changes,
    );
    Ok((last.generation, changes))
}

/// What comes and goes between two resolutions.
fn pinned(what: &str, old: &BTreeSet<Pin>, new: &BTreeSet<Pin>, changes: &mut Vec<String>) {
    let say = |pin: &Pin, how: &str| {
        format!(
            "{what} {}@{} {}: {how}",
            pin.name,
            pin.version,
            short(&pin.digest)
        )
    };
    changes.extend(new.difference(old).map(|pin| say(pin, "added")));
    changes.extend(old.difference(new).map(|pin| say(pin, "removed")));
}

fn canary_ended(old: &Node, new: &Node) -> bool {
    old.canary.is_some() && new.canary.is_none()
}

/// What the same references came to.
fn resolved(stage: &str, side: &str, old: &Arm, new: &Arm, changes: &mut Vec<String>) {
    let mut say = |what: String, from: String, to: String| {
        changes.push(format!("stage `{stage}`: {side}{what} {from} → {to}"));
    };
    if old.plugin.digest != new.plugin.digest {
        say("plugin".into(), plugin(old), plugin(new));
    }
    let models = |arm: &Arm| -> BTreeMap<String, String> {
        let named = arm.models.iter();
        named
            .map(|(role, model)| {
                let identity = format!("{}@{} {}", model.name, model.version, short(&model.digest));
                (role.clone(), identity)
            })
            .collect()
    };
    let (before, after) = (models(old), models(new));
    for (role, to) in &after {
        if let Some(from) = before.get(role).filter(|from| *from != to) {
            say(format!("model `{role}`"), from.clone(), to.clone());
        }
    }
}

fn plugin(arm: &Arm) -> String {
    format!(
        "{}@{} {}",
        arm.plugin.name,
        arm.plugin.version,
        short(&arm.plugin.digest)
    )
}

/// Enough of a digest to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
