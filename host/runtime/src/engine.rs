//! The engine: one for the process, with the pool that all instances of all stages come from.
//!
//! Defaults: 512 instances at once, at most 1 GiB of linear memory each (reserved as addresses, not used), copy-on-write
//! images, epoch interruption with a tick of 10 ms. Concurrency inside the component model stays off: a submission has an
//! instance of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::Cache;
use crate::error::LoadError;
use crate::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// How often a running guest yields.
const TICK: Duration = Duration::from_millis(10);
/// The most linear memory that a stage's `memory` limit can grant.
pub(crate) const MAX_MEMORY: usize = 1 << 30;

/// How a [`Runtime`] is set up.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// Where precompiled components are kept; made if absent. `None`: components are compiled at every start.
    pub cache: Option<PathBuf>,
    /// Instances at once, over all stages. Default 512.
    pub instances: u32,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        RuntimeOptions {
            cache: None,
            instances: 512,
        }
    }
}

/// One wasmtime engine, its instance pool and its epoch ticker. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) cache: Arc<Cache>,
    _ticker: Arc<Ticker>,
}

impl Runtime {
    /// Sets the engine up.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine cannot give what the pool needs, [`LoadError::Cache`] where the cache
    /// directory cannot be made.
    pub fn new(options: &RuntimeOptions) -> Result<Self, LoadError> {
        let engine =
            Engine::new(&config(options)).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
        let cache = Cache::open(options.cache.clone())?;
        let ticker = Ticker::start(engine.clone())?;
        Ok(Runtime {
            engine,
            cache: Arc::new(cache),
            _ticker: Arc::new(ticker),
        })
    }

    /// The most linear memory, in bytes, that a stage's `memory` limit can grant.
    pub fn max_memory() -> u64 {
        MAX_MEMORY as u64
    }
}

fn config(options: &RuntimeOptions) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    let instances = options.instances;
    // A guest made with wit-bindgen has 2–4 core instances, 1 memory and 2 tables.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES as u32)
        .max_memories_per_component(MAX_MEMORIES as u32)
        .max_tables_per_component(MAX_TABLES as u32)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .table_elements(30_000)
        .max_memory_size(MAX_MEMORY)
        .linear_memory_keep_resident(0);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .concurrency_support(false);
    config
}

/// Advances the engine's epoch until it is dropped.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: Engine) -> Result<Self, LoadError> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::park_timeout(TICK);
                    engine.increment_epoch();
                }
            })
            .map_err(|e| LoadError::Engine(format!("cannot start the epoch thread: {e}")))?;
        Ok(Ticker {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}
