//! Equal work once: what the stages of one submission ask of their models.
//!
//! The first call for some inputs computes; a call for equal inputs, of whichever stage, while that runs or after it, is given its
//! answer. Where the first fails or is dropped, the next computes under its own deadline, so that nobody pays for another's limits. A
//! [`Work`] belongs to one submission and ends with it: across submissions nothing is shared, not even a time. Inputs are
//! compared byte for byte; nothing rests on a hash.
//!
//! Bounds: of models that several stages bind [`BETWEEN`] is kept, of those that one stage binds [`WITHIN`], so that what one stage asks
//! never takes the room of what several do. Beyond that, every call computes for itself. By default, for a [`Work`] of no such models,
//! all is within a stage.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use crate::caller::Caller;
use crate::events::Shared;
use crate::model::{InferError, Inference, Model};
use crate::tensor::NamedTensor;

/// What is kept of models that several stages bind.
const BETWEEN: Most = Most {
    answers: 64,
    bytes: 8 << 20,
};
/// What is kept of models that one stage binds.
const WITHIN: Most = Most {
    answers: 16,
    bytes: 1 << 20,
};

/// What is kept of what a shadow asks.
const NOTHING: Most = Most {
    answers: 0,
    bytes: 0,
};

/// How much is kept for one submission.
#[derive(Clone, Copy, Debug)]
struct Most {
    answers: usize,
    /// Of tensors; what is being computed when they are reached still joins them.
    bytes: usize,
}

/// What one submission has asked of its models so far.
#[derive(Debug, Default)]
pub struct Work {
    models: Arc<[Model]>,
    between: Kept,
    within: Kept,
    aside: bool,
}

/// Computations, done or under way, and the bytes of their tensors.
#[derive(Debug, Default)]
struct Kept {
    asked: Mutex<Vec<Asked>>,
    bytes: AtomicUsize,
}

/// One computation, done or under way.
#[derive(Debug)]
struct Asked {
    model: Model,
    inputs: Vec<NamedTensor>,
    answer: Arc<OnceCell<Inference>>,
}

impl Work {
    /// The work of a submission, of whose models several stages bind `models`.
    pub fn new(models: Arc<[Model]>) -> Work {
        Work {
            models,
            ..Work::default()
        }
    }

    /// The work of a shadow: nothing is shared, and nobody waits for its answers ([`Caller::aside`]).
    pub fn aside() -> Work {
        Work {
            aside: true,
            ..Work::default()
        }
    }

    /// Whether nobody waits for its answers.
    pub fn is_aside(&self) -> bool {
        self.aside
    }

    /// What [`Model::infer`] gives. A call that was given another's answer spent no time computing: it waited.
    ///
    /// # Errors
    /// As [`Model::infer`].
    pub async fn infer(
        &self,
        model: &Model,
        inputs: Vec<NamedTensor>,
        caller: impl Into<Caller>,
    ) -> Result<Inference, InferError> {
        let caller = caller.into();
        let deadline = caller.deadline;
        let (kept, most) = self.kept(model);
        let Some(answer) = kept.ask(model, &inputs, most) else {
            return model.infer(inputs, caller).await;
        };
        let (begun, mut computed) = (Instant::now(), false);
        let compute = || {
            computed = true;
            model.infer(inputs, caller)
        };
        let answer = timeout_at(deadline, answer.get_or_try_init(compute)).await;
        let waited = begun.elapsed();
        match answer {
            Ok(Ok(inference)) if computed => {
                let bytes = size(&inference.outputs);
                kept.bytes.fetch_add(bytes, Ordering::Relaxed);
                Ok(inference.clone())
            }
            Ok(Ok(inference)) => {
                let saved = inference.compute;
                model.emit(|labels| Shared { labels, saved }.emit());
                Ok(Inference {
                    queue: waited,
                    compute: Duration::ZERO,
                    ..inference.clone()
                })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(model.late(waited)),
        }
    }

    /// Where what is asked of a model is kept, and how much of it.
    fn kept(&self, model: &Model) -> (&Kept, Most) {
        if self.aside {
            (&self.within, NOTHING)
        } else if self.models.iter().any(|shared| shared.is(model)) {
            (&self.between, BETWEEN)
        } else {
            (&self.within, WITHIN)
        }
    }
}

impl Kept {
    /// Where the answer to these inputs stands or will stand; none where there is no room for it.
    fn ask(
        &self,
        model: &Model,
        inputs: &[NamedTensor],
        most: Most,
    ) -> Option<Arc<OnceCell<Inference>>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let equal = |asked: &&Asked| asked.model.is(model) && asked.inputs == inputs;
        if let Some(asked) = asked.iter().find(equal) {
            return Some(asked.answer.clone());
        }
        let bytes = size(inputs);
        if asked.len() >= most.answers || self.bytes.load(Ordering::Relaxed) + bytes > most.bytes {
            return None;
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let answer = Arc::default();
        asked.push(Asked {
            model: model.clone(),
            inputs: inputs.to_vec(),
            answer: Arc::clone(&answer),
        });
        Some(answer)
    }
}

fn size(tensors: &[NamedTensor]) -> usize {
    tensors.iter().map(|(_, tensor)| tensor.data().len()).sum()
}

#[cfg(test)]
mod tests;
