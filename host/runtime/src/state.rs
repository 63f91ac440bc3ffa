//! What the host keeps for one call: the store's data. Made for the call, dropped with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fleetwright_inference::Model;
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::error::CallErrorKind;
use crate::limits::{Limits, MemoryAccount, TensorAccount};

/// Handles that a guest may hold at once: tensors, graphs, contexts, errors.
pub(crate) const MAX_HANDLES: usize = 4096;
/// Log lines of one call, and bytes of one line; what is beyond is dropped and counted.
const MAX_LOG_LINES: usize = 64;
const MAX_LOG_BYTES: usize = 2048;

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
    pub(crate) grants: Arc<StageGrants>,
    pub(crate) deadline: Instant,
    pub(crate) queue: Duration,
    pub(crate) inference: Duration,
    /// What the last refused inference was refused for, where that is not the guest's doing.
    pub(crate) refused: Option<CallErrorKind>,
    pub(crate) wasi: Option<WasiCtx>,
    stage: Arc<str>,
    submission: Arc<str>,
    log_lines: usize,
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
            grants,
            deadline,
            queue: Duration::ZERO,
            inference: Duration::ZERO,
            refused: None,
            wasi: None,
            stage,
            submission,
            log_lines: 0,
        }
    }
}

impl wasmtime_wasi_io::IoView for CallState {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

mod imports {
    use super::{CallState, MAX_LOG_BYTES, MAX_LOG_LINES};
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
            self.log_lines += 1;
            if self.log_lines > MAX_LOG_LINES {
                metrics::counter!("fleetwright_stage_log_lines_dropped_total", "stage" => self.stage.to_string()).increment(1);
                return Ok(());
            }
            message.truncate(message.floor_char_boundary(MAX_LOG_BYTES));
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
