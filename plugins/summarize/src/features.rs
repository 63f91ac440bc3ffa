//! What the scorer sees of a sentence: exactly the list in the card of `sentence-scorer`.
//!
//! `golden.json` beside that card holds this code to the recipe that trained the scorer.

mod likeness;
mod places;
mod signs;
mod wording;

pub(crate) use likeness::Likeness;

use fleetwright_sdk::text::sets_no_blanks;

use crate::sentences::Sentence;

/// The features of a sentence.
pub(crate) const COUNT: usize = likeness::COUNT + places::COUNT + wording::COUNT + signs::COUNT;

/// f32 `[sentences, COUNT]`, row-major.
pub(crate) fn features(sentences: &[Sentence], likeness: &Likeness, subject: &str) -> Vec<f32> {
    let words: Vec<Vec<String>> = sentences.iter().map(|s| tokens(&s.text)).collect();
    let likeness = likeness::rows(sentences, likeness);
    let places = places::rows(sentences);
    let wording = wording::rows(sentences, &words, subject);
    let signs = signs::rows(sentences, &words);
    let parts = likeness.into_iter().zip(places).zip(wording).zip(signs);
    let mut made = Vec::with_capacity(sentences.len() * COUNT);
    for (((likeness, places), wording), signs) in parts {
        made.extend(likeness);
        made.extend(places);
        made.extend(wording);
        made.extend(signs);
    }
    made
}

/// Maximal runs of alphanumeric characters, in lower case; of a script that sets no blanks, each letter.
pub(crate) fn tokens<Tokens: FromIterator<String>>(text: &str) -> Tokens {
    let lower = text.to_lowercase();
    let runs = lower.split(|c: char| !c.is_alphanumeric());
    let pieces = runs.flat_map(|run| run.split_inclusive(sets_no_blanks));
    pieces
        .filter(|piece| !piece.is_empty())
        .map(str::to_owned)
        .collect()
}

fn flag(holds: bool) -> f32 {
    f32::from(u8::from(holds))
}

fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

/// The greatest message, and one.
fn messages(sentences: &[Sentence]) -> usize {
    sentences.iter().map(|s| s.message + 1).max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        subject: String,
        names: Vec<String>,
        sentences: Vec<GoldenSentence>,
        cosines: Vec<Vec<f32>>,
        title: Vec<f32>,
        features: Vec<Vec<f32>>,
    }

    #[derive(Deserialize)]
    struct GoldenSentence {
        text: String,
        message: usize,
        place: usize,
        speaker: String,
    }

    #[test]
    fn features_are_those_of_the_recipe() {
        let golden: Golden = serde_json::from_str(include_str!(
            "../../../models/sentence-scorer/3.0.0/golden.json"
        ))
        .unwrap();
        let sentences: Vec<_> = golden
            .sentences
            .into_iter()
            .map(|s| Sentence {
                text: s.text,
                message: s.message,
                place: s.place,
                speaker: Some(s.speaker),
                whole: true,
                follows: true,
                range: 0..0,
                own: 0..0,
            })
            .collect();
        let likeness = Likeness::of_products(golden.cosines.concat(), golden.title);
        let found = features(&sentences, &likeness, &golden.subject);
        assert_eq!(golden.names.len(), COUNT);
        for (row, wanted) in golden.features.iter().enumerate() {
            for (column, wanted) in wanted.iter().enumerate() {
                let found = found[row * COUNT + column];
                assert!(
                    (found - wanted).abs() < 2e-5,
                    "sentence {row}, `{}`: {found}, not {wanted}",
                    golden.names[column]
                );
            }
        }
    }
}
