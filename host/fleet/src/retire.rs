//! The end of a generation: when its last submission has ended, what it alone held is freed.
//!
//! Freeing unmaps code and ends model workers; it happens on a thread of its own, never on one that runs submissions.

use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::snapshot::Snapshot;

/// Generations that wait to be freed, at most.
const WAITING: usize = 64;

/// Told when its snapshot is dropped.
pub(crate) struct Retired {
    pub(crate) generation: u64,
}

impl Retired {
    pub(crate) fn of(generation: u64) -> Retired {
        metrics::gauge!("fleetwright_generations_live").increment(1.0);
        Retired { generation }
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        metrics::gauge!("fleetwright_generations_live").decrement(1.0);
        tracing::info!(generation = self.generation, "generation retired");
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        bury((
            std::mem::take(&mut self.nodes),
            std::mem::take(&mut self.models),
        ));
    }
}

type Remains = (
    Vec<crate::snapshot::Node>,
    Vec<crate::snapshot::LoadedModel>,
);

/// Hands what is left to the thread that frees it; where there is none, it is freed here.
fn bury(remains: Remains) {
    static GRAVE: OnceLock<Option<SyncSender<Remains>>> = OnceLock::new();
    let grave = GRAVE.get_or_init(|| {
        let (grave, arriving) = sync_channel::<Remains>(WAITING);
        let dig = thread::Builder::new().name("retire".into());
        let digger = dig.spawn(move || arriving.into_iter().for_each(drop));
        digger.is_ok().then_some(grave)
    });
    if let Some(grave) = grave {
        // What it has no room for is freed here, with the error that carries it.
        drop(grave.try_send(remains));
    }
}
