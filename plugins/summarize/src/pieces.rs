//! Which pieces of a message are its writer's own, and whole.
//!
//! A mail program that wraps lines anew leaves pieces of sentences, and some quote without marking it: neither may be
//! told as what somebody said. What stood in an earlier message is a quotation of it, whoever sent it again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use fleetwright_sdk::text::{columns, hangs};

use crate::sentences::{announces, is_greeting};

/// A line without a stop that is as long was cut by a program, not ended by its writer.
const LONG: usize = 40;
/// From as many pieces on, of which more than two thirds have a stop, a piece without one is none of its writer's sentences, but
/// a signature, a heading, or half of something.
const FEW: usize = 3;
/// Marks that nobody writes in a sentence.
const CODE: [&str; 10] = ["<!", "==", "::", "();", "</", "/>", "{", "}", "&&", ":="];
/// Characters of an item's number or letter.
const ITEM: usize = 2;
/// Stops that end no sentence.
const FIRMS: [&str; 4] = ["Inc.", "Ltd.", "Corp.", "Co."];
/// Tokens in a row that show that two texts are the same.
const WINDOW: usize = 5;
/// The share of a sentence's windows that stood in earlier messages, from which on it is a quotation.
const QUOTED: f64 = 0.6;
/// Tokens of earlier messages that are remembered.
const MEMORY: usize = 20_000;

/// For each piece of a message whether it is a whole sentence, as far as its ends and the lines around it tell. Before some, a quotation
/// was taken out (`behind_quotes`).
pub(crate) fn whole(message: &str, pieces: &[Range<usize>], behind_quotes: &[bool]) -> Vec<bool> {
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
    let quoted = announced(message, pieces, behind_quotes);
    let before = [false].into_iter().chain(cut.iter().copied());
    let stopped = pieces.iter().filter(|piece| stops(text(piece))).count();
    let small = |piece: &str| {
        let mut letters = piece.chars();
        letters.next().is_some_and(char::is_lowercase)
            && !letters.next().is_some_and(char::is_uppercase)
    };
    let capital = pieces.iter().filter(|piece| !small(text(piece))).count();
    let with_capitals = pieces.len() >= FEW && capital * 3 > pieces.len() * 2;
    let with_stops = pieces.len() >= FEW && stopped * 3 > pieces.len() * 2;
    pieces
        .iter()
        .enumerate()
        .zip(before.zip(&cut).zip(quoted))
        .map(|((place, piece), ((before, after), quoted))| {
            let text = text(piece);
            // A letter may go on small behind its greeting.
            let begins = (place == 0 || !with_capitals || !small(text)) && !text.starts_with("..");
            let ends = begins && (!with_stops && !is_item(text) || stops(text));
            !before
                && !after
                && !quoted
                && ends
                && is_closed(text)
                && !is_title(text)
                && !is_code(text)
        })
        .collect()
}

/// For each piece whether a line announces it (`Ann wrote:`), and no mark says that it is quoted: the rest of that line's next one, or a
/// paragraph that stands by itself.
fn announced(message: &str, pieces: &[Range<usize>], behind_quotes: &[bool]) -> Vec<bool> {
    let (mut within, mut paragraph, mut begun, mut end) = (false, false, false, 0);
    let told = pieces
        .iter()
        .zip(behind_quotes)
        .map(|(piece, behind_quotes)| {
            let gap = message.get(end..piece.start).unwrap_or_default();
            let lines = gap.matches('\n').count();
            if within && !begun {
                (paragraph, begun) = (lines > 1, true);
            } else {
                let over = if paragraph { lines > 1 } else { lines > 0 };
                within &= !over;
            }
            // What was announced is marked, and gone; what follows is its reader's.
            within &= !behind_quotes;
            end = piece.end;
            let quoted = within;
            if announces(message.get(piece.clone()).unwrap_or_default()) {
                (within, begun) = (true, false);
            }
            quoted
        });
    told.collect()
}

