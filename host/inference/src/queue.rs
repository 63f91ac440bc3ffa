//! The queue before a model: what waits, for callers and workers.
//!
//! Bounds: as many entries as the model's `queue`, whoever they are of. A full queue is an error at once; where one stage
//! holds most of it, the error is that stage's: its latest entry makes room for a stage that holds less. Entries for whose answer
//! nobody waits (of shadows) run last, make room before any other, and take nobody's place. Entries whose caller
//! is gone or whose deadline has passed hold no place. No lock is held across a wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::events::{Dropped, ModelLabels, Pending};
use crate::generate::Asked;
use crate::model::{InferError, Inference};
use crate::policy::Candidate;
use crate::request::Request;

/// By so much later counts a call for whose answer nobody waits: longer than any deadline is ahead.
const ASIDE: Duration = Duration::from_secs(24 * 60 * 60);

/// One call, waiting.
pub(crate) struct Entry {
    pub(crate) request: Request,
    pub(crate) caller: Caller,
    pub(crate) queued_at: Instant,
    pub(crate) reply: oneshot::Sender<Result<Inference, InferError>>,
    pub(crate) pending: Pending,
    /// What is asked of a generative model.
    pub(crate) asked: Option<Asked>,
}

impl Entry {
    /// Whether an answer would still reach someone in time.
    pub(crate) fn is_wanted(&self) -> bool {
        self.unwanted().is_none()
    }

    /// Why nobody wants an answer any more, as metrics call it.
    fn unwanted(&self) -> Option<&'static str> {
        if self.reply.is_closed() {
            return Some("gone");
        }
        (self.caller.deadline <= Instant::now()).then_some("deadline")
    }

    /// The entry as the policy sees it.
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            stage: &self.caller.stage,
            deadline: match self.caller.aside {
                true => self.caller.deadline + ASIDE,
                false => self.caller.deadline,
            },
            shape: &self.request.shape,
        }
    }

    /// Replies. A caller that is gone needs no reply.
    pub(crate) fn answer(self, result: Result<Inference, InferError>) {
        // First, so that whoever has an answer no longer counts as waiting.
        drop(self.pending);
        drop(self.reply.send(result));
    }
}

/// What waits for one model.
#[derive(Debug)]
pub(crate) struct Queue {
    labels: ModelLabels,
    capacity: usize,
    state: Mutex<State>,
    /// Told of every change that a worker may wait for; each tells the next where more is left to do.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// In the order in which they came.
    waiting: Vec<Entry>,
    /// Whether nobody can ask any more.
    finished: bool,
    /// Whether a worker has ended.
    closed: bool,
}

impl std::fmt::Debug for State {
    // What waits is a customer's text in another form.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({} waiting)", self.waiting.len())
    }
}

/// Why an entry was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

impl Queue {
    pub(crate) fn new(labels: ModelLabels, capacity: usize) -> Queue {
        Queue {
            labels,
            capacity,
            state: Mutex::default(),
            changed: Arc::default(),
        }
    }

    /// Puts `entry` at the end, or refuses it.
    pub(crate) fn push(&self, entry: Entry) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.waiting.len() >= self.capacity {
            self.drop_unwanted(&mut state);
        }
        let mut evicted = None;
        if state.waiting.len() >= self.capacity {
            let place = place_for(&state.waiting, &entry.caller).ok_or(Refused::Full)?;
            evicted = Some(state.waiting.remove(place));
        }
        state.waiting.push(entry);
        drop(state);
        if let Some(evicted) = evicted {
            evicted.answer(Err(self.full()));
        }
        self.changed.notify_one();
        Ok(())
    }

    /// The error of a call for which there is no place.
    pub(crate) fn full(&self) -> InferError {
        InferError::QueueFull {
            model: format!("{}@{}", self.labels.model, self.labels.version),
            queue: self.capacity,
        }
    }

    /// What is told of changes.
    pub(crate) fn changed(&self) -> &Arc<Notify> {
        &self.changed
    }

    /// Shows `look` what waits and is wanted, and takes out of it the entries that it names, in that order. Nothing once
    /// nobody can ask and nothing waits.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&[Entry]) -> (T, Vec<usize>),
    ) -> Option<(T, Vec<Entry>)> {
        let mut state = self.lock();
        self.drop_unwanted(&mut state);
        if state.closed || state.waiting.is_empty() && state.finished {
            self.changed.notify_one();
            return None;
        }
        let (told, picked) = look(&state.waiting);
        if picked.is_empty() {
            return Some((told, Vec::new()));
        }
        let mut waiting: Vec<Option<Entry>> = std::mem::take(&mut state.waiting)
            .into_iter()
            .map(Some)
            .collect();
        let taken = picked
            .iter()
            .filter_map(|place| waiting.get_mut(*place)?.take());
        let taken = taken.collect();
        state.waiting = waiting.into_iter().flatten().collect();
        if !state.waiting.is_empty() {
            self.changed.notify_one();
        }
        Some((told, taken))
    }

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether nobody can ask any more.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().finished
    }

    /// Nobody can ask any more: what waits is answered, then the workers end.
    pub(crate) fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify_one();
    }

    /// A worker has ended: what waits has no answer, and nothing more is taken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
        self.changed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whoever still waits for a reply has a timer of its own for the deadline; dropping is enough.
    fn drop_unwanted(&self, state: &mut State) {
        let wanted = |entry: &Entry| match entry.unwanted() {
            None => true,
            Some(reason) => {
                let labels = &self.labels;
                Dropped { labels, reason }.emit();
                false
            }
        };
        state.waiting.retain(wanted);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place that is made for a call in a full queue; none where it is refused.
fn place_for(waiting: &[Entry], caller: &Caller) -> Option<usize> {
    if caller.aside {
        return None;
    }
    let aside = waiting.iter().rposition(|entry| entry.caller.aside);
    aside.or_else(|| latest_of_the_greediest(waiting, &caller.stage))
}

/// The place of the entry with the latest deadline, of the stage that holds most; none where `stage` would hold as many.
fn latest_of_the_greediest(waiting: &[Entry], stage: &str) -> Option<usize> {
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in waiting {
        *held.entry(&entry.caller.stage).or_default() += 1;
    }
    let own = held.get(stage).copied().unwrap_or_default();
    let (greediest, most) = held.into_iter().max_by_key(|(_, count)| *count)?;
    if most <= own + 1 {
        return None;
    }
    let theirs = waiting.iter().enumerate();
    theirs
        .filter(|(_, entry)| *entry.caller.stage == *greediest)
        .max_by_key(|(_, entry)| entry.caller.deadline)
        .map(|(place, _)| place)
}
