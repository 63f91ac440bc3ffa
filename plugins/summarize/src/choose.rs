//! Chooses whole sentences by score within a number of words, each name and each verb of saying included.
//!
//! The greatest worth goes first: a sentence's score, less its likeness to what is chosen, and more for the plain words
//! that it adds, each counted until the summary has as many as people's summaries do. What is nearly the same as a chosen
//! sentence is left out, and one that does not fit is passed over for the next. One that leans on the sentence before it comes behind that one or not at all.

use crate::features::{Likeness, tokens};
use crate::sentences::Sentence;
use crate::tell::Costs;

/// How much the likeness to a chosen sentence takes from a score: chosen by cross-validation, as is `PLAIN`.
const REDUNDANCY: f32 = 0.3;
/// From this likeness on, two sentences say the same.
const SAME: f32 = 0.9;
/// What a plain word adds to a score, for each word that the sentence costs.
const PLAIN: f32 = 0.6;
/// How often people's summaries of a thread that has the word say it, on the threads that the scorer was trained on.
const EXPECTED: [(&str, f32); 20] = [
    ("the", 3.06),
    ("that", 2.84),
    ("to", 2.26),
    ("and", 1.96),
    ("a", 1.62),
    ("is", 1.1),
    ("of", 0.93),
    ("for", 0.87),
    ("it", 0.84),
    ("be", 0.73),
    ("in", 0.61),
    ("with", 0.62),
    ("not", 0.61),
    ("if", 0.55),
    ("on", 0.44),
    ("about", 0.48),
    ("an", 0.44),
    ("they", 0.42),
    ("should", 0.47),
    ("are", 0.4),
];

/// How often each word of [`EXPECTED`] is said.
type Plain = [f32; EXPECTED.len()];

/// A sentence that may be chosen: its place in the thread, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) index: usize,
    pub(crate) score: f32,
    /// Whether it leans on the sentence before it, and is told behind that one alone.
    pub(crate) leans: bool,
}

/// The chosen sentences' indices in the order of the thread; none where none fits.
pub(crate) fn choose(
    sentences: &[Sentence],
    mut candidates: Vec<Candidate>,
    likeness: &Likeness,
    words: usize,
) -> Vec<usize> {
    let plain: Vec<Plain> = sentences.iter().map(plain_words).collect();
    let costs = Costs::of(sentences);
    let mut said = vec![0.0_f32; sentences.len()];
    let (mut taken, mut told) = (Vec::new(), Plain::default());
    loop {
        let spent = costs.words(taken.iter().copied());
        let cost = |candidate: &Candidate| costs.words(with(&taken, candidate.index));
        candidates.retain(|candidate| {
            let repeats = said.get(candidate.index).is_some_and(|s| *s >= SAME);
            !repeats && cost(candidate) <= words
        });
        let worth = |candidate: &Candidate| {
            let cost = cost(candidate).saturating_sub(spent);
            let gain = plain
                .get(candidate.index)
                .map_or(0.0, |own| gain(own, &told));
            candidate.score - REDUNDANCY * said.get(candidate.index).copied().unwrap_or_default()
                + PLAIN * gain / cost.max(1) as f32
        };
        let stands = |candidate: &Candidate| {
            let before = candidate.index.checked_sub(1);
            !candidate.leans || before.is_none_or(|before| taken.contains(&before))
        };
        let Some(place) = best(&candidates, stands, worth) else {
            return taken;
        };
        let chosen = candidates.swap_remove(place).index;
        taken = with(&taken, chosen).collect();
        for (told, own) in told.iter_mut().zip(plain.get(chosen).into_iter().flatten()) {
            *told += own;
        }
        for (known, new) in said.iter_mut().zip(likeness.row(chosen)) {
            *known = known.max(*new);
        }
    }
}

/// The indices with one more, in order.
fn with(taken: &[usize], index: usize) -> impl Iterator<Item = usize> {
    let place = taken.partition_point(|other| *other < index);
    let (before, after) = taken.split_at_checked(place).unwrap_or((taken, &[]));
    before
        .iter()
        .copied()
        .chain([index])
        .chain(after.iter().copied())
}

/// How often a sentence says each plain word.
fn plain_words(sentence: &Sentence) -> Plain {
    let mut counts = Plain::default();
    for token in tokens::<Vec<String>>(&sentence.text) {
        let places = counts.iter_mut().zip(EXPECTED);
        for (count, _) in places.filter(|(_, (word, _))| *word == token) {
            *count += 1.0;
        }
    }
    counts
}

/// How many of a sentence's plain words are wanted still.
fn gain(own: &Plain, told: &Plain) -> f32 {
    let wanted = EXPECTED.iter().zip(own).zip(told);
    let gains = wanted
        .filter(|((_, own), _)| **own > 0.0)
        .map(|(((_, expected), own), told)| (expected - told).clamp(0.0, *own));
    gains.sum()
}

