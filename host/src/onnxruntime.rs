//! The pin of the onnxruntime library: `models/onnxruntime.toml` names one version and, for each platform, the wheel that
//! carries it and the digests of wheel and library. `fleetwright models pull` fetches it into the state directory.
//!
//! Default: where it was pulled it is used, where it was not the embedded rten infers. `--onnxruntime` outranks both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fleetwright_fleet::{Compiler, Options, QuickCode};
use serde::Deserialize;

use crate::cli::Places;

/// The pin's file in the models directory.
pub const PIN: &str = "onnxruntime.toml";

/// A library for this platform, as the pin describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The package and version that carries it, `NAME==VERSION`.
    pub package: String,
    /// The library's version.
    pub version: String,
    /// Its licence.
    pub licence: String,
    /// The interpreter that the wheel is tagged for, such as `3.11`.
    pub python: String,
    /// The platform that the wheel is tagged for.
    pub tag: String,
    /// The wheel's SHA-256, in hexadecimal.
    pub wheel: String,
    /// The library's path inside the wheel.
    pub member: String,
    /// The library's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The library's size.
    pub bytes: u64,
    /// Where it lies once it is pulled.
    pub path: PathBuf,
}

/// Why the pin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}: make it readable, or restore it from the repository", file.display())]
    Unreadable {
        /// The pin.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file says something else than a pin.
    #[error("`{}` is no pin of a library: {detail}: restore it from the repository", file.display())]
    Malformed {
        /// The pin.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

/// What the pin says for this platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// There is no pin.
    Nothing,
    /// The pin has no entry for this platform.
    NotHere {
        /// This platform.
        platform: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The library for this platform.
    Library(Library),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPin {
    schema: u32,
    package: String,
    version: String,
    licence: String,
    python: String,
    platforms: BTreeMap<String, RawPlatform>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlatform {
    tag: String,
    wheel: String,
    member: String,
    sha256: String,
    bytes: u64,
}

/// Reads the pin, for this platform.
///
/// # Errors
/// The file is there and cannot be read, or is no pin.
pub fn pinned(models: &Path, state: &Path) -> Result<Pinned, PinError> {
    let file = models.join(PIN);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Pinned::Nothing),
        Err(source) => return Err(PinError::Unreadable { file, source }),
    };
    read(&text, state, &platform()).map_err(|detail| PinError::Malformed { file, detail })
}

/// The fleet's options: where everything lies, with the library that was asked for or else pulled.
///
/// # Errors
/// The pin is there and cannot be read.
pub fn options(places: &Places) -> Result<Options, PinError> {
    let onnxruntime = match (&places.onnxruntime, pinned(&places.models, &places.state)?) {
        (Some(path), _) => Some(path.clone()),
        (None, Pinned::Library(library)) if library.path.is_file() => Some(library.path),
        (None, _) => None,
    };
    Ok(Options {
        manifest: places.manifest.clone(),
        plugins: places.plugins.clone(),
        models: places.models.clone(),
        state: places.state.clone(),
        onnxruntime,
        locked: places.locked,
        compiler: Compiler::child_of_this_program(),
        bounds: places.bounds.clone(),
        quick: QuickCode::Off,
    })
}

fn read(text: &str, state: &Path, platform: &str) -> Result<Pinned, String> {
    let pin: RawPin =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    if pin.schema != 1 {
        return Err(format!(
            "its `schema` is `{}`, and this host reads `1`",
            pin.schema
        ));
    }
    let Some(here) = pin.platforms.get(platform) else {
        return Ok(Pinned::NotHere {
            platform: platform.to_owned(),
            known: pin.platforms.into_keys().collect(),
        });
    };
    let name = here.member.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name == ".." {
        return Err(format!(
            "`platforms.{platform}.member` is `{}`, which names no file",
            here.member
        ));
    }
    for (key, digest) in [("wheel", &here.wheel), ("sha256", &here.sha256)] {
        if digest.len() != 64
            || !digest
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(format!(
                "`platforms.{platform}.{key}` is `{digest}`, which is no SHA-256 of 64 lower-case hexadecimal digits"
            ));
        }
    }
    let folder = format!("{}-{}", pin.package, pin.version);
    Ok(Pinned::Library(Library {
        package: format!("{}=={}", pin.package, pin.version),
        path: state.join("lib").join(folder).join(name),
        version: pin.version,
        licence: pin.licence,
        python: pin.python,
        tag: here.tag.clone(),
        wheel: here.wheel.clone(),
        member: here.member.clone(),
        sha256: here.sha256.clone(),
        bytes: here.bytes,
    }))
}

/// This platform, as the pin names it: `linux-x86_64`.
fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../models/onnxruntime.toml");

    #[test]
    fn the_shipped_pin_names_a_library_for_each_platform() {
        for platform in ["linux-x86_64", "linux-aarch64", "macos-aarch64"] {
            let Pinned::Library(library) = read(SHIPPED, Path::new("state"), platform).unwrap()
            else {
                panic!("{platform}")
            };
            assert!(library.package.starts_with("onnxruntime=="), "{platform}");
            assert!(library.path.starts_with("state/lib"), "{platform}");
            assert!(library.bytes > 1 << 20, "{platform}");
        }
    }

    #[test]
    fn an_unknown_platform_is_told_with_those_known() {
        let pinned = read(SHIPPED, Path::new("state"), "plan9-mips").unwrap();
        assert!(
            matches!(pinned, Pinned::NotHere { platform, known } if platform == "plan9-mips" && known.len() == 3)
        );
    }

    #[test]
    fn a_wrong_digest_is_no_pin() {
        let text = SHIPPED.replacen("6c15", "XYZ!", 1);
        assert!(
            read(&text, Path::new("s"), "linux-x86_64")
                .unwrap_err()
                .contains("platforms.linux-x86_64.sha256")
        );
        assert!(read("schema = 2", Path::new("s"), "linux-x86_64").is_err());
    }
}
