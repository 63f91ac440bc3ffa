//! The `comply` stage: finds what must not go further as it stands, redacts it, and holds what a person must see.
//!
//! Rules come in packs (`packs/*.toml`, README.md): deterministic detectors with checksums and formats, set phrases, and labels that
//! a model reads where one is bound; else these rules are named as idle. The manifest chooses packs and actions, and may bring packs of its own. Every text is read as it looks: what is
//! disguised by invisible or foreign characters is found where it stands.
//!
//! Bounds: 256 KiB of each text are read (a longer one is flagged), 200 flags of 44 KiB together, 16 KiB for all redacted texts
//! together, 24 rows of 256 tokens for the model.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod detectors;
mod learned;
mod national;
mod pack;
mod redact;
mod rules;
mod screen;
mod secret;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use fleetwright_sdk::prelude::*;
use serde_json::{Map, Value};

pub use pack::{Action, Check, OwnPack, Pack, Reads, Rule, SHIPPED, Scope, Severity};
pub use rules::{Active, Rules};
pub use screen::{Flag, screen};
pub use sources::{Source, collect};

stage! {
    name: "comply",
    summary: "Flags what compliance must see by packs of rules with checksums, formats, phrases and a model; redacts it, and holds what a person must see.",
    roles: {
        "encoder?": "`input_ids` and `attention_mask` i64 [batch, tokens] to `states` f32 [batch, tokens, hidden], such as minilm",
        "heads?": "`states` and `attention_mask` to the probabilities `screen` f32 [batch, labels], labelled in the card, such as comply-heads",
    },
    config_schema: include_str!("../config.schema.json"),
    answer_schema: include_str!("../answer.schema.json"),
    handle: handle,
}

/// How many flags an answer carries.
const FLAGS: usize = 200;
/// How many bytes they take together, as they are written in it.
const FLAGS_ROOM: usize = 44 * 1024;

/// The stage's config.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The packs to use, each `name` or `name@version`; all that are shipped where it is absent.
    pub packs: Option<Vec<String>>,
    /// Packs that the manifest brings; one of a shipped one's name takes its place.
    pub own: Vec<OwnPack>,
    /// Actions by rule id, where they differ from the rule's default.
    pub rules: BTreeMap<String, Action>,
    /// ISO 3166 code of the country that national telephone numbers belong to.
    pub country: Option<String>,
}

/// The stage's answer.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What was found, in the order of the texts.
    pub flags: Vec<Flag>,
    /// The texts with what was found replaced.
    pub redacted: Redacted,
    /// The rule that holds the submission, or none.
    pub held_by: Option<String>,
    /// Whether flags or text were left out for their number or length.
    pub truncated: bool,
    /// The rules that did not look, since they need a model and none is bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idle: Vec<String>,
}

/// Redacted texts; one that was not granted is absent.
#[derive(Debug, Default, Serialize)]
pub struct Redacted {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Strings of earlier answers in which something was replaced, by `stage.path`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    answers: BTreeMap<String, String>,
}

fn handle(
    request: Request<Map<String, Value>>,
    config: Config,
) -> Result<Answer<Verdict>, Failure> {
    let rules = Rules::chosen(&config).map_err(Failure::InvalidConfig)?;
    let sources = collect(&request.fields, &request.attachments);
    let mut flags = screen(&sources, &rules, config.country.as_deref());
    for flag in screen::reported(&request.fields, &rules) {
        let known = |other: &Flag| (&other.place, other.start) == (&flag.place, flag.start);
        if !flags.iter().any(known) {
            flags.push(flag);
        }
    }
    let idle = learned::idle(&rules)?;
    let mut cut = false;
    if idle.is_empty() {
        let (learned, shortened) = learned::read(&sources, &request.fields, &rules)?;
        flags.extend(learned);
        cut = shortened;
    }
    let (mut verdict, hold) = judge(&sources, flags, cut);
    verdict.idle = idle;
    let answer = Answer::new(verdict);
    Ok(match hold {
        Some(reason) => answer.hold(reason),
        None => answer,
    })
}

/// The verdict on some flags; beside it, the reason for holding the submission where a rule does.
fn judge(sources: &[Source<'_>], flags: Vec<Flag>, cut: bool) -> (Verdict, Option<String>) {
    let (redacted, shortened) = redact::all(sources, &flags);
    let found = flags.len();
    let flags = most(flags);
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
    let held_by = holding.map(|flag| flag.rule.clone());
    let truncated = cut || shortened || flags.len() < found;
    (
        Verdict {
            flags,
            redacted,
            held_by,
            truncated,
            idle: Vec::new(),
        },
        reason,
    )
}

/// As many flags as an answer carries, in their order. Of more, the first of each rule, so that many of one hide no other, and then
/// the gravest.
fn most(mut flags: Vec<Flag>) -> Vec<Flag> {
    let mut rules = BTreeSet::new();
    let mut ranked: Vec<(bool, Severity, usize)> = flags
        .iter()
        .enumerate()
        .map(|(place, flag)| (!rules.insert(flag.rule.as_str()), flag.severity, place))
        .collect();
    ranked.sort_unstable();
    let mut room = FLAGS_ROOM;
    let fits = |(.., place): &(bool, Severity, usize)| {
        let length = flags.get(*place).map_or(0, Flag::written);
        let left = room.checked_sub(length);
        room = left.unwrap_or(room);
        left.is_some()
    };
    let kept: BTreeSet<usize> = ranked
        .into_iter()
        .filter(fits)
        .take(FLAGS)
        .map(|(.., place)| place)
        .collect();
    let mut places = 0..;
    flags.retain(|_| places.next().is_some_and(|place| kept.contains(&place)));
    flags
}

#[cfg(test)]
mod tests;
