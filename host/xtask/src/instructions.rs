//! Instructions a call, counted by valgrind: a figure that a busy machine does not change.
//!
//! Each case of `host/benches/instructions.rs` runs twice under callgrind, with so many calls and with three times as many; the
//! difference by the calls between is what one costs, whatever the program did before, in whichever thread. The counts stand
//! beside those recorded in `host/benches/instructions.toml`; `--save` writes the steady ones there. A call of a model is not among
//! them: what its worker's thread does while it waits is counted too, and is more than the call. Default: nothing is recorded.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::step;
use crate::test::BUILD;
use crate::workspace::Workspace;
use crate::{guests, process};

/// The cases, and the calls of the shorter run of each: enough that what is counted by the clock does not show.
const CASES: [(&str, u32); 3] = [("stage", 100), ("tokenize", 1000), ("decode", 1000)];
/// The cases of which two runs count the same; a stage's differ by a twentieth, for the clock ticks meanwhile.
const STEADY: [&str; 2] = ["tokenize", "decode"];
const RECORDED: &str = "host/benches/instructions.toml";

/// Counts every case, and prints what each costs beside what it cost when it was recorded.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<()> {
    let save = match words {
        [] => false,
        ["--save"] => true,
        other => bail!(
            "`bench instructions` takes `--save` or nothing, not `{}`",
            other.join(" ")
        ),
    };
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        bail!("valgrind is not installed: `apt install valgrind`, or as https://valgrind.org says");
    }
    guests::hostile(workspace)?;
    let bench = build(workspace)?;
    step("allocations", "cargo xtask bench instructions", || {
        process::run(Command::new(&bench).current_dir(&workspace.root))
    })?;
    let path = workspace.root.join(RECORDED);
    let recorded = recorded(&path)?;
    let mut counted = BTreeMap::new();
    for (case, calls) in CASES {
        let count = step(case, "cargo xtask bench instructions", || {
            a_call(&bench, case, calls)
        })?;
        counted.insert(case.to_owned(), count);
    }
    println!(
        "{:<10} {:>12} {:>12} {:>8}",
        "a call", "instructions", "recorded", "change"
    );
    for (case, count) in &counted {
        let before = recorded.get(case);
        let change = before.map(|before| 100.0 * (*count as f64 / *before as f64 - 1.0));
        println!(
            "{case:<10} {count:>12} {:>12} {:>8}",
            before.map_or_else(|| "-".to_owned(), u64::to_string),
            change.map_or_else(|| "-".to_owned(), |change| format!("{change:+.1} %"))
        );
    }
    if save {
        counted.retain(|case, _| STEADY.contains(&case.as_str()));
        let text = toml::to_string(&counted)?;
        std::fs::write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// The benchmark's executable, beside all that the tests need.
fn build(workspace: &Workspace) -> Result<String> {
    let output = process::cargo(workspace, &BUILD)
        .args(["--bench", "instructions", "--message-format", "json"])
        .output();
    let output = output.context("`cargo build` did not start")?;
    if !output.status.success() {
        bail!(
            "`cargo build` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let built = messages.find_map(|message| {
        let own = message.pointer("/target/name")?.as_str()? == "instructions";
        let executable = message.get("executable")?.as_str()?;
        own.then(|| executable.to_owned())
    });
    built.context("cargo built no benchmark that is named `instructions`")
}

/// What one call of a case costs.
fn a_call(bench: &str, case: &str, calls: u32) -> Result<u64> {
    let few = counted(bench, case, calls)?;
    let many = counted(bench, case, calls * 3)?;
    let between = u64::from(calls) * 2;
    many.checked_sub(few)
        .map(|more| more / between)
        .with_context(|| format!("`{case}` took {many} instructions for thrice the calls of {few}"))
}

/// Every instruction of a run of so many calls.
fn counted(bench: &str, case: &str, calls: u32) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--smc-check=all-non-file",
        ])
        .args([bench, "run", case, &calls.to_string()]);
    let output = valgrind.output().context("valgrind did not start")?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`{}` failed: {}", process::shown(&valgrind), told.trim());
    }
    let line = told
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1));
    let count = line.and_then(|count| count.trim().parse().ok());
    count.with_context(|| format!("valgrind told no count: {}", told.trim()))
}

fn recorded(path: &Path) -> Result<BTreeMap<String, u64>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("`{}` is not readable", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}
