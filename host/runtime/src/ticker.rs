//! The clock by which guests yield: one thread an engine, which advances its epoch.
//!
//! A tick is 1 ms while an instance lives: the longest that a guest keeps a worker to itself. Where none has lived for
//! 50 ticks the thread slows down to 10 ticks a second, so that an idle host sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

use crate::error::LoadError;

/// How often a running guest yields.
const TICK: Duration = Duration::from_millis(1);
/// Ticks without an instance after which the thread slows down, and the length of a tick then.
const IDLE_TICKS: u32 = 50;
const IDLE_TICK: Duration = Duration::from_millis(100);

/// Advances an engine's epoch until it is dropped.
pub(crate) struct Ticker {
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Pulse {
    stop: AtomicBool,
    slow: AtomicBool,
    awake: AtomicUsize,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> Result<Self, LoadError> {
        let pulse = Arc::<Pulse>::default();
        let own = pulse.clone();
        let thread = std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || own.tick(&engine))
            .map_err(|e| LoadError::Engine(format!("cannot start the epoch thread: {e}")))?;
        Ok(Ticker {
            pulse,
            thread: Some(thread),
        })
    }

    /// Ticks at full speed until what this gives is dropped.
    pub(crate) fn awake(&self) -> Awake {
        self.pulse.awake.fetch_add(1, Ordering::SeqCst);
        // The thread says that it is slow before it looks whether someone is awake: one of the two sees the other.
        if self.pulse.slow.load(Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        Awake(self.pulse.clone())
    }
}

impl Pulse {
    fn tick(&self, engine: &Engine) {
        let mut idle = 0;
        while !self.stop.load(Ordering::Relaxed) {
            idle = match self.awake.load(Ordering::SeqCst) {
                0 => idle + 1,
                _ => 0,
            };
            if idle > IDLE_TICKS {
                self.slow.store(true, Ordering::SeqCst);
                if self.awake.load(Ordering::SeqCst) == 0 {
                    std::thread::park_timeout(IDLE_TICK);
                }
                self.slow.store(false, Ordering::SeqCst);
            } else {
                std::thread::park_timeout(TICK);
            }
            engine.increment_epoch();
        }
    }
}

/// Someone needs the epochs; no longer when this is dropped.
pub(crate) struct Awake(Arc<Pulse>);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.awake.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}
