//! End to end: the built host, real HTTP, real components. One binary, so that it is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod assertions;
mod bad_input;
mod bench;
mod cli;
mod comparison;
mod disturbed;
mod encodings;
mod eval;
#[cfg(feature = "llama")]
mod generative;
mod graph;
mod hostile;
mod hostile_case;
mod hostile_files;
mod hostile_limits;
mod kept;
mod lifecycle;
mod load;
mod observe;
mod overload;
mod packs;
mod reads;
mod refused;
mod scanned;
mod shipped;
mod swap;
mod trial;
mod wasi;
