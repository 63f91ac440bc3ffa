//! One cargo call for all packages of a request, then each component into its place.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::{TARGET, Toolchain, command};

/// The variable that names the target's linker.
pub(crate) const LINKER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";
/// Bytes of heap that a guest's memory has from the start. An instance serves one call; to grow its memory for the first few
/// kilobytes costs two calls to the kernel, one of which stops every core that the host runs on. What is not touched costs nothing.
const HEAP: usize = 512 << 10;
/// Loops over bytes take sixteen at a time: of the shipped stages `comply` takes three quarters of the time by it. Every processor of the
/// host's can do it, and Winch where there is AVX2; without that a component waits for its optimised code.
const FEATURES: &str = "-Ctarget-feature=+simd128";
/// The first eight bytes of every component: magic, version, layer.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// What to build, and where to put it.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The folder of the `Cargo.toml` that cargo is given: a workspace's or a crate's.
    pub manifest_dir: PathBuf,
    /// The workspace's packages to build; empty: the package of `manifest_dir` itself.
    pub packages: Vec<String>,
    /// cargo's profile. Default: `guest` for members of a workspace, `release` for a crate of its own.
    pub profile: String,
    /// Where the components go, each as `NAME.wasm` after its package.
    pub out_dir: PathBuf,
    /// cargo's target folder; none: as cargo chooses.
    pub target_dir: Option<PathBuf>,
}

impl BuildRequest {
    /// Some members of the workspace at `workspace`, with its profile `guest`.
    pub fn members(
        workspace: impl Into<PathBuf>,
        packages: Vec<String>,
        out_dir: impl Into<PathBuf>,
    ) -> BuildRequest {
        let (manifest_dir, out_dir) = (workspace.into(), out_dir.into());
        BuildRequest {
            manifest_dir,
            packages,
            profile: "guest".to_owned(),
            out_dir,
            target_dir: None,
        }
    }

    /// The one crate at `manifest_dir`, with `--release`.
    pub fn package(manifest_dir: impl Into<PathBuf>, out_dir: impl Into<PathBuf>) -> BuildRequest {
        let (manifest_dir, out_dir) = (manifest_dir.into(), out_dir.into());
        BuildRequest {
            manifest_dir,
            packages: Vec::new(),
            profile: "release".to_owned(),
            out_dir,
            target_dir: None,
        }
    }
}

