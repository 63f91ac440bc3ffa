//! A loaded model, as its callers see it: [`Model::infer`].
//!
//! Calls wait in a bounded queue (default 256), at most until their deadline; a full queue is an error at
//! once. A run ends within its bound (default 30 s) where its library can be stopped, and once no call in it is
//! of use any more. Clones share its workers. When the last one is dropped, the workers answer what is queued and
//! end; nobody waits for them.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::backend::{Backends, LoadError, Opened, Setting};
use crate::batcher::Batcher;
use crate::caller::{Caller, Crowd};
use crate::card::Card;
use crate::device::{Device, Place};
use crate::events::{Failed, Loaded, ModelLabels, Pending, Requested};
use crate::policy::Policy;
use crate::queue::{Entry, Queue, Refused};
use crate::request::Request;
use crate::tensor::NamedTensor;
use crate::threads::{MAX_THREADS, MAX_WORKERS, Share, Threads};
use crate::warm_up;
use crate::worker::{self, Open, Post};

/// The longest queue that may be asked for.
const MAX_QUEUE: usize = 65_536;
/// How long one run may take, where nothing else is said: a scanned page takes seconds.
const DEFAULT_RUN: Duration = Duration::from_secs(30);

/// A loaded model. Cheap to clone; clones share its workers.
#[derive(Clone, Debug)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    card: Card,
    identity: ModelIdentity,
    labels: ModelLabels,
    queue: Arc<Queue>,
    /// Whoever may ask; of a model that waits for calls to run together.
    crowd: Option<Arc<Crowd>>,
    share: Share,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.finish();
    }
}

impl Model {
    /// Verifies the files of `card`, loads the model on each worker's own thread, holds the graph to the card and runs it once.
    /// Blocks until that is done: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`LoadError`] naming both sides of what does not fit.
    pub fn load(
        card: &Card,
        backends: &Backends,
        options: LoadOptions,
    ) -> Result<Model, LoadError> {
        let (card_to_open, backends) = (card.clone(), backends.clone());
        let threads = backends.threads().clone();
        let setting = Setting {
            device: options.device,
            threads: options.share(threads.total()).threads,
            memory: options.device_memory,
        };
        let open = move || {
            // Every time, so that a model that is loaded anew is the one that was loaded first.
            card_to_open.verify_files()?;
            let mut opened = backends.open(&card_to_open, setting)?;
            warm_up::run(&card_to_open, &mut opened)?;
            Ok(opened)
        };
        Model::start(card, options, threads, Arc::new(open))
    }

    pub(crate) fn start(
        card: &Card,
        options: LoadOptions,
        threads: Threads,
        open: Open,
    ) -> Result<Model, LoadError> {
        let begun = std::time::Instant::now();
        let max_rows = options.max_rows(card)?;
        let share = options.share(threads.total());
        let labels = ModelLabels {
            model: card.name().into(),
            version: card.version().to_string().into(),
        };
        let queue = Arc::new(Queue::new(labels.clone(), options.queue));
        let crowd = Arc::new(Crowd::new(queue.changed().clone()));
        let (queued, asking) = (queue.clone(), crowd.clone());
        let batcher = move |opened: &Opened| {
            let policy = Policy::new(max_rows, options.max_tokens, options.delay, opened.place);
            let policy = match options.merge {
                true => policy,
                false => policy.without_merging(),
            };
            // What a device computes takes no thread of the processor.
            let threads = (opened.place == Place::Cpu).then_some((threads, share.threads));
            Batcher::new(queued, asking, policy, threads)
        };
        let post = Post {
            card: card.clone(),
            labels: labels.clone(),
            queue: queue.clone(),
            run: options.run,
            workers: share.workers,
        };
        let started = worker::start(post, open, batcher)?;
        Loaded {
            labels: &labels,
            backend: &started.backend,
            device: &started.place.to_string(),
            why: &started.why,
            threads: share.threads,
            workers: started.workers,
            took: begun.elapsed(),
        }
        .emit();
        let identity = ModelIdentity {
            name: card.name().to_owned(),
            version: card.version().to_string(),
            digest: card.digest().to_owned(),
            graph: card
                .graph(started.place.accelerator())
                .map(|file| format!("sha256:{}", file.sha256())),
            device: started.place.to_string(),
            backend: started.backend,
        };
        Ok(Model {
            inner: Arc::new(Inner {
                card: card.clone(),
                identity,
                labels,
                queue,
                crowd: (!options.delay.is_zero()).then_some(crowd),
                share: Share {
                    workers: started.workers,
                    ..share
                },
            }),
        })
    }

