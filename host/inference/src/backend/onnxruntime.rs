//! onnxruntime: the fastest ONNX backend, in a library that is loaded from a file.
//!
//! A process loads one such library in its life and keeps it, with one environment. Sessions run their
//! operators one after another on the calling thread and `threads - 1` helpers, which sleep while idle:
//! several spinning pools on few cores cost five times the work.

use bytes::Bytes;
use half::{bf16, f16};
use ort::ep;
use ort::ep::ExecutionProvider;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, Tensor as OrtTensor, ValueType};

use super::{Backend, Device, LoadError, Opened, Signature, SignaturePort, graph_file};
use crate::card::Card;
use crate::events::LibraryWarned;
use crate::tensor::{ElementType, NamedTensor, Tensor};

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
    options: RunOptions<HasSelectedOutputs>,
}

impl SessionBackend {
    fn new(card: &Card, session: Session) -> Result<SessionBackend, ort::Error> {
        let selector = card
            .outputs()
            .keys()
            .fold(OutputSelector::no_default(), |selector, name| {
                selector.with(name)
            });
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
            options: RunOptions::new()?.with_outputs(selector),
            session,
        })
    }
}

impl Backend for SessionBackend {
    fn signature(&self) -> Option<Signature> {
        Some(self.signature.clone())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, String> {
        let inputs = inputs
            .iter()
            .map(|(name, tensor)| Ok((name.as_str(), SessionInputValue::from(to_value(tensor)?))))
            .collect::<Result<Vec<_>, ort::Error>>()
            .map_err(|error| error.to_string())?;
        let outputs = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(|error| error.to_string())?;
        self.outputs
            .iter()
            .map(|(name, ty)| {
                let value = outputs
                    .get(name)
                    .ok_or_else(|| format!("the run gave no output `{name}`"))?;
                Ok((name.clone(), from_value(name, *ty, value)?))
            })
            .collect()
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

fn to_value(tensor: &Tensor) -> Result<DynValue, ort::Error> {
    let dims: Vec<i64> = tensor.dims().iter().map(|d| i64::from(*d)).collect();
    let data = tensor.data();
    match tensor.ty() {
        ElementType::F16 => value(
            dims,
            data.as_chunks()
                .0
                .iter()
                .map(|b| f16::from_le_bytes(*b))
                .collect(),
        ),
        ElementType::Bf16 => value(
            dims,
            data.as_chunks()
                .0
                .iter()
                .map(|b| bf16::from_le_bytes(*b))
                .collect(),
        ),
        ElementType::F32 => value(
            dims,
            data.as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        ),
        ElementType::F64 => value(
            dims,
            data.as_chunks()
                .0
                .iter()
                .map(|b| f64::from_le_bytes(*b))
                .collect(),
        ),
        ElementType::U8 => value(dims, data.to_vec()),
        ElementType::I32 => value(
            dims,
            data.as_chunks()
                .0
                .iter()
                .map(|b| i32::from_le_bytes(*b))
                .collect(),
        ),
        ElementType::I64 => value(
            dims,
            data.as_chunks()
                .0
                .iter()
                .map(|b| i64::from_le_bytes(*b))
                .collect(),
        ),
    }
}

fn value<T>(dims: Vec<i64>, data: Vec<T>) -> Result<DynValue, ort::Error>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    Ok(OrtTensor::from_array((dims, data))?.into_dyn())
}

fn from_value(name: &str, ty: ElementType, value: &DynValue) -> Result<Tensor, String> {
    let (shape, data) = match ty {
        ElementType::F16 => bytes(value, |v: f16| v.to_le_bytes()),
        ElementType::Bf16 => bytes(value, |v: bf16| v.to_le_bytes()),
        ElementType::F32 => bytes(value, f32::to_le_bytes),
        ElementType::F64 => bytes(value, f64::to_le_bytes),
        ElementType::U8 => bytes(value, u8::to_le_bytes),
        ElementType::I32 => bytes(value, i32::to_le_bytes),
        ElementType::I64 => bytes(value, i64::to_le_bytes),
    }
    .map_err(|error| format!("output `{name}`: {error}"))?;
    let dims = shape
        .iter()
        .map(|dim| u32::try_from(*dim))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    Tensor::new(dims, ty, data).map_err(|error| format!("output `{name}`: {error}"))
}

fn bytes<T: PrimitiveTensorElementType + Copy, const N: usize>(
    value: &DynValue,
    to_bytes: impl Fn(T) -> [u8; N],
) -> Result<(Vec<i64>, Bytes), ort::Error> {
    let (shape, values) = value.try_extract_tensor::<T>()?;
    Ok((
        shape.to_vec(),
        values.iter().flat_map(|value| to_bytes(*value)).collect(),
    ))
}
