//! How much a sentence asks for something: a request or a question, a question that its writer answers himself, a wish told on the way.

use fleetwright_sdk::text::{asks, questions, requests};

/// Turns with which somebody asks without a question mark, beside those that every stage knows.
const WISHES: &[&str] = &[
    "do you have",
    "does anyone",
    "does anybody",
    "i wonder",
    "i'm wondering",
    "i am wondering",
    "we wonder",
    "any comments",
    "any ideas",
    "any opinions",
    "i propose",
    "we propose",
    "i suggest",
    "would be great if",
    "would be nice if",
    "would be good if",
    "would be great to",
    "hope you will",
    "are welcome",
    "is welcome",
    "i would appreciate",
    "i'd appreciate",
    "i'd like",
    "we'd like",
    "we would like",
    "looking forward to your",
    "looking forward for",
    "tell me",
    "advise me",
    "help me",
];
/// What somebody wants, where a sentence begins with it.
const WANTS: &[&str] = &["i want", "we want", "i need", "we need"];
/// A `please` before one of these asks for nothing.
const POLITE: &[&str] = &[
    "note",
    "remember",
    "feel free",
    "see",
    "find",
    "excuse",
    "forgive",
    "accept",
    "bear in mind",
];
/// How a question begins that its writer answers himself …
const RHETORICAL: &[&str] = &[
    "wouldn't ",
    "isn't ",
    "aren't ",
    "doesn't ",
    "don't ",
    "didn't ",
    "shouldn't ",
    "who cares",
    "so what",
];
/// … and how one ends.
const TAGS: &[&str] = &[
    "do you?",
    "don't you?",
    "is it?",
    "isn't it?",
    "does it?",
    "doesn't it?",
    "are they?",
    "aren't they?",
    "right?",
    "eh?",
];

/// How a question begins …
const ASKING: &[&str] = &["how", "what", "when", "where", "why", "who", "which"];
/// … and goes on.
const AUXILIARY: &[&str] = &[
    "do", "does", "did", "is", "are", "can", "could", "will", "would", "should",
];
/// Words of a question without its mark, at most.
const INQUIRY: usize = 20;

/// From the least on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanting {
    /// It tells what somebody wants, in words that tell of much else, too.
    Telling,
    /// It is a question whose answer its writer may have.
    Rhetorical,
    /// It asks.
    Asking,
}

/// How much a sentence asks; `None`: it does not.
pub(crate) fn wanting(sentence: &str) -> Option<Wanting> {
    let lower = sentence.to_lowercase().replace('’', "'");
    let any = |of: &[&str]| of.iter().any(|words| lower.contains(words));
    if questions(sentence) {
        let rhetorical = RHETORICAL.iter().any(|start| lower.starts_with(start))
            || TAGS.iter().any(|tag| lower.ends_with(tag));
        return Some(if rhetorical {
            Wanting::Rhetorical
        } else {
            Wanting::Asking
        });
    }
    if inquires(&lower) {
        return Some(Wanting::Asking);
    }
    let wants = WANTS.iter().any(|start| lower.starts_with(start)) && asks(sentence);
    if requests(sentence) || any(WISHES) || wants || pleads(&lower) {
        return Some(Wanting::Asking);
    }
    let polite = lower.contains("please") && !WANTS.iter().any(|wants| lower.contains(wants));
    (asks(sentence) && !polite).then_some(Wanting::Telling)
}

/// Whether it is a question whose mark its writer left out: `How does this time suit everyone.`
fn inquires(lower: &str) -> bool {
    let mut words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let short = lower.split_whitespace().count() <= INQUIRY;
    short && ASKING.contains(&first) && AUXILIARY.contains(&second)
}

/// Whether a `please` in it asks for something.
fn pleads(lower: &str) -> bool {
    lower.match_indices("please").any(|(at, please)| {
        let rest = lower.get(at + please.len()..).unwrap_or_default();
        let word = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
        let rest = rest.trim_start_matches([' ', ',']);
        word && !POLITE.iter().any(|polite| rest.starts_with(polite))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_questions_and_wishes_ask() {
        for text in [
            "When does it come?",
            "Could you look into it",
            "Please send another one.",
            "We need it on Friday.",
            "I wonder whether it was sent at all.",
            "I'd like my money back.",
            "How does Monday suit you.",
            "いつ届きますか？",
        ] {
            assert_eq!(wanting(text), Some(Wanting::Asking), "{text}");
        }
    }

    #[test]
    fn what_its_writer_may_answer_himself_asks_less() {
        for text in ["Wouldn't that be fun?", "You never read this, do you?"] {
            assert_eq!(wanting(text), Some(Wanting::Rhetorical), "{text}");
        }
        for text in [
            "On Friday I need to be at work.",
            "If I want to sleep I close it.",
        ] {
            assert_eq!(wanting(text), Some(Wanting::Telling), "{text}");
        }
    }

    #[test]
    fn statements_and_courtesies_do_not() {
        for text in [
            "It came on Monday.",
            "I wanted to say so.",
            "I was pleased with it.",
            "Please note that we are closed.",
            "Please find the bill attached.",
            "I can?t find it.",
        ] {
            assert_eq!(wanting(text), None, "{text}");
        }
    }
}
