//! The queue of a model: what waits, and which of it runs next.
//!
//! Bounds: the channel holds as many entries as the model's `queue`; beside them wait those that the batcher
//! has looked at and not yet chosen, at most [`Policy::lookahead`]. Entries whose caller is gone or whose
//! deadline has passed are dropped before they cost a run.

use std::collections::VecDeque;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::events::Pending;
use crate::model::{InferError, Inference};
use crate::policy::Policy;
use crate::request::Request;

/// One call, waiting.
pub(crate) struct Entry {
    pub(crate) request: Request,
    pub(crate) deadline: Instant,
    pub(crate) queued_at: Instant,
    pub(crate) reply: oneshot::Sender<Result<Inference, InferError>>,
    pub(crate) pending: Pending,
}

impl Entry {
    /// Whether an answer would still reach someone in time.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.reply.is_closed() && Instant::now() < self.deadline
    }

    /// Replies. A caller that is gone needs no reply.
    pub(crate) fn answer(self, result: Result<Inference, InferError>) {
        // First, so that whoever has an answer no longer counts as waiting.
        drop(self.pending);
        drop(self.reply.send(result));
    }
}

/// The receiving end of a model's queue.
pub(crate) struct Batcher {
    queue: mpsc::Receiver<Entry>,
    waiting: VecDeque<Entry>,
    policy: Policy,
}

impl Batcher {
    pub(crate) fn new(queue: mpsc::Receiver<Entry>, policy: Policy) -> Batcher {
        Batcher {
            queue,
            waiting: VecDeque::new(),
            policy,
        }
    }

    /// The entries of the next run, at least one; `None` once every sender is gone and nothing waits.
    pub(crate) async fn next(&mut self) -> Option<Vec<Entry>> {
        loop {
            if self.waiting.is_empty() {
                self.waiting.push_back(self.queue.recv().await?);
            }
            self.take_queued();
            // Whoever still waits for a reply has a timer of its own for the deadline; dropping is enough.
            self.waiting.retain(Entry::is_wanted);
            let Some(choice) = self
                .policy
                .choose(self.waiting.iter().map(|entry| &entry.request.shape))
            else {
                continue;
            };
            let ready = self
                .waiting
                .front()
                .map(|oldest| oldest.queued_at + self.policy.delay);
            match ready {
                Some(ready) if !choice.full && Instant::now() < ready && self.has_room() => {
                    self.wait_until(ready).await
                }
                _ => return Some(self.remove(&choice.picked)),
            }
        }
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < self.policy.lookahead()
    }

    /// Moves what is queued to where it can be chosen from.
    fn take_queued(&mut self) {
        while self.has_room()
            && let Ok(entry) = self.queue.try_recv()
        {
            self.waiting.push_back(entry);
        }
    }

    /// Waits for another entry, at most until `ready`.
    async fn wait_until(&mut self, ready: Instant) {
        match timeout_at(ready, self.queue.recv()).await {
            Ok(Some(entry)) => self.waiting.push_back(entry),
            // No sender is left, so nothing can come: what waits runs now.
            Ok(None) => self.policy.delay = std::time::Duration::ZERO,
            Err(_) => {}
        }
    }

    fn remove(&mut self, picked: &[usize]) -> Vec<Entry> {
        // From the back, so that the places before stay what they were.
        let mut entries: Vec<Entry> = picked
            .iter()
            .rev()
            .filter_map(|place| self.waiting.remove(*place))
            .collect();
        entries.reverse();
        entries
    }
}

#[cfg(test)]
mod tests;
