//! onnxruntime: the fastest ONNX backend, in a library that is loaded from a file.
//!
//! A process loads one such library in its life and keeps it, with one environment. Sessions run their
//! operators one after another on the calling thread and `threads - 1` helpers, which sleep while idle:
//! several spinning pools on few cores cost five times the work. On the processor inputs are lent to the library and outputs
//! are kept in its memory: neither is copied. CUDA reads and writes memory that is [`pinned`]. A run can be stopped between two
//! operators.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::Pod;
use bytes::Bytes;
use half::{bf16, f16};
use ort::memory::MemoryInfo;
use ort::session::{IoBinding, RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{
    DynValue, Outlet, PrimitiveTensorElementType, Tensor as OrtTensor, TensorRef, ValueType,
};

use super::memory::{elements, kept};
use super::{
    Backend, DECLARED, LoadError, Opened, RunError, Setting, Signature, SignaturePort, graph_file,
    lacking,
};
use crate::card::Card;
use crate::events::LibraryWarned;
use crate::tensor::{ElementType, NamedTensor, Tensor};
use crate::watchdog::Stop;

mod fused;
mod library;
mod pinned;
mod placing;

pub(super) use self::library::Library;
use self::pinned::Pinned;

pub(super) const NAME: &str = "onnxruntime";

struct SessionBackend {
    /// Goes before the session that it is beside.
    pinned: Option<Pinned>,
    session: Session,
    signature: Signature,
    outputs: Vec<(String, ElementType)>,
    /// Whether the graph gives more than the card names.
    selects: bool,
    options: Arc<Options>,
}

/// What a run looks at: whether it should end.
struct Options(RunOptions);

impl Stop for Options {
    fn stop(&self) {
        warn_of(self.0.terminate());
    }

    fn reset(&self) {
        warn_of(self.0.unterminate());
    }
}

fn warn_of(told: ort::Result<()>) {
    if let Err(error) = told {
        LibraryWarned {
            library: NAME,
            message: &error.to_string(),
        }
        .emit();
    }
}

impl SessionBackend {
    fn new(
        card: &Card,
        session: Session,
        pinned: Option<Pinned>,
    ) -> Result<SessionBackend, ort::Error> {
        let outputs = card
            .outputs()
            .iter()
            .map(|(name, port)| (name.clone(), port.ty))
            .collect();
        let signature = Signature {
            inputs: ports(session.inputs()),
            outputs: ports(session.outputs()),
        };
        Ok(SessionBackend {
            pinned,
            signature,
            outputs,
            selects: session.outputs().len() > card.outputs().len(),
            options: Arc::new(Options(RunOptions::new()?)),
            session,
        })
    }

    /// Runs the graph for what the card names, through a binding. Inputs are copied first: to where the device reads them, or, on the
    /// processor, into the library's keeping, for of one that is lent the binding would make a copy by a session of its own, whose lock
    /// it takes twice and never gets.
    fn run_bound(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
        let binding = self.bound(inputs).map_err(failure)?;
        let outputs = self
            .session
            .run_binding_with_options(&binding, &self.options.0)
            .map_err(failure)?;
        // What a device writes by itself is there when it says so.
        binding.synchronize_outputs().map_err(failure)?;
        Ok(named(&self.outputs, outputs)?)
    }

    fn bound(&self, inputs: &[NamedTensor]) -> Result<IoBinding, ort::Error> {
        let mut binding = self.session.create_binding()?;
        for (name, tensor) in inputs {
            let value = match &self.pinned {
                Some(pinned) => pinned.hold(tensor),
                None => owned(tensor),
            };
            binding.bind_input(name.as_str(), &value?)?;
        }
        let ordinary = MemoryInfo::default();
        let outputs = self.pinned.as_ref().map_or(&ordinary, Pinned::outputs);
        for (name, _) in &self.outputs {
            binding.bind_output_to_device(name.as_str(), outputs)?;
        }
        Ok(binding)
    }
}

/// Runs the graph for every output that it gives.
fn run_whole<'r>(
    session: &'r mut Session,
    options: &'r Options,
    inputs: &[NamedTensor],
) -> Result<SessionOutputs<'r>, ort::Error> {
    let inputs = inputs.iter().map(|(name, tensor)| {
        let value = to_value(tensor)?;
        Ok((name.as_str(), value))
    });
    let inputs = inputs.collect::<Result<Vec<_>, ort::Error>>()?;
    session.run_with_options(inputs, &options.0)
}

fn in_words(error: ort::Error) -> String {
    error.to_string()
}

/// What the library says of memory that it does not get, on the processor and through CUDA; it has no code for that.
const NO_MEMORY: [&str; 5] = [
    "failed to allocate",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
];

fn failure(error: ort::Error) -> RunError {
    let (words, told) = (error.to_string().to_lowercase(), in_words(error));
    match NO_MEMORY.iter().any(|sign| words.contains(sign)) {
        true => RunError::OutOfMemory(told),
        false => RunError::Failed(told),
    }
}

