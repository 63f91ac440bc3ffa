//! Where a sentence stands in its thread, and who wrote it.

use std::collections::HashMap;

use super::{flag, messages, share};
use crate::sentences::Sentence;

/// The features that this module gives.
pub(super) const COUNT: usize = 15;

pub(super) fn rows(sentences: &[Sentence]) -> Vec<[f32; COUNT]> {
    let (count, messages) = (sentences.len(), messages(sentences));
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    let mut spoken: HashMap<&Option<String>, usize> = HashMap::new();
    let mut first: HashMap<&Option<String>, usize> = HashMap::new();
    for sentence in sentences {
        *sizes.entry(sentence.message).or_default() += 1;
        *spoken.entry(&sentence.speaker).or_default() += 1;
        first.entry(&sentence.speaker).or_insert(sentence.message);
    }
    let opener = sentences.first().map(|first| &first.speaker);
    let row = |(index, sentence): (usize, &Sentence)| {
        let size = sizes.get(&sentence.message).copied().unwrap_or_default();
        [
            share(index, count),
            share(sentence.message, messages),
            flag(sentence.message == 0),
            flag(sentence.message + 1 == messages),
            flag(sentence.place == 0),
            flag(sentence.place <= 1),
            flag(sentence.place + 1 >= size),
            share(sentence.place, size.saturating_sub(1)),
            size.min(20) as f32 / 20.0,
            messages.min(12) as f32 / 12.0,
            count.min(50) as f32 / 50.0,
            flag(opener == Some(&sentence.speaker)),
            flag(first.get(&sentence.speaker) == Some(&sentence.message)),
            share(
                spoken.get(&sentence.speaker).copied().unwrap_or_default(),
                count,
            ),
            spoken.len().min(6) as f32 / 6.0,
        ]
    };
    sentences.iter().enumerate().map(row).collect()
}
