//! wasi-nn for guests: `wasi:nn@0.2.0-rc-2024-10-28`, implemented over the host's models.
//!
//! `load-by-name` takes a role of the manifest, nothing else; `load` from bytes is refused. A tensor is checked when it is
//! made, but its constructor cannot fail in this version of wasi-nn: a malformed one answers with `invalid-argument` where
//! it is used. `compute` takes its input tensors out of the table, and holds no borrow of store or table while it waits.
//!
//! Bytes are copied once on the way in, out of the guest's memory, which goes on changing. On the way out they are copied when
//! the guest asks for them: into a list, since a host function returns what it owns and the tensor may be asked again, and from
//! there into the guest's memory. A tensor that is passed on to the next model is not copied at all.

use bytes::Bytes;
use fleetwright_inference::{
    Caller, ElementType, InferError, Model, NamedTensor, Tensor, TensorError,
};
use wasmtime::component::{Resource, ResourceTableError};

use crate::bindings::wasi::nn::errors::{self, ErrorCode};
use crate::bindings::wasi::nn::graph::{self, ExecutionTarget, GraphEncoding};
use crate::bindings::wasi::nn::inference;
use crate::bindings::wasi::nn::tensor::{self, TensorType};
use crate::error::CallErrorKind;
use crate::limits::Passed;
use crate::state::{CallState, MAX_HANDLES};

/// A tensor as the guest made it: sound, or what is wrong with it.
pub struct GuestTensor {
    ty: TensorType,
    bytes: usize,
    content: Result<Tensor, Malformed>,
}

/// Bytes of an error's text: names that a guest asked for stand in it, and it may hold as many errors as handles.
const MOST_ERROR: usize = 1024;

/// A tensor whose parts do not agree.
struct Malformed {
    dims: Vec<u32>,
    error: TensorError,
}

/// A model that the guest opened by role.
pub struct Graph {
    role: String,
    model: Model,
}

/// A graph ready to compute. wasi-nn keeps it apart from the graph; here it is the same model.
pub struct Execution {
    role: String,
    model: Model,
}

/// An error as wasi-nn gives it to the guest.
pub struct NnError {
    code: ErrorCode,
    data: String,
}

impl NnError {
    pub(crate) fn new(code: ErrorCode, data: impl Into<String>) -> Self {
        let mut data = data.into();
        if data.len() > MOST_ERROR {
            data.truncate(data.floor_char_boundary(MOST_ERROR));
            data.push('…');
            data.shrink_to_fit();
        }
        NnError { code, data }
    }
}

pub(crate) type Outcome<T> = Result<T, Resource<NnError>>;

impl CallState {
    pub(crate) fn keep<T: Send + 'static>(&mut self, entry: T) -> wasmtime::Result<Resource<T>> {
        self.table.push(entry).map_err(|error| match error {
            ResourceTableError::Full => Passed::Handles { limit: MAX_HANDLES }.into(),
            other => other.into(),
        })
    }

    pub(crate) fn refuse<T>(&mut self, error: NnError) -> wasmtime::Result<Outcome<T>> {
        Ok(Err(self.keep(error)?))
    }

    /// Takes the inputs out of the table, all of them, whatever is wrong with one.
    fn take_inputs(
        &mut self,
        inputs: Vec<(String, Resource<GuestTensor>)>,
    ) -> wasmtime::Result<Result<Vec<NamedTensor>, NnError>> {
        let mut taken = Vec::with_capacity(inputs.len());
        let mut malformed = None;
        for (name, handle) in inputs {
            let tensor = self.table.delete(handle)?;
            self.tensors.give_back(tensor.bytes);
            match tensor.content {
                Ok(content) => taken.push((name, content)),
                Err(Malformed { error, .. }) => {
                    let data = format!("input `{name}`: {error}");
                    malformed.get_or_insert_with(|| NnError::new(ErrorCode::InvalidArgument, data));
                }
            }
        }
        Ok(malformed.map_or(Ok(taken), Err))
    }
}

