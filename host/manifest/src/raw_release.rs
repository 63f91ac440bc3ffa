//! `[stage.canary]` and `[stage.shadow]` as written.

use crate::amount::{Bounds, duration, number, share};
use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::keys::{CANARY, Keys, SHADOW};
use crate::raw::reference;
use crate::raw_config::config;
use crate::raw_stage::{Bindings, PLUGIN_DIGEST, RawStage, digest, models};
use crate::release::{Canary, CanarySpans, Shadow, ShadowSpans, Split};
use crate::suggest::shown;
use crate::walk::{At, Table};
use crate::{Diagnostic, Reference, Span};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::DeValue;

const WEIGHT: Bounds = Bounds {
    least: 0.0,
    most: 1.0,
    zero: Some("to send nothing to the canary, remove `[stage.canary]`"),
};
const SAMPLE: Bounds = Bounds {
    least: 0.0,
    most: 1.0,
    zero: Some("to show nothing to the shadow, remove `[stage.shadow]`"),
};
const ERROR_RATE: Bounds = Bounds {
    least: 0.0,
    most: 1.0,
    zero: None,
};
const P99_RATIO: Bounds = Bounds {
    least: 1.0,
    most: 100.0,
    zero: None,
};
const PROMOTE_AFTER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(720 * 3600);
const MIN_REQUESTS: RangeInclusive<u64> = 1..=1_000_000;
/// The longest header name, in bytes.
const MAX_HEADER: usize = 64;

/// A canary as written.
#[derive(Debug)]
pub(crate) struct RawCanary {
    pub(crate) candidate: Candidate,
    split: Option<At<Split>>,
    promote_after: Duration,
    max_error_rate: f64,
    max_p99_ratio: f64,
    min_requests: u32,
}

/// A shadow as written.
#[derive(Debug)]
pub(crate) struct RawShadow {
    pub(crate) candidate: Candidate,
    sample: f64,
    sample_span: Option<Span>,
}

/// What a canary and a shadow have in common, as written.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The line `[stage.canary]`, or the inline table.
    span: Span,
    plugin: Option<At<Reference>>,
    digest: Option<At<String>>,
    /// `None`: the stage's.
    pub(crate) models: Option<Bindings>,
    models_span: Option<Span>,
    /// `None`: the stage's.
    config: Option<Map<String, Value>>,
    config_span: Option<Span>,
    config_values: BTreeMap<String, Span>,
}

impl RawCanary {
    /// Reads the table `canary` of a stage, which messages call `called`; absent is `None`.
    pub(crate) fn read(stage: &Table<'_>, called: &str, findings: &mut Findings) -> Option<Self> {
        let table = inner(stage, "canary", &CANARY, called, findings)?;
        Some(Self {
            candidate: Candidate::read(&table, findings),
            split: split(&table, called, findings),
            promote_after: duration(&table, "promote_after", PROMOTE_AFTER, findings)
                .unwrap_or(Canary::PROMOTE_AFTER),
            max_error_rate: share(&table, "max_error_rate", ERROR_RATE, findings)
                .unwrap_or(Canary::MAX_ERROR_RATE),
            max_p99_ratio: number(&table, "max_p99_ratio", P99_RATIO, findings)
                .unwrap_or(Canary::MAX_P99_RATIO),
            min_requests: table
                .integer("min_requests", MIN_REQUESTS, findings)
                .map_or(Canary::MIN_REQUESTS, |requests| requests.value),
        })
    }

    /// The canary, where it is complete.
    pub(crate) fn valid(self) -> Option<Canary> {
        let candidate = self.candidate;
        let (plugin, split) = (candidate.plugin?, self.split?);
        let spans = CanarySpans {
            canary: candidate.span,
            plugin: plugin.span,
            digest: candidate.digest.as_ref().map(|digest| digest.span),
            split: split.span,
            models: candidate.models_span,
            roles: roles(candidate.models.as_ref()),
            config: candidate.config_span,
            config_values: candidate.config_values,
        };
        Some(Canary {
            plugin: plugin.value,
            digest: candidate.digest.map(|digest| digest.value),
            split: split.value,
            promote_after: self.promote_after,
            max_error_rate: self.max_error_rate,
            max_p99_ratio: self.max_p99_ratio,
            min_requests: self.min_requests,
            models: candidate.models.map(bound),
            config: candidate.config,
            spans,
        })
    }
}

