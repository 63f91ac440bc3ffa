//! What was served: one record a generation, kept so that a restart or a rollback can serve it again.
//!
//! Place: `fleets/NAME-HASH/` under the state directory, one for each manifest's path. A record is one file with the
//! manifest's text and every plugin and model by digest; components are kept beside, by digest. A record is whole before
//! its generation serves the first request, so that no number ever means two things; it is forced to the disk right after,
//! since a swap does not wait for disks. One host at a time holds the folder.
//! Bounds: the last 50 generations and the components that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use fleetwright_runtime::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lock::{Pins, replace};

/// Generations that are kept.
const KEPT: usize = 50;
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// One generation, as it was served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub generation: u64,
    /// When it began to serve.
    pub at: Timestamp,
    /// What brought it about.
    pub cause: Cause,
    /// What it changed, one sentence each.
    pub changes: Vec<String>,
    /// The manifest's digest.
    pub manifest: String,
    /// What the manifest was resolved to.
    #[serde(flatten)]
    pub pins: Pins,
    /// How the trials stood that the manifest asks for, by [`Verdict::trial`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trials: BTreeMap<String, Standing>,
    /// The manifest's text.
    pub text: String,
}

/// How a canary's trial stood in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The canary took its share.
    Open,
    /// The canary had taken the stage's place.
    Promoted,
    /// The canary took nothing any more.
    RolledBack,
}

/// What brought a generation about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The host started.
    Start,
    /// A file changed.
    Change,
    /// Somebody asked for an earlier generation.
    Rollback(u64),
    /// A canary proved itself; its stage.
    Promoted(String),
    /// A canary did not; its stage.
    RolledBack(String),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cause::Start => f.write_str("start"),
            Cause::Change => f.write_str("change"),
            Cause::Rollback(generation) => write!(f, "rollback to {generation}"),
            Cause::Promoted(stage) => write!(f, "canary of {stage} promoted"),
            Cause::RolledBack(stage) => write!(f, "canary of {stage} rolled back"),
        }
    }
}

/// What the next start serves beside the record: written in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    /// The generation served last.
    pub(crate) generation: u64,
    /// After a rollback: what stood on disk then. As long as the same stands there, the rollback holds.
    pub(crate) against: Option<String>,
    /// What was decided on canaries.
    #[serde(default)]
    pub(crate) verdicts: Vec<Verdict>,
}

/// What became of a canary. It holds as long as the manifest asks for the same trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The stage.
    pub stage: String,
    /// Which trial: a digest over the stage's plugin, the canary's, and its terms.
    pub trial: String,
    /// Whether the canary took the stage's place.
    pub promoted: bool,
    /// The figures that decided, one sentence.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Eq for Verdict {}

impl Verdict {
    /// The verdict under which a generation is served once more: the canary is back in the stage's place where that
    /// generation had it there, and else takes nothing: an order to go back ends a trial too, and goes on with none.
    pub(crate) fn as_of(&self, record: &Record) -> Verdict {
        let then = record.trials.get(&self.trial);
        let promoted = then.map_or(self.promoted, |then| *then == Standing::Promoted);
        if promoted == self.promoted {
            return self.clone();
        }
        Verdict {
            promoted,
            reason: format!("by order, as in generation {}", record.generation),
            at: Timestamp::now(),
            ..self.clone()
        }
    }
}

/// Why the history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Another host serves this manifest with this state.
    #[error(
        "another host serves this manifest with the state in `{}`: stop it, or give this one a state of its own with `--state`", dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder cannot be read or written.
    #[error("cannot use `{}` for what was served: {error}; make it writable, or name another state with `--state`", path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        error: String,
    },
    /// There is no record of a generation.
    #[error("generation {generation} is not kept; {}", kept(known))]
    Unknown {
        /// The generation.
        generation: u64,
        /// Those that are.
        known: Vec<u64>,
    },
    /// A record cannot be read.
    #[error("the record of generation {generation} cannot be read: {error}")]
    Broken {
        /// The generation.
        generation: u64,
        /// What is wrong with it.
        error: String,
    },
}

