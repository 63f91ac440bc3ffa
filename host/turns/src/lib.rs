//! Which of this program's threads has a core first, as the kernel is told it: [`take`] a [`Rank`].
//!
//! Where fewer cores than threads are, one that wakes up may wait for the end of the slice that another has begun, 1.4 to 2.8 ms
//! on two cores, whatever the priorities. From Linux 6.12 on a thread may ask for a slice of its own, and one that wakes up takes
//! the core at once from one whose slice is longer. So those who answer have short slices, and those who compute long ones; and
//! those who compute are of the policy for batches, which never take a core from anyone by waking up. Older kernels take the
//! call and leave the slice as it is; other systems do nothing. Default, for a thread that takes no rank: that of the thread
//! that started it.

use std::io;
use std::time::Duration;

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// It answers somebody who waits, in microseconds: HTTP, short calls, the clock of the guests, the log.
    Answer,
    /// It computes for milliseconds, and somebody waits for it: a model's run.
    Compute,
    /// It computes for as long as it is let, behind all others: a guest's long call.
    Behind,
}

impl Rank {
    /// The slice asked for. The kernel takes 0.1 to 100 ms; threads have at most 2.8 ms by themselves.
    const fn slice(self) -> Duration {
        match self {
            Rank::Answer => Duration::from_micros(100),
            Rank::Compute | Rank::Behind => Duration::from_millis(4),
        }
    }

    /// How far it is behind others in niceness. No priority at all would be too little: a thread that is put off while the kernel
    /// changes its memory can keep a lock that everyone needs, and everyone would wait for the one who waits for everyone.
    const fn behind(self) -> i32 {
        match self {
            Rank::Answer | Rank::Compute => 0,
            Rank::Behind => 10,
        }
    }

    const fn is_batch(self) -> bool {
        !matches!(self, Rank::Answer)
    }
}

/// Takes `rank` for the thread that calls it. Its niceness never falls, so that one that is behind stays there.
///
/// # Errors
/// What the kernel said. Where a sandbox refuses slices and policies, the thread has its niceness all the same.
pub fn take(rank: Rank) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return linux::take(rank);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (rank.slice(), rank.behind(), rank.is_batch());
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use rustix::process::{getpriority_process, nice};

    use super::Rank;

    pub(super) fn take(rank: Rank) -> io::Result<()> {
        let policy = match rank.is_batch() {
            true => libc::SCHED_BATCH,
            false => libc::SCHED_OTHER,
        };
        // First and by itself: a sandbox that refuses the other call may grant this one.
        if rank.behind() > 0 {
            nice(rank.behind())?;
        }
        set(&libc::sched_attr {
            size: size_of::<libc::sched_attr>().try_into().unwrap_or(0),
            sched_policy: policy.unsigned_abs(),
            sched_flags: 0,
            sched_nice: getpriority_process(None)?,
            sched_priority: 0,
            sched_runtime: rank.slice().as_nanos().try_into().unwrap_or(0),
            sched_deadline: 0,
            sched_period: 0,
        })
    }

    /// `sched_setattr` for the thread that calls it.
    #[allow(
        unsafe_code,
        reason = "neither the standard library nor a crate that is kept well has the call"
    )]
    fn set(attributes: &libc::sched_attr) -> io::Result<()> {
        let own = 0;
        // SAFETY: the kernel reads `size` bytes of `attributes`, which is a whole `sched_attr` of that size, and keeps no pointer.
        let said =
            unsafe { libc::syscall(libc::SYS_sched_setattr, own, &raw const *attributes, 0) };
        match said {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// What the kernel says of a thread that has taken `ranks`, one after the other: its policy, niceness, and its slice,
        /// where the kernel has one of its own for each thread.
        fn seen(ranks: &'static [Rank]) -> (u32, i32, Option<String>) {
            let thread = std::thread::spawn(move || {
                for rank in ranks {
                    take(*rank).unwrap();
                }
                let said = std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
                let value = |name: &str| {
                    let line = said.lines().find(|line| line.starts_with(name));
                    line.and_then(|line| Some(line.rsplit_once(':')?.1.trim().to_owned()))
                };
                let policy = value("policy").and_then(|policy| policy.parse().ok());
                let slice = value("se.slice");
                (
                    policy.unwrap_or(u32::MAX),
                    getpriority_process(None).unwrap(),
                    slice,
                )
            });
            thread.join().unwrap()
        }

        #[test]
        fn each_rank_is_what_the_kernel_says_then() {
            let niceness = getpriority_process(None).unwrap();
            let cases = [
                (&[Rank::Answer] as &[Rank], 0, niceness, Rank::Answer),
                (&[Rank::Compute], 3, niceness, Rank::Compute),
                (&[Rank::Behind], 3, (niceness + 10).min(19), Rank::Behind),
                (&[Rank::Compute, Rank::Answer], 0, niceness, Rank::Answer),
            ];
            for (ranks, policy, niceness, last) in cases {
                let (said, behind, slice) = seen(ranks);
                assert_eq!((said, behind), (policy, niceness), "{ranks:?}");
                let wanted = last.slice().as_nanos().to_string();
                assert!(slice.is_none_or(|slice| slice == wanted), "{ranks:?}");
            }
        }

        #[test]
        fn a_thread_that_is_started_is_of_the_rank_of_whoever_starts_it() {
            let started = std::thread::spawn(|| {
                take(Rank::Behind).unwrap();
                let own = getpriority_process(None).unwrap();
                let child = std::thread::spawn(|| getpriority_process(None).unwrap());
                (own, child.join().unwrap())
            });
            let (own, child) = started.join().unwrap();
            assert_eq!(own, child);
        }

        #[test]
        fn what_the_kernel_refuses_is_an_error() {
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
}
