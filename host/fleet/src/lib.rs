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

mod canary;
mod controller;
pub mod evaluation;
mod events;
mod executor;
mod golden;
mod history;
mod improve;
mod loader;
mod lock;
mod members;
mod outcome;
mod plan;
mod report;
mod retire;
mod serving;
mod settle;
mod shadow;
mod shelf;
mod snapshot;
mod stamp;
mod status;
mod submission;
mod sync;
mod watcher;

pub use canary::{CanarySummary, SideSummary};
pub use controller::{Applied, Controller, Fleet, OrderError, Service, check};
pub use fleetwright_runtime::{
    AtWork, CallErrorKind, CompileBounds, Compiler, Inspection, QuickCode, Runtime, RuntimeOptions,
    Tier, compile_component, inspect,
};
pub use history::{Cause, HistoryError, Record, Standing, Verdict, folder, records};
pub use improve::Unoptimised;
pub use loader::{ChangeError, Options};
pub use lock::{Pin, Pins};
pub use outcome::{
    FleetUsed, Hold, ModelUsed, Outcome, PluginUsed, Reason, StageFailure, StageOutcome,
    StageStatus, Status,
};
pub use plan::plan;
pub use report::Report;
pub use shadow::{Difference, Member, ShadowSummary};
pub use snapshot::{ModelSummary, Snapshot, StageSummary, Summary};
pub use status::{FleetStatus, Refused};
pub use submission::{Attachment, FieldError, Submission, SubmissionId};