fn kept(known: &[u64]) -> String {
    match (known.first(), known.last()) {
        (Some(first), Some(last)) => {
            format!("{first} to {last} are: `fleetwright history` lists them")
        }
        _ => "none is".into(),
    }
}

/// The folder of one manifest's generations, held against every other host.
#[derive(Debug)]
pub(crate) struct History {
    dir: PathBuf,
    /// Held as long as this is.
    _lock: File,
}

/// Where the history of a manifest lies.
pub fn folder(state: &Path, manifest: &Path) -> PathBuf {
    let whole = std::path::absolute(manifest).unwrap_or_else(|_| manifest.to_owned());
    let name = manifest
        .file_stem()
        .map_or("fleet".into(), |stem| stem.to_string_lossy());
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(32)
        .collect();
    let hash = digest(whole.to_string_lossy().as_bytes());
    let hash = hash.get(7..19).unwrap_or_default();
    state.join("fleets").join(format!("{name}-{hash}"))
}

/// Every record of a manifest, oldest first, whether or not a host serves it; in place of one that cannot be read, why.
///
/// # Errors
/// [`HistoryError`] where the folder is there and cannot be read.
pub fn records(
    state: &Path,
    manifest: &Path,
) -> Result<Vec<Result<Record, HistoryError>>, HistoryError> {
    let dir = folder(state, manifest);
    let numbers = numbers(&dir)?.into_iter();
    Ok(numbers.map(|number| read(&dir, number)).collect())
}

/// What was decided on canaries of a manifest, whether or not a host serves it.
pub(crate) fn verdicts(state: &Path, manifest: &Path) -> Vec<Verdict> {
    let served = served(&folder(state, manifest));
    served.map(|served| served.verdicts).unwrap_or_default()
}

/// What a folder's pointer says, where it can be read.
fn served(dir: &Path) -> Option<Served> {
    let bytes = fs::read(dir.join("served.json")).ok()?;
    serde_json::from_slice(&bytes).ok()
}