    /// Runs the model on `inputs`, perhaps together with other callers', and gives this call's own outputs.
    /// Ends by the deadline of `caller` at the latest. Dropping the future abandons the call. Needs a tokio runtime with time.
    ///
    /// # Errors
    /// [`InferError`]; each is counted by its reason.
    pub async fn infer(
        &self,
        inputs: Vec<NamedTensor>,
        caller: impl Into<Caller>,
    ) -> Result<Inference, InferError> {
        let labels = &self.inner.labels;
        Requested(labels).emit();
        let result = self.try_infer(inputs, caller.into()).await;
        if let Err(error) = &result {
            Failed {
                labels,
                reason: error.reason(),
                at_fault: matches!(
                    error,
                    InferError::Backend(_)
                        | InferError::OutOfMemory { .. }
                        | InferError::Overrun { .. }
                        | InferError::WorkerGone { .. }
                ),
                detail: error,
            }
            .emit();
        }
        result
    }

    async fn try_infer(
        &self,
        inputs: Vec<NamedTensor>,
        caller: Caller,
    ) -> Result<Inference, InferError> {
        let request = Request::check(&self.inner.card, inputs)?;
        let deadline = caller.deadline;
        let queued_at = Instant::now();
        let expired = || self.late(queued_at.elapsed());
        if queued_at >= deadline {
            return Err(expired());
        }
        let (reply, answer) = oneshot::channel();
        let pending = Pending::enter(&self.inner.labels);
        let entry = Entry {
            request,
            caller,
            queued_at,
            reply,
            pending,
        };
        let pushed = self.inner.queue.push(entry);
        pushed.map_err(|refused| match refused {
            Refused::Full => self.inner.queue.full(),
            Refused::Closed => InferError::WorkerGone { model: self.name() },
        })?;
        match timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            // The worker drops entries past their deadline, perhaps a moment before our own timer.
            Ok(Err(_)) if Instant::now() >= deadline => Err(expired()),
            Ok(Err(_)) => Err(InferError::WorkerGone { model: self.name() }),
            Err(_) => Err(expired()),
        }
    }

    /// The error of a call that had no answer in time.
    pub(crate) fn late(&self, waited: Duration) -> InferError {
        InferError::DeadlineExceeded {
            model: self.name(),
            waited,
        }
    }

    /// Tells of an event of this model.
    pub(crate) fn emit(&self, event: impl FnOnce(&ModelLabels)) {
        event(&self.inner.labels);
    }

    fn name(&self) -> String {
        format!(
            "{}@{}",
            self.inner.identity.name, self.inner.identity.version
        )
    }

    /// Whether `other` is this model: the same loaded copy, not merely the same card.
    pub fn is(&self, other: &Model) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether its workers take calls: one whose backend broke beyond repair does not, and must be loaded anew.
    pub fn serves(&self) -> bool {
        !self.inner.queue.is_closed()
    }

    /// Threads that a run of it computes with, which one on another device needs none of, and runs at once.
    pub fn share(&self) -> Share {
        self.inner.share
    }

    pub(crate) fn crowd(&self) -> Option<Arc<Crowd>> {
        self.inner.crowd.clone()
    }

    /// Which model this is, and what it runs in and on.
    pub fn identity(&self) -> &ModelIdentity {
        &self.inner.identity
    }

    /// The card that the model was loaded by.
    pub fn card(&self) -> &Card {
        &self.inner.card
    }
}

/// How a model is loaded and its calls are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Where it runs. Default: [`Device::Auto`].
    pub device: Device,
    /// The most bytes of a device's own memory that it may take, each of its workers; of CUDA alone. Default: what there is.
    pub device_memory: Option<u64>,
    /// The most rows of a run, in place of the card's; 1 merges nothing. Default: the card's.
    pub max_batch: Option<usize>,
    /// The most tokens of a run of several calls, padding included: rows × length. Default: what suits the device, 256 on a
    /// processor, 16,384 elsewhere.
    pub max_tokens: Option<u64>,
    /// How long the oldest call waits for others to join it, while somebody is left who could ask. Default: not at all.
    pub delay: Duration,
    /// How long one run may take. Default: 30 s.
    pub run: Duration,
    /// Whether calls of several callers run together: faster under load, but the last digits of an answer may then depend
    /// on who else asks. Default: yes.
    pub merge: bool,
    /// How many calls may wait. Default: 256.
    pub queue: usize,
    /// Threads that compute a run, and runs at once. Default: as [`Share::of`] says of the threads that there are now; whoever
    /// is about to change those names its own.
    pub share: Option<Share>,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            device: Device::Auto,
            device_memory: None,
            max_batch: None,
            max_tokens: None,
            delay: Duration::ZERO,
            run: DEFAULT_RUN,
            merge: true,
            queue: 256,
            share: None,
        }
    }
}

impl LoadOptions {
    /// What a run takes, where there are `all` threads and nothing else is said.
    fn share(&self, all: usize) -> Share {
        self.share.unwrap_or_else(|| Share::of(all, None))
    }

