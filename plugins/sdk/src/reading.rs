//! How the stages of a fleet read one and the same request: alike, so that the encoder reads it once.
//!
//! Within a submission the host computes equal inputs of a model once. Stages that read a letter cut it by this module and give the
//! encoder the same rows: the words of its writer ([`Letter`]), below the subject where the request is about that message ([`asked`],
//! [`titled`]), in rows that end at white space ([`rows`]).
//!
//! ```
//! use fleetwright_sdk::reading::{Letter, rows, titled};
//!
//! let letter = Letter::of("Where is it?\n\nKind regards,\nAda\n\n> On its way.\n");
//! assert_eq!(letter.own().trim(), "Where is it?");
//! assert!(letter.signature().contains("Ada"));
//! let (text, own) = titled("My parcel", letter.own());
//! assert_eq!(&text[..own], "My parcel\n\n");
//! assert_eq!(rows(&text, 256).count(), 1);
//! ```

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::text::{Tracked, plain, without_quotes, without_signature};
use crate::tokenizer::{Encoding, encode};

/// Rows of one message that a stage asks for one by one, as the others do; those behind them it may ask for together.
pub const APART: usize = 4;

/// Bytes of a subject that are read. No line of a mail is longer (RFC 5322).
const SUBJECT: usize = 998;
/// Of a text that repeats more than one part in so many, each line is read once.
const REPEATED: usize = 4;
/// Bytes in which a row is looked for: what is blank, or drops out, for longer than that makes a row shorter.
const NEAR: usize = 64 * 1024;
/// Tokens that a row has at least: one between the first and the last.
const LEAST: usize = 3;

/// A letter without what it quotes: its writer's own words, the signature below them, and the footer that a mail program sets off.
///
/// Where quotations and signature are all of it, all of it counts as own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    body: Tracked,
    own: usize,
    signed: usize,
}

impl Letter {
    /// Of a letter as a reader sees it, which is what [`text::seen`](crate::text::seen) makes of it.
    #[must_use]
    pub fn of(seen: &str) -> Self {
        let body = without_quotes(seen);
        let own = without_signature(body.as_str());
        if !own.trim().is_empty() {
            let own = own.len();
            let signed = own + footer(body.as_str().get(own..).unwrap_or_default());
            return Self { body, own, signed };
        }
        let mut body = Tracked::default();
        body.keep(seen, 0..seen.len());
        let (own, signed) = (seen.len(), seen.len());
        Self { body, own, signed }
    }

    /// Own words, signature and footer, one after the other, each with the byte at which it begins among them.
    #[must_use]
    pub fn parts(&self) -> [(usize, &str); 3] {
        [
            (0, self.own()),
            (self.own, self.signature()),
            (self.signed, self.footer()),
        ]
    }

    /// What its writer says.
    #[must_use]
    pub fn own(&self) -> &str {
        self.body.as_str().get(..self.own).unwrap_or_default()
    }

    /// What stands below that: closing, name, firm.
    #[must_use]
    pub fn signature(&self) -> &str {
        let signed = self.own..self.signed;
        self.body.as_str().get(signed).unwrap_or_default()
    }

    /// What a mail program sets off below that by a line of two dashes, that line first; blank where there is none.
    #[must_use]
    pub fn footer(&self) -> &str {
        self.body.as_str().get(self.signed..).unwrap_or_default()
    }

    /// The bytes of the letter behind a range of own words, signature and footer, which follow each other.
    #[must_use]
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        self.body.source(range)
    }
}

/// Where the line begins by which mail programs set off a footer; where there is none, where the text ends.
fn footer(text: &str) -> usize {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if matches!(line.trim_end_matches(['\r', '\n']), "-- " | "--") {
            return start;
        }
        start += line.len();
    }
    start
}

/// Which text of a submission the request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The body.
    Body,
    /// That message of the thread.
    Message(usize),
}

/// The text that the request is about: the body, or where that is blank what is [`asked`] in the thread.
#[must_use]
pub fn about<Sender: PartialEq>(body: &str, senders: &[Sender]) -> About {
    let message = asked(senders).filter(|_| body.trim().is_empty());
    message.map_or(About::Body, About::Message)
}

/// The message of a thread that the request is about: the newest of whoever opened it.
#[must_use]
pub fn asked<Sender: PartialEq>(senders: &[Sender]) -> Option<usize> {
    let opener = senders.first()?;
    senders.iter().rposition(|sender| sender == opener)
}

