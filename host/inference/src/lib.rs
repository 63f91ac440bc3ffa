//! Models: cards, backends, workers and the queues before them.
//!
//! [`Catalog::scan`] reads the cards, [`Backends::detect`] finds what runs them, [`Model::load`] loads one on
//! a thread of its own, and [`Model::infer`] asks it; [`Work`] asks once what a submission asks twice. This crate knows no wasm and no HTTP.
//!
//! Bounds: tensors of at most `u32::MAX` bytes; queues of a fixed length; every wait ends at its deadline; all models together
//! compute on a fixed number of threads.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod backend;
mod batch;
mod batcher;
mod caller;
mod card;
mod catalog;
mod device;
mod events;
mod generate;
mod ledger;
mod model;
mod policy;
mod queue;
mod request;
mod roll;
mod tensor;
mod threads;
mod unpad;
mod warm_up;
mod watchdog;
mod work;
mod worker;

pub use backend::{BackendError, Backends, DeviceState, LIBRARY_VARIABLE, LoadError, OnnxLibrary};
pub use caller::{Caller, Presence, Waits};
pub use card::{
    BatchAxes, CARD_FILE, Card, CardError, CardFile, Chat, Dim, Format,
    Generation as GenerationLimits, Member, Origin, Port, Recipe, sha256_of,
};
pub use catalog::{BrokenCard, Catalog};
pub use device::{Accelerator, Device, Place};
pub use generate::{Generation, writer};
pub use model::{InferError, Inference, LoadOptions, Model, ModelIdentity};
pub use roll::settle;
pub use tensor::{ElementType, MAX_RANK, NamedTensor, Tensor, TensorError};
pub use threads::{MAX_THREADS, MAX_WORKERS, Share, default_threads, granted_threads};
pub use work::Work;
