//! What can go wrong, typed: while a plugin is loaded ([`LoadError`]) and while a call runs ([`CallError`]).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::limits::{Denied, Passed};
use crate::state::CallState;

/// Why a plugin cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The engine cannot be set up on this machine.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
    /// The cache of precompiled components cannot be used.
    #[error(
        "cannot use `{path}` for precompiled components: {error}; make it writable or choose another state directory"
    )]
    Cache {
        /// The cache's directory.
        path: PathBuf,
        /// The operating system's reason.
        error: String,
    },
    /// The bytes are no component, or one that the engine does not accept.
    #[error("not a WebAssembly component that this host can run: {0}")]
    Compile(String),
    /// Compiling the component took more than it may.
    #[error("compiling the component was given up: {0}")]
    CompileBound(Bound),
    /// Too many loads wait for the compiler.
    #[error("{most} loads wait for the compiler already; try again when some have ended")]
    CompileQueue {
        /// How many may wait.
        most: usize,
    },
    /// The compiler gave no answer: it could not be started or confined, or it ended on the way.
    #[error(
        "the compiler gave no answer: {0}; if it is so for every component, the system lacks what `fleetwright` starts it with, else the component brings it down and is best built anew"
    )]
    Compiler(String),
    /// The component imports something that no stage is given.
    #[error(
        "the component imports `{import}`, which is not part of world `fleetwright:stage/stage`"
    )]
    ForeignImport {
        /// The import's name.
        import: String,
    },
    /// The component imports a WASI interface that the stage was not granted.
    #[error(
        "the component imports `{import}`, which the manifest does not grant; add `wasi = [\"{grant}\"]` to the stage to grant it"
    )]
    NotGranted {
        /// The import's name.
        import: String,
        /// The grant that would link it.
        grant: &'static str,
    },
    /// The component lacks an export of the world, or has one of another type.
    #[error("the component does not fit world `fleetwright:stage/stage`: {0}")]
    World(String),
    /// `describe` failed.
    #[error("the plugin's `describe` failed: {0}")]
    Describe(String),
    /// `describe` gave something that is no description.
    #[error("the plugin's description is not valid: {0}")]
    Description(String),
    /// The stage's limits set `fuel`, and the plugin was compiled without counting it.
    #[error(
        "the plugin was compiled without counting fuel; load it with the metered runtime to set `limits.fuel`"
    )]
    Unmetered,
    /// Code was to take over from code of another component.
    #[error("the code is of another component, `{0}`, than the stage's")]
    OtherComponent(String),
    /// The manifest's limits cannot be given by this host.
    #[error("`{limit}` = {value} passes what this host can give ({most})")]
    Limit {
        /// The limit's name in the manifest.
        limit: &'static str,
        /// What was asked for.
        value: u64,
        /// The most that can be had.
        most: u64,
    },
}

fn shortened(reason: String, most: usize) -> String {
    let unfit = |c: char| c.is_control() && c != '\n';
    if reason.len() <= most && !reason.contains(unfit) {
        return reason;
    }
    let cut = reason.floor_char_boundary(most);
    let (shown, rest) = reason.split_at(cut);
    let more = if rest.is_empty() { "" } else { "…" };
    shown.replace(unfit, "\u{fffd}") + more
}

/// What compiling a component may not pass, with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Bound {
    /// Bytes of memory of the compiler.
    #[error(
        "it needs more than {0} bytes of memory; make its functions smaller, or raise `--compile-memory`"
    )]
    Memory(u64),
    /// Processor time of the compiler.
    #[error(
        "it needs more than {0:?} of processor time; make it smaller, or raise `--compile-time`"
    )]
    Cpu(Duration),
    /// Time by the clock.
    #[error("it is not done after {0:?}; free the machine, or raise `--compile-time`")]
    Wall(Duration),
    /// Bytes of the component.
    #[error(
        "it has more than {0} bytes; build it for size (`opt-level = \"s\"`, `strip`), or split it into stages"
    )]
    Component(u64),
    /// Bytes of machine code.
    #[error("it has more than {0} bytes of machine code; split it into stages")]
    Code(u64),
}

