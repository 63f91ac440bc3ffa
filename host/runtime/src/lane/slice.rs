//! The slice of a thread: how long the kernel lets it keep a core before others that want one are looked at.
//!
//! From Linux 6.12 on a thread may ask for a slice of its own, and one that wakes up takes the core from a thread whose slice is
//! longer than its own, at once. Without that it waits for the end of the slice that the other one has begun, 1.4 ms on two
//! cores, whatever the priorities. Older kernels take the call and leave the slice as it is.

use std::io;
use std::time::Duration;

use rustix::process::getpriority_process;

/// Longer than the slice that threads have by themselves, at most 2.8 ms.
const LONG: Duration = Duration::from_millis(4);

/// Asks for a long slice for the thread that calls it, which keeps its policy and its niceness.
///
/// # Errors
/// What the kernel said.
pub(super) fn long() -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>().try_into().unwrap_or(0),
        sched_policy: 0,
        sched_flags: KEEP_POLICY,
        sched_nice: getpriority_process(None)?,
        sched_priority: 0,
        sched_runtime: LONG.as_nanos().try_into().unwrap_or(0),
        sched_deadline: 0,
        sched_period: 0,
    };
    set(&attributes)
}

/// `SCHED_FLAG_KEEP_POLICY`: the policy that is told is not looked at.
const KEEP_POLICY: u64 = 0x08;

/// `sched_setattr` for the thread that calls it.
#[allow(
    unsafe_code,
    reason = "neither the standard library nor a crate that is kept well has the call"
)]
fn set(attributes: &libc::sched_attr) -> io::Result<()> {
    let own = 0;
    // SAFETY: the kernel reads `size` bytes of `attributes`, which is a whole `sched_attr` of that size, and keeps no pointer.
    let said = unsafe { libc::syscall(libc::SYS_sched_setattr, own, &raw const *attributes, 0) };
    match said {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_niceness_and_a_wrong_size_is_refused() {
        std::thread::spawn(|| {
            let niceness = rustix::process::nice(3).unwrap();
            long().unwrap();
            assert_eq!(getpriority_process(None).unwrap(), niceness);
            let own = std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
            // Kernels before 6.12 have no such line.
            if let Some(line) = own.lines().find(|line| line.starts_with("se.slice")) {
                let nanos = LONG.as_nanos().to_string();
                assert!(line.ends_with(&nanos), "{line}");
            }
        })
        .join()
        .unwrap();
        let wrong = libc::sched_attr {
            size: 1,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        assert!(set(&wrong).is_err());
    }
}
