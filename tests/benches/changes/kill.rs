//! `kill -9` at each step of a change and of a start.
//!
//! Which step is reached is told from what the host leaves behind it: its compiler's process, then files of its state.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fleetwright_tests::host::subject;
use fleetwright_tests::versions::{component, replace, unseen};
use fleetwright_tests::{Host, Layout, PATIENCE, until};
use serde_json::Value;

use super::{compiler_of, whole};

/// When the host is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aim {
    /// Within 120 ms of the save.
    Random,
    /// As the component that was saved is compiled.
    Compiling,
    /// As it is kept for later starts: it is compiled, described and linked, its models are loaded, its golden cases have passed.
    Kept,
    /// As the record of the generation is written, before that serves.
    Recorded,
    /// As what serves is said on disk.
    Pointed,
    /// As the lock is written.
    Locked,
    /// Within 60 ms of a start.
    Starting,
}

const AIMS: [Aim; 7] = [
    Aim::Random,
    Aim::Compiling,
    Aim::Kept,
    Aim::Recorded,
    Aim::Pointed,
    Aim::Locked,
    Aim::Starting,
];

/// Two stages of one plugin that has a golden case, the first with a canary beside it; and one that asks a model.
fn manifest(word: &str, cpu: u32) -> String {
    format!(
        "schema = 1\nname = \"kills\"\n\n[models.stub]\nuse = \"stub@1\"\n\n[[stage]]\nname = \"first\"\nplugin = \"versioned@1\"\nreads = [\"subject\"]\nconfig = {{ word = \"{word}\" }}\n\
         limits = {{ cpu = \"{cpu}ms\" }}\n[stage.canary]\nplugin = \"versioned@1\"\nheader = \"x-canary\"\nconfig = {{ word = \"canary\" }}\n\n\
         [[stage]]\nname = \"second\"\nplugin = \"versioned@1\"\nreads = [\"subject\", \"first\"]\nconfig = {{ word = \"{word}\" }}\n\n\
         [[stage]]\nname = \"third\"\nplugin = \"hostile@1\"\nmodels = {{ model = \"stub\" }}\nconfig = {{ case = \"infer\" }}\n"
    )
}

fn layout() -> Layout {
    let layout = Layout::new(&manifest("one", 500), &["hostile"]).unwrap();
    replace(&layout.plugins().join("v.wasm"), &component(1).unwrap()).unwrap();
    let cases = layout.plugins().join("versioned.tests");
    fs::create_dir(&cases).unwrap();
    let case = r#"{"fields": {"subject": "hi"}, "expect": {"answer": {"/subject": "hi"}}}"#;
    fs::write(cases.join("subject.json"), case).unwrap();
    layout
}

/// What the starts and the clients have seen so far.
#[derive(Default)]
struct Seen {
    /// What each generation was: a number never means two things.
    generations: BTreeMap<u64, (String, String)>,
    /// The newest that answered anybody.
    answered: u64,
    reached: BTreeMap<&'static str, u32>,
    starts: u32,
    of_records: u32,
}

pub(super) fn kill(count: u32) {
    let layout = Arc::new(layout());
    let mut seen = Seen::default();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..count {
        let aim = AIMS[round as usize % AIMS.len()];
        let mut host = seen.start(&layout, round % 2 == 1);
        if aim == Aim::Starting {
            host.kill().unwrap();
            save(&layout, round);
            Host::killed_after(&layout, &[], Duration::from_micros(next() % 60_000)).unwrap();
            *seen.reached.entry("during a start").or_default() += 1;
            continue;
        }
        let before = Left::of(&layout);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let address = host.address();
            let asking = scope.spawn({
                let done = &done;
                move || ask(address, done)
            });
            save(&layout, round);
            let reached = wait(
                aim,
                &host,
                &layout,
                &before,
                Duration::from_micros(next() % 120_000),
            );
            let log = if reached { String::new() } else { host.log() };
            host.kill().unwrap();
            done.store(true, Ordering::Relaxed);
            asking
                .join()
                .unwrap()
                .iter()
                .for_each(|outcome| seen.note(outcome));
            assert!(reached, "{aim:?} is not reached: {log}");
        });
        *seen
            .reached
            .entry(Left::of(&layout).since(&before))
            .or_default() += 1;
    }
    seen.start(&layout, false);
    println!(
        "kill -9 at each step of a change, {count} times: {} starts, {} of them on a broken manifest, each on a whole generation that is not older than any that answered; generation {} at the end",
        seen.starts, seen.of_records, seen.answered
    );
    for (step, times) in &seen.reached {
        println!("  {times:>4} killed {step}");
    }
}

