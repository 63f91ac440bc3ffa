//! What a change costs, and what it never costs, of the real host over real HTTP:
//!
//! - `swaps [N]`: 1,000 swaps of one stage under 64 clients: what was lost, failed or mixed, and memory after 50 and at the end;
//! - `latency [N]`: from the save of a file to the first answer that it gives: a limit, a config, a plugin of the shipped size;
//! - `compile [SECONDS]`: the 99th percentile of running traffic beside a component that takes about 20 s to compile;
//! - `kill [N]`: `kill -9` at each step of a change, of a start, and at random moments, 200 times: what the next start serves;
//! - `canary [N]`: a canary that errs on 20 %, under 64 clients: when it is rolled back, and what clients saw of it.
//!
//! `cargo bench -p fleetwright-tests --bench changes -- [swaps|latency|compile|kill|canary] [N]`, all of them by default (`CLIENTS=4` for fewer of them), after
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
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fleetwright_tests::host::subject;
use fleetwright_tests::versions::{put, replace, unseen, version};
use fleetwright_tests::{Host, Layout, PATIENCE, places};
use rustix::process::Pid;
use serde_json::Value;

#[path = "changes/canary.rs"]
mod canary;
#[path = "changes/kill.rs"]
mod kill;

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
        kill::kill(count(200));
    }
    if wants("canary") {
        canary::canary(count(5));
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
/// … and rests so long before memory is read: the allocator gives back what nobody holds after ten seconds.
const REST: Duration = Duration::from_secs(15);

fn swaps(count: u32) {
    let clients: usize = std::env::var("CLIENTS").map_or(64, |text| text.parse().unwrap());
    let host = Host::start(layout(), &["--max-inflight", "256"]).unwrap();
    let [done, rests] = [const { AtomicBool::new(false) }; 2];
    let [answered, mixed, lost] = [const { AtomicU64::new(0) }; 3];
    let mut times = Vec::new();
    let mut held = Vec::new();
    let mut at_rest = Vec::new();
    let mut memory = BTreeMap::new();
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if rests.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(10));
                        continue;
                    }
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
            if [50, 100, 200, 500].contains(&swap) || swap % 1000 == 0 || swap == count {
                let kinds = ["RssAnon:", "RssFile:"].map(|kind| held_as(&host, kind));
                memory.insert(swap, (middle(&held), kinds));
                if [50, count].contains(&swap) {
                    rests.store(true, Ordering::Relaxed);
                    thread::sleep(REST);
                    at_rest.push(resident(&host));
                    rests.store(false, Ordering::Relaxed);
                }
                if let Ok(folder) = std::env::var("MAPS") {
                    let maps = fs::read(format!("/proc/{}/smaps", host.process())).unwrap();
                    fs::write(format!("{folder}/{swap}"), maps).unwrap();
                }
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
    for (swap, (mib, [own, files])) in memory {
        println!(
            "  memory after {swap:>5} swaps {mib:>8.1} MiB, {own:.1} its own and {files:.1} of files"
        );
    }
    if let [first, .., last] = at_rest.as_slice() {
        let more = (last / first - 1.0) * 100.0;
        println!(
            "  … with the load at rest for {REST:?}: {first:.1} MiB after 50, {last:.1} at the end, {more:+.1} %"
        );
    }
    assert_eq!(
        (load(&mixed), load(&lost)),
        (0, 0),
        "mixed, and lost or failed"
    );
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
    held_as(host, "VmRSS:")
}

/// Those of one kind: all, its own, or of files.
fn held_as(host: &Host, kind: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.process())).unwrap();
    let line = status.lines().find(|line| line.starts_with(kind)).unwrap();
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
    for name in ["classify", "extract"] {
        limits_of(name, count);
    }
    for name in ["route", "classify", "summarize", "comply", "extract"] {
        never_seen(name, count.min(10), &[], "");
        never_seen(
            name,
            count.min(10),
            &["--quick-code", "off"],
            ", no quick code",
        );
    }
}

