//! Compiling is not trusted: the program's own `compile-component`, started by a runtime as the host starts it.
//!
//! Components that are made to blow up the compiler are written here, by rule and not by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fleetwright_runtime::{
    Bound, CompileBounds, Compiler, LoadError, Plugin, QuickCode, Runtime, RuntimeOptions, Tier,
};
use fleetwright_tests::Guest;
use tokio::task::JoinHandle;

/// A component that is none of ours: it compiles, and is then refused for what it lacks.
fn foreign() -> Vec<u8> {
    wat::parse_str("(component (core module))").unwrap()
}

/// Functions of so many operations, each of which needs the one before.
fn chain(functions: usize, operations: usize) -> Vec<u8> {
    let body = "local.get 0 i64.mul local.get 1 i64.add local.tee 1 ".repeat(operations);
    let function = format!("(func (param i64 i64) (result i64) local.get 0 {body})");
    let text = format!("(component (core module {}))", function.repeat(functions));
    wat::parse_str(text).unwrap()
}

/// More than a second of processor time on any machine, in little memory.
fn slow() -> Vec<u8> {
    chain(400, 4_000)
}

/// Jumps from everywhere to everywhere: each block's end has as many ways in as there are jumps.
fn tangle(blocks: usize, jumps: usize) -> Vec<u8> {
    let labels: String = (0..blocks).map(|label| format!("{label} ")).collect();
    let jump = format!("(if (local.get 0) (then (br_table {labels} (local.get 0))))");
    let text = format!(
        "(component (core module (func (param i32) {} {} {})))",
        "block ".repeat(blocks),
        jump.repeat(jumps),
        "end ".repeat(blocks)
    );
    wat::parse_str(text).unwrap()
}

fn program() -> Compiler {
    Compiler::Child(PathBuf::from(env!("CARGO_BIN_EXE_fleetwright")))
}

fn runtime(bounds: CompileBounds) -> Runtime {
    runtime_with(bounds, None, program())
}

fn runtime_with(bounds: CompileBounds, cache: Option<PathBuf>, compiler: Compiler) -> Runtime {
    Runtime::new(&RuntimeOptions {
        cache,
        compiler,
        ..options(bounds, QuickCode::Off)
    })
    .unwrap()
}

fn options(bounds: CompileBounds, quick: QuickCode) -> RuntimeOptions {
    RuntimeOptions {
        cache: None,
        instances: 4,
        compiler: program(),
        bounds,
        quick,
    }
}

async fn load(runtime: &Runtime, bytes: &[u8]) -> LoadError {
    let loaded = runtime.load(bytes, &BTreeSet::new()).await;
    loaded.map(drop).unwrap_err()
}

/// The child compiled it, and the host found that it is no stage.
fn is_compiled(error: &LoadError) -> bool {
    matches!(error, LoadError::World(_))
}