/// Of those that stand, the place of the greatest worth; of equals the earliest in the thread.
fn best(
    candidates: &[Candidate],
    stands: impl Fn(&Candidate) -> bool,
    worth: impl Fn(&Candidate) -> f32,
) -> Option<usize> {
    let all = candidates.iter().enumerate();
    let worths = all
        .filter(|(_, one)| stands(one))
        .map(|(place, one)| (place, worth(one), one.index));
    let order =
        |a: &(usize, f32, usize), b: &(usize, f32, usize)| a.1.total_cmp(&b.1).then(b.2.cmp(&a.2));
    worths.max_by(order).map(|(place, ..)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(text: &str) -> Sentence {
        Sentence {
            text: text.to_owned(),
            message: 0,
            place: 0,
            speaker: Some("Ann".to_owned()),
            whole: true,
            follows: true,
            range: 0..0,
            own: 0..0,
        }
    }

    fn chosen(texts: &[&str], scores: &[f32], likeness: &Likeness, words: usize) -> Vec<usize> {
        let sentences: Vec<_> = texts.iter().map(|text| sentence(text)).collect();
        let candidates = scores.iter().enumerate();
        let candidates = candidates.map(|(index, score)| Candidate {
            index,
            score: *score,
            leans: false,
        });
        choose(&sentences, candidates.collect(), likeness, words)
    }

    fn apart(count: usize) -> Likeness {
        let products = (0..count * count).map(|at| f32::from(u8::from(at % (count + 1) == 0)));
        Likeness::of_products(products.collect(), vec![0.0; count])
    }

    #[test]
    fn the_best_come_first_and_stand_in_order() {
        let found = chosen(&["u b c", "d e f", "g h i"], &[0.5, 0.1, 0.9], &apart(3), 8);
        assert_eq!(found, [0, 2]);
    }

    #[test]
    fn what_is_said_already_is_left_out() {
        let likeness = Likeness::new(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2, None);
        let found = chosen(
            &["u b c", "u b c", "g h i"],
            &[0.9, 0.8, 0.1],
            &likeness,
            60,
        );
        assert_eq!(found, [0, 2]);
    }

    #[test]
    fn what_leans_is_told_behind_what_it_leans_on_alone() {
        let sentences = ["u b c", "d e f", "g h i"].map(sentence);
        let told = |scores: [f32; 3], words: usize| {
            let candidates = scores.iter().enumerate().map(|(index, score)| Candidate {
                index,
                score: *score,
                leans: index == 1,
            });
            choose(&sentences, candidates.collect(), &apart(3), words)
        };
        // Without its speaker a sentence takes three words, the first one with name and verb five.
        assert_eq!(told([0.1, 0.9, 0.5], 5), [2]);
        assert_eq!(told([0.5, 0.9, 0.1], 8), [0, 1]);
    }

    #[test]
    fn a_sentence_too_long_is_passed_over_and_none_is_cut() {
        let long = "long ".repeat(70);
        assert_eq!(chosen(&[&long, "u b c"], &[0.9, 0.1], &apart(2), 60), [1]);
        assert!(chosen(&[&long], &[0.9], &apart(1), 60).is_empty());
    }

    #[test]
    fn the_choice_is_that_of_the_recipe() {
        let golden: serde_json::Value = serde_json::from_str(include_str!(
            "../../../models/sentence-scorer/3.0.0/golden.json"
        ))
        .unwrap();
        let number = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
        for (word, expected) in EXPECTED {
            assert_eq!(number(&golden["expected"][word]), expected, "`{word}`");
        }
        let of = |s: &serde_json::Value| Sentence {
            text: s["text"].as_str().unwrap().to_owned(),
            message: s["message"].as_u64().unwrap() as usize,
            place: s["place"].as_u64().unwrap() as usize,
            speaker: s["speaker"].as_str().map(str::to_owned),
            whole: s["whole"].as_bool().unwrap(),
            follows: true,
            range: 0..0,
            own: 0..0,
        };
        let list = |name: &str| golden[name].as_array().unwrap().clone();
        let sentences: Vec<_> = list("sentences").iter().map(of).collect();
        let products = list("cosines")
            .into_iter()
            .flat_map(|row| row.as_array().unwrap().clone());
        let products = products.map(|value| number(&value)).collect();
        let likeness = Likeness::of_products(products, vec![0.0; sentences.len()]);
        let candidates = list("scores").into_iter().enumerate();
        let candidates = candidates.map(|(index, score)| Candidate {
            index,
            score: number(&score),
            leans: false,
        });
        let found = choose(&sentences, candidates.collect(), &likeness, 60);
        let wanted: Vec<_> = list("chosen")
            .iter()
            .map(|at| at.as_u64().unwrap() as usize)
            .collect();
        assert_eq!(found, wanted);
        assert_eq!(
            crate::tell::all(&sentences, &found),
            golden["summary"].as_str().unwrap()
        );
    }

    #[test]
    fn plain_words_count_until_there_are_enough() {
        let (own, mut told) = (plain_words(&sentence("The lid, the Box")), Plain::default());
        let wanted = EXPECTED[0].1;
        assert_eq!(gain(&own, &told), 2.0);
        told[0] = wanted;
        assert_eq!(gain(&own, &told), 0.0);
    }
}
