//! What stages do to text before they read it: sentences, threads, signatures, whitespace, words.
//!
//! Whatever is cut out of a text keeps its place: a part is a range of bytes of it, and a text that was changed is a
//! [`Tracked`], which knows the bytes behind each of its own. Every step is linear in the text, and none fails: where
//! a rule does not apply, the text stays as it is.
//!
//! ```
//! use fleetwright_sdk::text::{sentences, thread, without_signature};
//!
//! let mail = "It broke. Please help.\n\nKind regards,\nAda\n\nOn 3 Mar 2026 at 9:14, Bo <bo@example.org> wrote:\n> Hello!\n";
//! let messages = thread(mail);
//! assert_eq!(messages[1].from.as_deref(), Some("Bo <bo@example.org>"));
//! let newest = messages[0].body.as_str();
//! let said: Vec<_> = sentences(without_signature(newest)).into_iter().map(|range| &newest[range]).collect();
//! assert_eq!(said, ["It broke.", "Please help."]);
//! ```

mod asking;
mod attribution;
mod html;
mod plain;
mod script;
mod sentences;
mod signature;
mod thread;
mod tracked;

pub use asking::{asks, questions, requests};
pub use html::visible;
pub use plain::plain;
pub use script::{columns, sets_no_blanks, words_of_run};
pub use sentences::{hangs, sentences};
pub use signature::{signature, without_signature, without_signature_of};
pub use thread::{Message, thread, without_quotes};
pub use tracked::Tracked;

/// The text as a reader sees it: what is [`visible`] of HTML, and [`plain`] of disguises.
///
/// ```
/// let text = "<p>My c\u{430}rd ends in <b>４４１２</b>.</p>";
/// let seen = fleetwright_sdk::text::seen(text);
/// assert_eq!(seen.as_str().trim(), "My card ends in 4412.");
/// let at = seen.as_str().find("4412").unwrap();
/// assert_eq!(&text[seen.source(at..at + 4)], "４４１２");
/// ```
#[must_use]
pub fn seen(text: &str) -> Tracked {
    let visible = visible(text);
    // Of most texts nothing is either.
    if visible.as_str().is_ascii() {
        return visible;
    }
    plain(visible.as_str()).within(&visible)
}

/// The number of words as a reader counts them: what stands between whitespace and has a letter or a digit.
///
/// Of scripts without blanks between words it is an estimate, by letters: [`words_of_run`].
#[must_use]
pub fn word_count(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
        .map(words_of_run)
        .sum()
}

/// The text with every run of spaces, tabs and other blanks as one space, lines trimmed, `\n` for every line end, at most
/// one empty line in a row, and nothing blank at either end.
#[must_use]
pub fn normal_whitespace(text: &str) -> Tracked {
    let mut normal = Tracked::default();
    let mut gap: Option<usize> = None;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() || is_invisible(c) {
            gap.get_or_insert(at);
            continue;
        }
        if let Some(start) = gap.take()
            && !normal.as_str().is_empty()
        {
            normal.insert(
                separator(text.get(start..at).unwrap_or_default()),
                start..at,
            );
        }
        normal.keep(text, at..at + c.len_utf8());
    }
    normal
}

/// What stands for a gap: an empty line, a new line, a space, or nothing for characters that take no room.
fn separator(gap: &str) -> &'static str {
    let line_ends = gap.matches('\n').count() + gap.matches(['\u{2028}', '\u{85}']).count();
    match line_ends {
        _ if gap.contains('\u{2029}') => "\n\n",
        0 if gap.contains('\r') => "\n",
        0 if gap.chars().all(is_invisible) => "",
        0 => " ",
        1 => "\n",
        _ => "\n\n",
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_a_reader_counts() {
        assert_eq!(word_count(""), 0);
        assert_eq!(word_count(" — one, two-three  £4.50 \n don't * "), 4);
    }

    #[test]
    fn whitespace_is_normal_and_offsets_survive() {
        let text = "\u{feff}  Dear\u{a0}\tAda,\r\n\r\n\r\n  it\u{200b} broke \n again\u{ad}st  ";
        let normal = normal_whitespace(text);
        assert_eq!(normal.as_str(), "Dear Ada,\n\nit broke\nagainst");
        for (word, original) in [
            ("Dear", "Dear"),
            ("it", "it"),
            ("against", "again\u{ad}st"),
            ("Ada,", "Ada,"),
        ] {
            let at = normal.as_str().find(word).unwrap();
            assert_eq!(text.get(normal.source(at..at + word.len())), Some(original));
        }
    }

    #[test]
    fn normal_whitespace_stays() {
        for text in ["", "a", "a b\n\nc"] {
            assert_eq!(normal_whitespace(text).as_str(), text);
        }
        assert_eq!(normal_whitespace(" \n\t ").as_str(), "");
    }
}
