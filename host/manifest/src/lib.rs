//! `fleet.toml` to a [`Manifest`], or to every diagnostic at once.
//!
//! Purpose: nothing half-valid leaves this crate. [`parse`] reads the whole text, goes on after each mistake, and gives
//! back either a manifest in which every reference resolves, or [`Diagnostics`] that a person can act on: code, place,
//! underline, and the way out. [`diff()`] says in words what differs between two of them.
//!
//! Defaults: every key that has a safe default may be left out; see [`Limits::default`] and [`Stage`].
//!
//! Bounds: text of [`MAX_BYTES`], nesting of [`MAX_DEPTH`], [`MAX_STAGES`] stages, [`MAX_DIAGNOSTICS`] diagnostics,
//! conditions of [`MAX_CONDITION`] bytes. No files, no clock, no threads: a pure function of the text.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod amount;
mod compile;
mod condition;
mod diagnostic;
mod diff;
mod findings;
mod graph;
mod keys;
mod limits;
mod manifest;
mod quantity;
mod rate;
mod raw;
mod raw_config;
mod raw_release;
mod raw_stage;
mod reads;
mod reference;
mod release;
mod render;
mod source;
mod suggest;
mod syntax;
mod text;
mod valid;
mod walk;

pub use condition::{Condition, ConditionError, MAX_CONDITION};
pub use diagnostic::{Code, Diagnostic, Diagnostics, MAX_DIAGNOSTICS, codes};
pub use diff::{Difference, Kind, MAX_DETAILS, Place, diff};
pub use keys::{KEYS, Key, Keys};
pub use limits::Limits;
pub use manifest::{
    Batch, DEFAULT_FIELDS, DeviceChoice, Effort, Grant, Manifest, ModelSpans, ModelUse, OnError,
    Stage, StageSpans,
};
pub use quantity::{Size, TimeSpan};
pub use rate::Rate;
pub use raw::MAX_STAGES;
pub use reference::Reference;
pub use release::{Canary, CanarySpans, Shadow, ShadowSpans, Split};
pub use source::{Position, Source, Span};
pub use text::{MAX_BYTES, MAX_DEPTH};

/// Reads a manifest. Gives either a manifest that is valid in itself, or all that is wrong with it, in file order.
///
/// What only the host can know (whether a plugin, a model or a role exists, whether a `config` fits its schema) is
/// not checked here; the loader reports it with the same [`Diagnostic`], at the spans that the manifest keeps.
///
/// # Errors
/// [`Diagnostics`], never empty.
pub fn parse(source: &Source) -> Result<Manifest, Diagnostics> {
    let mut findings = findings::Findings::default();
    let raw = raw::read(&source.text, &mut findings);
    let manifest = raw.and_then(|raw| valid::resolve(raw, &mut findings));
    match (manifest, findings.finish(source)) {
        (Some(manifest), None) => Ok(manifest),
        (_, Some(diagnostics)) => Err(diagnostics),
        (None, None) => Err(findings::unexplained(source)),
    }
}
