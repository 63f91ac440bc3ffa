//! ROUGE-1, -2 and -L, the F measure of each: the numbers that the Python package `rouge-score` 0.1.2 gives.
//!
//! Words are runs of `a` to `z` and digits of the text in lower case; with stemming, those of more than three letters are
//! reduced to their stems. ROUGE-L is the longest common subsequence of the whole texts. Of several references the best
//! counts, for each measure by itself. Cost: the product of both lengths in words.

mod stem;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use stem::stem;

/// Words up to this length stand for themselves.
const UNSTEMMED: usize = 3;

/// F measures, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rouge {
    /// Of words.
    pub one: f64,
    /// Of pairs of words.
    pub two: f64,
    /// Of the longest common subsequence.
    pub longest: f64,
}

impl Rouge {
    /// Compares a text with its references.
    #[must_use]
    pub fn of(text: &str, references: &[String], stemmed: bool) -> Self {
        let found = words(text, stemmed);
        let mut best = Rouge::default();
        for reference in references {
            let wanted = words(reference, stemmed);
            best.one = best.one.max(overlap(&found, &wanted, 1));
            best.two = best.two.max(overlap(&found, &wanted, 2));
            let common = longest_common(&found, &wanted);
            best.longest = best
                .longest
                .max(f_measure(common, found.len(), wanted.len()));
        }
        best
    }
}

fn words(text: &str, stemmed: bool) -> Vec<String> {
    let lower = text.to_lowercase();
    let runs = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    let words = runs.filter(|run| !run.is_empty());
    words
        .map(|word| match stemmed && word.len() > UNSTEMMED {
            true => stem(word),
            false => word.to_owned(),
        })
        .collect()
}

fn overlap(found: &[String], wanted: &[String], size: usize) -> f64 {
    let mut counts: HashMap<&[String], usize> = HashMap::new();
    for gram in wanted.windows(size) {
        *counts.entry(gram).or_default() += 1;
    }
    let mut common = 0;
    for gram in found.windows(size) {
        if let Some(left) = counts.get_mut(gram).filter(|left| **left > 0) {
            *left -= 1;
            common += 1;
        }
    }
    let grams = |words: &[String]| (words.len() + 1).saturating_sub(size);
    f_measure(common, grams(found), grams(wanted))
}

fn longest_common(found: &[String], wanted: &[String]) -> usize {
    let mut row = vec![0_usize; wanted.len()];
    for word in found {
        let (mut above_left, mut left) = (0, 0);
        for (place, other) in row.iter_mut().zip(wanted) {
            let above = *place;
            *place = match word == other {
                true => above_left + 1,
                false => above.max(left),
            };
            (above_left, left) = (above, *place);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// In the package's own order of operations, so that not even the last digit differs.
fn f_measure(common: usize, found: usize, wanted: usize) -> f64 {
    let precision = common as f64 / found.max(1) as f64;
    let recall = common as f64 / wanted.max(1) as f64;
    match precision + recall > 0.0 {
        true => 2.0 * precision * recall / (precision + recall),
        false => 0.0,
    }
}
