//! Cuts the lines of a message into sentences that say something, each with its bytes in the original.
//!
//! A sentence ends at `.`, `!` or `?` before a space and a capital or a digit, not after a common abbreviation, and at an
//! empty line. Greetings, closings and names alone are no sentences.

use std::ops::Range;

/// Words in letters that a sentence has at least.
const WORDS: usize = 3;
/// Words that a greeting or a closing with its comma has at most.
const GREETING: usize = 4;
const ABBREVIATIONS: [&str; 14] = [
    "e.g.", "i.e.", "etc.", "vs.", "cf.", "mr.", "mrs.", "ms.", "dr.", "st.", "no.", "sec.",
    "fig.", "nr.",
];
const ASKING: [&str; 12] = [
    "please",
    "could you",
    "can you",
    "would you",
    "will you",
    "let me know",
    "i want",
    "we want",
    "i need",
    "we need",
    "i would like",
    "kindly",
];

/// A line of a body, without its marks of quotation.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What stands in it.
    pub(crate) text: String,
    /// Where that begins, in bytes of the body.
    pub(crate) start: usize,
    /// How deep it is quoted.
    pub(crate) depth: usize,
    /// The speaker that it introduces, where it is the line above a quotation.
    pub(crate) introduces: Option<String>,
}

/// A sentence of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// The sentence on one line.
    pub(crate) text: String,
    /// The message, from 0.
    pub(crate) message: usize,
    /// Its place in the message, from 0.
    pub(crate) place: usize,
    /// Who wrote it, where that is known.
    pub(crate) speaker: Option<String>,
    /// Its bytes in the body of that message.
    pub(crate) range: Range<usize>,
}

impl Sentence {
    /// Whether it asks for something.
    pub(crate) fn asks(&self) -> bool {
        let lower = self.text.to_lowercase();
        self.text.contains('?') || ASKING.iter().any(|cue| lower.contains(cue))
    }

    /// The words that it costs with its speaker's name.
    pub(crate) fn cost(&self) -> usize {
        let name = self.speaker.as_deref().unwrap_or_default();
        self.text.split_whitespace().count() + name.split_whitespace().count()
    }
}

/// The sentences of a message.
pub(crate) fn split(lines: &[Line], message: usize, speaker: Option<&str>) -> Vec<Sentence> {
    let mut made: Vec<Sentence> = Vec::new();
    for words in paragraphs(lines) {
        let mut open: Vec<Word> = Vec::new();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            let ends = words
                .peek()
                .is_none_or(|next| parts(&word.text, &next.text));
            open.push(word);
            if ends {
                let found = join(&open, message, made.len(), speaker);
                made.extend(found.filter(says_something));
                open.clear();
            }
        }
    }
    made
}

/// A word with the bytes where it begins and ends.
struct Word {
    text: String,
    range: Range<usize>,
}

/// Words between empty lines, rules, greetings and closings.
fn paragraphs(lines: &[Line]) -> Vec<Vec<Word>> {
    let mut made = vec![Vec::new()];
    for line in lines {
        let text = line.text.trim();
        let alone = text.is_empty() || is_greeting(text) || is_rule(text);
        if alone {
            made.push(Vec::new());
        } else if let Some(open) = made.last_mut() {
            open.extend(words(line));
        }
    }
    made
}

fn words(line: &Line) -> impl Iterator<Item = Word> + '_ {
    line.text.split_whitespace().map(|word| {
        // A word is a slice of its line, so that the difference of addresses is its place there.
        let start = line.start + (word.as_ptr() as usize - line.text.as_ptr() as usize);
        Word {
            text: word.to_owned(),
            range: start..start + word.len(),
        }
    })
}

fn is_greeting(text: &str) -> bool {
    text.ends_with(',') && text.split_whitespace().count() <= GREETING
}

fn is_rule(text: &str) -> bool {
    ["---", "___", "===", "***"]
        .iter()
        .any(|rule| text.starts_with(rule))
}

fn parts(word: &str, next: &str) -> bool {
    let bare = word.trim_end_matches(['"', '\'', ')', ']', '”', '’']);
    let first = next
        .trim_start_matches(['"', '\'', '(', '[', '“', '‘'])
        .chars()
        .next();
    bare.ends_with(['.', '!', '?'])
        && first.is_none_or(|c| c.is_uppercase() || c.is_numeric())
        && !ABBREVIATIONS.contains(&bare.to_lowercase().as_str())
}

fn join(words: &[Word], message: usize, place: usize, speaker: Option<&str>) -> Option<Sentence> {
    let (first, last) = (words.first()?, words.last()?);
    let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    Some(Sentence {
        text: texts.join(" "),
        message,
        place,
        speaker: speaker.map(str::to_owned),
        range: first.range.start..last.range.end,
    })
}

fn says_something(sentence: &Sentence) -> bool {
    let worded = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    sentence.text.split_whitespace().filter(worded).count() >= WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        let mut start = 0;
        let lines: Vec<_> = body
            .split_inclusive('\n')
            .map(|text| {
                start += text.len();
                Line {
                    text: text.to_owned(),
                    start: start - text.len(),
                    depth: 0,
                    introduces: None,
                }
            })
            .collect();
        let found = split(&lines, 0, None);
        for sentence in &found {
            let original: Vec<_> = body[sentence.range.clone()].split_whitespace().collect();
            assert_eq!(original.join(" "), sentence.text);
        }
        found.into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn sentences_end_at_stops_and_empty_lines() {
        let body = "Hi Ann,\nthe lamp came. It is e.g. cracked, no. 4 is\nmissing!  \"Why is that?\" I asked her about it\n\nPlease call me back\n\nKind regards,\nBo Ek\n";
        assert_eq!(
            texts(body),
            [
                "the lamp came.",
                "It is e.g. cracked, no. 4 is missing!",
                "\"Why is that?\"",
                "I asked her about it",
                "Please call me back",
            ]
        );
    }

    #[test]
    fn nothing_is_lost_in_other_scripts() {
        assert_eq!(
            texts("Où est mon colis ? Élodie l'attend déjà."),
            ["Où est mon colis ?", "Élodie l'attend déjà."]
        );
    }

    #[test]
    fn requests_ask() {
        let of = |text: &str| Sentence {
            text: text.to_owned(),
            message: 0,
            place: 0,
            speaker: None,
            range: 0..0,
        };
        assert!(of("Could you look into it").asks());
        assert!(of("When does it come?").asks());
        assert!(!of("It came on Monday.").asks());
    }
}
