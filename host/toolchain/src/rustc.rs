//! What the compiler says of itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command;
use crate::{TARGET, ToolchainError};

/// rustc answers at once; a rustup proxy that first fetches a toolchain does not.
const ANSWER: Duration = Duration::from_secs(120);

/// A compiler's release, as in `rustc -vV`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The number, such as `1.95.0` or `1.96.0-nightly`.
    pub number: String,
    /// The commit that it was built from; `unknown` where a distribution built it.
    pub commit: String,
    /// The host's triple.
    pub host: String,
}

impl Release {
    /// Reads the output of `rustc -vV`.
    pub(crate) fn parse(text: &str) -> Result<Release, ToolchainError> {
        let find = |key: &'static str| {
            let value = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            value
                .map(|value| value.trim().to_owned())
                .ok_or(ToolchainError::StrangeCompiler(key))
        };
        Ok(Release {
            number: find("release")?,
            commit: find("commit-hash")?,
            host: find("host")?,
        })
    }

    /// Names an overlay: two compilers of one release but of different commits do not share a library.
    pub(crate) fn overlay_name(&self) -> String {
        let commit: String = self.commit.chars().take(9).collect();
        format!("{}-{commit}-{TARGET}", self.number)
    }
}

/// A compiler and where it lives.
#[derive(Debug, Clone)]
pub(crate) struct Rustc {
    pub(crate) path: PathBuf,
    pub(crate) release: Release,
    pub(crate) sysroot: PathBuf,
}

impl Rustc {
    /// The compiler that cargo would use: `RUSTC`, else `rustc` on `PATH`.
    pub(crate) fn ask(path: PathBuf) -> Result<Rustc, ToolchainError> {
        let answer = |arguments: &[&str]| {
            command::read(Command::new(&path).args(arguments), ANSWER)
                .map_err(ToolchainError::NoCompiler)
        };
        let release = Release::parse(&answer(&["-vV"])?)?;
        let sysroot = PathBuf::from(answer(&["--print", "sysroot"])?.trim());
        Ok(Rustc {
            path,
            release,
            sysroot,
        })
    }

    /// Whether this compiler has a library for [`TARGET`].
    pub(crate) fn has_target(&self) -> bool {
        holds_core(&self.sysroot)
    }

    /// The rustup toolchain that this compiler belongs to: its sysroot is `…/toolchains/NAME`.
    pub(crate) fn rustup_toolchain(&self) -> Option<String> {
        let parent = self.sysroot.parent()?;
        (parent.file_name()? == "toolchains")
            .then(|| self.sysroot.file_name()?.to_str().map(str::to_owned))?
    }

    /// The folder of the linkers that ship with the compiler.
    pub(crate) fn tools(&self) -> PathBuf {
        self.sysroot
            .join("lib/rustlib")
            .join(&self.release.host)
            .join("bin")
    }
}

/// Whether `sysroot` holds a compiled `core` for [`TARGET`].
pub(crate) fn holds_core(sysroot: &Path) -> bool {
    let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

/// Whether `tree` is a source tree of the library of exactly `release`.
///
/// rustup's rust-src carries no version file, and is of its toolchain by construction; other trees must name the release.
pub(crate) fn check_source(tree: &Path, release: &str) -> Result<(), String> {
    if !tree.join("library/std/Cargo.toml").is_file() {
        return Err(format!("`{}` holds no `library/std`", tree.display()));
    }
    match std::fs::read_to_string(tree.join("src/version")) {
        Ok(version) if version.trim() != release => Err(format!(
            "`{}` is of release {}, not {release}",
            tree.display(),
            version.trim()
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STABLE: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860\n\
         commit-date: 2026-04-14\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";

    #[test]
    fn a_release_is_read() {
        let release = Release::parse(STABLE).unwrap();
        assert_eq!(release.number, "1.95.0");
        assert_eq!(release.host, "x86_64-unknown-linux-gnu");
        assert_eq!(
            release.overlay_name(),
            "1.95.0-59807616e-wasm32-unknown-unknown"
        );
    }

    #[test]
    fn a_distributions_compiler_has_an_unknown_commit() {
        let text = "rustc 1.85.0 (built from a source tarball)\nbinary: rustc\ncommit-hash: unknown\ncommit-date: unknown\n\
             host: aarch64-unknown-linux-gnu\nrelease: 1.85.0\n";
        let release = Release::parse(text).unwrap();
        assert_eq!(
            release.overlay_name(),
            "1.85.0-unknown-wasm32-unknown-unknown"
        );
    }

    #[test]
    fn a_missing_line_is_named() {
        let error = Release::parse("binary: rustc\nrelease: 1.95.0\n").unwrap_err();
        assert!(
            matches!(error, ToolchainError::StrangeCompiler("commit-hash")),
            "{error}"
        );
    }

    #[test]
    fn only_a_managed_compiler_belongs_to_rustup() {
        let rustc = |sysroot: &str| Rustc {
            path: "rustc".into(),
            release: Release::parse(STABLE).unwrap(),
            sysroot: sysroot.into(),
        };
        let managed = rustc("/home/a/.rustup/toolchains/stable-x86_64-unknown-linux-gnu");
        assert_eq!(
            managed.rustup_toolchain().as_deref(),
            Some("stable-x86_64-unknown-linux-gnu")
        );
        assert_eq!(rustc("/usr").rustup_toolchain(), None);
        assert_eq!(rustc("/").rustup_toolchain(), None);
    }

    #[test]
    fn a_source_tree_must_be_of_the_release() {
        let tree = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = tree.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(
            check_source(tree.path(), "1.95.0")
                .unwrap_err()
                .contains("no `library/std`")
        );
        write("library/std/Cargo.toml", "");
        assert_eq!(check_source(tree.path(), "1.95.0"), Ok(()));
        write("src/version", "1.94.1\n");
        assert!(
            check_source(tree.path(), "1.95.0")
                .unwrap_err()
                .ends_with("is of release 1.94.1, not 1.95.0")
        );
        write("src/version", "1.95.0\n");
        assert_eq!(check_source(tree.path(), "1.95.0"), Ok(()));
    }
}