/// What the card names, in its order.
fn named(
    wanted: &[(String, ElementType)],
    mut outputs: SessionOutputs<'_>,
) -> Result<Vec<NamedTensor>, String> {
    wanted
        .iter()
        .map(|(name, ty)| {
            let value = outputs
                .remove(name)
                .ok_or_else(|| format!("the run gave no output `{name}`"))?;
            Ok((name.clone(), from_value(name, *ty, value)?))
        })
        .collect()
}

impl Backend for SessionBackend {
    fn runs_here(&self) -> bool {
        true
    }

    fn signature(&self) -> Option<Signature> {
        Some(self.signature.clone())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
        // Options that select outputs could not be told to stop, so they are bound.
        if self.selects || self.pinned.is_some() {
            return self.run_bound(inputs);
        }
        let outputs = run_whole(&mut self.session, &self.options, inputs);
        Ok(named(&self.outputs, outputs.map_err(failure)?)?)
    }

    fn stop(&self) -> Option<Arc<dyn Stop>> {
        Some(self.options.clone())
    }
}

fn ports(outlets: &[Outlet]) -> Vec<SignaturePort> {
    let port = |outlet: &Outlet| {
        let (ty, dims) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, .. } => (
                ty.to_string(),
                Some(
                    shape
                        .iter()
                        .map(|dim| u64::try_from(*dim).ok())
                        .collect::<Vec<_>>(),
                ),
            ),
            other => (other.to_string(), None),
        };
        // The library shows a shape that is unknown as no dimensions.
        SignaturePort {
            name: outlet.name().to_owned(),
            ty: Some(ty),
            dims: dims.filter(|dims| !dims.is_empty()),
        }
    };
    outlets.iter().map(port).collect()
}

/// The tensor as the library takes it: lent, where its bytes lie well.
fn to_value(tensor: &Tensor) -> Result<SessionInputValue<'_>, ort::Error> {
    match tensor.ty() {
        ElementType::F16 => lent::<f16>(tensor),
        ElementType::Bf16 => lent::<bf16>(tensor),
        ElementType::F32 => lent::<f32>(tensor),
        ElementType::F64 => lent::<f64>(tensor),
        ElementType::U8 => lent::<u8>(tensor),
        ElementType::I32 => lent::<i32>(tensor),
        ElementType::I64 => lent::<i64>(tensor),
    }
}

fn lent<T>(tensor: &Tensor) -> Result<SessionInputValue<'_>, ort::Error>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Pod,
{
    let dims = dims(tensor);
    match elements::<T>(tensor.data()) {
        Cow::Borrowed(elements) => Ok(TensorRef::from_array_view((dims, elements))?.into()),
        Cow::Owned(elements) => Ok(OrtTensor::from_array((dims, elements))?.into()),
    }
}

/// The tensor as the library keeps it.
fn owned(tensor: &Tensor) -> Result<DynValue, ort::Error> {
    match tensor.ty() {
        ElementType::F16 => copied::<f16>(tensor),
        ElementType::Bf16 => copied::<bf16>(tensor),
        ElementType::F32 => copied::<f32>(tensor),
        ElementType::F64 => copied::<f64>(tensor),
        ElementType::U8 => copied::<u8>(tensor),
        ElementType::I32 => copied::<i32>(tensor),
        ElementType::I64 => copied::<i64>(tensor),
    }
}

fn copied<T>(tensor: &Tensor) -> Result<DynValue, ort::Error>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Pod,
{
    let elements = elements::<T>(tensor.data()).into_owned();
    Ok(OrtTensor::from_array((dims(tensor), elements))?.into_dyn())
}

fn dims(tensor: &Tensor) -> Vec<i64> {
    tensor.dims().iter().map(|d| i64::from(*d)).collect()
}

fn from_value(name: &str, ty: ElementType, value: DynValue) -> Result<Tensor, String> {
    let (dims, data) = match ty {
        ElementType::F16 => computed::<f16>(value),
        ElementType::Bf16 => computed::<bf16>(value),
        ElementType::F32 => computed::<f32>(value),
        ElementType::F64 => computed::<f64>(value),
        ElementType::U8 => computed::<u8>(value),
        ElementType::I32 => computed::<i32>(value),
        ElementType::I64 => computed::<i64>(value),
    }
    .map_err(|error| format!("output `{name}`: {error}"))?;
    Tensor::new(dims, ty, data).map_err(|error| format!("output `{name}`: {error}"))
}

/// The dimensions of what was computed, and its bytes where they are.
fn computed<T>(value: DynValue) -> Result<(Vec<u32>, Bytes), String>
where
    T: PrimitiveTensorElementType + Pod + Send,
{
    let (shape, _) = value.try_extract_tensor::<T>().map_err(in_words)?;
    let dims = shape.iter().map(|dim| u32::try_from(*dim));
    let dims = dims
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    Ok((dims, kept::<T, _>(Computed(value, PhantomData::<T>))))
}

/// A value of elements of type `T`, which it was seen to hold.
struct Computed<T>(DynValue, PhantomData<T>);

impl<T: PrimitiveTensorElementType> AsRef<[T]> for Computed<T> {
    fn as_ref(&self) -> &[T] {
        let elements = self.0.try_extract_tensor::<T>();
        elements.map(|(_, elements)| elements).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
