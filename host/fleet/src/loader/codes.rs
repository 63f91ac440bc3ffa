//! What the loader finds wrong with a manifest that is sound by itself: each finding with its place and the way out.

use std::path::{Path, PathBuf};

use fleetwright_inference::{BrokenCard, Card, LoadError as ModelError};
use fleetwright_manifest::{Code, Diagnostic, ModelUse, Stage};
use fleetwright_runtime::{LoadError, Role};
use semver::Version;

use super::resolve::Stock;
use crate::golden::Failed;
use crate::shelf::Found;

const PLUGIN_NOT_FOUND: Code = Code::new("plugin-not-found");
const PLUGIN_AMBIGUOUS: Code = Code::new("plugin-ambiguous");
const PLUGIN_REFUSED: Code = Code::new("plugin-refused");
const DIGEST_MISMATCH: Code = Code::new("digest-mismatch");
const ROLE_NOT_BOUND: Code = Code::new("role-not-bound");
const ROLE_UNKNOWN: Code = Code::new("role-unknown");
const CONFIG_REFUSED: Code = Code::new("config-refused");
const MODEL_NOT_FOUND: Code = Code::new("model-not-found");
const ADAPTER_NOT_FOUND: Code = Code::new("adapter-not-found");
const MODEL_REFUSED: Code = Code::new("model-refused");
const LIMIT_REFUSED: Code = Code::new("limit-refused");
const GOLDEN_FAILED: Code = Code::new("golden-failed");
const PLUGIN_TRAPS: Code = Code::new("plugin-traps");

pub(super) fn plugin_not_found(
    stage: &Stage,
    versions: &[Version],
    stock: Stock<'_>,
) -> Diagnostic {
    let shelf = stock.shelf;
    let dir = shelf.dir().display();
    let message = format!("no component in `{dir}` is plugin `{}`", stage.plugin.text);
    let mut finding =
        Diagnostic::new(PLUGIN_NOT_FOUND, stage.spans.plugin, message).label("not found");
    if stock.pins.is_some() {
        finding = finding.note("only the versions and digests of the lock, or of the generation asked for, may be used");
    }
    for (path, reason) in shelf.broken() {
        finding = finding.note(format!("`{}` cannot be loaded: {reason}", path.display()));
    }
    match versions {
        [] => finding.hint(format!(
            "drop the component into `{dir}`, or use one that is there: {}",
            list(shelf.names())
        )),
        versions => finding.hint(format!(
            "drop a version that fits into `{dir}`, or use one that is there: {}",
            list(versions)
        )),
    }
}

pub(super) fn plugin_twins(
    stage: &Stage,
    version: &Version,
    [one, other]: &[PathBuf; 2],
) -> Diagnostic {
    let message = format!(
        "two different components claim to be `{}@{version}`",
        stage.plugin.name
    );
    Diagnostic::new(PLUGIN_AMBIGUOUS, stage.spans.plugin, message)
        .note(format!(
            "they are `{}` and `{}`",
            one.display(),
            other.display()
        ))
        .hint("remove one of them, or give one another version")
}

pub(super) fn plugin_refused(stage: &Stage, path: &Path, error: &LoadError) -> Diagnostic {
    let message = format!("plugin `{}` cannot be linked: {error}", stage.plugin.text);
    Diagnostic::new(PLUGIN_REFUSED, stage.spans.plugin, message)
        .note(format!("the component is `{}`", path.display()))
}

pub(super) fn digest_mismatch(stage: &Stage, pinned: &str, found: &Found) -> Diagnostic {
    let message = format!(
        "`{}` has digest `{}`, not `{pinned}`",
        found.path.display(),
        found.digest
    );
    Diagnostic::new(DIGEST_MISMATCH, stage.spans.digest.unwrap_or(stage.spans.plugin), message)
        .label("pinned here")
        .hint("put back the component that was pinned, or pin the digest of this one after you looked at it")
}

pub(super) fn role_not_bound(stage: &Stage, role: &Role) -> Diagnostic {
    let message = format!(
        "plugin `{}` needs a model for role `{}`",
        stage.plugin.name, role.name
    );
    Diagnostic::new(
        ROLE_NOT_BOUND,
        stage.spans.models.unwrap_or(stage.spans.plugin),
        message,
    )
    .label("no model is bound to it")
    .note(format!("the role: {}", role.purpose))
    .hint(format!(
        "add `{} = \"…\"` to the stage's `models`, naming one of `[models]`",
        role.name
    ))
}

pub(super) fn role_unknown(stage: &Stage, name: &str, roles: &[Role]) -> Diagnostic {
    let message = format!("plugin `{}` has no role `{name}`", stage.plugin.name);
    let hint = match roles {
        [] => "remove it: the plugin uses no model".to_owned(),
        roles => format!(
            "remove it, or bind one of the plugin's roles: {}",
            list(roles.iter().map(|role| &role.name))
        ),
    };
    Diagnostic::new(
        ROLE_UNKNOWN,
        stage
            .spans
            .roles
            .get(name)
            .copied()
            .unwrap_or(stage.spans.plugin),
        message,
    )
    .label("granted here")
    .hint(hint)
}

