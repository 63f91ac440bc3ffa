//! What differs between two stages of one name.

use super::words::{self, bindings, bound, change, config, digests, optional, or_none, sets};
use crate::release::percent;
use crate::{Canary, Grant, Limits, Shadow, Size, Split, Stage, TimeSpan};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What differs, key by key.
pub(super) fn changes(old: &Stage, new: &Stage) -> Vec<String> {
    // Named one by one: a field that is added is compared, or this does not compile.
    let Stage {
        name: _,
        plugin,
        digest,
        models,
        needs,
        when,
        reads,
        config: settings,
        limits,
        on_error,
        wasi,
        canary,
        shadow,
        spans: _,
    } = new;
    let mut details = Vec::new();
    change(&mut details, "plugin", &old.plugin.text, &plugin.text);
    digests(
        &mut details,
        "digest",
        old.digest.as_deref(),
        digest.as_deref(),
    );
    bindings(&mut details, "models", &old.models, models);
    sets(&mut details, "needs", &names(&old.needs), &names(needs));
    let was = old.when.as_ref().map(|when| when.source());
    optional(
        &mut details,
        "when",
        was,
        when.as_ref().map(|when| when.source()),
    );
    sets(&mut details, "reads", &names(&old.reads), &names(reads));
    config(&mut details, "config", &old.config, settings);
    for ((key, was), (_, now)) in rows(&old.limits).iter().zip(rows(limits)) {
        change(&mut details, &format!("limits.{key}"), was, &now);
    }
    change(
        &mut details,
        "on_error",
        old.on_error.as_str(),
        on_error.as_str(),
    );
    sets(&mut details, "wasi", &grants(&old.wasi), &grants(wasi));
    canaries(&mut details, old.canary.as_ref(), canary.as_ref());
    shadows(&mut details, old.shadow.as_ref(), shadow.as_ref());
    details
}

/// What it is.
pub(super) fn about(stage: &Stage) -> Vec<String> {
    let list = |names: BTreeSet<&str>| or_none(Vec::from_iter(names).join(", "));
    let mut details = vec![
        format!("plugin: {}", stage.plugin),
        format!("needs: {}", list(names(&stage.needs))),
        format!("reads: {}", list(names(&stage.reads))),
    ];
    if !stage.models.is_empty() {
        details.push(format!("models: {}", bound(&stage.models)));
    }
    details.extend(
        stage
            .canary
            .iter()
            .map(|canary| format!("canary: {canary}")),
    );
    details.extend(
        stage
            .shadow
            .iter()
            .map(|shadow| format!("shadow: {shadow}")),
    );
    details
}

fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    names.into_iter().map(String::as_str).collect()
}

fn grants(grants: &BTreeSet<Grant>) -> BTreeSet<&str> {
    grants.iter().map(|grant| grant.as_str()).collect()
}

