//! The benchmarks of all members, one after another: they would disturb each other side by side.

use anyhow::{Result, bail};

use crate::step::step;
use crate::workspace::Workspace;
use crate::{guests, instructions, process, setup};

/// Runs every benchmark; `words` go to each, as criterion's filter and options. `instructions` alone counts instructions.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["instructions", options @ ..] = plain.as_slice() {
        return instructions::run(workspace, options);
    }
    let benches = workspace.benches();
    if benches.is_empty() {
        bail!(
            "no member has a benchmark. Add one as `benches/NAME.rs` with `[[bench]] name = \"NAME\"`"
        );
    }
    guests::plugins(workspace)?;
    guests::hostile(workspace)?;
    let host = setup::host(workspace)?;
    setup::models(workspace, &host)?;
    for (package, name) in benches {
        let again = format!("cargo bench --package {package} --bench {name}");
        let mut cargo = process::cargo(
            workspace,
            &["bench", "--package", &package, "--bench", &name, "--"],
        );
        step(&name, &again, || process::run(cargo.args(words)))?;
    }
    Ok(())
}
