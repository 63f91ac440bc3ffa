//! What single parts of a letter ask for, where it asks several times.
//!
//! A part is a sentence that asks, with what was said since the part before: "My card is worn. Can I have a new one?" Of a letter whose type
//! is not sure, a paragraph is one as well, and so is what follows a turn such as "also": many tell what is wrong and ask nothing. Each is
//! classified as a letter of its own, all in one run of each model.
//!
//! Default: none are looked at, so that no second run is paid; with `asks`, paragraphs below a confidence of 0.9. Bounds: as many parts
//! as the config's `asks`, the first ones.

use fleetwright_sdk::nn::{ModelCard, Tensors};
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::text::{asks, sentences, word_count};
use fleetwright_sdk::tokenizer;

use crate::{Config, TOKENS, TYPE, answer, taken};

/// Words that a part has at least; fewer go with what follows, or with nothing.
const SAID: usize = 5;
/// With these begins what is about something else.
const ADDING: [&str; 18] = [
    "also",
    "another",
    "additionally",
    "besides",
    "furthermore",
    "moreover",
    "separately",
    "secondly",
    "second",
    "in addition",
    "one more thing",
    "on another note",
    "on top of that",
    "by the way",
    "while i am at it",
    "apart from that",
    "ps",
    "p.s",
];

/// What a part asks for, and how sure that is; not its words, which may hold a card's number.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Ask {
    r#type: String,
    confidence: f64,
}

/// The asks of a letter: none where it asks once, or each part is as the others. What is out of scope is no ask.
///
/// `confidence` is that in the type of the whole letter.
pub(crate) fn of(
    letter: &str,
    confidence: f64,
    heads: &ModelCard,
    config: &Config,
) -> Result<Vec<Ask>, Failure> {
    if config.asks < 2 {
        return Ok(Vec::new());
    }
    let sure = confidence >= config.asks_below;
    let parts: Vec<_> = parts(letter, sure).into_iter().take(config.asks).collect();
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

/// The parts, in order: what stands behind what asked before; unless `asking` alone is wanted, what stands between blank lines and before
/// what adds, too, and what follows the last of them.
fn parts(letter: &str, asking: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut last) = (0, 0);
    for sentence in sentences(letter) {
        let told = letter.get(sentence.clone()).unwrap_or_default();
        let gap = letter.get(last..sentence.start).unwrap_or_default();
        let parted = !asking && (gap.matches('\n').count() > 1 || adds(told));
        let before = letter.get(start..last).unwrap_or_default().trim();
        if parted && word_count(before) >= SAID {
            found.push(before);
            start = sentence.start;
        }
        last = sentence.end;
        if asks(told) {
            found.extend(letter.get(start..last).map(str::trim));
            start = last;
        }
    }
    let rest = letter.get(start..).unwrap_or_default().trim();
    if !asking && word_count(rest) >= SAID {
        found.push(rest);
    }
    found
}

/// Whether a sentence begins as one that adds something else.
fn adds(sentence: &str) -> bool {
    let lower = sentence
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    let begins = |turn: &&str| {
        lower.strip_prefix(*turn).is_some_and(|rest| {
            !rest.starts_with(|c: char| c.is_alphanumeric() || "-'’".contains(c))
        })
    };
    ADDING.iter().any(begins)
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
        let letter = "Hello, my card is worn. Can I have a new one?\nMy order is late, too. Please look where it is. Thanks.";
        let both = [
            "Hello, my card is worn. Can I have a new one?",
            "My order is late, too. Please look where it is.",
        ];
        assert_eq!(parts(letter, true), both);
        assert_eq!(parts(letter, false), both);
        assert_eq!(parts("It broke.", true), Vec::<&str>::new());
        assert_eq!(parts("", false), Vec::<&str>::new());
    }

    #[test]
    fn paragraphs_and_what_is_added_are_parts() {
        assert_eq!(
            parts(
                "Two things\n\nThe lamp came broken on Monday. It is the tall one.\n\nAlso, my card was charged twice. PS: your page is down since noon today.\n\nBest",
                false
            ),
            [
                "Two things\n\nThe lamp came broken on Monday. It is the tall one.",
                "Also, my card was charged twice.",
                "PS: your page is down since noon today.",
            ]
        );
        // Neither adds anything, and what is short goes with what follows.
        for letter in [
            "Alsop was here.\n\nMy order is late.",
            "I bought a lamp from you. Second-hand lamps should still work.",
        ] {
            assert_eq!(parts(letter, false), [letter]);
        }
    }
}