impl History {
    /// Takes the folder.
    pub(crate) fn open(state: &Path, manifest: &Path) -> Result<History, HistoryError> {
        let dir = folder(state, manifest);
        let made = fs::create_dir_all(dir.join("components")).and_then(|()| restrict(&dir));
        made.map_err(|error| unusable(&dir, &error))?;
        let path = dir.join("host.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| unusable(&path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(History { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(HistoryError::InUse { dir }),
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// Where components are kept.
    pub(crate) fn components(&self) -> PathBuf {
        self.dir.join("components")
    }

    /// The number of the generation to come.
    pub(crate) fn next(&self) -> Result<u64, HistoryError> {
        Ok(numbers(&self.dir)?.last().map_or(1, |last| last + 1))
    }

    /// What the last start left; nothing at the first.
    pub(crate) fn served(&self) -> Served {
        let served = served(&self.dir);
        let last = || {
            numbers(&self.dir)
                .ok()
                .and_then(|numbers| numbers.last().copied())
        };
        // A pointer that is lost or broken is no reason to lose the generations: the last one is what was served.
        served.unwrap_or_else(|| Served {
            generation: last().unwrap_or(0),
            ..Served::default()
        })
    }

    /// Says what serves.
    pub(crate) fn point(&self, served: &Served) -> Result<(), HistoryError> {
        let path = self.dir.join("served.json");
        let bytes = serde_json::to_vec(served).map_err(|error| HistoryError::Unusable {
            path: path.clone(),
            error: error.to_string(),
        })?;
        replace(&path, &bytes).map_err(|error| unusable(&path, &error))
    }

    /// One generation.
    pub(crate) fn record(&self, generation: u64) -> Result<Record, HistoryError> {
        let known = numbers(&self.dir)?;
        match known.contains(&generation) {
            true => read(&self.dir, generation),
            false => Err(HistoryError::Unknown { generation, known }),
        }
    }

    /// The newest generation up to `generation` whose record can be read; those that cannot are told of.
    pub(crate) fn newest(&self, generation: u64) -> Option<Record> {
        let known = numbers(&self.dir).unwrap_or_default();
        let earlier = known
            .into_iter()
            .rev()
            .filter(|number| *number <= generation);
        for number in earlier {
            match read(&self.dir, number) {
                Ok(record) => return Some(record),
                Err(error) => tracing::error!(%error, "an earlier generation takes its place"),
            }
        }
        None
    }

    /// Keeps a component, by its digest.
    pub(crate) fn keep(&self, digest: &str, bytes: &[u8]) -> Result<(), HistoryError> {
        let path = self.component(digest);
        if fs::metadata(&path).is_ok_and(|kept| kept.len() == bytes.len() as u64) {
            return Ok(());
        }
        replace(&path, bytes).map_err(|error| unusable(&path, &error))
    }

    /// Writes the record of a generation.
    pub(crate) fn write(&self, record: &Record) -> Result<(), HistoryError> {
        let path = self.dir.join(format!("{}.json", record.generation));
        let bytes = serde_json::to_vec(record).map_err(|error| HistoryError::Broken {
            generation: record.generation,
            error: error.to_string(),
        })?;
        replace(&path, &bytes).map_err(|error| unusable(&path, &error))
    }

    /// What makes a record survive a loss of power, for a thread that may wait for the disk.
    pub(crate) fn secure(
        &self,
        record: &Record,
    ) -> impl FnOnce() -> Result<(), HistoryError> + Send + 'static {
        let mut paths = vec![self.dir.join(format!("{}.json", record.generation))];
        paths.extend(
            record
                .pins
                .plugins
                .iter()
                .map(|pin| self.component(&pin.digest)),
        );
        paths.extend([self.components(), self.dir.clone()]);
        move || {
            paths.iter().try_for_each(|path| {
                let opened = File::open(path).and_then(|file| file.sync_all());
                opened.map_err(|error| unusable(path, &error))
            })
        }
    }

    /// Forgets what is beyond the bound, but for what serves.
    pub(crate) fn forget(&self, serving: u64) -> Result<(), HistoryError> {
        let known = numbers(&self.dir)?;
        let excess = known.len().saturating_sub(KEPT);
        if excess == 0 {
            return Ok(());
        }
        for generation in known
            .into_iter()
            .take(excess)
            .filter(|&number| number != serving)
        {
            let path = self.dir.join(format!("{generation}.json"));
            fs::remove_file(&path).map_err(|error| unusable(&path, &error))?;
        }
        self.sweep()
    }

    /// Removes components that no record names.
    fn sweep(&self) -> Result<(), HistoryError> {
        let mut named = BTreeSet::new();
        for generation in numbers(&self.dir)? {
            let Ok(record) = read(&self.dir, generation) else {
                // Which components it names cannot be told, so that all stay until it is gone.
                return Ok(());
            };
            named.extend(
                record
                    .pins
                    .plugins
                    .into_iter()
                    .map(|pin| self.component(&pin.digest)),
            );
        }
        let dir = self.components();
        for entry in fs::read_dir(&dir).map_err(|error| unusable(&dir, &error))? {
            let path = entry.map_err(|error| unusable(&dir, &error))?.path();
            if !named.contains(&path) {
                fs::remove_file(&path).map_err(|error| unusable(&path, &error))?;
            }
        }
        Ok(())
    }

    fn component(&self, digest: &str) -> PathBuf {
        component(&self.components(), digest)
    }
}

/// Where a component lies in the folder of those that are kept.
pub(crate) fn component(components: &Path, digest: &str) -> PathBuf {
    let name = digest.trim_start_matches("sha256:");
    components.join(format!("{name}.wasm"))
}

fn numbers(dir: &Path) -> Result<Vec<u64>, HistoryError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(dir, &error)),
    };
    let mut numbers: Vec<u64> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            name.to_str()?.strip_suffix(".json")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn read(dir: &Path, generation: u64) -> Result<Record, HistoryError> {
    let path = dir.join(format!("{generation}.json"));
    let broken = |error: String| HistoryError::Broken { generation, error };
    let size = fs::metadata(&path)
        .map_err(|error| broken(error.to_string()))?
        .len();
    if size > MAX_RECORD_BYTES {
        return Err(broken(format!(
            "{size} bytes; at most {MAX_RECORD_BYTES} are read"
        )));
    }
    let bytes = fs::read(&path).map_err(|error| broken(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))
}

