//! From a component's bytes to machine code: in a child process of the same program, which may do nothing else.
//!
//! A component is made by somebody, and a compiler can be made to take all there is. The child has an empty environment,
//! three pipes, [`CompileBounds`], and (on Linux) no system call that reaches anything outside it; `confine` says what it
//! gives up. It compiles one component and ends. Default bounds: 1 GiB, 60 s of processor time, 120 s by the clock,
//! components of 64 MiB, 512 MiB of machine code; one child that somebody waits for at a time, and one that optimises what
//! serves in quick code already; 64 loads waiting.
//!
//! What the child answers is executed, in instances that wasmtime confines. The child bounds what compiling may take, not
//! what a compiler that errs may emit: for that the host trusts wasmtime, as it does for the sandbox itself.

mod child;
mod confine;
mod courtesy;
mod job;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::Engine;
use wasmtime::component::Component;

pub use child::compile_component;
pub use courtesy::AtWork;

use self::courtesy::Courtesy;
use crate::cache::{self, Key, digest};
use crate::engine::Runtime;
use crate::error::{Bound, LoadError};
use crate::quick::QuickCode;

/// Loads that wait for a compilation at most.
const MAX_WAITING: usize = 64;

/// Where components are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process: the program whose `compile-component` calls [`compile_component`].
    Child(PathBuf),
    /// In this process, with nothing but the sizes bounded: for benchmarks and tests of components that are trusted.
    InProcess,
}

impl Compiler {
    /// A child of the program that runs now; on Linux even where its file was replaced since.
    pub fn child_of_this_program() -> Compiler {
        let this = PathBuf::from("/proc/self/exe");
        match cfg!(target_os = "linux") && this.exists() {
            true => Compiler::Child(this),
            // A system that does not say is asked for the program's name, when there is something to compile.
            false => {
                Compiler::Child(std::env::current_exe().unwrap_or_else(|_| "fleetwright".into()))
            }
        }
    }
}

/// What compiling one component may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileBounds {
    /// Bytes of memory of the child. Default 1 GiB.
    pub memory: u64,
    /// Processor time of the child, in whole seconds. Default 60 s.
    pub cpu: Duration,
    /// Wall clock. Default 120 s.
    pub wall: Duration,
    /// Bytes of the component. Default 64 MiB.
    pub component: u64,
    /// Bytes of the machine code. Default 512 MiB.
    pub code: u64,
}

impl Default for CompileBounds {
    fn default() -> Self {
        CompileBounds {
            memory: 1 << 30,
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(120),
            component: 64 << 20,
            code: 512 << 20,
        }
    }
}

/// The one place where components are compiled.
pub(crate) struct Workshop {
    compiler: Compiler,
    bounds: CompileBounds,
    waiting: Semaphore,
    /// For what somebody waits for, one after the other.
    bench: Semaphore,
    /// For what serves already, in quick code.
    beside: Semaphore,
    courtesy: Arc<Courtesy>,
}

/// Who wants a component compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Somebody waits for it.
    Wanted,
    /// It serves already: whatever else the machine has to do comes first.
    Beside,
}

/// The right to compile now.
pub(crate) struct Turn<'a> {
    workshop: &'a Workshop,
    haste: Haste,
    _permits: [SemaphorePermit<'a>; 2],
}

impl Workshop {
    pub(crate) fn new(compiler: Compiler, bounds: CompileBounds) -> Self {
        Workshop {
            compiler,
            bounds,
            waiting: Semaphore::new(MAX_WAITING),
            bench: Semaphore::new(1),
            beside: Semaphore::new(1),
            courtesy: Arc::default(),
        }
    }

    /// A submission is in flight until what this gives is dropped.
    pub(crate) fn at_work(&self) -> AtWork {
        self.courtesy.at_work()
    }

    /// Refuses what is too large before anything is spent on it.
    pub(crate) fn admit(&self, component: &[u8]) -> Result<(), LoadError> {
        match component.len() as u64 > self.bounds.component {
            true => Err(LoadError::CompileBound(Bound::Component(
                self.bounds.component,
            ))),
            false => Ok(()),
        }
    }

    /// Waits for its turn; first come, first served.
    pub(crate) async fn turn(&self, haste: Haste) -> Result<Turn<'_>, LoadError> {
        let place = self
            .waiting
            .try_acquire()
            .map_err(|_| LoadError::CompileQueue { most: MAX_WAITING })?;
        let bench = match haste {
            Haste::Wanted => self.bench.acquire().await,
            Haste::Beside => self.beside.acquire().await,
        };
        // None is ever closed.
        let bench = bench.map_err(|e| LoadError::Compiler(e.to_string()))?;
        Ok(Turn {
            workshop: self,
            haste,
            _permits: [place, bench],
        })
    }
}

