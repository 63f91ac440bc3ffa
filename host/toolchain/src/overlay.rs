//! An overlay sysroot: the compiled standard library of one target, and nothing else.
//!
//! cargo's own `-Zbuild-std` compiles it as the dependency of an empty crate. That flag is meant for nightly compilers;
//! `RUSTC_BOOTSTRAP` opens it on stable, which is sound here because source and compiler are of one release.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::Cache;
use crate::{Progress, TARGET, build, command};

/// Half a minute on an ordinary machine; the bound is for one that hangs.
const BUILD: Duration = Duration::from_secs(30 * 60);

const SEED: &str = "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
     [profile.release]\nopt-level = \"s\"\npanic = \"abort\"\n";

/// What an overlay is made from.
#[derive(Debug)]
pub(crate) struct Recipe<'a> {
    /// The compiler.
    pub(crate) rustc: &'a Path,
    /// The source tree of its release: the folder above `library`.
    pub(crate) tree: &'a Path,
    /// A linker for the target, where the compiler has none of its own.
    pub(crate) linker: Option<PathBuf>,
    /// The entry's name in the cache.
    pub(crate) name: &'a str,
}

/// Gives the overlay that `recipe` names, making it where the cache has none.
pub(crate) fn make(cache: &Cache, recipe: &Recipe, progress: &Progress) -> Result<PathBuf, String> {
    let entry = cache.entry(recipe.name);
    if crate::rustc::holds_core(&entry) {
        return Ok(entry);
    }
    progress(&format!(
        "building the standard library for {TARGET} (once, about half a minute)"
    ));
    let scratch = cache.scratch()?;
    compile(scratch.path(), recipe)?;
    let made = scratch.path().join("overlay");
    collect(scratch.path(), &made)
        .map_err(|error| format!("the built library cannot be copied: {error}"))?;
    if !crate::rustc::holds_core(&made) {
        return Err("cargo built no `core`".to_owned());
    }
    cache.keep(&made, recipe.name)
}

fn compile(folder: &Path, recipe: &Recipe) -> Result<(), String> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text)
            .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))
    };
    fs::create_dir(folder.join("src")).map_err(|error| error.to_string())?;
    write("src/lib.rs", "#![no_std]\n")?;
    write("Cargo.toml", SEED)?;
    let mut flags = vec!["-Cembed-bitcode=yes".to_owned()];
    flags.extend(build::remap(recipe.tree, "/rust-src"));
    flags.extend(build::remap_cargo_home());
    let mut cargo = build::cargo();
    cargo
        .current_dir(folder)
        .args([
            "build",
            "--quiet",
            "--release",
            "--target",
            TARGET,
            "-Zbuild-std=std,panic_abort",
        ])
        .env("RUSTC", recipe.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", recipe.tree.join("library"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    if let Some(linker) = &recipe.linker {
        cargo.env(build::LINKER, linker);
    }
    command::read(&mut cargo, BUILD)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Copies every library but the seed's own.
fn collect(folder: &Path, made: &Path) -> std::io::Result<()> {
    let into = made.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&into)?;
    for entry in folder
        .join("target")
        .join(TARGET)
        .join("release/deps")
        .read_dir()?
    {
        let entry = entry?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        if shown.starts_with("lib") && shown.ends_with(".rlib") && !shown.starts_with("libseed-") {
            fs::copy(entry.path(), into.join(&name))?;
        }
    }
    Ok(())
}
