//! The onnxruntime library that serves models: which one, and where it lies.
//!
//! `--onnxruntime` names a file, or one of the builds that `models/onnxruntime.toml` pins: `cpu`, `cuda`, `webgpu`. `fleetwright
//! models pull` fetches that build into the state directory. Default: `cpu` where it was pulled, else the embedded rten infers. What
//! is asked for is used or refused: nothing takes its place in silence.

mod pin;

use std::fmt;
use std::path::PathBuf;

use fleetwright_fleet::{Compiler, Options, QuickCode};
use fleetwright_inference::Accelerator;

pub use self::pin::{Library, PIN, Part, PinError, Pinned};
use crate::cli::Places;

/// A build of the library: which devices it computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Build {
    /// Processors.
    #[default]
    Cpu,
    /// NVIDIA's GPUs, too.
    Cuda,
    /// GPUs of any vendor, too, through the graphics driver.
    WebGpu,
}

impl Build {
    /// All, the default first.
    pub const ALL: [Build; 3] = [Build::Cpu, Build::Cuda, Build::WebGpu];

    /// The name in the pin and on the command line.
    pub fn name(self) -> &'static str {
        self.accelerator().map_or("cpu", Accelerator::name)
    }

    /// What it computes on beside the processor.
    pub fn accelerator(self) -> Option<Accelerator> {
        match self {
            Build::Cpu => None,
            Build::Cuda => Some(Accelerator::Cuda),
            Build::WebGpu => Some(Accelerator::WebGpu),
        }
    }

    /// The option that chooses it; nothing for the default.
    pub fn option(self) -> String {
        match self {
            Build::Cpu => String::new(),
            other => format!(" --onnxruntime {other}"),
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of `--onnxruntime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LibraryChoice {
    /// A build that is pinned.
    Build(Build),
    /// A library of the user's own.
    File(PathBuf),
}

impl From<&str> for LibraryChoice {
    /// The name of a build is that build; a file of such a name is written `./cuda`.
    fn from(text: &str) -> LibraryChoice {
        let build = Build::ALL.into_iter().find(|build| build.name() == text);
        build.map_or_else(|| LibraryChoice::File(text.into()), LibraryChoice::Build)
    }
}

/// The build that `places` ask for; the default where they ask for none, or for a file.
pub fn build(places: &Places) -> Build {
    match places.onnxruntime {
        Some(LibraryChoice::Build(build)) => build,
        _ => Build::default(),
    }
}

/// Reads the pin, for this platform and the build that is asked for.
///
/// # Errors
/// The file is there and cannot be read, or is no pin.
pub fn pinned(places: &Places) -> Result<Pinned, PinError> {
    pin::of(&places.models, &places.state, build(places))
}

/// The file of the library that `places` ask for; `None`: none is asked for and none was pulled, and rten infers.
///
/// # Errors
/// The pin cannot be read, or the build was asked for by name and is not there.
pub fn file(places: &Places) -> Result<Option<PathBuf>, PinError> {
    let named = match &places.onnxruntime {
        Some(LibraryChoice::File(path)) => return Ok(Some(path.clone())),
        Some(LibraryChoice::Build(build)) => Some(*build),
        None => None,
    };
    let missing = |detail: String| match named {
        Some(build) => Err(PinError::NotThere {
            build: build.name(),
            detail,
        }),
        None => Ok(None),
    };
    match pinned(places)? {
        Pinned::Library(library) if library.is_present() => Ok(Some(library.path().to_path_buf())),
        Pinned::Library(library) => missing(format!(
            "`{}` is not pulled: run `fleetwright models pull{}`",
            library.missing().display(),
            library.build.option()
        )),
        Pinned::NotHere { platform, known } => missing(format!(
            "it is not pinned for `{platform}`, only for {}: give `--onnxruntime` the path of a library that you have",
            known.join(", ")
        )),
        Pinned::Nothing => missing(format!(
            "`{}` pins nothing: restore it from the repository",
            places.models.join(PIN).display()
        )),
    }
}

/// The fleet's options: where everything lies, with the library that was asked for or else pulled.
///
/// # Errors
/// As [`file`].
pub fn options(places: &Places) -> Result<Options, PinError> {
    Ok(Options {
        manifest: places.manifest.clone(),
        plugins: places.plugins.clone(),
        models: places.models.clone(),
        state: places.state.clone(),
        onnxruntime: file(places)?,
        locked: places.locked,
        compiler: Compiler::child_of_this_program(),
        bounds: places.bounds.clone(),
        quick: QuickCode::Off,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_asked_for_by_its_name_and_all_else_is_a_file() {
        for build in Build::ALL {
            assert_eq!(
                LibraryChoice::from(build.name()),
                LibraryChoice::Build(build)
            );
        }
        for file in ["./cuda", "/opt/libonnxruntime.so", "CUDA"] {
            assert_eq!(LibraryChoice::from(file), LibraryChoice::File(file.into()));
        }
    }
}
