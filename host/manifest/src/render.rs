//! Diagnostics as a person reads them.
//!
//! Purpose: `error[code]: message`, the place with an underline, and the way out as `help`. Bounds: [`WIDTH`] columns for
//! source lines; only the lines around each place are handed to the renderer, so that cost does not grow with the file.

use crate::{Diagnostic, Diagnostics, Source, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt::Write as _;

/// Columns that a rendered source line may take.
const WIDTH: usize = 120;
/// Columns that a line of a note or a hint may take.
const PROSE: usize = 100;
/// Bytes of one source line, around the place, that are rendered.
const LINE_BYTES: usize = 2048;
/// Places further apart than this many bytes are shown in snippets of their own.
const TOGETHER: usize = 4096;

/// Renders all findings and a closing line.
pub(crate) fn render(diagnostics: &Diagnostics, source: &Source, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(WIDTH);
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&renderer.render(&[report(diagnostic, source)]));
        text.push_str("\n\n");
    }
    text.push_str(&closing(diagnostics, source));
    text
}

/// `fleet.toml: 3 errors`, and how many more there are than were shown.
fn closing(diagnostics: &Diagnostics, source: &Source) -> String {
    let count = diagnostics.len();
    let noun = if count == 1 { "error" } else { "errors" };
    let mut line = format!("{}: {count} {noun}", source.name);
    if diagnostics.left_out() > 0 {
        let _ = write!(line, ", the first {} shown", diagnostics.iter().count());
    }
    line.push('\n');
    line
}

fn report<'a>(diagnostic: &'a Diagnostic, source: &'a Source) -> Group<'a> {
    let mut group = Level::ERROR
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str())
        .elements(snippets(diagnostic, source));
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(wrapped(note)));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(wrapped(hint)));
    }
    group
}

/// A text in lines of at most [`PROSE`] columns; what stands in backticks is not broken.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in words(text) {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > PROSE {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

/// The words of a text, a text in backticks being one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    })
}

/// One snippet for the place and the others near it, and one for each place that is far.
fn snippets<'a>(
    diagnostic: &'a Diagnostic,
    source: &'a Source,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut window = diagnostic.span;
    let mut near = vec![(
        diagnostic.span,
        diagnostic.label.as_str(),
        AnnotationKind::Primary,
    )];
    let mut far = Vec::new();
    for (span, label) in &diagnostic.others {
        let joined = Span::new(window.start.min(span.start), window.end.max(span.end));
        if joined.end - joined.start <= TOGETHER {
            window = joined;
            near.push((*span, label.as_str(), AnnotationKind::Context));
        } else {
            far.push((*span, label.as_str(), AnnotationKind::Context));
        }
    }
    let mut all = vec![snippet(source, window, &near)];
    all.extend(
        far.into_iter()
            .map(|place| snippet(source, place.0, &[place])),
    );
    all
}

/// The lines of a window, with their true numbers.
fn snippet<'a>(
    source: &'a Source,
    window: Span,
    places: &[(Span, &'a str, AnnotationKind)],
) -> Snippet<'a, Annotation<'a>> {
    let (start, end) = lines(&source.text, window);
    let text = source.text.get(start..end).unwrap_or("");
    let mut snippet = Snippet::source(text)
        .line_start(source.position(start).line)
        .path(source.name.as_str());
    for (span, label, kind) in places {
        let from = span.start.clamp(start, end) - start;
        let to = span.end.clamp(start, end) - start;
        let annotation = kind.span(from..to.max(from));
        snippet = snippet.annotation(if label.is_empty() {
            annotation
        } else {
            annotation.label(*label)
        });
    }
    snippet
}

/// The byte range of the whole lines that a window touches, cut to [`LINE_BYTES`] past its end.
fn lines(text: &str, window: Span) -> (usize, usize) {
    let before = text.get(..window.start).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let last = window.end.max(window.start);
    let after = text.get(last..).unwrap_or("");
    let end = last + after.find('\n').unwrap_or(after.len());
    let bound = Span::new(start, end.min(last + LINE_BYTES)).within(text);
    (bound.start, bound.end.max(window.end))
}
