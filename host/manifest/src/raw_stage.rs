//! One `[[stage]]` as written.

use crate::compile::{Use, compile};
use crate::condition::Condition;
use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::keys::STAGE;
use crate::limits::RawLimits;
use crate::manifest::{Grant, OnError, StageSpans};
use crate::raw::{checked_name, reference};
use crate::raw_config::config;
use crate::raw_release::{RawCanary, RawShadow};
use crate::reference::is_name;
use crate::suggest::{list, nearest, shown};
use crate::walk::{At, Strings, Table, kind};
use crate::{Diagnostic, Reference, Span};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// Role and model, each with its place.
pub(crate) type Bindings = Vec<(At<String>, At<String>)>;

/// A stage as written.
#[derive(Debug)]
pub(crate) struct RawStage {
    /// As written, even where it breaks the rule: others may refer to it.
    pub(crate) name: Option<At<String>>,
    pub(crate) plugin: Option<Reference>,
    pub(crate) digest: Option<String>,
    pub(crate) models: Bindings,
    pub(crate) needs: Option<Strings>,
    pub(crate) when: Option<When>,
    pub(crate) reads: Option<Strings>,
    pub(crate) config: Map<String, Value>,
    pub(crate) limits: RawLimits,
    pub(crate) on_error: OnError,
    pub(crate) wasi: BTreeSet<Grant>,
    pub(crate) canary: Option<RawCanary>,
    pub(crate) shadow: Option<RawShadow>,
    pub(crate) spans: StageSpans,
}

/// A condition that compiles, and what it uses.
#[derive(Debug)]
pub(crate) struct When {
    pub(crate) condition: Condition,
    pub(crate) uses: Vec<Use>,
    /// The value in the file, quotes included.
    pub(crate) span: Span,
    /// Where the expression's first byte stands in the file; `None` where escapes make bytes differ.
    pub(crate) base: Option<usize>,
}

impl When {
    /// The place in the file of a span within the expression.
    pub(crate) fn place(&self, within: Option<Span>) -> Span {
        place(self.span, self.base, within)
    }
}

fn place(value: Span, base: Option<usize>, within: Option<Span>) -> Span {
    match (base, within) {
        (Some(base), Some(within)) => Span::new(
            (base + within.start).min(value.end),
            (base + within.end).min(value.end),
        ),
        _ => value,
    }
}

impl RawStage {
    pub(crate) fn read(
        text: &str,
        entries: &DeTable<'_>,
        span: Span,
        findings: &mut Findings,
    ) -> Self {
        let before = findings.count();
        let called = called(entries);
        let table = Table::new(entries, span, &STAGE, called.clone(), findings);
        let span_of = |name: &str| {
            table
                .entry(name)
                .map(|entry| Span::from(entry.value.span()))
        };
        let mut spans = StageSpans {
            stage: span,
            name: span_of("name").unwrap_or(span),
            plugin: span_of("plugin").unwrap_or(span),
            digest: span_of("digest"),
            models: span_of("models"),
            needs: span_of("needs"),
            when: span_of("when"),
            reads: span_of("reads"),
            config: span_of("config"),
            limits: span_of("limits"),
            on_error: span_of("on_error"),
            wasi: span_of("wasi"),
            ..StageSpans::default()
        };
        let name = table.required_string("name", findings);
        if let Some(name) = &name {
            checked_name(name, "stage", findings);
        }
        let plugin = table.required_string("plugin", findings);
        let models = models(&table, findings).unwrap_or_default();
        spans.roles = models
            .iter()
            .map(|(role, _)| (role.value.clone(), role.span))
            .collect();
        let stage = Self {
            name: name.map(|name| At::new(name.value.to_owned(), name.span)),
            plugin: plugin
                .and_then(|text| reference(&text, "plugin", findings))
                .map(|reference| reference.value),
            digest: table
                .string("digest", findings)
                .and_then(|text| digest(&text, PLUGIN_DIGEST, findings)),
            models,
            needs: table.strings("needs", findings),
            when: table
                .string("when", findings)
                .and_then(|expression| when(text, &expression, findings)),
            reads: table.strings("reads", findings),
            config: config(&table, &mut spans.config_values, findings).unwrap_or_default(),
            limits: RawLimits::read(&table, findings).0,
            on_error: on_error(&table, findings),
            wasi: wasi(&table, findings),
            canary: RawCanary::read(&table, &called, findings),
            shadow: RawShadow::read(&table, &called, findings),
            spans,
        };
        // What could not be read may be what differs.
        if findings.count() == before {
            stage.refuse_same(findings);
        }
        stage
    }

    /// Refuses a canary or a shadow that is the stage itself.
    fn refuse_same(&self, findings: &mut Findings) {
        let canary = self.canary.as_ref().map(|canary| &canary.candidate);
        let shadow = self.shadow.as_ref().map(|shadow| &shadow.candidate);
        for (what, candidate) in [("canary", canary), ("shadow", shadow)] {
            if let Some(candidate) = candidate.filter(|candidate| candidate.is_stage(self)) {
                findings.report(candidate.same_as_stage(what, self));
            }
        }
    }
}

