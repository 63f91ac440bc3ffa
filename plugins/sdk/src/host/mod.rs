//! What a stage asks of its host: in a component through the imports, natively of the harness on this thread.

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub(crate) use component::{Graph, RawTensor, Text, card, config, log};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{Graph, RawTensor, State, Text, card, config, enter, log};

use crate::nn::Code;

/// An error of the host's wasi-nn: its code, and its text.
pub(crate) type Refusal = (Code, String);
