//! Processor time and memory of what is asked: this process, or a server's with all its children (Linux; elsewhere nothing is
//! told of the latter).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleetwright_load::process_time;

use super::BenchError;

/// Whose time and memory are read.
pub(super) enum Process {
    /// This one's.
    Own,
    /// Those of these processes and of all that they started.
    Trees(Vec<u32>),
    /// Nobody's.
    Unknown,
}

/// What was used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processor time; the load's own is in it where the target is this process.
    pub(super) cpu: Option<Duration>,
    /// The most memory that was resident, of each process by itself, summed up: pages that several share count in each.
    pub(super) peak: Option<u64>,
    /// Memory now, where a page that several share counts in parts.
    pub(super) proportional: Option<u64>,
    /// How many processes.
    pub(super) processes: usize,
}

impl Process {
    /// A server's processes; none where nobody names one.
    pub(super) fn of(pids: &[u32]) -> Result<Process, BenchError> {
        if let Some(&pid) = pids.iter().find(|pid| stat(**pid).is_none()) {
            return Err(BenchError::Process { pid });
        }
        Ok(match pids.is_empty() {
            true => Process::Unknown,
            false => Process::Trees(pids.to_vec()),
        })
    }

    pub(super) fn read(&self) -> Usage {
        match self {
            Process::Unknown => Usage::default(),
            Process::Own => {
                let own = Usage::of(&[std::process::id()].into());
                Usage {
                    cpu: Some(process_time()),
                    ..own
                }
            }
            Process::Trees(roots) => Usage::of(&trees(roots)),
        }
    }
}

impl Usage {
    fn of(pids: &BTreeSet<u32>) -> Usage {
        let sum = |of: fn(u32) -> Option<u64>| {
            let each = pids.iter().filter_map(|pid| of(*pid));
            each.reduce(|all, one| all + one)
        };
        let ticks = sum(|pid| Some(stat(pid)?.ticks));
        let second = rustix::param::clock_ticks_per_second().max(1);
        Usage {
            cpu: ticks.map(|ticks| Duration::from_secs_f64(ticks as f64 / second as f64)),
            peak: sum(|pid| kib(&format!("/proc/{pid}/status"), "VmHWM:")),
            proportional: sum(|pid| kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")),
            processes: pids.len(),
        }
    }
}

/// What `/proc/PID/stat` says.
struct Stat {
    parent: u32,
    /// Processor time of its own and of the children that it has waited for.
    ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    read_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn read_stat(text: &str) -> Option<Stat> {
    // The name before the bracket may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| words.get(place)?.parse::<u64>().ok();
    let ticks = [number(11)?, number(12)?, number(13)?, number(14)?];
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: ticks.iter().sum(),
    })
}

/// The processes `roots`, and all that they started, and so on.
fn trees(roots: &[u32]) -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: BTreeMap<u32, u32> = pids
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let mut found: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let children: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if children.is_empty() {
            return found;
        }
        found.extend(children);
    }
}

/// A line such as `VmHWM:  4711 kB`, in bytes.
fn kib(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_though_its_name_holds_brackets() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194304 1 0 0 0 10 20 3 4 20 0 1 0 5 0 0";
        let stat = read_stat(text).unwrap();
        assert_eq!((stat.parent, stat.ticks), (7, 37));
        assert!(read_stat("42 (short) S 7").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn children_are_counted_with_their_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let found = trees(&[std::process::id()]);
        assert!(found.contains(&child.id()));
        let usage = Process::of(&[std::process::id()]).unwrap().read();
        assert!(usage.processes >= 2 && usage.peak > Some(1 << 20));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(
            Process::of(&[u32::MAX]),
            Err(BenchError::Process { pid: u32::MAX })
        ));
    }
}
