//! A text as the words of an address are read: without the marks around them, and with what parts each from the one before.

use super::words;

/// What parts a word from the one before it, the stronger behind the weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// A blank.
    Space,
    /// A line's end.
    Line,
    /// A comma or a dash, with or without a line's end.
    Comma,
    /// What no address goes across: the end of a sentence, a bracket, an empty line, a column's end.
    Hard,
}

/// A word, and where it stands in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) gap: Gap,
}

impl Token<'_> {
    pub(super) fn is_capital(&self) -> bool {
        let mut letters = self.text.chars().skip_while(|c| matches!(c, '\'' | '’'));
        letters.next().is_some_and(char::is_uppercase) || self.elided()
    }

    /// `d'Alger`, `l'Église`, `'s-Gravenhage`.
    fn elided(&self) -> bool {
        let after = |(_, rest): (&str, &str)| rest.chars().next().is_some_and(char::is_uppercase);
        self.text.split_once(['\'', '’', '-']).is_some_and(after)
            && self.text.chars().take(3).any(|c| matches!(c, '\'' | '’'))
    }

    pub(super) fn has_digit(&self) -> bool {
        self.text.bytes().any(|byte| byte.is_ascii_digit())
    }

    /// A word of letters, with what stands within words.
    pub(super) fn is_word(&self) -> bool {
        self.text
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '.' | '&'))
            && self.text.chars().any(char::is_alphabetic)
    }
}

const OPENING: &[char] = &['(', '[', '{', '"', '“', '„', '«', '<'];
const CLOSING: &[char] = &[
    ',', ';', ':', '.', '!', '?', ')', ']', '}', '"', '”', '»', '>',
];

/// The words of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let (mut gap, mut position) = (Gap::Hard, 0);
    for piece in text.split_inclusive(char::is_whitespace) {
        let start = position;
        position += piece.len();
        let raw = piece.trim_end();
        let blank = piece.get(raw.len()..).unwrap_or_default();
        if !raw.is_empty() && raw != ">" {
            if matches!(raw, "-" | "–" | "—" | "|" | "·" | "•") {
                gap = gap.max(Gap::Comma);
            } else {
                let bare = raw.trim_start_matches(OPENING);
                if bare.len() < raw.len() && !is_province(raw) {
                    gap = Gap::Hard;
                }
                let start = start + raw.len() - bare.len();
                let word = bare.trim_end_matches(CLOSING);
                if !word.is_empty() {
                    let end = start + word.len();
                    found.push(Token {
                        text: word,
                        start,
                        end,
                        gap,
                    });
                    gap = Gap::Space;
                }
                gap = gap.max(after(word, bare.get(word.len()..).unwrap_or_default()));
            }
        }
        gap = match (blank.chars().next(), gap) {
            (Some('\t'), gap) if gap != Gap::Line => Gap::Hard,
            (Some('\n'), Gap::Line) => Gap::Hard,
            (Some('\n'), Gap::Space) => Gap::Line,
            (_, gap) => gap,
        };
    }
    found
}

/// `(FI)`, behind an Italian town.
fn is_province(raw: &str) -> bool {
    let inner = raw.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    inner.is_some_and(|(word, _)| word.len() == 2 && word.bytes().all(|b| b.is_ascii_uppercase()))
}

/// What the marks behind a word part it by.
fn after(word: &str, marks: &str) -> Gap {
    match marks.trim_start_matches('.') {
        "" if marks.is_empty() || word.is_empty() || is_short(word) => Gap::Space,
        ")" if word.len() == 2 && word.bytes().all(|b| b.is_ascii_uppercase()) => Gap::Space,
        "," => Gap::Comma,
        _ => Gap::Hard,
    }
}

/// Whether a point behind the word may belong to it.
fn is_short(word: &str) -> bool {
    word.chars().count() == 1
        || word.contains('.')
        || words::street(word).is_some()
        || words::ends_as_street(word).is_some()
        || words::begins_street(word).is_some()
        || words::is_unit(word)
        || words::is_shortened(word)
        || word.chars().count() < 3 && word.chars().all(|c| c.is_alphanumeric())
        || ["Dto", "Esq", "Dcha", "Izq", "Mme", "Prof"].contains(&word)
}