impl Turn<'_> {
    /// Machine code for the engine. Dropping the future ends the child.
    pub(crate) async fn compile(
        self,
        runtime: &Runtime,
        component: Bytes,
    ) -> Result<Vec<u8>, LoadError> {
        let Workshop {
            compiler,
            bounds,
            courtesy,
            ..
        } = self.workshop;
        let (start, bytes) = (Instant::now(), component.len());
        let code = match compiler {
            Compiler::Child(program) => {
                let task = process::Task {
                    runtime,
                    component: &component,
                    haste: self.haste,
                    courtesy,
                };
                process::compile(program, bounds, task).await
            }
            Compiler::InProcess => in_process(runtime.engine.clone(), component).await,
        };
        let seconds = start.elapsed().as_secs_f64();
        let outcome = code.as_ref().map_or_else(LoadError::reason, |_| "compiled");
        let tier = runtime.tier().name();
        metrics::histogram!("fleetwright_compile_seconds", "code" => tier).record(seconds);
        metrics::counter!("fleetwright_compiles_total", "code" => tier, "outcome" => outcome)
            .increment(1);
        tracing::info!(
            bytes,
            seconds,
            code = tier,
            outcome,
            "a component was compiled"
        );
        code
    }
}

impl Runtime {
    /// The component ready to be linked, and its digest: from the cache where a sound entry stands there, else compiled and
    /// then kept; by another engine of this runtime where it serves in quick code first. No thread of tokio's workers waits.
    pub(crate) async fn compiled(&self, bytes: &[u8]) -> Result<(Component, String), LoadError> {
        let (bytes, digest) = self.admitted(bytes).await?;
        if self.quick != QuickCode::Only
            && let Some(component) = self.cached(&Key::new(&digest, &self.engine_hash)).await?
        {
            return Ok((component, digest));
        }
        if let Some(quick) = self.quick_for(bytes.len()) {
            match quick.obtain(&digest, bytes.clone(), Haste::Wanted).await {
                Ok(component) => return Ok((component, digest)),
                // Whatever is wrong with it, the other compiler says.
                Err(error) => tracing::info!(digest, %error, "no quick code of a component"),
            }
        }
        let component = self.obtain(&digest, bytes, Haste::Wanted).await?;
        Ok((component, digest))
    }

    /// The same in this runtime's own code, where nobody waits for it. Quick code of it is not kept any more.
    pub(crate) async fn compiled_beside(
        &self,
        bytes: &[u8],
    ) -> Result<(Component, String), LoadError> {
        let (bytes, digest) = self.admitted(bytes).await?;
        let component = self.obtain(&digest, bytes, Haste::Beside).await?;
        let (cache, key) = (self.cache.clone(), digest.clone());
        if let Ok(quick) = self.quick() {
            blocking(move || cache.forget(&Key::new(&key, &quick.engine_hash))).await?;
        }
        Ok((component, digest))
    }

    async fn admitted(&self, bytes: &[u8]) -> Result<(Bytes, String), LoadError> {
        self.workshop.admit(bytes)?;
        let bytes = Bytes::copy_from_slice(bytes);
        let hashed = bytes.clone();
        let digest = blocking(move || digest(&hashed)).await?;
        Ok((bytes, digest))
    }

    /// From the cache or the compiler, for this runtime's own engine.
    async fn obtain(
        &self,
        digest: &str,
        bytes: Bytes,
        haste: Haste,
    ) -> Result<Component, LoadError> {
        let key = Key::new(digest, &self.engine_hash);
        if let Some(component) = self.cached(&key).await? {
            return Ok(component);
        }
        let turn = self.workshop.turn(haste).await?;
        // Whoever was before may have compiled the same.
        if let Some(component) = self.cached(&key).await? {
            return Ok(component);
        }
        let code = turn.compile(self, bytes).await?;
        let (cache, engine) = (self.cache.clone(), self.engine.clone());
        let component = blocking(move || {
            let component = cache::component(&engine, &code)?;
            cache.keep(&key, &code);
            Ok::<_, LoadError>(component)
        });
        component.await?
    }

    async fn cached(&self, key: &Key) -> Result<Option<Component>, LoadError> {
        let (cache, engine, key) = (self.cache.clone(), self.engine.clone(), key.clone());
        blocking(move || cache.find(&engine, &key)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| LoadError::Compiler(e.to_string()))
}

async fn in_process(engine: Engine, component: Bytes) -> Result<Vec<u8>, LoadError> {
    blocking(move || engine.precompile_component(&component))
        .await?
        .map_err(|e| LoadError::Compile(format!("{e:#}")))
}
