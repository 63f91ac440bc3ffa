//! Where the parts under test lie: the repository, the built host, the components.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Names another host to test.
pub const HOST_VARIABLE: &str = "FLEETWRIGHT_BIN";

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    beside.canonicalize().unwrap_or(beside)
}

/// The built host: what [`HOST_VARIABLE`] names, else the program beside this test's own folder.
///
/// # Errors
/// It is not built.
pub fn host() -> Result<PathBuf> {
    let path = match std::env::var_os(HOST_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => profile()?.join(format!("fleetwright{}", std::env::consts::EXE_SUFFIX)),
    };
    built(
        path,
        "`cargo xtask test`, which builds it first, or set FLEETWRIGHT_BIN",
    )
}

/// The component of `tests/guests/NAME`.
///
/// # Errors
/// It is not built.
pub fn guest(name: &str) -> Result<PathBuf> {
    let file = format!("guest-{name}.wasm");
    built(
        target()?.join("guests").join(file),
        "`cargo xtask guests`, or `cargo xtask test`",
    )
}

/// The component of `plugins/NAME`.
///
/// # Errors
/// It is not built.
pub fn plugin(name: &str) -> Result<PathBuf> {
    built(
        root().join("plugins").join(format!("{name}.wasm")),
        "`cargo xtask setup`",
    )
}

/// A state directory that all tests share, so that each component is compiled once. The host replaces its entries
/// atomically.
///
/// # Errors
/// It cannot be made.
pub fn state() -> Result<PathBuf> {
    let path = target()?.join("tests-state");
    std::fs::create_dir_all(&path).with_context(|| format!("cannot make `{}`", path.display()))?;
    Ok(path)
}

/// Models for tests, all of them stubs.
#[must_use]
pub fn stub_models() -> PathBuf {
    root().join("tests/models")
}

/// The folder of the profile that this test was built with, such as `target/release`.
fn profile() -> Result<PathBuf> {
    let own = std::env::current_exe().context("this test's own path is not known")?;
    let profile = own.parent().and_then(Path::parent);
    profile
        .map(Path::to_path_buf)
        .context("this test does not lie in a target folder")
}

fn target() -> Result<PathBuf> {
    let profile = profile()?;
    let target = profile.parent().map(Path::to_path_buf);
    target.context("this test does not lie in a target folder")
}

fn built(path: PathBuf, way_out: &str) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("`{}` is not there: run {way_out}", path.display());
    }
    Ok(path)
}
