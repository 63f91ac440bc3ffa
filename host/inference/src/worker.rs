//! The threads that own a loaded model, each a copy of its own.
//!
//! A worker loads the model, asks the batcher for entries, runs them and replies. What goes wrong in a run of
//! several entries is tried again one by one, so that an entry harms itself alone. A run that passes its bound,
//! or that nobody wants any more, is stopped where the library allows it, and is not tried again. After a panic
//! the model is loaded anew; if that fails the thread ends, and its callers get [`InferError::WorkerGone`].

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fleetwright_turns::Rank;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::backend::{LoadError, Opened, RunError};
use crate::batch;
use crate::batcher::{Batch, Batcher};
use crate::card::Card;
use crate::device::Place;
use crate::events::{Died, Executed, Meters, ModelLabels, Overran, Panicked, Served};
use crate::model::{InferError, Inference};
use crate::policy::Policy;
use crate::queue::{Entry, Queue};
use crate::request::Request;
use crate::roll;
use crate::tensor::NamedTensor;
use crate::watchdog::Watchdog;

/// The stack of a worker thread; graph libraries recurse deeper than the default allows for.
const STACK: usize = 8 * 1024 * 1024;

/// Loads a model, for each worker; called again after a panic.
pub(crate) type Open = Arc<dyn Fn() -> Result<Opened, LoadError> + Send + Sync>;

/// What a worker is given, whatever it turns out to run in.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) card: Card,
    pub(crate) labels: ModelLabels,
    pub(crate) queue: Arc<Queue>,
    /// How long one run may take.
    pub(crate) run: Duration,
    /// How many workers there are on a processor; another device has its own number.
    pub(crate) workers: usize,
}

/// What a loaded model turned out to run in and on.
pub(crate) struct Started {
    pub(crate) backend: String,
    pub(crate) place: Place,
    /// Why there.
    pub(crate) why: String,
    pub(crate) workers: usize,
}

/// Starts the workers and waits until each has loaded the model. `batching` says how its calls are merged, once the device is known.
///
/// # Errors
/// [`LoadError`] of `open`, or where no thread could be started.
pub(crate) fn start(
    post: Post,
    open: Open,
    batching: impl FnOnce(&Opened) -> Batcher + Send + 'static,
) -> Result<Started, LoadError> {
    let (batchers, made) = std_mpsc::sync_channel(1);
    let mut started = hire(post.clone(), open.clone(), move |opened| {
        let batcher = batching(opened);
        // Whoever reads it waits for this worker to have started.
        drop(batchers.send(batcher.clone()));
        batcher
    })?;
    // Nothing was sent only where the worker has ended, and said so.
    let Ok(batcher) = made.recv() else {
        return Ok(started);
    };
    for _ in 1..started.place.workers(post.workers) {
        let batcher = batcher.clone();
        let hired = hire(post.clone(), open.clone(), move |_| batcher);
        hired.inspect_err(|_| post.queue.close())?;
        started.workers += 1;
    }
    Ok(started)
}

/// Starts one worker and waits until it has loaded the model.
fn hire(
    post: Post,
    open: Open,
    batching: impl FnOnce(&Opened) -> Batcher + Send + 'static,
) -> Result<Started, LoadError> {
    let card = post.card.clone();
    own_thread(&card, move |report| {
        let _closes = Closes(post.queue.clone());
        match begin(post, open) {
            Err(error) => drop(report.send(Err(error))),
            Ok((worker, runtime)) => {
                let batcher = batching(&worker.opened);
                let told = report.send(Ok(Started {
                    backend: worker.opened.name.clone(),
                    place: worker.opened.place,
                    why: worker.opened.why.clone(),
                    workers: 1,
                }));
                if told.is_ok() {
                    worker.serve(&runtime, batcher);
                }
            }
        }
    })
}

/// Where a thread says once that it has loaded the model, or why not.
pub(crate) type Report = std_mpsc::SyncSender<Result<Started, LoadError>>;

/// Starts a thread that is to own the model of `card`, and waits until it has reported.
///
/// # Errors
/// What it reports, or where it cannot be started or ends without a word.
pub(crate) fn own_thread(
    card: &Card,
    body: impl FnOnce(Report) + Send + 'static,
) -> Result<Started, LoadError> {
    let model = named(card);
    let failed = |reason: String| LoadError::Worker {
        model: model.clone(),
        reason,
    };
    let (report, started) = std_mpsc::sync_channel(1);
    let thread = roll::list(model.clone(), |leaves| {
        thread::Builder::new()
            .name(format!("model {model}"))
            .stack_size(STACK)
            .spawn(move || {
                let _leaves = leaves;
                // What the model's library starts is started here, and so of this rank.
                if let Err(error) = fleetwright_turns::take(Rank::Compute) {
                    tracing::debug!(%error, "a model's thread takes turns with those that answer");
                }
                body(report);
            })
    });
    thread.map_err(|error| failed(error.to_string()))?;
    started
        .recv()
        .map_err(|_| failed("it ended while loading".to_owned()))?
}