impl RawShadow {
    /// Reads the table `shadow` of a stage, which messages call `called`; absent is `None`.
    pub(crate) fn read(stage: &Table<'_>, called: &str, findings: &mut Findings) -> Option<Self> {
        let table = inner(stage, "shadow", &SHADOW, called, findings)?;
        Some(Self {
            candidate: Candidate::read(&table, findings),
            sample: share(&table, "sample", SAMPLE, findings).unwrap_or(Shadow::SAMPLE),
            sample_span: span_of(&table, "sample"),
        })
    }

    /// The shadow, where it is complete.
    pub(crate) fn valid(self) -> Option<Shadow> {
        let candidate = self.candidate;
        let plugin = candidate.plugin?;
        let spans = ShadowSpans {
            shadow: candidate.span,
            plugin: plugin.span,
            digest: candidate.digest.as_ref().map(|digest| digest.span),
            sample: self.sample_span,
            models: candidate.models_span,
            roles: roles(candidate.models.as_ref()),
            config: candidate.config_span,
            config_values: candidate.config_values,
        };
        Some(Shadow {
            plugin: plugin.value,
            digest: candidate.digest.map(|digest| digest.value),
            sample: self.sample,
            models: candidate.models.map(bound),
            config: candidate.config,
            spans,
        })
    }
}

impl Candidate {
    fn read(table: &Table<'_>, findings: &mut Findings) -> Self {
        let mut config_values = BTreeMap::new();
        Self {
            span: table.span,
            plugin: table
                .required_string("plugin", findings)
                .and_then(|text| reference(&text, "plugin", findings)),
            digest: table.string("digest", findings).and_then(|text| {
                digest(&text, PLUGIN_DIGEST, findings).map(|digest| At::new(digest, text.span))
            }),
            models: models(table, findings),
            models_span: span_of(table, "models"),
            config: config(table, &mut config_values, findings),
            config_span: span_of(table, "config"),
            config_values,
        }
    }

    /// Whether this is what the stage runs already: the same versions of the same plugin, models and config.
    pub(crate) fn is_stage(&self, stage: &RawStage) -> bool {
        let same_plugin =
            |own: &Reference, its: &Reference| own.name == its.name && own.version == its.version;
        let plugin = self.plugin.as_ref().zip(stage.plugin.as_ref());
        let models = |bindings: &Bindings| -> BTreeMap<String, String> { bound(bindings.clone()) };
        plugin.is_some_and(|(own, its)| same_plugin(&own.value, its))
            && self.digest.as_ref().map(|digest| &digest.value) == stage.digest.as_ref()
            && self
                .models
                .as_ref()
                .is_none_or(|own| models(own) == models(&stage.models))
            && self.config.as_ref().is_none_or(|own| *own == stage.config)
    }

    /// The finding for a candidate that is the stage itself.
    pub(crate) fn same_as_stage(&self, what: &str, stage: &RawStage) -> Diagnostic {
        let name = stage.name.as_ref().map_or("", |name| &name.value);
        let span = self.plugin.as_ref().map_or(self.span, |plugin| plugin.span);
        Diagnostic::new(
            codes::SAME_AS_STAGE,
            span,
            format!("the {what} of stage `{}` is what the stage runs already", shown(name)),
        )
        .label("the same plugin, digest, models and config")
        .other(stage.spans.plugin, "what the stage runs")
        .note("it would be compared with itself")
        .hint(format!(
            "name another version, or give the {what} `models` or `config` of its own; otherwise remove `[stage.{what}]`"
        ))
    }
}

