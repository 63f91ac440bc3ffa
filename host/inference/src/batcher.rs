//! Waits until a run of a model is due, and takes its entries: the policy's timer.
//!
//! Bounds: nothing waits longer for others than the policy's delay. A run is due first and is chosen after it has its threads,
//! so that what came meanwhile runs with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, timeout_at};

use crate::caller::Crowd;
use crate::ledger::Ledger;
use crate::policy::{Candidate, Policy, When};
use crate::queue::{Entry, Queue};
use crate::threads::{Held, Threads};

/// A worker's end of a model's queue. Clones are of one model: what one takes, no other does.
#[derive(Clone)]
pub(crate) struct Batcher {
    queue: Arc<Queue>,
    crowd: Arc<Crowd>,
    policy: Policy,
    ledger: Arc<Mutex<Ledger>>,
    /// What a run computes with; none where it computes elsewhere.
    threads: Option<(Threads, usize)>,
}

/// The entries of one run, at least one, and what it holds while it computes.
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) held: Option<Held>,
}

impl Batcher {
    pub(crate) fn new(
        queue: Arc<Queue>,
        crowd: Arc<Crowd>,
        policy: Policy,
        threads: Option<(Threads, usize)>,
    ) -> Batcher {
        Batcher {
            queue,
            crowd,
            policy,
            ledger: Arc::default(),
            threads,
        }
    }

    /// How entries are merged.
    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// The next run; `None` once nobody can ask and nothing waits.
    pub(crate) async fn next(&self) -> Option<Batch> {
        loop {
            self.due().await?;
            let held = match &self.threads {
                Some((threads, wanted)) => Some(threads.take(*wanted).await),
                None => None,
            };
            let entries = self.take()?;
            // What was due may be unwanted by now, or taken.
            if !entries.is_empty() {
                return Some(Batch { entries, held });
            }
        }
    }

    /// Waits until something should run.
    async fn due(&self) -> Option<()> {
        loop {
            let when = self.glance()?;
            let changed = self.queue.changed().notified();
            match when {
                Some(When::Now) => return Some(()),
                // Whatever ended the wait is seen in the next turn.
                Some(When::Until(ready)) => drop(timeout_at(ready, changed).await),
                None => changed.await,
            }
        }
    }

    /// When what waits should run, as it is now; `None` once nobody can ask and nothing waits.
    fn glance(&self) -> Option<Option<When>> {
        let (policy, mut ledger) = (&self.policy, locked(&self.ledger));
        let nobody_comes = self.nobody_comes();
        let look =
            |waiting: &[Entry]| (when(policy, &mut ledger, waiting, nobody_comes), Vec::new());
        let (when, _) = self.queue.look(look)?;
        Some(when)
    }

    fn nobody_comes(&self) -> bool {
        self.queue.is_finished() || self.crowd.all_wait()
    }

    /// Takes what runs together out of the queue; nothing where nothing is due any more, since another worker took what was.
    fn take(&self) -> Option<Vec<Entry>> {
        let (policy, mut ledger) = (&self.policy, locked(&self.ledger));
        let nobody_comes = self.nobody_comes();
        let look = |waiting: &[Entry]| {
            let due = when(policy, &mut ledger, waiting, nobody_comes);
            if !matches!(due, Some(When::Now)) {
                return ((), Vec::new());
            }
            let choice = policy.choose(&mut ledger, &candidates(waiting));
            ((), choice.map(|choice| choice.picked).unwrap_or_default())
        };
        let ((), entries) = self.queue.look(look)?;
        for entry in &entries {
            let places = entry.request.shape.places();
            ledger.charge(&entry.caller.stage, places);
        }
        Some(entries)
    }
}

fn locked(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When what waits should run; `None` where nothing waits.
fn when(
    policy: &Policy,
    ledger: &mut Ledger,
    waiting: &[Entry],
    nobody_comes: bool,
) -> Option<When> {
    let oldest = waiting.first()?.queued_at;
    if policy.delay.is_zero() {
        return Some(When::Now);
    }
    let choice = policy.choose(ledger, &candidates(waiting))?;
    Some(policy.when(Instant::now(), oldest, &choice, nobody_comes))
}

fn candidates(waiting: &[Entry]) -> Vec<Candidate<'_>> {
    waiting.iter().map(Entry::candidate).collect()
}

#[cfg(test)]
mod tests;
