//! A sentence of a thread: what it says, who says it, where it stands.

use std::ops::Range;

use fleetwright_sdk::text::{sets_no_blanks, words_of_run};

use crate::mask;

/// Words in letters that a sentence has at least; where a script sets no blanks between them, by an estimate.
const WORDS: usize = 3;
/// Words that a greeting or a closing with its comma has at most.
const GREETING: usize = 4;
const GREETINGS: [&str; 9] = [
    "hello",
    "hi",
    "hey",
    "dear",
    "greetings",
    "good morning",
    "good afternoon",
    "good evening",
    "good day",
];
const HEADERS: [&str; 9] = [
    "from",
    "to",
    "cc",
    "bcc",
    "sent",
    "date",
    "subject",
    "reply-to",
    "in-reply-to",
];

/// How a line ends above a quotation.
const ANNOUNCING: [&str; 5] = [" wrote:", " writes:", " said:", " says:", " wrote :"];

/// A sentence of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The sentence on one line, card numbers masked.
    pub text: String,
    /// The message, from 0.
    pub message: usize,
    /// Its place in the message, from 0.
    pub place: usize,
    /// Who wrote it, where that is known.
    pub speaker: Option<String>,
    /// Whether it is one from beginning to end, as far as the lines around it tell.
    pub whole: bool,
    /// Whether it follows the sentence before it in its message, with no quotation between: what it points to stands there.
    pub follows: bool,
    /// Its bytes in the body of that message.
    pub range: Range<usize>,
    /// Its bytes among that message's own words.
    pub own: Range<usize>,
}

impl Sentence {
    /// Of a piece of a message, where that says something; what only the thread or the message shows of it is the caller's to set.
    pub(crate) fn of(text: &str, message: usize) -> Option<Self> {
        let says = spoken(text) >= WORDS;
        (says && !is_greeting(text) && !is_header(text)).then(|| Self::said(text, message))
    }

    /// Of a piece of a word or two, such as `Agreed.` or `Thank you!`, where they end in a stop.
    pub(crate) fn brief(text: &str, message: usize) -> Option<Self> {
        let words = spoken(text);
        let stops = text.ends_with(['.', '!']);
        (stops && (1..WORDS).contains(&words) && !is_header(text))
            .then(|| Self::said(text, message))
    }

    fn said(text: &str, message: usize) -> Self {
        Self {
            text: mask::cards(&one_line(text)),
            message,
            place: 0,
            speaker: None,
            whole: true,
            follows: true,
            range: 0..0,
            own: 0..0,
        }
    }

    /// The sentence with a capital, as it stands behind a greeting; a word that has capitals of its own stays (`iPad`).
    pub(crate) fn capitalised(mut self) -> Self {
        let word = self.text.split_whitespace().next().unwrap_or_default();
        if word.chars().all(|c| !c.is_uppercase())
            && let Some(first) = word.chars().next()
        {
            let rest = self.text.get(first.len_utf8()..).unwrap_or_default();
            self.text = first.to_uppercase().chain(rest.chars()).collect();
        }
        self
    }
}

/// The words in letters of a text; no address, no path, nothing of a program.
fn spoken(text: &str) -> usize {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '\'' | '-');
    let in_letters = |word: &&str| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        letters >= 2 && (!word.is_ascii() || word.chars().all(plain))
    };
    let words = text.split_whitespace();
    let bare = words.map(|word| word.trim_matches(|c: char| c.is_ascii_punctuation()));
    bare.filter(in_letters).map(words_of_run).sum()
}

/// The words that it takes to tell a text.
pub(crate) fn words(text: &str) -> usize {
    text.split_whitespace().map(words_of_run).sum()
}

/// A text on one line, what is blank in it as one space; where a line ends between letters of a script without blanks, as nothing.
fn one_line(text: &str) -> String {
    let (mut made, mut line_ended) = (String::with_capacity(text.len()), false);
    for line in text.split('\n') {
        for word in line.split_whitespace() {
            let runs_on =
                line_ended && made.ends_with(sets_no_blanks) && word.starts_with(sets_no_blanks);
            if !made.is_empty() && !runs_on {
                made.push(' ');
            }
            made.push_str(word);
            line_ended = false;
        }
        line_ended = true;
    }
    made
}