/// The table of a candidate; messages call it by its stage.
fn inner<'t>(
    stage: &Table<'t>,
    name: &'static str,
    keys: &'static Keys,
    called: &str,
    findings: &mut Findings,
) -> Option<Table<'t>> {
    let entry = stage.entry(name)?;
    let DeValue::Table(entries) = entry.value.get_ref() else {
        let diagnostic = stage.wrong_type(name, entry);
        findings.report(match entry.value.get_ref() {
            DeValue::Array(_) => diagnostic.hint(format!(
                "write `[stage.{name}]`, with one bracket on each side: a stage has at most one {name}"
            )),
            DeValue::String(plugin) => diagnostic.hint(format!(
                "write `[stage.{name}]`, and beneath it `plugin = \"{}\"`",
                shown(plugin)
            )),
            _ => diagnostic,
        });
        return None;
    };
    let span = entry.value.span().into();
    let place = format!("the {name} of {called}");
    Some(Table::new(entries, span, keys, place, findings))
}

fn span_of(table: &Table<'_>, name: &str) -> Option<Span> {
    table.entry(name).map(|entry| entry.value.span().into())
}

/// Role → model, without places.
pub(crate) fn bound(bindings: Bindings) -> BTreeMap<String, String> {
    bindings
        .into_iter()
        .map(|(role, model)| (role.value, model.value))
        .collect()
}

fn roles(bindings: Option<&Bindings>) -> BTreeMap<String, Span> {
    let bindings = bindings.into_iter().flatten();
    bindings
        .map(|(role, _)| (role.value.clone(), role.span))
        .collect()
}

/// `weight` or `header`: exactly one of them.
fn split(table: &Table<'_>, called: &str, findings: &mut Findings) -> Option<At<Split>> {
    let (weight, header) = (span_of(table, "weight"), span_of(table, "header"));
    let by_weight = share(table, "weight", WEIGHT, findings);
    let by_header = table
        .string("header", findings)
        .and_then(|text| self::header(&text, findings));
    match (weight, header) {
        (Some(span), None) => Some(At::new(Split::Weight(by_weight?), span)),
        (None, Some(span)) => Some(At::new(Split::Header(by_header?), span)),
        (Some(weight), Some(header)) => {
            let message = format!("the canary of {called} has both `weight` and `header`");
            findings.report(
                Diagnostic::new(codes::CANARY_SPLIT, header, message)
                    .label("by a header")
                    .other(weight, "and by a share")
                    .hint("keep one: `weight` for a share of all submissions, `header` for those that ask for it"),
            );
            None
        }
        (None, None) => {
            let message = format!("the canary of {called} has neither `weight` nor `header`");
            findings.report(
                Diagnostic::new(codes::CANARY_SPLIT, table.span, message)
                    .label("which submissions does it answer?")
                    .hint("add `weight = 0.1` for a tenth of all, or `header = \"x-canary\"` for those that ask for it"),
            );
            None
        }
    }
}

/// The name of a header in lower case, as HTTP has it.
fn header(text: &At<&str>, findings: &mut Findings) -> Option<String> {
    let name = text.value;
    let mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    let token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || mark(byte);
    if !name.is_empty() && name.len() <= MAX_HEADER && name.bytes().all(token) {
        return Some(name.to_owned());
    }
    let lower = name.trim().to_ascii_lowercase();
    let (before, value) = lower.split_once(':').unwrap_or((&lower, ""));
    let near = before.trim().replace(' ', "-");
    let usable = !near.is_empty() && near.len() <= MAX_HEADER && near.bytes().all(token);
    let hint = match (usable, value) {
        (true, "") => format!("write `header = \"{near}\"`"),
        (true, _) => format!(
            "write `header = \"{near}\"`: any value but `0`, `false` and `off` asks for the canary"
        ),
        (false, _) => "write, for example, `header = \"x-canary\"`".to_owned(),
    };
    let message = if name.is_empty() {
        "`header` is empty".to_owned()
    } else {
        format!(
            "`header` is `{}`, which is not a header's name in lower case",
            shown(name)
        )
    };
    findings.report(
        Diagnostic::new(codes::BAD_HEADER, text.span, message)
            .label("not a header's name")
            .note(format!("it is 1 to {MAX_HEADER} lower-case letters, digits and dashes, or another mark that HTTP allows in a name"))
            .hint(hint),
    );
    None
}