/// A component in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The package's name.
    pub package: String,
    /// The component.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether the file was written: one of equal bytes is left alone, so that no watcher sees a change.
    pub changed: bool,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// cargo did not start.
    #[error(
        "`{command}` did not start: {source}. Install Rust from https://rustup.rs, or put cargo on PATH"
    )]
    Start {
        /// The command as typed.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// cargo failed; its own words went to standard error.
    #[error("`{command}` failed ({status}): see cargo's messages above")]
    Cargo {
        /// The command as typed.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The packages yield no component.
    #[error("`{0}` yields no component. Give it `[lib] crate-type = [\"cdylib\"]`")]
    NoComponent(String),
    /// The linker wrote something else.
    #[error("`{}` is a core module, not a component: rustc did not link it with `wasm-component-ld`. Remove the linker from the crate's `.cargo/config.toml`", .0.display())]
    NotAComponent(PathBuf),
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// See [`Toolchain::build`].
pub(crate) fn build(
    toolchain: &Toolchain,
    request: &BuildRequest,
) -> Result<Vec<Built>, BuildError> {
    let messages = compile(toolchain, request)?;
    let artifacts = components(&messages);
    let missing = request
        .packages
        .iter()
        .find(|name| !artifacts.iter().any(|artifact| artifact.package == **name));
    if let Some(name) = missing {
        return Err(BuildError::NoComponent(name.clone()));
    }
    if artifacts.is_empty() {
        return Err(BuildError::NoComponent(
            request.manifest_dir.display().to_string(),
        ));
    }
    fs::create_dir_all(&request.out_dir).map_err(at(&request.out_dir))?;
    artifacts
        .into_iter()
        .map(|artifact| place(artifact, &request.out_dir))
        .collect()
}

/// Runs cargo and gives its messages, one JSON object a line; what it says to people goes to standard error.
fn compile(toolchain: &Toolchain, request: &BuildRequest) -> Result<String, BuildError> {
    let mut cargo = cargo();
    cargo.current_dir(&request.manifest_dir);
    cargo.args([
        "build",
        "--lib",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
    ]);
    cargo.args(["--profile", &request.profile]);
    for package in &request.packages {
        cargo.args(["--package", package]);
    }
    if let Some(folder) = &request.target_dir {
        cargo.arg("--target-dir").arg(folder);
    }
    cargo
        .env("RUSTC", &toolchain.rustc)
        .env(LINKER, &toolchain.linker)
        .env("PATH", path(toolchain));
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags(toolchain, &request.manifest_dir).join("\x1f"),
    );
    let command = command::shown(&cargo);
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| BuildError::Start {
        command: command.clone(),
        source,
    })?;
    if !output.status.success() {
        return Err(BuildError::Cargo {
            command,
            status: output.status,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// cargo, free of flags and wrappers that the caller's environment holds for native code.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO")
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| OsString::from("cargo"));
    let mut cargo = Command::new(program);
    for name in [
        "RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    cargo
}

/// The flags of the guest's own compilation. `CARGO_ENCODED_RUSTFLAGS` is the one form that bears blanks in paths and that no
/// other setting overrides; with `--target` it spares build scripts and macros, which need the host's library.
fn flags(toolchain: &Toolchain, root: &Path) -> Vec<String> {
    let mut flags = vec![
        format!("-Clink-arg=--initial-heap={HEAP}"),
        FEATURES.to_owned(),
    ];
    if let Some(overlay) = &toolchain.overlay {
        flags.push(format!("--sysroot={}", overlay.display()));
    }
    flags.extend(remap_cargo_home());
    flags.extend(remap(root, "."));
    flags
}

/// A component names no folder of the machine that built it.
pub(crate) fn remap(from: &Path, to: &str) -> Option<String> {
    let from = std::path::absolute(from).ok()?;
    Some(format!("--remap-path-prefix={}={to}", from.display()))
}

pub(crate) fn remap_cargo_home() -> Option<String> {
    let own = std::env::var_os("CARGO_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let home = own.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))?;
    remap(&home, "/cargo")
}

fn path(toolchain: &Toolchain) -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = toolchain
        .tools
        .iter()
        .cloned()
        .chain(std::env::split_paths(&own));
    // A folder with a separator in its name cannot be on PATH: then the linker must do without.
    std::env::join_paths(folders).unwrap_or(own)
}

#[derive(Debug, PartialEq, Eq)]
struct Artifact {
    package: String,
    file: PathBuf,
}

/// The components among cargo's messages: the `.wasm` of every `cdylib`.
fn components(messages: &str) -> Vec<Artifact> {
    messages
        .lines()
        .filter_map(|line| artifact(&serde_json::from_str(line).ok()?))
        .collect()
}

fn artifact(message: &Value) -> Option<Artifact> {
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    if !message
        .pointer("/target/kind")?
        .as_array()?
        .iter()
        .any(|kind| kind == "cdylib")
    {
        return None;
    }
    let mut files = message
        .get("filenames")?
        .as_array()?
        .iter()
        .filter_map(Value::as_str);
    let file = PathBuf::from(files.find(|file| file.ends_with(".wasm"))?);
    Some(Artifact {
        package: package_name(message.get("package_id")?.as_str()?)?,
        file,
    })
}

/// The name in a package id: `path+file:///a/b#name@1.0.0`, or `path+file:///a/name#1.0.0` where the folder has that name.
fn package_name(id: &str) -> Option<String> {
    let (place, fragment) = id.rsplit_once('#')?;
    match fragment.split_once('@') {
        Some((name, _)) => Some(name.to_owned()),
        None => place.rsplit('/').next().map(str::to_owned),
    }
}

/// Copies the component beside its place and renames it over: a watcher sees the old bytes or the new.
fn place(artifact: Artifact, out_dir: &Path) -> Result<Built, BuildError> {
    let bytes = fs::read(&artifact.file).map_err(at(&artifact.file))?;
    if !bytes.starts_with(&COMPONENT) {
        return Err(BuildError::NotAComponent(artifact.file));
    }
    let path = out_dir.join(format!("{}.wasm", artifact.package));
    let changed = !fs::read(&path).is_ok_and(|old| old == bytes);
    if changed {
        // Not named .wasm, so that nobody takes it for a component.
        let partial = out_dir.join(format!(
            ".{}.{}.partial",
            artifact.package,
            std::process::id()
        ));
        fs::write(&partial, &bytes).map_err(at(&partial))?;
        fs::rename(&partial, &path).map_err(at(&path))?;
    }
    Ok(Built {
        package: artifact.package,
        path,
        bytes: bytes.len() as u64,
        changed,
    })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_found_among_cargos_messages() {
        let messages = [
            r#"{"reason":"compiler-artifact","package_id":"registry+https://github.com/rust-lang/crates.io-index#memchr@2.7.4","target":{"kind":["lib"],"name":"memchr"},"filenames":["/t/libmemchr.rlib"]}"#,
            r#"{"reason":"compiler-artifact","package_id":"path+file:///w/plugins/card-reader#1.0.0","target":{"kind":["cdylib","rlib"],"name":"card_reader"},"filenames":["/t/card_reader.wasm","/t/libcard_reader.rlib"]}"#,
            r#"{"reason":"compiler-artifact","package_id":"path+file:///w/guests/spin#guest-spin@0.1.0","target":{"kind":["cdylib"],"name":"guest_spin"},"filenames":["/t/guest_spin.wasm"]}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not JSON",
        ];
        let artifact = |package: &str, file: &str| Artifact {
            package: package.into(),
            file: file.into(),
        };
        let found = components(&messages.join("\n"));
        assert_eq!(
            found,
            [
                artifact("card-reader", "/t/card_reader.wasm"),
                artifact("guest-spin", "/t/guest_spin.wasm")
            ]
        );
    }

    #[test]
    fn a_component_is_placed_once_and_a_module_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("built");
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        let place_it = || {
            place(
                Artifact {
                    package: "spin".into(),
                    file: file.clone(),
                },
                &out,
            )
        };
        fs::write(&file, [&COMPONENT[..], b"body"].concat()).unwrap();
        let built = place_it().unwrap();
        assert_eq!(
            (built.path, built.bytes, built.changed),
            (out.join("spin.wasm"), 12, true)
        );
        assert!(!place_it().unwrap().changed);
        assert_eq!(
            out.read_dir().unwrap().count(),
            1,
            "nothing but the component remains"
        );
        fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
        assert!(matches!(
            place_it().unwrap_err(),
            BuildError::NotAComponent(_)
        ));
        assert!(
            out.join("spin.wasm").is_file(),
            "the last good component stays"
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let toolchain = Toolchain {
            rustc: "rustc".into(),
            overlay: Some("/an overlay".into()),
            linker: "wasm-component-ld".into(),
            tools: Vec::new(),
            source: crate::Source::Cached,
            release: crate::Release {
                number: "1.95.0".into(),
                commit: "5980".into(),
                host: "x".into(),
            },
        };
        let flags = flags(&toolchain, Path::new("/work"));
        assert!(
            flags.contains(&"--sysroot=/an overlay".to_owned()),
            "{flags:?}"
        );
        assert!(
            flags.contains(&"--remap-path-prefix=/work=.".to_owned()),
            "{flags:?}"
        );
        let error = build(
            &toolchain,
            &BuildRequest::package("/no/such/folder", "/tmp"),
        )
        .unwrap_err();
        assert!(matches!(error, BuildError::Start { .. }), "{error}");
    }
}