/// The subject as a reader sees it, an empty line, and a message's own words; with it, where those begin. A blank subject is left out, a
/// long one cut.
#[must_use]
pub fn titled(subject: &str, own: &str) -> (String, usize) {
    // No mail program reads tags in it.
    match plain(upto(subject.trim(), SUBJECT)).as_str().trim() {
        "" => (own.to_owned(), 0),
        subject => (format!("{subject}\n\n{own}"), subject.len() + 2),
    }
}

/// A text without the lines that stood there before, where they are much of it: one that says the same over and over would fill all that
/// is read with it. A line or two that come again, as in lists, stay.
#[must_use]
pub fn once(text: &str) -> Cow<'_, str> {
    let mut known = BTreeSet::new();
    let lines = text.split_inclusive('\n');
    let told: String = lines
        .filter(|line| line.trim().is_empty() || known.insert(line.trim()))
        .collect();
    match text.len() - told.len() > text.len() / REPEATED {
        true => Cow::Owned(told),
        false => Cow::Borrowed(text),
    }
}

/// As much of a text as so many bytes hold.
fn upto(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes))
        .unwrap_or_default()
}

/// A piece of a text that the encoder takes as one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// Its tokens, whose offsets count from where it begins.
    pub encoding: Encoding,
}

/// A text in rows of at most `tokens` tokens, one after the other; what is blank makes none.
///
/// A row that is full ends at white space, unless its second half has none. Fewer than three tokens hold no text: rows are of three then,
/// which a model with such a bound refuses.
pub fn rows(text: &str, tokens: usize) -> Rows<'_> {
    let (tokens, at) = (tokens.max(LEAST), 0);
    Rows { text, tokens, at }
}

/// The rows of a text, each cut when it is asked for.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    text: &'a str,
    tokens: usize,
    at: usize,
}

impl Rows<'_> {
    /// Leaves out what stands before a byte of the text; nothing where that lies behind, or within a character.
    pub fn skip_to(&mut self, at: usize) {
        if self.text.is_char_boundary(at) {
            self.at = self.at.max(at);
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let start = self.at;
        let rest = self.text.get(start..)?;
        if rest.trim_start().is_empty() {
            return None;
        }
        let near = near(rest);
        let mut encoding = encode(near, self.tokens);
        let read = encoding.offsets.iter().map(|offset| offset.end).max();
        let read = read.unwrap_or_default();
        let left = rest.get(read..).unwrap_or_default();
        let full = encoding.ids.len() >= self.tokens && !left.trim_start().is_empty();
        let end = match cut(rest, read) {
            _ if !full => near.len(),
            Some(cut) => {
                encoding.end_at(cut);
                cut
            }
            None => read,
        };
        self.at = start + end;
        let range = start..self.at;
        Some(Row { range, encoding })
    }
}

