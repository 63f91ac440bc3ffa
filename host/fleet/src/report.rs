//! A refused manifest: its text and every diagnostic, ready to be shown.

use std::fmt;

use fleetwright_manifest::{Diagnostics, Source};
use serde_json::Value;

/// Why a manifest is refused, with the text that the diagnostics point into.
#[derive(Debug)]
pub struct Report {
    source: Source,
    diagnostics: Diagnostics,
}

impl Report {
    pub(crate) fn new(source: Source, diagnostics: Diagnostics) -> Self {
        Report {
            source,
            diagnostics,
        }
    }

    /// For a person: each diagnostic with file, line, column, underline and hint.
    pub fn render(&self, colour: bool) -> String {
        self.diagnostics.render(&self.source, colour)
    }

    /// For a program: each diagnostic as an object with file, line, column, code, message and hint.
    pub fn to_json(&self) -> Value {
        self.diagnostics.to_json(&self.source)
    }

    /// How many diagnostics there are.
    pub fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
