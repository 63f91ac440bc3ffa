//! What one stage may use.
//!
//! Purpose: each limit is enforced by the host. Defaults: [`Limits::default`]. Bounds: the ranges below; a value outside
//! is refused rather than clamped.

use crate::diagnostic::codes;
use crate::findings::Findings;
use crate::keys::LIMITS;
use crate::quantity::{Size, TimeSpan};
use crate::suggest::shown;
use crate::walk::{At, Table};
use crate::{Diagnostic, Span};
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
        }
    }
}

const MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;
const TENSORS: RangeInclusive<u64> = 1..=4 << 30;
const OUTPUT: RangeInclusive<u64> = 1..=64 << 20;
const CPU: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);
const CONCURRENCY: RangeInclusive<usize> = 1..=4096;
const QUEUE: RangeInclusive<usize> = 0..=65_536;

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
        }
    }
}

fn value<T>(at: Option<At<T>>) -> Option<T> {
    at.map(|at| at.value)
}

fn size(
    table: &Table<'_>,
    name: &'static str,
    range: RangeInclusive<u64>,
    findings: &mut Findings,
) -> Option<u64> {
    let text = table.string(name, findings)?;
    let bare = if name == "output" { "KiB" } else { "MiB" };
    match Size::read(text.value, bare) {
        Ok(Size(bytes)) if range.contains(&bytes) => Some(bytes),
        Ok(_) => {
            let (least, most) = (Size(*range.start()), Size(*range.end()));
            findings.report(beyond(name, &text, &least.to_string(), &most.to_string()));
            None
        }
        Err(unreadable) => {
            let diagnostic = Diagnostic::new(
                codes::BAD_SIZE,
                text.span,
                format!("`{name}` is `{}`, which is not a size", shown(text.value)),
            )
            .label("not a size");
            findings.report(diagnostic.hint(match unreadable.meant {
                Some(meant) => format!("write `{name} = \"{meant}\"`: the units are `B`, `KiB`, `MiB` and `GiB`"),
                None => format!("write a whole number and `B`, `KiB`, `MiB` or `GiB`, for example `{name} = \"64MiB\"`"),
            }));
            None
        }
    }
}

/// Reads a duration within a range.
pub(crate) fn duration(
    table: &Table<'_>,
    name: &'static str,
    range: RangeInclusive<Duration>,
    findings: &mut Findings,
) -> Option<Duration> {
    let text = table.string(name, findings)?;
    let bare = if name == "deadline" { "s" } else { "ms" };
    match TimeSpan::read(text.value, bare) {
        Ok(TimeSpan(duration)) if range.contains(&duration) => Some(duration),
        Ok(_) => {
            let (least, most) = (TimeSpan(*range.start()), TimeSpan(*range.end()));
            findings.report(beyond(name, &text, &least.to_string(), &most.to_string()));
            None
        }
        Err(unreadable) => {
            let diagnostic = Diagnostic::new(
                codes::BAD_DURATION,
                text.span,
                format!(
                    "`{name}` is `{}`, which is not a duration",
                    shown(text.value)
                ),
            )
            .label("not a duration");
            findings.report(diagnostic.hint(match unreadable.meant {
                Some(meant) => format!("write `{name} = \"{meant}\"`: the units are `us`, `ms`, `s`, `m` and `h`"),
                None => format!("write a whole number and `us`, `ms`, `s`, `m` or `h`, for example `{name} = \"500ms\"`"),
            }));
            None
        }
    }
}

fn beyond(name: &str, text: &At<&str>, least: &str, most: &str) -> Diagnostic {
    Diagnostic::new(
        codes::OUT_OF_RANGE,
        text.span,
        format!("`{name}` is `{}`, out of its range", shown(text.value)),
    )
    .label(format!("from `{least}` to `{most}`"))
    .hint(format!("write a value from `{least}` to `{most}`"))
}
