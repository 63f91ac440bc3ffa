//! What a reader looks for in a thread: what is asked, what is agreed, what is open. Each is a sentence of the thread.

use crate::agreeing::agrees;
use crate::sentences::Sentence;
use crate::wanting::{Wanting, wanting};

/// The sentences that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matters<'a> {
    /// By its place in the thread.
    pub(crate) ask: Option<usize>,
    pub(crate) agreed: Option<&'a Sentence>,
    pub(crate) open: Option<&'a Sentence>,
}

/// Of a thread's sentences with their scores, and of what it says in a word or two, which may agree to something.
pub(crate) fn matters<'a>(
    sentences: &'a [Sentence],
    scores: &[f32],
    brief: &'a [Sentence],
) -> Matters<'a> {
    let wants: Vec<_> = sentences
        .iter()
        .map(|sentence| wanting(&sentence.text))
        .collect();
    let asks = |index: usize| wants.get(index) == Some(&Some(Wanting::Asking));
    let open = newest(sentences, scores, asks).and_then(|index| sentences.get(index));
    Matters {
        ask: asked(sentences, scores, &wants),
        agreed: agreed(sentences, scores, brief),
        open: open.filter(|ask| !answered(sentences, ask)),
    }
}

/// What the person who opened the thread asks for at last; else what is asked for at last; else what somebody wants.
fn asked(sentences: &[Sentence], scores: &[f32], wants: &[Option<Wanting>]) -> Option<usize> {
    let opener = sentences.first().and_then(|first| first.speaker.as_ref());
    let by_opener = |index: usize| {
        opener.is_some()
            && sentences
                .get(index)
                .is_some_and(|s| s.speaker.as_ref() == opener)
    };
    let at_least =
        |index: usize, least| wants.get(index).is_some_and(|wants| *wants >= Some(least));
    let find = |of_opener: bool, least| {
        let such = |index| (!of_opener || by_opener(index)) && at_least(index, least);
        newest(sentences, scores, such)
    };
    [Wanting::Asking, Wanting::Rhetorical, Wanting::Telling]
        .into_iter()
        .find_map(|least| find(true, least).or_else(|| find(false, least)))
}

/// The newest agreement or undertaking; of those in one message a sentence goes before a word or two.
fn agreed<'a>(
    sentences: &'a [Sentence],
    scores: &[f32],
    brief: &'a [Sentence],
) -> Option<&'a Sentence> {
    let such = |index: usize| sentences.get(index).is_some_and(agrees);
    let told = newest(sentences, scores, such).and_then(|index| sentences.get(index));
    let brief = brief.iter().rfind(|brief| agrees(brief));
    match (told, brief) {
        (Some(told), Some(brief)) if brief.message > told.message => Some(brief),
        (told, brief) => told.or(brief),
    }
}

/// Of the newest message that has such a whole sentence, the one that scores best; a fragment where no message has.
fn newest(sentences: &[Sentence], scores: &[f32], such: impl Fn(usize) -> bool) -> Option<usize> {
    let all = || sentences.iter().zip(scores).enumerate();
    let found = all().filter(|(index, _)| such(*index));
    let order = |(_, (sentence, score)): &(usize, (&Sentence, &f32))| {
        (sentence.whole, sentence.message, ordered(**score))
    };
    found.max_by_key(order).map(|(index, _)| index)
}

/// A score as a number that can be ordered.
fn ordered(score: f32) -> i64 {
    (f64::from(score) * 1e9) as i64
}

/// Whether somebody else wrote after it, or who asked gave thanks for an answer.
fn answered(sentences: &[Sentence], ask: &Sentence) -> bool {
    let mut later = sentences.iter().filter(|s| s.message > ask.message);
    later.any(|s| s.speaker != ask.speaker || thanks(&s.text))
}

fn thanks(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["thank", "never mind", "nevermind", "solved", "found it"]
        .iter()
        .any(|start| lower.starts_with(start))
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

    /// What is asked, agreed and open, in the words of the thread.
    fn of(told: &[(&str, &str)]) -> [Option<String>; 3] {
        let (said, scores) = (thread(told), vec![0.5; told.len()]);
        let found = matters(&said, &scores, &[]);
        let ask = found.ask.and_then(|index| said.get(index));
        [ask, found.agreed, found.open].map(|found| found.map(|found| found.text.clone()))
    }

    #[test]
    fn a_question_is_open_until_somebody_else_writes() {
        let asked = [("Ida", "When will it be mended?")];
        assert_eq!(of(&asked)[2].as_deref(), Some("When will it be mended?"));
        let answered = [asked[0], ("Bo", "The plumber comes on Monday.")];
        assert_eq!(of(&answered)[2], None);
        assert_eq!(of(&answered)[0].as_deref(), Some("When will it be mended?"));
        let thanked = [asked[0], ("Ida", "Thanks, somebody came today.")];
        assert_eq!(of(&thanked)[2], None);
        let again = [asked[0], answered[1], ("Ida", "Is that really so?")];
        assert_eq!(of(&again)[2].as_deref(), Some("Is that really so?"));
    }

    #[test]
    fn what_the_opener_asks_goes_before_what_anybody_wants_on_the_way() {
        let told = [
            ("Ida", "Could you mend it?"),
            ("Ida", "On Friday I need to be at work."),
            ("Bo", "Can you be there on Monday?"),
        ];
        assert_eq!(of(&told)[0].as_deref(), Some("Could you mend it?"));
        assert_eq!(
            of(&told[1..])[0].as_deref(),
            Some("Can you be there on Monday?")
        );
        assert_eq!(
            of(&told[1..2])[0].as_deref(),
            Some("On Friday I need to be at work.")
        );
    }

    #[test]
    fn what_is_agreed_is_the_newest_undertaking_or_a_word_that_agrees() {
        let told = [
            ("Ida", "I will wait for Monday."),
            ("Bo", "We will refund the fee today."),
            ("Ida", "Thank you for that."),
        ];
        assert_eq!(
            of(&told)[1].as_deref(),
            Some("We will refund the fee today.")
        );
        let said = thread(&told);
        let brief = |message| [Sentence::brief("Agreed.", message).unwrap()];
        let agreed = |brief: &[Sentence]| {
            matters(&said, &[0.5; 3], brief)
                .agreed
                .unwrap()
                .text
                .clone()
        };
        assert_eq!(agreed(&brief(2)), "Agreed.");
        assert_eq!(agreed(&brief(1)), "We will refund the fee today.");
    }
}
