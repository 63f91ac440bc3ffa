//! How long a sentence is, and how far its words are those of the thread.

use std::collections::{HashMap, HashSet};

use super::{flag, messages, share};
use crate::sentences::Sentence;

/// The features that this module gives.
pub(super) const COUNT: usize = 8;

const PREFIXES: [&str; 4] = ["re", "fw", "fwd", "aw"];
/// Words that carry the grammar and little else, in order.
const FUNCTION: [&str; 98] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "but", "by", "can", "could", "did", "do", "does", "don", "for", "from",
    "get", "had", "has", "have", "he", "her", "here", "him", "his", "how", "i", "if", "in", "into",
    "is", "it", "its", "just", "like", "me", "more", "my", "no", "not", "now", "of", "on", "one",
    "only", "or", "other", "our", "out", "over", "said", "same", "she", "should", "so", "some",
    "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "to", "too", "up", "us", "use", "used", "very", "was", "we", "were", "what", "when",
    "where", "which", "while", "who", "will", "with", "would", "you", "your",
];

pub(super) fn rows(
    sentences: &[Sentence],
    words: &[Vec<String>],
    subject: &str,
) -> Vec<[f32; COUNT]> {
    let messages = messages(sentences);
    let heavy: Vec<Vec<&str>> = words.iter().map(|words| content(words).collect()).collect();
    let mut told: HashMap<&str, Told> = HashMap::new();
    for (sentence, heavy) in sentences.iter().zip(&heavy) {
        for word in heavy {
            told.entry(word).or_default().again(sentence.message);
        }
    }
    let mut titles: HashSet<String> = super::tokens(subject);
    titles.retain(|token| !PREFIXES.contains(&token.as_str()));
    let row = |((sentence, words), heavy): ((&Sentence, &Vec<String>), &Vec<&str>)| {
        let length = sentence.text.split_whitespace().count();
        let (mut often, mut across) = (0.0, 0.0);
        for told in heavy.iter().filter_map(|word| told.get(word)) {
            often += (told.times as f32).ln_1p();
            across += share(told.messages, messages);
        }
        // By the subject's words, a set: a subject may be as long as a text.
        let common: HashSet<&String> = words.iter().filter(|word| titles.contains(*word)).collect();
        [
            length.min(60) as f32 / 60.0,
            (length as f32).ln_1p() / 4.0,
            (length.min(40) as f32 / 40.0).powi(2),
            flag(length < 6),
            share(heavy.len(), words.len()),
            often / heavy.len().max(1) as f32,
            across / heavy.len().max(1) as f32,
            share(common.len(), titles.len()),
        ]
    };
    sentences.iter().zip(words).zip(&heavy).map(row).collect()
}

/// How often a word is told.
#[derive(Default)]
struct Told {
    times: usize,
    /// The messages that tell it, and the last of them: sentences stand in the order of the thread.
    messages: usize,
    last: Option<usize>,
}

impl Told {
    fn again(&mut self, message: usize) {
        self.times += 1;
        if self.last != Some(message) {
            self.messages += 1;
            self.last = Some(message);
        }
    }
}

/// The words of two characters or more that carry more than the grammar.
fn content(words: &[String]) -> impl Iterator<Item = &str> {
    words
        .iter()
        .map(String::as_str)
        .filter(|word| word.chars().nth(1).is_some() && FUNCTION.binary_search(word).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_grammar_are_in_order() {
        assert!(FUNCTION.is_sorted());
    }
}
