//! A text by characters, with the byte offset of each: what every detector walks over.

use std::cell::OnceCell;

/// A half-open range of bytes in a text, on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// Whether the two ranges share a byte.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The text that the range covers; empty where it lies outside the text.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// A text and its characters with their byte offsets. Positions (`usize` arguments) count characters.
pub struct Scan<'a> {
    text: &'a str,
    chars: Vec<(usize, char)>,
    words: OnceCell<Words>,
    digits: OnceCell<bool>,
}

/// Where words begin, found once for the many phrases that are looked for.
struct Words {
    /// The first two characters of each word, and its byte offset: in order of both, so that a phrase meets the few words alone that begin
    /// as it does.
    starts: Vec<(Pair, usize)>,
    /// A bit for each of these pairs: most phrases are ruled out by it.
    pairs: u64,
}

/// A character that follows no letter or digit, and the one behind it: in small letters where they are ASCII, any white space as a blank.
type Pair = (char, char);

/// The bit of a pair.
fn bit((first, second): Pair) -> u64 {
    1 << ((u32::from(first) * 7 + u32::from(second)) % u64::BITS)
}

/// As phrases are compared: see [`crate::phrase`].
fn folded(c: char) -> char {
    match c {
        '’' => '\'',
        c if c.is_whitespace() => ' ',
        c => c.to_ascii_lowercase(),
    }
}

/// Whether a word or number goes on over this character: a letter or digit, but for letters that stand without blanks beside what is
/// written in other scripts, or, as Korean particles, directly behind it.
pub(crate) fn goes_on(c: char) -> bool {
    // Before the first of them lie the letters of most texts.
    c.is_alphanumeric() && (c < '\u{e01}' || c.is_numeric() || !stands_apart(c))
}

/// Thai and Lao, Burmese, Khmer, Hangul, kana, Bopomofo and Han.
fn stands_apart(c: char) -> bool {
    matches!(c,
        '\u{e01}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'
        | '\u{20000}'..='\u{3ffff}')
}

impl<'a> Scan<'a> {
    /// Splits a text into characters: 16 bytes of memory for each.
    pub fn new(text: &'a str) -> Scan<'a> {
        Scan {
            text,
            chars: text.char_indices().collect(),
            words: OnceCell::new(),
            digits: OnceCell::new(),
        }
    }

    /// Whether an ASCII digit stands anywhere.
    pub fn has_digits(&self) -> bool {
        let any = || self.text.bytes().any(|byte| byte.is_ascii_digit());
        *self.digits.get_or_init(any)
    }

    /// Byte offsets of the words that begin with a pair of small letters, in either case.
    pub(crate) fn word_starts(&self, pair: Pair) -> impl Iterator<Item = usize> {
        let words = self.words.get_or_init(|| self.words());
        let starts = if words.pairs & bit(pair) == 0 {
            &[]
        } else {
            let from = words.starts.partition_point(|(other, _)| *other < pair);
            words.starts.get(from..).unwrap_or_default()
        };
        let same = starts.iter().take_while(move |(other, _)| *other == pair);
        same.map(|(_, offset)| *offset)
    }

    /// The same for one letter, in order.
    pub(crate) fn word_starts_of(&self, initial: char) -> Vec<usize> {
        let words = self.words.get_or_init(|| self.words());
        let starts = words.starts.iter().filter(|(pair, _)| pair.0 == initial);
        let mut offsets: Vec<usize> = starts.map(|(_, offset)| *offset).collect();
        offsets.sort_unstable();
        offsets
    }

    fn words(&self) -> Words {
        let (mut starts, mut pairs, mut within) = (Vec::new(), 0, false);
        let following = self.chars.iter().skip(1).map(|(_, c)| folded(*c));
        for ((offset, c), next) in self.chars.iter().zip(following.chain([' '])) {
            if !within {
                let pair = (folded(*c), next);
                starts.push((pair, *offset));
                pairs |= bit(pair);
            }
            within = goes_on(*c);
        }
        starts.sort_unstable();
        Words { starts, pairs }
    }

    /// The text as given.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// How many characters the text has.
    pub fn len(&self) -> usize {
        self.chars.len()
    }

    /// Whether the text has no characters.
    pub fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    /// The character at a position, or none beyond the end.
    pub fn at(&self, position: usize) -> Option<char> {
        self.chars.get(position).map(|(_, c)| *c)
    }

    /// The character before a position, or none at the start.
    pub fn before(&self, position: usize) -> Option<char> {
        position.checked_sub(1).and_then(|p| self.at(p))
    }

    /// Byte offset of a position; the text's length beyond the end.
    pub fn offset(&self, position: usize) -> usize {
        self.chars
            .get(position)
            .map_or(self.text.len(), |(offset, _)| *offset)
    }

    /// Byte range from one position up to another.
    pub fn span(&self, from: usize, to: usize) -> Span {
        Span {
            start: self.offset(from),
            end: self.offset(to),
        }
    }

    /// The text from one position up to another.
    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        self.span(from, to).of(self.text)
    }

    /// The position after the longest run of characters from `from` that satisfy `accept`.
    pub fn skip(&self, from: usize, accept: impl Fn(char) -> bool) -> usize {
        let mut position = from;
        while self.at(position).is_some_and(&accept) {
            position += 1;
        }
        position
    }

    /// Whether a word could go on across the border before `position`: a letter or digit on that side. A letter of a script that sets
    /// no blanks does not count: `カード4111…` and `카드4111…` are a word and a number.
    pub fn word_before(&self, position: usize) -> bool {
        self.before(position).is_some_and(goes_on)
    }

    /// The same across the border behind: whether the character at `position` is such a letter or digit.
    pub fn word_at(&self, position: usize) -> bool {
        self.at(position).is_some_and(goes_on)
    }

    /// The digits from `from` on, where groups may be joined by at most `most` separators; each as (value, position).
    /// Ends before the first character that is neither, never with a separator.
    pub fn digits(
        &self,
        from: usize,
        max: usize,
        most: usize,
        separator: impl Fn(char) -> bool,
    ) -> Vec<(u8, usize)> {
        let mut found = Vec::new();
        let (mut position, mut gap) = (from, 0);
        while let Some(c) = self.at(position) {
            match c.to_digit(10).and_then(|d| u8::try_from(d).ok()) {
                Some(digit) if found.len() < max => {
                    found.push((digit, position));
                    gap = 0;
                }
                Some(_) => break,
                None if separator(c) && gap < most && !found.is_empty() => gap += 1,
                None => break,
            }
            position += 1;
        }
        found
    }
}

/// What a detector finds in a text, as text.
#[cfg(test)]
pub(crate) fn found(detect: fn(&Scan<'_>) -> Vec<Span>, text: &str) -> Vec<&str> {
    let spans = detect(&Scan::new(text)).into_iter();
    spans.map(|span| span.of(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_bytes_on_character_boundaries() {
        let scan = Scan::new("zł 12");
        assert_eq!(scan.offset(2), 3);
        assert_eq!(scan.slice(0, 2), "zł");
        assert_eq!(scan.offset(99), 6);
    }

    #[test]
    fn digits_stop_at_a_letter_and_never_end_with_a_separator() {
        let scan = Scan::new("12-34 x");
        assert_eq!(scan.digits(0, 9, 2, |c| c == '-' || c == ' ').len(), 4);
    }
}
