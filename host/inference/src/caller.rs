//! Who asks a model: the stage, until when an answer is of use, and whether more may come.
//!
//! A [`Caller`] goes with each call. A [`Presence`] goes with each instance that may ask: a model that waits for further
//! calls to run together stops waiting once every instance that could make one waits itself. Default, for callers without
//! a presence: a run waits as long as its policy says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::Model;

/// Who asks, and until when an answer is of use.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The stage: calls of one stage keep no other stage waiting for long. Also a label of metrics.
    pub stage: Arc<str>,
    /// When an answer comes too late. Among calls, the one with the earliest deadline runs first.
    pub deadline: Instant,
    /// Whether nobody waits for the answer, as with a shadow: such calls run last, and make room for any other.
    pub aside: bool,
}

impl From<Instant> for Caller {
    /// A call of the host's own, of no stage.
    fn from(deadline: Instant) -> Caller {
        Caller {
            stage: "host".into(),
            deadline,
            aside: false,
        }
    }
}

/// The instances that may ask one model.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    alive: AtomicUsize,
    waiting: AtomicUsize,
    /// Told where every instance has come to wait.
    changed: Arc<Notify>,
}

impl Crowd {
    pub(crate) fn new(changed: Arc<Notify>) -> Crowd {
        Crowd {
            changed,
            ..Crowd::default()
        }
    }

    /// Whether there are instances, and each of them waits for a model: then no call comes before a run ends.
    pub(crate) fn all_wait(&self) -> bool {
        let alive = self.alive.load(Ordering::Acquire);
        alive > 0 && self.waiting.load(Ordering::Acquire) >= alive
    }

    fn tell(&self) {
        if self.all_wait() {
            self.changed.notify_one();
        }
    }
}

/// One instance that may ask some models; they know of it while this lives.
#[derive(Debug, Default)]
pub struct Presence {
    crowds: Vec<Arc<Crowd>>,
}

impl Presence {
    /// An instance that may ask `models`.
    pub fn among<'a>(models: impl IntoIterator<Item = &'a Model>) -> Presence {
        Presence::in_crowds(models.into_iter().filter_map(Model::crowd).collect())
    }

    pub(crate) fn in_crowds(crowds: Vec<Arc<Crowd>>) -> Presence {
        for crowd in &crowds {
            crowd.alive.fetch_add(1, Ordering::AcqRel);
        }
        Presence { crowds }
    }

    /// The instance waits for one of its models until this is dropped, and asks no other meanwhile.
    pub fn waits(&self) -> Waits<'_> {
        for crowd in &self.crowds {
            crowd.waiting.fetch_add(1, Ordering::AcqRel);
            crowd.tell();
        }
        Waits(self)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        for crowd in &self.crowds {
            crowd.alive.fetch_sub(1, Ordering::AcqRel);
            crowd.tell();
        }
    }
}

/// An instance that waits; see [`Presence::waits`].
#[derive(Debug)]
pub struct Waits<'a>(&'a Presence);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        for crowd in &self.0.crowds {
            crowd.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
