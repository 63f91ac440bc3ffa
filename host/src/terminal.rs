//! Where results go: standard output, as text for a person or as JSON, one value a line.
//!
//! Colour only on a terminal, and not where `NO_COLOR` is set; width from the terminal, 100 columns elsewhere.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::table::Style;

/// Narrower than this, a table says nothing.
const NARROWEST: usize = 48;
/// The width where nobody says.
const WIDTH: usize = 100;

/// Standard output, and how it is written to.
#[derive(Debug)]
pub struct Terminal {
    json: bool,
    /// Whether a person reads it.
    person: bool,
    style: Style,
}

impl Terminal {
    /// The process's standard output; `json` asks for JSON whoever reads it.
    #[must_use]
    pub fn standard(json: bool) -> Terminal {
        let person = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0));
        Terminal {
            json,
            person,
            style: Style {
                width: width.clamp(NARROWEST, 160),
                colour: person && !no_colour(),
            },
        }
    }

    /// Whether JSON was asked for.
    #[must_use]
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether a person reads the output.
    #[must_use]
    pub fn person(&self) -> bool {
        self.person
    }

    /// How tables are drawn.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// Writes text as it is.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        output.flush()
    }

    /// Writes one value on one line.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn value(&mut self, value: &Value) -> io::Result<()> {
        self.text(&format!("{value}\n"))
    }
}

/// Whether standard error takes colour.
#[must_use]
pub fn colour_on_error() -> bool {
    io::stderr().is_terminal() && !no_colour()
}

fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Progress on standard error: a line that is written over on a terminal, nothing in a pipe.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Progress for whoever looks at standard error.
    #[must_use]
    pub fn standard() -> Progress {
        Progress {
            shown: io::stderr().is_terminal(),
        }
    }

    /// Says what is being done. A terminal that is gone does not stop the work.
    pub fn step(&self, text: &str) {
        if self.shown {
            write!(io::stderr(), "\r\x1b[K{text}").unwrap_or_default();
        }
    }

    /// Clears the line.
    pub fn end(&self) {
        self.step("");
    }
}
