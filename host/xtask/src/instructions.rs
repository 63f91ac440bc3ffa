//! Instructions and allocations a call: figures that a busy machine does not change, and that may not grow unseen.
//!
//! Instructions are counted by valgrind: each case of `host/benches/instructions.rs` runs twice under callgrind, with so many calls and
//! with three times as many; the difference by the calls between is what one costs, whatever the program did before, in whichever thread.
//! A call of a model is not among them: what its worker's thread does while it waits is counted too, and is more than the call. Allocations
//! the benchmark counts itself. Both stand beside what is recorded in `host/benches/instructions.toml`, and what grew by more than 3 % ends
//! the command badly; `--save` records the steady ones anew. Default: nothing is recorded.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::step::step;
use crate::test::BUILD;
use crate::workspace::Workspace;
use crate::{guests, process};

/// The cases, and the calls of the shorter run of each: enough that what is counted by the clock does not show.
const CASES: [(&str, u32); 3] = [("stage", 100), ("tokenize", 1000), ("decode", 1000)];
/// The cases of which two runs count the same instructions; a stage's differ by a twentieth, for the clock ticks meanwhile.
const STEADY: [&str; 2] = ["tokenize", "decode"];
/// What a count may grow by.
const GROWTH: f64 = 0.03;
const RECORDED: &str = "host/benches/instructions.toml";

/// What a call of each case costs.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    instructions: BTreeMap<String, f64>,
    allocations: BTreeMap<String, f64>,
}

/// Counts every case, prints what each costs beside what it cost when it was recorded, and says what grew.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<()> {
    let save = match words {
        [] => false,
        ["--save"] => true,
        other => bail!(
            "`bench instructions` takes `--save` or nothing, not `{}`",
            other.join(" ")
        ),
    };
    let path = workspace.root.join(RECORDED);
    let (before, now) = (recorded(&path)?, count(workspace)?);
    let grown: Vec<String> = [
        grown("instructions", &before.instructions, &now.instructions),
        grown("allocations", &before.allocations, &now.allocations),
    ]
    .concat();
    if save {
        let text = toml::to_string(&steady(now))?;
        return std::fs::write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()));
    }
    if !grown.is_empty() {
        bail!(
            "a call costs more than what `{RECORDED}` records: {}; mend it, or record it by `cargo xtask bench instructions --save` and say why",
            grown.join(", ")
        );
    }
    Ok(())
}

fn count(workspace: &Workspace) -> Result<Counts> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        bail!("valgrind is not installed: `apt install valgrind`, or as https://valgrind.org says");
    }
    guests::hostile(workspace)?;
    let bench = build(workspace)?;
    let allocations = step("allocations", "cargo xtask bench instructions", || {
        allocations(workspace, &bench)
    })?;
    let mut instructions = BTreeMap::new();
    for (case, calls) in CASES {
        let count = step(case, "cargo xtask bench instructions", || {
            a_call(&bench, case, calls)
        })?;
        instructions.insert(case.to_owned(), count as f64);
    }
    Ok(Counts {
        instructions,
        allocations,
    })
}

/// Prints a table, and gives the steady counts that grew.
fn grown(what: &str, before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> Vec<String> {
    println!(
        "{:<10} {what:>12} {:>12} {:>8}",
        "a call", "recorded", "change"
    );
    let mut grown = Vec::new();
    for (case, count) in now {
        let before = before.get(case);
        let change = before.map(|before| count / before - 1.0);
        println!(
            "{case:<10} {count:>12} {:>12} {:>8}",
            before.map_or_else(|| "-".to_owned(), f64::to_string),
            change.map_or_else(
                || "-".to_owned(),
                |change| format!("{:+.1} %", 100.0 * change)
            )
        );
        if change.is_some_and(|change| change > GROWTH) {
            grown.push(format!("{what} of `{case}`"));
        }
    }
    let lost = before.keys().filter(|case| !now.contains_key(*case));
    grown.extend(lost.map(|case| format!("{what} of `{case}`, which is counted no more")));
    grown
}

/// Without the instructions of which no two runs count the same.
fn steady(mut counts: Counts) -> Counts {
    counts
        .instructions
        .retain(|case, _| STEADY.contains(&case.as_str()));
    counts
}

/// What the benchmark counts: a line a case, its name, allocations and bytes.
fn allocations(workspace: &Workspace, bench: &str) -> Result<BTreeMap<String, f64>> {
    let output = Command::new(bench)
        .current_dir(&workspace.root)
        .output()
        .context("the benchmark did not start")?;
    if !output.status.success() {
        bail!(
            "the benchmark ended badly: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let counts = text.lines().skip(1).map(|line| {
        let mut words = line.split_whitespace();
        let case = words.next().unwrap_or_default();
        let count = words.next().and_then(|count| count.parse().ok());
        let count =
            count.with_context(|| format!("the benchmark says `{line}`, which is no count"))?;
        Ok((case.to_owned(), count))
    });
    counts.collect()
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

fn recorded(path: &Path) -> Result<Counts> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("`{}` is not readable", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Counts::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}
