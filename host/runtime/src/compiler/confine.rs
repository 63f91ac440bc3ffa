//! What the child gives up before it reads a byte of the component.
//!
//! Everywhere: priority, core dumps, files longer than 0 bytes, further descriptors, processor time, memory. On Linux also
//! its life without its parent, and every system call but those of memory, threads, clocks and its three pipes: no
//! network, no program, no file can be opened, no memory made executable. On other systems the limits are all there is,
//! and memory is bounded only where the system enforces `RLIMIT_DATA`.

use std::io;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, setrlimit};

/// Lowers the priority below the parent's by `nice`, 0 to 39; with `idle`, below everyone's. Threads that are started after
/// it inherit it.
#[cfg(unix)]
pub(super) fn yield_to_others(nice: i32, idle: bool) -> io::Result<()> {
    rustix::process::nice(nice)?;
    if idle {
        only_when_idle()?;
    }
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

/// To the scheduler, a core that runs nothing else is free: whoever wakes up there starts at once, which no niceness gives.
#[cfg(target_os = "linux")]
fn only_when_idle() -> io::Result<()> {
    use thread_priority::unix::{
        NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let lowest = thread_priority::ThreadPriority::Min;
    set_thread_priority_and_policy(thread_native_id(), lowest, policy).map_err(io::Error::other)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn only_when_idle() -> io::Result<()> {
    Ok(rustix::process::nice(19).map(drop)?)
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
pub(super) fn yield_to_others(_nice: i32, _idle: bool) -> io::Result<()> {
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
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
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
        for call in [libc::SYS_read, libc::SYS_write, libc::SYS_writev] {
            only(call, vec![argument(0, SeccompCmpOp::Le, PIPES)?])?;
        }
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

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::fs::File;
        use std::io::{ErrorKind, Read, Write};
        use std::net::{TcpListener, TcpStream, UdpSocket};
        use std::process::Command;
        use std::thread;

        /// What `work` says of itself in a thread that was confined before.
        fn confined<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
            let filter = filter().unwrap();
            let thread = thread::spawn(move || {
                seccompiler::apply_filter(&filter).unwrap();
                work()
            });
            thread.join().unwrap()
        }

        fn refused<T>(done: io::Result<T>) {
            let error = done.map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        }

        #[test]
        fn there_is_no_network() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            TcpStream::connect(address).unwrap();
            refused(confined(move || TcpStream::connect(address)));
            refused(confined(|| UdpSocket::bind("127.0.0.1:0")));
            refused(confined(move || listener.accept()));
        }

        #[test]
        fn no_file_is_opened_and_none_that_was_open_is_used() {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"secret").unwrap();
            refused(confined(|| File::open("/proc/self/maps")));
            refused(confined(|| {
                File::create(std::env::temp_dir().join("never"))
            }));
            refused(confined(move || {
                let mut text = [0];
                file.write(b"more").or_else(|_| file.read(&mut text))
            }));
        }

        #[test]
        fn no_program_and_no_thread_is_started() {
            refused(confined(|| Command::new("/bin/true").spawn()));
            refused(confined(|| thread::Builder::new().spawn(|| ())));
        }

        #[test]
        fn memory_can_be_had_and_given_back() {
            let bytes = confined(|| (0..64).map(|n| vec![n; 1 << 20].len()).sum::<usize>());
            assert_eq!(bytes, 64 << 20);
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system_calls {
    pub(super) fn confine() -> std::io::Result<()> {
        Ok(())
    }
}
