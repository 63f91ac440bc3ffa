//! rten: the ONNX backend that is part of this program.
//!
//! It holds 64-bit integers as 32-bit ones and doubles as single precision. An input that does not fit is
//! refused; what a graph declares is read from its file, since rten no longer knows it. What it holds as it is given
//! is lent to it, and what it computes is kept where it is, without a copy. A run of it cannot be stopped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytemuck::Pod;
use bytes::Bytes;
use rten::{
    DataType, Dimension, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView,
    ValueType, ValueView,
};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor as RtenTensor, TensorView};

use super::declared::declared_types;
use super::memory::{elements, kept};
use super::{Backend, LoadError, RunError, Signature, SignaturePort, graph_file};
use crate::card::Card;
use crate::device::Place;
use crate::tensor::{ElementType, NamedTensor, Tensor};

pub(super) const NAME: &str = "rten";
/// Kept equal to the version in `Cargo.toml`.
pub(super) const VERSION: &str = "0.27";

pub(super) struct RtenBackend {
    model: rten::Model,
    signature: Signature,
    outputs: Vec<(String, ElementType, NodeId)>,
    options: RunOptions,
}

impl RtenBackend {
    pub(super) fn open(card: &Card, threads: usize) -> Result<RtenBackend, LoadError> {
        let path = graph_file(card, Place::Cpu);
        let failed = |reason: String| LoadError::graph(card, NAME, path.clone(), reason);
        let mut every = card.inputs().iter().chain(card.outputs());
        if let Some((name, port)) = every.find(|(_, port)| !holds(port.ty)) {
            return Err(failed(format!(
                "`{name}` is `{}`, which it does not hold; use an onnxruntime library",
                port.ty
            )));
        }
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_file(&path)
            .map_err(|error| failed(error.to_string()))?;
        let declared = declared_types(&path).map_err(failed)?;
        let signature = Signature {
            inputs: ports(&model, model.input_ids(), &declared),
            outputs: ports(&model, model.output_ids(), &declared),
        };
        // Outputs that are missing are reported by the check of the signature, with both sides.
        let outputs = card
            .outputs()
            .iter()
            .filter_map(|(name, port)| Some((name.clone(), port.ty, model.find_node(name)?)))
            .collect();
        let pool = ThreadPool::with_num_threads(threads);
        let options = RunOptions::default().with_thread_pool(Some(Arc::new(pool)));
        Ok(RtenBackend {
            model,
            signature,
            outputs,
            options,
        })
    }
}

