//! A new version beside the one that serves: [`Canary`] and [`Shadow`].
//!
//! Purpose: a stage may try a candidate on a part of its submissions (canary: its answers count, and it is promoted or
//! rolled back by its figures), or let one run beside (shadow: its answers are only compared). A candidate has the
//! stage's name, `reads`, `needs`, `when`, `limits`, `on_error` and `wasi`. Its plugin may have another name than the
//! stage's; that it answers in the same shape is held by the plugins' own descriptions, not here. Defaults: the stage's
//! models and config, [`Canary::PROMOTE_AFTER`] and its neighbours. Bounds: the ranges beside each field.

use crate::{Reference, Span, Stage};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A candidate that answers a part of a stage's submissions.
#[derive(Debug, Clone, PartialEq)]
pub struct Canary {
    /// Which plugin.
    pub plugin: Reference,
    /// The digest that the component must have. Default: any, also where the stage's own is pinned.
    pub digest: Option<String>,
    /// Which submissions it answers.
    pub split: Split,
    /// How long it must do well before it takes the stage over, up to 720 h. Default 10 min.
    pub promote_after: Duration,
    /// The share of its calls that may fail, from 0 to 1; beyond, it is rolled back. Default 0.05.
    pub max_error_rate: f64,
    /// Its 99th percentile over the stage's, from 1 to 100; beyond, it is rolled back. Default 1.5.
    pub max_p99_ratio: f64,
    /// Calls before it is judged at all, from 1 to 1 000 000. Default 100.
    pub min_requests: u32,
    /// Role → key in [`crate::Manifest::models`]; `None` is the stage's. See [`Canary::models_in`].
    pub models: Option<BTreeMap<String, String>>,
    /// What it is configured with; `None` is the stage's. See [`Canary::config_in`].
    pub config: Option<Map<String, Value>>,
    /// Places in the file.
    pub spans: CanarySpans,
}

impl Canary {
    /// Default of `promote_after`.
    pub const PROMOTE_AFTER: Duration = Duration::from_secs(600);
    /// Default of `max_error_rate`.
    pub const MAX_ERROR_RATE: f64 = 0.05;
    /// Default of `max_p99_ratio`.
    pub const MAX_P99_RATIO: f64 = 1.5;
    /// Default of `min_requests`.
    pub const MIN_REQUESTS: u32 = 100;

    /// The models that it is bound to, in the stage that it stands in.
    #[must_use]
    pub fn models_in<'a>(&'a self, stage: &'a Stage) -> &'a BTreeMap<String, String> {
        self.models.as_ref().unwrap_or(&stage.models)
    }

    /// What it is configured with, in the stage that it stands in.
    #[must_use]
    pub fn config_in<'a>(&'a self, stage: &'a Stage) -> &'a Map<String, Value> {
        self.config.as_ref().unwrap_or(&stage.config)
    }
}

/// Which submissions a canary answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    /// This share of them, above 0 and at most 1, drawn by the submission's id.
    Weight(f64),
    /// Those that come over HTTP with this header, its name in lower case, and a value other than `0`, `false` and `off`.
    Header(String),
}

/// A candidate that runs beside a stage and never answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Shadow {
    /// Which plugin.
    pub plugin: Reference,
    /// The digest that the component must have. Default: any, also where the stage's own is pinned.
    pub digest: Option<String>,
    /// The share of the stage's submissions that it sees, above 0 and at most 1. Default 1.
    pub sample: f64,
    /// Role → key in [`crate::Manifest::models`]; `None` is the stage's. See [`Shadow::models_in`].
    pub models: Option<BTreeMap<String, String>>,
    /// What it is configured with; `None` is the stage's. See [`Shadow::config_in`].
    pub config: Option<Map<String, Value>>,
    /// Places in the file.
    pub spans: ShadowSpans,
}

impl Shadow {
    /// Default of `sample`.
    pub const SAMPLE: f64 = 1.0;

    /// The models that it is bound to, in the stage that it stands in.
    #[must_use]
    pub fn models_in<'a>(&'a self, stage: &'a Stage) -> &'a BTreeMap<String, String> {
        self.models.as_ref().unwrap_or(&stage.models)
    }

