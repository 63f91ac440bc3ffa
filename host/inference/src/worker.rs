//! The thread that owns a loaded model.
//!
//! It loads the model, asks the batcher for entries, runs them and replies. What goes wrong in a run of
//! several entries is tried again one by one, so that an entry harms itself alone. After a panic the model
//! is loaded anew; if that fails the thread ends, and its callers get [`InferError::WorkerGone`].

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::backend::{LoadError, Opened};
use crate::batch;
use crate::batcher::{Batcher, Entry};
use crate::card::Card;
use crate::events::{Died, Executed, ModelLabels, Panicked};
use crate::model::{InferError, Inference};
use crate::policy::Policy;
use crate::request::Request;
use crate::tensor::NamedTensor;

/// The stack of a worker thread; graph libraries recurse deeper than the default allows for.
const STACK: usize = 8 * 1024 * 1024;

/// Loads a model; called again after a panic.
pub(crate) type Open = Box<dyn Fn() -> Result<Opened, LoadError> + Send>;

/// What a loaded model turned out to run in and on.
pub(crate) struct Started {
    pub(crate) backend: String,
    pub(crate) device: String,
}

/// Starts the thread and waits until the model is loaded. `queue` gives it its batcher, once the device is known.
///
/// # Errors
/// [`LoadError`] of `open`, or where no thread could be started.
pub(crate) fn start(
    card: Card,
    labels: ModelLabels,
    open: Open,
    batcher: impl FnOnce(&Opened) -> (Batcher, Policy) + Send + 'static,
) -> Result<Started, LoadError> {
    let model = format!("{}@{}", card.name(), card.version());
    let failed = |reason: String| LoadError::Worker {
        model: model.clone(),
        reason,
    };
    let (report, started) = std_mpsc::sync_channel(1);
    let body = move || {
        let (opened, runtime) = match (
            caught_open(&card, &open),
            Builder::new_current_thread().enable_time().build(),
        ) {
            (Ok(opened), Ok(runtime)) => (opened, runtime),
            (Err(error), _) => return drop(report.send(Err(error))),
            (_, Err(error)) => {
                let model = format!("{}@{}", card.name(), card.version());
                return drop(report.send(Err(LoadError::Worker {
                    model,
                    reason: error.to_string(),
                })));
            }
        };
        let (batcher, policy) = batcher(&opened);
        let told = report.send(Ok(Started {
            backend: opened.name.clone(),
            device: opened.device.clone(),
        }));
        if told.is_ok() {
            Worker {
                card,
                labels,
                open,
                opened,
                policy,
            }
            .serve(&runtime, batcher);
        }
    };
    let thread = thread::Builder::new()
        .name(format!("model {model}"))
        .stack_size(STACK)
        .spawn(body);
    thread.map_err(|error| failed(error.to_string()))?;
    started
        .recv()
        .map_err(|_| failed("it ended while loading".to_owned()))?
}

struct Worker {
    card: Card,
    labels: ModelLabels,
    open: Open,
    opened: Opened,
    policy: Policy,
}

/// How a run failed.
enum Failure {
    /// The backend said so.
    Reported(String),
    /// The backend panicked, and its state cannot be trusted.
    Panicked(String),
    /// Nobody waits for the answer any more.
    Abandoned,
}

/// A run that ended well: one list of outputs an entry.
struct Run {
    outputs: Vec<Vec<NamedTensor>>,
    rows: usize,
    compute: Duration,
}

impl Worker {
    fn serve(mut self, runtime: &Runtime, mut batcher: Batcher) {
        while let Some(entries) = runtime.block_on(batcher.next()) {
            if self.execute(entries).is_break() {
                // Dropping the queue tells every caller, now and later.
                return;
            }
        }
    }

    /// Runs `entries` together and replies to each. Breaks where the model can serve no more.
    fn execute(&mut self, entries: Vec<Entry>) -> ControlFlow<()> {
        let dispatched = tokio::time::Instant::now();
        let failure = match self.run(&entries) {
            Ok(run) => {
                self.reply(entries, run, dispatched);
                return ControlFlow::Continue(());
            }
            Err(failure) => failure,
        };
        if let Failure::Panicked(message) = &failure {
            self.reopen(message)?;
        }
        if entries.len() > 1 {
            let mut wanted = entries.into_iter().filter(Entry::is_wanted);
            return wanted.try_for_each(|entry| self.execute(vec![entry]));
        }
        let error = match failure {
            Failure::Reported(message) => InferError::Backend(message),
            Failure::Panicked(message) => {
                InferError::Backend(format!("the backend panicked: {message}"))
            }
            Failure::Abandoned => return ControlFlow::Continue(()),
        };
        for entry in entries {
            entry.answer(Err(error.clone()));
        }
        ControlFlow::Continue(())
    }