/// Another limit of a shipped stage, which is asked its golden cases again.
fn limits_of(name: &str, count: u32) {
    let host = Host::start(shipped(name), &[]).unwrap();
    let text = fs::read_to_string(host.layout().manifest()).unwrap();
    until_optimised(&host);
    let mut served = Vec::new();
    for round in 0..count {
        let limits = format!("[stage.limits]\nlog = \"{}KiB\"\n", 8 + round);
        let text = match text.contains("limits   =") {
            true => text.replace(
                "limits   = {",
                &format!("limits   = {{ log = \"{}KiB\",", 8 + round),
            ),
            false => format!("{text}\n{limits}"),
        };
        served.push(timed(&host, |host| {
            replace(&host.layout().manifest(), text.as_bytes()).unwrap();
        }));
    }
    row(
        &format!("a limit of {name}, with its models and golden cases"),
        &mut served,
    );
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

/// A fleet of one shipped plugin with its models and its golden cases.
fn shipped(name: &str) -> Layout {
    let text = fs::read_to_string(places::root().join("fleet.toml")).unwrap();
    let document: Vec<&str> = text.split("[[stage]]").collect();
    let models = &document[0];
    let stage = document
        .iter()
        .skip(1)
        .find(|stage| stage.contains(&format!("\"{name}\"")))
        .unwrap();
    let reads = match name {
        "route" => "reads = [\"subject\"]".to_owned(),
        _ => format!(
            "reads = {:?}",
            ["subject", "body", "from", "date", "messages", "attachments"]
        ),
    };
    // The stage alone: what it needs and reads of others is not there. A list may take several lines.
    let (mut stage_alone, mut within) = (vec![reads.as_str()], false);
    for line in stage.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        let left_out = within || matches!(key, "needs" | "reads" | "when");
        within = left_out && (within || line.contains('[')) && !line.contains(']');
        if !left_out {
            stage_alone.push(line);
        }
    }
    // A key stands before the stage's tables.
    let stage = stage_alone;
    let text = format!("{models}[[stage]]\n{}\n", stage.join("\n"));
    let layout = Layout::new(&text, &[])
        .unwrap()
        .with_models(&places::root().join("models"));
    fs::copy(
        places::plugin(name).unwrap(),
        layout.plugins().join(format!("{name}.wasm")),
    )
    .unwrap();
    let cases = format!("{name}.tests");
    if let Ok(files) = fs::read_dir(places::root().join("plugins").join(&cases)) {
        fs::create_dir(layout.plugins().join(&cases)).unwrap();
        for file in files.map(Result::unwrap) {
            let copy = layout.plugins().join(&cases).join(file.file_name());
            fs::copy(file.path(), copy).unwrap();
        }
    }
    layout
}

/// Windows before a compile and after it, and how long each window is.
const CALM: u32 = 6;
const WINDOW: Duration = Duration::from_secs(2);
/// So many functions take about a second of one processor.
const TANGLES: usize = 300;

/// What is asked of the host meanwhile.
#[derive(Clone, Copy)]
struct Load {
    what: &'static str,
    clients: usize,
    /// From an answer to the client's next request.
    pause: Duration,
    /// Windows beside a compile at most: it is held up for most of them, and its end is not waited for.
    most: usize,
}

const LOADS: [Load; 2] = [
    Load {
        what: "4 clients, each 5 ms after its last answer",
        clients: 4,
        pause: Duration::from_millis(5),
        most: 25,
    },
    Load {
        what: "8 clients, each at once",
        clients: 8,
        pause: Duration::ZERO,
        most: 10,
    },
];