/// What a row is looked for in: up to white space, where there is any; a word that is longer is taken whole.
fn near(text: &str) -> &str {
    let near = upto(text, NEAR);
    if near.len() == text.len() {
        return text;
    }
    let end = near.rfind(char::is_whitespace).filter(|end| *end > 0);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Where a text of which so many bytes were read is cut: at the last white space, where that is not far.
fn cut(text: &str, read: usize) -> Option<usize> {
    let (head, tail) = text.split_at_checked(read)?;
    if tail.starts_with(char::is_whitespace) {
        return Some(read);
    }
    head.rfind(char::is_whitespace)
        .filter(|space| *space > read / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_leads_back_from_own_words_and_signature() {
        let seen = "> Which box?\nThe red one.\n> Since when?\nMonday.\n\nKind regards,\nAda Moe\n";
        let letter = Letter::of(seen);
        assert_eq!(letter.own().trim(), "The red one.\nMonday.");
        for word in ["Monday", "Ada"] {
            let whole = letter.parts().map(|(_, part)| part).concat();
            let at = whole.find(word).unwrap();
            assert_eq!(&seen[letter.source(at..at + word.len())], word);
        }
    }

    #[test]
    fn where_a_signature_or_a_quotation_is_all_that_is_what_is_read() {
        for seen in ["Kind regards,\nAda\n", "> Which box?\n", "", " \n"] {
            let letter = Letter::of(seen);
            assert_eq!((letter.own(), letter.signature()), (seen, ""));
            assert_eq!(letter.source(0..seen.len()), 0..seen.len());
        }
    }

    #[test]
    fn a_footer_that_a_program_sets_off_is_no_signature() {
        let seen = "It broke.\n\nKind regards,\nAda\n-- \nFor Ada alone.\n";
        let letter = Letter::of(seen);
        let told = ["It broke.", "Kind regards,\nAda", "-- \nFor Ada alone."];
        let mut end = 0;
        for ((start, part), told) in letter.parts().into_iter().zip(told) {
            assert_eq!((start, part.trim()), (end, told));
            end += part.len();
            assert_eq!(&seen[letter.source(start..end)], part);
        }
        assert_eq!(end, seen.len());
    }

    #[test]
    fn the_request_is_the_openers_newest_message() {
        assert_eq!(asked(&["a", "b", "a", "b"]), Some(2));
        assert_eq!(asked(&["a"]), Some(0));
        assert_eq!(asked::<&str>(&[]), None);
        assert_eq!(about(" \n", &["a", "b"]), About::Message(0));
        assert_eq!(about("It broke.", &["a", "b"]), About::Body);
        assert_eq!(about::<&str>("", &[]), About::Body);
    }

    #[test]
    fn a_blank_subject_is_left_out() {
        assert_eq!(titled(" \n", "a"), ("a".to_owned(), 0));
        assert_eq!(titled(" Box ", "a"), ("Box\n\na".to_owned(), 5));
        let (text, own) = titled(&"ü".repeat(9000), "a");
        assert_eq!((own, text.len()), (SUBJECT + 2, SUBJECT + 3));
    }

    #[test]
    fn a_subject_is_read_as_a_reader_sees_it() {
        let disguised = "M\u{443} c\u{430}rd w\u{200b}as stolen";
        assert_eq!(titled("<b>Refund</b>", "a").0, "<b>Refund</b>\n\na");
        assert_eq!(
            titled(disguised, "Please read."),
            titled("My card was stolen", "Please read.")
        );
    }

    #[test]
    fn what_is_said_over_and_over_is_read_once() {
        let line = "Where is my parcel? It was due on Monday.\n";
        assert_eq!(once(&line.repeat(50)), line);
        let list = "1 lamp\n2 chairs\n1 lamp\n4 tables\n5 vases\n";
        assert_eq!(once(list), list);
    }

    #[test]
    fn rows_end_at_white_space_and_are_what_the_tokenizer_makes_of_them() {
        let text = "The unhappiness of 12 washing-machines\n\nis no secret, says Ada. ".repeat(20);
        for tokens in [8, 9, 10, 11, 64, 4096] {
            let mut end = 0;
            for row in rows(&text, tokens) {
                assert_eq!(row.range.start, end);
                end = row.range.end;
                let piece = &text[row.range.clone()];
                assert_eq!(row.encoding, encode(piece, usize::MAX), "{piece:?}");
                assert!(row.encoding.ids.len() <= tokens);
                assert!(end == text.len() || text[end..].starts_with(char::is_whitespace));
            }
            assert!(text[end..].trim().is_empty());
        }
    }

    #[test]
    fn a_word_without_end_is_cut_and_what_the_tokenizer_passes_over_does_not_stop_it() {
        let word = "a".repeat(5000);
        let odd = "\u{200d}".repeat(50);
        let blank = format!("one{}two", " ".repeat(3 * NEAR));
        let brackets = format!("{} {}", "[SEP".repeat(20), "[".repeat(NEAR));
        for text in [
            &*word,
            &*"😀".repeat(99),
            &*odd,
            " \n ",
            &*blank,
            &*brackets,
        ] {
            for tokens in [0, 2, 3, 16] {
                let mut at = 0;
                for row in rows(text, tokens).take(5000) {
                    assert!(row.range.start == at && row.range.end > at);
                    at = row.range.end;
                }
                assert!(text[at..].trim().is_empty() || tokens < 16);
            }
        }
    }

    #[test]
    fn what_fits_to_the_token_is_one_row_and_what_is_skipped_is_in_none() {
        let text = "one two three four";
        assert_eq!(rows(text, 6).count(), 1);
        assert_eq!(rows(text, 5).count(), 2);
        let mut left = rows(text, 64);
        left.skip_to(8);
        assert_eq!(left.next().unwrap().range, 8..18);
        left.skip_to(2);
        assert_eq!(left.next(), None);
    }
}
