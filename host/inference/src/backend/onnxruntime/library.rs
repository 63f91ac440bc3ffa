//! The library itself: found, checked, loaded once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::{Environment, EnvironmentBuilder};
use ort::logging::LogLevel;

use super::NAME;
use crate::backend::{BackendError, DeviceState};
use crate::events::LibraryWarned;
use crate::worker::panic_message;

/// What this process has loaded. It is never unloaded: code of its sessions may run until the end.
static SLOT: Mutex<Slot> = Mutex::new(Slot::Empty);

enum Slot {
    Empty,
    Loaded(Arc<Library>),
    /// The file was bound and turned out not to work; the binding cannot let go of it.
    Broken {
        path: PathBuf,
        reason: String,
    },
}

/// A loaded onnxruntime library, with the one environment that a process may have.
#[derive(Debug)]
pub(in crate::backend) struct Library {
    pub(super) path: PathBuf,
    pub(super) version: String,
    pub(super) environment: Environment,
    /// Its accelerators, tried when somebody first asks.
    pub(super) devices: OnceLock<Vec<DeviceState>>,
}

impl Library {
    /// Loads the library at `path`, or gives the one already loaded from there.
    pub(in crate::backend) fn load(path: &Path) -> Result<Arc<Library>, BackendError> {
        let failed = |reason: String| BackendError::Library {
            path: path.to_path_buf(),
            reason,
        };
        // Resolved, so that one file under two names is one library and the loader searches nowhere else.
        let asked = path
            .canonicalize()
            .map_err(|error| failed(error.to_string()))?;
        let mut slot = SLOT.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Slot::Loaded(library) if library.path == asked => return Ok(library.clone()),
            Slot::Broken { path, reason } if *path == asked => return Err(failed(reason.clone())),
            Slot::Loaded(library) => {
                return Err(BackendError::AlreadyLoaded {
                    loaded: library.path.clone(),
                    asked,
                });
            }
            Slot::Broken { path, .. } => {
                return Err(BackendError::AlreadyLoaded {
                    loaded: path.clone(),
                    asked,
                });
            }
            Slot::Empty => {}
        }
        let builder =
            guard(|| ort::init_from(&asked).map_err(|error| error.to_string())).map_err(failed)?;
        match guard(|| environment(builder)) {
            Ok(environment) => {
                let version = version(ort::info(), &asked);
                let library = Arc::new(Library {
                    path: asked,
                    version,
                    environment,
                    devices: OnceLock::new(),
                });
                *slot = Slot::Loaded(library.clone());
                Ok(library)
            }
            Err(reason) => {
                *slot = Slot::Broken {
                    path: asked,
                    reason: reason.clone(),
                };
                Err(failed(reason))
            }
        }
    }

    pub(in crate::backend) fn version(&self) -> &str {
        &self.version
    }

    pub(in crate::backend) fn path(&self) -> &Path {
        &self.path
    }
}

/// The binding panics where a library lacks what it looks up; here that is an error like any other.
fn guard<T>(step: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| Err(panic_message(&*panic)))
}

fn environment(builder: EnvironmentBuilder) -> Result<Environment, String> {
    let logger = |level: LogLevel, _: &str, _: &str, _: &str, message: &str| {
        if matches!(level, LogLevel::Warning | LogLevel::Error | LogLevel::Fatal) {
            LibraryWarned {
                library: NAME,
                message,
            }
            .emit();
        }
    };
    let environment = builder
        .with_name("fleetwright")
        // What a customer writes and when is nobody else's to count.
        .with_telemetry(false)
        .with_logger(Arc::new(logger))
        .build()
        .map_err(|error| error.to_string())?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// The version in the library's own description, else the one in its file name.
fn version(info: &str, path: &Path) -> String {
    let release = info.split_once("git-branch=rel-").map(|(_, rest)| rest);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let named = name.split_once(".so.").map(|(_, rest)| rest);
    let digits = |text: &str| {
        text.chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect::<String>()
    };
    release
        .or(named)
        .map(digits)
        .filter(|version| !version.is_empty())
        .unwrap_or_else(|| "of unknown version".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_librarys_own_else_the_file_names() {
        let info =
            "ORT Build Info: git-branch=rel-1.32.0, git-commit-id=26250ae, build type=Release";
        assert_eq!(version(info, Path::new("/x/libonnxruntime.so")), "1.32.0");
        assert_eq!(
            version(
                "ORT Build Info: git-branch=HEAD",
                Path::new("/x/libonnxruntime.so.1.31.2")
            ),
            "1.31.2"
        );
        assert_eq!(version("", Path::new("/x/lib.so")), "of unknown version");
    }
}
