//! Which pieces of a message are its writer's own, and whole.
//!
//! A mail program that wraps lines anew leaves pieces of sentences, and some quote without marking it: neither may be
//! told as what somebody said. What stood in an earlier message is a quotation of it, whoever sent it again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use fleetwright_sdk::text::{columns, hangs};

use crate::sentences::is_greeting;

/// A line without a stop that is as long was cut by a program, not ended by its writer.
const LONG: usize = 40;
/// From as many pieces on, of which more than two thirds have a stop, a piece without one is none of its writer's sentences, but
/// a signature, a heading, or half of something.
const FEW: usize = 3;
/// Tokens in a row that show that two texts are the same.
const WINDOW: usize = 5;
/// The share of a sentence's windows that stood in earlier messages, from which on it is a quotation.
const QUOTED: f64 = 0.6;
/// Tokens of earlier messages that are remembered.
const MEMORY: usize = 20_000;

/// For each piece of a message whether it is a whole sentence, as far as its ends and the lines around it tell.
pub(crate) fn whole(message: &str, pieces: &[Range<usize>]) -> Vec<bool> {
    let text = |piece: &Range<usize>| message.get(piece.clone()).unwrap_or_default();
    let cut: Vec<bool> = pieces
        .iter()
        .zip(pieces.iter().skip(1))
        .map(|(piece, next)| {
            let gap = message.get(piece.end..next.start).unwrap_or_default();
            is_cut(text(piece), gap, text(next))
        })
        .chain([pieces.last().is_some_and(|last| hangs(text(last)))])
        .collect();
    let before = [false].into_iter().chain(cut.iter().copied());
    let stopped = pieces.iter().filter(|piece| stops(text(piece))).count();
    let with_stops = pieces.len() >= FEW && stopped * 3 > pieces.len() * 2;
    pieces
        .iter()
        .zip(before.zip(&cut))
        .map(|(piece, (before, after))| {
            let ends = !with_stops || stops(text(piece));
            !before && !after && ends && is_closed(text(piece))
        })
        .collect()
}

/// Whether a piece goes on in the next one, behind `gap`.
fn is_cut(piece: &str, gap: &str, next: &str) -> bool {
    if stops(piece) || piece.ends_with(':') || is_greeting(piece) || starts_item(next) {
        return false;
    }
    if hangs(piece) || next.starts_with(char::is_lowercase) {
        return true;
    }
    let paragraph = gap.matches('\n').count() > 1;
    !paragraph && columns(piece) >= LONG
}

fn stops(piece: &str) -> bool {
    let inner = piece.trim_end_matches(['"', '\'', '”', '’', ')', ']', '»', '」', '』', '*', '_']);
    inner.ends_with(['.', '!', '?', '…', '。', '！', '？', '।', '؟'])
}

fn starts_item(piece: &str) -> bool {
    let mark = piece.split_whitespace().next().unwrap_or_default();
    let numbered = mark.trim_end_matches(['.', ')', ':']);
    matches!(mark, "-" | "*" | "•" | "–" | "·" | "+")
        || numbered.len() < mark.len() && numbered.len() <= 2
}

/// Whether nothing is announced, and every quotation mark has its other.
fn is_closed(piece: &str) -> bool {
    let count = |mark| piece.matches(mark).count();
    !piece.ends_with([':', ',', ';', '-', '–', '—', '('])
        && count('"').is_multiple_of(2)
        && (count('“') == count('”') || piece.contains('„'))
}

/// What earlier messages said.
#[derive(Default)]
pub(crate) struct Said {
    windows: HashSet<u64>,
    tokens: usize,
}

impl Said {
    /// Whether a sentence of these tokens stood in an earlier message.
    pub(crate) fn has(&self, tokens: &[String]) -> bool {
        let size = tokens.len().min(WINDOW);
        let windows = tokens.windows(size.max(1));
        let all = windows.len();
        let known = windows.filter(|window| self.windows.contains(&digest(window)));
        all > 0 && known.count() as f64 >= QUOTED * all as f64
    }

    /// Remembers a message by its tokens.
    pub(crate) fn add(&mut self, tokens: &[String]) {
        let room = MEMORY.saturating_sub(self.tokens).min(tokens.len());
        let tokens = tokens.get(..room).unwrap_or_default();
        self.tokens += tokens.len();
        for size in 3..=WINDOW {
            self.windows.extend(tokens.windows(size).map(digest));
        }
    }
}

fn digest(window: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    window.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetwright_sdk::text::sentences;

    fn told(message: &str) -> Vec<&str> {
        let pieces = sentences(message);
        let kept = pieces.iter().zip(whole(message, &pieces));
        kept.filter(|(_, whole)| *whole)
            .map(|(piece, _)| &message[piece.clone()])
            .collect()
    }

    #[test]
    fn pieces_of_a_wrapped_quotation_are_not_whole() {
        assert_eq!(
            told(
                "That is so.\n\nThough I am still learning my way about it\nHTML validation is new. Fine, then."
            ),
            ["That is so.", "Fine, then."]
        );
        assert_eq!(told("We met the\n\nShe came. He left."), ["He left."]);
        assert_eq!(told("It rains.\n\nUntil the"), ["It rains."]);
    }

    #[test]
    fn what_is_written_without_stops_is_whole() {
        let message = "Hello,\nmy card is blocked\nI need it today\n\nOrder 12 never came\n- the lid\n- the box";
        assert_eq!(told(message).len(), 5, "{:?}", told(message));
    }

    #[test]
    fn of_a_writer_who_sets_stops_what_has_none_is_not_whole() {
        assert_eq!(
            told("It broke. It burned. It is gone.\n\nSoftware Solutions Business"),
            ["It broke.", "It burned.", "It is gone."]
        );
        assert_eq!(told("my card is blocked\nPlease help me.").len(), 2);
    }

    #[test]
    fn an_announcement_or_half_a_quotation_is_not_whole() {
        assert_eq!(told("Two things broke:\n- the lid"), ["- the lid"]);
        assert_eq!(
            told("He wrote \"it broke. Then it burned.\" I left."),
            ["I left."]
        );
    }

    #[test]
    fn a_quotation_is_known_without_its_mark() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut said = Said::default();
        said.add(&words("where is my parcel it was due on friday"));
        assert!(said.has(&words("it was due on friday")));
        assert!(said.has(&words("is my parcel")));
        assert!(!said.has(&words("it was due on monday")));
        assert!(!said.has(&[]));
    }
}
