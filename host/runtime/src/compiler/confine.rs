//! What the child gives up before it reads a byte of the component.
//!
//! Everywhere: priority, core dumps, files longer than 0 bytes, further descriptors, processor time, memory. On Linux also
//! its life without its parent, and every system call but those of memory, threads, clocks and its three pipes: no
//! network, no program, no file can be opened, no memory made executable. On other systems the limits are all there is,
//! and memory is bounded only where the system enforces `RLIMIT_DATA`.

use std::io;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, setrlimit};

/// Lowers the priority below the parent's by `nice`, 0 to 39.
#[cfg(unix)]
pub(super) fn yield_to_others(nice: i32) -> io::Result<()> {
    rustix::process::nice(nice)?;
    // Where memory runs out, this process is the one to go. Not every system has it, and nothing depends on it.
    #[cfg(target_os = "linux")]
    std::fs::write("/proc/self/oom_score_adj", "1000").unwrap_or_default();
    Ok(())
}

/// Sets the bounds: `memory` in bytes of private writable memory, `cpu` in seconds of processor time.
#[cfg(unix)]
pub(super) fn confine(memory: u64, cpu: u64) -> io::Result<()> {
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 3)?;
    // The soft limit's signal says what happened; the hard one ends a process that has learned to ignore it.
    let cpu = Rlimit {
        current: Some(cpu),
        maximum: Some(cpu.saturating_add(1)),
    };
    setrlimit(Resource::Cpu, cpu)?;
    // Address space would count the pool's reservations, of which nothing is used here.
    limit(Resource::Data, memory)?;
    system_calls::confine()
}

#[cfg(unix)]
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    Ok(setrlimit(resource, limit)?)
}

#[cfg(not(unix))]
pub(super) fn yield_to_others(_nice: i32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn confine(_memory: u64, _cpu: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod system_calls {
    use std::collections::BTreeMap;
    use std::io;

    use rustix::process::{Signal, getpid, set_parent_process_death_signal};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// Granted whatever their arguments are: memory, threads that there are, clocks, signals of its own.
    const FREE: &[libc::c_long] = &[
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ];
    /// Standard input, output and error.
    const PIPES: u64 = 2;

    pub(super) fn confine() -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let filter = filter().map_err(io::Error::other)?;
        seccompiler::apply_filter_all_threads(&filter).map_err(io::Error::other)
    }

    /// Anything else fails with `EPERM`, as if the user might not.
    fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
        let executable = libc::PROT_EXEC as u64;
        let anonymous = libc::MAP_ANONYMOUS as u64;
        let own = getpid().as_raw_nonzero().get() as u64;
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            FREE.iter().map(|call| (*call, Vec::new())).collect();
        let is = SeccompCmpOp::Eq;
        let mut only = |call, conditions| {
            SeccompRule::new(conditions).map(|rule| rules.insert(call, vec![rule]))
        };
        only(libc::SYS_read, vec![argument(0, SeccompCmpOp::Le, PIPES)?])?;
        only(libc::SYS_write, vec![argument(0, SeccompCmpOp::Le, PIPES)?])?;
        only(libc::SYS_tgkill, vec![argument(0, is, own)?])?;
        only(
            libc::SYS_mprotect,
            vec![argument(2, SeccompCmpOp::MaskedEq(executable), 0)?],
        )?;
        only(
            libc::SYS_mmap,
            vec![
                argument(2, SeccompCmpOp::MaskedEq(executable), 0)?,
                argument(3, SeccompCmpOp::MaskedEq(anonymous), anonymous)?,
            ],
        )?;
        SeccompFilter::new(
            rules,
            SeccompAction::Errno(libc::EPERM as u32),
            SeccompAction::Allow,
            std::env::consts::ARCH.try_into()?,
        )?
        .try_into()
    }

    fn argument(
        index: u8,
        is: SeccompCmpOp,
        value: u64,
    ) -> Result<SeccompCondition, seccompiler::BackendError> {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, is, value)
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system_calls {
    pub(super) fn confine() -> std::io::Result<()> {
        Ok(())
    }
}