/// Only the host's own user may say what it serves.
#[cfg(unix)]
fn restrict(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_dir: &Path) -> io::Result<()> {
    Ok(())
}

fn unusable(path: &Path, error: &io::Error) -> HistoryError {
    HistoryError::Unusable {
        path: path.to_owned(),
        error: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(generation: u64, component: &str) -> Record {
        let pin = crate::lock::Pin {
            name: "classify".into(),
            version: semver::Version::new(1, 0, 0),
            digest: component.into(),
        };
        Record {
            generation,
            at: Timestamp::UNIX_EPOCH,
            cause: Cause::Rollback(1),
            changes: vec!["stage `classify`: plugin".into()],
            manifest: "sha256:00".into(),
            pins: Pins {
                plugins: [pin].into(),
                ..Pins::default()
            },
            trials: BTreeMap::new(),
            text: "schema = 1\n".into(),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let state = tempfile::tempdir().unwrap();
        let manifest = Path::new("fleet.toml");
        let history = History::open(state.path(), manifest).unwrap();
        assert_eq!(
            (history.next().unwrap(), history.served().generation),
            (1, 0)
        );
        history.write(&record(1, "sha256:aa")).unwrap();
        assert_eq!(history.record(1).unwrap(), record(1, "sha256:aa"));
        assert_eq!(records(state.path(), manifest).unwrap().len(), 1);
        assert_eq!(
            (history.next().unwrap(), history.served().generation),
            (2, 1)
        );
        let error = history.record(7).unwrap_err().to_string();
        assert!(error.contains("1 to 1"), "{error}");
    }

    #[test]
    fn a_record_that_cannot_be_read_hides_no_other() {
        let state = tempfile::tempdir().unwrap();
        let manifest = Path::new("fleet.toml");
        let history = History::open(state.path(), manifest).unwrap();
        for generation in 1..=3 {
            history.write(&record(generation, "sha256:aa")).unwrap();
        }
        fs::write(history.dir.join("2.json"), "{").unwrap();
        let newest = |generation| history.newest(generation).map(|record| record.generation);
        assert_eq!([3, 2, 1, 0].map(newest), [Some(3), Some(1), Some(1), None]);
        let told = records(state.path(), manifest).unwrap();
        let readable: Vec<_> = told.iter().map(Result::is_ok).collect();
        assert_eq!(readable, [true, false, true]);
        history.keep("sha256:bb", b"unnamed").unwrap();
        history.sweep().unwrap();
        assert!(
            history.component("sha256:bb").exists(),
            "who names it cannot be told"
        );
    }

    #[test]
    fn one_host_holds_the_folder() {
        let state = tempfile::tempdir().unwrap();
        let first = History::open(state.path(), Path::new("fleet.toml")).unwrap();
        let second = History::open(state.path(), Path::new("fleet.toml"));
        assert!(matches!(second, Err(HistoryError::InUse { .. })));
        History::open(state.path(), Path::new("other.toml")).unwrap();
        drop(first);
        History::open(state.path(), Path::new("fleet.toml")).unwrap();
    }

    #[test]
    fn what_is_beyond_the_bound_is_forgotten_but_not_what_serves() {
        let state = tempfile::tempdir().unwrap();
        let history = History::open(state.path(), Path::new("fleet.toml")).unwrap();
        for generation in 1..=KEPT as u64 + 3 {
            let component = digest(&generation.to_be_bytes());
            history.keep(&component, &generation.to_be_bytes()).unwrap();
            history.write(&record(generation, &component)).unwrap();
        }
        history.forget(2).unwrap();
        let kept = numbers(&history.dir).unwrap();
        assert_eq!(kept.get(..2), Some(&[2, 4][..]));
        assert_eq!(
            fs::read_dir(history.components()).unwrap().count(),
            kept.len()
        );
    }
}
