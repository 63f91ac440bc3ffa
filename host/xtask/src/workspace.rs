//! What cargo knows of this repository: root, target folder, members.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The repository as `cargo metadata` describes it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    members: Vec<Member>,
}

/// One package of the workspace.
#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Member>,
}

impl Workspace {
    /// The workspace that this program was compiled in.
    pub(crate) fn here() -> Result<Workspace> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = own.canonicalize().with_context(|| {
            format!(
                "`{}` is gone. Run `cargo xtask` inside the repository",
                own.display()
            )
        })?;
        let text = metadata(&root, &["--no-deps"])?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("cargo's metadata cannot be read")?;
        Ok(Workspace {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            members: metadata.packages,
        })
    }

    /// The members directly under `folder` that are guests: those with a `cdylib`.
    pub(crate) fn guests(&self, folder: &str) -> Vec<String> {
        let folder = self.root.join(folder);
        let own = self.members.iter().filter(|member| {
            member.folder().parent() == Some(folder.as_path())
                && member.targets.iter().any(|target| target.is("cdylib"))
        });
        own.map(|member| member.name.clone()).collect()
    }

    /// Every benchmark: its package and its name.
    pub(crate) fn benches(&self) -> Vec<(String, String)> {
        let benches = |member: &Member| {
            let own: Vec<_> = member
                .targets
                .iter()
                .filter(|target| target.is("bench"))
                .collect();
            own.into_iter()
                .map(|target| (member.name.clone(), target.name.clone()))
                .collect::<Vec<_>>()
        };
        self.members.iter().flat_map(benches).collect()
    }

    /// The release executable `name`, as built.
    pub(crate) fn executable(&self, name: &str) -> PathBuf {
        self.target
            .join("release")
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

impl Member {
    fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

impl Target {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

/// The output of `cargo metadata` with `words`.
pub(crate) fn metadata(root: &Path, words: &[&str]) -> Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo
        .current_dir(root)
        .args(["metadata", "--format-version", "1"])
        .args(words);
    let output = cargo.output().context("`cargo metadata` did not start")?;
    if !output.status.success() {
        bail!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).context("cargo's metadata is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_found() {
        let workspace = Workspace::here().unwrap();
        assert!(workspace.root.join("host/xtask/Cargo.toml").is_file());
        let plugins = workspace.guests("plugins");
        assert!(plugins.iter().any(|name| name == "route"), "{plugins:?}");
        assert!(
            !plugins.iter().any(|name| name == "fleetwright-sdk"),
            "the SDK is no guest"
        );
    }
}
