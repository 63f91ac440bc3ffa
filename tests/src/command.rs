//! The host's verbs that run and end: their output, their exit code.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::places;

/// A verb that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ended {
    /// Standard output as JSON values, one a line.
    ///
    /// # Errors
    /// A line is no JSON.
    pub fn lines(&self) -> Result<Vec<Value>> {
        let each = self
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("{self}")));
        each.collect()
    }

    /// Standard output as one JSON value.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("{self}"))
    }

    /// Standard error as one JSON value, past the log lines before it.
    ///
    /// # Errors
    /// It is none.
    pub fn error(&self) -> Result<Value> {
        let start = self.stderr.find("{\"error\"").unwrap_or_default();
        let text = self.stderr.get(start..).unwrap_or_default();
        serde_json::from_str(text).with_context(|| format!("{self}"))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ended {
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "exit code {code:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}"
        )
    }
}

/// The host with `words`, and nothing of this process's environment that would configure it.
///
/// # Errors
/// The host is not built.
pub fn host<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Result<Command> {
    let mut command = Command::new(places::host()?);
    command
        .args(words)
        .current_dir(places::root())
        .env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLEETWRIGHT_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Runs the host with `words` to its end, with `input` as its standard input.
///
/// # Errors
/// It cannot be started.
pub fn command<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>, input: &str) -> Result<Ended> {
    let mut command = host(words)?;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("the host does not start")?;
    if let Some(mut stdin) = child.stdin.take() {
        // A verb that does not read its input may have ended by now.
        stdin.write_all(input.as_bytes()).unwrap_or_default();
    }
    let output = child
        .wait_with_output()
        .context("the host cannot be waited for")?;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