/// Windows before, beside and after a compile. The host holds its compiler up by signals, so that this program could not stop
/// it in turns as well. Before and after it, every second window is held against the others: how far two equal figures lie apart.
fn compile(seconds: u32) {
    const ROUNDS: usize = 2;
    println!(
        "traffic beside a compile of about {seconds} s of one processor; medians of windows of {} s, {ROUNDS} compiles",
        WINDOW.as_secs()
    );
    println!(
        "{:>20} {:>8} {:>9} {:>18} {:>18} {:>10}",
        "", "windows", "a second", "without p50 / p99", "with p50 / p99", "p99 ratio"
    );
    for load in LOADS {
        println!("{}", load.what);
        let mut all = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let [even, odd, beside] = &mut all;
            let host = Host::start(layout(), &["--quick-code", "off"]).unwrap();
            traffic(&host, load);
            calm(&host, load, [even, odd]);
            let guest = fleetwright_tests::Guest::named("idle").unwrap();
            let slow = guest.with_tangles(TANGLES * seconds as usize);
            put_bytes(&host, "slow.wasm", &unseen(&slow.component().unwrap()));
            let compiling = compiler(&host);
            let (begun, mut used) = (Instant::now(), 0.0);
            let mut windows = 0;
            while compiler_of(&host) == Some(compiling) && windows < load.most {
                used = processor_seconds(compiling).unwrap_or(used);
                beside.push(traffic(&host, load));
                windows += 1;
            }
            println!(
                "  a component of {:.1} MiB: {:.0} s by the clock, {used:.1} s of a processor{}",
                slow.component().unwrap().len() as f64 / f64::from(1 << 20),
                begun.elapsed().as_secs_f64(),
                match compiler_of(&host) {
                    Some(_) => ", not at its end",
                    None => "",
                }
            );
            fs::remove_file(host.layout().plugins().join("slow.wasm")).unwrap();
            until_no_compiler(&host);
            calm(&host, load, [even, odd]);
        }
        let [even, odd, beside] = all;
        print_windows("no compile, twice", &even, &odd);
        let without = [even, odd].concat();
        print_windows("beside a compile", &without, &beside);
    }
}

/// Windows in turns, to the one side and to the other.
fn calm(host: &Host, load: Load, sides: [&mut Vec<Window>; 2]) {
    let [even, odd] = sides;
    for _ in 0..CALM / 2 {
        even.push(traffic(host, load));
        odd.push(traffic(host, load));
    }
}

/// Median, 99th percentile and number of answers of a window.
type Window = (Duration, Duration, usize);

fn print_windows(what: &str, without: &[Window], with: &[Window]) {
    let middle = |windows: &[Window], pick: &dyn Fn(&Window) -> Duration| {
        quantile(&mut windows.iter().map(pick).collect::<Vec<_>>(), 0.5).as_secs_f64() * 1e3
    };
    let both = |windows: &[Window]| {
        let (p50, p99) = (middle(windows, &|w| w.0), middle(windows, &|w| w.1));
        (format!("{p50:.2} / {p99:.2}"), p99)
    };
    let (without_shown, without_p99) = both(without);
    let (with_shown, with_p99) = both(with);
    let answers: usize = with.iter().map(|window| window.2).sum();
    println!(
        "{what:>20} {:>8} {:>9.0} {without_shown:>18} {with_shown:>18} {:>10.2}",
        format!("{}, {}", without.len(), with.len()),
        answers as f64 / (with.len() as f64 * WINDOW.as_secs_f64()),
        with_p99 / without_p99
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

fn until_no_compiler(host: &Host) {
    let begun = Instant::now();
    while compiler_of(host).is_some() {
        assert!(begun.elapsed() < PATIENCE, "no end: {}", host.log());
        thread::sleep(Duration::from_millis(10));
    }
}

/// Processor time of all threads of a process, while it lives.
fn processor_seconds(process: Pid) -> Option<f64> {
    // Linux counts it in hundredths of a second for everyone.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

fn put_bytes(host: &Host, name: &str, bytes: &[u8]) {
    replace(&host.layout().plugins().join(name), bytes).unwrap();
}

fn traffic(host: &Host, load: Load) -> Window {
    let end = Instant::now() + WINDOW;
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let client = || {
            let mut times = Vec::new();
            while Instant::now() < end {
                let sent = Instant::now();
                let response = host.submit(&subject("hello")).unwrap();
                assert_eq!(response.status, 200);
                times.push(sent.elapsed());
                thread::sleep(load.pause);
            }
            times
        };
        let clients: Vec<_> = (0..load.clients).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    let answers = times.len();
    (
        quantile(&mut times, 0.5),
        quantile(&mut times, 0.99),
        answers,
    )
}
