//! A loaded model, as its callers see it: [`Model::infer`].
//!
//! Calls wait in a bounded queue (default 256), at most until their deadline; a full queue is an error at
//! once. A run ends within its bound (default 30 s) where its library can be stopped, and once no call in it is
//! of use any more. Clones share its workers. When the last one is dropped, the workers answer what is queued and
//! end; nobody waits for them.

mod options;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::backend::{Backends, LoadError, Opened, Setting};
use crate::batcher::Batcher;
use crate::caller::{Caller, Crowd};
use crate::card::{Card, CardFile, Generation as GenerationLimits};
use crate::device::Place;
use crate::events::{Failed, Loaded, ModelLabels, Pending, Requested};
use crate::generate::{self, Ask, Asked, Generation};
use crate::queue::{Entry, Queue, Refused};
use crate::request::{Request, Shape};
use crate::tensor::NamedTensor;
use crate::threads::{Share, Threads};
use crate::unpad::{self, Divided, Part};
use crate::worker::{self, Open, Post, Started};

pub use self::options::LoadOptions;

/// Tokens that a step of a generative model takes in, where nothing else is said: a long prompt is read in pieces of that many, and
/// answers under way wait no longer than one takes.
const DEFAULT_STEP: u64 = 64;

/// Where the answer to a call comes from.
pub(crate) type Answer = oneshot::Receiver<Result<Inference, InferError>>;

/// A loaded model. Cheap to clone; clones share its workers.
#[derive(Clone, Debug)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    card: Card,
    identity: ModelIdentity,
    why: String,
    weights: u64,
    labels: ModelLabels,
    queue: Arc<Queue>,
    /// Whoever may ask; of a model that waits for calls to run together.
    crowd: Option<Arc<Crowd>>,
    share: Share,
    /// Whether calls are divided by the lengths of their rows: where places are what costs, and calls may run with others.
    unpads: bool,
}

