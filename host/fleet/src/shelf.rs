//! The plugins directory: every `.wasm` file in it, known by what the component says of itself.
//!
//! Default place: `plugins/` beside the manifest. A file's name is only a name. A file that cannot be loaded stops nothing
//! by itself: it is named where a stage misses a plugin. A file is read, compiled and described once, and again only when
//! its metadata changed; while that goes on, what stood in its place before still counts, but for no change. Bounds: 64 MiB a
//! file, 256 files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fleetwright_runtime::{Description, Grant, LoadError, Plugin, Runtime, digest};
use semver::{Version, VersionReq};

use crate::lock::Pins;
use crate::stamp::Stamp;

const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_FILES: usize = 256;

/// What stands in the plugins directory.
#[derive(Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    files: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    /// Whether somebody describes it.
    begun: bool,
    /// Nothing until the file is described.
    content: Option<Result<Found, String>>,
    /// What the file held before it changed; it serves until the change is described.
    before: Option<Found>,
}

/// A component of the plugins directory.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) description: Description,
    pub(crate) digest: String,
    /// Whether its file holds something else by now, which is not described yet. Such a component serves on where it serves;
    /// a change waits for what replaces it, for both never stood on disk together.
    pub(crate) replaced: bool,
}

/// A file that was not described yet.
#[derive(Clone, Debug)]
pub(crate) struct Undescribed {
    path: PathBuf,
    stamp: Stamp,
}

/// A file that was.
#[derive(Debug)]
pub(crate) struct Described {
    path: PathBuf,
    stamp: Stamp,
    content: Result<Found, String>,
}

/// The directory cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "cannot read the plugins directory `{}`: {error}; build plugins with `cargo xtask plugins`, or name another directory with `--plugins`", dir.display()
)]
pub struct ShelfError {
    dir: PathBuf,
    error: String,
}

impl Shelf {
    /// An empty shelf over a directory.
    pub(crate) fn new(dir: &Path) -> Self {
        Shelf {
            dir: dir.to_owned(),
            files: BTreeMap::new(),
        }
    }

    /// Looks at the directory and gives the files that are new or changed.
    pub(crate) fn look(&mut self) -> Result<Vec<Undescribed>, ShelfError> {
        let paths = components(&self.dir).map_err(|error| ShelfError {
            dir: self.dir.clone(),
            error: error.to_string(),
        })?;
        let mut known = std::mem::take(&mut self.files);
        let mut open = Vec::new();
        for path in paths {
            // A file that went between the two looks is not there.
            let Ok(stamp) = Stamp::of(&path) else {
                continue;
            };
            let entry = match known.remove(&path) {
                Some(entry) if stamp.proves(&entry.stamp) => entry,
                changed => Entry {
                    stamp,
                    begun: false,
                    content: None,
                    before: changed.and_then(Entry::replaced),
                },
            };
            if entry.content.is_none() {
                open.push(Undescribed {
                    path: path.clone(),
                    stamp: entry.stamp.clone(),
                });
            }
            self.files.insert(path, entry);
        }
        Ok(open)
    }

    /// Whether the caller is the first to describe a file: it then must.
    pub(crate) fn begin(&mut self, file: &Undescribed) -> bool {
        let entry = self.files.get_mut(&file.path);
        entry.is_some_and(|entry| !std::mem::replace(&mut entry.begun, true))
    }

    /// Takes a description, unless the file has changed once more since.
    pub(crate) fn put(&mut self, described: Described) {
        let Some(entry) = self.files.get_mut(&described.path) else {
            return;
        };
        if entry.stamp != described.stamp {
            return;
        }
        if let Err(reason) = &described.content {
            tracing::warn!(path = %described.path.display(), reason, "a component cannot be loaded; no stage can use it");
        }
        entry.before = None;
        entry.content = Some(described.content);
    }

    /// Whether every file is described.
    pub(crate) fn is_described(&self) -> bool {
        self.files.values().all(|entry| entry.content.is_some())
    }

    /// Whether a component counts that its file holds no longer.
    pub(crate) fn leans_back(&self) -> bool {
        self.found().any(|found| found.replaced)
    }

