//! A mail with the messages that it quotes, taken apart.

use std::ops::Range;

use super::Tracked;
use super::attribution::{Origin, attribution, between_marks, header_block, is_separator};
use super::{columns, hangs};

/// A quoted line of as many columns may have been wrapped …
const WRAPPED: usize = 50;
/// … and what was wrapped out of it has at most so many.
const REST: usize = 40;
/// A line that goes on in a quoted one has as many words, and is as long as a rest at most is: whoever answers between the lines may be brief, and set no stops.
const BEGUN: usize = 6;

/// One message of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Who wrote it, as the mail program said: `Ada <ada@example.org>`. `None` for the newest, whose sender the
    /// submission names, and where the program did not say.
    pub from: Option<String>,
    /// When, as the mail program said; in no fixed format.
    pub date: Option<String>,
    /// Its subject, where a header block gave one.
    pub subject: Option<String>,
    /// What it says, without quote marks; its offsets lead back to the text.
    pub body: Tracked,
}

/// A line: the bytes of what follows its quote marks, and how many those are.
struct Line {
    content: Range<usize>,
    depth: usize,
}

/// The messages of a text: first the newest, which is what the sender wrote, then the quoted ones in the order in which
/// they appear, which is newest first in all common programs.
///
/// Lines answered between quoted ones stay with their writer. A message without text is left out, but for the first.
#[must_use]
pub fn thread(text: &str) -> Vec<Message> {
    let lines = lines(text);
    let mut split = Split {
        text,
        messages: vec![Message::default()],
        open: vec![Some(0)],
        announced: None,
    };
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += split.take(line, lines.get(at..).unwrap_or_default());
    }
    let mut messages = split.messages.into_iter();
    let first = messages.next();
    first
        .into_iter()
        .chain(messages.filter(|message| !message.body.is_blank()))
        .collect()
}

/// What the sender wrote, without the messages that it quotes.
#[must_use]
pub fn without_quotes(text: &str) -> Tracked {
    thread(text)
        .into_iter()
        .next()
        .map(|newest| newest.body)
        .unwrap_or_default()
}

/// The lines of a text; what a program wrapped out of a quoted line, or left without its mark, is of that line's depth.
fn lines(text: &str) -> Vec<Line> {
    let mut lines = marked(text);
    for at in (0..lines.len()).rev() {
        let before = at.checked_sub(1).and_then(|before| lines.get(before));
        let quoted = match (before, lines.get(at), lines.get(at + 1)) {
            (Some(before), Some(line), Some(after))
                if before.depth > 0 && line.depth == 0 && after.depth > 0 =>
            {
                let ends = is_wrapped(text, before, line).then_some(before.depth);
                ends.or_else(|| goes_on(text, line, after).then_some(after.depth))
            }
            _ => None,
        };
        if let Some((depth, line)) = quoted.zip(lines.get_mut(at)) {
            line.depth = depth;
        }
    }
    lines
}

/// Whether a line between quoted ones, without a mark, goes on in the one behind it, whose beginning it is.
fn goes_on(text: &str, line: &Line, after: &Line) -> bool {
    let of = |line: &Line| text.get(line.content.clone()).unwrap_or_default().trim();
    let (begun, rest) = (of(line), of(after));
    let long = begun.split_whitespace().count() >= BEGUN;
    let begins = begun.starts_with(char::is_uppercase) && rest.starts_with(char::is_lowercase);
    long && begins && !ends(begun) && (columns(begun) >= REST || hangs(begun))
}

fn ends(line: &str) -> bool {
    line.ends_with(['.', '!', '?', ':', ';', ',', ')', '"', '>', '-'])
}

/// Whether a line without a mark is the end of the quoted one before it: that one is long and ends in no stop, and this one begins small.
fn is_wrapped(text: &str, before: &Line, line: &Line) -> bool {
    let of = |line: &Line| text.get(line.content.clone()).unwrap_or_default().trim();
    let (quoted, rest) = (of(before), of(line));
    let goes_on = columns(quoted) >= WRAPPED && !ends(quoted);
    goes_on && rest.starts_with(char::is_lowercase) && columns(rest) <= REST
}

/// The lines of a text, each with the marks that stand before it.
fn marked(text: &str) -> Vec<Line> {
    let mut at = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let (mut skip, mut depth) = (0, 0);
        for (place, c) in line.char_indices() {
            match c {
                '>' => (skip, depth) = (place + 1, depth + 1),
                ' ' if depth > 0 && place == skip => {}
                _ => break,
            }
        }
        if depth > 0 && line.get(skip..).is_some_and(|rest| rest.starts_with(' ')) {
            skip += 1;
        }
        let content = at + skip..at + line.len();
        at += line.len();
        Line { content, depth }
    });
    lines.collect()
}

