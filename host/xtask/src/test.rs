//! Every test: set-up, documentation's examples, then all the rest under one runner, whose summary ends the output.

use std::process::Command;

use anyhow::Result;

use crate::step::step;
use crate::workspace::Workspace;
use crate::{devices, guests, process, setup};

/// Builds all that tests need. cargo unites features over the packages and targets that it is asked for: another selection would
/// compile dependencies a second time.
pub(crate) const BUILD: [&str; 7] = [
    "build",
    "--release",
    "--workspace",
    "--locked",
    "--lib",
    "--bins",
    "--tests",
];

/// Runs the tests whose names contain one of the words of `filter`, or all.
pub(crate) fn run(workspace: &Workspace, filter: &[String]) -> Result<()> {
    setup::tools()?;
    guests::plugins(workspace)?;
    guests::hostile(workspace)?;
    step("build", "cargo xtask test", || {
        process::run(&mut process::cargo(workspace, &BUILD))
    })?;
    let host = setup::executable(workspace)?;
    setup::models(workspace, &host)?;
    if std::env::var_os("CI").is_some() {
        setup::webgpu(workspace, &host)?;
    }
    if filter.is_empty() {
        let words = [
            "test",
            "--release",
            "--workspace",
            "--locked",
            "--doc",
            "--quiet",
        ];
        step(
            "doc tests",
            "cargo test --release --workspace --doc",
            || process::run(&mut process::cargo(workspace, &words)),
        )?;
    }
    devices::tell(workspace, &host)?;
    // No time is printed after the last step: the runner's own closing line is the last word.
    eprintln!("== tests");
    process::run(&mut runner(workspace, filter, &[])).map_err(|error| {
        error.context("tests failed, which `cargo xtask test NAME` runs one by one")
    })
}

/// The runner of the tests whose names contain a word of `filter`; `own` are cargo's words for what was built.
pub(crate) fn runner(workspace: &Workspace, filter: &[String], own: &[&str]) -> Command {
    let words = selection(filter);
    if process::has_subcommand(workspace, "nextest") {
        let mut cargo = process::cargo(workspace, &["nextest", "run", "--release", "--locked"]);
        cargo.args(own);
        if std::env::var_os("CI").is_some() {
            cargo.args(["--profile", "ci"]);
        }
        cargo.args(words);
        return cargo;
    }
    eprintln!(
        "   cargo-nextest is not installed: `cargo test` runs in its place, with one summary for each binary."
    );
    eprintln!(
        "   Install it with `cargo install --locked cargo-nextest`, or as https://nexte.st says"
    );
    let mut cargo = process::cargo(
        workspace,
        &[
            "test",
            "--release",
            "--locked",
            "--lib",
            "--bins",
            "--tests",
        ],
    );
    cargo.args(own);
    cargo.args(words.iter().filter(|word| word.starts_with('-')));
    cargo
        .arg("--")
        .args(words.iter().filter(|word| !word.starts_with('-')));
    cargo
}

/// The runner's words: all members, unless the filter names packages.
fn selection(filter: &[String]) -> Vec<String> {
    let own = filter
        .iter()
        .any(|word| word == "-p" || word.starts_with("--package") || word.starts_with("-p="));
    let all = (!own).then(|| "--workspace".to_owned());
    all.into_iter().chain(filter.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_named_is_not_widened_to_all() {
        let words = |words: &[&str]| {
            selection(
                &words
                    .iter()
                    .map(|&word| word.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(words(&[]), ["--workspace"]);
        assert_eq!(words(&["luhn"]), ["--workspace", "luhn"]);
        assert_eq!(words(&["-p", "route", "luhn"]), ["-p", "route", "luhn"]);
        assert_eq!(words(&["--package=route"]), ["--package=route"]);
    }
}