    /// Whether a file is still to be described, or cannot be loaded and may not have been written to its end.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.files.values().any(|entry| match &entry.content {
            None => true,
            Some(Err(_)) => young(entry),
            Some(Ok(_)) => false,
        })
    }

    /// The component of the digest that the manifest pins, where it is there and fits; else the highest version that fits and that
    /// `pins` allow, unless two different files both claim to be it.
    pub(crate) fn resolve(
        &self,
        name: &str,
        range: &VersionReq,
        digest: Option<&str>,
        pins: Option<&Pins>,
    ) -> Result<&Found, Missing> {
        let named: Vec<&Found> = self
            .found()
            .filter(|found| found.description.name == name)
            .collect();
        let fits = |found: &&&Found| {
            let version = &found.description.version;
            range.matches(version)
                && pins.is_none_or(|pins| pins.allow_plugin(name, version, &found.digest))
        };
        let pinned = |found: &&&Found| digest == Some(&found.digest);
        if let Some(pinned) = named.iter().filter(fits).find(pinned) {
            return Ok(pinned);
        }
        let Some(best) = named
            .iter()
            .filter(fits)
            .max_by_key(|found| &found.description.version)
        else {
            return Err(Missing::NotFound {
                versions: named
                    .iter()
                    .map(|found| found.description.version.clone())
                    .collect(),
            });
        };
        let twin = named.iter().filter(fits).find(|found| {
            found.description.version == best.description.version && found.digest != best.digest
        });
        match twin {
            Some(twin) => Err(Missing::Twins {
                version: best.description.version.clone(),
                paths: [best.path.clone(), twin.path.clone()],
            }),
            None => Ok(best),
        }
    }

    /// Files that are no plugin of this host, and why.
    pub(crate) fn broken(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files
            .iter()
            .filter_map(|(path, entry)| match &entry.content {
                Some(Err(reason)) => Some((path.as_path(), reason.as_str())),
                _ => None,
            })
    }

    /// Names of all plugins found.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.found()
            .map(|found| found.description.name.as_str())
            .collect()
    }

    /// Every plugin found, by its file.
    pub(crate) fn found(&self) -> impl Iterator<Item = &Found> {
        self.files
            .values()
            .filter_map(|entry| match &entry.content {
                Some(Ok(found)) => Some(found),
                Some(Err(_)) => None,
                None => entry.before.as_ref(),
            })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Entry {
    /// What the file held, where it held a component.
    fn replaced(self) -> Option<Found> {
        match self.content {
            Some(Ok(found)) => Some(Found {
                replaced: true,
                ..found
            }),
            _ => self.before,
        }
    }
}

impl Found {
    /// The plugin, linked against what its stage is granted and nothing more, with its bytes.
    pub(crate) async fn load(
        &self,
        runtime: &Runtime,
        grants: &BTreeSet<Grant>,
    ) -> Result<(Plugin, Vec<u8>), LoadError> {
        let changed = |detail: String| {
            LoadError::Compile(format!(
                "the file changed while it was read ({detail}); it is read again"
            ))
        };
        let bytes = fs::read(&self.path).map_err(|error| changed(error.to_string()))?;
        let read = digest(&bytes);
        if read != self.digest {
            return Err(changed(format!("`{read}`, no longer `{}`", self.digest)));
        }
        Ok((runtime.load(&bytes, grants).await?, bytes))
    }
}

impl Undescribed {
    /// Reads, compiles and asks the component what it is.
    pub(crate) async fn describe(self, runtime: &Runtime) -> Described {
        let content = self.read(runtime).await;
        Described {
            path: self.path,
            stamp: self.stamp,
            content,
        }
    }

    /// As [`Undescribed::describe`], for a task of its own.
    pub(crate) async fn described(self, runtime: Runtime) -> Described {
        self.describe(&runtime).await
    }

    /// What is said of a file that could not be described.
    pub(crate) fn failed(self, reason: &str) -> Described {
        Described {
            path: self.path,
            stamp: self.stamp,
            content: Err(reason.to_owned()),
        }
    }

    async fn read(&self, runtime: &Runtime) -> Result<Found, String> {
        let size = self.stamp.bytes();
        if size > MAX_FILE_BYTES {
            return Err(format!("{size} bytes; at most {MAX_FILE_BYTES} are loaded"));
        }
        let path = self.path.clone();
        let bytes = tokio::task::spawn_blocking(move || fs::read(path))
            .await
            .map_err(|_| "reading was interrupted".to_owned())?
            .map_err(|error| error.to_string())?;
        // Described with every grant there is, so that it can be known; it runs with those of its stage.
        let all = BTreeSet::from([Grant::Clocks, Grant::Random]);
        let plugin = runtime
            .load(&bytes, &all)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Found {
            path: self.path.clone(),
            description: plugin.description().clone(),
            digest: plugin.digest().to_owned(),
            replaced: false,
        })
    }
}

/// A file that cannot be loaded and has just been written to may be written to further.
fn young(entry: &Entry) -> bool {
    entry.stamp.is_young()
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

/// The digest of every component of a directory, as it stands there. One that is too large to be loaded counts by its size.
pub(crate) fn digests(dir: &Path) -> Result<Vec<String>, ShelfError> {
    let failed = |error: std::io::Error| ShelfError {
        dir: dir.to_owned(),
        error: error.to_string(),
    };
    let read = |path: &PathBuf| -> std::io::Result<String> {
        let size = fs::metadata(path)?.len();
        if size > MAX_FILE_BYTES {
            return Ok(size.to_string());
        }
        Ok(digest(&fs::read(path)?))
    };
    // A file that went between the two looks is not there.
    let present = |path: &PathBuf| read(path).ok();
    Ok(components(dir)
        .map_err(failed)?
        .iter()
        .filter_map(present)
        .collect())
}

/// The components of a directory, by name.
pub(crate) fn components(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
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
