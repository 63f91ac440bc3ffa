//! The controller itself, with real files and real components, driven as the model says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, SystemTime};

use fleetwright_fleet::{
    CompileBounds, Compiler, Fleet, Options, Record, Service, Snapshot, Submission, SubmissionId,
    folder, records,
};
use fleetwright_tests::versions::{component, version};
use fleetwright_tests::{Layout, digest, places, until};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::reference::{
    Came, Component, Disk, Edit, Fault, File, Golden, Killed, Manifest, Wanted, World,
};

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
});

/// A host on a folder of its own.
pub(crate) struct Host {
    layout: Layout,
    up: Option<Up>,
    /// Every record ever seen: a number means one thing for ever.
    seen: BTreeMap<u64, Record>,
    /// Every generation ever served, as long as it lives.
    lived: Vec<(u64, Weak<Snapshot>)>,
}

struct Up {
    fleet: Fleet,
    controller: JoinHandle<()>,
}

impl Host {
    pub(crate) fn new(disk: &Disk) -> Host {
        let host = Host {
            layout: Layout::new("", &[]).unwrap(),
            up: None,
            seen: BTreeMap::new(),
            lived: Vec::new(),
        };
        host.save(&disk.manifest);
        for (place, file) in &disk.files {
            put(&host.file(*place), &bytes(*file));
        }
        host
    }

    fn options(&self, locked: bool) -> Options {
        Options {
            manifest: self.layout.manifest(),
            plugins: self.layout.plugins(),
            models: places::stub_models(),
            state: self.layout.state().to_owned(),
            onnxruntime: None,
            locked,
            compiler: Compiler::InProcess,
            bounds: CompileBounds::default(),
        }
    }

    /// Starts it; says whether it did.
    pub(crate) fn start(&mut self, strict: bool, locked: bool) -> Came {
        let service = Service {
            strict,
            watch: false,
            ..Service::default()
        };
        self.serve(service, locked)
    }

    /// Starts it as a host that takes up changes when events tell, and at no other time.
    pub(crate) fn watch(&mut self) {
        let service = Service {
            poll: Duration::from_secs(24 * 3600),
            ..Service::default()
        };
        self.serve(service, false).unwrap();
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.up.as_ref().unwrap().fleet
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.layout.manifest()
    }

    /// A path in a folder of its own, outside of all that is watched.
    pub(crate) fn elsewhere(&self, name: &str) -> PathBuf {
        let folder = self.layout.folder().join(format!("elsewhere-{name}"));
        fs::create_dir_all(&folder).unwrap();
        folder.join("file")
    }

    fn serve(&mut self, service: Service, locked: bool) -> Came {
        let served = RUNTIME.block_on(Fleet::serve(&self.options(locked), service));
        let (fleet, controller) = served.map_err(|_| ())?;
        let generation = fleet.current().generation();
        self.up = Some(Up {
            fleet,
            controller: RUNTIME.spawn(controller.run()),
        });
        Ok(generation)
    }

    /// Stops it, as a host that is told to does.
    pub(crate) fn stop(&mut self) {
        if let Some(Up { fleet, controller }) = self.up.take() {
            drop(fleet);
            RUNTIME.block_on(controller).unwrap();
        }
    }

    fn abort(&mut self) {
        if let Some(Up { fleet, controller }) = self.up.take() {
            controller.abort();
            let _ = RUNTIME.block_on(controller);
            drop(fleet);
        }
    }

    pub(crate) fn edit(&self, edit: Edit, disk: &Disk) {
        match edit {
            Edit::Drop(place, file) => put(&self.file(place), &bytes(file)),
            Edit::Remove(place) => remove(&self.file(place)),
            Edit::Golden(golden) => self.beside(golden),
            _ => self.save(&disk.manifest),
        }
    }

    /// Has it look at the disk, with submissions on the way.
    pub(crate) fn look(&self, world: &World, before: (u8, u8)) -> Came {
        let up = self.up.as_ref().unwrap();
        let applied = self.under_load(world, before, up.fleet.apply());
        applied.map(|applied| applied.generation).map_err(|_| ())
    }

    pub(crate) fn rollback(
        &self,
        generation: Option<u64>,
        world: &World,
        before: (u8, u8),
    ) -> Came {
        let up = self.up.as_ref().unwrap();
        let applied = self.under_load(world, before, up.fleet.rollback(generation));
        applied.map(|applied| applied.generation).map_err(|_| ())
    }

