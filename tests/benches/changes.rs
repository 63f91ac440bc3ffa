//! What a change costs, and what it never costs, of the real host over real HTTP:
//!
//! - `swaps [N]`: 1,000 swaps of one stage under 64 clients: what was lost, failed or mixed, and memory after 50 and at the end;
//! - `latency [N]`: from the save of a file to the first answer that it gives: a limit, a config, a plugin of the shipped size;
//! - `compile [SECONDS]`: the 99th percentile of running traffic while a component that takes about 20 s is optimised;
//! - `kill [N]`: `kill -9` at random moments of changes, 200 times: what the next start serves.
//!
//! `cargo bench -p fleetwright-tests --bench changes -- [swaps|latency|compile|kill] [N]`, all of them by default (`CLIENTS=4` for fewer of them), after
//! `cargo xtask setup`, `cargo xtask guests` and `cargo build --release --bins`.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fleetwright_tests::host::subject;
use fleetwright_tests::versions::{component, put, replace, unseen, version};
use fleetwright_tests::{Host, Layout, PATIENCE, digest, places};
use rustix::process::{Pid, Signal};
use serde_json::Value;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let wants = |name: &str| words.is_empty() || words.first().is_some_and(|word| word == name);
    let count = |default: u32| {
        words
            .get(1)
            .and_then(|word| word.parse().ok())
            .unwrap_or(default)
    };
    if wants("swaps") {
        swaps(count(1000));
    }
    if wants("latency") {
        latency(count(30));
    }
    if wants("compile") {
        compile(count(20));
    }
    if wants("kill") {
        kill(count(200));
    }
}

fn manifest(word: &str, cpu: u32) -> String {
    format!(
        "schema = 1\nname = \"changes\"\n\n[[stage]]\nname = \"first\"\nplugin = \"versioned@1\"\nreads = [\"subject\"]\nconfig = {{ word = \"{word}\" }}\nlimits = {{ cpu = \"{cpu}ms\" }}\n\n[[stage]]\nname = \"second\"\nplugin = \"versioned@1\"\nreads = [\"subject\", \"first\"]\nconfig = {{ word = \"{word}\" }}\n"
    )
}

fn layout() -> Layout {
    let layout = Layout::new(&manifest("one", 500), &[]).unwrap();
    put(&layout, 1, "v.wasm").unwrap();
    layout
}