/// Bytes of a reason that are shown: it may quote names that a component gave to what it imports and exports.
const MAX_REASON_BYTES: usize = 2048;
/// Bytes of one such name.
const MAX_IMPORT_BYTES: usize = 128;

impl LoadError {
    /// The same, without control characters and cut where it is long: a component's words do not flood logs and answers.
    pub(crate) fn in_few_words(self) -> LoadError {
        match self {
            LoadError::Compile(reason) => LoadError::Compile(shortened(reason, MAX_REASON_BYTES)),
            LoadError::Compiler(reason) => LoadError::Compiler(shortened(reason, MAX_REASON_BYTES)),
            LoadError::World(reason) => LoadError::World(shortened(reason, MAX_REASON_BYTES)),
            LoadError::Describe(reason) => LoadError::Describe(shortened(reason, MAX_REASON_BYTES)),
            LoadError::Description(reason) => {
                LoadError::Description(shortened(reason, MAX_REASON_BYTES))
            }
            LoadError::ForeignImport { import } => LoadError::ForeignImport {
                import: shortened(import, MAX_IMPORT_BYTES),
            },
            other => other,
        }
    }

    /// One word for a metric: which step refused the component.
    pub fn reason(&self) -> &'static str {
        match self {
            LoadError::Engine(_) => "engine",
            LoadError::Cache { .. } => "cache",
            LoadError::Compile(_) => "not-a-component",
            LoadError::CompileBound(Bound::Memory(_)) => "compile-memory",
            LoadError::CompileBound(Bound::Cpu(_) | Bound::Wall(_)) => "compile-time",
            LoadError::CompileBound(Bound::Component(_) | Bound::Code(_)) => "compile-size",
            LoadError::CompileQueue { .. } => "compile-queue",
            LoadError::Compiler(_) => "compiler",
            LoadError::ForeignImport { .. } => "foreign-import",
            LoadError::NotGranted { .. } => "not-granted",
            LoadError::World(_) => "world",
            LoadError::Describe(_) => "describe",
            LoadError::Description(_) => "description",
            LoadError::Unmetered => "unmetered",
            LoadError::OtherComponent(_) => "other-component",
            LoadError::Limit { .. } => "limit",
        }
    }
}

/// Why a call gave no answer: always attributed to its stage, and the end of that call alone.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("stage `{stage}`: {detail}")]
pub struct CallError {
    /// The stage's name in the manifest.
    pub stage: String,
    /// What kind of failure it was.
    pub kind: CallErrorKind,
    /// A sentence for a person.
    pub detail: String,
}

/// The kinds of failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// The plugin says that what it was given cannot be worked on.
    InvalidInput,
    /// The plugin says that its configuration cannot be used.
    InvalidConfig,
    /// Inference failed.
    Inference,
    /// The plugin says that it is at fault.
    Plugin,
    /// The plugin answered something that is no answer.
    BadAnswer,
    /// The guest trapped.
    Trap,
    /// The guest passed its `memory` limit.
    Memory,
    /// The guest passed its `tensors` limit.
    Tensors,
    /// The answer passed the `output` limit, or is nested deeper than `depth`.
    Output,
    /// The guest passed its `cpu` limit.
    Cpu,
    /// The stage's `deadline` passed, or the longest that one of its models may run.
    Deadline,
    /// No instance, or no place in a queue, was free.
    Overloaded,
    /// The stage's `rate` admits no call now.
    Rate,
    /// The guest passed its `computes` limit.
    Computes,
    /// What the stage would be shown passes its `input` limit, or is nested deeper than `depth`.
    Input,
    /// The attachments that the stage would be shown pass `attachments` or `attachment_bytes`.
    Attachments,
    /// The guest used up its `fuel`.
    Fuel,
}

