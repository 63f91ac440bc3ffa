//! What was found wrong so far.
//!
//! Purpose: readers report and go on; at the end, what only follows from a syntax error is left out. Bounds:
//! [`KEPT`] findings while reading, the rest are counted.

use crate::diagnostic::{Code, codes};
use crate::{Diagnostic, Diagnostics, Source, Span};

/// Findings beyond this many are only counted while reading.
const KEPT: usize = 4096;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Diagnostic>,
    dropped: usize,
    /// The text is not TOML: absences and references may be the parser's recovery, not the user's mistake.
    pub(crate) broken: bool,
}

impl Findings {
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if self.found.len() < KEPT {
            self.found.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// How many were reported so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len() + self.dropped
    }

    /// All findings, less those that only follow from a syntax error; `None` where there is none.
    pub(crate) fn finish(mut self, source: &Source) -> Option<Diagnostics> {
        if self.broken {
            let lines: Vec<usize> = (self.found.iter())
                .filter(|diagnostic| diagnostic.code == codes::SYNTAX)
                .map(|diagnostic| source.position(diagnostic.span.start).line)
                .collect();
            self.found.retain(|diagnostic| {
                diagnostic.code == codes::SYNTAX
                    || (stands_alone(diagnostic.code)
                        && !lines.contains(&source.position(diagnostic.span.start).line))
            });
        }
        (!self.found.is_empty()).then(|| Diagnostics::new(self.found, self.dropped, source))
    }
}

/// Whether a finding is about a value that is there, whatever the rest of the file says.
fn stands_alone(code: Code) -> bool {
    [
        codes::WRONG_TYPE,
        codes::UNSUPPORTED_SCHEMA,
        codes::BAD_NAME,
        codes::BAD_SIZE,
        codes::BAD_DURATION,
        codes::BAD_RATE,
        codes::BAD_SHARE,
        codes::BAD_HEADER,
        codes::OUT_OF_RANGE,
        codes::BAD_REFERENCE,
        codes::BAD_DIGEST,
        codes::BAD_DEVICE,
        codes::BAD_CHOICE,
        codes::UNKNOWN_GRANT,
        codes::BAD_CONFIG,
        codes::BAD_CONDITION,
        codes::UNSUPPORTED_SECTION,
    ]
    .contains(&code)
}

/// The finding for a manifest that was refused without a reason: a fault of this crate, reported rather than hidden.
pub(crate) fn unexplained(source: &Source) -> Diagnostics {
    let diagnostic = Diagnostic::new(
        codes::SYNTAX,
        Span::default(),
        "the manifest was refused without a reason",
    )
    .hint("this is a fault of Fleetwright: report it with this file");
    Diagnostics::new(vec![diagnostic], 0, source)
}
