//! From what is written to what is meant: names, references between tables, and the graph.

use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::graph::Graph;
use crate::manifest::{DEFAULT_FIELDS, Manifest, ModelUse, Stage};
use crate::raw::{RawManifest, RawModel};
use crate::raw_release::bound;
use crate::raw_stage::{Bindings, RawStage, well_named};
use crate::reads::Reach;
use crate::suggest::{list, nearest, shown};
use crate::walk::Strings;
use crate::{Diagnostic, Limits};
use std::collections::BTreeMap;

/// The fields that a submission may have.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) names: Vec<String>,
    /// Whether these are all that the user meant to declare.
    pub(crate) complete: bool,
}

/// Resolves a manifest. Gives one even where findings were reported, as long as it can be built; the caller looks at the
/// findings first.
pub(crate) fn resolve(raw: RawManifest, findings: &mut Findings) -> Option<Manifest> {
    let fields = fields(raw.fields.as_ref(), findings);
    for stage in &raw.stages {
        check_name(stage, &fields, findings);
        for bindings in bindings(stage) {
            check_models(bindings, &raw, findings);
        }
    }
    let graph = Graph::new(&raw.stages, findings);
    let reach = Reach {
        stages: &raw.stages,
        graph: &graph,
        fields: &fields,
    };
    for index in 0..raw.stages.len() {
        reach.check(index, findings);
    }
    let limits = raw.defaults.over(Limits::default());
    let names: Vec<Option<String>> = raw
        .stages
        .iter()
        .map(|stage| stage.name.as_ref().map(|name| name.value.clone()))
        .collect();
    let mut stages: BTreeMap<usize, Stage> = BTreeMap::new();
    for (index, stage) in raw.stages.into_iter().enumerate() {
        let needs = graph.needs.get(index).into_iter().flatten();
        let needs = needs
            .filter_map(|need| names.get(*need).cloned().flatten())
            .collect();
        stages.insert(index, built(stage, needs, limits)?);
    }
    Some(Manifest {
        name: raw.name?,
        fields: fields.names,
        threads: raw.threads,
        models: models(raw.models)?,
        stages: graph
            .order
            .iter()
            .filter_map(|index| stages.remove(index))
            .collect(),
    })
}

fn built(raw: RawStage, needs: Vec<String>, base: Limits) -> Option<Stage> {
    Some(Stage {
        name: raw.name?.value,
        plugin: raw.plugin?,
        digest: raw.digest,
        models: bound(raw.models),
        needs,
        when: raw.when.map(|when| when.condition),
        reads: raw
            .reads
            .into_iter()
            .flat_map(|reads| reads.items)
            .map(|read| read.value)
            .collect(),
        config: raw.config,
        limits: raw.limits.over(base),
        on_error: raw.on_error,
        wasi: raw.wasi,
        canary: match raw.canary {
            Some(canary) => Some(canary.valid()?),
            None => None,
        },
        shadow: match raw.shadow {
            Some(shadow) => Some(shadow.valid()?),
            None => None,
        },
        spans: raw.spans,
    })
}

fn models(raw: Vec<RawModel>) -> Option<BTreeMap<String, ModelUse>> {
    let each = raw.into_iter().map(|model| {
        Some((
            model.name.value,
            ModelUse {
                reference: model.reference?.value,
                digest: model.digest,
                adapter: model.adapter,
                device: model.device,
                device_memory: model.device_memory,
                batch: model.batch,
                effort: model.effort,
                spans: model.spans,
            },
        ))
    });
    each.collect()
}

/// The declared fields, or the default ones.
fn fields(declared: Option<&Strings>, findings: &mut Findings) -> Fields {
    let Some(declared) = declared else {
        return Fields {
            names: DEFAULT_FIELDS
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            complete: true,
        };
    };
    let mut fields = Fields {
        names: Vec::new(),
        complete: declared.complete,
    };
    for field in &declared.items {
        if !is_field(&field.value) {
            findings.report(
                Diagnostic::new(codes::BAD_NAME, field.span, format!("`{}` is not a name for a field", shown(&field.value)))
                    .label("not a name")
                    .note("a field's name is letters, digits, `_` and `-`, beginning with a letter, at most 64")
                    .hint("rename it, for example `order_id`"),
            );
        } else if RESERVED.contains(&field.value.as_str()) {
            findings.report(reserved(&field.value, field.span, "field"));
        }
        fields.names.push(field.value.clone());
    }
    fields
}

fn is_field(name: &str) -> bool {
    name.len() <= crate::reference::MAX_NAME
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Names with a meaning of their own in `reads` and `when`.
const RESERVED: [&str; 2] = ["attachments", "submission"];

fn reserved(name: &str, span: crate::Span, what: &str) -> Diagnostic {
    let meaning = match name {
        "attachments" => "in `reads`, `attachments` are the files of a submission",
        _ => "in `when`, `submission` is the map of its fields",
    };
    Diagnostic::new(
        codes::RESERVED_NAME,
        span,
        format!("a {what} cannot be named `{name}`"),
    )
    .label("has a meaning already")
    .note(meaning)
    .hint("choose another name")
}

fn check_name(stage: &RawStage, fields: &Fields, findings: &mut Findings) {
    let Some(name) = stage.name.as_ref().filter(|_| well_named(stage)) else {
        return;
    };
    if RESERVED.contains(&name.value.as_str()) {
        findings.report(reserved(&name.value, name.span, "stage"));
    } else if fields.names.contains(&name.value) {
        findings.report(
            Diagnostic::new(
                codes::RESERVED_NAME,
                name.span,
                format!("a stage cannot be named `{}`", name.value),
            )
            .label("a field of the submission has this name")
            .note("in `reads`, a name must mean either a field or a stage")
            .hint(format!(
                "choose another name, for example `{}-stage`",
                name.value
            )),
        );
    }
}

/// The bindings of a stage, and of its canary and shadow where they have their own.
fn bindings(stage: &RawStage) -> impl Iterator<Item = &Bindings> {
    let canary = stage.canary.as_ref().map(|canary| &canary.candidate);
    let shadow = stage.shadow.as_ref().map(|shadow| &shadow.candidate);
    let own = [canary, shadow].into_iter().flatten();
    std::iter::once(&stage.models).chain(own.filter_map(|candidate| candidate.models.as_ref()))
}

fn check_models(bindings: &Bindings, raw: &RawManifest, findings: &mut Findings) {
    if !raw.models_complete {
        return;
    }
    let known = || raw.models.iter().map(|model| model.name.value.as_str());
    for (role, model) in bindings {
        if known().any(|name| name == model.value) {
            continue;
        }
        let diagnostic = Diagnostic::new(
            codes::UNKNOWN_MODEL,
            model.span,
            format!(
                "the role `{}` is bound to `{}`, which is not declared",
                role.value,
                shown(&model.value)
            ),
        )
        .label("no such model");
        let declare = format!("`[models.{}]` with `use = \"NAME@1\"`", shown(&model.value));
        findings.report(match nearest(&model.value, known()) {
            Some(near) => {
                diagnostic.hint(format!("did you mean `{near}`? Otherwise add {declare}"))
            }
            None if raw.models.is_empty() => diagnostic.hint(format!("add {declare}")),
            None => diagnostic.hint(format!("add {declare}, or bind one of {}", list(known()))),
        });
    }
}
