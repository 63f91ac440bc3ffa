//! Guests: the shipped plugins, and the ones that break rules for the tests.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use fleetwright_toolchain::{BuildRequest, Toolchain};

use crate::step::step;
use crate::workspace::Workspace;

/// Builds `plugins/*` into `plugins/NAME.wasm`, which the host watches.
pub(crate) fn plugins(workspace: &Workspace) -> Result<()> {
    build(
        workspace,
        "plugins",
        "plugins",
        &workspace.root.join("plugins"),
    )
}

/// Builds `tests/guests/*` into `target/guests/NAME.wasm`.
pub(crate) fn hostile(workspace: &Workspace) -> Result<()> {
    build(
        workspace,
        "guests",
        "tests/guests",
        &workspace.target.join("guests"),
    )
}

fn build(workspace: &Workspace, task: &str, folder: &str, out: &Path) -> Result<()> {
    let packages = workspace.guests(folder);
    if packages.is_empty() {
        bail!(
            "no member of the workspace under `{folder}` is a guest. Give one `[lib] crate-type = [\"cdylib\"]`"
        );
    }
    let again = format!("cargo xtask {task}");
    let toolchain = step("wasm library", &again, || {
        // Its message names its cause already: as a chain it would say it twice.
        let toolchain = Toolchain::find_or_make(&|line| eprintln!("   {line}"))
            .map_err(|error| anyhow!("{error}"))?;
        eprintln!(
            "   {}, Rust {}",
            toolchain.source(),
            toolchain.release().number
        );
        Ok(toolchain)
    })?;
    step(task, &again, || {
        let mut request = BuildRequest::members(&workspace.root, packages, out);
        request.target_dir = Some(workspace.target.clone());
        for built in toolchain
            .build(&request)
            .map_err(|error| anyhow!("{error}"))?
        {
            let state = if built.changed { "built" } else { "unchanged" };
            let place = built
                .path
                .strip_prefix(&workspace.root)
                .unwrap_or(&built.path);
            eprintln!(
                "   {} {} KiB, {state}",
                place.display(),
                built.bytes.div_ceil(1024)
            );
        }
        Ok(())
    })
}
