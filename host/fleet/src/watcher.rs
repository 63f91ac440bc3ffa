//! Tells when what a fleet is made from has changed, and has come to rest.
//!
//! The file system's events only say when to look; whether anything changed is settled by looking at the metadata of
//! every file that counts. So an event that is lost, or that this file system does not send, costs time and nothing else:
//! every two seconds it is looked at anyway. What counts: the manifest, the components and golden cases beside it, the
//! models' folders, and under `--locked` the lock. Links are followed, wherever they lead.
//!
//! Defaults: a change counts once nothing has changed for 15 ms, at the latest after one second.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::loader::Options;
use crate::lock;
use crate::shelf::components;
use crate::stamp::Looks;

/// How long nothing may change before it counts.
const QUIET: Duration = Duration::from_millis(15);
/// What changes without end is looked at nevertheless.
const PATIENCE: Duration = Duration::from_secs(1);
/// Files of models and golden cases that are looked at.
const MAX_FILES: usize = 4096;

/// How changes are noticed, as a status says it.
pub(crate) fn state(watcher: Option<&Watcher>) -> &'static str {
    match watcher.map(Watcher::hears) {
        None => "off",
        Some(true) => "events",
        Some(false) => "polling",
    }
}

/// Watches what a fleet is made from.
pub(crate) struct Watcher {
    options: Options,
    poll: Duration,
    next_poll: Instant,
    /// Whether something was heard that was not looked at yet.
    heard: bool,
    seen: Looks,
    events: mpsc::Receiver<()>,
    notify: Option<RecommendedWatcher>,
    /// Folders by their real paths, and by what lies there: another folder may come to the same path.
    watched: BTreeSet<(PathBuf, u64)>,
    /// Whether the system refused to tell of a folder.
    deaf: bool,
}

impl Watcher {
    /// Begins to watch; what stands there now has been seen.
    pub(crate) fn start(options: &Options, poll: Duration) -> Watcher {
        let (tell, events) = mpsc::channel(1);
        let heard = move |event: notify::Result<notify::Event>| {
            let counts = event.map_or(true, |event| !event.kind.is_access() || is_close(&event));
            if counts {
                // Where one is waiting already, another says nothing more.
                let _ = tell.try_send(());
            }
        };
        let notify = match notify::recommended_watcher(heard) {
            Ok(notify) => Some(notify),
            Err(error) => {
                tracing::warn!(%error, "the file system sends no events; files are looked at every {poll:?}");
                None
            }
        };
        let mut watcher = Watcher {
            options: options.clone(),
            poll,
            next_poll: Instant::now() + poll,
            heard: false,
            seen: Looks::default(),
            events,
            notify,
            watched: BTreeSet::new(),
            deaf: false,
        };
        watcher.listen();
        watcher.seen = look(&watcher.options);
        watcher
    }

    /// Whether the file system tells of changes, of all folders that count.
    pub(crate) fn hears(&self) -> bool {
        self.notify.is_some() && !self.deaf
    }

    /// Waits until something has changed and come to rest. Cancel safe: what was not told is told the next time.
    pub(crate) async fn changed(&mut self) {
        loop {
            if !self.heard {
                self.hear().await;
                self.heard = true;
            }
            let now = self.look().await;
            let same = now.same_as(&self.seen);
            if !same {
                self.seen = self.rest(now).await;
                self.listen();
            }
            self.heard = false;
            self.next_poll = Instant::now() + self.poll;
            if !same {
                return;
            }
        }
    }

    /// Waits for an event, or for the time to look anyway.
    async fn hear(&mut self) {
        match timeout_at(self.next_poll, self.events.recv()).await {
            Ok(Some(())) | Err(_) => {}
            // No events at all: the poll is all there is.
            Ok(None) => sleep_until(self.next_poll).await,
        }
    }

    /// Looks until two looks are the same.
    async fn rest(&self, mut before: Looks) -> Looks {
        let latest = Instant::now() + PATIENCE;
        loop {
            sleep(QUIET).await;
            let now = self.look().await;
            if now.is_at_rest(&before) || Instant::now() >= latest {
                return now;
            }
            before = now;
        }
    }

    async fn look(&self) -> Looks {
        let options = self.options.clone();
        let looking = tokio::task::spawn_blocking(move || look(&options));
        // Only a runtime that is shutting down takes a task away.
        looking.await.unwrap_or_default()
    }

    /// Asks for events of every folder that a path of the fleet leads through.
    fn listen(&mut self) {
        let Some(notify) = &mut self.notify else {
            return;
        };
        let wanted = folders(&self.options);
        for (gone, _) in self.watched.difference(&wanted) {
            // A folder that is gone is watched no more in any case.
            let _ = notify.unwatch(gone);
        }
        let (mut watched, mut deaf) = (BTreeSet::new(), false);
        for (folder, id) in wanted {
            let known = self.watched.contains(&(folder.clone(), id));
            match known || folder.exists() {
                true if known => {}
                true => {
                    if let Err(error) = notify.watch(&folder, RecursiveMode::NonRecursive) {
                        if !self.deaf && !deaf {
                            tracing::warn!(%error, folder = %folder.display(), "the system tells of no change there; files are looked at every {:?}", self.poll);
                        }
                        deaf = true;
                        continue;
                    }
                }
                // One that went meanwhile is none.
                false => continue,
            }
            watched.insert((folder, id));
        }
        self.deaf = deaf;
        self.watched = watched;
    }
}

