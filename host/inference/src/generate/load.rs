//! What opens a generative model: llama.cpp, where it is part of this program.

use std::sync::Arc;

use super::engine::Open;
use crate::backend::LoadError;
use crate::card::Card;
use crate::device::Device;

/// Who opens the model of `card` for steps on `threads` threads and `sequences` answers at once.
///
/// # Errors
/// [`LoadError::NotBuilt`] without the feature, [`LoadError::Device`] where another device than the processor is declared.
#[cfg(not(feature = "llama"))]
pub(crate) fn opener(
    card: &Card,
    _device: Device,
    _threads: usize,
    _sequences: usize,
) -> Result<Arc<dyn Open>, LoadError> {
    Err(LoadError::NotBuilt {
        model: format!("{}@{}", card.name(), card.version()),
        format: card.format().name(),
        feature: "llama",
    })
}

/// Who opens the model of `card` for steps on `threads` threads and `sequences` answers at once.
///
/// # Errors
/// [`LoadError::Device`] where another device than the processor is declared.
#[cfg(feature = "llama")]
pub(crate) fn opener(
    card: &Card,
    device: Device,
    threads: usize,
    sequences: usize,
) -> Result<Arc<dyn Open>, LoadError> {
    if let Device::Cuda(_) | Device::WebGpu = device {
        return Err(LoadError::Device {
            device: device.to_string(),
            reason: "`llama.cpp` is built for `cpu` alone here; declare `cpu` or `auto`".to_owned(),
        });
    }
    Ok(Arc::new(super::llama::Llama::of(card, threads, sequences)))
}
