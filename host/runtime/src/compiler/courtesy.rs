//! Compilers that stand aside for whoever is served.
//!
//! A lower priority and a spared core keep a processor free for a submission, but not its caches, nor the bandwidth to its
//! memory. So a child that compiles for long is stopped as soon as a submission comes ([`AtWork`]), and goes on once none has
//! been in flight for [`GRACE`]. Under traffic without such a pause it runs a twentieth of the time, [`RUN`] after every
//! [`HELD`]: so few submissions meet it that their 99th percentile hardly moves, and it ends whatever the load is, twenty times as
//! late at worst. Time in which it is held up counts against no bound of its own.
//!
//! It is not stopped and continued for each submission: the kernel tells its parent of either, which costs more than it saves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// So long nothing must have been in flight: a client that has its answer is often about to ask again.
const GRACE: Duration = Duration::from_millis(50);
/// How long a child is held up at once while submissions come, and how long it then runs beside them.
const HELD: Duration = Duration::from_millis(475);
const RUN: Duration = Duration::from_millis(25);

/// Who is served now.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    served: AtomicUsize,
    /// Submissions that have come so far.
    arrived: AtomicUsize,
    /// Children that stand aside; most of the time none does, and nobody is told anything.
    asides: AtomicUsize,
    /// Told whenever a first one comes, or a last one has gone.
    changed: Notify,
}

/// A submission is in flight until this is dropped.
#[derive(Debug)]
pub struct AtWork(Arc<Courtesy>);

/// A child that stands aside until it leaves, or this is dropped; it goes on then.
pub(super) struct Aside {
    courtesy: Arc<Courtesy>,
    /// Nothing once it has left.
    group: Mutex<Option<Group>>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    before: Duration,
    since: Option<Instant>,
}

impl Held {
    fn so_far(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Courtesy {
    pub(crate) fn at_work(self: &Arc<Self>) -> AtWork {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        if self.served.fetch_add(1, Ordering::SeqCst) == 0 {
            self.tell();
        }
        AtWork(self.clone())
    }

    /// A child whose processes are `group`.
    pub(super) fn stand_aside(self: &Arc<Self>, group: Option<u32>) -> Aside {
        self.asides.fetch_add(1, Ordering::SeqCst);
        Aside {
            courtesy: self.clone(),
            group: Mutex::new(group.and_then(Group::of)),
            held: Mutex::default(),
        }
    }

    fn tell(&self) {
        if self.asides.load(Ordering::SeqCst) > 0 {
            self.changed.notify_waiters();
        }
    }

    /// Ends as soon as a submission is in flight, or none is.
    async fn until(&self, is_busy: bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if (self.served.load(Ordering::SeqCst) > 0) == is_busy {
                return;
            }
            changed.await;
        }
    }

    /// Ends once nothing has been in flight for [`GRACE`], and before nothing has been for twice as long.
    async fn quiet(&self) {
        loop {
            self.until(false).await;
            let arrived = self.arrived.load(Ordering::SeqCst);
            sleep(GRACE).await;
            if self.arrived.load(Ordering::SeqCst) == arrived {
                return;
            }
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.0.served.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.tell();
        }
    }
}

impl Aside {
    /// Holds the child up and lets it go on, as submissions come. Never ends: it is raced against the child.
    pub(super) async fn make_way(&self) -> std::convert::Infallible {
        loop {
            self.courtesy.until(true).await;
            self.hold();
            while timeout(HELD, self.courtesy.quiet()).await.is_err() {
                self.go_on();
                sleep(RUN).await;
                self.hold();
            }
            self.go_on();
        }
    }

    /// Ends once the child has run for `bound`, by the clock and without the time in which it was held up.
    pub(super) async fn has_run(&self, bound: Duration) {
        let begun = Instant::now();
        loop {
            let due = begun + bound + self.held();
            if Instant::now() >= due {
                return;
            }
            sleep_until(due).await;
        }
    }

    /// How long the child was held up so far.
    pub(super) fn held(&self) -> Duration {
        locked(&self.held).so_far()
    }

    /// The child goes on, and no signal is sent to it any more.
    pub(super) fn leave(&self) {
        self.go_on();
        *locked(&self.group) = None;
    }

    fn hold(&self) {
        locked(&self.held).since = Some(Instant::now());
        self.signal(Group::stop);
    }

    fn go_on(&self) {
        let mut held = locked(&self.held);
        if let Some(since) = held.since.take() {
            held.before += since.elapsed();
            self.signal(Group::go_on);
        }
    }

