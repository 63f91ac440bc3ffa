//! The fleet: joins manifest, runtime and inference.
//!
//! [`Fleet::start`] reads `fleet.toml`, resolves plugins and models, checks every one of them against the manifest, and
//! serves the result as one immutable [`Snapshot`]. A [`Submission`] runs through exactly one snapshot ([`Snapshot::run`])
//! and ends in an [`Outcome`]. Every refusal, at the start or of a submission, is typed and says where and why.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod controller;
mod events;
mod executor;
mod loader;
mod outcome;
mod plugins;
mod report;
mod snapshot;
mod submission;

pub use controller::{Fleet, check};
pub use fleetwright_runtime::{
    CallErrorKind, CompileBounds, Compiler, Inspection, Runtime, RuntimeOptions, compile_component,
    inspect,
};
pub use loader::{Options, StartError};
pub use outcome::{
    FleetUsed, Hold, ModelUsed, Outcome, PluginUsed, Reason, StageFailure, StageOutcome,
    StageStatus, Status,
};
pub use report::Report;
pub use snapshot::{Snapshot, StageSummary, Summary};
pub use submission::{Attachment, FieldError, Submission, SubmissionId};