impl Seen {
    /// A start, and what it serves; where `broken`, on a manifest that cannot be read, which is mended then.
    fn start(&mut self, layout: &Arc<Layout>, broken: bool) -> Host {
        let sound = fs::read(layout.manifest()).unwrap();
        let broken = broken && self.answered > 0;
        if broken {
            replace(&layout.manifest(), b"schema = 1\nname = \n").unwrap();
        }
        let host = Host::start(Arc::clone(layout), &["--poll", "50ms"]).unwrap();
        let served = host.submit(&subject("hello")).unwrap().json().unwrap();
        self.note(&served);
        self.starts += 1;
        let generation = served["fleet"]["generation"].as_u64().unwrap();
        assert!(
            generation >= self.answered,
            "generation {generation}, though {} answered before",
            self.answered
        );
        if broken {
            self.of_records += 1;
            let stale = || -> anyhow::Result<Option<bool>> {
                Ok(host.get("/readyz?verbose")?.json()?["control"]["stale"].as_bool())
            };
            assert_eq!(stale().unwrap(), Some(true));
            replace(&layout.manifest(), &sound).unwrap();
            until("the mended manifest", || {
                Ok((stale()? == Some(false)).then_some(()))
            })
            .unwrap();
        }
        host
    }

    fn note(&mut self, outcome: &Value) {
        let (generation, digest, manifest) =
            whole(outcome).unwrap_or_else(|| panic!("a mix: {outcome}"));
        let meant = (digest, manifest);
        let first = self
            .generations
            .entry(generation)
            .or_insert_with(|| meant.clone());
        assert_eq!(*first, meant, "generation {generation} means two things");
        self.answered = self.answered.max(generation);
    }
}

/// A change of one of three kinds; a component has bytes that nobody has seen.
fn save(layout: &Layout, round: u32) {
    match round % 3 {
        0 => write(layout, &format!("word{round}"), 500),
        1 => write(layout, "one", 500 + round),
        _ => {}
    }
    let bytes = unseen(&component(1 + round % 3).unwrap());
    replace(&layout.plugins().join("v.wasm"), &bytes).unwrap();
}

fn write(layout: &Layout, word: &str, cpu: u32) {
    replace(&layout.manifest(), manifest(word, cpu).as_bytes()).unwrap();
}

/// The answers that a client has until the host is gone.
fn ask(address: std::net::SocketAddr, done: &AtomicBool) -> Vec<Value> {
    let mut answers = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let request = fleetwright_tests::host::json_submission(&subject("hello"));
        let answer = fleetwright_tests::http::Exchange::send(address, &request)
            .and_then(|sent| sent.answer());
        // The host may be killed before it answers, or in the middle of an answer.
        if let Some(outcome) = answer.ok().and_then(|answer| answer.json().ok()) {
            answers.push(outcome);
        }
    }
    answers
}

/// Waits for the step that is aimed at; whether it comes.
fn wait(aim: Aim, host: &Host, layout: &Layout, before: &Left, random: Duration) -> bool {
    let begun = Instant::now();
    // Looked for by its name: between this file and the next step lies a tenth of a millisecond.
    let record = folder(layout).join(format!("{}.json", before.records + 1));
    let reached = || match aim {
        Aim::Random => begun.elapsed() >= random,
        Aim::Compiling => compiler_of(host).is_some(),
        Aim::Kept => !names(&components(layout)).is_subset(&before.kept),
        Aim::Recorded => record.exists(),
        Aim::Pointed => Left::of(layout).pointer != before.pointer,
        Aim::Locked => lock(layout) != before.lock,
        Aim::Starting => true,
    };
    while !reached() {
        if begun.elapsed() > PATIENCE {
            return false;
        }
    }
    true
}

/// What a host has left on disk.
#[derive(PartialEq, Eq)]
struct Left {
    kept: BTreeSet<OsString>,
    records: usize,
    pointer: Vec<u8>,
    lock: Vec<u8>,
}

impl Left {
    fn of(layout: &Layout) -> Left {
        let folder = folder(layout);
        Left {
            kept: names(&components(layout)),
            records: newest(&folder),
            pointer: fs::read(folder.join("served.json")).unwrap_or_default(),
            lock: lock(layout),
        }
    }

    /// The last step of a change that has left something.
    fn since(&self, before: &Left) -> &'static str {
        if self.lock != before.lock {
            "after all of it"
        } else if self.pointer != before.pointer {
            "after it was said what serves, before the lock was written"
        } else if self.records > before.records {
            "after the record, before it was said what serves"
        } else if !self.kept.is_subset(&before.kept) {
            "after its golden cases, before the record"
        } else {
            "before its golden cases had passed"
        }
    }
}

fn folder(layout: &Layout) -> PathBuf {
    let mut fleets = fs::read_dir(layout.state().join("fleets")).unwrap();
    fleets.next().unwrap().unwrap().path()
}

fn components(layout: &Layout) -> PathBuf {
    folder(layout).join("components")
}

fn lock(layout: &Layout) -> Vec<u8> {
    fs::read(layout.folder().join("fleet.lock")).unwrap_or_default()
}

fn names(folder: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

/// The number of the newest record.
fn newest(folder: &Path) -> usize {
    let number = |name: OsString| name.to_str()?.strip_suffix(".json")?.parse().ok();
    names(folder)
        .into_iter()
        .filter_map(number)
        .max()
        .unwrap_or(0)
}
