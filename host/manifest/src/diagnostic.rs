//! What is wrong with a manifest, where, and the way out.
//!
//! Purpose: one shape for every finding, this crate's and the loader's. Default: no hint and no notes; a finding of this
//! crate always has a hint. Bounds: [`MAX_DIAGNOSTICS`] are kept, the rest are counted.

use crate::{Source, Span, render};
use serde_json::{Value, json};
use std::fmt;

/// More findings than this are counted, not kept: nobody reads them, and each costs memory.
pub const MAX_DIAGNOSTICS: usize = 100;

/// A finding: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of finding.
    pub code: Code,
    /// What is wrong, naming the value in backticks; one sentence, no full stop.
    pub message: String,
    /// The place that is underlined.
    pub span: Span,
    /// A few words beneath the underline; may be empty.
    pub label: String,
    /// Other places that matter, each with a few words.
    pub others: Vec<(Span, String)>,
    /// Facts that help to understand.
    pub notes: Vec<String>,
    /// The way out.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding at a place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            span,
            label: String::new(),
            others: Vec::new(),
            notes: Vec::new(),
            hint: None,
        }
    }

    /// Sets the words beneath the underline.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn other(mut self, span: Span, label: impl Into<String>) -> Self {
        self.others.push((span, label.into()));
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Sets the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Diagnostic {
    /// Moves every place into the text, and makes every text safe to show.
    fn settle(&mut self, source: &Source) {
        self.span = self.span.within(&source.text);
        let (message, label) = (&mut self.message, &mut self.label);
        let texts = [message, label]
            .into_iter()
            .chain(&mut self.hint)
            .chain(&mut self.notes);
        texts.for_each(make_plain);
        for (span, label) in &mut self.others {
            *span = span.within(&source.text);
            make_plain(label);
        }
    }
}

/// Longer texts are cut: what a file says must not fill a terminal, or a log.
const MAX_TEXT: usize = 800;

/// A text that a terminal shows as it is: values come from the file, and a file may hold escape sequences, or
/// characters that reverse the direction of writing.
pub(crate) fn make_plain(text: &mut String) {
    let harmful =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(harmful) || text.len() > MAX_TEXT {
        let safe = |c| if harmful(c) { '\u{fffd}' } else { c };
        let cut = text.chars().nth(MAX_TEXT).is_some();
        let shown: String = text.chars().take(MAX_TEXT).map(safe).collect();
        *text = if cut { shown + "…" } else { shown };
    }
}

/// All findings on one manifest, in file order. Never empty when it comes from this crate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// Orders findings by place, moves their spans into the text, makes their texts safe to show, and keeps the first [`MAX_DIAGNOSTICS`]. `dropped` is
    /// the number of findings that the caller counted and did not keep: usually 0.
    #[must_use]
    pub fn new(mut found: Vec<Diagnostic>, dropped: usize, source: &Source) -> Self {
        for diagnostic in &mut found {
            diagnostic.settle(source);
        }
        found.sort_by_key(|diagnostic| diagnostic.span.start);
        let left_out = found.len().saturating_sub(MAX_DIAGNOSTICS) + dropped;
        found.truncate(MAX_DIAGNOSTICS);
        Self {
            kept: found,
            left_out,
        }
    }

    /// For a person: each finding with file, line, column, underline and hint, then a line that counts them.
    /// Lines are at most about 120 columns wide. Ends with a newline.
    #[must_use]
    pub fn render(&self, source: &Source, colour: bool) -> String {
        render::render(self, source, colour)
    }

    /// For a program: an array of `{file, line, column, end_line, end_column, code, message, label, notes, hint}`;
    /// lines and columns from 1, columns in characters.
    #[must_use]
    pub fn to_json(&self, source: &Source) -> Value {
        let each = |diagnostic: &Diagnostic| {
            let start = source.position(diagnostic.span.start);
            let end = source.position(diagnostic.span.end);
            json!({
                "file": source.name,
                "line": start.line,
                "column": start.column,
                "end_line": end.line,
                "end_column": end.column,
                "code": diagnostic.code.as_str(),
                "message": diagnostic.message,
                "label": diagnostic.label,
                "notes": diagnostic.notes,
                "hint": diagnostic.hint,
            })
        };
        Value::Array(self.kept.iter().map(each).collect())
    }

    /// How many findings there are, those left out included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len() + self.left_out
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many findings were counted and not kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The findings that were kept, in file order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.kept.iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.kept.iter()
    }
}