    /// What it is configured with, in the stage that it stands in.
    #[must_use]
    pub fn config_in<'a>(&'a self, stage: &'a Stage) -> &'a Map<String, Value> {
        self.config.as_ref().unwrap_or(&stage.config)
    }
}

/// A share of 1 as a percentage: `10 %`.
pub(crate) fn percent(share: f64) -> String {
    let rounded = (share * 1e8).round() / 1e6;
    let exact = (rounded - share * 100.0).abs() <= share * 1e-10;
    // A share too small for six decimals is shown as it is.
    let value = if exact { rounded } else { share * 100.0 };
    format!("{value} %")
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight(share) => f.write_str(&percent(*share)),
            Self::Header(name) => write!(f, "header {name}"),
        }
    }
}

/// `classify@2 at 10 %`.
impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.split {
            Split::Weight(_) => write!(f, "{} at {}", self.plugin, self.split),
            Split::Header(_) => write!(f, "{} by {}", self.plugin, self.split),
        }
    }
}

/// `classify@2 on 10 %`.
impl fmt::Display for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.plugin, percent(self.sample))
    }
}

/// Where a canary stands in the file. Never part of equality.
#[derive(Debug, Clone, Default)]
pub struct CanarySpans {
    /// The line `[stage.canary]`, or the inline table.
    pub canary: Span,
    /// The value of `plugin`.
    pub plugin: Span,
    /// The value of `digest`.
    pub digest: Option<Span>,
    /// The value of `weight`, or of `header`.
    pub split: Span,
    /// The value of `models`.
    pub models: Option<Span>,
    /// Each role's name in `models`.
    pub roles: BTreeMap<String, Span>,
    /// The value of `config`.
    pub config: Option<Span>,
    /// Every value within `config`, by JSON pointer.
    pub config_values: BTreeMap<String, Span>,
}

impl CanarySpans {
    /// The place of a value in the canary's own `config` by JSON pointer, or of the nearest value around it, or of the
    /// canary.
    #[must_use]
    pub fn config_at(&self, pointer: &str) -> Span {
        place_at(&self.config_values, pointer)
            .or(self.config)
            .unwrap_or(self.canary)
    }
}

/// Where a shadow stands in the file. Never part of equality.
#[derive(Debug, Clone, Default)]
pub struct ShadowSpans {
    /// The line `[stage.shadow]`, or the inline table.
    pub shadow: Span,
    /// The value of `plugin`.
    pub plugin: Span,
    /// The value of `digest`.
    pub digest: Option<Span>,
    /// The value of `sample`.
    pub sample: Option<Span>,
    /// The value of `models`.
    pub models: Option<Span>,
    /// Each role's name in `models`.
    pub roles: BTreeMap<String, Span>,
    /// The value of `config`.
    pub config: Option<Span>,
    /// Every value within `config`, by JSON pointer.
    pub config_values: BTreeMap<String, Span>,
}

impl ShadowSpans {
    /// The place of a value in the shadow's own `config` by JSON pointer, or of the nearest value around it, or of the
    /// shadow.
    #[must_use]
    pub fn config_at(&self, pointer: &str) -> Span {
        place_at(&self.config_values, pointer)
            .or(self.config)
            .unwrap_or(self.shadow)
    }
}

/// The place of the value at a JSON pointer, or of the nearest around it.
pub(crate) fn place_at(places: &BTreeMap<String, Span>, pointer: &str) -> Option<Span> {
    let mut pointer = pointer;
    loop {
        if let Some(span) = places.get(pointer) {
            return Some(*span);
        }
        pointer = pointer.get(..pointer.rfind('/')?).unwrap_or("");
    }
}

impl PartialEq for CanarySpans {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl PartialEq for ShadowSpans {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_show_as_percentages() {
        for (share, shown) in [
            (0.1, "10 %"),
            (0.07, "7 %"),
            (0.29, "29 %"),
            (1.0, "100 %"),
            (0.005, "0.5 %"),
            (1.0 / 3.0, "33.33333333333333 %"),
        ] {
            assert_eq!(percent(share), shown);
        }
        assert_ne!(percent(1e-9), "0 %");
    }
}