/// Tells every caller, now and later, when a worker has ended, however it did: the others end with it, and the model is loaded anew.
pub(crate) struct Closes(pub(crate) Arc<Queue>);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.close();
    }
}

pub(crate) fn named(card: &Card) -> String {
    format!("{}@{}", card.name(), card.version())
}

struct Worker {
    post: Post,
    open: Open,
    opened: Opened,
    watchdog: Watchdog,
    meters: Meters,
    /// Processor time of the backend, in the run that is under way.
    used: Duration,
}

/// How a run failed.
enum Failure {
    /// The backend said so.
    Reported(RunError),
    /// The backend panicked, and its state cannot be trusted.
    Panicked(String),
    /// It passed its bound, and was told to stop.
    Stopped,
    /// Nobody waits for the answer any more.
    Abandoned,
}

/// What was computed, or was to be, does not fit.
fn failed(reason: String) -> Failure {
    Failure::Reported(RunError::Failed(reason))
}

/// A run that ended well: one list of outputs an entry.
struct Run {
    outputs: Vec<Vec<NamedTensor>>,
    rows: usize,
    /// Places that were computed, padding among them.
    places: u64,
    compute: Duration,
    /// Processor time of the backend in this thread, where it works here.
    processor: Option<Duration>,
}

/// What this thread has computed so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

impl Worker {
    fn serve(mut self, runtime: &Runtime, batcher: Batcher) {
        let policy = batcher.policy();
        while let Some(Batch { entries, held }) = runtime.block_on(batcher.next()) {
            let ended = self.execute(entries, policy);
            drop(held);
            if ended.is_break() {
                return;
            }
        }
    }

    /// Runs `entries` together and replies to each. Breaks where the model can serve no more.
    fn execute(&mut self, entries: Vec<Entry>, policy: Policy) -> ControlFlow<()> {
        let dispatched = tokio::time::Instant::now();
        let failure = match self.run(&entries, policy) {
            Ok(run) => {
                self.reply(entries, run, dispatched);
                return ControlFlow::Continue(());
            }
            Err(failure) => failure,
        };
        if let Failure::Panicked(message) = &failure {
            self.reopen(message)?;
        }
        if entries.len() > 1 && !matches!(failure, Failure::Stopped) {
            let mut wanted = entries.into_iter().filter(Entry::is_wanted);
            return wanted.try_for_each(|entry| self.execute(vec![entry], policy));
        }
        let error = match failure {
            Failure::Reported(RunError::Failed(message)) => InferError::Backend(message),
            Failure::Reported(RunError::OutOfMemory(reason)) => InferError::OutOfMemory {
                model: named(&self.post.card),
                device: self.opened.place.to_string(),
                reason,
            },
            Failure::Panicked(message) => {
                InferError::Backend(format!("the backend panicked: {message}"))
            }
            Failure::Stopped => InferError::Overrun {
                model: named(&self.post.card),
                limit: self.post.run,
            },
            Failure::Abandoned => return ControlFlow::Continue(()),
        };
        // Whoever waits no longer has had the answer that the deadline gives.
        for entry in entries.into_iter().filter(Entry::is_wanted) {
            entry.answer(Err(error.clone()));
        }
        ControlFlow::Continue(())
    }

    fn run(&mut self, entries: &[Entry], policy: Policy) -> Result<Run, Failure> {
        let started = Instant::now();
        self.used = Duration::ZERO;
        let requests: Vec<&Request> = entries.iter().map(|entry| &entry.request).collect();
        let rows = requests
            .iter()
            .map(|request| request.shape.rows as usize)
            .sum();
        let mut places = requests.iter().map(|request| request.shape.places()).sum();
        let axes = self.post.card.batch().cloned();
        let outputs = match (axes, requests.as_slice(), entries) {
            (Some(_), [one], [entry]) => vec![self.run_in_parts(one, entry, policy)?],
            (Some(axes), [_, _, ..], _) => {
                let card = &self.post.card;
                let merged = batch::merge(card, &axes, &requests).map_err(failed)?;
                places = merged.shape.places();
                let outputs = self.run_once(&merged, entries)?;
                batch::split(&self.post.card, &axes, &requests, &outputs).map_err(failed)?
            }
            // The policy merges nothing for a model without a batch axis.
            _ => requests
                .iter()
                .map(|request| self.run_once(request, entries))
                .collect::<Result<_, _>>()?,
        };
        Ok(Run {
            outputs,
            rows,
            places,
            compute: started.elapsed(),
            processor: self.opened.backend.runs_here().then_some(self.used),
        })
    }