/// What an answer says of the fleet that gave it, where one generation gave all of it.
fn whole(outcome: &Value) -> Option<(u64, String, String)> {
    let stage = |name: &str| &outcome["stages"][name];
    let (first, second) = (stage("first"), stage("second"));
    let one = first["answer"]["version"] == first["plugin"]["version"]
        && second["answer"]["version"] == first["answer"]["version"]
        && second["answer"]["first"] == first["answer"]["version"]
        && second["answer"]["word"] == first["answer"]["word"]
        && second["plugin"]["digest"] == first["plugin"]["digest"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let generation = outcome["fleet"]["generation"].as_u64()?;
    let digest = text(&first["plugin"]["digest"]);
    let manifest = text(&outcome["fleet"]["manifest"]);
    one.then_some((generation, digest, manifest))
}

/// The load runs so long before the first swap.
const WARM_UP: Duration = Duration::from_secs(20);

fn swaps(count: u32) {
    let clients: usize = std::env::var("CLIENTS").map_or(64, |text| text.parse().unwrap());
    let host = Host::start(layout(), &["--max-inflight", "256"]).unwrap();
    let done = AtomicBool::new(false);
    let [answered, mixed, lost] = [const { AtomicU64::new(0) }; 3];
    let mut times = Vec::new();
    let mut held = Vec::new();
    let mut memory = BTreeMap::new();
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let counter = match host.submit(&subject("hello")) {
                        Ok(response) if response.status == 200 => {
                            match whole(&response.json().unwrap()) {
                                Some(_) => &answered,
                                None => &mixed,
                            }
                        }
                        _ => &lost,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // What traffic alone makes the host take is taken before the first swap.
        thread::sleep(WARM_UP);
        for swap in 1..=count {
            let number = 1 + swap % 2;
            let saved = Instant::now();
            put(host.layout(), number, "v.wasm").unwrap();
            until_version(&host, &version(number));
            times.push(saved.elapsed());
            held.push(resident(&host));
            if [50, 200, 500].contains(&swap) || swap % 1000 == 0 || swap == count {
                memory.insert(swap, middle(&held));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let took = began.elapsed();
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let generation = host.get("/v1/fleet").unwrap().json().unwrap()["generation"].clone();
    println!(
        "{count} swaps of one plugin in two stages under {clients} clients, {:.0} s, generation {generation} at the end",
        took.as_secs_f64()
    );
    println!("  answered 200 and whole  {:>9}", load(&answered));
    println!("  mixed                   {:>9}", load(&mixed));
    println!("  lost or failed          {:>9}", load(&lost));
    println!(
        "  save to first answer    {:>9} p50, {} p99 (under this load)",
        millis(quantile(&mut times, 0.5)),
        millis(quantile(&mut times, 0.99))
    );
    for (swap, mib) in memory {
        println!("  memory after {swap:>5} swaps {mib:>8.1} MiB");
    }
}

fn until_version(host: &Host, wanted: &str) {
    loop {
        let outcome = host.submit(&subject("seen?")).unwrap().json().unwrap();
        if outcome["stages"]["first"]["answer"]["version"] == wanted {
            return;
        }
    }
}

/// The middle of the latest 25: at a single moment a generation that retires may still be there, or not.
fn middle(held: &[f64]) -> f64 {
    let mut latest: Vec<f64> = held.iter().rev().take(25).copied().collect();
    latest.sort_by(f64::total_cmp);
    latest[latest.len() / 2]
}

/// Megabytes of memory that a host holds.
fn resident(host: &Host) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.process())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn latency(count: u32) {
    let host = Host::start(layout(), &[]).unwrap();
    println!(
        "from the save of a file to the first answer that it gives, {count} times each, nothing else running"
    );
    println!("{:<52} {:>10} {:>10}", "", "p50", "p90");
    let mut limit = Vec::new();
    let mut config = Vec::new();
    let mut known = Vec::new();
    for round in 0..count {
        limit.push(timed(&host, |host| edit(host, "one", 501 + round)));
    }
    for round in 0..count {
        config.push(timed(&host, |host| {
            edit(host, &format!("word{round}"), 500)
        }));
    }
    for round in 0..count {
        known.push(timed(&host, |host| {
            put(host.layout(), 2 - round % 2, "v.wasm").unwrap();
        }));
    }
    row("a limit", &mut limit);
    row("a config", &mut config);
    row("a plugin of 124 KiB that was compiled before", &mut known);
    drop(host);
    for name in ["route", "classify", "summarize", "extract"] {
        never_seen(name, count.min(10), &[], "");
        never_seen(
            name,
            count.min(10),
            &["--quick-code", "off"],
            ", no quick code",
        );
    }
}

/// A shipped plugin with other bytes each time; where it serves in quick code first, until it is optimised, too.
fn never_seen(name: &str, count: u32, flags: &[&str], how: &str) {
    let bytes = fs::read(places::plugin(name).unwrap()).unwrap();
    let host = Host::start(shipped(name), flags).unwrap();
    let path = host.layout().plugins().join(format!("{name}.wasm"));
    let (mut served, mut optimised) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut saved = Instant::now();
        served.push(timed(&host, |_| {
            saved = Instant::now();
            replace(&path, &unseen(&bytes)).unwrap();
        }));
        until_optimised(&host);
        optimised.push(saved.elapsed());
    }
    let what = format!("{name}, {} KiB, never seen before{how}", bytes.len() / 1024);
    row(&what, &mut served);
    if how.is_empty() {
        row("    … until its code is optimised", &mut optimised);
    }
}

fn until_optimised(host: &Host) {
    let quick = || {
        let fleet = host.get("/v1/fleet").unwrap().json().unwrap();
        let mut stages = fleet["stages"].as_array().unwrap().iter();
        stages.any(|stage| stage["code"] == "quick")
    };
    let begun = Instant::now();
    while quick() {
        assert!(begun.elapsed() < PATIENCE, "no end: {}", host.log());
        thread::sleep(Duration::from_millis(20));
    }
}

fn row(what: &str, times: &mut [Duration]) {
    println!(
        "{what:<52} {:>10} {:>10}",
        millis(quantile(times, 0.5)),
        millis(quantile(times, 0.9))
    );
}

fn edit(host: &Host, word: &str, cpu: u32) {
    replace(&host.layout().manifest(), manifest(word, cpu).as_bytes()).unwrap();
}

/// From a save to the first answer of the next generation.
fn timed(host: &Host, save: impl FnOnce(&Host)) -> Duration {
    let generation = |host: &Host| {
        host.submit(&subject("seen?")).unwrap().json().unwrap()["fleet"]["generation"].as_u64()
    };
    let before = generation(host);
    // The folder is quiet before, as a user's is.
    thread::sleep(Duration::from_millis(150));
    let saved = Instant::now();
    save(host);
    while generation(host) == before {
        assert!(
            saved.elapsed() < PATIENCE,
            "the change does not serve: {}",
            host.log()
        );
        // Asking without a pause would take a core from what is measured.
        thread::sleep(Duration::from_millis(3));
    }
    saved.elapsed()
}

/// A fleet of one shipped plugin with its models.
fn shipped(name: &str) -> Layout {
    let text = fs::read_to_string(places::root().join("fleet.toml")).unwrap();
    let document: Vec<&str> = text.split("[[stage]]").collect();
    let models = &document[0];
    let stage = document
        .iter()
        .skip(1)
        .find(|stage| stage.contains(&format!("\"{name}\"")))
        .unwrap();
    let stage: Vec<&str> = stage
        .lines()
        .filter(|line| !line.trim_start().starts_with("needs"))
        .collect();
    let reads = ["subject", "body", "from", "date", "messages", "attachments"];
    let stage: Vec<String> = stage
        .iter()
        .map(|line| match line.trim_start().starts_with("reads") {
            true if name == "route" => "reads = [\"subject\"]".to_owned(),
            true => format!("reads = {reads:?}"),
            false => (*line).to_owned(),
        })
        .collect();
    let text = format!("{models}[[stage]]{}\n", stage.join("\n"));
    let layout = Layout::new(&text, &[])
        .unwrap()
        .with_models(&places::root().join("models"));
    fs::copy(
        places::plugin(name).unwrap(),
        layout.plugins().join(format!("{name}.wasm")),
    )
    .unwrap();
    layout
}

/// Windows of each kind in one compile, and how long each is: together what the compile takes.
const WINDOWS: u32 = 10;
/// So many functions take about a second of one processor.
const TANGLES: usize = 300;

/// Windows with a compile under way and with the same compile stopped, in turns, so that what else the machine does weighs
/// on both. Before them, the same without any compile: how far two equal figures lie apart.
fn compile(seconds: u32) {
    const ROUNDS: u32 = 2;
    let window = Duration::from_secs(seconds.into()) / WINDOWS;
    println!(
        "traffic of 4 clients, each 5 ms after its last answer, beside a compile that is stopped and one that goes on: medians of windows of {:.1} s, in turns",
        window.as_secs_f64()
    );
    println!(
        "{:>24} {:>8} {:>8} {:>10} {:>18} {:>18} {:>10}",
        "", "windows", "took", "component", "stopped p50 / p99", "going on p50 / p99", "p99 ratio"
    );
    let mut pairs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let host = Host::start(layout(), &["--quick-code", "off"]).unwrap();
        traffic(&host, window);
        let control: Vec<_> = (0..WINDOWS)
            .map(|_| (traffic(&host, window), traffic(&host, window)))
            .collect();
        print_pairs("no compile at all", &control, None);
        let guest = fleetwright_tests::Guest::named("idle").unwrap();
        let slow = guest.with_tangles(TANGLES * seconds as usize);
        let slow = unseen(&slow.component().unwrap());
        put_bytes(&host, "slow.wasm", &slow);
        let child = compiler(&host);
        let mut ran = Duration::ZERO;
        let mut beside = Vec::new();
        while compiler_of(&host) == Some(child) {
            signal(child, Signal::STOP);
            let stopped = traffic(&host, window);
            signal(child, Signal::CONT);
            let begun = Instant::now();
            let going_on = traffic(&host, window);
            ran += begun.elapsed();
            // The last window is no whole one.
            if compiler_of(&host) == Some(child) {
                beside.push((stopped, going_on));
            }
        }
        print_pairs("while it compiles", &beside, Some((ran, slow.len())));
        pairs[0].extend(control);
        pairs[1].extend(beside);
    }
    let [control, beside] = pairs;
    print_pairs("no compile, all rounds", &control, None);
    print_pairs("compile, all rounds", &beside, None);
}

/// Median and 99th percentile of a window.
type Window = (Duration, Duration);

fn print_pairs(what: &str, pairs: &[(Window, Window)], compiled: Option<(Duration, usize)>) {
    let middle = |pick: &dyn Fn(&(Window, Window)) -> Duration| {
        quantile(&mut pairs.iter().map(pick).collect::<Vec<_>>(), 0.5)
    };
    let (p50, p99) = (middle(&|pair| pair.0.0), middle(&|pair| pair.0.1));
    let (p50_beside, p99_beside) = (middle(&|pair| pair.1.0), middle(&|pair| pair.1.1));
    let (took, size) = match compiled {
        Some((took, size)) => (
            format!("{:.1} s", took.as_secs_f64()),
            format!("{:.1} MiB", size as f64 / f64::from(1 << 20)),
        ),
        None => (String::new(), String::new()),
    };
    let both = |p50: Duration, p99: Duration| {
        format!(
            "{:.2} / {:.2}",
            p50.as_secs_f64() * 1e3,
            p99.as_secs_f64() * 1e3
        )
    };
    println!(
        "{what:>24} {:>8} {took:>8} {size:>10} {:>18} {:>18} {:>10.2}",
        pairs.len(),
        both(p50, p99),
        both(p50_beside, p99_beside),
        p99_beside.as_secs_f64() / p99.as_secs_f64()
    );
}

/// The host's compiler, once there is one.
fn compiler(host: &Host) -> Pid {
    let begun = Instant::now();
    loop {
        if let Some(child) = compiler_of(host) {
            return child;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "no compile begins: {}",
            host.log()
        );
    }
}

fn compiler_of(host: &Host) -> Option<Pid> {
    let tasks = fs::read_dir(format!("/proc/{}/task", host.process())).unwrap();
    let children = tasks.filter_map(|task| {
        let children = fs::read_to_string(task.ok()?.path().join("children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    });
    children.filter_map(Pid::from_raw).next()
}

fn signal(process: Pid, signal: Signal) {
    // It may have ended just now.
    rustix::process::kill_process(process, signal).unwrap_or_default();
}

fn put_bytes(host: &Host, name: &str, bytes: &[u8]) {
    replace(&host.layout().plugins().join(name), bytes).unwrap();
}

/// Median and 99th percentile of a light load.
fn traffic(host: &Host, long: Duration) -> Window {
    let end = Instant::now() + long;
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let client = || {
            let mut times = Vec::new();
            while Instant::now() < end {
                let sent = Instant::now();
                let response = host.submit(&subject("hello")).unwrap();
                assert_eq!(response.status, 200);
                times.push(sent.elapsed());
                thread::sleep(Duration::from_millis(5));
            }
            times
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    (quantile(&mut times, 0.5), quantile(&mut times, 0.99))
}

fn kill(count: u32) {
    let layout = Arc::new(layout());
    // What each generation was, over all starts: a number never means two things.
    let mut generations: BTreeMap<u64, (String, String)> = BTreeMap::new();
    let known: Vec<String> = (1..=3)
        .map(|number| digest(&component(number).unwrap()))
        .collect();
    let (mut whole_starts, mut latest) = (0, 0);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..count {
        let mut host = Host::start(Arc::clone(&layout), &["--poll", "50ms"]).unwrap();
        let outcome = host.submit(&subject("hello")).unwrap().json().unwrap();
        let (generation, digest, manifest) =
            whole(&outcome).unwrap_or_else(|| panic!("a mix after {round} kills: {outcome}"));
        assert!(
            known.contains(&digest),
            "an unknown component after {round} kills"
        );
        assert!(
            generation >= latest,
            "generation {generation} after {latest}"
        );
        let meant = generations
            .entry(generation)
            .or_insert((digest.clone(), manifest.clone()));
        assert_eq!(
            *meant,
            (digest, manifest),
            "generation {generation} means two things"
        );
        (latest, whole_starts) = (generation, whole_starts + 1);
        // A change of each kind is under way when the host is killed, somewhere in the 60 ms after it.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        match round % 3 {
            0 => edit_in(&layout, &format!("word{round}"), 500),
            1 => drop(put(&layout, 1 + round % 2 + u32::from(round % 5 == 0), "v.wasm").unwrap()),
            _ => edit_in(&layout, "one", 500 + round),
        }
        thread::sleep(Duration::from_micros(random % 60_000));
        host.kill().unwrap();
    }
    println!(
        "kill -9 within 60 ms of a change, {count} times: {whole_starts} starts, each on a whole generation, none lost; generation {latest} at the end"
    );
}

fn edit_in(layout: &Layout, word: &str, cpu: u32) {
    replace(&layout.manifest(), manifest(word, cpu).as_bytes()).unwrap();
}
