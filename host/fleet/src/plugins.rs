//! The plugins directory: every `.wasm` file in it, known by what the component says of itself.
//!
//! Default place: `plugins/` beside the manifest. A file's name is only a name. A file that cannot be loaded stops nothing
//! by itself: it is named where a stage misses a plugin. Bounds: 64 MiB a file, 256 files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fleetwright_runtime::{Description, Grant, LoadError, Plugin, Runtime};
use semver::{Version, VersionReq};

const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_FILES: usize = 256;

/// What stands in the plugins directory.
pub(crate) struct Shelf {
    dir: PathBuf,
    found: Vec<Found>,
    /// Files that are no plugin of this host, and why.
    pub(crate) broken: Vec<(PathBuf, String)>,
}

struct Found {
    path: PathBuf,
    bytes: Vec<u8>,
    description: Description,
    digest: String,
}

/// The directory cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read the plugins directory `{dir}`: {error}; build plugins with `cargo xtask plugins`, or name another directory with `--plugins`"
)]
pub struct ShelfError {
    dir: PathBuf,
    error: String,
}

impl Shelf {
    /// Reads and describes every component. Blocks on files; compiles what the cache lacks.
    pub(crate) async fn read(runtime: &Runtime, dir: &Path) -> Result<Self, ShelfError> {
        let mut shelf = Shelf {
            dir: dir.to_owned(),
            found: Vec::new(),
            broken: Vec::new(),
        };
        for path in files(dir).map_err(|error| ShelfError {
            dir: dir.to_owned(),
            error: error.to_string(),
        })? {
            match describe(runtime, &path).await {
                Ok(found) => shelf.found.push(found),
                Err(reason) => shelf.broken.push((path, reason)),
            }
        }
        Ok(shelf)
    }

    /// The highest version that fits, unless two different files both claim to be it.
    pub(crate) fn resolve(&self, name: &str, range: &VersionReq) -> Result<Picked<'_>, Missing> {
        let named: Vec<&Found> = self
            .found
            .iter()
            .filter(|found| found.description.name == name)
            .collect();
        let Some(best) = named
            .iter()
            .filter(|found| range.matches(&found.description.version))
            .max_by_key(|f| &f.description.version)
        else {
            return Err(Missing::NotFound {
                versions: named
                    .iter()
                    .map(|f| f.description.version.clone())
                    .collect(),
            });
        };
        let twin = named
            .iter()
            .find(|f| f.description.version == best.description.version && f.digest != best.digest);
        match twin {
            Some(twin) => Err(Missing::Twins {
                version: best.description.version.clone(),
                paths: [best.path.clone(), twin.path.clone()],
            }),
            None => Ok(Picked(best)),
        }
    }

    /// Names of all plugins found.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.found
            .iter()
            .map(|found| found.description.name.as_str())
            .collect()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A component that fits a reference.
pub(crate) struct Picked<'a>(&'a Found);

impl Picked<'_> {
    pub(crate) fn description(&self) -> &Description {
        &self.0.description
    }

    pub(crate) fn digest(&self) -> &str {
        &self.0.digest
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// The plugin, linked against what its stage is granted and nothing more.
    pub(crate) async fn load(
        &self,
        runtime: &Runtime,
        grants: &BTreeSet<Grant>,
    ) -> Result<Plugin, LoadError> {
        runtime.load(&self.0.bytes, grants).await
    }
}

/// Why no component fits a reference.
pub(crate) enum Missing {
    /// None of that name and range; these versions of that name are there.
    NotFound { versions: Vec<Version> },
    /// Two files differ and claim the same version.
    Twins {
        version: Version,
        paths: [PathBuf; 2],
    },
}

fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > MAX_FILES {
        return Err(std::io::Error::other(format!(
            "{} components; at most {MAX_FILES} can be there",
            files.len()
        )));
    }
    Ok(files)
}

async fn describe(runtime: &Runtime, path: &Path) -> Result<Found, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("{size} bytes; at most {MAX_FILE_BYTES} are loaded"));
    }
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    // Described with every grant there is, so that it can be known; it runs with those of its stage.
    let all = BTreeSet::from([Grant::Clocks, Grant::Random]);
    let plugin = runtime
        .load(&bytes, &all)
        .await
        .map_err(|e| e.to_string())?;
    let (description, digest) = (plugin.description().clone(), plugin.digest().to_owned());
    Ok(Found {
        path: path.to_owned(),
        bytes,
        description,
        digest,
    })
}

/// Components already loaded for this candidate, by digest and grants: stages that share one compile it once.
pub(crate) type Loaded = BTreeMap<(String, BTreeSet<Grant>), Plugin>;
