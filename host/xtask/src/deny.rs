//! What the dependencies may be: licences, duplicate versions and sources, as `.deny.toml` says.
//!
//! cargo-deny reads the same file and checks known vulnerabilities too, but takes minutes to compile and a database to
//! fetch. It runs where it is installed; everywhere, this reads the dependencies out of `cargo metadata` and needs a second.

mod findings;
mod rules;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;
use crate::step::step;
use crate::workspace::{self, Workspace};
use rules::Rules;

/// One package of the dependency graph.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    name: String,
    version: semver::Version,
    license: Option<String>,
    /// Where it comes from; none for the workspace's own.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Checks the graph of every platform that `.deny.toml` names; then cargo-deny, where it is installed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    step("deny", "cargo xtask deny", || {
        let path = workspace.root.join(".deny.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        let rules = Rules::parse(&text)?;
        let packages = packages(workspace, &rules)?;
        let report = findings::check(&rules, &packages);
        for note in &report.notes {
            eprintln!("   note: {note}");
        }
        for finding in &report.errors {
            eprintln!("   error: {finding}");
        }
        if !report.errors.is_empty() {
            bail!(
                "{} of {} dependencies break `.deny.toml`",
                report.errors.len(),
                packages.len()
            );
        }
        eprintln!(
            "   {} packages: licences, versions and sources are as .deny.toml allows",
            packages.len()
        );
        if process::has_subcommand(workspace, "deny") {
            process::run(&mut process::cargo(
                workspace,
                &["deny", "--locked", "check"],
            ))?;
        } else {
            eprintln!(
                "   known vulnerabilities are not checked: that takes `cargo install --locked cargo-deny`"
            );
        }
        Ok(())
    })
}

/// The packages that any of the platforms takes in, each once.
fn packages(workspace: &Workspace, rules: &Rules) -> Result<Vec<Package>> {
    let mut all: Vec<Package> = Vec::new();
    for platform in &rules.platforms {
        let text = workspace::metadata(
            &workspace.root,
            &["--locked", "--filter-platform", platform],
        )?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("cargo's metadata cannot be read")?;
        all.extend(metadata.packages);
    }
    all.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    all.dedup_by(|a, b| a.name == b.name && a.version == b.version);
    Ok(all)
}