/// Every limit by its key, as the manifest writes it.
fn rows(limits: &Limits) -> [(&'static str, String); 15] {
    let Limits {
        memory,
        tensors,
        output,
        cpu,
        deadline,
        concurrency,
        queue,
        log,
        rate,
        computes,
        input,
        depth,
        attachments,
        attachment_bytes,
        fuel,
    } = *limits;
    let none = || "none".to_owned();
    [
        ("memory", Size(memory).to_string()),
        ("tensors", Size(tensors).to_string()),
        ("output", Size(output).to_string()),
        ("cpu", TimeSpan(cpu).to_string()),
        ("deadline", TimeSpan(deadline).to_string()),
        ("concurrency", concurrency.to_string()),
        ("queue", queue.to_string()),
        ("log", Size(log).to_string()),
        ("rate", rate.map_or_else(none, |rate| rate.to_string())),
        ("computes", computes.to_string()),
        ("input", Size(input).to_string()),
        ("depth", depth.to_string()),
        ("attachments", attachments.to_string()),
        ("attachment_bytes", Size(attachment_bytes).to_string()),
        ("fuel", fuel.map_or_else(none, |fuel| fuel.to_string())),
    ]
}

fn canaries(details: &mut Vec<String>, old: Option<&Canary>, new: Option<&Canary>) {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return details.push(format!("canary: added, {new}")),
        (Some(old), None) => return details.push(format!("canary: removed, was {old}")),
        (None, None) => return,
    };
    let Canary {
        plugin,
        digest,
        split,
        promote_after,
        max_error_rate,
        max_p99_ratio,
        min_requests,
        models,
        config,
        spans: _,
    } = new;
    change(details, "canary.plugin", &old.plugin.text, &plugin.text);
    digests(
        details,
        "canary.digest",
        old.digest.as_deref(),
        digest.as_deref(),
    );
    match (&old.split, split) {
        (Split::Weight(old), Split::Weight(new)) => shares(details, "canary.weight", *old, *new),
        (Split::Header(old), Split::Header(new)) => change(details, "canary.header", old, new),
        (old, new) => change(details, "canary", &old.to_string(), &new.to_string()),
    }
    let (was, now) = (TimeSpan(old.promote_after), TimeSpan(*promote_after));
    change(
        details,
        "canary.promote_after",
        &was.to_string(),
        &now.to_string(),
    );
    shares(
        details,
        "canary.max_error_rate",
        old.max_error_rate,
        *max_error_rate,
    );
    let (was, now) = (old.max_p99_ratio.to_string(), max_p99_ratio.to_string());
    change(details, "canary.max_p99_ratio", &was, &now);
    let (was, now) = (old.min_requests.to_string(), min_requests.to_string());
    change(details, "canary.min_requests", &was, &now);
    own_models(
        details,
        "canary.models",
        old.models.as_ref(),
        models.as_ref(),
    );
    own_config(
        details,
        "canary.config",
        old.config.as_ref(),
        config.as_ref(),
    );
}

fn shadows(details: &mut Vec<String>, old: Option<&Shadow>, new: Option<&Shadow>) {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return details.push(format!("shadow: added, {new}")),
        (Some(old), None) => return details.push(format!("shadow: removed, was {old}")),
        (None, None) => return,
    };
    let Shadow {
        plugin,
        digest,
        sample,
        models,
        config,
        spans: _,
    } = new;
    change(details, "shadow.plugin", &old.plugin.text, &plugin.text);
    digests(
        details,
        "shadow.digest",
        old.digest.as_deref(),
        digest.as_deref(),
    );
    shares(details, "shadow.sample", old.sample, *sample);
    own_models(
        details,
        "shadow.models",
        old.models.as_ref(),
        models.as_ref(),
    );
    own_config(
        details,
        "shadow.config",
        old.config.as_ref(),
        config.as_ref(),
    );
}

/// Two shares as percentages, or as they are where those would be the same.
fn shares(details: &mut Vec<String>, key: &str, old: f64, new: f64) {
    let (was, now) = (percent(old), percent(new));
    if was == now {
        change(details, key, &old.to_string(), &new.to_string());
    } else {
        change(details, key, &was, &now);
    }
}

type Models = BTreeMap<String, String>;

/// A candidate's own models; without any, it has the stage's.
fn own_models(details: &mut Vec<String>, key: &str, old: Option<&Models>, new: Option<&Models>) {
    match (old, new) {
        (Some(old), Some(new)) => bindings(details, key, old, new),
        _ => {
            let text = |own: Option<&Models>| own.map_or(THE_STAGES.to_owned(), bound);
            if old.is_some() != new.is_some() {
                change(details, key, &text(old), &text(new));
            }
        }
    }
}

type Settings = Map<String, Value>;

/// A candidate's own config; without any, it has the stage's.
fn own_config(
    details: &mut Vec<String>,
    key: &str,
    old: Option<&Settings>,
    new: Option<&Settings>,
) {
    match (old, new) {
        (Some(old), Some(new)) => words::config(details, key, old, new),
        _ => {
            let json = |own: &Settings| Value::Object(own.clone()).to_string();
            let text = |own: Option<&Settings>| own.map_or(THE_STAGES.to_owned(), json);
            if old.is_some() != new.is_some() {
                change(details, key, &text(old), &text(new));
            }
        }
    }
}

const THE_STAGES: &str = "the stage's";
