//! Backends: what runs a loaded model.
//!
//! One synchronous trait, [`Backend`]; each loaded model is owned by one worker thread. ONNX graphs run in
//! onnxruntime where its library is found, else in rten, which is part of this program; [`Backends`] says which.

mod declared;
mod memory;
mod onnxruntime;
mod rten;
mod signature;
mod stub;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use self::onnxruntime::Library;
pub(crate) use self::signature::{Signature, SignaturePort};
#[cfg(test)]
pub(crate) use self::stub::StubBackend;
use crate::card::{Card, CardError, Format};
use crate::device::{Accelerator, Device, Place};
use crate::tensor::NamedTensor;
use crate::threads::Threads;
use crate::warm_up;
use crate::watchdog::Stop;

/// The environment variable that names the onnxruntime library where no path is given.
pub const LIBRARY_VARIABLE: &str = "FLEETWRIGHT_ONNXRUNTIME";

/// A loaded model. One thread owns it and calls it.
pub(crate) trait Backend {
    /// What the loaded graph itself says that it takes and gives; `None` where it has no graph.
    fn signature(&self) -> Option<Signature>;

    /// Runs the model once. `inputs` hold to the card; the outputs are those that the card names, in its order.
    ///
    /// # Errors
    /// What the library said, in words, and whether it lacked memory.
    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError>;

    /// Whether a run by one thread is the calling one's work: else its processor time is not known here.
    fn runs_here(&self) -> bool {
        false
    }

    /// What ends a run from another thread; none where the library has no way to.
    fn stop(&self) -> Option<Arc<dyn Stop>> {
        None
    }
}

/// Why a run gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RunError {
    /// The library failed on these inputs.
    #[error("{0}")]
    Failed(String),
    /// There was no memory for what these inputs take; less may run.
    #[error("{0}")]
    OutOfMemory(String),
}

impl From<String> for RunError {
    fn from(reason: String) -> RunError {
        RunError::Failed(reason)
    }
}

/// Where and with what a model is to run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) device: Device,
    /// Threads of the processor that a run computes with.
    pub(crate) threads: usize,
    /// The most bytes of a device's own memory; none: what there is.
    pub(crate) memory: Option<u64>,
}

/// Which library serves which format, and the threads that all models which it loads compute on. Clones are one.
#[derive(Clone, Debug)]
pub struct Backends {
    library: Option<Arc<Library>>,
    threads: Threads,
}

impl Backends {
    /// Finds onnxruntime: at `onnxruntime`, else where `FLEETWRIGHT_ONNXRUNTIME` says, else nowhere, and then
    /// rten serves ONNX graphs. A path that is given must hold a library that works: nothing falls back silently.
    /// A process loads one onnxruntime library in its life; asking again for the same one is free.
    ///
    /// # Errors
    /// [`BackendError`] naming the file and the way out.
    pub fn detect(onnxruntime: Option<&Path>) -> Result<Backends, BackendError> {
        let path = onnxruntime.map(Path::to_path_buf).or_else(|| {
            let path = std::env::var_os(LIBRARY_VARIABLE)?;
            (!path.is_empty()).then(|| PathBuf::from(path))
        });
        let library = path.map(|path| Library::load(&path)).transpose()?;
        Ok(Backends::over(library))
    }

    /// Only what is part of this program: rten for ONNX graphs.
    pub fn embedded() -> Backends {
        Backends::over(None)
    }

    fn over(library: Option<Arc<Library>>) -> Backends {
        Backends {
            library,
            threads: Threads::new(None),
        }
    }

    /// Sets how many threads all models together compute on, at least one. Default: as many as there are cores, and those of one run
    /// more. A model that is loaded already computes each run with as many as before, but never more at once than there are.
    pub fn set_threads(&self, asked: Option<usize>) {
        self.threads.set(asked);
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Which library serves ONNX graphs.
    pub fn describe(&self) -> OnnxLibrary {
        match &self.library {
            Some(library) => OnnxLibrary {
                name: onnxruntime::NAME,
                version: library.version().to_owned(),
                path: Some(library.path().to_path_buf()),
            },
            None => OnnxLibrary {
                name: rten::NAME,
                version: rten::VERSION.to_owned(),
                path: None,
            },
        }
    }

    /// The accelerators that the library was built for, each tried with one small run. None for rten.
    pub fn devices(&self) -> &[DeviceState] {
        self.library
            .as_ref()
            .map_or(&[], |library| library.devices())
    }

    /// Loads the model that `card` describes, holds its graph to the card and runs it once. Its files must have been verified.
    pub(crate) fn open(&self, card: &Card, setting: Setting) -> Result<Opened, LoadError> {
        match (card.format(), &self.library) {
            (Format::Stub, _) => {
                let why = only_processor(setting.device, stub::NAME)?;
                let backend = Box::new(stub::StubBackend::cold(card));
                Opened::on_processor(backend, stub::NAME.to_owned(), why).proved(card)
            }
            // Models of this format have threads of their own: see `generate`.
            (Format::Gguf, _) => Err(LoadError::NotBuilt {
                model: format!("{}@{}", card.name(), card.version()),
                format: Format::Gguf.name(),
                feature: "llama",
            }),
            (Format::Onnx, Some(library)) => library.open_model(card, setting),
            (Format::Onnx, None) => {
                let why = only_processor(setting.device, rten::NAME)?;
                let backend = Box::new(rten::RtenBackend::open(card, setting.threads)?);
                let name = format!("{} {}", rten::NAME, rten::VERSION);
                Opened::on_processor(backend, name, why).proved(card)
            }
        }
    }
}

/// A loaded model, with the names of what it runs in and on.
pub(crate) struct Opened {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Why it runs there.
    pub(crate) why: String,
}

impl Opened {
    pub(crate) fn on_processor(backend: Box<dyn Backend>, name: String, why: String) -> Opened {
        Opened {
            backend,
            name,
            place: Place::Cpu,
            why,
        }
    }

