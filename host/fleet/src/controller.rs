//! The fleet as it is served: one snapshot at a time, loaded once by each submission.
//!
//! One `ArcSwap` is the only state that the control and the data plane share.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::loader::{self, Options, StartError};
use crate::snapshot::{Snapshot, Summary};

/// A running fleet. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    current: Arc<ArcSwap<Snapshot>>,
}

impl Fleet {
    /// Reads, checks and loads everything that the manifest names, and serves it as generation 1.
    ///
    /// # Errors
    /// [`StartError`]: with every diagnostic where the manifest is at fault.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let snapshot = loader::load(options, 1).await?;
        Ok(Fleet {
            current: Arc::new(ArcSwap::from_pointee(snapshot)),
        })
    }

    /// The snapshot served now. A submission takes it once and keeps it to its end.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }
}

/// Everything that [`Fleet::start`] does, without serving: for `check`.
///
/// # Errors
/// [`StartError`], as [`Fleet::start`].
pub async fn check(options: &Options) -> Result<Summary, StartError> {
    Ok(loader::load(options, 1).await?.summary())
}
