//! Which threads of models there are, so that the process ends after them.
//!
//! A thread lets its model go after the last who could ask it is gone, and by then the process may be at its end. That takes down
//! what an accelerator's library keeps for itself; a model that is let go in the middle of it crashes. A process loads one such
//! library, so there is one roll.
//!
//! Bounds: [`settle`] waits as long as it is told for models to be let go, and then for what their libraries do as a thread that has
//! let go ends, which is no run; a thread is listed until the next one is, after it has ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

static ROLL: Roll = Roll {
    threads: Mutex::new(Vec::new()),
    changed: Condvar::new(),
};

struct Roll {
    threads: Mutex<Vec<Listed>>,
    changed: Condvar,
}

struct Listed {
    model: String,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Lists the thread of `model` that `spawn` starts; what it is given is to be dropped last of all there.
///
/// # Errors
/// Those of `spawn`.
pub(crate) fn list(
    model: String,
    spawn: impl FnOnce(Leaves) -> std::io::Result<JoinHandle<()>>,
) -> std::io::Result<()> {
    let ended = Arc::new(AtomicBool::new(false));
    let thread = spawn(Leaves(ended.clone()))?;
    let mut threads = ROLL.lock();
    threads.retain(|listed| !listed.thread.is_finished());
    threads.push(Listed {
        model,
        ended,
        thread,
    });
    Ok(())
}

/// Says, when it is dropped, that a thread has let its model go.
pub(crate) struct Leaves(Arc<AtomicBool>);

impl Drop for Leaves {
    fn drop(&mut self) {
        // Under the lock, so that whoever looks either sees it or is woken.
        let _threads = ROLL.lock();
        self.0.store(true, Ordering::Release);
        ROLL.changed.notify_all();
    }
}

/// Waits `within` for the threads of models that nobody holds any more to let them go, and gives the models that were not let go,
/// as `name@version`. Call it where a process ends.
#[must_use]
pub fn settle(within: Duration) -> Vec<String> {
    let waited = ROLL
        .changed
        .wait_timeout_while(ROLL.lock(), within, |threads| {
            threads.iter().any(Listed::lives)
        });
    let (mut threads, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let listed = std::mem::take(&mut *threads);
    let (living, ended): (Vec<_>, Vec<_>) = listed.into_iter().partition(Listed::lives);
    let models = living.iter().map(|listed| listed.model.clone()).collect();
    *threads = living;
    drop(threads);
    for Listed { thread, .. } in ended {
        // All that is left of it is what its library keeps for each thread. A panic there has been told by its hook.
        thread.join().unwrap_or_default();
    }
    models
}

impl Listed {
    fn lives(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }
}

impl Roll {
    fn lock(&self) -> MutexGuard<'_, Vec<Listed>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Starts a thread that holds on to its model until the sender is dropped, and is slow to let it go.
    fn start(model: &'static str) -> (mpsc::SyncSender<()>, Arc<AtomicBool>) {
        struct Slow(Arc<AtomicBool>);
        impl Drop for Slow {
            fn drop(&mut self) {
                // Nobody sends: it is slow by the time that it waits.
                let (_sender, never) = mpsc::sync_channel::<()>(0);
                never.recv_timeout(Duration::from_millis(100)).unwrap_err();
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let (held, holds) = mpsc::sync_channel::<()>(0);
        let gone = Arc::new(AtomicBool::new(false));
        let slow = Slow(gone.clone());
        list(model.to_owned(), |leaves| {
            thread::Builder::new().spawn(move || {
                let _leaves = leaves;
                let _model = slow;
                holds.recv().unwrap_err();
            })
        })
        .unwrap();
        (held, gone)
    }

    /// Other tests of this process have models of their own.
    fn settled(within: Duration, model: &str) -> bool {
        !settle(within).contains(&model.to_owned())
    }

    #[test]
    fn the_end_waits_until_a_model_is_let_go() {
        let (held, gone) = start("let-go@1.0.0");
        drop(held);
        assert!(settled(Duration::from_secs(60), "let-go@1.0.0"));
        assert!(gone.load(Ordering::SeqCst));
    }

    #[test]
    fn a_model_that_is_not_let_go_is_named_when_the_time_is_over() {
        let (held, gone) = start("held@1.0.0");
        assert!(!settled(Duration::from_millis(1), "held@1.0.0"));
        assert!(!gone.load(Ordering::SeqCst));
        drop(held);
        assert!(settled(Duration::from_secs(60), "held@1.0.0"));
    }

    #[test]
    fn a_thread_that_did_not_start_is_not_listed() {
        let refused = || std::io::Error::from(std::io::ErrorKind::OutOfMemory);
        list("refused@1.0.0".to_owned(), |_| Err(refused())).unwrap_err();
        assert!(settled(Duration::ZERO, "refused@1.0.0"));
    }
}