impl CallErrorKind {
    /// The kind as answers and metrics write it.
    pub fn name(self) -> &'static str {
        match self {
            CallErrorKind::InvalidInput => "invalid-input",
            CallErrorKind::InvalidConfig => "invalid-config",
            CallErrorKind::Inference => "inference",
            CallErrorKind::Plugin => "plugin",
            CallErrorKind::BadAnswer => "bad-answer",
            CallErrorKind::Trap => "trap",
            CallErrorKind::Memory => "memory",
            CallErrorKind::Tensors => "tensors",
            CallErrorKind::Output => "output",
            CallErrorKind::Cpu => "cpu",
            CallErrorKind::Deadline => "deadline",
            CallErrorKind::Overloaded => "overloaded",
            CallErrorKind::Rate => "rate",
            CallErrorKind::Computes => "computes",
            CallErrorKind::Input => "input",
            CallErrorKind::Attachments => "attachments",
            CallErrorKind::Fuel => "fuel",
        }
    }
}

impl fmt::Display for CallErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call failed, before it is attributed to its stage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: CallErrorKind,
    /// The limit that ended the call, as the metric names it.
    pub(crate) limit: Option<&'static str>,
    pub(crate) detail: String,
}

impl Failure {
    /// A failure that no limit brought about.
    pub(crate) fn new(kind: CallErrorKind, detail: impl Into<String>) -> Self {
        Failure {
            kind,
            limit: None,
            detail: detail.into(),
        }
    }

    /// A failure brought about by `limit`.
    pub(crate) fn of(kind: CallErrorKind, limit: &'static str, detail: impl Into<String>) -> Self {
        Failure {
            kind,
            limit: Some(limit),
            detail: detail.into(),
        }
    }
}

/// Says what a wasmtime error means: which limit was passed, or which trap it was.
pub(crate) fn classify(error: &wasmtime::Error, state: &CallState) -> Failure {
    if let Some(passed) = error.downcast_ref::<Passed>() {
        let (kind, limit) = match passed {
            Passed::Tensors { .. } => (CallErrorKind::Tensors, "tensors"),
            Passed::Handles { .. } => (CallErrorKind::Tensors, "handles"),
            Passed::Computes { .. } => (CallErrorKind::Computes, "computes"),
        };
        return Failure::of(kind, limit, format!("{passed}; {}", passed.way_out()));
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        let detail = "the host's pool of instances is exhausted; try again later, or lower the `limits.concurrency` of other stages";
        return Failure::of(CallErrorKind::Overloaded, "instances", detail);
    }
    if is_fuel_exhausted(error) {
        // Wasm frames are on the stack only while the guest calls the host; a result is lifted after the last returned.
        let from_guest_call = error.downcast_ref::<WasmBacktrace>().is_some();
        return match from_guest_call {
            true => Failure::of(
                CallErrorKind::Tensors,
                "tensors",
                "one call of the host passes more bytes than `limits.tensors` allows; raise it if the plugin needs more",
            ),
            false => Failure::of(
                CallErrorKind::Output,
                "output",
                "the answer passes `limits.output`; raise it if the plugin needs more",
            ),
        };
    }
    match state.memory.denied() {
        Some(Denied::Limit { limit }) => {
            let detail = format!(
                "the guest was refused memory beyond {limit} bytes and gave up; raise `limits.memory` if the plugin needs more"
            );
            return Failure::of(CallErrorKind::Memory, "memory", detail);
        }
        Some(Denied::Table { entries }) => {
            let detail = format!(
                "the guest was refused a table of more than {entries} entries and gave up; use more tables, or shorter ones"
            );
            return Failure::of(CallErrorKind::Memory, "table", detail);
        }
        None => {}
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => {
            let detail = "the guest used up its fuel; raise `limits.fuel` if the plugin needs more";
            Failure::of(CallErrorKind::Fuel, "fuel", detail)
        }
        Some(trap @ Trap::StackOverflow) => Failure::of(
            CallErrorKind::Trap,
            "stack",
            format!(
                "the guest trapped: {trap}; the stack is bounded by the host, and calls that nest deeper have no way out"
            ),
        ),
        Some(trap) => Failure::new(CallErrorKind::Trap, format!("the guest trapped: {trap}")),
        None => Failure::new(
            CallErrorKind::Trap,
            format!("the guest was stopped: {}", error.root_cause()),
        ),
    }
}

/// wasmtime keeps this error's type to itself; its text is held to by a test with a guest that floods.
fn is_fuel_exhausted(error: &wasmtime::Error) -> bool {
    error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls has been exhausted")
}
