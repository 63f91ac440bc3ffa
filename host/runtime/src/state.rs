//! What the host keeps for one call: the store's data. Made for the call, dropped with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetwright_inference::{Model, Presence, Work};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::error::CallErrorKind;
use crate::events::LinesDropped;
use crate::limits::{ComputeAccount, Limits, LogAccount, MemoryAccount, TensorAccount};
use crate::meter::Spent;

/// Handles that a guest may hold at once: tensors, graphs, contexts, errors.
pub(crate) const MAX_HANDLES: usize = 4096;
/// Bytes of one log line; it is cut there.
const MAX_LINE_BYTES: usize = 2048;

/// A model as a stage is given it.
#[derive(Clone)]
pub struct ModelBinding {
    /// The model.
    pub model: Model,
    /// Its card, as the guest may read it (JSON).
    pub card: Arc<str>,
}

/// What the manifest grants to a stage: the same for all its calls.
#[derive(Clone, Default)]
pub struct StageGrants {
    /// Models by role. What is not here does not exist for the guest.
    pub models: BTreeMap<String, ModelBinding>,
    /// The stage's configuration, a JSON object.
    pub config: String,
}

/// The store's data for one call.
pub(crate) struct CallState {
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryAccount,
    pub(crate) tensors: TensorAccount,
    pub(crate) computes: ComputeAccount,
    pub(crate) grants: Arc<StageGrants>,
    pub(crate) deadline: Instant,
    pub(crate) spent: Arc<Spent>,
    pub(crate) work: Arc<Work>,
    /// Tells the stage's models that the instance lives, and when it waits.
    pub(crate) presence: Presence,
    /// What the last refused inference was refused for, where that is not the guest's doing.
    pub(crate) refused: Option<(CallErrorKind, &'static str)>,
    pub(crate) wasi: Option<WasiCtx>,
    pub(crate) stage: Arc<str>,
    submission: Arc<str>,
    log: LogAccount,
}

impl CallState {
    pub(crate) fn new(
        stage: Arc<str>,
        submission: Arc<str>,
        grants: Arc<StageGrants>,
        limits: &Limits,
        deadline: Instant,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        CallState {
            table,
            memory: MemoryAccount::new(limits.memory),
            tensors: TensorAccount::new(limits.tensors),
            computes: ComputeAccount::new(limits.computes),
            presence: Presence::among(grants.models.values().map(|bound| &bound.model)),
            grants,
            deadline,
            spent: Arc::default(),
            work: Arc::default(),
            refused: None,
            wasi: None,
            stage,
            submission,
            log: LogAccount::new(limits.log),
        }
    }

    /// The same state, whose times go to `spent`.
    pub(crate) fn timed(mut self, spent: Arc<Spent>) -> Self {
        self.spent = spent;
        self
    }

    /// The same state, whose inferences are shared with the other stages of the submission.
    pub(crate) fn sharing(mut self, work: Arc<Work>) -> Self {
        self.work = work;
        self
    }
}

impl Drop for CallState {
    fn drop(&mut self) {
        LinesDropped {
            stage: &self.stage,
            lines: self.log.dropped(),
        }
        .emit();
    }
}

impl wasmtime_wasi_io::IoView for CallState {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

mod imports {
    use super::{CallState, MAX_LINE_BYTES};
    use crate::bindings::fleetwright::stage::{config, logging};

    impl config::Host for CallState {
        fn get(&mut self) -> wasmtime::Result<String> {
            Ok(self.grants.config.clone())
        }

        fn card(&mut self, role: String) -> wasmtime::Result<Option<String>> {
            Ok(self
                .grants
                .models
                .get(&role)
                .map(|binding| binding.card.to_string()))
        }
    }

    impl logging::Host for CallState {
        fn log(&mut self, level: logging::Level, mut message: String) -> wasmtime::Result<()> {
            message.truncate(message.floor_char_boundary(MAX_LINE_BYTES));
            if !self.log.take(message.len()) {
                return Ok(());
            }
            // A field of its own is quoted where lines are text: no line break of the guest's begins a line of the host's.
            let (stage, submission, says) = (&*self.stage, &*self.submission, message.as_str());
            match level {
                logging::Level::Debug => {
                    tracing::debug!(target: "guest", stage, submission, says, "guest")
                }
                logging::Level::Info => {
                    tracing::info!(target: "guest", stage, submission, says, "guest")
                }
                logging::Level::Warn => {
                    tracing::warn!(target: "guest", stage, submission, says, "guest")
                }
                logging::Level::Error => {
                    tracing::error!(target: "guest", stage, submission, says, "guest")
                }
            }
            Ok(())
        }
    }
}