/// A kind of finding, stable across releases: kebab-case, for programs and for searching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// A code of another crate, for example the loader's `plugin-not-found`.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(code)
    }

    /// The code as shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// Every code that this crate reports.
        pub mod codes {
            use super::Code;
            $($(#[doc = $doc])+ pub const $name: Code = Code::new($text);)+
            /// All of them. Each has a golden file.
            pub const ALL: &[Code] = &[$($name),+];
        }
    };
}

codes! {
    /// Not TOML.
    SYNTAX = "syntax";
    /// The text is longer than [`crate::MAX_BYTES`].
    TOO_LARGE = "too-large";
    /// Tables or arrays nest deeper than [`crate::MAX_DEPTH`].
    TOO_DEEP = "too-deep";
    /// A key that has no meaning where it stands.
    UNKNOWN_KEY = "unknown-key";
    /// A section that a later release accepts.
    UNSUPPORTED_SECTION = "unsupported-section";
    /// A key that must be there is not.
    MISSING_KEY = "missing-key";
    /// A value of another type than its key takes.
    WRONG_TYPE = "wrong-type";
    /// `schema` is not one that this release reads.
    UNSUPPORTED_SCHEMA = "unsupported-schema";
    /// A name that breaks the rule for names.
    BAD_NAME = "bad-name";
    /// A name that means something else already.
    RESERVED_NAME = "reserved-name";
    /// A size that cannot be read.
    BAD_SIZE = "bad-size";
    /// A duration that cannot be read.
    BAD_DURATION = "bad-duration";
    /// A rate that cannot be read.
    BAD_RATE = "bad-rate";
    /// Neither a share of 1 nor a percentage.
    BAD_SHARE = "bad-share";
    /// Not the name of an HTTP header in lower case.
    BAD_HEADER = "bad-header";
    /// A number, size, duration, rate or share outside its range.
    OUT_OF_RANGE = "out-of-range";
    /// Not `name@version`.
    BAD_REFERENCE = "bad-reference";
    /// Not `sha256:` and 64 hexadecimal digits.
    BAD_DIGEST = "bad-digest";
    /// Not a device.
    BAD_DEVICE = "bad-device";
    /// Not one of the values that the key takes.
    BAD_CHOICE = "bad-choice";
    /// Not a WASI interface that can be granted.
    UNKNOWN_GRANT = "unknown-grant";
    /// A value in `config` that JSON cannot carry.
    BAD_CONFIG = "bad-config";
    /// The same item twice in a list.
    DUPLICATE_ITEM = "duplicate-item";
    /// Two stages of one name.
    DUPLICATE_STAGE = "duplicate-stage";
    /// A fleet without a stage.
    NO_STAGES = "no-stages";
    /// More stages than [`crate::MAX_STAGES`].
    TOO_MANY_STAGES = "too-many-stages";
    /// A role bound to a model that is not declared.
    UNKNOWN_MODEL = "unknown-model";
    /// `needs` names a stage that does not exist.
    UNKNOWN_NEED = "unknown-need";
    /// A stage that needs itself.
    SELF_NEED = "self-need";
    /// Stages that wait for each other.
    CYCLIC_NEEDS = "cyclic-needs";
    /// `reads` names neither a field nor a stage.
    UNKNOWN_READ = "unknown-read";
    /// `reads` names a stage that does not run before.
    READ_NOT_UPSTREAM = "read-not-upstream";
    /// `when` is not CEL, or beyond its bounds.
    BAD_CONDITION = "bad-condition";
    /// `when` uses a variable, field or function that does not exist.
    UNKNOWN_VARIABLE = "unknown-variable";
    /// `when` uses a stage that does not run before.
    VARIABLE_NOT_UPSTREAM = "variable-not-upstream";
    /// A canary with both `weight` and `header`, or with neither.
    CANARY_SPLIT = "canary-split";
    /// A canary or a shadow that is what the stage runs already.
    SAME_AS_STAGE = "same-as-stage";
}
