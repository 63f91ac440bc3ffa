//! What the stage answers: one finding for each output of the heads, read off their card.
//!
//! Bounds: an output must have labels, as many as classes, and give probabilities; its name must leave the answer's own members
//! alone. Anything else is a failure that names the output.

use std::collections::BTreeMap;

use fleetwright_sdk::nn::{ANY, ModelCard, Tensors};
use fleetwright_sdk::prelude::*;
use serde_json::Value;

use super::{Config, TYPE};
use crate::asks::Ask;

/// The labels of a flag.
const FLAG: [&str; 2] = ["no", "yes"];
/// What an answer says besides its findings.
const RESERVED: [&str; 5] = [
    "alternatives",
    "asks",
    "out_of_scope",
    "low_confidence",
    "nothing_read",
];
/// What follows the name of an output where its confidence stands.
const CONFIDENCE: &str = "_confidence";

/// The stage's answer. Each confidence is a calibrated probability.
#[derive(Debug, Serialize)]
pub struct Classification {
    /// Under the name of each output its label, true or false for a flag; under `NAME_confidence` how probable that is.
    #[serde(flatten)]
    findings: BTreeMap<String, Value>,
    alternatives: Vec<Alternative>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asks: Vec<Ask>,
    out_of_scope: bool,
    low_confidence: bool,
    nothing_read: bool,
}

/// A type, and how probable it is.
#[derive(Debug, Serialize)]
struct Alternative {
    r#type: String,
    confidence: f64,
}

impl Classification {
    pub(super) fn of(findings: &[Finding<'_>], asks: Vec<Ask>, config: &Config) -> Self {
        let types = findings.iter().find(|finding| finding.output == TYPE);
        let ranked = types.map_or(&[][..], |types| &types.ranked);
        let alternatives = ranked.iter().take(config.alternatives);
        Self {
            findings: findings.iter().flat_map(Finding::members).collect(),
            alternatives: alternatives
                .map(|(label, probability)| Alternative {
                    r#type: (*label).to_owned(),
                    confidence: rounded(*probability),
                })
                .collect(),
            asks,
            out_of_scope: types.is_some_and(|types| types.label == config.out_of_scope),
            low_confidence: confidence(findings) < f64::from(config.floor),
            nothing_read: false,
        }
    }

    /// Of a submission without text: nothing is claimed, least of all that it is out of scope.
    pub(super) fn of_nothing(questions: &[Question<'_>], config: &Config) -> Self {
        let unanswered = |question: &Question<'_>| {
            let label = (question.output == TYPE).then(|| config.out_of_scope.clone());
            members(question.output, label.into(), 0.0)
        };
        Self {
            findings: questions.iter().flat_map(unanswered).collect(),
            alternatives: Vec::new(),
            asks: Vec::new(),
            out_of_scope: false,
            low_confidence: true,
            nothing_read: true,
        }
    }
}

/// An output of the heads, with its labels.
#[derive(Debug)]
pub(super) struct Question<'a> {
    output: &'a str,
    labels: &'a [String],
}

/// All outputs of the heads.
pub(super) fn questions(heads: &ModelCard) -> Result<Vec<Question<'_>>, Failure> {
    let outputs = heads.outputs.keys();
    let questions = outputs.map(|output| {
        if RESERVED.contains(&output.as_str()) || output.ends_with(CONFIDENCE) {
            return Err(Failure::Inference(format!(
                "the heads' output `{output}` would stand where the answer says something else: name it anew in model and \
                 card, neither {RESERVED:?} nor with `{CONFIDENCE}` at its end"
            )));
        }
        let labels = heads.labels(output)?;
        Ok(Question { output, labels })
    });
    questions.collect()
}

/// What the heads found for one output.
#[derive(Debug)]
pub(super) struct Finding<'a> {
    output: &'a str,
    /// The most probable label, and whether the output is a flag.
    label: &'a str,
    is_flag: bool,
    confidence: f64,
    /// All labels with their probabilities, the most probable first.
    ranked: Vec<(&'a str, f32)>,
}

pub(super) fn findings<'a>(
    questions: &[Question<'a>],
    scored: &Tensors,
) -> Result<Vec<Finding<'a>>, Failure> {
    let found = questions.iter().map(|question| {
        let scores = scored.f32(question.output)?.shaped(&[1, ANY])?;
        let ranked = ranked(question.output, question.labels, &scores)?;
        let (label, confidence) = best(question.output, &ranked)?;
        Ok(Finding {
            output: question.output,
            label,
            is_flag: question.labels == FLAG,
            confidence,
            ranked,
        })
    });
    found.collect()
}

/// The stage's: that of the type, or of the least sure answer of heads without one.
pub(super) fn confidence(findings: &[Finding<'_>]) -> f64 {
    let types = findings.iter().find(|finding| finding.output == TYPE);
    let least = || {
        findings
            .iter()
            .map(|one| one.confidence)
            .fold(1.0, f64::min)
    };
    types.map_or_else(least, |types| types.confidence)
}

impl Finding<'_> {
    fn members(&self) -> [(String, Value); 2] {
        let value = if self.is_flag {
            Value::from(self.label == FLAG[1])
        } else {
            Value::from(self.label)
        };
        members(self.output, value, self.confidence)
    }
}

fn members(output: &str, value: Value, confidence: f64) -> [(String, Value); 2] {
    let name = format!("{output}{CONFIDENCE}");
    [(output.to_owned(), value), (name, confidence.into())]
}

/// The most probable type of each of so many texts.
pub(super) fn likely(
    heads: &ModelCard,
    scored: &Tensors,
    texts: usize,
) -> Result<Vec<(String, f64)>, Failure> {
    let labels = heads.labels(TYPE)?;
    let scores = scored.f32(TYPE)?.shaped(&[texts, ANY])?;
    let found = scores.rows().map(|row| {
        let (label, confidence) = best(TYPE, &ranked(TYPE, labels, row)?)?;
        Ok((label.to_owned(), confidence))
    });
    found.collect()
}

/// The labels with their probabilities, the most probable first.
fn ranked<'a>(
    output: &str,
    labels: &'a [String],
    scores: &[f32],
) -> Result<Vec<(&'a str, f32)>, Failure> {
    if scores.len() != labels.len() {
        return Err(Failure::Inference(format!(
            "output `{output}` of the heads has {} classes and its card {} labels: make the card anew",
            scores.len(),
            labels.len()
        )));
    }
    let labels = labels.iter().map(String::as_str);
    let mut ranked: Vec<_> = labels.zip(scores.iter().copied()).collect();
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
    Ok(ranked)
}

fn best<'a>(output: &str, ranked: &[(&'a str, f32)]) -> Result<(&'a str, f64), Failure> {
    match ranked.first() {
        Some((label, probability)) if (0.0..=1.001).contains(probability) => {
            Ok((label, rounded(*probability)))
        }
        Some((label, probability)) => Err(Failure::Inference(format!(
            "`{label}` of output `{output}` has the probability {probability}: bind heads that end in softmax"
        ))),
        None => Err(Failure::Inference(format!(
            "output `{output}` of the heads has no classes"
        ))),
    }
}

/// Four decimals: what a reader can use, and the same text on every machine.
fn rounded(probability: f32) -> f64 {
    (f64::from(probability) * 1e4).round().clamp(0.0, 1e4) / 1e4
}
