//! Set-up: everything that a checkout needs before it serves.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::step;
use crate::workspace::Workspace;
use crate::{guests, process};

/// Plugins, test guests, host and models.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    guests::plugins(workspace)?;
    guests::hostile(workspace)?;
    let host = host(workspace)?;
    models(workspace, &host)
}

/// Asks for what the host is built with, besides Rust.
pub(crate) fn tools() -> Result<()> {
    if cfg!(target_os = "linux") {
        process::needs("make", "the host's allocator, jemalloc, is built with it")?;
    }
    Ok(())
}

/// Builds the host; gives its executable.
pub(crate) fn host(workspace: &Workspace) -> Result<PathBuf> {
    tools()?;
    let words = ["build", "--release", "--package", "fleetwright", "--bins"];
    step(
        "host",
        "cargo build --release --package fleetwright",
        || process::run(&mut process::cargo(workspace, &words)),
    )?;
    executable(workspace)
}

/// The host's executable, where a build has put it.
pub(crate) fn executable(workspace: &Workspace) -> Result<PathBuf> {
    let host = workspace.executable("fleetwright");
    if !host.is_file() {
        bail!(
            "`{}` is not there. Run `cargo build --release --package fleetwright`",
            host.display()
        );
    }
    Ok(host)
}

/// Pulls the models and the inference library that git does not hold, by digest.
pub(crate) fn models(workspace: &Workspace, host: &PathBuf) -> Result<()> {
    step("models", "target/release/fleetwright models pull", || {
        process::run(&mut pull(workspace, host))
    })
}

/// Pulls the library for GPUs of any vendor, which its tests take: they say that they skip where it is not.
pub(crate) fn webgpu(workspace: &Workspace, host: &PathBuf) -> Result<()> {
    let command = "target/release/fleetwright models pull --onnxruntime webgpu";
    step("webgpu", command, || {
        process::run(pull(workspace, host).args(["--onnxruntime", "webgpu"]))
    })
}

fn pull(workspace: &Workspace, host: &PathBuf) -> Command {
    let mut command = Command::new(host);
    command
        .current_dir(&workspace.root)
        .args(["models", "pull"]);
    command
}
