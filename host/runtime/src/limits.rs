//! What one call may use, and the accounts that hold it to that.
//!
//! Memory counts all linear memories and tables of an instance together; tensors count the host's bytes held for the
//! guest. Processor time is metered in [`crate::meter`], the deadline in [`crate::call`], the rate in [`crate::rate`], what a
//! call is shown in [`crate::shown`]. Fuel is counted by wasmtime itself.

use std::fmt;
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// A table entry is one pointer on the host.
const TABLE_ENTRY_BYTES: usize = size_of::<usize>();
/// What a log line costs beside the guest's own words: time, level, stage and submission.
const LINE_FRAME_BYTES: usize = 128;
/// Core instances, memories and tables of one component instance: what wit-bindgen and componentize-py guests need, doubled.
pub(crate) const MAX_CORE_INSTANCES: usize = 200;
pub(crate) const MAX_MEMORIES: usize = 8;
pub(crate) const MAX_TABLES: usize = 40;
/// Entries of one table.
pub(crate) const MAX_TABLE_ENTRIES: usize = 30_000;

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
    /// Bytes of log lines of one call, with what the host writes around each; what is beyond is dropped and counted.
    pub log: u64,
    /// Calls admitted over time. `None`: as many as come.
    pub rate: Option<Rate>,
    /// `compute` calls that one call may make.
    pub computes: u32,
    /// Bytes of the JSON that one call is shown.
    pub input: u64,
    /// Nesting of the JSON that one call is shown, and of what it answers. An object with plain members is 1.
    pub depth: u32,
    /// Attachments that one call is shown.
    pub attachments: u32,
    /// Bytes of all attachments that one call is shown, together.
    pub attachment_bytes: u64,
    /// WebAssembly fuel of one call, about one unit an instruction: the same on every machine. `None`: not counted.
    pub fuel: Option<u64>,
}

/// Calls admitted in a period. A burst may be as large as one period's calls, or one second's where that is less, and is
/// at least one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls.
    pub calls: u32,
    /// In this time.
    pub per: Duration,
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
            log: 64 << 10,
            rate: None,
            computes: 256,
            input: 1 << 20,
            depth: 64,
            attachments: 16,
            attachment_bytes: 32 << 20,
            fuel: None,
        }
    }
}

/// Which limit a guest passed; carried through wasmtime's error to [`crate::error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Tensors { held: u64, limit: u64 },
    Handles { limit: usize },
    Computes { limit: u32 },
}

impl Passed {
    /// What mends it. The number of handles is the host's own bound: no manifest raises it.
    pub(crate) fn way_out(self) -> &'static str {
        match self {
            Passed::Tensors { .. } => "raise `limits.tensors` if the plugin needs more",
            Passed::Computes { .. } => {
                "put more rows into one `compute`, or raise `limits.computes` if the plugin needs more"
            }
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
            Passed::Computes { limit } => {
                write!(f, "more than the {limit} `compute` calls of one submission")
            }
        }
    }
}

impl std::error::Error for Passed {}

/// The account of an instance's memories and tables.
#[derive(Debug)]
pub(crate) struct MemoryAccount {
    used: usize,
    limit: usize,
    denied: Option<Denied>,
}

/// What refused a guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The stage's own limit.
    Limit { limit: usize },
    /// The host's bound on one table.
    Table { entries: usize },
}

impl MemoryAccount {
    pub(crate) fn new(limit: u64) -> Self {
        MemoryAccount {
            used: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            denied: None,
        }
    }

    /// Whether the guest asked for more than it may have. A guest may live with the refusal; most then trap.
    pub(crate) fn denied(&self) -> Option<Denied> {
        self.denied
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.limit {
            self.denied = Some(Denied::Limit { limit: self.limit });
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
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Growth past a maximum fails, whatever is said here: nothing is taken. The guest's own maximum is its own affair.
        Ok(maximum.is_none_or(|most| desired <= most) && self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if let Some(entries) = maximum.filter(|most| desired > *most) {
            // The pool's bound on one table comes as a maximum, like the guest's own.
            if entries >= MAX_TABLE_ENTRIES {
                self.denied = Some(Denied::Table { entries });
            }
            return Ok(false);
        }
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

/// The account of a call's `compute` calls.
#[derive(Debug)]
pub(crate) struct ComputeAccount {
    left: u32,
    limit: u32,
}

impl ComputeAccount {
    pub(crate) fn new(limit: u32) -> Self {
        ComputeAccount { left: limit, limit }
    }

    pub(crate) fn take(&mut self) -> Result<(), Passed> {
        let left = self.left.checked_sub(1);
        self.left = left.ok_or(Passed::Computes { limit: self.limit })?;
        Ok(())
    }
}

/// The account of a call's log lines.
#[derive(Debug)]
pub(crate) struct LogAccount {
    left: u64,
    dropped: u64,
}

impl LogAccount {
    pub(crate) fn new(limit: u64) -> Self {
        LogAccount {
            left: limit,
            dropped: 0,
        }
    }

    /// Takes a line of `bytes`, or counts it as dropped. A line that is too long does not keep shorter ones from coming.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub((bytes + LINE_FRAME_BYTES) as u64) {
            Some(left) => self.left = left,
            None => {
                self.dropped += 1;
                return false;
            }
        }
        true
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
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
        assert_eq!(account.denied(), None);
        assert!(
            !account.memory_growing(600, 700, None).unwrap(),
            "700 + 40 pointers pass 1000"
        );
        assert_eq!(account.denied(), Some(Denied::Limit { limit: 1000 }));
        assert!(
            account.memory_growing(600, 680, None).unwrap(),
            "a refusal takes nothing"
        );
    }

    #[test]
    fn several_memories_share_one_account() {
        let mut account = MemoryAccount::new(1000);
        for _ in 0..3 {
            assert!(account.memory_growing(0, 300, None).unwrap());
        }
        assert!(!account.memory_growing(0, 300, None).unwrap());
        assert_eq!(account.denied(), Some(Denied::Limit { limit: 1000 }));
    }

    #[test]
    fn a_growth_past_a_maximum_takes_nothing_and_is_a_refusal_where_the_host_set_it() {
        let mut account = MemoryAccount::new(1000);
        assert!(account.memory_growing(0, 100, Some(200)).unwrap());
        assert!(!account.memory_growing(100, 900, Some(200)).unwrap());
        assert!(account.denied().is_none(), "its own maximum is its own affair");
        assert!(account.memory_growing(0, 900, None).unwrap(), "100 + 900");
        let mut account = MemoryAccount::new(1000);
        assert!(!account.table_growing(0, 10, Some(5)).unwrap());
        assert_eq!(account.denied(), None);
        let most = MAX_TABLE_ENTRIES;
        assert!(!account.table_growing(0, most + 1, Some(most)).unwrap());
        assert_eq!(
            account.denied(),
            Some(Denied::Table { entries: most }),
            "the pool's bound is the host's"
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

    #[test]
    fn computes_and_lines_run_out() {
        let mut computes = ComputeAccount::new(2);
        assert_eq!((computes.take(), computes.take()), (Ok(()), Ok(())));
        assert_eq!(computes.take(), Err(Passed::Computes { limit: 2 }));

        let mut log = LogAccount::new(300);
        assert!(log.take(100));
        assert!(!log.take(100), "two frames of 128 and 200 bytes pass 300");
        assert!(!log.take(1000));
        assert_eq!(log.dropped(), 2);
        assert!(!LogAccount::new(0).take(0), "none means none");
    }
}
