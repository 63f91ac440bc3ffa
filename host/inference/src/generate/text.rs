//! From the bytes of tokens to text that may be shown: whole letters, and nothing that may yet turn out to be a stop. Pure.
//!
//! Bounds: what is held back is no longer than the longest stop string and one letter.

/// The text of an answer that is being generated.
#[derive(Debug, Default)]
pub(crate) struct Text {
    stops: Vec<String>,
    /// Bytes that are no whole letter yet.
    bytes: Vec<u8>,
    /// Text that may be the beginning of a stop.
    held: String,
    /// Text that was given.
    given: String,
}

/// What came of a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// What may be shown now.
    pub(crate) fresh: String,
    /// The stop that has come.
    pub(crate) stopped: Option<String>,
}

impl Text {
    /// A text that ends where one of `stops` comes.
    pub(crate) fn ending_at(stops: Vec<String>) -> Text {
        Text {
            stops,
            ..Text::default()
        }
    }

    /// Adds the bytes of a token.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Pushed {
        self.bytes.extend_from_slice(piece);
        self.take_letters();
        let found = self.stops.iter().filter_map(|stop| {
            let at = self.held.find(stop.as_str())?;
            Some((at, stop.clone()))
        });
        if let Some((at, stop)) = found.min_by_key(|(at, _)| *at) {
            let fresh = self.give(at);
            self.held.clear();
            self.bytes.clear();
            return Pushed {
                fresh,
                stopped: Some(stop),
            };
        }
        let safe = self.held.len() - self.longest_beginning();
        Pushed {
            fresh: self.give(safe),
            stopped: None,
        }
    }

    /// Nothing more comes: what was held back may be shown.
    pub(crate) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.bytes);
        self.held.push_str(&String::from_utf8_lossy(&rest));
        self.give(self.held.len())
    }

    /// All that was given.
    pub(crate) fn into_given(self) -> String {
        self.given
    }

    /// Moves whole letters out of the bytes; what can never become one is replaced.
    fn take_letters(&mut self) {
        loop {
            let (valid, bad) = match std::str::from_utf8(&self.bytes) {
                Ok(text) => (text.len(), None),
                Err(error) => (error.valid_up_to(), error.error_len()),
            };
            let mut letters: Vec<u8> = self.bytes.drain(..valid).collect();
            if let Some(bad) = bad {
                self.bytes.drain(..bad);
                letters.extend_from_slice("\u{fffd}".as_bytes());
            }
            self.held.push_str(&String::from_utf8_lossy(&letters));
            if bad.is_none() {
                return;
            }
        }
    }

    /// How long the longest end of the held text is that a stop begins with.
    fn longest_beginning(&self) -> usize {
        let ends = self.held.char_indices().map(|(at, _)| at);
        let begins = |end: &str| self.stops.iter().any(|stop| stop.starts_with(end));
        // From the first letter on, so that the first end that fits is the longest.
        ends.filter_map(|at| self.held.get(at..))
            .find(|end| begins(end))
            .map_or(0, str::len)
    }

    fn give(&mut self, length: usize) -> String {
        let fresh: String = self.held.drain(..length).collect();
        self.given.push_str(&fresh);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown after each piece, and the stop.
    fn shown(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, Option<String>, String) {
        let mut text = Text::ending_at(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut fresh = Vec::new();
        for piece in pieces {
            let pushed = text.push(piece);
            fresh.push(pushed.fresh);
            if pushed.stopped.is_some() {
                return (fresh, pushed.stopped, text.into_given());
            }
        }
        fresh.push(text.finish());
        (fresh, None, text.into_given())
    }

    #[test]
    fn letters_are_shown_whole() {
        let (fresh, _, all) = shown(&[], &[b"a\xc3", b"\xa9\xf0\x9f", b"\x98\x80"]);
        assert_eq!(fresh, ["a", "é", "😀", ""]);
        assert_eq!(all, "aé😀");
    }

    #[test]
    fn bytes_that_are_no_letters_are_replaced() {
        let (fresh, _, _) = shown(&[], &[b"a\xff", b"b\xe2\x82"]);
        assert_eq!(fresh, ["a\u{fffd}", "b", "\u{fffd}"]);
    }

    #[test]
    fn a_stop_ends_the_text_and_no_part_of_it_is_ever_shown() {
        let (fresh, stop, all) = shown(&["END", "\n\n"], &[b"one E", b"N", b"D two"]);
        assert_eq!(fresh, ["one ", "", ""]);
        assert_eq!((stop.as_deref(), all.as_str()), (Some("END"), "one "));
    }

    #[test]
    fn what_only_looked_like_a_stop_is_shown_later() {
        let (fresh, stop, all) = shown(&["END"], &[b"E", b"N", b"E", b"x"]);
        assert_eq!(fresh, ["", "", "EN", "Ex", ""]);
        assert_eq!((stop, all.as_str()), (None, "ENEx"));
        assert_eq!(shown(&["END"], &[b"EN"]).2, "EN");
    }

    #[test]
    fn the_earliest_stop_counts() {
        let (_, stop, all) = shown(&["c", "b"], &[b"abc"]);
        assert_eq!((stop.as_deref(), all.as_str()), (Some("b"), "a"));
    }
}