    fn signal(&self, signal: fn(Group)) {
        if let Some(group) = *locked(&self.group) {
            signal(group);
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.leave();
        self.courtesy.asides.fetch_sub(1, Ordering::SeqCst);
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The processes of a child. Elsewhere than on Unix nothing stops one, and it has its low priority alone.
#[derive(Clone, Copy, Debug)]
struct Group(#[cfg(unix)] rustix::process::Pid);

#[cfg(unix)]
impl Group {
    fn of(id: u32) -> Option<Group> {
        let id = i32::try_from(id).ok()?;
        rustix::process::Pid::from_raw(id).map(Group)
    }

    fn stop(self) {
        self.send(rustix::process::Signal::STOP);
    }

    fn go_on(self) {
        self.send(rustix::process::Signal::CONT);
    }

    fn send(self, signal: rustix::process::Signal) {
        // It may have ended just now.
        rustix::process::kill_process_group(self.0, signal).unwrap_or_default();
    }
}

#[cfg(not(unix))]
impl Group {
    fn of(_id: u32) -> Option<Group> {
        None
    }

    fn stop(self) {}

    fn go_on(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courtesy() -> Arc<Courtesy> {
        Arc::default()
    }

    /// Advances paused time by `millis`, while what waits for it is polled.
    async fn pass(millis: u64) {
        sleep(Duration::from_millis(millis)).await;
    }

    /// A child of no process, and the task that holds it up.
    fn aside(courtesy: &Arc<Courtesy>) -> Arc<Aside> {
        let aside = Arc::new(courtesy.stand_aside(None));
        let paced = aside.clone();
        tokio::spawn(async move {
            let never = paced.make_way().await;
            match never {}
        });
        aside
    }

    fn is_held(aside: &Aside) -> bool {
        locked(&aside.held).since.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_is_held_from_the_first_submission_until_a_while_after_the_last() {
        let courtesy = courtesy();
        let aside = aside(&courtesy);
        pass(1000).await;
        assert!(!is_held(&aside), "nobody is served");
        let (first, second) = (courtesy.at_work(), courtesy.at_work());
        pass(1).await;
        assert!(is_held(&aside));
        drop(first);
        pass(100).await;
        assert!(is_held(&aside));
        drop(second);
        pass(40).await;
        drop(courtesy.at_work());
        pass(40).await;
        assert!(is_held(&aside), "the grace began anew");
        pass(30).await;
        assert!(!is_held(&aside));
        let held = aside.held();
        pass(500).await;
        assert_eq!(aside.held(), held, "it is not held any more");
        assert!(held >= Duration::from_millis(180), "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_runs_a_twentieth_of_the_time_however_many_come() {
        let courtesy = courtesy();
        let aside = aside(&courtesy);
        let _at_work = courtesy.at_work();
        pass(100_000).await;
        let (held, all) = (aside.held(), Duration::from_millis(100_000));
        assert!(
            held >= all.mul_f64(0.94) && held <= all.mul_f64(0.96),
            "{held:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_bound_counts_what_a_child_ran_and_whoever_leaves_goes_on() {
        let courtesy = courtesy();
        let at_work = courtesy.at_work();
        let aside = courtesy.stand_aside(None);
        let bound = Duration::from_millis(300);
        let begun = Instant::now();
        let goes = async {
            pass(400).await;
            drop(at_work);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = aside.has_run(bound) => {}
            never = aside.make_way() => match never {},
            () = goes => {}
        }
        let (took, held) = (begun.elapsed(), aside.held());
        assert!(held >= Duration::from_millis(400), "{held:?}");
        assert!(
            took >= bound + held && took < bound + held + Duration::from_millis(10),
            "{took:?}"
        );
        let _at_work = courtesy.at_work();
        aside.hold();
        aside.leave();
        assert!(!is_held(&aside));
        drop(aside);
        assert_eq!(courtesy.asides.load(Ordering::SeqCst), 0);
    }

    /// A real process, stopped and continued.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_stopped_while_it_is_held() {
        use std::os::unix::process::CommandExt as _;
        use std::process::Command;
        let mut process = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        let courtesy = courtesy();
        let aside = courtesy.stand_aside(Some(process.id()));
        let state = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
            let (_, rest) = stat.rsplit_once(") ").unwrap();
            rest.chars().next().unwrap()
        };
        let until = |wanted: char| {
            let begun = std::time::Instant::now();
            while state() != wanted {
                assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "it is `{}`",
                    state()
                );
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        aside.hold();
        until('T');
        aside.leave();
        until('S');
        aside.hold();
        assert_eq!(state(), 'S', "it has left");
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
