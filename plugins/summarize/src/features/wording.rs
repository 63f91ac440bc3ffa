//! How long a sentence is, and how far its words are those of the thread.

use std::collections::{HashMap, HashSet};

use super::{flag, messages, share};
use crate::sentences::Sentence;

/// The features that this module gives.
pub(super) const COUNT: usize = 8;

const PREFIXES: [&str; 4] = ["re", "fw", "fwd", "aw"];
/// Words that carry the grammar and little else.
const FUNCTION: &str = " a about after all also am an and any are as at be because been but by can could did do does don \
for from get had has have he her here him his how i if in into is it its just like me more my no not now of on one only \
or other our out over said same she should so some such than that the their them then there these they this those to \
too up us use used very was we were what when where which while who will with would you your ";

pub(super) fn rows(
    sentences: &[Sentence],
    words: &[Vec<String>],
    subject: &str,
) -> Vec<[f32; COUNT]> {
    let messages = messages(sentences);
    let mut told: HashMap<&str, usize> = HashMap::new();
    let mut spread: HashMap<&str, HashSet<usize>> = HashMap::new();
    for (sentence, words) in sentences.iter().zip(words) {
        for word in content(words) {
            *told.entry(word).or_default() += 1;
            spread.entry(word).or_default().insert(sentence.message);
        }
    }
    let mut titles: HashSet<String> = super::tokens(subject);
    titles.retain(|token| !PREFIXES.contains(&token.as_str()));
    let row = |(sentence, words): (&Sentence, &Vec<String>)| {
        let length = sentence.text.split_whitespace().count();
        let heavy = content(words).count();
        let often = |word| told.get(word).map_or(0.0, |count| (*count as f32).ln_1p());
        let across = |word| spread.get(word).map_or(0.0, |m| share(m.len(), messages));
        let present: HashSet<&String> = words.iter().collect();
        let common = titles.iter().filter(|title| present.contains(title));
        [
            length.min(60) as f32 / 60.0,
            (length as f32).ln_1p() / 4.0,
            (length.min(40) as f32 / 40.0).powi(2),
            flag(length < 6),
            share(heavy, words.len()),
            content(words).map(often).sum::<f32>() / heavy.max(1) as f32,
            content(words).map(across).sum::<f32>() / heavy.max(1) as f32,
            share(common.count(), titles.len()),
        ]
    };
    sentences.iter().zip(words).map(row).collect()
}

/// The words of two characters or more that carry more than the grammar.
fn content(words: &[String]) -> impl Iterator<Item = &str> {
    words
        .iter()
        .map(String::as_str)
        .filter(|word| word.chars().nth(1).is_some() && !FUNCTION.contains(&format!(" {word} ")))
}
