//! The imports of world `stage`, one thin function each.

use super::Refusal;
use crate::bindings::fleetwright::stage as imports;
use crate::bindings::wasi::nn::errors::{Error, ErrorCode};
use crate::bindings::wasi::nn::graph::load_by_name;
use crate::bindings::wasi::nn::inference::GraphExecutionContext;
use crate::bindings::wasi::nn::tensor::{Tensor, TensorType};
use crate::logging::Level;
use crate::nn::{Code, ElementType};

pub(crate) fn config() -> String {
    imports::config::get()
}

pub(crate) fn card(role: &str) -> Option<String> {
    imports::config::card(role)
}

pub(crate) fn log(level: Level, message: &str) {
    use imports::logging as i;
    let level = match level {
        Level::Debug => i::Level::Debug,
        Level::Info => i::Level::Info,
        Level::Warn => i::Level::Warn,
        Level::Error => i::Level::Error,
    };
    i::log(level, message);
}

/// A model that is ready to run.
pub(crate) struct Graph(GraphExecutionContext);

impl Graph {
    pub(crate) fn open(role: &str) -> Result<Self, Refusal> {
        let graph = load_by_name(role).map_err(refusal)?;
        graph.init_execution_context().map(Self).map_err(refusal)
    }

    pub(crate) fn compute(
        &self,
        inputs: Vec<(String, RawTensor)>,
    ) -> Result<Vec<(String, RawTensor)>, Refusal> {
        let inputs = inputs
            .into_iter()
            .map(|(name, tensor)| (name, tensor.0))
            .collect();
        let outputs = self.0.compute(inputs).map_err(refusal)?;
        Ok(outputs
            .into_iter()
            .map(|(name, tensor)| (name, RawTensor(tensor)))
            .collect())
    }
}

/// A text that the host generates.
pub(crate) struct Text(imports::generation::Text);

impl Text {
    pub(crate) fn start(role: &str, prompt: &str, options: &str) -> Result<Self, Refusal> {
        let text = imports::generation::start(role, prompt, options);
        text.map(Self).map_err(refusal)
    }

    pub(crate) fn next(&mut self) -> Result<Option<String>, Refusal> {
        self.0.next().map_err(refusal)
    }

    pub(crate) fn usage(&self) -> Option<String> {
        self.0.usage()
    }
}

/// A tensor that the host holds.
pub(crate) struct RawTensor(Tensor);

impl RawTensor {
    pub(crate) fn new(dims: &[u32], ty: ElementType, data: &[u8]) -> Self {
        Self(Tensor::new(dims, to_host(ty), data))
    }

    pub(crate) fn dims(&self) -> Vec<u32> {
        self.0.dimensions()
    }

    pub(crate) fn ty(&self) -> ElementType {
        from_host(self.0.ty())
    }

    pub(crate) fn data(&self) -> Vec<u8> {
        self.0.data()
    }
}

fn to_host(ty: ElementType) -> TensorType {
    match ty {
        ElementType::F16 => TensorType::Fp16,
        ElementType::F32 => TensorType::Fp32,
        ElementType::F64 => TensorType::Fp64,
        ElementType::Bf16 => TensorType::Bf16,
        ElementType::U8 => TensorType::U8,
        ElementType::I32 => TensorType::I32,
        ElementType::I64 => TensorType::I64,
    }
}

fn from_host(ty: TensorType) -> ElementType {
    match ty {
        TensorType::Fp16 => ElementType::F16,
        TensorType::Fp32 => ElementType::F32,
        TensorType::Fp64 => ElementType::F64,
        TensorType::Bf16 => ElementType::Bf16,
        TensorType::U8 => ElementType::U8,
        TensorType::I32 => ElementType::I32,
        TensorType::I64 => ElementType::I64,
    }
}

fn refusal(error: Error) -> Refusal {
    let code = match error.code() {
        ErrorCode::InvalidArgument => Code::InvalidArgument,
        ErrorCode::InvalidEncoding => Code::InvalidEncoding,
        ErrorCode::Timeout => Code::Timeout,
        ErrorCode::RuntimeError => Code::RuntimeError,
        ErrorCode::UnsupportedOperation => Code::UnsupportedOperation,
        ErrorCode::TooLarge => Code::TooLarge,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::Security => Code::Security,
        ErrorCode::Unknown => Code::Unknown,
    };
    (code, error.data())
}
