//! From text to normalised words: cleaned, split at whitespace, punctuation and ideographs, without accents, in lower
//! case, each character with the bytes of the text that it came from.

use std::ops::{ControlFlow, Range};

use super::unicode::{BARRIER, Class, class, combining_class, letters, mapped};

/// A word of more characters is unknown as a whole.
pub(super) const LONGEST: usize = 100;

/// A normalised word.
#[derive(Default)]
pub(super) struct Word {
    text: String,
    chars: Vec<Char>,
    /// Characters that wait to be sorted by combining class.
    pending: Vec<(u8, char, Range<usize>)>,
}

/// A character of a word: where it starts in the word, and the bytes of the text that it came from.
struct Char {
    at: usize,
    source: Range<usize>,
}

impl Word {
    /// The normalised text; past [`LONGEST`] characters it is cut, and [`is_too_long`](Self::is_too_long).
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the word is unknown by its length.
    pub(super) fn is_too_long(&self) -> bool {
        self.chars.len() > LONGEST
    }

    /// The bytes of the original text from which a part of [`text`](Self::text) came.
    pub(super) fn source(&self, part: Range<usize>) -> Range<usize> {
        let first = self
            .chars
            .partition_point(|c| c.at <= part.start)
            .wrapping_sub(1);
        let last = self
            .chars
            .partition_point(|c| c.at < part.end)
            .wrapping_sub(1);
        let start = self.chars.get(first).map_or(0, |c| c.source.start);
        start..self.chars.get(last).map_or(start, |c| c.source.end)
    }

    /// The bytes of the original text from which all of it came.
    pub(super) fn whole_source(&self) -> Range<usize> {
        let start = self.chars.first().map_or(0, |c| c.source.start);
        start..self.chars.last().map_or(start, |c| c.source.end)
    }

    /// Adds a character of combining class 0.
    fn push(&mut self, c: char, source: Range<usize>) {
        self.sort();
        self.append(c, source);
    }

    /// Adds those that wait, sorted.
    fn sort(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_by_key(|waiting| waiting.0);
        for (_, c, source) in pending.drain(..) {
            self.append(c, source);
        }
        self.pending = pending;
    }

    fn append(&mut self, c: char, source: Range<usize>) {
        if self.is_too_long() {
            // The text no longer matters: only how far the word goes.
            if let Some(last) = self.chars.last_mut() {
                last.source.end = last.source.end.max(source.end);
            }
            return;
        }
        self.chars.push(Char {
            at: self.text.len(),
            source,
        });
        self.text.push(c);
    }

    /// Ends the word: gives it to `take` unless it is empty, and starts the next.
    fn end(&mut self, take: &mut impl FnMut(&Self) -> ControlFlow<()>) -> ControlFlow<()> {
        self.sort();
        if self.chars.is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = take(self);
        self.text.clear();
        self.chars.clear();
        flow
    }

    /// Ends the word, and gives `c` as one of its own.
    fn alone(
        &mut self,
        c: char,
        source: Range<usize>,
        take: &mut impl FnMut(&Self) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.end(take)?;
        self.push(c, source);
        self.end(take)
    }
}

/// Gives each word of `text` to `take`, until it breaks. Sources count from `base`.
pub(super) fn each(
    text: &str,
    base: usize,
    word: &mut Word,
    take: &mut impl FnMut(&Word) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for (at, c) in text.char_indices() {
        let source = base + at..base + at + c.len_utf8();
        match c {
            'a'..='z' | '0'..='9' => word.push(c, source),
            'A'..='Z' => word.push(c.to_ascii_lowercase(), source),
            ' ' => word.end(take)?,
            '!'..='~' => word.alone(c, source, take)?,
            _ => normalise(c, source, word, take)?,
        }
    }
    word.end(take)
}

fn normalise(
    c: char,
    source: Range<usize>,
    word: &mut Word,
    take: &mut impl FnMut(&Word) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match class(c) {
        Class::Plain => word.push(c, source),
        Class::Drop => {}
        Class::Barrier => word.sort(),
        Class::Space => word.end(take)?,
        Class::Punctuation | Class::Alone => word.alone(c, source, take)?,
        Class::AloneMapped => {
            word.end(take)?;
            mapped(c).for_each(|becomes| word.push(becomes, source.clone()));
            word.end(take)?;
        }
        Class::Mapped => {
            for becomes in mapped(c) {
                place(becomes, source.clone(), word, take)?;
            }
        }
        Class::Hangul => letters(c).for_each(|letter| word.push(letter, source.clone())),
        Class::Combining => word.pending.push((combining_class(c), c, source)),
    }
    ControlFlow::Continue(())
}

/// Adds a character that another became: it is not mapped again.
fn place(
    c: char,
    source: Range<usize>,
    word: &mut Word,
    take: &mut impl FnMut(&Word) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match class(c) {
        _ if c == BARRIER => word.sort(),
        Class::Punctuation => word.alone(c, source, take)?,
        Class::Combining => word.pending.push((combining_class(c), c, source)),
        _ => word.push(c, source),
    }
    ControlFlow::Continue(())
}
