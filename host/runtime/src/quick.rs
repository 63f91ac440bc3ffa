//! Quick code: what a large component serves in until its optimised code is there.
//!
//! Cranelift takes about a second for a megabyte of WebAssembly, Winch a tenth of that; its code takes about half as long again
//! to run. A component that is large enough ([`QuickCode::From`], default 128 KiB) and whose optimised code is not in the
//! cache is compiled by Winch, into an engine of its own, and serves at once. [`Runtime::optimised`] compiles it beside
//! that, in the time that nobody else wants, and [`crate::Stage::take_over`] puts the result in the stage's place.
//!
//! Bounds, limits, traps and the child that compiles are the same for both. What Winch cannot compile, or another platform
//! than x86-64, goes to Cranelift directly. A stage that counts fuel never runs quick code: fuel must mean the same each time.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::engine::{Kind, Runtime};
use crate::error::LoadError;
use crate::plugin::Plugin;
use crate::wasi::Grant;

/// Which components serve in quick code first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuickCode {
    /// None: nothing serves before it is optimised.
    Off,
    /// Those of at least so many bytes, until their optimised code takes over.
    From(u64),
    /// All that can be, for good: for tests, which so hold quick code to every limit.
    Only,
}

impl Default for QuickCode {
    fn default() -> Self {
        QuickCode::From(128 << 10)
    }
}

/// How the code was compiled that a stage runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// In little time: it serves until the other is there.
    Quick,
    /// Fully optimised.
    Optimised,
}

impl Tier {
    /// The word for it, as metrics and people read it.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Quick => "quick",
            Tier::Optimised => "optimised",
        }
    }
}

impl Runtime {
    /// Which code this runtime's engine runs.
    pub(crate) fn tier(&self) -> Tier {
        match self.kind {
            Kind::Quick => Tier::Quick,
            Kind::Optimised | Kind::Metered => Tier::Optimised,
        }
    }

    /// The runtime for quick code, where a component of so many bytes serves in it first. Where that cannot be set up, as on
    /// a platform that Winch does not know, there is none.
    pub(crate) fn quick_for(&self, bytes: usize) -> Option<Runtime> {
        let wanted = match self.quick {
            QuickCode::Off => false,
            QuickCode::From(least) => bytes as u64 >= least,
            QuickCode::Only => true,
        };
        if !wanted || self.kind != Kind::Optimised || !cfg!(target_arch = "x86_64") {
            return None;
        }
        let quick = self.quick().inspect_err(
            |error| tracing::warn!(%error, "no quick code: components are optimised at once"),
        );
        quick.ok()
    }

    /// The component in optimised code, to take over from the quick code that serves: compiled while nobody waits for it, in
    /// processor time that nobody else wants. Dropping the future ends the compilation.
    ///
    /// # Errors
    /// As [`Runtime::load`].
    pub async fn optimised(
        &self,
        bytes: &[u8],
        grants: &BTreeSet<Grant>,
    ) -> Result<Plugin, LoadError> {
        let (component, digest) = self.compiled_beside(bytes).await?;
        self.plugin(component, digest, grants).await
    }

    /// Whether optimised code takes over from quick code.
    pub fn improves(&self) -> bool {
        matches!(self.quick, QuickCode::From(_))
    }
}
