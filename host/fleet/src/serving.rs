//! What serves, and what is said of it: all that control plane and submissions share. One writer, any number of readers; nobody
//! waits.
//!
//! A generation is served before the status names it: who reads of a generation is answered by that one or a later one.

use crate::sync::{Arc, ArcSwap};

/// The snapshot that serves, and how the control plane stands.
pub(crate) struct Serving<Snapshot, Status> {
    current: ArcSwap<Snapshot>,
    status: ArcSwap<Status>,
}

impl<Snapshot, Status: Clone> Serving<Snapshot, Status> {
    pub(crate) fn new(snapshot: Snapshot, status: Status) -> Self {
        Serving {
            current: ArcSwap::from_pointee(snapshot),
            status: ArcSwap::from_pointee(status),
        }
    }

    /// The snapshot that serves now. Whoever takes it holds it to the end, whatever is served meanwhile.
    pub(crate) fn take(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// The swap.
    pub(crate) fn serve(&self, snapshot: Snapshot, say: impl FnOnce(&mut Status)) {
        self.current.store(Arc::new(snapshot));
        self.say(say);
    }

    /// Says something else of what serves. For the one writer alone: it reads, changes and stores.
    pub(crate) fn say(&self, change: impl FnOnce(&mut Status)) {
        let mut status = Status::clone(&self.status.load_full());
        change(&mut status);
        self.status.store(Arc::new(status));
    }
}