impl tensor::Host for CallState {}

impl tensor::HostTensor for CallState {
    fn new(
        &mut self,
        dims: Vec<u32>,
        ty: TensorType,
        data: Vec<u8>,
    ) -> wasmtime::Result<Resource<GuestTensor>> {
        let mut bytes = data.len();
        self.tensors.take(bytes)?;
        let content = Tensor::new(dims.clone(), element_type(ty), Bytes::from(data));
        if content.is_err() {
            // As many as a guest likes: of a tensor that is one they are eight at most.
            let listed = dims.len().saturating_mul(size_of::<u32>());
            self.tensors.take(listed)?;
            bytes = bytes.saturating_add(listed);
        }
        let content = content.map_err(|error| Malformed { dims, error });
        self.keep(GuestTensor { ty, bytes, content })
    }

    fn dimensions(&mut self, tensor: Resource<GuestTensor>) -> wasmtime::Result<Vec<u32>> {
        Ok(match &self.table.get(&tensor)?.content {
            Ok(content) => content.dims().to_vec(),
            Err(malformed) => malformed.dims.clone(),
        })
    }

    fn ty(&mut self, tensor: Resource<GuestTensor>) -> wasmtime::Result<TensorType> {
        Ok(self.table.get(&tensor)?.ty)
    }

    fn data(&mut self, tensor: Resource<GuestTensor>) -> wasmtime::Result<Vec<u8>> {
        let tensor = self.table.get(&tensor)?;
        Ok(tensor
            .content
            .as_ref()
            .map(|content| content.data().to_vec())
            .unwrap_or_default())
    }

    fn drop(&mut self, tensor: Resource<GuestTensor>) -> wasmtime::Result<()> {
        let tensor = self.table.delete(tensor)?;
        self.tensors.give_back(tensor.bytes);
        Ok(())
    }
}

impl graph::Host for CallState {
    async fn load(
        &mut self,
        _: Vec<Vec<u8>>,
        _: GraphEncoding,
        _: ExecutionTarget,
    ) -> wasmtime::Result<Outcome<Resource<Graph>>> {
        let data = "models are loaded by role, never from bytes; bind one in the stage's `models` and use `load-by-name`";
        self.refuse(NnError::new(ErrorCode::Security, data))
    }

    async fn load_by_name(&mut self, role: String) -> wasmtime::Result<Outcome<Resource<Graph>>> {
        match self.grants.models.get(&role) {
            Some(binding) => {
                let model = binding.model.clone();
                Ok(Ok(self.keep(Graph { role, model })?))
            }
            None => self.refuse(not_granted(&role)),
        }
    }
}

impl graph::HostGraph for CallState {
    fn init_execution_context(
        &mut self,
        graph: Resource<Graph>,
    ) -> wasmtime::Result<Outcome<Resource<Execution>>> {
        let Graph { role, model } = self.table.get(&graph)?;
        let execution = Execution {
            role: role.clone(),
            model: model.clone(),
        };
        Ok(Ok(self.keep(execution)?))
    }

    fn drop(&mut self, graph: Resource<Graph>) -> wasmtime::Result<()> {
        self.table.delete(graph)?;
        Ok(())
    }
}

impl inference::Host for CallState {}

impl inference::HostGraphExecutionContext for CallState {
    async fn compute(
        &mut self,
        execution: Resource<Execution>,
        inputs: Vec<(String, Resource<GuestTensor>)>,
    ) -> wasmtime::Result<Outcome<Vec<(String, Resource<GuestTensor>)>>> {
        self.computes.take()?;
        let inputs = match self.take_inputs(inputs)? {
            Ok(inputs) => inputs,
            Err(error) => return self.refuse(error),
        };
        let Execution { role, model } = self.table.get(&execution)?;
        let (role, model, work) = (role.clone(), model.clone(), self.work.clone());
        let caller = Caller {
            stage: self.stage.clone(),
            deadline: self.deadline,
            aside: self.work.is_aside(),
        };
        let inferred = {
            let _waits = self.presence.waits();
            work.infer(&model, inputs, caller).await
        };
        match inferred {
            Ok(inference) => {
                self.spent.queue().add(inference.queue);
                self.spent.inference().add(inference.compute);
                let mut outputs = Vec::with_capacity(inference.outputs.len());
                for (name, tensor) in inference.outputs {
                    outputs.push((name, self.keep_output(tensor)?));
                }
                Ok(Ok(outputs))
            }
            Err(error) => self.refuse_inference(&role, &error),
        }
    }

