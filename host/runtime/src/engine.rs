//! The engine: one for the process, with the pool that all instances of all stages come from.
//!
//! Defaults: 512 instances at once, at most 1 GiB of linear memory each (reserved as addresses, not used), copy-on-write
//! images, epoch interruption with a tick of 1 ms. Concurrency inside the component model stays off: a submission has an
//! instance of its own. Fuel is counted by an engine of its own, made when the first stage asks for it: counting slows every
//! guest of the engine that does it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::{Cache, EngineHash};
use crate::compiler::{CompileBounds, Compiler, Workshop};
use crate::error::LoadError;
use crate::lane::Lane;
use crate::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ENTRIES, MAX_TABLES};
use crate::ticker::{Awake, Ticker};

/// The most linear memory that a stage's `memory` limit can grant.
pub(crate) const MAX_MEMORY: usize = 1 << 30;

/// How a [`Runtime`] is set up.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// Where precompiled components are kept; made if absent. `None`: components are compiled at every start.
    pub cache: Option<PathBuf>,
    /// Instances at once, over all stages. Default 512.
    pub instances: u32,
    /// Where components are compiled. Default: in this process; a host that takes components from others names a child.
    pub compiler: Compiler,
    /// What compiling one component may take.
    pub bounds: CompileBounds,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        RuntimeOptions {
            cache: None,
            instances: 512,
            compiler: Compiler::InProcess,
            bounds: CompileBounds::default(),
        }
    }
}

/// Instances at once in the engine that counts fuel.
const METERED_INSTANCES: u32 = 128;
/// Memories and tables in the pool for each instance in it: most guests have 1 and 2, none may have more than
/// [`MAX_MEMORIES`] and [`MAX_TABLES`].
const POOLED_MEMORIES: u32 = 2;
const POOLED_TABLES: u32 = 8;

/// One wasmtime engine, its instance pool and its epoch ticker. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) engine_hash: EngineHash,
    pub(crate) cache: Arc<Cache>,
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) lane: Lane,
    instances: u32,
    fuel: bool,
    /// The runtime whose engine counts fuel, once a stage has asked for it.
    metered: Arc<Mutex<Option<Runtime>>>,
    ticker: Arc<Ticker>,
}

impl Runtime {
    /// Sets the engine up.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine cannot give what the pool needs, [`LoadError::Cache`] where the cache
    /// directory cannot be made.
    pub fn new(options: &RuntimeOptions) -> Result<Self, LoadError> {
        let cache = Arc::new(Cache::open(options.cache.clone())?);
        let workshop = Workshop::new(options.compiler.clone(), options.bounds.clone());
        let lane = Lane::default();
        Runtime::with(cache, Arc::new(workshop), lane, options.instances, false)
    }

    fn with(
        cache: Arc<Cache>,
        workshop: Arc<Workshop>,
        lane: Lane,
        instances: u32,
        fuel: bool,
    ) -> Result<Self, LoadError> {
        let engine = Engine::new(&config(instances, fuel))
            .map_err(|e| LoadError::Engine(format!("{e:#}")))?;
        let ticker = Ticker::start(engine.clone())?;
        Ok(Runtime {
            engine_hash: EngineHash::of(&engine),
            engine,
            cache,
            workshop,
            lane,
            instances,
            fuel,
            metered: Arc::default(),
            ticker: Arc::new(ticker),
        })
    }

    /// The runtime that counts fuel: what a plugin is loaded with for a stage whose limits set `fuel`. Its engine compiles a
    /// component anew; it is made at the first call.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine cannot give what its pool needs.
    pub fn metered(&self) -> Result<Runtime, LoadError> {
        if self.fuel {
            return Ok(self.clone());
        }
        let mut metered = self.metered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*metered {
            return Ok(runtime.clone());
        }
        let instances = METERED_INSTANCES.min(self.instances);
        let (cache, workshop) = (self.cache.clone(), self.workshop.clone());
        let runtime = Runtime::with(cache, workshop, self.lane.clone(), instances, true)?;
        *metered = Some(runtime.clone());
        Ok(runtime)
    }

    /// This runtime, or the one beside it, whichever `component` was compiled by.
    pub(crate) fn of(&self, component: &Component) -> Result<Runtime, LoadError> {
        let metered = self.metered.lock().unwrap_or_else(PoisonError::into_inner);
        [Some(self), metered.as_ref()]
            .into_iter()
            .flatten()
            .find(|runtime| Engine::same(&runtime.engine, component.engine()))
            .cloned()
            .ok_or_else(|| LoadError::Engine("the plugin was loaded by another runtime".into()))
    }

    /// Whether guests of this runtime use up fuel.
    pub(crate) fn counts_fuel(&self) -> bool {
        self.fuel
    }

    /// How many instances of `component` may be alive at once: half of what the pool holds for its kind.
    pub(crate) fn share(&self, component: &Component) -> usize {
        let (memories, tables) = component
            .resources_required()
            .map_or((1, 1), |needs| (needs.num_memories, needs.num_tables));
        let most = [
            self.instances,
            self.instances.saturating_mul(POOLED_MEMORIES) / memories.max(1),
            self.instances.saturating_mul(POOLED_TABLES) / tables.max(1),
        ];
        let most = most.into_iter().min().unwrap_or(1) / 2;
        usize::try_from(most.max(1)).unwrap_or(1)
    }

    /// Keeps the epochs ticking until what this gives is dropped.
    pub(crate) fn awake(&self) -> Awake {
        self.ticker.awake()
    }

    /// The most linear memory, in bytes, that a stage's `memory` limit can grant.
    pub fn max_memory() -> u64 {
        MAX_MEMORY as u64
    }
}

/// The one configuration, whoever compiles: code of the child's engine runs in its parent's.
pub(crate) fn config(instances: u32, fuel: bool) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    // A guest made with wit-bindgen has 2–4 core instances, 1 memory and 2 tables. A core instance takes memory only while
    // it lives: their number is bounded by that of components.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES as u32))
        .total_memories(instances.saturating_mul(POOLED_MEMORIES))
        .total_tables(instances.saturating_mul(POOLED_TABLES))
        .total_stacks(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES as u32)
        .max_memories_per_component(MAX_MEMORIES as u32)
        .max_memories_per_module(MAX_MEMORIES as u32)
        .max_tables_per_component(MAX_TABLES as u32)
        .max_tables_per_module(MAX_TABLES as u32)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .table_elements(MAX_TABLE_ENTRIES)
        .max_memory_size(MAX_MEMORY)
        .linear_memory_keep_resident(0);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .consume_fuel(fuel)
        .concurrency_support(false);
    config
}
