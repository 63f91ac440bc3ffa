//! The controller itself, with real files and real components, driven as the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, SystemTime};

use fleetwright_fleet::{
    CompileBounds, Compiler, Controller, Fleet, Options, QuickCode, Record, Service, Snapshot,
    Submission, SubmissionId, folder, records,
};
use fleetwright_tests::versions::{component, version};
use fleetwright_tests::{Layout, digest, places, until};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::reference::{
    Asked, Came, Canary, Component, Disk, Edit, Fault, File, Golden, Killed, LEAST, MOST, Manifest,
    Shadow, Voice, Wanted, Word, World,
};

/// A submission that no canary takes, and no stage fails on.
pub(crate) const PLAIN: Asked = Asked {
    chosen: false,
    bad: false,
};
const HEADER: &str = "x-canary";
/// How many subjects in a hundred a canary that errs fails on.
const FAIL_PERCENT: u64 = 50;

/// What both stages said: version and word of each; nothing where the first failed.
type Said = Option<[(String, String); 2]>;

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
            quick: QuickCode::Off,
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

    /// Starts it without anybody who takes orders.
    pub(crate) fn unattended(&self) -> (Fleet, Controller) {
        let service = Service {
            watch: false,
            ..Service::default()
        };
        let served = RUNTIME.block_on(Fleet::serve(&self.options(false), service));
        served.unwrap()
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
    pub(crate) fn look(&self, world: &World, before: Option<[Voice; 2]>) -> Came {
        let up = self.up.as_ref().unwrap();
        let applied = self.under_load(world, before, up.fleet.apply());
        applied.map(|applied| applied.generation).map_err(|_| ())
    }

    pub(crate) fn rollback(
        &self,
        generation: Option<u64>,
        world: &World,
        before: Option<[Voice; 2]>,
    ) -> Came {
        let up = self.up.as_ref().unwrap();
        let applied = self.under_load(world, before, up.fleet.rollback(generation));
        applied.map(|applied| applied.generation).map_err(|_| ())
    }

    /// Submits; gives what was said.
    pub(crate) fn ask(&self, asked: Asked) -> Said {
        let up = self.up.as_ref().unwrap();
        RUNTIME.block_on(said(&up.fleet.current(), asked))
    }

    /// Waits until one more trial has ended than are `known`: gives whether the canary was promoted, and why. Who took a snapshot
    /// before is never answered by the canary after.
    pub(crate) fn decided(
        &self,
        before: &Arc<Snapshot>,
        stage: Voice,
        known: usize,
    ) -> (bool, String) {
        let fleet = &self.up.as_ref().unwrap().fleet;
        // The verdict is told of once it is on the disk.
        let newest = until("the decision on a canary", || {
            let status = fleet.status();
            let newest = status.verdicts.iter().max_by_key(|verdict| verdict.at);
            Ok(newest.filter(|_| status.verdicts.len() > known).cloned())
        });
        let newest = newest.unwrap();
        for bad in [false, true] {
            let late = RUNTIME.block_on(said(before, Asked { chosen: true, bad }));
            assert_eq!(late, voices(Some([stage, stage])));
        }
        (newest.promoted, newest.reason)
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
        let answer = RUNTIME.block_on(said(&snapshot, PLAIN));
        assert_eq!(answer, voices(running.says(PLAIN)), "{world:#?}");
        let pinned = snapshot.pins().plugins.iter();
        let digests: BTreeSet<_> = pinned.map(|pin| pin.digest.clone()).collect();
        assert_eq!(
            digests,
            digests_of(&running.fleet.components()),
            "{world:#?}"
        );

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

        let mut verdicts: Vec<bool> = status.verdicts.iter().map(|v| v.promoted).collect();
        let mut decided = world.verdicts();
        verdicts.sort_unstable();
        decided.sort_unstable();
        assert_eq!(verdicts, decided, "{status:#?} {world:#?}");

        let lock = fs::read_to_string(self.layout.manifest().with_extension("lock")).unwrap();
        let locked = digests_of(world.lock.as_ref().unwrap());
        assert!(
            locked.iter().all(|digest| lock.contains(digest))
                && lock.matches("sha256:").count() == locked.len(),
            "{lock} {world:#?}"
        );
        if !running.locked {
            let components = running.fleet.components();
            assert_eq!(world.lock, Some(components), "{world:#?}");
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
        let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        let numbers: Vec<u64> = found.iter().map(|record| record.generation).collect();
        let wanted: Vec<u64> = world.records.keys().copied().collect();
        assert_eq!(numbers, wanted, "{world:#?}");
        self.seen
            .retain(|number, _| world.records.contains_key(number));
        for record in found {
            let fleet = world.records[&record.generation].fleet;
            assert_eq!(record.text.as_bytes(), text(&fleet.manifest), "{world:#?}");
            let pinned = record.pins.plugins.iter().map(|pin| pin.digest.clone());
            let pinned: BTreeSet<_> = pinned.collect();
            assert_eq!(pinned, digests_of(&fleet.components()), "{world:#?}");
            let before = self.seen.insert(record.generation, record.clone());
            assert!(before.is_none_or(|before| before == record), "rewritten");
        }
    }

    /// Does something while submissions come; each is answered by one generation, the one before or the one after.
    fn under_load<T>(
        &self,
        world: &World,
        before: Option<[Voice; 2]>,
        work: impl Future<Output = T>,
    ) -> T {
        let up = self.up.as_ref().unwrap();
        let running = world.running.as_ref().unwrap();
        let allowed = [before, running.says(PLAIN)].map(voices);
        let done = Arc::new(AtomicBool::new(false));
        let latest = Arc::new(AtomicU64::new(0));
        let client = RUNTIME.spawn({
            let (fleet, done, latest) = (up.fleet.clone(), done.clone(), latest.clone());
            async move {
                while !done.load(Ordering::Acquire) {
                    let snapshot = fleet.current();
                    let newest = latest.fetch_max(snapshot.generation(), Ordering::AcqRel);
                    assert!(newest <= snapshot.generation(), "a generation came back");
                    let said = said(&snapshot, PLAIN).await;
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
                r#"{{"fields": {{"subject": "{}"}}, "expect": {{"answer": {{"{member}": "{value}"}}}}}}"#,
                subject(false)
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

/// What both stages said, once it is certain that one generation said both, and that there is nothing on trial.
pub(crate) async fn ask(snapshot: &Arc<Snapshot>) -> (String, String) {
    let [first, second] = said(snapshot, PLAIN).await.unwrap();
    assert_eq!(first, second);
    first
}

/// What both stages said, once it is certain that one generation said both.
async fn said(snapshot: &Arc<Snapshot>, asked: Asked) -> Said {
    let subject = subject(asked.bad);
    let submission = Submission {
        id: SubmissionId::new(),
        fields: [("subject".to_owned(), subject.into())]
            .into_iter()
            .collect(),
        attachments: Vec::new(),
        marks: asked
            .chosen
            .then(|| HEADER.to_owned())
            .into_iter()
            .collect(),
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    let outcome = snapshot.run(submission, deadline).await;
    let outcome = serde_json::to_value(&outcome).unwrap();
    assert_eq!(outcome["fleet"]["generation"], snapshot.generation());
    if outcome["status"] == "failed" {
        assert_eq!(outcome["failure"]["detail"], "as told", "{outcome}");
        return None;
    }
    assert_eq!(outcome["status"], "completed", "{outcome}");
    let answer = |stage: &str, member: &str| {
        let said = &outcome["stages"][stage]["answer"][member];
        said.as_str().unwrap_or_default().to_owned()
    };
    let said = ["first", "second"].map(|stage| (answer(stage, "version"), answer(stage, "word")));
    assert_eq!(said[0].0, answer("second", "first"), "{outcome}");
    Some(said)
}

/// What is submitted: a text on which a canary that errs fails, or one on which it does not, by the guest's own rule.
fn subject(bad: bool) -> String {
    let hash = |text: &String| BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    let mut texts = (0..).map(|number| format!("subject {number}"));
    texts
        .find(|text| (hash(text) % 100 < FAIL_PERCENT) == bad)
        .unwrap()
}

/// What both stages say, in words.
pub(crate) fn voices(said: Option<[Voice; 2]>) -> Said {
    Some(said?.map(|voice| {
        let said = match voice.word {
            Word::Stage(number) => word(number),
            Word::Canary => "canary".to_owned(),
        };
        (version(voice.number.into()), said)
    }))
}

fn digests_of(components: &BTreeSet<Component>) -> BTreeSet<String> {
    let of = |component: &Component| digest(&bytes(File::Whole(*component)));
    components.iter().map(of).collect()
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
    let canary = manifest.canary.map(canary).unwrap_or_default();
    let beside = canary + &manifest.shadow.map(shadow).unwrap_or_default();
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
{beside}
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

fn canary(canary: Canary) -> String {
    let Canary {
        number,
        errs,
        promotes,
    } = canary;
    let fails = if errs { FAIL_PERCENT } else { 0 };
    let after = if promotes { "0s" } else { "720h" };
    format!(
        r#"
[stage.canary]
plugin         = "versioned@{}"
header         = "{HEADER}"
config         = {{ word = "canary", fail_percent = {fails} }}
min_requests   = {LEAST}
max_error_rate = {MOST}
max_p99_ratio  = 100
promote_after  = "{after}"
"#,
        version(number.into())
    )
}

fn shadow(shadow: Shadow) -> String {
    let Shadow { number, broken } = shadow;
    let plugin = version(number.into());
    format!(
        r#"
[stage.shadow]
plugin = "versioned@{plugin}"
config = {{ word = "shadow", broken = {broken} }}
"#
    )
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
