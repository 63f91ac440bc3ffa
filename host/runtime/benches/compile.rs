//! What compiling the shipped plugins takes, by how it is done, and what loading them takes with it.
//!
//! `cargo bench -p fleetwright-runtime --bench compile -- [FILES]`; without files, every component in `plugins/`, which
//! `cargo xtask plugins` builds. Medians of five, in milliseconds by the clock and (`cpu`) of processor time. The child of
//! `load` is this program itself.
//!
//! With `--beside FILE`: what single calls of an empty stage take while FILE is compiled, against what they take otherwise,
//! in turns. A large component in Python or JavaScript (`componentize-py`, `componentize-js`) takes long enough.
#![allow(
    clippy::print_stdout,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetwright_runtime::{
    Compiler, Grant, Limits, Request, Runtime, RuntimeOptions, Stage, StageGrants,
    compile_component,
};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Strategy};

const ROUNDS: usize = 5;

type Tune = fn(&mut Config);
const WAYS: [(&str, Tune); 6] = [
    ("as the host does, one thread", |config| {
        config.parallel_compilation(false);
    }),
    ("as the host does, all cores", |_| {}),
    ("unoptimised, one thread", |config| {
        config
            .parallel_compilation(false)
            .cranelift_opt_level(OptLevel::None);
    }),
    ("unoptimised, single-pass registers, one thread", |config| {
        config
            .parallel_compilation(false)
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }),
    ("quick code (Winch), one thread", |config| {
        config.parallel_compilation(false).strategy(Strategy::Winch);
    }),
    ("quick code (Winch), all cores", |config| {
        config.strategy(Strategy::Winch);
    }),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|verb| verb == "compile-component")
    {
        return compile_component();
    }
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Some(at) = arguments.iter().position(|argument| argument == "--beside") {
        let file = arguments.get(at + 1).expect("--beside FILE");
        tokio.block_on(beside(std::fs::read(file).unwrap()));
        return ExitCode::SUCCESS;
    }
    for file in files(&arguments) {
        let bytes = std::fs::read(&file).unwrap();
        println!("{}, {} bytes", file.display(), bytes.len());
        for (way, tune) in WAYS {
            let mut code = 0;
            let times = times(|| code = compile(&bytes, tune));
            println!("  {way:<48} {times}  code {code} bytes");
        }
        println!(
            "  {:<48} {}",
            "load, compiled in a child",
            times(|| tokio.block_on(load(&bytes, None)))
        );
        let cache = tempfile::tempdir().unwrap();
        tokio.block_on(load(&bytes, Some(cache.path())));
        let cached = times(|| tokio.block_on(load(&bytes, Some(cache.path()))));
        println!("  {:<48} {cached}", "load, from the cache");
    }
    ExitCode::SUCCESS
}

fn files(arguments: &[String]) -> Vec<PathBuf> {
    let given = arguments.iter().filter(|a| !a.starts_with("--"));
    let mut files: Vec<PathBuf> = given.map(PathBuf::from).collect();
    if files.is_empty() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let entries = std::fs::read_dir(dir).unwrap();
        files = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|suffix| suffix == "wasm"));
        files.sort();
    }
    files
}

fn compile(bytes: &[u8], tune: Tune) -> usize {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    tune(&mut config);
    let engine = Engine::new(&config).unwrap();
    engine.precompile_component(bytes).unwrap().len()
}

async fn load(bytes: &[u8], cache: Option<&Path>) {
    let runtime = Runtime::new(&RuntimeOptions {
        cache: cache.map(PathBuf::from),
        compiler: Compiler::child_of_this_program(),
        ..RuntimeOptions::default()
    })
    .unwrap();
    let grants = BTreeSet::from([Grant::Clocks, Grant::Random]);
    // A component of other origin may ask for more than there is to grant: it has been compiled by then.
    if let Err(error) = runtime.load(bytes, &grants).await {
        println!("  {error}");
    }
}

/// Rounds of calls without and with a compilation.
const TURNS: usize = 6;
/// How long each lasts; it begins when the child's priority is where it stays.
const TURN: Duration = Duration::from_secs(4);
const SETTLED: Duration = Duration::from_millis(1200);
/// Calls at once, each begun so long after the last one ended: about half of what two cores can do.
const CLIENTS: usize = 8;
const PAUSE: Duration = Duration::from_millis(1);

async fn beside(large: Vec<u8>) {
    let runtime = Runtime::new(&RuntimeOptions {
        compiler: Compiler::child_of_this_program(),
        ..RuntimeOptions::default()
    })
    .unwrap();
    let empty = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/guest-empty.wasm");
    let empty = std::fs::read(empty).expect("run `cargo xtask guests` first");
    let plugin = runtime.load(&empty, &BTreeSet::new()).await.unwrap();
    let grants = StageGrants {
        config: "{}".into(),
        ..StageGrants::default()
    };
    let stage = Arc::new(Stage::new(&runtime, "empty", plugin, grants, Limits::default()).unwrap());
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let mut started = Vec::new();
    for _ in 0..TURNS {
        alone.extend(calls(&stage, TURN).await);
        let (runtime, large) = (runtime.clone(), large.clone());
        let compiling =
            tokio::spawn(async move { runtime.load(&large, &BTreeSet::new()).await.map(drop) });
        started.extend(calls(&stage, SETTLED).await);
        together.extend(calls(&stage, TURN).await);
        assert!(!compiling.is_finished(), "FILE is compiled too fast");
        compiling.abort();
        compiling.await.unwrap_err();
    }
    for (name, mut times) in [
        ("alone", alone),
        ("in the first 1.2 s of a compilation", started),
        ("while it goes on", together),
    ] {
        times.sort_unstable();
        let at = |per_mille: usize| {
            let time = times.get(times.len() * per_mille / 1000);
            time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
        };
        let (p50, p90, p99) = (at(500), at(900), at(990));
        println!(
            "{name:<36} {:>7} calls  p50 {p50:7.0} µs  p90 {p90:7.0} µs  p99 {p99:7.0} µs",
            times.len()
        );
    }
}

async fn calls(stage: &Arc<Stage>, long: Duration) -> Vec<Duration> {
    let end = Instant::now() + long;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(client(stage.clone(), end)))
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.unwrap());
    }
    times
}

async fn client(stage: Arc<Stage>, end: Instant) -> Vec<Duration> {
    let request = Request {
        submission: "sub_bench".into(),
        fields: "{}".into(),
        attachments: Vec::new(),
        work: Default::default(),
    };
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        stage.call(request.clone(), deadline).await.0.unwrap();
        times.push(start.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    times
}

fn times(mut work: impl FnMut()) -> String {
    let mut walls = Vec::new();
    let mut cpus = Vec::new();
    for _ in 0..ROUNDS {
        let (start, cpu) = (Instant::now(), processor());
        work();
        walls.push(start.elapsed().as_secs_f64() * 1e3);
        cpus.push((processor() - cpu).as_secs_f64() * 1e3);
    }
    format!("{:8.1} ms, cpu {:8.1} ms", median(walls), median(cpus))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn processor() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        spent.tv_sec.unsigned_abs(),
        u32::try_from(spent.tv_nsec).unwrap_or(0),
    )
}
