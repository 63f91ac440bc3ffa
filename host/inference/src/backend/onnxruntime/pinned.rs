//! Memory of this machine that an accelerator reads and writes by itself: inputs lie there before a run, outputs after it.
//!
//! What lies elsewhere, CUDA copies by way of pages of its own, and the thread that asks waits for it; out of pages that the system may
//! not move (pinned) it copies while both go on, so that one worker's copies overlap the other's run. The library keeps an arena
//! of them beside each session: allocated once, used again. It has no bound of its own: an arena grows to what the runs of one worker
//! and the outputs that are still read take, which queue and `tensors` bound.

use std::fmt::Debug;

use bytemuck::Pod;
use half::{bf16, f16};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor as OrtTensor};

use super::dims;
use crate::backend::memory::elements;
use crate::device::Place;
use crate::tensor::{ElementType, Tensor};

/// The pinned memory beside one session.
pub(super) struct Pinned {
    inputs: Allocator,
    outputs: MemoryInfo<'static>,
}

impl Pinned {
    /// What there is beside a session at `place`; none where runs take their inputs where they lie.
    ///
    /// # Errors
    /// What the library said where it has no such memory.
    pub(super) fn beside(session: &Session, place: Place) -> Result<Option<Pinned>, ort::Error> {
        let Place::Cuda(number) = place else {
            return Ok(None);
        };
        let device = i32::try_from(number).unwrap_or(i32::MAX);
        Pinned::of(session, AllocationDevice::CUDA_PINNED, device).map(Some)
    }

    pub(super) fn of(
        session: &Session,
        device: AllocationDevice<'static>,
        number: i32,
    ) -> Result<Pinned, ort::Error> {
        let memory = |kind| MemoryInfo::new(device.clone(), number, AllocatorType::Device, kind);
        let pinned = Pinned {
            inputs: Allocator::new(session, memory(MemoryType::CPUInput)?)?,
            outputs: memory(MemoryType::CPUOutput)?,
        };
        // Asked for once, so that whoever has it knows that there is some.
        OrtTensor::<f32>::new(&pinned.inputs, [1_i64])?.try_extract_tensor_mut::<f32>()?;
        Ok(pinned)
    }

    /// Where outputs are bound to.
    pub(super) fn outputs(&self) -> &MemoryInfo<'static> {
        &self.outputs
    }

    /// The tensor, copied there.
    pub(super) fn hold(&self, tensor: &Tensor) -> Result<DynValue, ort::Error> {
        match tensor.ty() {
            ElementType::F16 => self.copy::<f16>(tensor),
            ElementType::Bf16 => self.copy::<bf16>(tensor),
            ElementType::F32 => self.copy::<f32>(tensor),
            ElementType::F64 => self.copy::<f64>(tensor),
            ElementType::U8 => self.copy::<u8>(tensor),
            ElementType::I32 => self.copy::<i32>(tensor),
            ElementType::I64 => self.copy::<i64>(tensor),
        }
    }

    fn copy<T>(&self, tensor: &Tensor) -> Result<DynValue, ort::Error>
    where
        T: PrimitiveTensorElementType + Debug + Pod,
    {
        let mut value = OrtTensor::<T>::new(&self.inputs, dims(tensor))?;
        let (_, place) = value.try_extract_tensor_mut::<T>()?;
        let elements = elements::<T>(tensor.data());
        if place.len() != elements.len() {
            return Err(ort::Error::new(format!(
                "a tensor of {} elements was to lie in the place of {}",
                elements.len(),
                place.len()
            )));
        }
        place.copy_from_slice(&elements);
        Ok(value.into_dyn())
    }
}
