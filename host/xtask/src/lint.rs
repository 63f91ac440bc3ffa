//! Format and lints: the cheap checks, before the tests.

use anyhow::Result;

use crate::step::step;
use crate::workspace::Workspace;
use crate::{deny, process};

/// Clippy's selection: all members and targets.
pub(crate) const CLIPPY: [&str; 5] = [
    "clippy",
    "--release",
    "--workspace",
    "--all-targets",
    "--locked",
];
/// What ends its words: a warning is an error.
pub(crate) const DENY: [&str; 3] = ["--", "--deny", "warnings"];

/// All three checks; the first that fails ends it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    fmt(workspace)?;
    clippy(workspace)?;
    deny::run(workspace)
}

/// rustfmt, without changing anything.
pub(crate) fn fmt(workspace: &Workspace) -> Result<()> {
    let words = ["fmt", "--all", "--", "--check"];
    step("fmt", "cargo fmt --all", || {
        process::run(&mut process::cargo(workspace, &words))
    })
}

/// clippy over all members, guests included: they compile natively too, which is how their tests run.
pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    step("clippy", "cargo xtask clippy", || {
        process::run(process::cargo(workspace, &CLIPPY).args(DENY))
    })
}