impl Backend for RtenBackend {
    fn signature(&self) -> Option<Signature> {
        Some(self.signature.clone())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
        let inputs = inputs
            .iter()
            .map(|(name, tensor)| {
                let node = self
                    .model
                    .node_id(name)
                    .map_err(|error| error.to_string())?;
                Ok((node, to_value(name, tensor)?))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let nodes: Vec<NodeId> = self.outputs.iter().map(|(_, _, node)| *node).collect();
        let values = self
            .model
            .run(inputs, &nodes, Some(self.options.clone()))
            .map_err(|error| error.to_string())?;
        let named = self.outputs.iter().zip(values);
        named
            .map(|((name, ty, _), value)| Ok((name.clone(), from_value(name, *ty, value)?)))
            .collect()
    }
}

fn ports(
    model: &rten::Model,
    nodes: &[NodeId],
    declared: &BTreeMap<String, String>,
) -> Vec<SignaturePort> {
    let infos = nodes.iter().filter_map(|node| model.node_info(*node));
    infos
        .map(|info| {
            let name = info.name().unwrap_or_default().to_owned();
            let dims = info.shape().map(|shape| {
                let size = |dim: &Dimension| match dim {
                    Dimension::Fixed(size) => Some(*size as u64),
                    Dimension::Symbolic(_) => None,
                };
                shape.iter().map(size).collect()
            });
            let held = info.dtype().and_then(|ty| match ty {
                ValueType::Tensor(DataType::Float) => Some("f32".to_owned()),
                _ => None,
            });
            SignaturePort {
                ty: declared.get(&name).cloned().or(held),
                name,
                dims,
            }
        })
        .collect()
}

/// Whether rten holds values of a type, in its own or in a narrower one.
fn holds(ty: ElementType) -> bool {
    !matches!(ty, ElementType::F16 | ElementType::Bf16)
}

fn to_value<'t>(name: &str, tensor: &'t Tensor) -> Result<ValueOrView<'t>, String> {
    let dims: Vec<usize> = tensor.dims().iter().map(|d| *d as usize).collect();
    let data = tensor.data();
    match tensor.ty() {
        ElementType::F32 => lent::<f32>(&dims, data),
        ElementType::I32 => lent::<i32>(&dims, data),
        ElementType::U8 => lent::<u8>(&dims, data),
        #[allow(clippy::cast_possible_truncation, reason = "rten has no doubles")]
        ElementType::F64 => {
            let doubles = elements::<f64>(data);
            made(&dims, doubles.iter().map(|double| *double as f32).collect())
        }
        ElementType::I64 => {
            let narrow = |whole: &i64| {
                i32::try_from(*whole).map_err(|_| {
                    format!(
                        "input `{name}` has the value `{whole}`, and {NAME} takes at most `{}`",
                        i32::MAX
                    )
                })
            };
            let wide = elements::<i64>(data);
            let narrowed: Result<Vec<i32>, String> = wide.iter().map(narrow).collect();
            made(&dims, narrowed?)
        }
        ElementType::F16 | ElementType::Bf16 => {
            Err(format!("{NAME} does not hold `{}`", tensor.ty()))
        }
    }
}

/// Elements that rten holds as they are given.
fn lent<'t, T: Pod>(dims: &[usize], data: &'t [u8]) -> Result<ValueOrView<'t>, String>
where
    ValueView<'t>: From<TensorView<'t, T>>,
    Value: From<RtenTensor<T>>,
{
    match elements::<T>(data) {
        Cow::Owned(elements) => made(dims, elements),
        Cow::Borrowed(elements) => {
            let view = TensorView::try_from_data(dims, elements).map_err(|error| error.to_string());
            Ok(ValueOrView::View(ValueView::from(view?)))
        }
    }
}

/// Elements that were made for it.
fn made<T>(dims: &[usize], elements: Vec<T>) -> Result<ValueOrView<'static>, String>
where
    Value: From<RtenTensor<T>>,
{
    let tensor = RtenTensor::try_from_data(dims, elements).map_err(|error| error.to_string())?;
    Ok(ValueOrView::from(Value::from(tensor)))
}

fn from_value(name: &str, ty: ElementType, value: Value) -> Result<Tensor, String> {
    let given = value.dtype();
    let failed = || format!("output `{name}` came as `{given}`, and the card says `{ty}`");
    let dims = value
        .shape()
        .iter()
        .map(|d| u32::try_from(*d))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let data = match (ty, value) {
        (ElementType::F32, Value::FloatTensor(tensor)) => kept::<f32, _>(tensor.into_data()),
        (ElementType::I32, Value::Int32Tensor(tensor)) => kept::<i32, _>(tensor.into_data()),
        (ElementType::U8, Value::UInt8Tensor(tensor)) => Bytes::from(tensor.into_data()),
        (ElementType::F64, Value::FloatTensor(tensor)) => {
            let doubles = tensor.into_data().into_iter().map(f64::from);
            kept::<f64, _>(doubles.collect::<Vec<_>>())
        }
        (ElementType::I64, Value::Int32Tensor(tensor)) => {
            let wide = tensor.into_data().into_iter().map(i64::from);
            kept::<i64, _>(wide.collect::<Vec<_>>())
        }
        _ => return Err(failed()),
    };
    Tensor::new(dims, ty, data).map_err(|error| format!("output `{name}`: {error}"))
}
