//! When, where, by which programs and how fast: what of a report hangs on the machine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use fleetwright_inference::{OnnxLibrary, sha256_of};
use serde::{Deserialize, Serialize};

/// What files beside an onnxruntime library are called that it loads for a device.
const PROVIDERS: &str = "libonnxruntime_providers_";

/// When, where and how fast.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// When it began.
    pub began: String,
    /// The data file's name.
    pub file: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many samples ran at once.
    pub jobs: usize,
    /// What ran it.
    pub programs: Programs,
    /// The machine.
    pub machine: Machine,
    /// Times of a sample.
    pub latency: Latency,
    /// What each kind of failure said, once.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, String>,
}

/// What ran it, by the bytes of its files. Other machines have others of one version, so that they are no part of what was
/// measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// This program.
    pub host: Program,
    /// What runs ONNX graphs.
    pub inference: Inference,
}

/// A file that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, without the folder.
    pub file: String,
    /// Its digest.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
}

/// What runs ONNX graphs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inference {
    /// `onnxruntime` or `rten`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it is part of this program, and so has no file of its own.
    pub embedded: bool,
    /// The library, and the files beside it that it loads for a device. What those load in turn, such as CUDA's own libraries,
    /// is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Program>,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and architecture.
    pub system: String,
    /// What its processor calls itself.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory, in MiB.
    pub memory_mib: u64,
}

/// Times of a sample, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// From submission to outcome: the median.
    pub p50: f64,
    /// What one in ten passes.
    pub p90: f64,
    /// What one in a hundred passes.
    pub p99: f64,
    /// The longest.
    pub most: f64,
    /// Processor time of the whole process for a sample, on average.
    pub cpu: f64,
    /// Of that, inside guests.
    pub guest: f64,
    /// Models at work for a sample, by the clock, on average.
    pub inference: f64,
    /// Waiting for an instance and for models, on average.
    pub queue: f64,
}

/// A file that runs and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`, which runs this: {source}: make it readable, so that the report can name its digest", path.display())]
pub struct UnreadableProgram {
    path: PathBuf,
    source: io::Error,
}

impl Programs {
    /// This process's own, and `library`, which it has loaded. It reads all of them, 100 MB and more.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn here(library: &OnnxLibrary) -> Result<Self, UnreadableProgram> {
        let host = own_file().map_err(|source| UnreadableProgram {
            path: "this program".into(),
            source,
        })?;
        Ok(Programs {
            host: Program::read(&host.name, &host.bytes)?,
            inference: Inference::of(library)?,
        })
    }
}

impl Programs {
    /// Whether both are the same byte for byte, whatever their files are called.
    pub(super) fn same_bytes(&self, other: &Programs) -> bool {
        self.digests().eq(other.digests())
    }

    fn digests(&self) -> impl Iterator<Item = &str> {
        let all = std::iter::once(&self.host).chain(&self.inference.files);
        all.map(|program| program.digest.as_str())
    }
}

/// Where this program is called by its name, and where its bytes are.
struct Own {
    name: PathBuf,
    bytes: PathBuf,
}

/// The kernel's own entry has the bytes that run, also where the file was replaced meanwhile.
fn own_file() -> io::Result<Own> {
    let name = std::env::current_exe()?;
    let running = Path::new("/proc/self/exe");
    Ok(Own {
        bytes: match running.exists() {
            true => running.to_owned(),
            false => name.clone(),
        },
        name,
    })
}

impl Program {
    fn read(name: &Path, path: &Path) -> Result<Self, UnreadableProgram> {
        let unreadable = |source| UnreadableProgram {
            path: path.to_owned(),
            source,
        };
        Ok(Program {
            file: file_name(name),
            digest: format!("sha256:{}", sha256_of(path).map_err(unreadable)?),
            bytes: path.metadata().map_err(unreadable)?.len(),
        })
    }
}

impl Inference {
    fn of(library: &OnnxLibrary) -> Result<Self, UnreadableProgram> {
        let files = library.path.as_deref().map(with_providers).transpose()?;
        let files = files.into_iter().flatten();
        let files = files.map(|path| Program::read(&path, &path));
        Ok(Inference {
            name: library.name.to_owned(),
            version: library.version.clone(),
            embedded: library.path.is_none(),
            files: files.collect::<Result<_, _>>()?,
        })
    }
}

/// The library, and what it loads from beside itself, by name.
fn with_providers(library: &Path) -> Result<Vec<PathBuf>, UnreadableProgram> {
    let folder = library
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let unreadable = |source| UnreadableProgram {
        path: folder.to_owned(),
        source,
    };
    let mut providers = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if file_name(&path).starts_with(PROVIDERS) && path.is_file() {
            providers.push(path);
        }
    }
    providers.sort();
    Ok([vec![library.to_owned()], providers].concat())
}

impl Machine {
    /// The one that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        let of = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = of("/proc/meminfo", "MemTotal");
        let kib = memory.and_then(|memory| memory.split(' ').next()?.parse::<u64>().ok());
        Machine {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib.unwrap_or(0) / 1024,
        }
    }
}

/// A path's last part.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_named_by_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libonnxruntime.so.1",
            "libonnxruntime_providers_cuda.so",
            "libcublas.so",
        ] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let mut library = OnnxLibrary {
            name: "onnxruntime",
            version: "1".into(),
            path: Some(folder.path().join("libonnxruntime.so.1")),
        };
        let programs = Programs::here(&library).unwrap();
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(programs.host.digest, fleetwright_runtime::digest(&own));
        assert_eq!(programs.host.bytes, own.len() as u64);
        let inference = &programs.inference;
        let files: Vec<_> = inference.files.iter().map(|one| &one.file).collect();
        assert_eq!(
            files,
            ["libonnxruntime.so.1", "libonnxruntime_providers_cuda.so"]
        );
        let digest = fleetwright_runtime::digest(b"libonnxruntime.so.1");
        assert_eq!(
            (inference.embedded, &inference.files[0].digest),
            (false, &digest)
        );
        let mut other = programs.clone();
        other.host.file = "another name".into();
        assert!(programs.same_bytes(&other));
        library.path = None;
        let inference = Inference::of(&library).unwrap();
        assert_eq!((inference.embedded, inference.files.len()), (true, 0));
        library.path = Some(folder.path().join("gone.so"));
        let gone = Inference::of(&library).unwrap_err().to_string();
        assert!(gone.contains("gone.so"), "{gone}");
        other.inference = inference;
        assert!(!programs.same_bytes(&other));
    }
}
