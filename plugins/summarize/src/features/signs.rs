//! Words and characters that tell what a sentence does: ask, propose, thank, list.

use super::{flag, share};
use crate::sentences::Sentence;

/// The features that this module gives.
pub(super) const COUNT: usize = 20;

const REQUEST: &[&str] = &[
    "agree", "because", "like", "need", "please", "problem", "propose", "request", "should",
    "suggest", "think", "want",
];
const OPINION: &[&str] = &[
    "agree",
    "believe",
    "disagree",
    "feel",
    "guess",
    "hope",
    "object",
    "prefer",
    "propose",
    "recommend",
    "suggest",
    "support",
    "think",
    "understand",
    "wonder",
];
const DUTY: &[&str] = &["must", "need", "needs", "should"];
const ASKING: &[&str] = &[
    "any", "anyone", "are", "can", "could", "do", "does", "how", "is", "should", "what", "when",
    "where", "which", "who", "why", "would",
];
const LEANING: &[&str] = &[
    "also",
    "and",
    "but",
    "he",
    "however",
    "it",
    "otherwise",
    "she",
    "so",
    "that",
    "then",
    "there",
    "therefore",
    "these",
    "they",
    "this",
    "those",
];
const NEGATION: &[&str] = &[
    "can", "cannot", "didn", "doesn", "don", "isn", "never", "no", "not",
];
const THANKS: &[&str] = &["cheers", "regards", "sorry", "thank", "thanks"];

pub(super) fn rows(sentences: &[Sentence], words: &[Vec<String>]) -> Vec<[f32; COUNT]> {
    let row = |(sentence, words): (&Sentence, &Vec<String>)| {
        let text = sentence.text.as_str();
        let first = words.first().map_or("", String::as_str);
        let has = |list: &[&str]| flag(words.iter().any(|word| list.contains(&word.as_str())));
        let length = text.chars().count();
        let of =
            |holds: fn(char) -> bool| share(text.chars().filter(|c| holds(*c)).count(), length);
        [
            flag(text.contains('?')),
            flag(text.ends_with('?')),
            flag(ASKING.contains(&first)),
            has(REQUEST),
            has(OPINION),
            has(DUTY),
            has(&["i", "we"]),
            flag(first == "i"),
            flag(LEANING.contains(&first)),
            has(NEGATION),
            has(THANKS),
            has(&["that"]),
            has(&["if"]),
            has(&["because", "since"]),
            has(&["will", "ll"]),
            of(|c| !c.is_alphabetic() && !c.is_whitespace()),
            of(|c| c.is_ascii_digit()),
            of(|c| "<>{}[]=/\\_*|#".contains(c)),
            of(char::is_uppercase),
            flag(text.contains("http") || text.contains('@')),
        ]
    };
    sentences.iter().zip(words).map(row).collect()
}
