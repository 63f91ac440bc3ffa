//! What one stage may use.
//!
//! Purpose: each limit is enforced by the host. Defaults: [`Limits::default`]. Bounds: the ranges below; a value outside
//! is refused rather than clamped.

use crate::amount::{duration, rate, size};
use crate::findings::Findings;
use crate::keys::LIMITS;
use crate::walk::{At, Table};
use crate::{Rate, Span};
use std::ops::RangeInclusive;
use std::time::Duration;

/// What one stage may use. All of it is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories and tables of one instance together, in bytes. Default 64 MiB.
    pub memory: u64,
    /// Host memory that one instance holds in tensors, in bytes. Default 32 MiB.
    pub tensors: u64,
    /// What one call may answer, in bytes. Default 64 KiB.
    pub output: u64,
    /// Time on the processor inside the guest; waiting for inference is not counted. Default 500 ms.
    pub cpu: Duration,
    /// Wall clock for the stage, queueing and inference included. Default 5 s.
    pub deadline: Duration,
    /// Instances at once. Default 64.
    pub concurrency: usize,
    /// Calls that wait beyond that; a further one is refused. Default 256.
    pub queue: usize,
    /// Log lines of one call, in bytes; what is beyond is dropped and counted. Default 64 KiB.
    pub log: u64,
    /// Calls that are admitted; one beyond is refused. Default: as many as come.
    pub rate: Option<Rate>,
    /// Inferences that one call may ask for. Default 256.
    pub computes: u32,
    /// JSON that one call is shown, in bytes. Default 1 MiB.
    pub input: u64,
    /// How deep the JSON may nest that one call is shown, and that it answers. Default 64.
    pub depth: u32,
    /// Attachments that one call is shown. Default 16.
    pub attachments: u32,
    /// All attachments that one call is shown together, in bytes. Default 32 MiB.
    pub attachment_bytes: u64,
    /// WebAssembly fuel of one call: a bound that does not depend on the machine. Default: none, `cpu` bounds it alone.
    pub fuel: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
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

const MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;
const TENSORS: RangeInclusive<u64> = 1..=4 << 30;
const OUTPUT: RangeInclusive<u64> = 1..=64 << 20;
const CPU: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);
const CONCURRENCY: RangeInclusive<u64> = 1..=4096;
const QUEUE: RangeInclusive<u64> = 0..=65_536;
const LOG: RangeInclusive<u64> = 0..=16 << 20;
const COMPUTES: RangeInclusive<u64> = 0..=65_536;
const INPUT: RangeInclusive<u64> = 1 << 10..=64 << 20;
const DEPTH: RangeInclusive<u64> = 1..=120;
/// As many as the host takes of a submission.
const ATTACHMENTS: RangeInclusive<u64> = 0..=64;
const ATTACHMENT_BYTES: RangeInclusive<u64> = 0..=1 << 30;
const FUEL: RangeInclusive<u64> = 1000..=i64::MAX.unsigned_abs();

/// Limits as written: only what was set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RawLimits {
    memory: Option<u64>,
    tensors: Option<u64>,
    output: Option<u64>,
    cpu: Option<Duration>,
    deadline: Option<Duration>,
    concurrency: Option<usize>,
    queue: Option<usize>,
    log: Option<u64>,
    /// The inner nothing is `"none"`.
    rate: Option<Option<Rate>>,
    computes: Option<u32>,
    input: Option<u64>,
    depth: Option<u32>,
    attachments: Option<u32>,
    attachment_bytes: Option<u64>,
    /// The inner nothing is `"none"`.
    fuel: Option<Option<u64>>,
}

impl RawLimits {
    /// Reads the table `limits` of `table`; absent is no limit set.
    pub(crate) fn read(table: &Table<'_>, findings: &mut Findings) -> (Self, Option<Span>) {
        let Some(limits) = table.table("limits", &LIMITS, findings) else {
            return (Self::default(), None);
        };
        let raw = Self {
            memory: size(&limits, "memory", MEMORY, findings),
            tensors: size(&limits, "tensors", TENSORS, findings),
            output: size(&limits, "output", OUTPUT, findings),
            cpu: duration(&limits, "cpu", CPU, findings),
            deadline: duration(&limits, "deadline", DEADLINE, findings),
            concurrency: value(limits.integer("concurrency", CONCURRENCY, findings)),
            queue: value(limits.integer("queue", QUEUE, findings)),
            log: size(&limits, "log", LOG, findings),
            rate: or_none(&limits, "rate", |limits| rate(limits, "rate", findings)),
            computes: value(limits.integer("computes", COMPUTES, findings)),
            input: size(&limits, "input", INPUT, findings),
            depth: value(limits.integer("depth", DEPTH, findings)),
            attachments: value(limits.integer("attachments", ATTACHMENTS, findings)),
            attachment_bytes: size(&limits, "attachment_bytes", ATTACHMENT_BYTES, findings),
            fuel: or_none(&limits, "fuel", |limits| {
                value(limits.integer("fuel", FUEL, findings))
            }),
        };
        (raw, Some(limits.span))
    }

    /// These limits, and `base` where they set none.
    pub(crate) fn over(self, base: Limits) -> Limits {
        Limits {
            memory: self.memory.unwrap_or(base.memory),
            tensors: self.tensors.unwrap_or(base.tensors),
            output: self.output.unwrap_or(base.output),
            cpu: self.cpu.unwrap_or(base.cpu),
            deadline: self.deadline.unwrap_or(base.deadline),
            concurrency: self.concurrency.unwrap_or(base.concurrency),
            queue: self.queue.unwrap_or(base.queue),
            log: self.log.unwrap_or(base.log),
            rate: self.rate.unwrap_or(base.rate),
            computes: self.computes.unwrap_or(base.computes),
            input: self.input.unwrap_or(base.input),
            depth: self.depth.unwrap_or(base.depth),
            attachments: self.attachments.unwrap_or(base.attachments),
            attachment_bytes: self.attachment_bytes.unwrap_or(base.attachment_bytes),
            fuel: self.fuel.unwrap_or(base.fuel),
        }
    }
}

/// A limit that a stage may do without, whatever the fleet's defaults say: `"none"`.
fn or_none<T>(
    limits: &Table<'_>,
    name: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Option<Option<T>> {
    let said = limits.entry(name)?.value.get_ref().as_str();
    match said {
        Some("none") => Some(None),
        _ => read(limits).map(Some),
    }
}

fn value<T>(at: Option<At<T>>) -> Option<T> {
    at.map(|at| at.value)
}