    /// Has it look at the disk, and takes back what a host that is killed on the way would not have written.
    pub(crate) fn look_and_die(&mut self, killed: Killed) {
        let up = self.up.as_ref().unwrap();
        let before = up.fleet.current().generation();
        let dir = folder(self.layout.state(), &self.layout.manifest());
        let pointer = dir.join("served.json");
        let lock = self.layout.manifest().with_extension("lock");
        let kept = [pointer, lock].map(|path| (fs::read(&path).ok(), path));
        let _ = RUNTIME.block_on(up.fleet.apply());
        let after = up.fleet.current().generation();
        self.abort();
        let [pointer, lock] = kept;
        if after == before || killed == Killed::AfterAll {
            return;
        }
        restore(lock);
        if killed != Killed::BeforeLock {
            restore(pointer);
        }
        if killed == Killed::BeforeRecord {
            fs::remove_file(dir.join(format!("{after}.json"))).unwrap();
        }
    }

    /// Holds everything that can be seen of it against the model.
    pub(crate) fn check(&mut self, world: &World) {
        self.check_records(world);
        let Some(up) = &self.up else {
            assert!(world.running.is_none(), "it should run: {world:#?}");
            return;
        };
        let running = world.running.as_ref().expect("it should not run");
        let snapshot = up.fleet.current();
        assert_eq!(snapshot.generation(), running.generation, "{world:#?}");
        let wanted = (
            version(running.fleet.component.number.into()),
            word(running.fleet.manifest.word),
        );
        assert_eq!(RUNTIME.block_on(ask(&snapshot)), wanted, "{world:#?}");
        let digests: Vec<&str> = snapshot
            .pins()
            .plugins
            .iter()
            .map(|pin| pin.digest.as_str())
            .collect();
        let component = digest(&bytes(File::Whole(running.fleet.component)));
        assert_eq!(digests, [component.as_str()], "{world:#?}");

        let status = up.fleet.status();
        assert_eq!(status.generation, running.generation);
        assert_eq!(
            status.refused.is_some(),
            running.refused,
            "{status:#?} {world:#?}"
        );
        assert_eq!(status.stale, running.stale, "{status:#?} {world:#?}");
        assert!(
            !status.unsettled && status.unrecorded.is_none(),
            "{status:#?}"
        );

        let lock = fs::read_to_string(self.layout.manifest().with_extension("lock")).unwrap();
        let locked = digest(&bytes(File::Whole(world.lock.unwrap())));
        assert!(
            lock.contains(&locked) && lock.matches("sha256:").count() == 1,
            "{lock} {world:#?}"
        );
        if !running.locked {
            assert_eq!(world.lock, Some(running.fleet.component), "{world:#?}");
        }
        self.check_lives(running.generation, &snapshot);
    }

    /// Nothing of an older generation lives once no submission holds it.
    fn check_lives(&mut self, generation: u64, snapshot: &Arc<Snapshot>) {
        self.lived.push((generation, Arc::downgrade(snapshot)));
        let older = |(lived, _): &&(u64, Weak<Snapshot>)| *lived != generation;
        // The control plane may be looking at what served: not for long.
        until("the end of older generations", || {
            let alive = self.lived.iter().filter(older);
            let alive = alive.filter(|(_, weak)| weak.strong_count() > 0).count();
            Ok((alive == 0).then_some(()))
        })
        .unwrap();
        self.lived.retain(|(_, weak)| weak.strong_count() > 0);
    }

    fn check_records(&mut self, world: &World) {
        let found = records(self.layout.state(), &self.layout.manifest()).unwrap();
        let numbers: Vec<u64> = found.iter().map(|record| record.generation).collect();
        let wanted: Vec<u64> = world.records.keys().copied().collect();
        assert_eq!(numbers, wanted, "{world:#?}");
        self.seen
            .retain(|number, _| world.records.contains_key(number));
        for record in found {
            let fleet = world.records[&record.generation];
            assert_eq!(record.text.as_bytes(), text(&fleet.manifest), "{world:#?}");
            let component = digest(&bytes(File::Whole(fleet.component)));
            assert!(
                record
                    .pins
                    .plugins
                    .iter()
                    .all(|pin| pin.digest == component)
            );
            let before = self.seen.insert(record.generation, record.clone());
            assert!(before.is_none_or(|before| before == record), "rewritten");
        }
    }

    /// Does something while submissions come; each is answered by one generation, the one before or the one after.
    fn under_load<T>(&self, world: &World, before: (u8, u8), work: impl Future<Output = T>) -> T {
        let up = self.up.as_ref().unwrap();
        let running = world.running.as_ref().unwrap();
        let after = (running.fleet.component.number, running.fleet.manifest.word);
        let allowed = [before, after].map(|(number, said)| (version(number.into()), word(said)));
        let done = Arc::new(AtomicBool::new(false));
        let latest = Arc::new(AtomicU64::new(0));
        let client = RUNTIME.spawn({
            let (fleet, done, latest) = (up.fleet.clone(), done.clone(), latest.clone());
            async move {
                while !done.load(Ordering::Acquire) {
                    let snapshot = fleet.current();
                    let newest = latest.fetch_max(snapshot.generation(), Ordering::AcqRel);
                    assert!(newest <= snapshot.generation(), "a generation came back");
                    let said = ask(&snapshot).await;
                    assert!(allowed.contains(&said), "{said:?} is none of {allowed:?}");
                }
            }
        });
        let came = RUNTIME.block_on(work);
        done.store(true, Ordering::Release);
        RUNTIME.block_on(client).unwrap();
        came
    }