    fn drop(&mut self, execution: Resource<Execution>) -> wasmtime::Result<()> {
        self.table.delete(execution)?;
        Ok(())
    }
}

impl CallState {
    fn keep_output(&mut self, tensor: Tensor) -> wasmtime::Result<Resource<GuestTensor>> {
        let bytes = tensor.data().len();
        self.tensors.take(bytes)?;
        self.keep(GuestTensor {
            ty: tensor_type(tensor.ty()),
            bytes,
            content: Ok(tensor),
        })
    }
}

impl errors::Host for CallState {}

impl errors::HostError for CallState {
    fn code(&mut self, error: Resource<NnError>) -> wasmtime::Result<ErrorCode> {
        Ok(self.table.get(&error)?.code)
    }

    fn data(&mut self, error: Resource<NnError>) -> wasmtime::Result<String> {
        Ok(self.table.get(&error)?.data.clone())
    }

    fn drop(&mut self, error: Resource<NnError>) -> wasmtime::Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

/// The error of a role that the manifest does not bind.
pub(crate) fn not_granted(role: &str) -> NnError {
    let data = format!("no model is granted for role `{role}`; bind one in the stage's `models`");
    NnError::new(ErrorCode::NotFound, data)
}

impl CallState {
    /// Gives an inference error to the guest, and remembers it where it ends the call.
    pub(crate) fn refuse_inference<T>(
        &mut self,
        role: &str,
        error: &InferError,
    ) -> wasmtime::Result<Outcome<T>> {
        self.refused = refusal(error);
        self.refuse(NnError::new(code(error), format!("role `{role}`: {error}")))
    }
}

/// wasi-nn's code for an inference error.
fn code(error: &InferError) -> ErrorCode {
    match error {
        InferError::InvalidInput(_) => ErrorCode::InvalidArgument,
        InferError::TooLarge(_) => ErrorCode::TooLarge,
        InferError::DeadlineExceeded { .. } | InferError::Overrun { .. } => ErrorCode::Timeout,
        InferError::QueueFull { .. }
        | InferError::OutOfMemory { .. }
        | InferError::Backend(_)
        | InferError::WorkerGone { .. } => ErrorCode::RuntimeError,
    }
}

/// Where the host refused for a reason that is not the guest's, the call fails for that reason and by that limit.
fn refusal(error: &InferError) -> Option<(CallErrorKind, &'static str)> {
    match error {
        InferError::QueueFull { .. } => Some((CallErrorKind::Overloaded, "model-queue")),
        InferError::OutOfMemory { .. } => Some((CallErrorKind::Overloaded, "model-memory")),
        InferError::DeadlineExceeded { .. } => Some((CallErrorKind::Deadline, "deadline")),
        InferError::Overrun { .. } => Some((CallErrorKind::Deadline, "model-run")),
        _ => None,
    }
}

fn element_type(ty: TensorType) -> ElementType {
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

fn tensor_type(ty: ElementType) -> TensorType {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_name_an_error_keeps_the_beginning() {
        let error = not_granted(&"ä".repeat(1 << 20));
        assert!(error.data.starts_with("no model is granted for role `ää"));
        assert!(error.data.ends_with("ä…") && error.data.len() <= MOST_ERROR + '…'.len_utf8());
        assert!(error.data.capacity() < 2 * MOST_ERROR);
    }
}
