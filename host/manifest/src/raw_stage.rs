//! One `[[stage]]` as written.

use crate::compile::{Use, compile};
use crate::condition::Condition;
use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::keys::STAGE;
use crate::limits::RawLimits;
use crate::manifest::{Grant, OnError, StageSpans};
use crate::raw::{checked_name, reference};
use crate::reference::is_name;
use crate::suggest::{list, nearest, shown};
use crate::walk::{At, Strings, Table, kind};
use crate::{Diagnostic, Reference, Span};
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A stage as written.
#[derive(Debug)]
pub(crate) struct RawStage {
    /// As written, even where it breaks the rule: others may refer to it.
    pub(crate) name: Option<At<String>>,
    pub(crate) plugin: Option<Reference>,
    pub(crate) digest: Option<String>,
    /// Role and model, each with its place.
    pub(crate) models: Vec<(At<String>, At<String>)>,
    pub(crate) needs: Option<Strings>,
    pub(crate) when: Option<When>,
    pub(crate) reads: Option<Strings>,
    pub(crate) config: Map<String, Value>,
    pub(crate) limits: RawLimits,
    pub(crate) on_error: OnError,
    pub(crate) wasi: BTreeSet<Grant>,
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
        let table = Table::new(entries, span, &STAGE, called(entries), findings);
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
        let models = models(&table, findings);
        spans.roles = models
            .iter()
            .map(|(role, _)| (role.value.clone(), role.span))
            .collect();
        Self {
            name: name.map(|name| At::new(name.value.to_owned(), name.span)),
            plugin: plugin
                .and_then(|text| reference(&text, "plugin", findings))
                .map(|reference| reference.value),
            digest: table
                .string("digest", findings)
                .and_then(|text| digest(&text, findings)),
            models,
            needs: table.strings("needs", findings),
            when: table
                .string("when", findings)
                .and_then(|expression| when(text, &expression, findings)),
            reads: table.strings("reads", findings),
            config: config(&table, &mut spans.config_values, findings),
            limits: RawLimits::read(&table, findings).0,
            on_error: on_error(&table, findings),
            wasi: wasi(&table, findings),
            spans,
        }
    }
}

/// `models = { ROLE = "MODEL" }`.
fn models(table: &Table<'_>, findings: &mut Findings) -> Vec<(At<String>, At<String>)> {
    let Some((entries, _)) = table.entries_of("models", findings) else {
        return Vec::new();
    };
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
    models
}

fn digest(text: &At<&str>, findings: &mut Findings) -> Option<String> {
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
        Diagnostic::new(codes::BAD_DIGEST, text.span, format!("`{}` is not a digest", shown(text.value)))
            .label(label)
            .hint("write `sha256:` and 64 lower-case hexadecimal digits; `fleetwright plugin inspect FILE.wasm` prints it"),
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

/// `config` as JSON, with the place of each value.
fn config(
    table: &Table<'_>,
    places: &mut BTreeMap<String, Span>,
    findings: &mut Findings,
) -> Map<String, Value> {
    let Some((_, entry)) = table.entries_of("config", findings) else {
        return Map::new();
    };
    match json(entry.value, String::new(), places, findings) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// A TOML value as JSON. Recursion is bounded by [`crate::MAX_DEPTH`].
fn json(
    value: &Spanned<DeValue<'_>>,
    pointer: String,
    places: &mut BTreeMap<String, Span>,
    findings: &mut Findings,
) -> Option<Value> {
    let span = Span::from(value.span());
    let json_value = match value.get_ref() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(yes) => Some(Value::Bool(*yes)),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .map(Value::from),
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number),
        DeValue::Datetime(_) => None,
        DeValue::Array(items) => {
            let each = items.iter().enumerate();
            Some(Value::Array(
                each.filter_map(|(i, item)| json(item, format!("{pointer}/{i}"), places, findings))
                    .collect(),
            ))
        }
        DeValue::Table(entries) => {
            let mut map = Map::new();
            for (key, item) in entries {
                let token = key.get_ref().replace('~', "~0").replace('/', "~1");
                if let Some(value) = json(item, format!("{pointer}/{token}"), places, findings) {
                    map.insert(key.get_ref().to_string(), value);
                }
            }
            Some(Value::Object(map))
        }
    };
    if json_value.is_none() {
        findings.report(bad_config(&pointer, value.get_ref(), span));
    }
    places.insert(pointer, span);
    json_value
}

fn bad_config(pointer: &str, value: &DeValue<'_>, span: Span) -> Diagnostic {
    let (what, hint) = match value {
        DeValue::Datetime(_) => ("a date or time", "write it as a string in quotes"),
        DeValue::Integer(_) => (
            "an integer beyond 64 bits",
            "write a smaller number, or a string in quotes",
        ),
        _ => (
            "not a finite number",
            "write a finite number, or a string in quotes",
        ),
    };
    let key = shown(&pointer.replace('/', "."));
    Diagnostic::new(
        codes::BAD_CONFIG,
        span,
        format!("`config{key}` is {what}, which a plugin cannot be given"),
    )
    .label("`config` is handed over as JSON")
    .hint(hint)
}

/// Whether the name of a stage is usable at all.
pub(crate) fn well_named(stage: &RawStage) -> bool {
    stage.name.as_ref().is_some_and(|name| is_name(&name.value))
}
