//! The cache of overlays: one folder, complete entries only, one builder at a time.
//!
//! An entry is made in a scratch folder beside it and renamed into place, so whoever finds a name finds all of it and
//! needs no lock to read. The lock only keeps two builders from doing the same half minute of work.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Progress, ToolchainError};

const SCRATCH: &str = ".scratch-";

/// The cache under its lock, which ends with this value.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    _lock: File,
}

impl Cache {
    /// The folder: `FLEETWRIGHT_SYSROOT_CACHE`, else `fleetwright/sysroot` under the user's cache.
    pub(crate) fn locate() -> Result<PathBuf, ToolchainError> {
        let variable = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        choose(
            variable("FLEETWRIGHT_SYSROOT_CACHE"),
            variable("XDG_CACHE_HOME"),
            variable("HOME"),
        )
        .ok_or(ToolchainError::NoCache)
    }

    /// Opens the cache at `root`, waiting for another builder to end.
    pub(crate) fn open(root: PathBuf, progress: &Progress) -> Result<Cache, ToolchainError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| ToolchainError::Cache { path, source }
        };
        fs::create_dir_all(&root).map_err(at(&root))?;
        let path = root.join("lock");
        let lock = File::create(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress("another build is making the standard library: waiting for it");
                lock.lock().map_err(at(&path))?;
            }
            Err(TryLockError::Error(source)) => return Err(at(&path)(source)),
        }
        let cache = Cache { root, _lock: lock };
        cache.sweep();
        Ok(cache)
    }

    /// Where the entry `name` stands, or will.
    pub(crate) fn entry(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder for work in progress, on the cache's own file system; gone when dropped.
    pub(crate) fn scratch(&self) -> Result<TempDir, String> {
        tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(&self.root)
            .map_err(|error| format!("no scratch folder in `{}`: {error}", self.root.display()))
    }

    /// Puts the finished folder `made` at the entry `name`.
    pub(crate) fn keep(&self, made: &Path, name: &str) -> Result<PathBuf, String> {
        let entry = self.entry(name);
        fs::rename(made, &entry)
            .map_err(|error| format!("`{}` cannot be kept: {error}", entry.display()))?;
        Ok(entry)
    }

    /// Removes what a killed builder left: under the lock, no scratch folder is in use.
    fn sweep(&self) {
        let Ok(entries) = self.root.read_dir() else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
                // What cannot be removed costs space and nothing else.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn choose(
    own: Option<PathBuf>,
    user_cache: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    // The XDG specification has relative paths ignored.
    let user_cache = user_cache.filter(|path| path.is_absolute());
    own.or_else(|| {
        user_cache
            .or_else(|| home.map(|home| home.join(".cache")))
            .map(|cache| cache.join("fleetwright/sysroot"))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_folder_follows_the_variables() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            choose(path("/own"), path("/xdg"), path("/home/a")),
            path("/own")
        );
        assert_eq!(
            choose(None, path("/xdg"), path("/home/a")),
            path("/xdg/fleetwright/sysroot")
        );
        assert_eq!(
            choose(None, path("relative"), path("/home/a")),
            path("/home/a/.cache/fleetwright/sysroot")
        );
        assert_eq!(choose(None, None, None), None);
    }

    #[test]
    fn an_entry_appears_whole_and_leftovers_go() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("deep/cache");
        let cache = Cache::open(root.clone(), &|_| {}).unwrap();
        fs::create_dir(root.join(".scratch-dead")).unwrap();
        let scratch = cache.scratch().unwrap();
        fs::create_dir(scratch.path().join("made")).unwrap();
        fs::write(scratch.path().join("made/file"), "x").unwrap();
        let entry = cache.keep(&scratch.path().join("made"), "entry").unwrap();
        assert_eq!(fs::read_to_string(entry.join("file")).unwrap(), "x");
        drop((scratch, cache));
        let cache = Cache::open(root.clone(), &|_| {}).unwrap();
        assert!(!root.join(".scratch-dead").exists());
        assert!(cache.entry("entry").is_dir());
    }

    #[test]
    fn a_second_builder_waits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::open(folder.path().to_owned(), &|_| {}).unwrap();
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        let root = folder.path().to_owned();
        let second = std::thread::spawn(move || {
            let lines = RefCell::new(Vec::new());
            let cache = Cache::open(root, &|line| {
                lines.borrow_mut().push(line.to_owned());
                told.send(()).unwrap();
            });
            (cache.is_ok(), lines.into_inner())
        });
        heard.recv().unwrap();
        assert!(!second.is_finished());
        drop(first);
        let (opened, lines) = second.join().unwrap();
        assert!(opened);
        assert_eq!(
            lines,
            ["another build is making the standard library: waiting for it"]
        );
    }
}
