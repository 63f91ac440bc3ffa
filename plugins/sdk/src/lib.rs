//! What the author of a stage plugin depends on.
//!
//! A stage is one file of plain functions and one macro: [`stage!`] names the plugin, its model roles and its schemas,
//! and turns a function of typed fields and typed config into a component of world `fleetwright:stage/stage`. The
//! README beside this crate shows one in thirty lines.
//!
//! - [`nn`]: inference with the models that the manifest binds, and their cards;
//! - [`tokenizer`]: WordPiece as MiniLM reads it (feature `wordpiece`);
//! - [`reading`]: letters cut alike for all stages, so that the encoder reads them once (feature `wordpiece`);
//! - [`text`]: sentences, threads, signatures, whitespace, all with byte offsets into the original;
//! - [`logging`]: lines for the operator, never with what a submission says;
//! - [`harness`]: runs a stage natively, with closures in place of models.
//!
//! The same source compiles natively, where everything that would ask the host asks the [`harness`] instead. A
//! component imports only those interfaces that its code reaches: a stage without models does not import `wasi:nn`.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

/// The standard library's allocator in a newer release: unlike that one, it uses what the instance began with before it asks the host for more,
/// unless the very first allocation is larger.
#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

mod host;
pub mod logging;
pub mod nn;
#[cfg(feature = "wordpiece")]
pub mod reading;
mod stage;
pub mod text;
#[cfg(feature = "wordpiece")]
pub mod tokenizer;

#[cfg(target_arch = "wasm32")]
pub mod bindings;
#[cfg(not(target_arch = "wasm32"))]
pub mod harness;

#[doc(hidden)]
pub use stage::exports;
pub use stage::{
    Answer, Attachment, Description, Disposition, Failure, Handler, RawAnswer, RawRequest, Request,
    Role, Stage, config,
};

/// What a stage's file imports.
pub mod prelude {
    pub use crate::logging;
    pub use crate::nn::{self, Model, Tensor};
    pub use crate::stage;
    pub use crate::{Answer, Attachment, Disposition, Failure, Request};
    pub use serde::{Deserialize, Serialize};
}

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And that of the project's README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
