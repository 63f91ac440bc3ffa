//! onnxruntime: the fastest ONNX backend, in a library that is loaded from a file.
//!
//! A process loads one such library in its life and keeps it, with one environment. Sessions run their
//! operators one after another on the calling thread and `threads - 1` helpers, which sleep while idle:
//! several spinning pools on few cores cost five times the work. Inputs are lent to the library and outputs
//! are kept in its memory: neither is copied. A run can be stopped between two operators.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::Pod;
use bytes::Bytes;
use half::{bf16, f16};
use ort::ep;
use ort::ep::ExecutionProvider;
use ort::memory::MemoryInfo;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{
    DynValue, Outlet, PrimitiveTensorElementType, Tensor as OrtTensor, TensorRef, ValueType,
};

use super::memory::{elements, kept};
use super::{Backend, Device, LoadError, Opened, Signature, SignaturePort, graph_file};
use crate::card::Card;
use crate::events::LibraryWarned;
use crate::tensor::{ElementType, NamedTensor, Tensor};
use crate::watchdog::Stop;

mod library;

pub(super) use self::library::Library;

pub(super) const NAME: &str = "onnxruntime";

impl Library {
    /// Loads the graph of `card` on `device`.
    pub(super) fn open_model(
        &self,
        card: &Card,
        device: Device,
        threads: usize,
    ) -> Result<Opened, LoadError> {
        let (session, device) = match device {
            Device::Cpu => (self.session(card, threads, None)?, "cpu".to_owned()),
            Device::Cuda(number) => self.on_cuda(card, threads, number)?,
            Device::Auto if has_cuda() => match self.on_cuda(card, threads, 0) {
                Ok(found) => found,
                Err(error) => {
                    LibraryWarned {
                        library: NAME,
                        message: &format!("{error}; device `auto` is `cpu`"),
                    }
                    .emit();
                    (self.session(card, threads, None)?, "cpu".to_owned())
                }
            },
            Device::Auto => (self.session(card, threads, None)?, "cpu".to_owned()),
        };
        let backend = SessionBackend::new(card, session)
            .map_err(|reason| LoadError::graph(card, NAME, graph_file(card), reason))?;
        Ok(Opened {
            backend: Box::new(backend),
            name: format!("{NAME} {}", self.version),
            device,
        })
    }

    fn on_cuda(
        &self,
        card: &Card,
        threads: usize,
        number: u32,
    ) -> Result<(Session, String), LoadError> {
        let device = Device::Cuda(number).to_string();
        if !has_cuda() {
            return Err(LoadError::Device {
                device,
                reason: format!(
                    "`{}` was built without CUDA; give `--onnxruntime` one that was, or declare `cpu`",
                    self.path.display()
                ),
            });
        }
        let session = self.session(card, threads, Some(number)).map_err(|error| LoadError::Device {
            device: device.clone(),
            reason: format!("{error}; see that the driver and the CUDA libraries are there, or declare `cpu`"),
        })?;
        Ok((session, device))
    }

    fn session(
        &self,
        card: &Card,
        threads: usize,
        cuda: Option<u32>,
    ) -> Result<Session, LoadError> {
        let file = graph_file(card);
        let failed = |error: ort::Error| LoadError::graph(card, NAME, file.clone(), error);
        let mut builder = self.builder(threads, cuda).map_err(failed)?;
        builder.commit_from_file(&file).map_err(failed)
    }

    fn builder(&self, threads: usize, cuda: Option<u32>) -> Result<SessionBuilder, ort::Error> {
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(threads)
            .map_err(forget)?
            .with_inter_threads(1)
            .map_err(forget)?
            .with_intra_op_spinning(false)
            .map_err(forget)?
            .with_inter_op_spinning(false)
            .map_err(forget)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(forget)?
            // Its plan is made for one shape, and here lengths and rows change from run to run.
            .with_memory_pattern(false)
            .map_err(forget)?;
        match cuda {
            Some(number) => {
                let number = i32::try_from(number).unwrap_or(i32::MAX);
                // Without this the library falls back to the CPU and says nothing.
                let provider = ep::CUDA::default()
                    .with_device_id(number)
                    .build()
                    .error_on_failure();
                builder.with_execution_providers([provider]).map_err(forget)
            }
            None => Ok(builder),
        }
    }
}

/// The error without the builder that it carries.
fn forget(error: ort::Error<SessionBuilder>) -> ort::Error {
    ort::Error::new_with_code(error.code(), error.message())
}

fn has_cuda() -> bool {
    ep::CUDA::is_available().unwrap_or(false)
}

struct SessionBackend {
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
    fn new(card: &Card, session: Session) -> Result<SessionBackend, ort::Error> {
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
            signature,
            outputs,
            selects: session.outputs().len() > card.outputs().len(),
            options: Arc::new(Options(RunOptions::new()?)),
            session,
        })
    }

    /// Runs the graph for what the card names alone. Options that select outputs could not be told to stop, so they are bound;
    /// what is bound is the library's, to which inputs are copied.
    fn run_for_some(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, String> {
        let mut binding = self.session.create_binding().map_err(in_words)?;
        for (name, tensor) in inputs {
            let value = to_value(tensor).map_err(in_words)?;
            binding
                .bind_input(name.as_str(), &*value)
                .map_err(in_words)?;
        }
        for (name, _) in &self.outputs {
            binding
                .bind_output_to_device(name.as_str(), &MemoryInfo::default())
                .map_err(in_words)?;
        }
        let outputs = self
            .session
            .run_binding_with_options(&binding, &self.options.0);
        named(&self.outputs, outputs.map_err(in_words)?)
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
    fn signature(&self) -> Option<Signature> {
        Some(self.signature.clone())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, String> {
        if self.selects {
            return self.run_for_some(inputs);
        }
        let outputs = run_whole(&mut self.session, &self.options, inputs);
        named(&self.outputs, outputs.map_err(in_words)?)
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
    let dims: Vec<i64> = tensor.dims().iter().map(|d| i64::from(*d)).collect();
    match elements::<T>(tensor.data()) {
        Cow::Borrowed(elements) => Ok(TensorRef::from_array_view((dims, elements))?.into()),
        Cow::Owned(elements) => Ok(OrtTensor::from_array((dims, elements))?.into()),
    }
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
