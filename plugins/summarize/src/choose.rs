//! Chooses sentences by score, less what is said already, within a number of words; names count.
//!
//! The greatest score goes first (maximal marginal relevance). What is nearly the same as a chosen sentence is left
//! out. A sentence that does not fit is passed over for the next.

use crate::features::Likeness;
use crate::sentences::Sentence;

/// How much the likeness to a chosen sentence takes from a score: as the scorer's recipe measured it.
const REDUNDANCY: f32 = 0.1;
/// From this likeness on, two sentences say the same.
const SAME: f32 = 0.9;

/// A chosen sentence: its place in the thread, and its text, whole but where none fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) index: usize,
    pub(crate) text: String,
}

/// The choices in the order of the thread; at least one where there is a sentence and a word of room.
pub(crate) fn choose(
    sentences: &[Sentence],
    scores: &[f32],
    likeness: &Likeness,
    words: usize,
) -> Vec<Choice> {
    let mut left: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    let mut said = vec![0.0_f32; sentences.len()];
    let (mut taken, mut spent) = (Vec::new(), 0);
    let worth = |(index, score): &(usize, f32), said: &[f32]| {
        score - REDUNDANCY * said.get(*index).copied().unwrap_or_default()
    };
    while let Some(place) = best(&left, |item| worth(item, &said)) {
        let (index, _) = left.swap_remove(place);
        let Some(sentence) = sentences.get(index) else {
            continue;
        };
        let repeats = said.get(index).is_some_and(|likeness| *likeness >= SAME);
        if repeats || spent + sentence.cost() > words {
            continue;
        }
        spent += sentence.cost();
        taken.push(Choice {
            index,
            text: sentence.text.clone(),
        });
        for (known, new) in said.iter_mut().zip(likeness.row(index)) {
            *known = known.max(*new);
        }
    }
    if taken.is_empty() {
        taken.extend(shortened(sentences, scores, words));
    }
    taken.sort_by_key(|choice| choice.index);
    taken
}

/// The place of the greatest worth; of equals the earliest in the thread.
fn best(left: &[(usize, f32)], worth: impl Fn(&(usize, f32)) -> f32) -> Option<usize> {
    let order = |(_, a): &(usize, &(usize, f32)), (_, b): &(usize, &(usize, f32))| {
        worth(a).total_cmp(&worth(b)).then(b.0.cmp(&a.0))
    };
    left.iter()
        .enumerate()
        .max_by(order)
        .map(|(place, _)| place)
}

/// The best sentence up to the last end of a clause that fits, or else up to the last word, with `…`.
fn shortened(sentences: &[Sentence], scores: &[f32], words: usize) -> Option<Choice> {
    let order = |a: &(usize, &f32), b: &(usize, &f32)| a.1.total_cmp(b.1).then(b.0.cmp(&a.0));
    let (index, _) = scores.iter().enumerate().max_by(order)?;
    let sentence = sentences.get(index)?;
    let name = sentence.cost() - sentence.text.split_whitespace().count();
    let fitting: Vec<_> = sentence
        .text
        .split_whitespace()
        .take(words.saturating_sub(name + 1))
        .collect();
    let clause = fitting
        .iter()
        .rposition(|word| word.ends_with([',', ';', ':', '–', '—']));
    let kept = clause
        .filter(|end| *end >= fitting.len() / 3)
        .map_or(fitting.len(), |end| end + 1);
    let text = fitting.get(..kept)?.join(" ");
    let text = text.trim_end_matches([',', ';', ':', '–', '—', ' ']);
    (!text.is_empty()).then(|| Choice {
        index,
        text: format!("{text} …"),
    })
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
            range: 0..0,
        }
    }

    #[test]
    fn the_best_come_first_and_stand_in_order() {
        let sentences = [sentence("a b c"), sentence("d e f"), sentence("g h i")];
        let likeness = Likeness::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3);
        let found = choose(&sentences, &[0.5, 0.1, 0.9], &likeness, 8);
        assert_eq!(found.iter().map(|c| c.index).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn what_is_said_already_is_left_out() {
        let sentences = [sentence("a b c"), sentence("a b c"), sentence("g h i")];
        let likeness = Likeness::new(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2);
        let found = choose(&sentences, &[0.9, 0.8, 0.1], &likeness, 60);
        assert_eq!(found.iter().map(|c| c.index).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn a_sentence_too_long_is_passed_over() {
        let sentences = [sentence(&"long ".repeat(70)), sentence("a b c")];
        let likeness = Likeness::new(&[1.0, 0.0, 0.0, 1.0], 2);
        let found = choose(&sentences, &[0.9, 0.1], &likeness, 60);
        assert_eq!(
            found,
            [Choice {
                index: 1,
                text: "a b c".to_owned()
            }]
        );
    }

    #[test]
    fn where_none_fits_a_clause_is_kept_and_marked() {
        let text = format!(
            "the lamp is broken, the box was open, {}",
            "and ".repeat(70)
        );
        let likeness = Likeness::new(&[1.0], 1);
        let found = choose(&[sentence(&text)], &[0.9], &likeness, 20);
        assert_eq!(found[0].text, "the lamp is broken, the box was open …");
        let found = choose(&[sentence(&"word ".repeat(70))], &[0.9], &likeness, 60);
        assert_eq!(found[0].text.split_whitespace().count(), 59);
    }
}
