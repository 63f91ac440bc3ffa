//! What the TOML parser says, for a person.
//!
//! Purpose: the parser's words name grammar; these name the mistake and the way out. A message that is not known here is
//! passed on as it is.

use crate::diagnostic::codes;
use crate::suggest::shown;
use crate::{Diagnostic, Span};

/// The finding for a syntax error.
pub(crate) fn explain(text: &str, message: &str, span: Span) -> Diagnostic {
    let span = span.within(text);
    let at = text.get(span.range()).unwrap_or("").trim();
    let (message, label, hint) = words(message, at);
    Diagnostic::new(codes::SYNTAX, span, message)
        .label(label)
        .hint(hint)
}

/// Message, label and hint. `at` is the text that the parser points at, often empty.
fn words(message: &str, at: &str) -> (String, &'static str, String) {
    let begins = |prefix: &str| message.starts_with(prefix);
    let say = |message: &str, label, hint: &str| (message.to_owned(), label, hint.to_owned());
    let at = shown(at);
    if begins("duplicate key") {
        return (
            format!("`{at}` is set twice"),
            "again here",
            "keep one of the two".to_owned(),
        );
    }
    if begins("string values must be quoted") {
        return (
            format!("`{at}` is not a value"),
            "a string needs quotes",
            format!("write `\"{at}\"`"),
        );
    }
    if begins("invalid basic string") || begins("invalid literal string") {
        return say(
            "a string is not closed, or holds a character that it cannot",
            "the string ends here",
            "close it with the quote that it began with, on the same line; a text of several lines takes three quotes",
        );
    }
    if begins("missing comma") {
        return say(
            "two items without a comma",
            "a comma is missing here",
            "put a `,` between them",
        );
    }
    if begins("unclosed array table") {
        return say(
            "the header of a section is not closed",
            "`]` is missing here",
            "write `[[stage]]`, with two brackets on each side",
        );
    }
    if begins("unclosed table") {
        return say(
            "the header of a section is not closed",
            "`]` is missing here",
            "close it with `]`",
        );
    }
    if begins("unclosed array") {
        return say(
            "a list is not closed",
            "the list goes on to here",
            "close it with `]`",
        );
    }
    if begins("unclosed inline table") {
        return say(
            "a table is not closed",
            "the table goes on to here",
            "close it with `}`",
        );
    }
    if begins("key with no value") {
        return say(
            "a key has no value",
            "`=` is missing here",
            "write `KEY = VALUE`; a comment begins with `#`",
        );
    }
    let grammar = message.split(", expected").next().unwrap_or(message);
    (
        format!("not TOML: {}", shown(grammar)),
        "",
        "a value is a string in quotes, a number, `true`, `false`, a list `[…]` or a table `{ … }`"
            .to_owned(),
    )
}