/// Whether a piece is a heading, a firm, a line below a name: without a stop, and no long word of it begins small.
fn is_title(piece: &str) -> bool {
    let words = piece.split_whitespace();
    let long = words.filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 3);
    let (mut capitals, mut small) = (0, 0);
    for word in long {
        let first = word.chars().find(|c| c.is_alphanumeric());
        if first.is_some_and(char::is_uppercase) {
            capitals += 1;
        } else {
            small += 1;
        }
    }
    let stops = stops(piece) && !FIRMS.iter().any(|firm| piece.ends_with(firm));
    !stops && capitals > 1 && small == 0 && piece.contains(char::is_lowercase)
}

/// Whether a piece has marks of a program or of a page's source.
fn is_code(piece: &str) -> bool {
    CODE.iter().any(|mark| piece.contains(mark))
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

/// Whether a piece is an item of a list, which leans on what the list is of.
fn is_item(piece: &str) -> bool {
    starts_item(piece) || piece.starts_with('-')
}

/// Whether brackets have their others; those of an item (`b)`, `12)`) and of a face (`:)`) have none.
fn is_bracketed(piece: &str) -> bool {
    let (mut depth, mut word) = (0_usize, 0_usize);
    let mut before = ' ';
    for c in piece.chars() {
        match c {
            '(' if !matches!(before, ':' | ';' | '-' | '=') => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' if matches!(before, ':' | ';' | '-' | '=') || (1..=ITEM).contains(&word) => {}
            ')' => return false,
            _ => {}
        }
        word = if c.is_alphanumeric() { word + 1 } else { 0 };
        before = c;
    }
    depth == 0
}

/// Whether nothing is announced, and every quotation mark and bracket has its other.
fn is_closed(piece: &str) -> bool {
    let count = |mark| piece.matches(mark).count();
    !piece.ends_with([':', ',', ';', '-', '–', '—', '('])
        && count('"').is_multiple_of(2)
        && (count('“') == count('”') || piece.contains('„'))
        && is_bracketed(piece)
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
        let kept = pieces
            .iter()
            .zip(whole(message, &pieces, &vec![false; pieces.len()]));
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
        assert_eq!(told(message).len(), 3, "{:?}", told(message));
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
        assert_eq!(
            told("Two things broke:\n- The lid is in two.\n- the box"),
            ["- The lid is in two."]
        );
        assert_eq!(
            told("He wrote \"it broke. Then it burned.\" I left."),
            ["I left."]
        );
    }

    #[test]
    fn the_paragraph_that_is_announced_is_not_its_senders() {
        assert_eq!(
            told("Your clerk wrote:\n\nWe cannot pay. It is over.\n\nI do not accept this."),
            ["I do not accept this."]
        );
        assert_eq!(told("Ann said:\nNo.\n\nBo said:\nYes.").len(), 0);
        assert_eq!(
            told("Your clerk said:\nIt comes on Friday.\nIt did not come."),
            ["It did not come."]
        );
    }

    #[test]
    fn of_a_writer_who_sets_capitals_what_begins_small_is_not_whole() {
        let message =
            "Tell us who you are.\n\nand of your shop.\n\nIt broke.\n\niPads break.\n\nIt burned.";
        assert_eq!(
            told(message),
            [
                "Tell us who you are.",
                "It broke.",
                "iPads break.",
                "It burned."
            ]
        );
    }

    #[test]
    fn headings_firms_and_code_are_not_whole() {
        let message =
            "Minutes Of Tuesday\n\nThe lid broke\n\nReturn x if x == 1\n\nEngines Trading Inc.";
        assert_eq!(told(message), ["The lid broke"]);
        assert_eq!(told("ORDER NEVER CAME"), ["ORDER NEVER CAME"]);
        let items = "I want either a) my money back or b) a new lid :)";
        assert_eq!(told(items), [items]);
        assert_eq!(told("Ivan could do that)."), [""; 0]);
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