    fn run(&mut self, entries: &[Entry]) -> Result<Run, Failure> {
        let started = Instant::now();
        let requests: Vec<&Request> = entries.iter().map(|entry| &entry.request).collect();
        let rows = requests
            .iter()
            .map(|request| request.shape.rows as usize)
            .sum();
        let outputs = match (self.card.batch().cloned(), requests.as_slice(), entries) {
            (Some(_), [one], [entry]) => vec![self.run_in_parts(one, entry)?],
            (Some(axes), [_, _, ..], _) => {
                let merged =
                    batch::merge(&self.card, &axes, &requests).map_err(Failure::Reported)?;
                let outputs = self.run_once(&merged)?;
                batch::split(&self.card, &axes, &requests, &outputs).map_err(Failure::Reported)?
            }
            // The policy merges nothing for a model without a batch axis.
            _ => requests
                .iter()
                .map(|request| self.run_once(request))
                .collect::<Result<_, _>>()?,
        };
        Ok(Run {
            outputs,
            rows,
            compute: started.elapsed(),
        })
    }

    /// One entry, in as many runs as its rows take, until nobody waits for it.
    fn run_in_parts(
        &mut self,
        request: &Request,
        entry: &Entry,
    ) -> Result<Vec<NamedTensor>, Failure> {
        let step = self.policy.rows_per_run(request.shape.length);
        if request.shape.rows <= step {
            return self.run_once(request);
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
                .map_err(Failure::Reported)?;
            let mut shape = request.shape.clone();
            shape.rows = count;
            parts.push(self.run_once(&Request { inputs, shape })?);
            first += count;
        }
        batch::join(&parts).map_err(Failure::Reported)
    }

    fn run_once(&mut self, request: &Request) -> Result<Vec<NamedTensor>, Failure> {
        let backend = &mut self.opened.backend;
        // Unwind safe: after a panic the backend is thrown away.
        let outputs = catch_unwind(AssertUnwindSafe(|| backend.run(&request.inputs)))
            .map_err(|panic| Failure::Panicked(panic_message(&*panic)))?
            .map_err(Failure::Reported)?;
        batch::check(&self.card, &request.shape, &outputs).map_err(Failure::Reported)?;
        Ok(outputs)
    }

    fn reply(&self, entries: Vec<Entry>, run: Run, dispatched: tokio::time::Instant) {
        let queued: Vec<Duration> = entries
            .iter()
            .map(|entry| dispatched.saturating_duration_since(entry.queued_at))
            .collect();
        Executed {
            labels: &self.labels,
            rows: run.rows,
            entries: entries.len(),
            compute: run.compute,
            queued: &queued,
        }
        .emit();
        for ((entry, outputs), queue) in entries.into_iter().zip(run.outputs).zip(queued) {
            entry.answer(Ok(Inference {
                outputs,
                queue,
                compute: run.compute,
                batch: run.rows,
            }));
        }
    }

    /// Loads the model anew after a panic.
    fn reopen(&mut self, message: &str) -> ControlFlow<()> {
        Panicked {
            labels: &self.labels,
            message,
        }
        .emit();
        match caught_open(&self.card, &self.open) {
            Ok(opened) => {
                let broken = std::mem::replace(&mut self.opened, opened);
                // What panicked once may panic again when it is dropped.
                drop(catch_unwind(AssertUnwindSafe(|| drop(broken))));
                ControlFlow::Continue(())
            }
            Err(error) => {
                Died {
                    labels: &self.labels,
                    reason: &error.to_string(),
                }
                .emit();
                ControlFlow::Break(())
            }
        }
    }
}

/// Opens the model; a panic becomes an error.
fn caught_open(card: &Card, open: &Open) -> Result<Opened, LoadError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
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
