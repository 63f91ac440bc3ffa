//! What the scorer sees of a sentence besides its vector: exactly the list in the card of `sentence-scorer`.
//!
//! `golden.json` beside that card holds this code to the recipe that trained the scorer.

use std::collections::BTreeSet;

use crate::sentences::Sentence;

/// The features of a sentence.
pub(crate) const COUNT: usize = 16;

const REQUESTS: [&str; 12] = [
    "agree", "because", "like", "need", "please", "problem", "propose", "request", "should",
    "suggest", "think", "want",
];
const PREFIXES: [&str; 4] = ["re", "fw", "fwd", "aw"];

/// The products of all vectors with one another.
pub(crate) struct Likeness {
    count: usize,
    products: Vec<f32>,
}

impl Likeness {
    /// Of vectors of the given width, one after the other.
    pub(crate) fn new(vectors: &[f32], width: usize) -> Self {
        let rows: Vec<_> = vectors.chunks_exact(width.max(1)).collect();
        let dot = |left: &[f32], right: &[f32]| left.iter().zip(right).map(|(a, b)| a * b).sum();
        let products = rows
            .iter()
            .flat_map(|left| rows.iter().map(move |right| dot(left, right)));
        Self {
            count: rows.len(),
            products: products.collect(),
        }
    }

    /// The products of one vector with all.
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        let start = index.saturating_mul(self.count);
        self.products
            .get(start..start + self.count)
            .unwrap_or_default()
    }

    /// The product with the mean of all at length one.
    fn centroid(&self, index: usize) -> f32 {
        let length = self.products.iter().sum::<f32>().max(0.0).sqrt();
        self.row(index).iter().sum::<f32>() / length.max(1e-9 * self.count as f32)
    }

    /// The mean product with the others, none below zero.
    fn degree(&self, index: usize) -> f32 {
        let others = self
            .row(index)
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        others.map(|(_, product)| product.max(0.0)).sum::<f32>()
            / self.count.saturating_sub(1).max(1) as f32
    }
}

/// f32 `[sentences, 16]`, row-major.
pub(crate) fn features(sentences: &[Sentence], likeness: &Likeness, subject: &str) -> Vec<f32> {
    let count = sentences.len() as f32;
    let messages = sentences.iter().map(|s| s.message + 1).max().unwrap_or(1);
    let mut titles = tokens(subject);
    titles.retain(|token| !PREFIXES.contains(&token.as_str()));
    let mut made = Vec::with_capacity(sentences.len() * COUNT);
    for (index, sentence) in sentences.iter().enumerate() {
        let text = &sentence.text;
        let (words, present) = (text.split_whitespace().count(), tokens(text));
        let odd = text
            .chars()
            .filter(|c| !c.is_alphabetic() && !c.is_whitespace())
            .count();
        let has = |list: &[&str]| list.iter().any(|word| present.contains(*word));
        made.extend::<[f32; COUNT]>([
            likeness.centroid(index),
            likeness.degree(index),
            index as f32 / count,
            sentence.message as f32 / messages as f32,
            flag(sentence.message == 0),
            flag(sentence.place == 0),
            flag(sentence.place <= 1),
            words.min(60) as f32 / 60.0,
            flag(words < 6),
            flag(text.contains('?')),
            flag(has(&["i", "we"])),
            flag(has(&REQUESTS)),
            odd as f32 / text.chars().count().max(1) as f32,
            titles.intersection(&present).count() as f32 / titles.len().max(1) as f32,
            flag(sentence.message + 1 == messages),
            sentences.len().min(50) as f32 / 50.0,
        ]);
    }
    made
}

/// Maximal runs of alphanumeric characters, in lower case.
fn tokens(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let runs = lower.split(|c: char| !c.is_alphanumeric());
    runs.filter(|run| !run.is_empty())
        .map(str::to_owned)
        .collect()
}

fn flag(holds: bool) -> f32 {
    f32::from(u8::from(holds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        subject: String,
        sentences: Vec<GoldenSentence>,
        cosines: Vec<Vec<f32>>,
        features: Vec<Vec<f32>>,
    }

    #[derive(Deserialize)]
    struct GoldenSentence {
        text: String,
        message: usize,
        place: usize,
    }

    #[test]
    fn features_are_those_of_the_recipe() {
        let golden: Golden = serde_json::from_str(include_str!(
            "../../../models/sentence-scorer/1.0.0/golden.json"
        ))
        .unwrap();
        let sentences: Vec<_> = golden
            .sentences
            .into_iter()
            .map(|s| Sentence {
                text: s.text,
                message: s.message,
                place: s.place,
                speaker: None,
                range: 0..0,
            })
            .collect();
        let likeness = Likeness {
            count: sentences.len(),
            products: golden.cosines.concat(),
        };
        let found = features(&sentences, &likeness, &golden.subject);
        for (row, wanted) in golden.features.iter().enumerate() {
            for (column, wanted) in wanted.iter().enumerate() {
                let found = found[row * COUNT + column];
                assert!(
                    (found - wanted).abs() < 2e-5,
                    "sentence {row}, feature {column}: {found}, not {wanted}"
                );
            }
        }
    }

    #[test]
    fn one_sentence_alone_has_no_others() {
        let likeness = Likeness::new(&[0.6, 0.8], 2);
        assert!((likeness.centroid(0) - 1.0).abs() < 1e-6);
        assert_eq!(likeness.degree(0), 0.0);
    }
}