/// Whether a line is a greeting or a closing with its comma.
pub(crate) fn is_greeting(text: &str) -> bool {
    text.ends_with(',') && text.split_whitespace().count() <= GREETING
}

/// Whether a line is one that a mail program wrote: a header, or the line above a quotation.
fn is_header(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("-----") && first.ends_with("--") && first.contains(char::is_alphabetic) {
        return true;
    }
    let text = text.trim_start_matches(['(', '[', '*']);
    let name = text
        .split_once(':')
        .map(|(name, _)| name.trim().to_lowercase());
    name.is_some_and(|name| HEADERS.contains(&name.as_str())) || announces(text)
}

/// Whether a line says whose words follow it.
pub(crate) fn announces(text: &str) -> bool {
    ANNOUNCING.iter().any(|verb| text.ends_with(verb))
}

/// The bytes of a greeting with which a line goes on to its first sentence (`Dear Mr Olsen, the lamp …`), the blanks
/// behind it included; 0 where there is none.
pub(crate) fn greeting(line: &str) -> usize {
    let Some((head, rest)) = line.split_once([',', '!']) else {
        return 0;
    };
    let lower = head.trim_start().to_lowercase();
    let greets = GREETINGS.iter().any(|word| {
        let rest = lower.strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    });
    let blanks = rest.len() - rest.trim_start().len();
    if greets && blanks > 0 && head.split_whitespace().count() <= GREETING {
        head.len() + 1 + blanks
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_no_sentence() {
        assert_eq!(Sentence::of("Dear Mr Olsen,", 0), None);
        assert_eq!(Sentence::of("Best 4 1", 0), None);
        for line in [
            "GET /orders HTTP/1.1",
            "(bcc: Ann Lee of the shop)",
            "https://shop.example/a https://shop.example/b see both",
            "On Monday Ann wrote:",
        ] {
            assert_eq!(Sentence::of(line, 0), None, "{line}");
        }
        let brief = |text: &str| Sentence::brief(text, 0).is_some();
        assert!(brief("Agreed.") && brief("I agree!"));
        assert!(!brief("Bo Ek") && !brief("12.") && !brief("It came on Monday."));
        assert_eq!(
            Sentence::of("It is\n  broken.", 2).map(|s| (s.text, s.message)),
            Some(("It is broken.".to_owned(), 2))
        );
    }

    #[test]
    fn where_no_blanks_part_words_letters_make_a_sentence() {
        assert_eq!(Sentence::of("佐藤様", 0), None);
        let of = |text: &str| Sentence::of(text, 0).unwrap().text;
        assert_eq!(of("商品がまだ\n 届きません。"), "商品がまだ届きません。");
        assert_eq!(of("订单 A-1\n没有到。"), "订单 A-1 没有到。");
        assert_eq!(of("พัสดุของฉัน ยังมาไม่ถึง"), "พัสดุของฉัน ยังมาไม่ถึง");
    }

    #[test]
    fn a_greeting_before_a_sentence_is_none_of_it() {
        for (line, rest) in [
            ("Hello, when does it come?", "when does it come?"),
            ("Dear Mr Adeyemi,  your parcel left.", "your parcel left."),
            ("  Hi there! My lamp broke.", "My lamp broke."),
            ("Highly annoyed, I write.", "Highly annoyed, I write."),
            ("Dear me,", "Dear me,"),
            (
                "Hello is what your robot said, and then nothing.",
                "Hello is what your robot said, and then nothing.",
            ),
        ] {
            assert_eq!(&line[greeting(line)..], rest);
        }
    }

    #[test]
    fn a_capital_is_set_where_the_word_has_none() {
        let of = |text: &str| Sentence::of(text, 0).unwrap().capitalised().text;
        assert_eq!(of("élan is gone now"), "Élan is gone now");
        assert_eq!(of("iPad screen is broken"), "iPad screen is broken");
    }
}
