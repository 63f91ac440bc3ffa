//! From text to TOML, within bounds.
//!
//! Purpose: what is parsed is walked, and dropped, recursively; so length and nesting are checked on tokens, before the
//! text is parsed. Bounds: [`MAX_BYTES`] of text, [`MAX_DEPTH`] of nesting.

use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::{Diagnostic, Span};
use toml::Spanned;
use toml::de::DeTable;
use toml_parser::lexer::TokenKind;

/// The longest manifest that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// How deep brackets, and the parts of a dotted key, may nest.
pub const MAX_DEPTH: usize = 16;
/// Checks the bounds of a text before it is parsed: length, and nesting of brackets and dotted keys.
pub(crate) fn within_bounds(text: &str, findings: &mut Findings) -> bool {
    if text.len() > MAX_BYTES {
        findings.report(
            Diagnostic::new(
                codes::TOO_LARGE,
                Span::new(0, 0),
                format!(
                    "the manifest has {} bytes; at most {MAX_BYTES} are read",
                    text.len()
                ),
            )
            .hint(
                "move large tables out of `config`, for example into a model's card or the plugin",
            ),
        );
        return false;
    }
    match too_deep(text) {
        None => true,
        Some(span) => {
            findings.report(
                Diagnostic::new(
                    codes::TOO_DEEP,
                    span,
                    format!("nested deeper than {MAX_DEPTH} levels"),
                )
                .label("the level beyond")
                .hint("flatten the value: no key of a manifest needs more than a few levels"),
            );
            false
        }
    }
}

/// The first token that is nested too deep.
fn too_deep(text: &str) -> Option<Span> {
    let mut brackets = 0_usize;
    let mut dots = 0_usize;
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                brackets += 1;
                dots = 0;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                brackets = brackets.saturating_sub(1);
                dots = 0;
            }
            TokenKind::Dot => dots += 1,
            TokenKind::Atom
            | TokenKind::Whitespace
            | TokenKind::BasicString
            | TokenKind::LiteralString => {}
            _ => dots = 0,
        }
        if brackets > MAX_DEPTH || dots > MAX_DEPTH {
            return Some(Span::new(token.span().start(), token.span().end()));
        }
    }
    None
}

/// Parses the text and reports every syntax error.
pub(crate) fn document<'t>(text: &'t str, findings: &mut Findings) -> Spanned<DeTable<'t>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut twice: Option<Span> = None;
    for error in errors {
        findings.broken = true;
        let span = error
            .span()
            .map_or(Span::default(), Span::from)
            .within(text);
        let duplicate = error.message().starts_with("duplicate key");
        if duplicate && twice.is_some_and(|header| same_section(text, header, span)) {
            continue;
        }
        if duplicate && line_of(text, span).trim_start().starts_with('[') {
            twice = Some(span);
        }
        findings.report(crate::syntax::explain(text, error.message(), span));
    }
    table
}

/// Whether no other section begins between two places: keys set twice only because their section is.
fn same_section(text: &str, header: Span, key: Span) -> bool {
    let between = text.get(header.end..key.start).unwrap_or("[");
    between
        .lines()
        .skip(1)
        .all(|line| !line.trim_start().starts_with('['))
}

/// The line from its start to the place.
fn line_of(text: &str, span: Span) -> &str {
    let before = text.get(..span.end).unwrap_or("");
    before.rsplit('\n').next().unwrap_or("")
}
