//! What the model reads: each text in pieces of 126 tokens, each piece scored for the card's labels, the best piece of a text
//! flagged where it reaches the rule's threshold.
//!
//! Bounds: 24 pieces of a text, half from its start and half from its end, and 48 of a submission; what is left out is said. No rule
//! that needs the model, no run of it.

use fleetwright_detect::Span;
use fleetwright_sdk::nn::{self, ANY};
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::tokenizer::{self, CLS, PAD, SEP};

use crate::rules::Rules;
use crate::screen::Flag;
use crate::sources::Source;

/// Tokens of a piece, and how far the next one starts behind it: what the heads were trained on.
const PIECE: usize = 126;
const STEP: usize = 94;
/// Pieces of one text, of a submission, and of one run.
const OF_A_TEXT: usize = 24;
const OF_ALL: usize = 48;
const OF_A_RUN: usize = 8;
/// The output of the heads.
const OUTPUT: &str = "screen";

/// A piece of a text.
struct Piece {
    source: usize,
    ids: Vec<i64>,
    span: Span,
}

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
pub(crate) fn read(sources: &[Source<'_>], rules: &Rules) -> Result<(Vec<Flag>, bool), Failure> {
    if rules.learned().next().is_none() {
        return Ok((Vec::new(), false));
    }
    let (pieces, cut) = pieces(sources);
    let card = nn::card("heads")?;
    let labels = card.labels(OUTPUT)?;
    let columns = columns(rules, labels)?;
    let mut best: Vec<Option<(f32, &Piece)>> = vec![None; columns.len() * sources.len()];
    for run in pieces.chunks(OF_A_RUN) {
        let scores = score(run, labels.len())?;
        for (piece, row) in run.iter().zip(scores.chunks(labels.len())) {
            for (place, column) in columns.iter().enumerate() {
                let score = row.get(*column).copied().unwrap_or_default();
                let slot = best.get_mut(piece.source * columns.len() + place);
                if let Some(slot) = slot.filter(|slot| slot.is_none_or(|(other, _)| score > other))
                {
                    *slot = Some((score, piece));
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

/// The flags of one text: of each learned rule, where its best piece reaches the threshold.
fn flagged(source: &Source<'_>, rules: &Rules, best: &[Option<(f32, &Piece)>]) -> Vec<Flag> {
    let reached = rules
        .learned()
        .zip(best)
        .filter_map(|((_, active, label, at), best)| {
            let (score, piece) = (*best)?;
            let reason = format!("the model reads `{label}` here, with {score:.2}");
            let span = source.original(piece.span);
            (score >= at).then(|| Flag {
                confidence: Some(score),
                ..Flag::new(active, source.name.clone(), span, String::new(), reason)
            })
        });
    reached.collect()
}

/// The pieces of what was submitted, and whether some were left out.
fn pieces(sources: &[Source<'_>]) -> (Vec<Piece>, bool) {
    let (mut pieces, mut cut) = (Vec::new(), false);
    for (place, source) in sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.stage.is_none())
    {
        let mut own = pieces_of(place, source.shown());
        let room = OF_A_TEXT.min(OF_ALL - pieces.len());
        if own.len() > room {
            cut = true;
            let last = own.len() - room / 2;
            let first = room - room / 2;
            own.drain(first..last);
        }
        pieces.append(&mut own);
    }
    (pieces, cut)
}

fn pieces_of(source: usize, text: &str) -> Vec<Piece> {
    let encoding = tokenizer::encode(text, usize::MAX);
    let inner = 1..encoding.ids.len().saturating_sub(1);
    let ids = encoding.ids.get(inner.clone()).unwrap_or_default();
    let offsets = encoding.offsets.get(inner).unwrap_or_default();
    let mut found = Vec::new();
    let mut start = 0;
    while start < ids.len() {
        let end = ids.len().min(start + PIECE);
        let (part, places) = (
            ids.get(start..end).unwrap_or_default(),
            offsets.get(start..end).unwrap_or_default(),
        );
        let span = Span {
            start: places.first().map_or(0, |range| range.start),
            end: places.last().map_or(0, |range| range.end),
        };
        let row = [&[CLS], part, &[SEP]].concat();
        found.push(Piece {
            source,
            ids: row,
            span,
        });
        if end == ids.len() {
            break;
        }
        start += STEP;
    }
    found
}

/// The probabilities of some pieces, row by row.
fn score(pieces: &[Piece], labels: usize) -> Result<Vec<f32>, Failure> {
    let length = pieces
        .iter()
        .map(|piece| piece.ids.len())
        .max()
        .unwrap_or(0);
    let dims = [pieces.len(), length];
    let padded = |of: fn(i64) -> i64, pad: i64| -> Vec<i64> {
        pieces
            .iter()
            .flat_map(|piece| {
                let own = piece.ids.iter().map(move |id| of(*id));
                own.chain(std::iter::repeat_n(pad, length - piece.ids.len()))
            })
            .collect()
    };
    let mask = padded(|_| 1, 0);
    let inputs = [
        ("input_ids", Tensor::new(&dims, &padded(|id| id, PAD))?),
        ("attention_mask", Tensor::new(&dims, &mask)?),
    ];
    let mut encoded = Model::open("encoder")?.run(inputs)?;
    let states = encoded.take("states")?;
    let given = [
        ("states", states),
        ("attention_mask", Tensor::new(&dims, &mask)?),
    ];
    let scored = Model::open("heads")?.run(given)?;
    let scores = scored.f32(OUTPUT)?.shaped(&[pieces.len(), ANY])?;
    if scores.len() != pieces.len() * labels {
        return Err(Failure::Inference(format!(
            "output `{OUTPUT}` of the heads has {} columns and its card {labels} labels: make the card anew",
            scores.len() / pieces.len().max(1)
        )));
    }
    Ok(scores.to_vec())
}