    /// The same, once its graph was held to the card and has run: some kinds of numbers a device turns out to lack only then.
    fn proved(mut self, card: &Card) -> Result<Opened, LoadError> {
        if let Some(signature) = self.backend.signature() {
            signature.check(card)?;
        }
        warm_up::run(card, &mut self)?;
        Ok(self)
    }
}

/// What is said of a device that the manifest names.
const DECLARED: &str = "declared";

/// Why a model of a backend that has only the processor runs there.
fn only_processor(device: Device, backend: &str) -> Result<String, LoadError> {
    match device {
        Device::Auto => Ok(format!("`auto`: `{backend}` runs on `cpu` alone")),
        Device::Cpu => Ok(DECLARED.to_owned()),
        Device::Cuda(_) => Err(lacking(device, Accelerator::Cuda, backend)),
        Device::WebGpu => Err(lacking(device, Accelerator::WebGpu, backend)),
    }
}

fn lacking(device: Device, accelerator: Accelerator, backend: &str) -> LoadError {
    LoadError::Device {
        device: device.to_string(),
        reason: format!(
            "`{backend}` runs on `cpu` alone; pull and use a library that has it, `fleetwright models pull --onnxruntime {name}` and `serve --onnxruntime {name}`, or declare `cpu`",
            name = accelerator.name()
        ),
    }
}

/// An accelerator that the library was built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// The first of its kind.
    pub place: Place,
    /// Whether it computes; else what the library says.
    pub state: Result<(), String>,
}

/// The library that serves ONNX graphs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnnxLibrary {
    /// `onnxruntime` or `rten`.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// The file that it was loaded from; `None`: it is part of this program.
    pub path: Option<PathBuf>,
}

impl fmt::Display for OnnxLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(
                f,
                "{} {} from `{}`",
                self.name,
                self.version,
                path.display()
            ),
            None => write!(f, "{} {}, part of this program", self.name, self.version),
        }
    }
}

/// Why no backend can be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BackendError {
    /// The onnxruntime library cannot be used.
    #[error("`{}` cannot serve as onnxruntime: {reason}; run `fleetwright models pull`, or leave the path out to use the embedded backend", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// Both sides of what does not fit.
        reason: String,
    },
    /// Another onnxruntime library is loaded, and a process has room for one.
    #[error("onnxruntime is already loaded from `{}`, so `{}` cannot be; restart to change it", loaded.display(), asked.display())]
    AlreadyLoaded {
        /// The file in use.
        loaded: PathBuf,
        /// The file asked for.
        asked: PathBuf,
    },
}

/// Why a model does not load.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The card or one of its files is at fault.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The backend refuses the graph.
    #[error("model `{model}`: {backend} does not load `{}`: {reason}", file.display())]
    Graph {
        /// Name and version.
        model: String,
        /// The backend's name.
        backend: String,
        /// The graph's file.
        file: PathBuf,
        /// What the backend said.
        reason: String,
    },
    /// The graph takes or gives something else than its card says.
    #[error("model `{model}`: the graph and `{}` disagree: {message}; correct the card, or restore the file", card.display())]
    Signature {
        /// Name and version.
        model: String,
        /// The card's file.
        card: PathBuf,
        /// Both sides.
        message: String,
    },
    /// The declared device cannot be had, or not as it is declared.
    #[error("device `{device}` cannot be had: {reason}")]
    Device {
        /// The device declared.
        device: String,
        /// Why, and the way out.
        reason: String,
    },
    /// What runs models of its format is no part of this build.
    #[error(
        "model `{model}` has the format `{format}`, and this host was built without the feature `{feature}`: build it with `cargo xtask generative`, or with `cargo build --release --features fleetwright/{feature}` where cmake and libclang are"
    )]
    NotBuilt {
        /// Name and version.
        model: String,
        /// The format.
        format: &'static str,
        /// The feature of the host's packages.
        feature: &'static str,
    },
    /// An option is out of bounds.
    #[error("model `{model}`: {message}")]
    Option {
        /// Name and version.
        model: String,
        /// Both sides.
        message: String,
    },
    /// Its first run fails.
    #[error(
        "model `{model}`: its first run, on ones as {inputs}, failed: {reason}; correct the card or the graph, or say under `[warm_up]` how long the free axes are to be"
    )]
    WarmUp {
        /// Name and version.
        model: String,
        /// Each input with its dimensions.
        inputs: String,
        /// What the backend said, or what does not fit the card.
        reason: String,
    },
    /// No thread could be started, or it ended while loading.
    #[error("model `{model}`: its worker thread did not start: {reason}")]
    Worker {
        /// Name and version.
        model: String,
        /// What happened.
        reason: String,
    },
}

impl LoadError {
    /// A graph that a backend refuses.
    fn graph(card: &Card, backend: &str, file: PathBuf, reason: impl fmt::Display) -> LoadError {
        LoadError::Graph {
            model: format!("{}@{}", card.name(), card.version()),
            backend: backend.to_owned(),
            file,
            reason: reason.to_string(),
        }
    }
}

/// The graph file of a card of format `onnx`, for `place`.
fn graph_file(card: &Card, place: Place) -> PathBuf {
    let graph = card.graph(place.accelerator());
    // A card of this format without a graph was refused when it was read.
    graph
        .map(|file| card.file_path(file))
        .unwrap_or_else(|| card.dir().to_path_buf())
}