pub(super) fn bad_schema(stage: &Stage, found: &Found, of: &str, error: &str) -> Diagnostic {
    let message = format!(
        "the {of} schema of plugin `{}` is no JSON Schema: {error}",
        stage.plugin.text
    );
    Diagnostic::new(PLUGIN_REFUSED, stage.spans.plugin, message)
        .note(format!("the component is `{}`", found.path.display()))
}

pub(super) fn config_refused(stage: &Stage, pointer: &str, error: &str) -> Diagnostic {
    let place = format!("config{pointer}");
    let message = format!("plugin `{}` refuses `{place}`: {error}", stage.plugin.name);
    Diagnostic::new(CONFIG_REFUSED, stage.spans.config_at(pointer), message).hint(format!(
        "`fleetwright plugin inspect` prints the schema that `{}` gives for its config",
        stage.plugin.name
    ))
}

pub(super) fn model_not_found(wanted: &ModelUse, key: &str, stock: Stock<'_>) -> Diagnostic {
    let catalog = stock.catalog;
    let message = format!(
        "no model is `{}`, which `models.{key}` uses",
        wanted.reference.text
    );
    let versions: Vec<_> = catalog
        .versions(&wanted.reference.name)
        .map(|card| card.version().to_string())
        .collect();
    let names: Vec<_> = catalog
        .cards()
        .iter()
        .map(|card| format!("{}@{}", card.name(), card.version()))
        .collect();
    let hint = match versions.as_slice() {
        [] => format!("use one that is there: {}", list(names)),
        versions => format!("use a version that is there: {}", list(versions)),
    };
    Diagnostic::new(MODEL_NOT_FOUND, wanted.spans.reference, message)
        .label("not found")
        .hint(hint)
}

pub(super) fn model_digest_mismatch(wanted: &ModelUse, pinned: &str, card: &Card) -> Diagnostic {
    let message = format!(
        "model `{}@{}` has digest `{}`, not `{pinned}`",
        card.name(),
        card.version(),
        card.digest()
    );
    Diagnostic::new(
        DIGEST_MISMATCH,
        wanted.spans.digest.unwrap_or(wanted.spans.reference),
        message,
    )
    .label("pinned here")
    .hint(
        "put back the model that was pinned, or pin the digest of this one after you looked at it",
    )
}

pub(super) fn adapter_not_found(wanted: &ModelUse, card: &Card) -> Diagnostic {
    let adapter = wanted.adapter.as_deref().unwrap_or_default();
    let model = format!("{}@{}", card.name(), card.version());
    let message = format!("model `{model}` has no adapter `{adapter}`");
    let span = wanted.spans.adapter.unwrap_or(wanted.spans.reference);
    let finding = Diagnostic::new(ADAPTER_NOT_FOUND, span, message).label("no such adapter");
    match card.adapters().next() {
        Some(_) => finding.hint(format!("name one of its card's: {}", list(card.adapters()))),
        None => finding.hint("leave `adapter` out, or list the adapter's file in the card and name it under `[adapters]`"),
    }
}

/// The stage's plugin fails what lies beside it as golden cases.
pub(super) fn golden_failed(stage: &Stage, plugin: &str, failed: &[Failed]) -> Diagnostic {
    const SHOWN: usize = 5;
    let message = format!("`{plugin}` fails {} of its golden cases", failed.len());
    let mut finding = Diagnostic::new(GOLDEN_FAILED, stage.spans.plugin, message).label("refused");
    for case in failed.iter().take(SHOWN) {
        finding = finding.note(format!("`{}`: {}", case.case.display(), case.detail));
    }
    finding.hint("mend the plugin, its models or its config; or the cases, where they ask for what is no longer wanted")
}

/// The stage's plugin has no golden case, and traps at a call with nothing to read.
pub(super) fn traps(stage: &Stage, plugin: &str, detail: &str) -> Diagnostic {
    let message = format!("`{plugin}` traps at a call with nothing to read: {detail}");
    Diagnostic::new(PLUGIN_TRAPS, stage.spans.plugin, message)
        .label("refused")
        .hint("mend the plugin, or its config; where it cannot do without fields, let it say so as a failure, or put a golden case beside it that shows them")
}

pub(super) fn model_refused(wanted: &ModelUse, key: &str, error: &ModelError) -> Diagnostic {
    Diagnostic::new(
        MODEL_REFUSED,
        wanted.spans.reference,
        format!("model `{key}` cannot be loaded: {error}"),
    )
}

pub(super) fn card_refused(wanted: &ModelUse, key: &str, broken: &BrokenCard) -> Diagnostic {
    let BrokenCard {
        name,
        version,
        error,
        ..
    } = broken;
    let message = format!(
        "`{name}@{version}`, the version that `models.{key}` asks for, cannot be used: {error}"
    );
    Diagnostic::new(MODEL_REFUSED, wanted.spans.reference, message)
        .hint("mend the card, remove its folder, or ask for another version")
}

pub(super) fn limit_refused(stage: &Stage, error: &LoadError) -> Diagnostic {
    Diagnostic::new(
        LIMIT_REFUSED,
        stage.spans.limits.unwrap_or(stage.spans.stage),
        error.to_string(),
    )
    .hint("lower the limit")
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items
        .into_iter()
        .map(|item| format!("`{}`", item.to_string()))
        .collect();
    if items.is_empty() {
        "none is there".to_owned()
    } else {
        items.join(", ")
    }
}
