//! Fleetwright's sandbox: the only crate that knows wasmtime.
//!
//! A [`Runtime`] owns one wasmtime engine. [`Runtime::load`] turns a component's bytes into a [`Plugin`]: compiled (or
//! taken from the cache of precompiled components), linked against what its grants allow, and asked once what it is.
//! [`Stage::call`] then runs one submission in an instance of its own, which nothing outlives: what it is shown, what it uses
//! and what it answers are bounded by [`Limits`], and whatever the guest does ends in an [`Answer`] or a typed
//! [`CallError`] for that call alone.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod answer;
mod bindings;
mod cache;
mod call;
mod compiler;
mod engine;
mod error;
mod events;
// `pub` inside: the bindings re-export these types.
#[allow(unreachable_pub)]
mod generation;
mod inspect;
mod lane;
mod limits;
mod meter;
// `pub` inside: the bindings re-export these types.
#[allow(unreachable_pub)]
mod nn;
mod plugin;
mod quick;
mod rate;
mod shown;
mod state;
mod ticker;
mod wasi;

pub use cache::digest;
pub use call::{Answer, Attachment, Disposition, Request, Stage, Timings};
pub use compiler::{AtWork, CompileBounds, Compiler, compile_component};
pub use engine::{Runtime, RuntimeOptions};
pub use error::{Bound, CallError, CallErrorKind, LoadError};
pub use inspect::{Inspection, inspect};
pub use limits::{Limits, Rate};
pub use meter::process_time;
pub use plugin::{Description, Plugin, Role};
pub use quick::{QuickCode, Tier};
pub use state::{ModelBinding, StageGrants};
pub use wasi::Grant;