    /// The most rows of a run of `card`, once every option is within its bounds.
    fn max_rows(&self, card: &Card) -> Result<usize, LoadError> {
        let refuse = |message: String| {
            Err(LoadError::Option {
                model: format!("{}@{}", card.name(), card.version()),
                message,
            })
        };
        if self.queue == 0 || self.queue > MAX_QUEUE {
            return refuse(format!(
                "a queue of `{}` is asked for; it holds `1` to `{MAX_QUEUE}`",
                self.queue
            ));
        }
        if let Some(Share { threads, workers }) = self.share
            && !((1..=MAX_THREADS).contains(&threads) && (1..=MAX_WORKERS).contains(&workers))
        {
            return refuse(format!(
                "`{threads}` threads and `{workers}` workers are asked for; give `1` to `{MAX_THREADS}` and `1` to `{MAX_WORKERS}`"
            ));
        }
        if self.max_tokens == Some(0) {
            return refuse("a batch of `0` tokens is asked for; give at least `1`".to_owned());
        }
        if self.run.is_zero() {
            return refuse("a run of no time is asked for; give at least `1ms`".to_owned());
        }
        match (self.max_batch, card.batch()) {
            (Some(0), _) => {
                refuse("a batch of `0` rows is asked for; give at least `1`".to_owned())
            }
            (Some(rows), None) if rows > 1 => refuse(format!(
                "a batch of `{rows}` rows is asked for, and the card has no `[batch]`; add one, or ask for `1`"
            )),
            (Some(rows), _) => Ok(rows),
            (None, batch) => Ok(batch.map_or(1, |batch| batch.max)),
        }
    }
}

/// Which model answered, so that an outcome can say so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ModelIdentity {
    /// The model's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its card: see [`Card::digest`].
    pub digest: String,
    /// The digest of the graph that computes: a card may have one for each kind of device. Absent where the format has no graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<String>,
    /// What it runs on: `cpu`, `cuda:0` or `webgpu`.
    pub device: String,
    /// What it runs in, such as `onnxruntime 1.32.0`.
    pub backend: String,
}

/// The answer to one call.
#[derive(Clone, Debug)]
pub struct Inference {
    /// The outputs that the card names, by name.
    pub outputs: Vec<NamedTensor>,
    /// How long the call waited for its run.
    pub queue: Duration,
    /// How long its run took, for all that were in it; of several runs where the call has many rows, their sum.
    pub compute: Duration,
    /// The rows that ran with it, its own and those of other callers.
    pub batch: usize,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InferError {
    /// The inputs do not fit the card.
    #[error("{0}")]
    InvalidInput(String),
    /// An axis is longer than the card allows.
    #[error("{0}")]
    TooLarge(String),
    /// Too many calls wait already.
    #[error(
        "model `{model}` has `{queue}` calls waiting, as many as its queue holds; try again later"
    )]
    QueueFull {
        /// Name and version.
        model: String,
        /// How many calls may wait.
        queue: usize,
    },
    /// The deadline passed before the answer came.
    #[error("model `{model}` had no answer by the deadline, after `{}` ms; allow more time", waited.as_millis())]
    DeadlineExceeded {
        /// Name and version.
        model: String,
        /// How long the call waited.
        waited: Duration,
    },
    /// The run took longer than a run of this model may.
    #[error("a run of model `{model}` was stopped after `{}` ms, the most that one may take; send less at once, or raise the model's `run`", limit.as_millis())]
    Overrun {
        /// Name and version.
        model: String,
        /// How long a run may take.
        limit: Duration,
    },
    /// There was no memory for what these inputs take. The model goes on.
    #[error(
        "model `{model}` had no memory on `{device}` for this run ({reason}); send less at once, lower `batch.tokens`, or give it more memory"
    )]
    OutOfMemory {
        /// Name and version.
        model: String,
        /// What it runs on.
        device: String,
        /// What the library said.
        reason: String,
    },
    /// The backend failed on these inputs.
    #[error("the model's run failed: {0}")]
    Backend(String),
    /// The model's worker has ended and cannot be had back.
    #[error("model `{model}` serves no more; reload it, and see the log for the reason")]
    WorkerGone {
        /// Name and version.
        model: String,
    },
}

impl InferError {
    /// The reason as metrics label it.
    pub fn reason(&self) -> &'static str {
        match self {
            InferError::InvalidInput(_) => "invalid-input",
            InferError::TooLarge(_) => "too-large",
            InferError::QueueFull { .. } => "queue-full",
            InferError::DeadlineExceeded { .. } => "deadline",
            InferError::Overrun { .. } => "overrun",
            InferError::OutOfMemory { .. } => "out-of-memory",
            InferError::Backend(_) => "backend",
            InferError::WorkerGone { .. } => "worker-gone",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