    /// One entry, in as many runs as its rows take, until nobody waits for it.
    fn run_in_parts(
        &mut self,
        request: &Request,
        entry: &Entry,
        policy: Policy,
    ) -> Result<Vec<NamedTensor>, Failure> {
        let step = policy.rows_per_run(request.shape.length);
        if request.shape.rows <= step {
            return self.run_once(request, std::slice::from_ref(entry));
        }
        let mut parts = Vec::new();
        let mut first = 0;
        while first < request.shape.rows {
            if !entry.is_wanted() {
                return Err(Failure::Abandoned);
            }
            let count = step.min(request.shape.rows - first);
            let part = |(name, tensor): &NamedTensor| {
                Ok((name.clone(), batch::rows(tensor, first, count)?))
            };
            let inputs = request
                .inputs
                .iter()
                .map(part)
                .collect::<Result<_, String>>()
                .map_err(failed)?;
            let mut shape = request.shape.clone();
            shape.rows = count;
            let part = Request { inputs, shape };
            parts.push(self.run_once(&part, std::slice::from_ref(entry))?);
            first += count;
        }
        batch::join(&parts).map_err(failed)
    }

    /// One run of the backend for `entries`, which ends at its bound or when none of them is of use any more.
    fn run_once(
        &mut self,
        request: &Request,
        entries: &[Entry],
    ) -> Result<Vec<NamedTensor>, Failure> {
        let begun = Instant::now();
        let deadlines = entries.iter().map(|entry| entry.caller.deadline.into_std());
        let until = deadlines.max().unwrap_or(begun).min(begun + self.post.run);
        let backend = &mut self.opened.backend;
        if let Some(stop) = backend.stop() {
            self.watchdog.arm(until, stop);
        }
        // Unwind safe: after a panic the backend is thrown away.
        let before = processor_time();
        let ended = catch_unwind(AssertUnwindSafe(|| backend.run(&request.inputs)));
        self.used += processor_time().saturating_sub(before);
        let stopped = self.watchdog.disarm();
        let took = begun.elapsed();
        // A run that is stopped since nobody waits any more keeps its bound.
        if took >= self.post.run {
            let (labels, entries) = (&self.post.labels, entries.len());
            Overran {
                labels,
                entries,
                took,
                stopped,
            }
            .emit();
        }
        let outputs = match ended {
            Err(panic) => return Err(Failure::Panicked(panic_message(&*panic))),
            Ok(Err(_)) if stopped => return Err(Failure::Stopped),
            Ok(outputs) => outputs.map_err(Failure::Reported)?,
        };
        batch::check(&self.post.card, &request.shape, &outputs).map_err(failed)?;
        Ok(outputs)
    }

    fn reply(&mut self, entries: Vec<Entry>, run: Run, dispatched: tokio::time::Instant) {
        let served = entries.iter().map(|entry| Served {
            stage: entry.caller.stage.clone(),
            queued: dispatched.saturating_duration_since(entry.queued_at),
            places: entry.request.shape.places(),
        });
        let served: Vec<Served> = served.collect();
        Executed {
            rows: run.rows,
            places: run.places,
            compute: run.compute,
            processor: run.processor,
            entries: &served,
        }
        .emit(&mut self.meters);
        for ((entry, outputs), served) in entries.into_iter().zip(run.outputs).zip(served) {
            entry.answer(Ok(Inference {
                outputs,
                queue: served.queued,
                compute: run.compute,
                batch: run.rows,
            }));
        }
    }

    /// Loads the model anew after a panic.
    fn reopen(&mut self, message: &str) -> ControlFlow<()> {
        Panicked {
            labels: &self.post.labels,
            message,
        }
        .emit();
        match caught_open(&self.post.card, &self.open) {
            Ok(opened) => {
                let broken = std::mem::replace(&mut self.opened, opened);
                // What panicked once may panic again when it is dropped.
                drop(catch_unwind(AssertUnwindSafe(|| drop(broken))));
                ControlFlow::Continue(())
            }
            Err(error) => {
                Died {
                    labels: &self.post.labels,
                    reason: &error.to_string(),
                }
                .emit();
                ControlFlow::Break(())
            }
        }
    }
}

/// Loads the model and makes what its worker needs beside it.
fn begin(post: Post, open: Open) -> Result<(Worker, Runtime), LoadError> {
    let failed = |error: std::io::Error| LoadError::Worker {
        model: named(&post.card),
        reason: error.to_string(),
    };
    let opened = caught_open(&post.card, &open)?;
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(failed)?;
    let watchdog = Watchdog::start(&named(&post.card)).map_err(failed)?;
    let worker = Worker {
        meters: Meters::of(&post.labels),
        post,
        open,
        opened,
        watchdog,
        used: Duration::ZERO,
    };
    Ok((worker, runtime))
}

/// Opens the model; a panic becomes an error.
fn caught_open(card: &Card, open: &Open) -> Result<Opened, LoadError> {
    catch_unwind(AssertUnwindSafe(|| open())).unwrap_or_else(|panic| {
        Err(LoadError::Worker {
            model: format!("{}@{}", card.name(), card.version()),
            reason: format!(
                "the backend panicked while loading: {}",
                panic_message(&*panic)
            ),
        })
    })
}

/// The text of a panic, where it has one.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
