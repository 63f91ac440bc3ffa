//! The engine: one for the process, with the pool that all instances of all stages come from.
//!
//! Defaults: 512 instances at once, at most 1 GiB of linear memory each (reserved as addresses, not used), copy-on-write
//! images, epoch interruption with a tick of 1 ms. Concurrency inside the component model stays off: a submission has an
//! instance of its own. Two more engines stand beside it, each made when the first component needs it: one that counts fuel,
//! since counting slows every guest of the engine that does it, and one for quick code ([`crate::quick`]).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use crate::cache::{Cache, EngineHash};
use crate::compiler::{AtWork, CompileBounds, Compiler, Workshop};
use crate::error::LoadError;
use crate::lane::Lane;
use crate::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ENTRIES, MAX_TABLES};
use crate::quick::QuickCode;
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
    /// Which components serve in quick code first. Default: none; whoever sets it otherwise takes over the optimised code.
    pub quick: QuickCode,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        RuntimeOptions {
            cache: None,
            instances: 512,
            compiler: Compiler::InProcess,
            bounds: CompileBounds::default(),
            quick: QuickCode::Off,
        }
    }
}

/// What an engine compiles for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Cranelift, fully optimised.
    Optimised,
    /// The same, counting fuel.
    Metered,
    /// Winch: a tenth of the time to compile, half as long again to run.
    Quick,
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
    pub(crate) kind: Kind,
    pub(crate) quick: QuickCode,
    instances: u32,
    beside: Arc<Beside>,
    ticker: Arc<Ticker>,
}

/// The runtimes of the other engines, once they were needed.
#[derive(Default)]
struct Beside {
    metered: Mutex<Option<Runtime>>,
    quick: Mutex<Option<Runtime>>,
}

impl Runtime {
    /// Sets the engine up.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine cannot give what the pool needs, [`LoadError::Cache`] where the cache
    /// directory cannot be made.
    pub fn new(options: &RuntimeOptions) -> Result<Self, LoadError> {
        let (engine, ticker) = engine(options.instances, Kind::Optimised)?;
        let workshop = Workshop::new(options.compiler.clone(), options.bounds.clone());
        Ok(Runtime {
            engine_hash: EngineHash::of(&engine),
            engine,
            cache: Arc::new(Cache::open(options.cache.clone())?),
            workshop: Arc::new(workshop),
            lane: Lane::default(),
            kind: Kind::Optimised,
            quick: options.quick,
            instances: options.instances,
            beside: Arc::default(),
            ticker: Arc::new(ticker),
        })
    }

    /// The runtime that counts fuel: what a plugin is loaded with for a stage whose limits set `fuel`. Its engine compiles a
    /// component anew; it is made at the first call.
    ///
    /// # Errors
    /// [`LoadError::Engine`] where the machine cannot give what its pool needs.
    pub fn metered(&self) -> Result<Runtime, LoadError> {
        if self.kind == Kind::Metered {
            return Ok(self.clone());
        }
        self.once(&self.beside.metered, Kind::Metered)
    }

    /// The runtime of quick code, made at the first call. As many instances as this one has: no limit is another in it.
    pub(crate) fn quick(&self) -> Result<Runtime, LoadError> {
        self.once(&self.beside.quick, Kind::Quick)
    }

    fn once(&self, place: &Mutex<Option<Runtime>>, kind: Kind) -> Result<Runtime, LoadError> {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*place {
            return Ok(runtime.clone());
        }
        let instances = match kind {
            Kind::Metered => METERED_INSTANCES.min(self.instances),
            Kind::Optimised | Kind::Quick => self.instances,
        };
        let (engine, ticker) = engine(instances, kind)?;
        let runtime = Runtime {
            engine_hash: EngineHash::of(&engine),
            engine,
            kind,
            quick: QuickCode::Off,
            instances,
            beside: Arc::default(),
            ticker: Arc::new(ticker),
            ..self.clone()
        };
        *place = Some(runtime.clone());
        Ok(runtime)
    }

    /// This runtime, or the one beside it, whichever `component` was compiled by.
    pub(crate) fn of(&self, component: &Component) -> Result<Runtime, LoadError> {
        let made = |place: &Mutex<Option<Runtime>>| {
            place.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        let others = [made(&self.beside.metered), made(&self.beside.quick)];
        std::iter::once(self.clone())
            .chain(others.into_iter().flatten())
            .find(|runtime| Engine::same(&runtime.engine, component.engine()))
            .ok_or_else(|| LoadError::Engine("the plugin was loaded by another runtime".into()))
    }

    /// Whether guests of this runtime use up fuel.
    pub(crate) fn counts_fuel(&self) -> bool {
        self.kind == Kind::Metered
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

    /// A submission is in flight until what this gives is dropped: what compiles beside it stands aside for it.
    pub fn at_work(&self) -> AtWork {
        self.workshop.at_work()
    }

    /// The most linear memory, in bytes, that a stage's `memory` limit can grant.
    pub fn max_memory() -> u64 {
        MAX_MEMORY as u64
    }
}

fn engine(instances: u32, kind: Kind) -> Result<(Engine, Ticker), LoadError> {
    let engine =
        Engine::new(&config(instances, kind)).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
    let ticker = Ticker::start(engine.clone())?;
    Ok((engine, ticker))
}

/// Memory that an instance's place keeps for the next one, put back to what the component begins with: a first touch of each page
/// costs more than that, and is a sixth of what a stage takes. What a call wrote beyond it goes back to the system.
const KEPT: usize = 512 << 10;
/// Places that keep it while nobody is in them; those beyond are free for any component, and the longest unused go first.
const WARM: u32 = 32;

/// The one configuration, whoever compiles: code of the child's engine runs in its parent's.
pub(crate) fn config(instances: u32, kind: Kind) -> Config {
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
        .max_unused_warm_slots(WARM)
        .linear_memory_keep_resident(KEPT)
        .table_keep_resident(64 << 10)
        .pagemap_scan(wasmtime::Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .consume_fuel(kind == Kind::Metered)
        .concurrency_support(false);
    if kind == Kind::Quick {
        config.strategy(Strategy::Winch);
    }
    config
}
