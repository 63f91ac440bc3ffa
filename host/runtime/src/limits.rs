//! What one call may use, and the accounts that hold it to that.
//!
//! Memory counts all linear memories and tables of an instance together; tensors count the host's bytes held for the
//! guest. Processor time is metered in [`crate::meter`], the deadline in [`crate::call`].

use std::fmt;
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// A table entry is one pointer on the host.
const TABLE_ENTRY_BYTES: usize = size_of::<usize>();
/// Core instances, memories and tables of one component instance: what wit-bindgen and componentize-py guests need, doubled.
pub(crate) const MAX_CORE_INSTANCES: usize = 200;
pub(crate) const MAX_MEMORIES: usize = 8;
pub(crate) const MAX_TABLES: usize = 40;

/// The limits of one stage. All are enforced for every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories and tables of one instance together.
    pub memory: u64,
    /// Host bytes that one instance holds in tensors.
    pub tensors: u64,
    /// Bytes of the JSON that one call may answer.
    pub output: u64,
    /// Time on the processor inside the guest; waiting for inference is not counted.
    pub cpu: Duration,
    /// Wall clock of the stage: queueing and inference included.
    pub deadline: Duration,
    /// Instances at once.
    pub concurrency: usize,
    /// Calls that may wait for an instance; one more is refused.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 64 << 20,
            tensors: 32 << 20,
            output: 64 << 10,
            cpu: Duration::from_millis(500),
            deadline: Duration::from_secs(5),
            concurrency: 64,
            queue: 256,
        }
    }
}

/// Which limit a guest passed; carried through wasmtime's error to [`crate::error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Tensors { held: u64, limit: u64 },
    Handles { limit: usize },
}

impl Passed {
    /// What mends it. The number of handles is the host's own bound: no manifest raises it.
    pub(crate) fn way_out(self) -> &'static str {
        match self {
            Passed::Tensors { .. } => "raise `limits.tensors` if the plugin needs more",
            Passed::Handles { .. } => {
                "the plugin must drop tensors and contexts that it has done with"
            }
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passed::Tensors { held, limit } => write!(
                f,
                "tensors of {held} bytes in all pass the limit of {limit}"
            ),
            Passed::Handles { limit } => write!(f, "more than {limit} handles at once"),
        }
    }
}

impl std::error::Error for Passed {}

/// The account of an instance's memories and tables.
#[derive(Debug)]
pub(crate) struct MemoryAccount {
    used: usize,
    limit: usize,
    denied: bool,
}

impl MemoryAccount {
    pub(crate) fn new(limit: u64) -> Self {
        MemoryAccount {
            used: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            denied: false,
        }
    }

    /// Whether the guest asked for more than it may have. A guest may live with the refusal; most then trap.
    pub(crate) fn denied(&self) -> bool {
        self.denied
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.limit {
            self.denied = true;
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for MemoryAccount {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(
            current.saturating_mul(TABLE_ENTRY_BYTES),
            desired.saturating_mul(TABLE_ENTRY_BYTES),
        ))
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

/// The account of host bytes that a guest holds in tensors.
#[derive(Debug)]
pub(crate) struct TensorAccount {
    held: u64,
    limit: u64,
}

impl TensorAccount {
    pub(crate) fn new(limit: u64) -> Self {
        TensorAccount { held: 0, limit }
    }

    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Passed> {
        let held = self.held.saturating_add(bytes as u64);
        if held > self.limit {
            return Err(Passed::Tensors {
                held,
                limit: self.limit,
            });
        }
        self.held = held;
        Ok(())
    }

    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_account() {
        let mut account = MemoryAccount::new(1000);
        assert!(account.memory_growing(0, 600, None).unwrap());
        assert!(account.table_growing(0, 40, None).unwrap());
        assert!(!account.denied());
        assert!(
            !account.memory_growing(600, 700, None).unwrap(),
            "700 + 40 pointers pass 1000"
        );
        assert!(account.denied());
        assert!(
            account.memory_growing(600, 680, None).unwrap(),
            "a refusal takes nothing"
        );
    }

    #[test]
    fn tensors_are_given_back() {
        let mut account = TensorAccount::new(100);
        account.take(60).unwrap();
        assert_eq!(
            account.take(60),
            Err(Passed::Tensors {
                held: 120,
                limit: 100
            })
        );
        account.give_back(60);
        account.take(100).unwrap();
    }
}