/// What a started model is made of, besides its card.
struct Parts {
    queue: Arc<Queue>,
    crowd: Option<Arc<Crowd>>,
    share: Share,
    begun: std::time::Instant,
    merge: bool,
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
        let threads = backends.threads().clone();
        let setting = Setting {
            device: options.device,
            threads: options.share(card, threads.total()).threads,
            memory: options.device_memory,
        };
        if let Some(generation) = card.generation() {
            let sequences = options.sequences(card, generation)?;
            let open = generate::opener(card, setting.device, setting.threads, sequences)?;
            return Model::start_generative(card, generation, options, threads, open);
        }
        let (card_to_open, backends) = (card.clone(), backends.clone());
        let open = move || {
            // Every time, so that a model that is loaded anew is the one that was loaded first.
            card_to_open.verify_files()?;
            backends.open(&card_to_open, setting)
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
        let share = options.share(card, threads.total());
        let labels = ModelLabels::of(card);
        let queue = Arc::new(Queue::new(labels.clone(), options.queue));
        let crowd = Arc::new(Crowd::new(queue.changed().clone()));
        let (queued, asking) = (queue.clone(), crowd.clone());
        let batcher = move |opened: &Opened| {
            let policy = options.policy(max_rows, opened.place);
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
        let waits = !options.delay_at(started.place).is_zero();
        let crowd = waits.then_some(crowd);
        let parts = Parts {
            queue,
            crowd,
            share,
            begun,
            merge: options.merge,
        };
        Ok(Model::of(card, labels, started, parts))
    }

    /// Starts a generative model, which `open` opens.
    pub(crate) fn start_generative(
        card: &Card,
        generation: &GenerationLimits,
        options: LoadOptions,
        threads: Threads,
        open: Arc<dyn generate::Open>,
    ) -> Result<Model, LoadError> {
        let begun = std::time::Instant::now();
        let sequences = options.sequences(card, generation)?;
        let share = options.share(card, threads.total());
        let labels = ModelLabels::of(card);
        let queue = Arc::new(Queue::new(labels.clone(), options.queue));
        let budget = options.max_tokens.unwrap_or(DEFAULT_STEP);
        let post = generate::Post {
            card: card.clone(),
            labels: labels.clone(),
            queue: queue.clone(),
            run: options.run,
            sequences,
            context: generation.context as usize,
            budget: usize::try_from(budget).unwrap_or(usize::MAX),
            threads: (threads, share.threads),
        };
        let started = generate::start(post, open)?;
        let parts = Parts {
            queue,
            crowd: None,
            share,
            begun,
            merge: false,
        };
        Ok(Model::of(card, labels, started, parts))
    }

    /// A model that has started.
    fn of(card: &Card, labels: ModelLabels, started: Started, parts: Parts) -> Model {
        let Parts {
            queue,
            crowd,
            share,
            begun,
            merge,
        } = parts;
        let weights = weights(card, &started);
        Loaded {
            labels: &labels,
            backend: &started.backend,
            device: &started.place.to_string(),
            why: &started.why,
            threads: share.threads,
            workers: started.workers,
            weights,
            took: begun.elapsed(),
        }
        .emit();
        let identity = ModelIdentity {
            name: card.name().to_owned(),
            version: card.version().to_string(),
            digest: card.digest().to_owned(),
            adapter: card.adapter().map(str::to_owned),
            graph: card
                .graph(started.place.accelerator())
                .map(|file| format!("sha256:{}", file.sha256())),
            device: started.place.to_string(),
            backend: started.backend,
        };
        Model {
            inner: Arc::new(Inner {
                card: card.clone(),
                identity,
                why: started.why,
                weights,
                labels,
                queue,
                crowd,
                share: Share {
                    workers: started.workers,
                    ..share
                },
                unpads: merge && started.place == Place::Cpu,
            }),
        }
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
        Requested(&self.inner.labels).emit();
        let result = self.try_infer(inputs, caller.into()).await;
        result.map_err(|error| self.failed(error))
    }

    /// Asks a generative model as [`Model::infer`] does, and gives its text as it comes. Needs a tokio runtime with time.
    ///
    /// # Errors
    /// [`InferError`] where the call is not taken; [`InferError::InvalidInput`] for a model that is not generative.
    pub fn generate(
        &self,
        inputs: Vec<NamedTensor>,
        caller: impl Into<Caller>,
    ) -> Result<Generation, InferError> {
        Requested(&self.inner.labels).emit();
        let begun = self.try_generate(inputs, caller.into());
        begun.map_err(|error| self.failed(error))
    }

    fn try_generate(
        &self,
        inputs: Vec<NamedTensor>,
        caller: Caller,
    ) -> Result<Generation, InferError> {
        let Some(generation) = self.inner.card.generation() else {
            return Err(InferError::InvalidInput(format!(
                "model `{}` is not generative, and has no text to give piece by piece; bind one of format `gguf`",
                self.name()
            )));
        };
        let ask = Ask::read(&self.inner.card, generation, inputs)?;
        // One for each token, and one for what was held back at the end.
        let (sender, pieces) = mpsc::channel(ask.options.tokens as usize + 1);
        let (queued_at, deadline) = (Instant::now(), caller.deadline);
        let asked = Asked {
            ask,
            pieces: Some(sender),
        };
        let answer = self.enter(asked.ask.request(), Some(asked), caller, queued_at)?;
        Ok(Generation {
            model: self.clone(),
            pieces,
            answer: Some(answer),
            queued_at,
            deadline,
            whole: None,
        })
    }

    /// Tells of a call without an answer.
    pub(crate) fn failed(&self, error: InferError) -> InferError {
        Failed {
            labels: &self.inner.labels,
            reason: error.reason(),
            at_fault: matches!(
                error,
                InferError::Backend(_)
                    | InferError::OutOfMemory { .. }
                    | InferError::Overrun { .. }
                    | InferError::WorkerGone { .. }
            ),
            detail: &error,
        }
        .emit();
        error
    }

    async fn try_infer(
        &self,
        inputs: Vec<NamedTensor>,
        caller: Caller,
    ) -> Result<Inference, InferError> {
        let (card, queued_at, deadline) = (&self.inner.card, Instant::now(), caller.deadline);
        let (request, asked) = match card.generation() {
            Some(generation) => {
                let ask = Ask::read(card, generation, inputs)?;
                (ask.request(), Some(Asked { ask, pieces: None }))
            }
            None => match self.divide(Request::check(card, inputs)?)? {
                Divided::Whole(request) => (request, None),
                Divided::Parts { shape, parts } => {
                    return self.infer_parts(&shape, parts, caller).await;
                }
            },
        };
        let answer = self.enter(request, asked, caller, queued_at)?;
        self.awaited(answer, queued_at, deadline).await
    }

    fn divide(&self, request: Request) -> Result<Divided, InferError> {
        match self.inner.unpads {
            true => unpad::divide(&self.inner.card, request).map_err(InferError::Backend),
            false => Ok(Divided::Whole(request)),
        }
    }

    /// A call in parts, which all wait at once: the answer is there when the last has come.
    async fn infer_parts(
        &self,
        shape: &Shape,
        parts: Vec<Part>,
        caller: Caller,
    ) -> Result<Inference, InferError> {
        let (queued_at, deadline) = (Instant::now(), caller.deadline);
        let mut asked = Vec::with_capacity(parts.len());
        for Part { request, rows } in parts {
            let answer = self.enter(request, None, caller.clone(), queued_at)?;
            asked.push((rows, answer));
        }
        let (mut answered, mut compute, mut batch) = (Vec::new(), Duration::ZERO, 0);
        for (rows, answer) in asked {
            let part = self.awaited(answer, queued_at, deadline).await?;
            compute += part.compute;
            batch = batch.max(part.batch);
            answered.push((rows, part.outputs));
        }
        let outputs = unpad::whole(&self.inner.card, shape, &answered);
        Ok(Inference {
            outputs: outputs.map_err(InferError::Backend)?,
            // What is left of the time: the parts may have run side by side.
            queue: queued_at.elapsed().saturating_sub(compute),
            compute,
            batch,
        })
    }

    /// Puts a call in the queue.
    fn enter(
        &self,
        request: Request,
        asked: Option<Asked>,
        caller: Caller,
        queued_at: Instant,
    ) -> Result<Answer, InferError> {
        if queued_at >= caller.deadline {
            return Err(self.late(queued_at.elapsed()));
        }
        let (reply, answer) = oneshot::channel();
        let pending = Pending::enter(&self.inner.labels);
        let entry = Entry {
            request,
            caller,
            queued_at,
            reply,
            pending,
            asked,
        };
        let pushed = self.inner.queue.push(entry);
        pushed.map_err(|refused| match refused {
            Refused::Full => self.inner.queue.full(),
            Refused::Closed => InferError::WorkerGone { model: self.name() },
        })?;
        Ok(answer)
    }

    /// Waits for the answer to a call.
    pub(crate) async fn awaited(
        &self,
        answer: Answer,
        queued_at: Instant,
        deadline: Instant,
    ) -> Result<Inference, InferError> {
        let expired = || self.late(queued_at.elapsed());
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

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.inner.queue.waiting()
    }

    pub(crate) fn crowd(&self) -> Option<Arc<Crowd>> {
        self.inner.crowd.clone()
    }

    /// Which model this is, and what it runs in and on.
    pub fn identity(&self) -> &ModelIdentity {
        &self.inner.identity
    }

    /// Why it runs on the device that it runs on: it was declared, or what `auto` found.
    pub fn why(&self) -> &str {
        &self.inner.why
    }

    /// Bytes of its weights, once for each worker: what it takes of its device's memory at least. What its runs take beside them is
    /// known to no library alike.
    pub fn weights(&self) -> u64 {
        self.inner.weights
    }

    /// The card that the model was loaded by.
    pub fn card(&self) -> &Card {
        &self.inner.card
    }
}

fn weights(card: &Card, started: &Started) -> u64 {
    let graph = card.graph(started.place.accelerator());
    let files: u64 = match graph {
        Some(graph) => graph.bytes(),
        None => card.files().iter().map(CardFile::bytes).sum(),
    };
    files.saturating_mul(started.workers as u64)
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
    /// The adapter with which it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
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
    /// How long its run took, for all that were in it; of several runs where the call has many rows, or rows of unlike lengths,
    /// their sum.
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
