//! Equal work once: what the stages of one submission ask of the models that several of them bind.
//!
//! The first call for some inputs computes; a call for equal inputs, while that runs or after it, is given its answer. Where
//! the first fails or is dropped, the next computes under its own deadline, so that nobody pays for another's limits. A
//! [`Work`] belongs to one submission and ends with it: across submissions nothing is shared, not even a time. Inputs are
//! compared byte for byte; nothing rests on a hash.
//!
//! Bounds: [`MOST_ANSWERS`] answers and [`MOST_BYTES`] of inputs and outputs are kept; beyond that, every call computes for
//! itself. By default, for a [`Work`] of no model, nothing is shared.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use crate::caller::Caller;
use crate::events::Shared;
use crate::model::{InferError, Inference, Model};
use crate::tensor::NamedTensor;

/// Answers that are kept for one submission.
const MOST_ANSWERS: usize = 64;
/// Bytes of tensors that are kept for one submission; what is being computed when they are reached still joins them.
const MOST_BYTES: usize = 8 << 20;

/// What one submission has asked of its models so far.
#[derive(Debug, Default)]
pub struct Work {
    models: Arc<[Model]>,
    asked: Mutex<Vec<Asked>>,
    bytes: AtomicUsize,
    aside: bool,
}

/// One computation, done or under way.
#[derive(Debug)]
struct Asked {
    model: Model,
    inputs: Vec<NamedTensor>,
    answer: Arc<OnceCell<Inference>>,
}

impl Work {
    /// The work of a submission whose stages share `models`: calls of any other model always compute.
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
        let Some(answer) = self.ask(model, &inputs) else {
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
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
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

    /// Where the answer to these inputs stands or will stand; none where it is not to be shared.
    fn ask(&self, model: &Model, inputs: &[NamedTensor]) -> Option<Arc<OnceCell<Inference>>> {
        self.models.iter().find(|shared| shared.is(model))?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let equal = |asked: &&Asked| asked.model.is(model) && asked.inputs == inputs;
        if let Some(asked) = asked.iter().find(equal) {
            return Some(asked.answer.clone());
        }
        let bytes = size(inputs);
        if asked.len() >= MOST_ANSWERS || self.bytes.load(Ordering::Relaxed) + bytes > MOST_BYTES {
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
