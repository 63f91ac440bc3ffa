//! What the TOML parser says, for a person.
//!
//! Purpose: the parser's words name grammar; these name the way out.

use crate::diagnostic::codes;
use crate::{Diagnostic, Span};

/// The finding for a syntax error.
pub(crate) fn explain(text: &str, message: &str, span: Span) -> Diagnostic {
    let span = visible(text, span);
    let (label, hint) = match message {
        m if m.starts_with("duplicate key") => ("set before", "keep one of the two".to_owned()),
        _ => ("", "a value is a string in quotes, a number, `true`, `false`, a list `[…]` or a table `{ … }`".to_owned()),
    };
    Diagnostic::new(codes::SYNTAX, span, format!("not TOML: {message}"))
        .label(label)
        .hint(hint)
}

/// An empty span at the end of a line is moved onto the line's last character, so that it can be seen.
fn visible(text: &str, span: Span) -> Span {
    span.within(text)
}
