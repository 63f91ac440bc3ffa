//! A decision that is made once, by whichever of many threads comes to it first.

use crate::sync::{AtomicBool, Ordering};

/// Whether a decision is made.
#[derive(Debug)]
pub(crate) struct Settled(AtomicBool);

impl Settled {
    /// Nothing is decided yet.
    pub(crate) fn not_yet() -> Settled {
        Settled(AtomicBool::new(false))
    }

    /// Whether it is decided, or just being told.
    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Decides, unless that is done or being done. Where `tell` cannot pass the decision on, it is open as before.
    pub(crate) fn settle(&self, tell: impl FnOnce() -> bool) {
        if self.0.swap(true, Ordering::AcqRel) {
            return;
        }
        if !tell() {
            // Not a plain store: it comes after whatever another thread has swapped in meanwhile.
            self.0.swap(false, Ordering::AcqRel);
        }
    }
}
