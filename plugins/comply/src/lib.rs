//! The `comply` stage: finds what must not go further as it stands, redacts it, and holds what a person must see.
//!
//! No model: detectors with checksums and formats, each behind a rule with an id. README.md beside this crate lists the
//! rules, their checks and their defaults. The config sets the action of each rule.
//!
//! Bounds: 256 KiB of each text are read (a longer one is flagged), 200 flags, 16 KiB of each redacted text.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod national;
mod phrase;
mod redact;
mod rules;
mod screen;
mod secret;
mod sources;

use std::collections::BTreeMap;

use fleetwright_sdk::prelude::*;
use serde_json::{Map, Value};

pub use redact::redact;
pub use rules::{Action, RULES, Rule, Severity};
pub use screen::{Flag, screen};
pub use sources::{Source, collect};

stage! {
    name: "comply",
    summary: "Finds card numbers, secrets and identities by checksum and format, redacts them, and holds what a person must see.",
    roles: {},
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: handle,
}

/// How many flags an answer carries.
const FLAGS: usize = 200;

/// The stage's config.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Actions by rule id, where they differ from the rule's default.
    pub rules: BTreeMap<String, Action>,
    /// ISO 3166 code of the country that national telephone numbers belong to.
    pub country: Option<String>,
}

impl Config {
    /// The action of a rule.
    pub fn action(&self, rule: &Rule) -> Action {
        self.rules.get(rule.id).copied().unwrap_or(rule.action)
    }
}

/// The stage's answer.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What was found, in the order of the text.
    pub flags: Vec<Flag>,
    /// Subject and body with what was found replaced; a text that was not granted is absent.
    pub redacted: BTreeMap<&'static str, String>,
    /// The rule that holds the submission, or none.
    pub held_by: Option<&'static str>,
    /// Whether flags or text were left out for their number or length.
    pub truncated: bool,
}

fn handle(
    request: Request<Map<String, Value>>,
    config: Config,
) -> Result<Answer<Verdict>, Failure> {
    if let Some(unknown) = config.rules.keys().find(|id| rules::find(id).is_none()) {
        return Err(Failure::InvalidConfig(format!(
            "there is no rule `{unknown}`: see README.md of the plugin for the rules"
        )));
    }
    let (verdict, hold) = judge(&request.fields, &request.attachments, &config);
    let answer = Answer::new(verdict);
    Ok(match hold {
        Some(reason) => answer.hold(reason),
        None => answer,
    })
}

/// Screens a submission; beside the verdict, the reason for holding it where a rule does.
pub fn judge(
    fields: &Map<String, Value>,
    attachments: &[Attachment],
    config: &Config,
) -> (Verdict, Option<String>) {
    let sources = collect(fields, attachments);
    let mut flags = screen(&sources, config);
    for flag in screen::reported(fields, config) {
        let known = |other: &Flag| (&other.place, other.start) == (&flag.place, flag.start);
        if !flags.iter().any(known) {
            flags.push(flag);
        }
    }
    let mut truncated = flags.len() > FLAGS;
    let mut redacted = BTreeMap::new();
    for source in sources
        .iter()
        .filter(|source| matches!(source.name.as_str(), "subject" | "body"))
    {
        let (text, cut) = redact(source, &flags);
        truncated |= cut;
        redacted.insert(
            if source.name == "body" {
                "body"
            } else {
                "subject"
            },
            text,
        );
    }
    if flags.len() > FLAGS {
        flags.sort_by_key(|flag| flag.severity); // stable: the gravest stay, each in its order
        flags.truncate(FLAGS);
    }
    let holding = flags
        .iter()
        .filter(|flag| flag.action == Action::Hold)
        .min_by_key(|flag| flag.severity);
    let reason = holding.map(|flag| {
        format!(
            "rule `{}` holds this: {} (in {})",
            flag.rule, flag.reason, flag.place
        )
    });
    (
        Verdict {
            held_by: holding.map(|flag| flag.rule),
            redacted,
            truncated,
            flags,
        },
        reason,
    )
}

#[cfg(test)]
mod tests;