    pub(crate) fn file(&self, place: u8) -> PathBuf {
        self.layout.plugins().join(format!("{place}.wasm"))
    }

    fn save(&self, manifest: &Manifest) {
        match manifest.fault {
            Some(Fault::Gone) => remove(&self.layout.manifest()),
            _ => put(&self.layout.manifest(), &text(manifest)),
        }
    }

    fn beside(&self, golden: Option<Golden>) {
        let folder = self.layout.plugins().join("versioned.tests");
        fs::create_dir_all(&folder).unwrap();
        let case = |member: &str, value: String| {
            format!(
                r#"{{"fields": {{"subject": "x"}}, "expect": {{"answer": {{"{member}": "{value}"}}}}}}"#
            )
        };
        let path = folder.join("case.json");
        match golden {
            None => remove(&path),
            Some(Golden::Number(number)) => {
                put(&path, case("/version", version(number.into())).as_bytes());
            }
            Some(Golden::Word(said)) => put(&path, case("/word", word(said)).as_bytes()),
            Some(Golden::Malformed) => put(&path, b"{}"),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.abort();
    }
}

/// What both stages said, once it is certain that one generation said both.
pub(crate) async fn ask(snapshot: &Arc<Snapshot>) -> (String, String) {
    let submission = Submission {
        id: SubmissionId::new(),
        fields: [("subject".to_owned(), "x".into())].into_iter().collect(),
        attachments: Vec::new(),
        marks: Default::default(),
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    let outcome = snapshot.run(submission, deadline).await;
    let outcome = serde_json::to_value(&outcome).unwrap();
    assert_eq!(outcome["status"], "completed", "{outcome}");
    assert_eq!(outcome["fleet"]["generation"], snapshot.generation());
    let answer = |stage: &str, member: &str| {
        let said = &outcome["stages"][stage]["answer"][member];
        said.as_str().unwrap_or_default().to_owned()
    };
    let said = (answer("first", "version"), answer("first", "word"));
    let again = (answer("second", "version"), answer("second", "word"));
    assert_eq!(said, again, "{outcome}");
    assert_eq!(said.0, answer("second", "first"), "{outcome}");
    said
}

pub(crate) fn word(number: u8) -> String {
    format!("word-{number}")
}

/// The manifest's bytes.
pub(crate) fn text(manifest: &Manifest) -> Vec<u8> {
    let plugin = match manifest.wanted {
        Wanted::Range => "versioned@1".to_owned(),
        Wanted::Exact(number) => format!("versioned@{}", version(number.into())),
        Wanted::Absent => "versioned@2".to_owned(),
    };
    let Manifest {
        comment, memory, ..
    } = manifest;
    let word = word(manifest.word);
    let more = match manifest.fault {
        Some(Fault::Config) => ", unheard = 1",
        _ => "",
    };
    let mut text = format!(
        r#"# comment {comment}
schema = 1
name = "modelled"

[[stage]]
name   = "first"
plugin = "{plugin}"
reads  = ["subject"]
config = {{ word = "{word}"{more} }}
limits = {{ memory = "{memory}MiB", deadline = "120s", cpu = "60s" }}

[[stage]]
name   = "second"
plugin = "{plugin}"
reads  = ["subject", "first"]
config = {{ word = "{word}" }}
limits = {{ deadline = "120s", cpu = "60s" }}
"#
    )
    .into_bytes();
    match manifest.fault {
        Some(Fault::Syntax) => text.extend(b"[[stage\n"),
        Some(Fault::NotUtf8) => text.extend([b'#', 0xff, b'\n']),
        _ => {}
    }
    text
}

/// A file's bytes.
pub(crate) fn bytes(file: File) -> Vec<u8> {
    match file {
        File::Whole(Component { number, twin }) => {
            let mut bytes = component(number.into()).unwrap();
            if twin {
                // A custom section: another component to the byte, the same to everybody who runs it.
                bytes.extend([0, 5, 4, b't', b'w', b'i', b'n']);
            }
            bytes
        }
        File::Truncated(component) => {
            let mut whole = bytes(File::Whole(component));
            whole.truncate(whole.len() / 2);
            whole
        }
        File::Garbage => b"\0asm, or so it says".to_vec(),
        File::Empty => Vec::new(),
    }
}

/// Puts a file in place in one step, with the times of its origin, as package managers do: what is old counts at once.
fn put(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let file = fs::File::options().write(true).open(&beside).unwrap();
    file.set_modified(hour_ago).unwrap();
    fs::rename(&beside, path).unwrap();
}

pub(crate) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
    }
}

fn restore((bytes, path): (Option<Vec<u8>>, PathBuf)) {
    match bytes {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => remove(&path),
    }
}
