//! The threads that all models together compute on.
//!
//! A run takes as many as its model computes with, at most all, and gives them back when it ends; runs that find too few free
//! begin in the order in which they asked. What runs elsewhere than on the processor takes none. Default: as many as there are
//! cores, and one run more, which fills the moments between the end of a run and the begin of the next: on two cores they are a
//! fifteenth of the time. Guests and host need a tenth of what models need: a core that were kept for them would stand idle, and
//! where there are two, half of what models could do. A number that is asked for is never passed.
//!
//! A model that computes on the processor has a worker for each run that fits these threads at once, at most
//! [`MAX_WORKERS`], each with the model loaded for itself: two runs on a thread each take half the time that one after the other
//! take on two, for short texts do not divide.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::card::Card;
use crate::events::ThreadsGranted;

/// The most workers of a model: each holds its weights.
pub const MAX_WORKERS: usize = 4;

/// The most threads that can be asked for.
pub const MAX_THREADS: usize = 1024;

/// The threads that all models of one host compute on. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    now: Arc<Mutex<Budget>>,
}

#[derive(Clone, Debug)]
struct Budget {
    asked: Option<usize>,
    /// What a run may take at most, and workers are counted by.
    total: usize,
    free: Arc<Semaphore>,
}

impl Budget {
    /// See [`granted_threads`].
    fn of(asked: Option<usize>) -> Budget {
        let all = granted_threads(asked);
        ThreadsGranted(all).emit();
        Budget {
            asked,
            total: asked.unwrap_or_else(default_threads).clamp(1, MAX_THREADS),
            free: Arc::new(Semaphore::new(all)),
        }
    }
}

/// What a run holds while it computes.
#[derive(Debug)]
pub(crate) struct Held {
    _threads: Option<OwnedSemaphorePermit>,
}

/// As many as there are cores: what a run may take at most, and workers are counted by, where nothing else is said.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What all models together compute on at most where so many are `asked` for; by default [`default_threads`], and those of one run
/// more.
pub fn granted_threads(asked: Option<usize>) -> usize {
    asked.map_or_else(
        || {
            let cores = default_threads().clamp(1, MAX_THREADS);
            cores + Share::of(cores, None).threads
        },
        |asked| asked.clamp(1, MAX_THREADS),
    )
}

/// How one model shares in the threads that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Threads that compute one run.
    pub threads: usize,
    /// Runs at once, on a processor.
    pub workers: usize,
}

impl Share {
    /// The share of a model whose runs take `threads` of `total`; by default as many as leave room for [`MAX_WORKERS`] runs at once.
    pub fn of(total: usize, threads: Option<usize>) -> Share {
        let total = total.clamp(1, MAX_THREADS);
        let threads = threads.unwrap_or(total / MAX_WORKERS).clamp(1, total);
        Share {
            threads,
            workers: (total / threads).clamp(1, MAX_WORKERS),
        }
    }

    /// The share of the model that `card` describes. A generative one answers all its calls in one step, so that it has one
    /// worker, and by default all threads.
    pub fn for_card(card: &Card, total: usize, threads: Option<usize>) -> Share {
        if card.generation().is_none() {
            return Share::of(total, threads);
        }
        let total = total.clamp(1, MAX_THREADS);
        Share {
            threads: threads.unwrap_or(total).clamp(1, total),
            workers: 1,
        }
    }
}

impl Threads {
    /// `asked`, or what is the default.
    pub(crate) fn new(asked: Option<usize>) -> Threads {
        Threads {
            now: Arc::new(Mutex::new(Budget::of(asked))),
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.budget().total
    }

    /// Sets how many there are. Runs that have begun, or wait, keep what they were promised.
    pub(crate) fn set(&self, asked: Option<usize>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.asked != asked {
            *now = Budget::of(asked);
        }
    }

    /// Waits until `wanted`, or all where that is fewer, are free. Runs before it end at their bound, so that it ends, too.
    pub(crate) async fn take(&self, wanted: usize) -> Held {
        let Budget { total, free, .. } = self.budget();
        let wanted = u32::try_from(wanted.min(total)).unwrap_or(u32::MAX);
        // The semaphore is never closed; if it were, a run would be better than none.
        let threads = free.acquire_many_owned(wanted).await.ok();
        Held { _threads: threads }
    }

    fn budget(&self) -> Budget {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_fill_the_threads_that_there_are() {
        for (total, asked, threads, workers) in [
            (1, None, 1, 1),
            (2, None, 1, 2),
            (2, Some(2), 2, 1),
            (2, Some(9), 2, 1),
            (4, None, 1, 4),
            (16, None, 4, 4),
            (16, Some(1), 1, 4),
            (6, Some(4), 4, 1),
            (0, Some(0), 1, 1),
        ] {
            let share = Share { threads, workers };
            assert_eq!(Share::of(total, asked), share, "{asked:?} of {total}");
        }
    }

    #[tokio::test]
    async fn runs_share_what_there_is_in_the_order_in_which_they_ask() {
        let threads = Threads::new(Some(3));
        let two = threads.take(2).await;
        let mut all = Box::pin(threads.take(usize::MAX));
        assert!(
            futures_poll(&mut all).is_none(),
            "one is free, and all are asked for"
        );
        let mut one = Box::pin(threads.take(1));
        assert!(
            futures_poll(&mut one).is_none(),
            "whoever asked first is first"
        );
        drop(two);
        let held = futures_poll(&mut all).unwrap();
        assert!(futures_poll(&mut one).is_none());
        drop(held);
        assert!(futures_poll(&mut one).is_some());
    }

    #[tokio::test]
    async fn fewer_threads_hold_for_what_begins_later() {
        let threads = Threads::new(Some(2));
        let held = threads.take(2).await;
        threads.set(Some(1));
        assert_eq!(threads.total(), 1);
        let _one = threads.take(2).await;
        let mut next = Box::pin(threads.take(1));
        drop(held);
        assert!(futures_poll(&mut next).is_none());
        threads.set(Some(0));
        assert_eq!(threads.total(), 1, "one at least");
    }

    #[tokio::test]
    async fn by_default_one_run_more_than_fits_the_cores_begins() {
        let threads = Threads::new(None);
        let Share { threads: own, .. } = Share::of(threads.total(), None);
        let mut held = vec![threads.take(threads.total()).await];
        held.push(futures_poll(&mut Box::pin(threads.take(own))).unwrap());
        assert!(futures_poll(&mut Box::pin(threads.take(1))).is_none());
        threads.set(Some(threads.total()));
        held.push(threads.take(usize::MAX).await);
        assert!(futures_poll(&mut Box::pin(threads.take(1))).is_none());
    }

    fn futures_poll<T>(future: &mut std::pin::Pin<Box<impl Future<Output = T>>>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
