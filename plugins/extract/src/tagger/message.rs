//! What the tagger reads of a message: its writer's own words, below the subject where the request is about it, then what stands
//! under them, then the footer.
//!
//! Own words go alone, since `classify` and `summarize` read the same row. A footer does, too: read together with what companies write
//! there, names in the few lines above it are missed.
//!
//! A letter that is attached is read alike, without a subject.
//!
//! Bounds: four rows of as many tokens as the encoder takes, in this order; of what is attached, as many as are left.

use std::ops::Range;

use fleetwright_detect::Span;
use fleetwright_sdk::reading::{APART, Letter, Row, rows, titled};

/// A message in the pieces that are read apart.
pub(crate) struct Message {
    letter: Letter,
    pieces: Vec<Piece>,
    /// Where it begins in its text.
    above: usize,
    /// How many rows of it are read at most.
    most: usize,
}

/// A piece of a message.
pub(super) struct Piece {
    /// What is read.
    pub(super) text: String,
    /// How much of it is the subject, and not the message's.
    titled: usize,
    /// Where the rest begins among the letter's own words and signature.
    start: usize,
}

impl Message {
    /// Of a message as a reader sees it; the subject is blank where the request is about another message.
    pub(crate) fn of(seen: &str, subject: &str) -> Message {
        let letter = Letter::of(seen);
        let (text, before) = titled(subject, letter.own());
        let own = Piece {
            text,
            titled: before,
            start: 0,
        };
        let [_, rest @ ..] = letter.parts();
        let rest = rest.map(|(start, text)| Piece {
            text: text.to_owned(),
            titled: 0,
            start,
        });
        let pieces = [own].into_iter().chain(rest).collect();
        Message {
            letter,
            pieces,
            above: 0,
            most: APART,
        }
    }

    /// Of a text that is attached, from a byte on: above it are headers.
    pub(crate) fn attached(seen: &str, above: usize, most: usize) -> Message {
        Message {
            above,
            most,
            ..Message::of(seen.get(above..).unwrap_or_default(), "")
        }
    }

    /// The rows that are read, each with its piece.
    pub(super) fn rows(&self, tokens: usize) -> impl Iterator<Item = (&Piece, Row)> {
        let rows = self
            .pieces
            .iter()
            .flat_map(move |piece| rows(&piece.text, tokens).map(move |row| (piece, row)));
        rows.take(self.most)
    }

    /// The bytes of the message behind a range of a piece: none of the subject, and none where a quotation stands between.
    pub(super) fn source(&self, piece: &Piece, range: Range<usize>) -> Option<Span> {
        let own = range.end.checked_sub(piece.titled)?;
        let own = range.start.saturating_sub(piece.titled)..own;
        let found = piece.start + own.start..piece.start + own.end;
        let Range { start, end } = self.letter.source(found);
        let whole = end - start == own.len() && !own.is_empty();
        let (start, end) = (self.above + start, self.above + end);
        whole.then_some(Span { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seen: &str, subject: &str) -> Vec<String> {
        let message = Message::of(seen, subject);
        let rows = message.rows(64);
        rows.map(|(piece, row)| piece.text[row.range].trim().to_owned())
            .collect()
    }

    #[test]
    fn own_words_signature_and_footer_are_read_apart_and_quotations_are_not() {
        let seen = "It broke, says Ana Lopes.\n\nKind regards,\nBo Ek\n-- \nThis message is for Bo Ek.\n\n> Hello Bo!\n";
        let own = "It broke, says Ana Lopes.";
        let rest = [
            "Kind regards,\nBo Ek".to_owned(),
            "-- \nThis message is for Bo Ek.".to_owned(),
        ];
        assert_eq!(read(seen, ""), [&[own.to_owned()], &rest[..]].concat());
        let titled = format!("Lamp\n\n{own}");
        assert_eq!(read(seen, "Lamp"), [&[titled], &rest[..]].concat());
        assert_eq!(read(" \n", ""), [""; 0]);
    }

    #[test]
    fn at_most_four_rows_are_read() {
        assert_eq!(read(&"word ".repeat(900), "").len(), APART);
    }

    #[test]
    fn what_is_attached_is_read_below_its_headers_in_the_rows_that_are_left() {
        let seen = format!("From: Bo Ek\n\n{}Ana Lopes", "word ".repeat(900));
        let above = seen.find("word").unwrap();
        let message = Message::attached(&seen, above, 2);
        assert_eq!(message.rows(64).count(), 2);
        let message = Message::attached(&seen, above, 99);
        let name = "Ana Lopes";
        let found = message.rows(64).find_map(|(piece, _)| {
            let at = piece.text.rfind(name)?;
            message.source(piece, at..at + name.len())
        });
        assert_eq!(found.unwrap().of(&seen), name);
    }

    #[test]
    fn what_is_found_leads_back_to_the_message_and_not_out_of_the_subject() {
        let seen = "> old\nAna Lopes wrote.\n\nThanks,\nBo Ek\n";
        let message = Message::of(seen, "From Ana");
        let place = |name: &str| {
            let mut rows = message.rows(64);
            rows.find_map(|(piece, row)| {
                let at = piece.text.rfind(name)?;
                assert_eq!(row.range.start, 0);
                Some(message.source(piece, at..at + name.len()))
            })
        };
        assert_eq!(place("Ana Lopes").unwrap().unwrap().of(seen), "Ana Lopes");
        assert_eq!(place("Bo Ek").unwrap().unwrap().of(seen), "Bo Ek");
        assert_eq!(place("From Ana").unwrap(), None);
        let over = place("Ana\n\nAna Lopes").unwrap().unwrap();
        assert_eq!(over.of(seen), "Ana Lopes");
        let answers = Message::of("at Oslo\n> Where to?\nBergen", "");
        let (piece, _) = answers.rows(64).next().unwrap();
        assert_eq!(&piece.text, "at Oslo\nBergen");
        assert_eq!(answers.source(piece, 3..14), None);
    }
}
