//! The child's side: what the hidden verb `compile-component` does.
//!
//! It reads its [`Job`], makes the same engine as its parent, gives up everything but its three pipes, and only then reads
//! the component. It ends when it has answered, when its parent closes its input, or when it passes a bound.

use std::io::{self, Read, StdinLock};
use std::process::ExitCode;
use std::sync::mpsc;

use fleetwright_turns::{Rank, take};
use wasmtime::Engine;

use super::confine;
use super::job::{self, Job, Refusal, Reply};
use crate::cache::EngineHash;
use crate::engine;

/// Compiles the component on standard input to machine code on standard output, for the host that started this process.
/// It takes no arguments and is of no use to a person. It must be called before any other thread is started.
pub fn compile_component() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever asked has gone; there is nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let job: Job = job::read(&mut input)?;
    let compiled = match prepare(&job) {
        Ok((engine, watch)) => {
            let component = component(input, job.component)?;
            watch.send(()).map_err(io::Error::other)?;
            compile(&engine, &component)
        }
        Err(refusal) => Err(refusal),
    };
    let (reply, code) = match compiled {
        Ok(code) => (Reply::Code(code.len() as u64), code),
        Err(refusal) => (refusal, Vec::new()),
    };
    job::write(&mut io::stdout().lock(), &reply, &code)
}

/// Everything that needs more than the child may keep: engine, threads, and then the end of its privileges.
fn prepare(job: &Job) -> Result<(Engine, mpsc::SyncSender<()>), Reply> {
    let confinement =
        |e: &dyn std::fmt::Display| Reply::refused(Refusal::Confinement, &e.to_string());
    // Where a sandbox refuses that, it is of the rank of those who answer, which its niceness outweighs.
    take(Rank::Compute).unwrap_or_default();
    confine::yield_to_others(job.nice, job.idle).map_err(|e| confinement(&e))?;
    let mut config = engine::config(1, job.kind);
    config.parallel_compilation(job.threads > 1);
    let engine =
        Engine::new(&config).map_err(|e| Reply::refused(Refusal::Engine, &format!("{e:#}")))?;
    let hash = EngineHash::of(&engine);
    if hash.hex() != job.engine {
        let detail = format!(
            "the child's engine is `{}`, its parent's `{}`",
            hash.hex(),
            job.engine
        );
        return Err(Reply::refused(Refusal::Engine, &detail));
    }
    if job.threads > 1 {
        rayon::ThreadPoolBuilder::new()
            .num_threads(job.threads)
            .build_global()
            .map_err(|e| confinement(&e))?;
    }
    let watch = end_with_parent().map_err(|e| confinement(&e))?;
    confine::confine(job.memory, job.cpu).map_err(|e| confinement(&e))?;
    Ok((engine, watch))
}

/// A thread that ends the process when its input closes. It starts to look when it is told that the input was read.
fn end_with_parent() -> io::Result<mpsc::SyncSender<()>> {
    let (watch, told) = mpsc::sync_channel::<()>(1);
    let (up, is_up) = mpsc::sync_channel::<()>(1);
    std::thread::Builder::new()
        .name("parent".into())
        .stack_size(128 << 10)
        .spawn(move || {
            drop(up);
            if told.recv().is_ok() {
                let gone = io::stdin().lock().read(&mut [0]);
                std::process::exit(i32::from(gone.is_err()));
            }
        })?;
    // What a thread calls when it begins is not granted any more after that.
    is_up.recv().unwrap_or_default();
    Ok(watch)
}

fn component(mut input: StdinLock<'_>, bytes: usize) -> io::Result<Vec<u8>> {
    let mut component = Vec::new();
    component
        .try_reserve_exact(bytes)
        .map_err(io::Error::other)?;
    input
        .by_ref()
        .take(bytes as u64)
        .read_to_end(&mut component)?;
    match component.len() == bytes {
        true => Ok(component),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn compile(engine: &Engine, component: &[u8]) -> Result<Vec<u8>, Reply> {
    engine.precompile_component(component).map_err(|error| {
        let starved = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|cause| cause.kind() == io::ErrorKind::OutOfMemory);
        match starved {
            true => Reply::refused(Refusal::Memory, ""),
            false => Reply::refused(Refusal::Component, &format!("{error:#}")),
        }
    })
}
