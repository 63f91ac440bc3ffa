//! A text made of parts of another, which still knows where each byte came from.

use std::ops::Range;

/// A text made of another: each run of its bytes knows the bytes of the original behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    text: String,
    /// In order, without gaps.
    runs: Vec<Run>,
}

/// A run of a tracked text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    /// Where it starts in the tracked text.
    at: usize,
    /// The bytes of the original behind it.
    source: Range<usize>,
    /// Whether it is those bytes; else it stands for them as a whole.
    verbatim: bool,
}

impl Tracked {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes of the original behind a range of bytes of this text, from the first to the last of them.
    ///
    /// A range without bytes, or beyond the text, gives the place in the original where it would stand.
    #[must_use]
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start, false);
        let end = if range.is_empty() {
            start
        } else {
            self.place(range.end, true)
        };
        start..end.max(start)
    }

    /// The original's place of an offset: as the end of what is before it, or as the start of what follows.
    fn place(&self, offset: usize, end: bool) -> usize {
        let after = self.runs.partition_point(|run| {
            if end {
                run.at < offset
            } else {
                run.at <= offset
            }
        });
        let Some(run) = self.runs.get(after.wrapping_sub(1)) else {
            return self.runs.first().map_or(0, |r| r.source.start);
        };
        match (run.verbatim, end) {
            (true, _) => run.source.end.min(run.source.start + (offset - run.at)),
            (false, true) => run.source.end,
            (false, false) => run.source.start,
        }
    }

    /// Adds the bytes `source` of the original; nothing where they are no whole characters.
    pub fn keep(&mut self, original: &str, source: Range<usize>) {
        let Some(kept) = original.get(source.clone()).filter(|kept| !kept.is_empty()) else {
            return;
        };
        match self.runs.last_mut() {
            Some(last) if last.verbatim && last.source.end == source.start => {
                last.source.end = source.end
            }
            _ => self.runs.push(Run {
                at: self.text.len(),
                source,
                verbatim: true,
            }),
        }
        self.text.push_str(kept);
    }

    /// Adds a text that stands for the bytes `source` of the original.
    pub fn insert(&mut self, text: &str, source: Range<usize>) {
        if !text.is_empty() {
            self.runs.push(Run {
                at: self.text.len(),
                source,
                verbatim: false,
            });
            self.text.push_str(text);
        }
    }

    /// This text, which was made of `outer`'s, as one made of `outer`'s original.
    #[must_use]
    pub fn within(self, outer: &Self) -> Self {
        let Self { text, runs } = self;
        let mut result = Self::default();
        let ends = runs
            .iter()
            .skip(1)
            .map(|run| run.at)
            .chain([text.len()])
            .collect::<Vec<_>>();
        for (run, end) in runs.into_iter().zip(ends) {
            let piece = text.get(run.at..end).unwrap_or_default();
            if !run.verbatim {
                result.insert(piece, outer.source(run.source));
                continue;
            }
            outer.pieces(run.source, |part, source, verbatim| {
                result.runs.push(Run {
                    at: result.text.len(),
                    source,
                    verbatim,
                });
                result.text.push_str(part);
            });
        }
        result
    }

    /// Cuts the range into what each of its runs gives.
    fn pieces(&self, range: Range<usize>, mut give: impl FnMut(&str, Range<usize>, bool)) {
        let ends = self
            .runs
            .iter()
            .skip(1)
            .map(|run| run.at)
            .chain([self.text.len()]);
        for (run, end) in self.runs.iter().zip(ends) {
            let part = range.start.max(run.at)..range.end.min(end);
            if let Some(text) = self.text.get(part.clone()).filter(|text| !text.is_empty()) {
                give(text, self.source(part), run.verbatim);
            }
        }
    }

    /// Whether nothing but whitespace is in it.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lead_back() {
        let original = "one > two\n> three";
        let mut text = Tracked::default();
        text.keep(original, 0..4);
        text.keep(original, 6..10);
        text.insert("…", 10..12);
        text.keep(original, 12..17);
        assert_eq!(text.as_str(), "one two\n…three");
        assert_eq!(text.source(0..3), 0..3);
        assert_eq!(text.source(4..7), 6..9);
        assert_eq!(text.source(0..7), 0..9);
        assert_eq!(text.source(8..11), 10..12);
        assert_eq!(text.source(11..16), 12..17);
        assert_eq!(text.source(4..4), 6..6);
        assert_eq!(text.source(99..100), 17..17);
        assert_eq!(Tracked::default().source(3..5), 0..0);
    }

    #[test]
    fn a_text_made_of_a_tracked_one_leads_back_too() {
        let original = "> a  b\n> c";
        let mut outer = Tracked::default();
        outer.keep(original, 2..7);
        outer.keep(original, 9..10);
        let inner = super::super::normal_whitespace(outer.as_str()).within(&outer);
        assert_eq!(inner.as_str(), "a b\nc");
        for (range, source) in [
            (0..1, 2..3),
            (2..3, 5..6),
            (4..5, 9..10),
            (0..5, 2..10),
            (1..2, 3..5),
        ] {
            assert_eq!(inner.source(range), source);
        }
    }
}
