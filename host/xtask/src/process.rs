//! Outside commands that share this terminal.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// cargo, in the repository's root.
pub(crate) fn cargo(workspace: &Workspace, words: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.current_dir(&workspace.root).args(words);
    cargo
}

/// Shows the command, runs it to its end and asks for success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("   $ {shown}");
    let status = command
        .status()
        .with_context(|| format!("`{shown}` did not start"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Asks for a program that a build script starts, before cargo fails in its midst with less to go by.
pub(crate) fn needs(program: &str, what: &str) -> Result<()> {
    let started = Command::new(program).arg("--version").output();
    if started.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    bail!("`{program}` does not run here, and {what}: install it (`apt install {program}`)")
}

/// Whether cargo has the subcommand `name` (`cargo-NAME` on PATH).
pub(crate) fn has_subcommand(workspace: &Workspace, name: &str) -> bool {
    let output = cargo(workspace, &[name, "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}

/// The command as one would type it: programs by their names, without their folders.
pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str())];
    words.extend(command.get_args());
    words
        .into_iter()
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_the_way_to_it() {
        needs("cargo", "this is a build").unwrap();
        let error = needs("no-such-program", "it is asked for").unwrap_err();
        let told = "`no-such-program` does not run here, and it is asked for: install it (`apt install no-such-program`)";
        assert_eq!(error.to_string(), told);
    }
}
