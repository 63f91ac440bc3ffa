//! What a model runs on: what is asked for ([`Device`]) and what it comes to ([`Place`]).
//!
//! A device that is declared is had, or the model does not load. [`Device::Auto`] takes the first accelerator that computes and
//! that the card has a graph for, else the processor, and says why.

use std::fmt;

use serde::Deserialize;

/// The workers of a model on CUDA: while one computes, the other's tensors cross the bus.
const WORKERS_ON_CUDA: usize = 2;

/// What a model is to run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// An accelerator where the library has one that works and the card a graph for it, else the CPU; the model's identity says which.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number, or the load fails.
    Cuda(u32),
    /// The GPU that WebGPU chooses, through the system's own graphics driver, or the load fails.
    WebGpu,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => Place::Cpu.fmt(f),
            Device::Cuda(number) => Place::Cuda(*number).fmt(f),
            Device::WebGpu => Place::WebGpu.fmt(f),
        }
    }
}

/// What a loaded model runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(u32),
    /// A GPU through WebGPU.
    WebGpu,
}

impl Place {
    /// Which kind of accelerator it is; `None`: it is the processor.
    pub fn accelerator(self) -> Option<Accelerator> {
        match self {
            Place::Cpu => None,
            Place::Cuda(_) => Some(Accelerator::Cuda),
            Place::WebGpu => Some(Accelerator::WebGpu),
        }
    }

    /// What each of a model's workers may take of the memory that the model is granted here: equal parts.
    pub(crate) fn memory_each(self, granted: u64) -> u64 {
        granted / self.workers(1) as u64
    }

    /// How many workers a model has here, of which a processor would have `on_processor`.
    pub(crate) fn workers(self, on_processor: usize) -> usize {
        match self {
            Place::Cpu => on_processor,
            Place::Cuda(_) => WORKERS_ON_CUDA,
            Place::WebGpu => 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Cpu => f.write_str("cpu"),
            Place::Cuda(number) => write!(f, "cuda:{number}"),
            Place::WebGpu => f.write_str("webgpu"),
        }
    }
}

/// A kind of device that a card may have a graph for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// NVIDIA's, through CUDA.
    Cuda,
    /// Any vendor's, through WebGPU.
    WebGpu,
}

impl Accelerator {
    /// The name that cards use.
    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Cuda => "cuda",
            Accelerator::WebGpu => "webgpu",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_is_granted_on_a_device_its_workers_share() {
        let gib = 1 << 30;
        for place in [Place::Cuda(0), Place::WebGpu] {
            let workers = place.workers(4) as u64;
            assert_eq!(place.memory_each(2 * gib) * workers, 2 * gib, "{place}");
        }
        assert_eq!(Place::Cuda(0).memory_each(2 * gib), gib);
    }
}
