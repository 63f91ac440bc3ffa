//! The clock by which guests yield: one thread an engine, which advances its epoch.
//!
//! A tick is 1 ms while a guest computes: the longest that one keeps a worker to itself, but for its first turn. While all that live wait for
//! models a tick is 4 ms, and a guest that begins to compute meanwhile has its first yield as late: a tick costs the host 30 µs of
//! processor, and guests wait most of their time. Where none has lived for 50 ms the thread slows down to 10 ticks a second, so that an idle host sleeps.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::Engine;

use crate::error::LoadError;

/// How often a running guest yields.
const TICK: Duration = Duration::from_millis(1);
/// A tick while no guest computes.
const WAITING_TICK: Duration = Duration::from_millis(4);
/// How long no instance has lived where the thread slows down, and the length of a tick then.
const IDLE: Duration = Duration::from_millis(50);
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
    /// Instances that live.
    awake: AtomicUsize,
    /// Those of them that compute now.
    computing: AtomicUsize,
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
        let mut lived = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            if self.awake.load(Ordering::SeqCst) > 0 {
                lived = Instant::now();
            }
            if lived.elapsed() > IDLE {
                self.slow.store(true, Ordering::SeqCst);
                if self.awake.load(Ordering::SeqCst) == 0 {
                    std::thread::park_timeout(IDLE_TICK);
                }
                self.slow.store(false, Ordering::SeqCst);
            } else {
                std::thread::park_timeout(match self.computing.load(Ordering::Relaxed) {
                    0 => WAITING_TICK,
                    _ => TICK,
                });
            }
            engine.increment_epoch();
        }
    }
}

/// Someone needs the epochs; no longer when this is dropped.
pub(crate) struct Awake(Arc<Pulse>);

impl Awake {
    /// `call`, which is seen to compute while it is polled.
    pub(crate) async fn during<F: Future>(self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            let _computing = Computing::of(&self.0);
            call.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.awake.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One guest more that computes, until this is dropped: a poll may end by a panic.
struct Computing<'a>(&'a Pulse);

impl<'a> Computing<'a> {
    fn of(pulse: &'a Pulse) -> Self {
        pulse.computing.fetch_add(1, Ordering::Relaxed);
        Computing(pulse)
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.computing.fetch_sub(1, Ordering::Relaxed);
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