/// The work of [`thread`].
struct Split<'a> {
    text: &'a str,
    messages: Vec<Message>,
    /// For each depth of quoting, the message that its lines belong to.
    open: Vec<Option<usize>>,
    /// An attribution that was read at a depth, and whose message has not begun.
    announced: Option<(usize, Origin)>,
}

impl Split<'_> {
    /// Takes the first of `rest`, or as many lines as an attribution has.
    fn take(&mut self, line: &Line, rest: &[Line]) -> usize {
        let content = self.content(line);
        let near = rest
            .iter()
            .take(12)
            .take_while(|near| near.depth == line.depth);
        let near: Vec<_> = near.map(|near| self.content(near)).collect();
        if is_separator(content) {
            self.announced
                .get_or_insert((line.depth, Origin::default()));
            return 1;
        }
        if let Some((origin, count)) = header_block(&near) {
            self.begin(line.depth, origin);
            return count;
        }
        if let Some((origin, count)) = attribution(&near) {
            self.announced = Some((line.depth, origin));
            return count;
        }
        if let Some(origin) = between_marks(content).filter(|_| line.depth >= 3) {
            // What it announces has no marks.
            self.announced = Some((0, origin));
            return 1;
        }
        let underscores = content.trim();
        if underscores.len() >= 8
            && underscores.bytes().all(|b| b == b'_')
            && header_block(near.get(1..).unwrap_or_default()).is_some()
        {
            return 1;
        }
        if !content.trim().is_empty()
            && let Some((depth, origin)) = self.announced.take()
        {
            // What is announced is quoted by marks, or just follows.
            self.begin(line.depth.max(depth), origin);
        }
        let message = self.message(line.depth);
        if let Some(message) = self.messages.get_mut(message) {
            message.body.keep(self.text, line.content.clone());
        }
        1
    }

    /// A line without its quote marks and its end.
    fn content(&self, line: &Line) -> &str {
        self.text
            .get(line.content.clone())
            .unwrap_or_default()
            .trim_end_matches(['\n', '\r'])
    }

    /// Begins a message at a depth, and ends the deeper ones.
    fn begin(&mut self, depth: usize, origin: Origin) {
        self.open.resize(depth, None);
        self.open.push(Some(self.messages.len()));
        self.announced = None;
        let Origin {
            from,
            date,
            subject,
        } = origin;
        self.messages.push(Message {
            from,
            date,
            subject,
            body: Tracked::default(),
        });
    }

    /// The message that lines of a depth belong to; a new one, of nobody, where none is open.
    fn message(&mut self, depth: usize) -> usize {
        if let Some(Some(open)) = self.open.get(depth) {
            return *open;
        }
        self.begin(depth, Origin::default());
        self.messages.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Option<String>, String)> {
        thread(text)
            .into_iter()
            .map(|m| (m.from, m.body.as_str().trim().to_owned()))
            .collect()
    }

    fn expect(messages: &[(&str, &str)]) -> Vec<(Option<String>, String)> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        messages
            .iter()
            .map(|(from, body)| (some(from), (*body).to_owned()))
            .collect()
    }

    #[test]
    fn a_plain_text_is_one_message() {
        let text = "Hello,\n\nIt broke.\n";
        assert_eq!(read(text), expect(&[("", "Hello,\n\nIt broke.")]));
        assert_eq!(without_quotes(text).as_str(), text);
        assert_eq!(read(""), expect(&[("", "")]));
    }

    #[test]
    fn marked_quotes_are_messages_of_their_own() {
        let text = "Still broken.\n\nOn 3 Mar 2026 at 9:14, Help <help@example.org> wrote:\n\n> Try again.\n>\n> On 2 Mar 2026 at 8:00, Ada\n> <ada@example.org> wrote:\n>\n>> It broke.\n> >\n>> Ada\n";
        let expected = [
            ("", "Still broken."),
            ("Help <help@example.org>", "Try again."),
            ("Ada <ada@example.org>", "It broke.\n\nAda"),
        ];
        assert_eq!(read(text), expect(&expected));
        let messages = thread(text);
        assert_eq!(messages[2].date.as_deref(), Some("2 Mar 2026 at 8:00"));
        let at = messages[2].body.as_str().find("It broke").unwrap();
        assert_eq!(&text[messages[2].body.source(at..at + 8)], "It broke");
    }

    #[test]
    fn header_blocks_begin_messages() {
        let text = "See below.\r\n\r\n-----Original Message-----\r\nFrom: Help\r\nSent: 3 March 2026 09:14\r\nTo: Ada\r\nSubject: RE: Box\r\n\r\nWhich box?\r\n\r\n________________________________\r\nFrom: Ada\r\nSent: 2 March 2026\r\nSubject: Box\r\n\r\nIt broke.\r\n";
        let messages = thread(text);
        assert_eq!(
            read(text),
            expect(&[
                ("", "See below."),
                ("Help", "Which box?"),
                ("Ada", "It broke.")
            ])
        );
        assert_eq!(messages[1].subject.as_deref(), Some("RE: Box"));
        assert_eq!(messages[2].date.as_deref(), Some("2 March 2026"));
    }

    #[test]
    fn answers_between_quoted_lines_stay_with_their_writer() {
        let text = "On 3 Mar 2026 at 9:14, Bo wrote:\n> Which box?\nThe red one.\n> Since when?\nMonday.\n";
        assert_eq!(
            read(text),
            expect(&[
                ("", "The red one.\nMonday."),
                ("Bo", "Which box?\nSince when?")
            ])
        );
    }

    #[test]
    fn a_quote_without_marks_follows_its_attribution() {
        let text = "Thanks.\n\nOn 3 Mar 2026 at 9:14, Bo <b@example.org> wrote:\nWhich box?\n\nOn 2 Mar 2026 at 8:00, Ada wrote:\nIt broke.\n";
        assert_eq!(
            read(text),
            expect(&[
                ("", "Thanks."),
                ("Bo <b@example.org>", "Which box?"),
                ("Ada", "It broke.")
            ])
        );
    }

    #[test]
    fn a_quote_without_marks_follows_a_name_between_marks() {
        let text = "Thanks.\n\n>>> Bo Ek <b@example.org> 11/02/26 11:21AM >>>\nWhich box?\n";
        assert_eq!(
            read(text),
            expect(&[("", "Thanks."), ("Bo Ek <b@example.org>", "Which box?")])
        );
    }

    #[test]
    fn what_was_wrapped_out_of_a_quoted_line_is_quoted() {
        let quoted = "> The box that we sent you on Friday was the large one, and it had\na lid.\n> Do you have it still?\n";
        let (whole, told) = (
            "The box that we sent you on Friday was the large one, and it had\na lid.\nDo you have it still?",
            "Yes.",
        );
        assert_eq!(
            read(&format!("{quoted}Yes.\n")),
            expect(&[("", told), ("", whole)])
        );
        let begun = "> Thank you.\nI do not know which of them is the large one of the\n> two at all.\nThat one.\n";
        assert_eq!(read(begun)[0].1, "That one.");
        let answered = "> Which box?\nThe red one.\n> Since when do you have it, and do you have the bill that we sent?\nMonday.\n> Fine\n";
        assert_eq!(read(answered)[0].1, "The red one.\nMonday.");
        let small = "> where do you live now\nI live in the High Street number twelve\n> and do you have the bill\n";
        assert_eq!(read(small)[0].1, "I live in the High Street number twelve");
        let brackets = "> What is the order number and the date when you bought it (roughly)\nA-1234, on 3 May.\n> And which shop?\n";
        assert_eq!(read(brackets)[0].1, "A-1234, on 3 May.");
    }

    #[test]
    fn quotes_without_attribution_are_of_nobody() {
        assert_eq!(read("> old\n\nnew\n"), expect(&[("", "new"), ("", "old")]));
        assert_eq!(
            read("new\n>>> oldest\n> old"),
            expect(&[("", "new"), ("", "oldest"), ("", "old")])
        );
    }

    #[test]
    fn a_forward_has_an_empty_first_message() {
        let text = "---------- Forwarded message ---------\nFrom: Ada <a@example.org>\nDate: Tue, 3 Mar 2026\nSubject: Box\n\nIt broke.\n";
        assert_eq!(
            read(text),
            expect(&[("", ""), ("Ada <a@example.org>", "It broke.")])
        );
    }

    #[test]
    fn no_byte_of_a_body_is_made_up() {
        let text = "a\n> b > c\n>d\n>>  e\nOn 1 May 2026, X wrote:\n\n> f\n";
        for message in thread(text) {
            let body = message.body.as_str();
            for (at, c) in body.char_indices() {
                assert_eq!(
                    &text[message.body.source(at..at + c.len_utf8())],
                    c.to_string()
                );
            }
        }
    }
}
