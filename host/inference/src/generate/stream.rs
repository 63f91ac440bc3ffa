//! An answer that is being generated, piece by piece.
//!
//! Bounds: pieces wait in a channel that holds as many as the answer may have tokens, so that a slow reader holds nobody up; the
//! answer ends at its caller's deadline. Dropping it frees its sequence before the next step.

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::model::{InferError, Inference, Model};

/// An answer under way; see [`Model::generate`].
#[derive(Debug)]
pub struct Generation {
    pub(crate) model: Model,
    pub(crate) pieces: mpsc::Receiver<String>,
    /// None once it has been asked.
    pub(crate) answer: Option<oneshot::Receiver<Result<Inference, InferError>>>,
    pub(crate) queued_at: Instant,
    pub(crate) deadline: Instant,
    pub(crate) whole: Option<Inference>,
}

impl Generation {
    /// The next piece of text, never an empty one; nothing once the text has ended.
    ///
    /// # Errors
    /// As [`Model::infer`]; nothing follows.
    pub async fn next(&mut self) -> Result<Option<String>, InferError> {
        if self.answer.is_none() {
            return Ok(None);
        }
        match timeout_at(self.deadline, self.pieces.recv()).await {
            Ok(Some(piece)) => Ok(Some(piece)),
            // The sender is gone: there is an answer, or an error.
            Ok(None) => self.end().await.map(|()| None),
            Err(_) => {
                self.answer = None;
                Err(self.model.failed(self.model.late(self.queued_at.elapsed())))
            }
        }
    }

    async fn end(&mut self) -> Result<(), InferError> {
        let Some(answer) = self.answer.take() else {
            return Ok(());
        };
        let awaited = self.model.awaited(answer, self.queued_at, self.deadline);
        match awaited.await {
            Ok(inference) => {
                self.whole = Some(inference);
                Ok(())
            }
            Err(error) => Err(self.model.failed(error)),
        }
    }

    /// What [`Model::infer`] would have given, once the text has ended.
    pub fn whole(&self) -> Option<&Inference> {
        self.whole.as_ref()
    }
}
