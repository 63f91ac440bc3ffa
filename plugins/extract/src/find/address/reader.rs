//! The words of a text, and what is asked of them one by one.

use super::token::{Gap, Token};
use super::words;

/// A text's words; positions (`usize` arguments) count them.
pub(super) struct Reader<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    /// For each word how many follow up to the next with a digit, itself counted as none.
    digits: Vec<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tokens: Vec<Token<'a>>) -> Reader<'a> {
        let mut next = usize::MAX;
        let mut digits: Vec<usize> = tokens
            .iter()
            .rev()
            .map(|token| {
                next = if token.has_digit() {
                    0
                } else {
                    next.saturating_add(1)
                };
                next
            })
            .collect();
        digits.reverse();
        Reader { tokens, digits }
    }
}

impl Reader<'_> {
    /// Whether a digit stands in one of the next `words`. Most words have none near, and no street begins there.
    pub(super) fn has_digit_near(&self, at: usize, words: usize) -> bool {
        self.digits.get(at).is_some_and(|next| *next <= words)
    }

    pub(super) fn token(&self, at: usize) -> Option<&Token<'_>> {
        self.tokens.get(at)
    }

    pub(super) fn gap(&self, at: usize) -> Option<Gap> {
        self.token(at).map(|token| token.gap)
    }

    /// The word, where nothing but a blank parts it from the one before.
    pub(super) fn near(&self, at: usize) -> Option<&Token<'_>> {
        self.token(at).filter(|token| token.gap == Gap::Space)
    }

    /// Whether a line, a comma or a sentence parts the word from the one before, or the text is at its end.
    pub(super) fn is_bounded(&self, at: usize) -> bool {
        self.gap(at).is_none_or(|gap| gap != Gap::Space)
    }

    /// Whether a word stands before it that a place follows.
    pub(super) fn is_announced(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.token(at));
        self.gap(at) == Some(Gap::Space) && before.is_some_and(|word| words::is_cue(word.text))
    }

    /// Whether a sentence goes on behind a name, in small letters.
    pub(super) fn goes_on(&self, at: usize) -> bool {
        self.near(at)
            .is_some_and(|word| !word.is_capital() && !word.has_digit())
    }

    /// `12`, `12a`, `12-14`, `3/5`.
    pub(super) fn is_number(&self, at: usize) -> bool {
        self.token(at)
            .is_some_and(|token| is_house_number(token.text))
    }

    /// A word of a name in capitals, or `small` ones where the whole is written so.
    pub(super) fn is_name(&self, at: usize, small: bool) -> bool {
        self.token(at).is_some_and(|word| {
            word.is_word()
                && !words::is_foreign(word.text)
                && (word.is_capital()
                    || small && !words::is_joiner(word.text) && !words::is_cue(word.text))
        })
    }
}

pub(super) fn is_house_number(text: &str) -> bool {
    let letters = |text: &str, most: usize| {
        text.len() <= most && text.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let part = |part: &str| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let rest = part.get(digits..).unwrap_or_default();
        (1..=5).contains(&digits) && letters(rest, 1)
    };
    let mut parts = text.split(['-', '–', '/']);
    let first = parts.next().is_some_and(part);
    first
        && parts.clone().count() < 3
        && parts.all(|next| part(next) || !next.is_empty() && letters(next, 3))
}

/// `5th`, `42nd`, `1er`, `2e`.
pub(super) fn is_ordinal(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.len()
        && ["st", "nd", "rd", "th", "er", "e"].contains(&rest.to_lowercase().as_str())
}

pub(super) fn is_direction(text: &str) -> bool {
    let bare = text.trim_end_matches('.');
    [
        "N", "S", "E", "W", "NE", "NW", "SE", "SW", "North", "South", "East", "West",
    ]
    .contains(&bare)
}
