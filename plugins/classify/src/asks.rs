//! What single parts of a letter ask for, where it asks several times.
//!
//! A part is a sentence that asks, with what was said since the part before: "My card is worn. Can I have a new one?" Each is
//! classified as a letter of its own, all in one run of each model.
//!
//! Default: none are asked for, so that no second run is paid. Bounds: as many parts as the config's `asks`, the first ones.

use fleetwright_sdk::nn::{ModelCard, Tensors};
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::text::{asks, sentences};
use fleetwright_sdk::tokenizer;

use crate::{Config, TOKENS, TYPE, answer, taken};

/// What a part asks for, and how sure that is; not its words, which may hold a card's number.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Ask {
    r#type: String,
    confidence: f64,
}

/// The asks of a letter: none where it asks once, or each part is as the others. What is out of scope is no ask.
pub(crate) fn of(letter: &str, heads: &ModelCard, config: &Config) -> Result<Vec<Ask>, Failure> {
    let parts: Vec<_> = parts(letter).into_iter().take(config.asks).collect();
    if parts.len() < 2 || !heads.outputs.contains_key(TYPE) {
        return Ok(Vec::new());
    }
    let scored = score(&parts, heads)?;
    let asks: Vec<_> = answer::likely(heads, &scored, parts.len())?
        .into_iter()
        .filter(|(label, _)| *label != config.out_of_scope)
        .map(|(r#type, confidence)| Ask { r#type, confidence })
        .collect();
    let same = asks
        .windows(2)
        .all(|pair| matches!(pair, [one, next] if one.r#type == next.r#type));
    Ok(if same { Vec::new() } else { asks })
}

/// The parts, in order. What follows the last sentence that asks is none.
fn parts(letter: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for sentence in sentences(letter) {
        if letter.get(sentence.clone()).is_some_and(asks) {
            found.extend(letter.get(start..sentence.end).map(str::trim));
            start = sentence.end;
        }
    }
    found
}

fn score(parts: &[&str], heads: &ModelCard) -> Result<Tensors, Failure> {
    let batch = tokenizer::encode_batch(parts, nn::card("encoder")?.tokens_or(TOKENS));
    let encoded = Model::open("encoder")?.run(batch.inputs()?)?;
    let inputs = batch.inputs()?.into_iter().collect();
    Ok(Model::open("heads")?.run(taken(heads, encoded, inputs)?)?)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_part_ends_with_what_it_asks() {
        assert_eq!(
            parts(
                "Hello, my card is worn. Can I have a new one?\nMy order is late, too. Please look where it is. Thanks."
            ),
            [
                "Hello, my card is worn. Can I have a new one?",
                "My order is late, too. Please look where it is."
            ]
        );
        assert_eq!(parts("It broke."), Vec::<&str>::new());
        assert_eq!(parts(""), Vec::<&str>::new());
    }
}
