//! What a reader looks for in a thread: what is asked, what is agreed, what is open. Each is a sentence of the thread.

use crate::sentences::Sentence;

/// Words with which somebody agrees or undertakes something, in the first person or of the matter itself.
const AGREED: &[&str] = &[
    "i agree",
    "we agree",
    "agreed",
    "it's a deal",
    "that works",
    "works for me",
    "fine with me",
    "fine by me",
    "that's fine",
    "i accept",
    "we accept",
    "let's",
    "we have decided",
    "we decided",
    "i'll",
    "i will",
    "we'll",
    "we will",
    "i have refunded",
    "we have refunded",
    "i have sent",
    "we have sent",
    "is resolved",
    "is closed",
];
/// … and those that take it back.
const NOT: &[&str] = &["not", "n't", "never", "unless", "until", "if"];

/// The sentences that matter, by their place in the thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matters {
    pub(crate) ask: Option<usize>,
    pub(crate) agreed: Option<usize>,
    pub(crate) open: Option<usize>,
}

pub(crate) fn matters(sentences: &[Sentence], scores: &[f32]) -> Matters {
    Matters {
        ask: asked(sentences, scores),
        agreed: newest(sentences, scores, agrees),
        open: newest(sentences, scores, Sentence::asks).filter(|ask| !answered(sentences, *ask)),
    }
}

/// What the person who opened the thread asks for at last; else what is asked for at last.
fn asked(sentences: &[Sentence], scores: &[f32]) -> Option<usize> {
    let opener = sentences.first().and_then(|first| first.speaker.as_ref());
    let of_opener = |s: &Sentence| opener.is_some() && s.speaker.as_ref() == opener && s.asks();
    newest(sentences, scores, of_opener).or_else(|| newest(sentences, scores, Sentence::asks))
}

/// Of the newest message that has such a whole sentence, the one that scores best; a fragment where no message has.
fn newest(
    sentences: &[Sentence],
    scores: &[f32],
    such: impl Fn(&Sentence) -> bool,
) -> Option<usize> {
    let all = || sentences.iter().zip(scores).enumerate();
    let found = all().filter(|(_, (sentence, _))| such(sentence));
    let order = |(_, (sentence, score)): &(usize, (&Sentence, &f32))| {
        (sentence.whole, sentence.message, ordered(**score))
    };
    found.max_by_key(order).map(|(index, _)| index)
}

/// A score as a number that can be ordered.
fn ordered(score: f32) -> i64 {
    (f64::from(score) * 1e9) as i64
}

/// Whether somebody else wrote after it.
fn answered(sentences: &[Sentence], ask: usize) -> bool {
    sentences.get(ask).is_some_and(|ask| {
        let later = sentences.iter().filter(|s| s.message > ask.message);
        later.into_iter().any(|s| s.speaker != ask.speaker)
    })
}

fn agrees(sentence: &Sentence) -> bool {
    let lower = sentence.text.to_lowercase().replace('’', "'");
    let bounded = format!(
        " {} ",
        lower.replace([',', '.', '!', ';', ':', '(', ')'], " ")
    );
    let has = |cue: &&str| bounded.contains(&format!(" {cue} "));
    let takes_back = |word: &&str| has(word) || word.starts_with('n') && lower.contains("n't");
    AGREED.iter().any(has) && !NOT.iter().any(takes_back) && !lower.contains('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(told: &[(&str, &str)]) -> Vec<Sentence> {
        let of = |(message, (speaker, text)): (usize, &(&str, &str))| Sentence {
            speaker: Some((*speaker).to_owned()),
            ..Sentence::of(text, message).unwrap()
        };
        told.iter().enumerate().map(of).collect()
    }

    fn of(told: &[(&str, &str)]) -> Matters {
        matters(&thread(told), &vec![0.5; told.len()])
    }

    #[test]
    fn a_question_is_open_until_somebody_else_writes() {
        let asked = [("Ida", "When will it be mended?")];
        assert_eq!(of(&asked).open, Some(0));
        let answered = [asked[0], ("Bo", "The plumber comes on Monday.")];
        assert_eq!(of(&answered).open, None);
        assert_eq!(of(&answered).ask, Some(0));
        let again = [asked[0], answered[1], ("Ida", "Is that really so?")];
        assert_eq!(of(&again).open, Some(2));
    }

    #[test]
    fn what_is_agreed_is_the_newest_undertaking() {
        let told = [
            ("Ida", "I will wait for Monday."),
            ("Bo", "We will refund the fee today."),
            ("Ida", "Thank you for that."),
        ];
        assert_eq!(of(&told).agreed, Some(1));
        for no in [
            "I don't agree with that.",
            "We will not pay for it.",
            "I will pay if it comes.",
            "Will we meet, or will it rain?",
        ] {
            assert_eq!(of(&[("Ida", no)]).agreed, None, "{no}");
        }
    }
}
