//! What compiling the shipped plugins takes, by how it is done, and what loading them takes with it.
//!
//! `cargo bench -p fleetwright-runtime --bench compile -- [FILES]`; without files, every component in `plugins/`, which
//! `cargo xtask plugins` builds. Medians of five, in milliseconds by the clock and (`cpu`) of processor time. The child of
//! `load` is this program itself.
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
use std::time::{Duration, Instant};

use fleetwright_runtime::{Compiler, Grant, Runtime, RuntimeOptions, compile_component};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm};

const ROUNDS: usize = 5;

type Tune = fn(&mut Config);
const WAYS: [(&str, Tune); 4] = [
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
