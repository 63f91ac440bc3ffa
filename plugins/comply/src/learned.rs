//! What the model reads: each text in rows ([`rows`]), each row scored for the card's labels, the best row of a text flagged where it
//! reaches the rule's threshold.
//!
//! Bounds: those of [`rows`]; what is left out is said. No rule that needs the model, no run of it.

mod rows;

use fleetwright_sdk::nn::{self, ANY};
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::tokenizer::Batch;
use serde_json::{Map, Value};

use self::rows::Row;

use crate::rules::Rules;
use crate::screen::Flag;
use crate::sources::Source;

/// Rows of one run, of those that go together.
const OF_A_RUN: usize = 8;
/// Tokens of a row, where no card says less.
const TOKENS: usize = 256;
/// The output of the heads.
const OUTPUT: &str = "screen";

/// The rules that need a model where none is bound: none of them where one is.
///
/// # Errors
/// Where the manifest asks for such a rule by its name, or binds one of the two roles alone.
pub(crate) fn idle(rules: &Rules) -> Result<Vec<String>, Failure> {
    let missing = match ["encoder", "heads"].map(nn::is_bound) {
        [true, true] => return Ok(Vec::new()),
        [false, true] => "`heads` is bound, and `encoder` is not",
        [true, false] => "`encoder` is bound, and `heads` is not",
        [false, false] => match rules.learned().find(|(_, active, ..)| active.asked) {
            None => {
                let idle = rules
                    .learned()
                    .map(|(_, active, ..)| active.rule.id.to_string());
                return Ok(idle.collect());
            }
            Some((_, active, label, _)) => {
                return Err(Failure::InvalidConfig(format!(
                    "the config asks for rule `{}`, for which a model reads the label `{label}`, and none is bound: add `encoder` and `heads` \
                     to the stage's `models`, or take the rule out of the config",
                    active.rule.id
                )));
            }
        },
    };
    Err(Failure::InvalidConfig(format!(
        "{missing}: bind both in the stage's `models`, or none"
    )))
}

/// Flags of the learned rules, and whether some text was left out.
///
/// # Errors
/// Where a model does, and where a rule names a label that the heads' card has not.
pub(crate) fn read(
    sources: &[Source<'_>],
    fields: &Map<String, Value>,
    rules: &Rules,
) -> Result<(Vec<Flag>, bool), Failure> {
    if rules.learned().next().is_none() {
        return Ok((Vec::new(), false));
    }
    let card = nn::card("heads")?;
    let labels = card.labels(OUTPUT)?;
    let columns = columns(rules, labels)?;
    let tokens = card.tokens_or(TOKENS);
    let tokens = nn::card("encoder")?.tokens_or(TOKENS).min(tokens);
    let (rows, cut) = rows::all(sources, fields, tokens);
    let mut best: Vec<Option<(f32, &Row)>> = vec![None; columns.len() * sources.len()];
    let runs = rows.chunk_by(|one, next| !one.apart && !next.apart);
    for run in runs.flat_map(|rows| rows.chunks(OF_A_RUN)) {
        let scores = score(run, labels.len())?;
        for (row, scores) in run.iter().zip(scores.chunks(labels.len())) {
            for (place, column) in columns.iter().enumerate() {
                let score = scores.get(*column).copied().unwrap_or_default();
                let slot = best.get_mut(row.source * columns.len() + place);
                if let Some(slot) = slot.filter(|slot| slot.is_none_or(|(other, _)| score > other))
                {
                    *slot = Some((score, row));
                }
            }
        }
    }
    let flags = sources
        .iter()
        .zip(best.chunks(columns.len()))
        .flat_map(|(source, best)| flagged(source, rules, best));
    Ok((flags.collect(), cut))
}

/// For each learned rule the place of its label among the card's.
fn columns(rules: &Rules, labels: &[String]) -> Result<Vec<usize>, Failure> {
    let place = |(_, active, label, _): (usize, &crate::rules::Active, &str, f32)| {
        labels.iter().position(|known| known == label).ok_or_else(|| {
            Failure::InvalidConfig(format!(
                "rule `{}` reads the label `{label}`, and the model bound to `heads` has {}: switch the rule off, or bind heads that \
                 have the label",
                active.rule.id,
                labels.join(", ")
            ))
        })
    };
    rules.learned().map(place).collect()
}

/// The flags of one text: of each learned rule, where its best row reaches the threshold.
fn flagged(source: &Source<'_>, rules: &Rules, best: &[Option<(f32, &Row)>]) -> Vec<Flag> {
    let reached = rules
        .learned()
        .zip(best)
        .filter_map(|((_, active, label, at), best)| {
            let (score, row) = (*best)?;
            let reason = format!("the model reads `{label}` here, with {score:.2}");
            (score >= at).then(|| Flag {
                confidence: Some(score),
                ..Flag::new(active, source.name.clone(), row.span, String::new(), reason)
            })
        });
    reached.collect()
}

/// The probabilities of some rows, one after the other.
fn score(rows: &[Row], labels: usize) -> Result<Vec<f32>, Failure> {
    let batch = Batch::of(rows.iter().map(|row| row.encoding.clone()).collect());
    let mut encoded = Model::open("encoder")?.run(batch.inputs()?)?;
    let states = encoded.take("states")?;
    let [_, mask] = batch.inputs()?;
    let scored = Model::open("heads")?.run([("states", states), mask])?;
    let scores = scored.f32(OUTPUT)?.shaped(&[rows.len(), ANY])?;
    if scores.len() != rows.len() * labels {
        return Err(Failure::Inference(format!(
            "output `{OUTPUT}` of the heads has {} columns and its card {labels} labels: make the card anew",
            scores.len() / rows.len().max(1)
        )));
    }
    Ok(scores.to_vec())
}