fn is_close(event: &notify::Event) -> bool {
    use notify::event::{AccessKind, AccessMode};
    event.kind == notify::EventKind::Access(AccessKind::Close(AccessMode::Write))
}

fn look(options: &Options) -> Looks {
    Looks::at(files(options))
}

/// Every file that counts.
fn files(options: &Options) -> Vec<PathBuf> {
    let mut files = vec![options.manifest.clone()];
    if options.locked {
        files.push(lock::path_of(&options.manifest));
    }
    // A folder that cannot be read has no files; whoever reads it says so.
    files.extend(components(&options.plugins).unwrap_or_default());
    for folder in entries(&options.plugins) {
        if folder
            .extension()
            .is_some_and(|extension| extension == "tests")
        {
            files.extend(entries(&folder));
        }
    }
    for folder in versions(options) {
        files.extend(entries(&folder));
        files.extend(entries(&folder.join("tests")));
    }
    files.truncate(MAX_FILES);
    files
}

/// Every folder whose entries decide which files those are.
fn folders(options: &Options) -> BTreeSet<(PathBuf, u64)> {
    let mut folders = BTreeSet::new();
    lead(&options.manifest, &mut folders);
    for folder in [&options.plugins, &options.models] {
        lead(folder, &mut folders);
        folders.insert(folder.clone());
    }
    for file in components(&options.plugins).unwrap_or_default() {
        lead(&file, &mut folders);
    }
    for folder in entries(&options.plugins) {
        if folder
            .extension()
            .is_some_and(|extension| extension == "tests")
        {
            folders.insert(folder);
        }
    }
    for version in versions(options) {
        lead(&version, &mut folders);
        for file in entries(&version) {
            lead(&file, &mut folders);
        }
        folders.insert(version);
    }
    // The system knows a folder once, by whichever path it is asked: by the real one alone it is asked.
    let real = |folder: PathBuf| {
        let folder = folder.canonicalize().unwrap_or(folder);
        let id = id(&folder);
        (folder, id)
    };
    folders.into_iter().map(real).collect()
}

#[cfg(unix)]
fn id(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).map_or(0, |metadata| metadata.ino())
}

#[cfg(not(unix))]
fn id(_: &Path) -> u64 {
    0
}

/// The folder of a path, and of everything that it links to on the way.
fn lead(path: &Path, folders: &mut BTreeSet<PathBuf>) {
    const HOPS: usize = 16;
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..HOPS {
        let Some(parent) = path.parent() else {
            return;
        };
        folders.insert(parent.to_owned());
        // A folder on the way may be the link: `fleet.toml → ..data/fleet.toml`, `..data → ..2026_11_23`.
        if let Ok(real) = parent.canonicalize() {
            folders.insert(real);
        }
        match std::fs::read_link(&path) {
            Ok(target) => path = parent.join(target),
            Err(_) => return,
        }
    }
}

/// The folders of models' versions.
fn versions(options: &Options) -> Vec<PathBuf> {
    let is_version = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| semver::Version::parse(name).is_ok())
    };
    let models = entries(&options.models).into_iter();
    models
        .flat_map(|model| entries(&model))
        .filter(is_version)
        .collect()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use fleetwright_runtime::{CompileBounds, Compiler, QuickCode};

    use super::*;

    fn options(dir: &Path) -> Options {
        let place = |name: &str| dir.join(name);
        for folder in ["plugins", "models", "state"] {
            std::fs::create_dir(place(folder)).unwrap();
        }
        std::fs::write(place("fleet.toml"), "one").unwrap();
        Options {
            manifest: place("fleet.toml"),
            plugins: place("plugins"),
            models: place("models"),
            state: place("state"),
            onnxruntime: None,
            locked: false,
            compiler: Compiler::InProcess,
            bounds: CompileBounds::default(),
            quick: QuickCode::Off,
        }
    }

    /// As on a file system that sends no events: network mounts, or a system that has no watch left to give.
    fn deaf(options: &Options) -> Watcher {
        let mut watcher = Watcher::start(options, Duration::from_millis(20));
        watcher.notify = None;
        watcher.watched.clear();
        watcher
    }

    #[tokio::test]
    async fn without_a_single_event_changes_are_seen_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        let mut watcher = deaf(&options);
        assert!(!watcher.hears());
        let case = options.plugins.join("a.tests").join("case.json");
        let card = options.models.join("m/1.0.0/model.toml");
        let places = [
            options.manifest.clone(),
            options.plugins.join("a.wasm"),
            case,
            card,
        ];
        for path in places {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "two, and longer").unwrap();
            watcher.changed().await;
            std::fs::remove_file(&path).unwrap();
            watcher.changed().await;
        }
        let nothing = tokio::time::timeout(Duration::from_millis(200), watcher.changed());
        assert!(nothing.await.is_err(), "what does not change is no change");
    }
}
