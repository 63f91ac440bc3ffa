//! Tells sentences with those who wrote them: `Ann asks: … Bo replies: …`.

use fleetwright_sdk::text::questions;

use crate::sentences::{Sentence, words};

/// The word between a name and its sentence: what the sentence does in the thread, as far as its place and its mark tell.
fn verb(sentences: &[Sentence], sentence: &Sentence) -> &'static str {
    let others = || sentences.iter().filter(|s| s.speaker != sentence.speaker);
    match sentence.message {
        _ if questions(&sentence.text) => "asks",
        0 => "says",
        message if others().any(|other| other.message < message) => "replies",
        _ => "adds",
    }
}

/// The name before a sentence that follows `last`: none where its speaker goes on, or is not known.
fn name<'a>(sentence: &'a Sentence, last: Option<&Sentence>) -> Option<&'a str> {
    let goes_on = last.is_some_and(|last| last.speaker == sentence.speaker);
    sentence.speaker.as_deref().filter(|_| !goes_on)
}

/// One sentence with its speaker.
pub(crate) fn one(sentences: &[Sentence], sentence: &Sentence) -> String {
    match &sentence.speaker {
        Some(name) => format!("{name} {}: {}", verb(sentences, sentence), sentence.text),
        None => sentence.text.clone(),
    }
}

/// The sentences at these places, in the order of the thread, each with its speaker where that changes.
pub(crate) fn all(sentences: &[Sentence], indices: &[usize]) -> String {
    let (mut told, mut last) = (String::new(), None);
    for sentence in indices.iter().filter_map(|index| sentences.get(*index)) {
        if !told.is_empty() {
            told.push(' ');
        }
        if let Some(name) = name(sentence, last) {
            told.push_str(&format!("{name} {}: ", verb(sentences, sentence)));
        }
        told.push_str(&sentence.text);
        last = Some(sentence);
    }
    told
}

/// How many words it takes to tell sentences, counted once for the many choices of some of them.
pub(crate) struct Costs<'a> {
    sentences: &'a [Sentence],
    /// Of each sentence the words of its text, and those of its speaker's name with the verb.
    words: Vec<(usize, usize)>,
}

impl<'a> Costs<'a> {
    pub(crate) fn of(sentences: &'a [Sentence]) -> Self {
        let words = |sentence: &Sentence| {
            let name = name(sentence, None).map_or(0, |name| words(name) + 1);
            (words(&sentence.text), name)
        };
        Self {
            sentences,
            words: sentences.iter().map(words).collect(),
        }
    }

    /// The words of [`all`].
    pub(crate) fn words(&self, indices: impl IntoIterator<Item = usize>) -> usize {
        let (mut words, mut last) = (0, None);
        for index in indices {
            let (Some(sentence), Some((text, told))) =
                (self.sentences.get(index), self.words.get(index))
            else {
                continue;
            };
            words += text;
            if name(sentence, last).is_some() {
                words += told;
            }
            last = Some(sentence);
        }
        words
    }
}
