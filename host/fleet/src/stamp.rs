//! What a file looked like when it was last read, from its metadata alone.
//!
//! Two writes within one tick of the file system's clock leave the same times behind; a stamp that was taken so close to
//! the file's own change is therefore not trusted, and the file is read again.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Coarser than the clock by which Linux stamps files (4 or 10 ms), and shorter than the rest before a change counts.
const TICK: Duration = Duration::from_millis(12);
/// A file that changed so recently may still be written to.
const YOUNG: Duration = Duration::from_secs(1);

/// A file's metadata at one moment. Links are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64, i64, i64),
    /// Whether the file changed in the very tick in which it was looked at.
    racy: bool,
}

impl Stamp {
    /// Looks at a file.
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        let metadata = std::fs::metadata(path)?;
        let modified = metadata.modified().ok();
        Ok(Stamp {
            bytes: metadata.len(),
            modified,
            identity: identity(&metadata),
            // A file whose times were set back after it was written has changed just now all the same.
            racy: modified.is_some_and(|at| since(at) < TICK) || since(changed(&metadata)) < TICK,
        })
    }

    /// Whether a file with this stamp now is the one that was read with the stamp `read`.
    pub(crate) fn proves(&self, read: &Stamp) -> bool {
        !read.racy
            && self.bytes == read.bytes
            && self.modified == read.modified
            && self.identity == read.identity
    }

    /// The file's size.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the file changed within the last second: what copies it may not have done so to the end.
    pub(crate) fn is_young(&self) -> bool {
        self.changed_within(YOUNG)
    }

    /// Whether the file changed within so short a time.
    pub(crate) fn changed_within(&self, time: Duration) -> bool {
        self.modified.is_some_and(|at| since(at) < time)
    }
}

/// Whether a file of a folder changed within the last second. A folder that cannot be read has none.
pub(crate) fn has_young(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let stamps = entries.filter_map(|entry| Stamp::of(&entry.path()).ok());
    stamps.into_iter().any(|stamp| stamp.is_young())
}

/// A time that lies ahead, as clocks of other machines write it, is no age.
fn since(at: SystemTime) -> Duration {
    at.elapsed().unwrap_or(Duration::MAX)
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

/// When anything of the file changed last, its times and its name among it.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> SystemTime {
    SystemTime::UNIX_EPOCH
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64, i64, i64) {
    (0, 0, 0, 0)
}

/// Everything that a fleet is made from, by what it looked like: equal looks need no second reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks(Vec<(PathBuf, Option<Stamp>)>);

impl Looks {
    /// Looks at each path. One that is not there has no stamp.
    pub(crate) fn at(paths: impl IntoIterator<Item = PathBuf>) -> Looks {
        let mut looks: Vec<_> = paths
            .into_iter()
            .map(|path| {
                let stamp = Stamp::of(&path).ok();
                (path, stamp)
            })
            .collect();
        looks.sort_by(|(a, _), (b, _)| a.cmp(b));
        Looks(looks)
    }

    /// Whether two looks found the same, be it that both were taken in the tick of a change.
    pub(crate) fn is_at_rest(&self, before: &Looks) -> bool {
        let settled = |looks: &Looks| -> Looks {
            let mut looks = looks.clone();
            for (_, stamp) in &mut looks.0 {
                if let Some(stamp) = stamp {
                    stamp.racy = false;
                }
            }
            looks
        };
        settled(self) == settled(before)
    }

    /// Whether nothing has changed since `before`.
    pub(crate) fn same_as(&self, before: &Looks) -> bool {
        self.0.len() == before.0.len()
            && self
                .0
                .iter()
                .zip(&before.0)
                .all(|((path, now), (old_path, old))| {
                    path == old_path
                        && match (now, old) {
                            (Some(now), Some(old)) => now.proves(old),
                            (None, None) => true,
                            _ => false,
                        }
                })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(path: &Path) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(long_ago).unwrap();
    }

    /// Looks until the tick of the latest change is over.
    fn rested(path: &Path) -> Stamp {
        loop {
            let stamp = Stamp::of(path).unwrap();
            if !stamp.racy {
                return stamp;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_file_whose_times_are_set_back_is_read_again_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        std::fs::write(&path, "one").unwrap();
        old(&path);
        let read = Stamp::of(&path).unwrap();
        // Within one tick of a coarse clock the next writer could leave all the same behind.
        assert!(!Stamp::of(&path).unwrap().proves(&read));
        assert!(!read.is_young());
    }

    #[test]
    fn a_file_that_stays_proves_itself_and_one_that_changed_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        std::fs::write(&path, "one").unwrap();
        old(&path);
        let first = rested(&path);
        assert!(Stamp::of(&path).unwrap().proves(&first));
        assert!(!first.is_young());

        // The same size and the same modification time: the change of the inode tells.
        std::fs::write(&path, "two").unwrap();
        old(&path);
        assert!(!Stamp::of(&path).unwrap().proves(&first));
    }

    #[test]
    fn a_stamp_of_the_tick_of_the_change_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        std::fs::write(&path, "one").unwrap();
        let racy = Stamp {
            racy: true,
            ..Stamp::of(&path).unwrap()
        };
        assert!(!Stamp::of(&path).unwrap().proves(&racy));
        assert!(racy.is_young());
    }

    #[test]
    fn looks_see_files_come_change_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        let look = || Looks::at([path.clone()]);
        let absent = look();
        assert!(look().same_as(&absent));
        std::fs::write(&path, "one").unwrap();
        old(&path);
        rested(&path);
        let there = look();
        assert!(!there.same_as(&absent));
        assert!(look().same_as(&there));
        std::fs::remove_file(&path).unwrap();
        assert!(!look().same_as(&there));
    }
}