#[tokio::test]
async fn a_child_compiles_what_the_host_runs() {
    let runtime = runtime(CompileBounds::default());
    let error = load(&runtime, &foreign()).await;
    assert!(is_compiled(&error), "{error}");
    // For the engine that counts fuel, too.
    let error = load(&runtime.metered().unwrap(), &foreign()).await;
    assert!(is_compiled(&error), "{error}");
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_its_reason() {
    let runtime = runtime(CompileBounds::default());
    let core = wat::parse_str("(module)").unwrap();
    for bytes in [&b""[..], b"hello", &core, &foreign()[..9]] {
        let error = load(&runtime, bytes).await;
        assert!(matches!(error, LoadError::Compile(_)), "{error}");
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    let memory = 96 << 20;
    let runtime = runtime(CompileBounds {
        memory,
        ..CompileBounds::default()
    });
    let bomb = chain(1, 600_000);
    let before = resident();
    let error = load(&runtime, &bomb).await;
    let LoadError::CompileBound(bound) = error else {
        panic!("{error}")
    };
    assert_eq!(bound, Bound::Memory(memory));
    assert!(bound.to_string().contains("--compile-memory"), "{bound}");
    assert!(resident() < before + (16 << 20), "{before} bytes before");
    let error = load(&runtime, &foreign()).await;
    assert!(is_compiled(&error), "and the next is compiled: {error}");
}

#[tokio::test]
async fn processor_time_is_bounded() {
    let cpu = Duration::from_secs(1);
    let runtime = runtime(CompileBounds {
        cpu,
        ..CompileBounds::default()
    });
    let error = load(&runtime, &slow()).await;
    let LoadError::CompileBound(bound) = error else {
        panic!("{error}")
    };
    assert_eq!(bound, Bound::Cpu(cpu));
    assert!(bound.to_string().contains("--compile-time"), "{bound}");
}

#[tokio::test]
async fn the_clock_is_bounded() {
    let wall = Duration::from_millis(300);
    let runtime = runtime(CompileBounds {
        wall,
        ..CompileBounds::default()
    });
    let error = load(&runtime, &slow()).await;
    assert!(
        matches!(error, LoadError::CompileBound(Bound::Wall(passed)) if passed == wall),
        "{error}"
    );
}

#[tokio::test]
async fn sizes_are_bounded() {
    let large = chain(10, 1000);
    let component = large.len() as u64 - 1;
    let bounds = CompileBounds {
        component,
        ..CompileBounds::default()
    };
    let error = load(&runtime(bounds), &large).await;
    assert!(
        matches!(error, LoadError::CompileBound(Bound::Component(most)) if most == component),
        "{error}"
    );
    let bounds = CompileBounds {
        code: 4096,
        ..CompileBounds::default()
    };
    let error = load(&runtime(bounds), &large).await;
    assert!(
        matches!(error, LoadError::CompileBound(Bound::Code(4096))),
        "{error}"
    );
}

#[tokio::test]
async fn a_child_has_nothing_but_its_pipes() {
    use std::os::fd::AsRawFd;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
    let runtime = runtime(CompileBounds::default());
    let loading = begin(&runtime, slow());
    let child = child(&loading).await;
    let read = |what: &str| fs::read_to_string(format!("/proc/{child}/{what}")).unwrap();

    assert_eq!(read("environ"), "", "its environment");
    let root = fs::read_link(format!("/proc/{child}/cwd")).unwrap();
    assert_eq!(root, PathBuf::from("/"));
    // What this process opened itself; what it was started with is another's, and the filter keeps it from being used.
    let own: Vec<PathBuf> = fs::read_dir(format!("/proc/{child}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| *target == secret.path() || *target == socket)
        .collect();
    assert_eq!(own, Vec::<PathBuf>::new());

    let status = read("status");
    assert_eq!(field(&status, "NoNewPrivs:"), "1");
    for task in fs::read_dir(format!("/proc/{child}/task")).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert_eq!(field(&status, "Seccomp:"), "2", "a filter, in every thread");
    }

    let limits = read("limits");
    let limit = |name: &str| {
        let values = field(&limits, name);
        values.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max cpu time"), "60");
    assert_eq!(limit("Max data size"), (1 << 30).to_string());
    assert_eq!(limit("Max core file size"), "0");
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(limit("Max open files"), "3");
    assert_eq!(read("oom_score_adj").trim(), "1000");
    loading.abort();
}

#[tokio::test]
async fn a_load_that_is_dropped_ends_its_child() {
    let runtime = runtime(CompileBounds::default());
    let loading = begin(&runtime, slow());
    let child = child(&loading).await;
    loading.abort();
    assert!(loading.await.map(drop).unwrap_err().is_cancelled());
    until(|| !alive(child)).await;
    let error = load(&runtime, &foreign()).await;
    assert!(is_compiled(&error), "its turn is over, too: {error}");
}

#[test]
fn a_child_ends_with_its_parent() {
    // A thread that ends is to its child what a host is that was killed.
    let parent = std::thread::spawn(|| {
        current_thread().block_on(async {
            let runtime = runtime(CompileBounds::default());
            let loading = begin(&runtime, slow());
            child(&loading).await
        })
    });
    let child = parent.join().unwrap();
    current_thread().block_on(until(|| !alive(child)));
}

#[tokio::test]
async fn loads_take_turns_and_the_worker_stays_free() {
    let runtime = runtime(CompileBounds::default());
    let first = begin(&runtime, slow());
    let child = child(&first).await;
    let second = begin(&runtime, foreign());
    // This thread is the only one there is: were it blocked, it would not get here.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(alive(child) && !second.is_finished());
    first.abort();
    let error = second.await.unwrap().map(drop).unwrap_err();
    assert!(is_compiled(&error), "{error}");
}

#[tokio::test]
async fn a_jungle_of_jumps_ends_in_a_bound_or_in_code() {
    let runtime = runtime(CompileBounds {
        memory: 256 << 20,
        cpu: Duration::from_secs(2),
        ..CompileBounds::default()
    });
    let error = load(&runtime, &tangle(2000, 500)).await;
    let is_bound = matches!(error, LoadError::CompileBound(_));
    assert!(is_bound || is_compiled(&error), "{error}");
}

#[tokio::test]
async fn a_program_that_does_not_compile_is_named() {
    for program in ["/bin/false", "/bin/echo", "/nowhere/fleetwright"] {
        let compiler = Compiler::Child(PathBuf::from(program));
        let runtime = runtime_with(CompileBounds::default(), None, compiler);
        let error = load(&runtime, &foreign()).await;
        assert!(matches!(error, LoadError::Compiler(_)), "{error}");
    }
}

#[tokio::test]
async fn a_compiled_component_is_kept_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("components");
    let with = |compiler| runtime_with(CompileBounds::default(), Some(cache.clone()), compiler);
    assert!(is_compiled(&load(&with(program()), &foreign()).await));
    let nothing = Compiler::Child(PathBuf::from("/nowhere/fleetwright"));
    let error = load(&with(nothing.clone()), &foreign()).await;
    assert!(is_compiled(&error), "from the cache: {error}");

    let entry = fs::read_dir(&cache).unwrap().next().unwrap().unwrap();
    let mut bytes = fs::read(entry.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(entry.path(), &bytes).unwrap();
    let error = load(&with(nothing.clone()), &foreign()).await;
    assert!(
        matches!(error, LoadError::Compiler(_)),
        "never loaded: {error}"
    );
    assert!(is_compiled(&load(&with(program()), &foreign()).await));
    let error = load(&with(nothing), &foreign()).await;
    assert!(is_compiled(&error), "mended: {error}");
}

/// A stage, made long enough to tell compilers apart by what they take.
fn idle(functions: usize) -> Vec<u8> {
    let guest = Guest::named("idle").unwrap();
    guest.with_functions(functions, 400).component().unwrap()
}

#[tokio::test]
async fn a_component_is_compiled_in_little_time_first_and_optimised_beside() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("components");
    let bounds = CompileBounds::default();
    let runtime = Runtime::new(&RuntimeOptions {
        cache: Some(cache.clone()),
        ..options(bounds, QuickCode::From(1))
    });
    let (runtime, idle, none) = (runtime.unwrap(), idle(20), BTreeSet::new());
    let entries = || fs::read_dir(&cache).unwrap().count();
    let quick = runtime.load(&idle, &none).await.unwrap();
    assert_eq!((quick.tier(), entries()), (Tier::Quick, 1));
    let optimised = runtime.optimised(&idle, &none).await.unwrap();
    assert_eq!(optimised.tier(), Tier::Optimised);
    assert_eq!(entries(), 1, "the quick code is not kept beside it");
    let again = runtime.load(&idle, &none).await.unwrap();
    assert_eq!(again.tier(), Tier::Optimised, "from the cache");
}

/// Whoever loads has all the time there is, and whoever optimises one second of the twelve that it takes, so that no machine is too slow for the one
/// or too fast for the other.
#[tokio::test]
async fn what_takes_too_long_to_optimise_is_quick_all_the_same() {
    let cpu = Duration::from_secs(1);
    let hasty = CompileBounds {
        cpu,
        ..CompileBounds::default()
    };
    let within = |bounds| Runtime::new(&options(bounds, QuickCode::From(1))).unwrap();
    let (slow, none) = (idle(3000), BTreeSet::new());
    let quick = within(CompileBounds::default()).load(&slow, &none).await;
    assert_eq!(quick.unwrap().tier(), Tier::Quick);
    let optimised = within(hasty).optimised(&slow, &none).await;
    let error = optimised.map(drop).unwrap_err();
    assert!(
        matches!(error, LoadError::CompileBound(Bound::Cpu(passed)) if passed == cpu),
        "{error}"
    );
}

/// Tail calls are none of Winch's.
#[tokio::test]
async fn what_quick_code_cannot_do_is_optimised_at_once() {
    let tail = "(component (core module (func $f (return_call $f))))";
    let tail = wat::parse_str(tail).unwrap();
    let bounds = CompileBounds::default();
    let runtime = Runtime::new(&options(bounds, QuickCode::Only)).unwrap();
    let error = load(&runtime, &tail).await;
    assert!(is_compiled(&error), "{error}");
    let error = load(&runtime, b"no component").await;
    assert!(matches!(error, LoadError::Compile(_)), "{error}");
}

/// What is optimised beside holds up nothing that somebody waits for, and takes no turn from anyone who runs.
#[tokio::test]
async fn nobody_waits_for_what_is_optimised_beside() {
    let runtime = runtime(CompileBounds::default());
    let (beside, slow) = (runtime.clone(), slow());
    let optimising = tokio::spawn(async move { beside.optimised(&slow, &BTreeSet::new()).await });
    let child = child(&optimising).await;
    let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    // The 41st field of the line is the policy; the first after the name is the third. SCHED_IDLE is 5.
    let policy = after_name.split_whitespace().nth(41 - 3).unwrap();
    assert_eq!(policy, "5", "{stat}");
    let error = load(&runtime, &foreign()).await;
    assert!(is_compiled(&error), "{error}");
    assert!(alive(child) && !optimising.is_finished());
    optimising.abort();
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn begin(runtime: &Runtime, bytes: Vec<u8>) -> JoinHandle<Result<Plugin, LoadError>> {
    let runtime = runtime.clone();
    tokio::spawn(async move { runtime.load(&bytes, &BTreeSet::new()).await })
}

/// The compiler that this thread started, once its filter is in force.
async fn child(loading: &JoinHandle<Result<Plugin, LoadError>>) -> u32 {
    loop {
        assert!(!loading.is_finished(), "the component was compiled at once");
        let children = fs::read_to_string("/proc/thread-self/children").unwrap();
        let confined = children.split_whitespace().find(|child| {
            fs::read_to_string(format!("/proc/{child}/status"))
                .is_ok_and(|status| field(&status, "Seccomp:") == "2")
        });
        if let Some(child) = confined {
            return child.parse().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the process runs: not gone, nor waiting to be collected.
fn alive(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/status"))
        .is_ok_and(|status| !field(&status, "State:").starts_with('Z'))
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default()
        .trim()
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = field(&status, "VmRSS:").trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() << 10
}