/// `models = { ROLE = "MODEL" }`; absent is `None`.
pub(crate) fn models(table: &Table<'_>, findings: &mut Findings) -> Option<Bindings> {
    let (entries, _) = table.entries_of("models", findings)?;
    let mut models = Vec::new();
    for (role, model) in entries {
        let role = At::new(role.get_ref().as_ref(), role.span().into());
        let named = checked_name(&role, "role", findings);
        match model.get_ref() {
            DeValue::String(text) => models.extend(named.map(|name| {
                (
                    At::new(name, role.span),
                    At::new(text.to_string(), model.span().into()),
                )
            })),
            other => findings.report(
                Diagnostic::new(
                    codes::WRONG_TYPE,
                    model.span().into(),
                    format!(
                        "the role `{}` takes the name of a model, not {}",
                        shown(role.value),
                        kind(other)
                    ),
                )
                .label(format!("this is {}", kind(other)))
                .hint(format!(
                    "write `{} = \"NAME\"`, where NAME stands in `[models.NAME]`",
                    shown(role.value)
                )),
            ),
        }
    }
    Some(models)
}

/// What prints a component's digest.
pub(crate) const PLUGIN_DIGEST: &str = "`fleetwright plugin inspect FILE.wasm` prints it";

/// Reads a digest; `source` says what prints it.
pub(crate) fn digest(text: &At<&str>, source: &str, findings: &mut Findings) -> Option<String> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let hex = text.value.strip_prefix("sha256:");
    if hex.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(lower)) {
        return Some(text.value.to_owned());
    }
    let label = match hex {
        None => "does not begin with `sha256:`".to_owned(),
        Some(hex) if hex.len() != 64 => {
            format!("{} digits after `sha256:`, not 64", hex.chars().count())
        }
        Some(_) => "not all lower-case hexadecimal digits".to_owned(),
    };
    findings.report(
        Diagnostic::new(
            codes::BAD_DIGEST,
            text.span,
            format!("`{}` is not a digest", shown(text.value)),
        )
        .label(label)
        .hint(format!(
            "write `sha256:` and 64 lower-case hexadecimal digits; {source}"
        )),
    );
    None
}

fn when(text: &str, expression: &At<&str>, findings: &mut Findings) -> Option<When> {
    let span = expression.span;
    // Without escapes, the expression stands verbatim between its quotes, and a place in it is a place in the file.
    let written = text.get(span.range()).unwrap_or("");
    let base = written.find(expression.value).map(|at| span.start + at);
    match compile(expression.value) {
        Ok((condition, uses)) => Some(When {
            condition,
            uses,
            span,
            base,
        }),
        Err(refused) => {
            findings.report(
                Diagnostic::new(
                    codes::BAD_CONDITION,
                    place(span, base, refused.span),
                    "`when` is not a condition",
                )
                .label(refused.message)
                .hint(refused.hint),
            );
            None
        }
    }
}

/// What messages call a stage: by its name, where it has one.
fn called(entries: &DeTable<'_>) -> String {
    let name = entries.iter().find(|(key, _)| key.get_ref() == "name");
    match name.map(|(_, value)| value.get_ref()) {
        Some(DeValue::String(name)) => format!("stage `{}`", shown(name)),
        _ => "this `[[stage]]`".to_owned(),
    }
}

fn on_error(table: &Table<'_>, findings: &mut Findings) -> OnError {
    let Some(text) = table.string("on_error", findings) else {
        return OnError::default();
    };
    let known = OnError::ALL.map(OnError::as_str);
    match OnError::ALL
        .into_iter()
        .find(|choice| choice.as_str() == text.value)
    {
        Some(choice) => choice,
        None => {
            let diagnostic = Diagnostic::new(
                codes::BAD_CHOICE,
                text.span,
                format!("`on_error` is `{}`", shown(text.value)),
            )
            .label("not a choice")
            .note("`fail` fails the submission, `continue` goes on without this stage, `hold` keeps it for a person");
            findings.report(match nearest(text.value, known) {
                Some(choice) => diagnostic.hint(format!("did you mean `on_error = \"{choice}\"`?")),
                None => diagnostic.hint(format!("write one of {}", list(known))),
            });
            OnError::default()
        }
    }
}

fn wasi(table: &Table<'_>, findings: &mut Findings) -> BTreeSet<Grant> {
    let Some(names) = table.strings("wasi", findings) else {
        return BTreeSet::new();
    };
    let known = Grant::ALL.map(Grant::as_str);
    let mut grants = BTreeSet::new();
    for name in names.items {
        match Grant::ALL
            .into_iter()
            .find(|grant| grant.as_str() == name.value)
        {
            Some(grant) => {
                grants.insert(grant);
            }
            None => {
                let diagnostic = Diagnostic::new(
                    codes::UNKNOWN_GRANT,
                    name.span,
                    format!(
                        "`{}` is not a WASI interface that can be granted",
                        shown(&name.value)
                    ),
                )
                .label("unknown grant");
                findings.report(match nearest(&name.value, known) {
                    Some(grant) => diagnostic.hint(format!("did you mean `{grant}`?")),
                    None => diagnostic.hint(format!(
                        "remove it, or use one of {}: a stage has no files, network or environment",
                        list(known)
                    )),
                });
            }
        }
    }
    grants
}

/// Whether the name of a stage is usable at all.
pub(crate) fn well_named(stage: &RawStage) -> bool {
    stage.name.as_ref().is_some_and(|name| is_name(&name.value))
}
