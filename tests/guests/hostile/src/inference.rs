//! The cases that send the host's wasi-nn what no SDK would: each ends in `Failure::Inference`, with wasi-nn's code and
//! text, unless the host traps.

use fleetwright_sdk::Failure;
use fleetwright_sdk::bindings::fleetwright::stage::generation::start;
use fleetwright_sdk::bindings::wasi::nn::errors::Error;
use fleetwright_sdk::bindings::wasi::nn::graph::{
    ExecutionTarget, Graph, GraphEncoding, load, load_by_name,
};
use fleetwright_sdk::bindings::wasi::nn::inference::GraphExecutionContext;
use fleetwright_sdk::bindings::wasi::nn::tensor::{Tensor, TensorType};
use serde_json::{Value, json};

use crate::Config;

/// Runs one case; an answer means that the host let it through.
pub(crate) fn run(config: &Config) -> Result<Value, Failure> {
    let name = config.input.as_str();
    match config.case.as_str() {
        "thief-role" => load_by_name(&config.role)
            .map(|_| json!({ "stole": config.role }))
            .map_err(refused),
        "thief-bytes" => {
            let model = vec![vec![0u8; config.size]];
            let loaded = load(&model, GraphEncoding::Onnx, ExecutionTarget::Cpu);
            loaded
                .map(|_| json!({ "stole": config.size }))
                .map_err(refused)
        }
        "thief-contexts" => contexts(config),
        "text" => {
            let prompt = "a".repeat(config.size);
            let text = start(&config.role, &prompt, "{}").map_err(refused)?;
            text.next()
                .map(|piece| json!({ "piece": piece }))
                .map_err(refused)
        }
        "infer" => compute(config, vec![(name, tensor(&[1, 4], TensorType::Fp32, 16))]),
        "infer-again" => (0..config.size).try_fold(json!({}), |_, _| {
            compute(config, vec![(name, tensor(&[1, 4], TensorType::Fp32, 16))])
        }),
        "malformed-short" => compute(config, vec![(name, tensor(&[1, 4], TensorType::Fp32, 15))]),
        "malformed-long" => compute(config, vec![(name, tensor(&[1, 4], TensorType::Fp32, 17))]),
        "malformed-no-data" => compute(config, vec![(name, tensor(&[1, 4], TensorType::Fp32, 0))]),
        "malformed-zero" => compute(config, vec![(name, tensor(&[1, 0], TensorType::Fp32, 0))]),
        "malformed-no-dimensions" => {
            compute(config, vec![(name, tensor(&[], TensorType::Fp32, 4))])
        }
        "malformed-rank" => compute(config, vec![(name, tensor(&[1; 64], TensorType::Fp32, 4))]),
        "malformed-huge" => compute(
            config,
            vec![(name, tensor(&[65_536, 65_536], TensorType::U8, 16))],
        ),
        "malformed-overflow" => compute(
            config,
            vec![(name, tensor(&[u32::MAX; 8], TensorType::Fp64, 16))],
        ),
        "malformed-type" => compute(config, vec![(name, tensor(&[1, 4], TensorType::U8, 4))]),
        "malformed-half" => compute(config, vec![(name, tensor(&[1, 4], TensorType::Bf16, 8))]),
        "malformed-shape" => compute(
            config,
            vec![(name, tensor(&[3, 5, 7], TensorType::Fp32, 420))],
        ),
        "malformed-missing" => compute(config, vec![]),
        "malformed-name" => compute(
            config,
            vec![("no-such-input", tensor(&[1, 4], TensorType::Fp32, 16))],
        ),
        "malformed-twice" => {
            let twice = || (name, tensor(&[1, 4], TensorType::Fp32, 16));
            compute(config, vec![twice(), twice()])
        }
        "malformed-extra" => {
            let extra = ("no-such-input", tensor(&[1], TensorType::I32, 4));
            compute(
                config,
                vec![(name, tensor(&[1, 4], TensorType::Fp32, 16)), extra],
            )
        }
        "tensors" => hoard(config.size),
        "dims-bomb" => dims(config.size),
        "error-bomb" => errors(config.size),
        "tensors-many" => many(config.size),
        unknown => Err(Failure::InvalidConfig(format!(
            "case `{unknown}` is unknown: see the guest's source"
        ))),
    }
}

fn tensor(dims: &[u32], ty: TensorType, bytes: usize) -> Tensor {
    Tensor::new(dims, ty, &vec![0; bytes])
}

fn compute(config: &Config, inputs: Vec<(&str, Tensor)>) -> Result<Value, Failure> {
    let context = load_by_name(&config.role)
        .and_then(|graph| graph.init_execution_context())
        .map_err(refused)?;
    let inputs = inputs
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .collect();
    let outputs = context.compute(inputs).map_err(refused)?;
    Ok(outputs
        .into_iter()
        .map(|(name, tensor)| (name, json!(tensor.dimensions())))
        .collect())
}

/// Opens graphs and contexts without end, and keeps them.
fn contexts(config: &Config) -> Result<Value, Failure> {
    let mut held: Vec<(Graph, GraphExecutionContext)> = Vec::new();
    for _ in 0..config.size {
        let graph = load_by_name(&config.role).map_err(refused)?;
        let context = graph.init_execution_context().map_err(refused)?;
        held.push((graph, context));
    }
    Ok(json!({ "held": held.len() }))
}

/// Holds `bytes` in tensors of 1 MiB each, beyond what the stage may hold.
fn hoard(bytes: usize) -> Result<Value, Failure> {
    let mib = vec![0u8; 1 << 20];
    let held: Vec<_> = (0..bytes.div_ceil(1 << 20))
        .map(|_| Tensor::new(&[1 << 20], TensorType::U8, &mib))
        .collect();
    Ok(json!({ "held": held.len() }))
}

/// Holds `count` tensors without data, of a million dimensions each.
fn dims(count: usize) -> Result<Value, Failure> {
    let dims = vec![1u32; 1 << 20];
    let held: Vec<_> = (0..count)
        .map(|_| Tensor::new(&dims, TensorType::U8, &[]))
        .collect();
    Ok(json!({ "held": held.len() }))
}

/// Holds `count` errors about a role whose name has a million letters; tells the last.
fn errors(count: usize) -> Result<Value, Failure> {
    let role = "x".repeat(1 << 20);
    let mut held: Vec<_> = (0..count)
        .filter_map(|_| load_by_name(&role).err())
        .collect();
    let last = held.pop();
    match last {
        Some(error) => Err(refused(error)),
        None => Ok(json!({ "held": count })),
    }
}

/// Holds `count` tensors of one byte each.
fn many(count: usize) -> Result<Value, Failure> {
    let held: Vec<_> = (0..count)
        .map(|_| Tensor::new(&[1], TensorType::U8, &[0]))
        .collect();
    Ok(json!({ "held": held.len() }))
}

fn refused(error: Error) -> Failure {
    let code = error.code();
    Failure::Inference(format!("{code:?}: {}", error.data()))
}
