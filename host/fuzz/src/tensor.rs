//! Tensors as guests make them, and what queues and runs make of several calls at once: merged, padded, cut and given back,
//! each has the answer that it has alone.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use fleetwright_inference::{
    Backends, Catalog, ElementType, InferError, LoadOptions, MAX_RANK, Model, NamedTensor, Tensor,
    TensorError,
};
use tokio::time::Instant;

use super::{MESSAGE, block_on};

/// Calls that come at once, at most.
const CALLS: usize = 6;
/// Bytes of one tensor, at most, where its length is right.
const BYTES: u128 = 1 << 14;
const LONG: Duration = Duration::from_secs(600);

/// Axes of every kind: of the batch, of a length that is padded, free and fixed.
const CARD: &str = r#"
schema = 1
name = "fuzzed"
version = "1.0.0"
format = "stub"
licence = "Apache-2.0"
source = "written for the fuzz targets"
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
pad = 9
[inputs.states]
type = "f32"
dims = ["batch", "tokens", "width"]
pad = -1.5
[inputs.flags]
type = "u8"
dims = ["batch", 2]
[outputs.score]
type = "f32"
dims = ["batch"]
[outputs.tags]
type = "f16"
dims = ["batch", "tokens", 3]
[outputs.turned]
type = "i32"
dims = ["batch", 2, "tokens"]
[batch]
axis = "batch"
length = "tokens"
max = 8
[limits]
tokens = 64
"#;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("fuzzed/1.0.0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("model.toml"), CARD).unwrap();
    let catalog = Catalog::scan(dir.path()).unwrap();
    let backends = Backends::detect(None).unwrap();
    Model::load(&catalog.cards()[0], &backends, LoadOptions::default()).unwrap()
});

pub fn run(bytes: &[u8]) {
    let mut bytes = Taken(bytes);
    let mut calls: Vec<Vec<NamedTensor>> = Vec::new();
    while calls.len() < CALLS && !bytes.0.is_empty() {
        calls.extend(call(&mut bytes));
    }
    block_on(together_is_alone(&calls));
}

/// The inputs of one call, where its tensors are any.
fn call(bytes: &mut Taken<'_>) -> Option<Vec<NamedTensor>> {
    let shape = bytes.next();
    if !shape.is_multiple_of(4) {
        return Some(fitting(shape, bytes));
    }
    // As a guest could: any names, types and dimensions.
    let count = usize::from(shape >> 2) % 5;
    let named = |bytes: &mut Taken<'_>| {
        let names = ["ids", "states", "flags", "none", ""];
        let name = names[usize::from(bytes.next()) % names.len()].to_owned();
        Some((name, tensor(bytes)?))
    };
    (0..count).map(|_| named(bytes)).collect()
}

/// Inputs that the card takes, if their lengths are within its limits.
fn fitting(shape: u8, bytes: &mut Taken<'_>) -> Vec<NamedTensor> {
    let rows = u32::from(shape >> 2) % 12 + 1;
    let (length, width) = (
        u32::from(bytes.next()) % 70 + 1,
        u32::from(bytes.next()) % 3 + 1,
    );
    let mut made = |name: &str, dims: &[u32], ty: ElementType| {
        let needed = dims.iter().product::<u32>() as usize * ty.size();
        let data = bytes.repeated(needed);
        (
            name.to_owned(),
            Tensor::new(dims.to_vec(), ty, data).unwrap(),
        )
    };
    vec![
        made("ids", &[rows, length], ElementType::I64),
        made("states", &[rows, length, width], ElementType::F32),
        made("flags", &[rows, 2], ElementType::U8),
    ]
}

/// A tensor of any dimensions, type and length, where those agree; else it is held that the error says which do not.
fn tensor(bytes: &mut Taken<'_>) -> Option<Tensor> {
    const TYPES: [ElementType; 7] = [
        ElementType::F16,
        ElementType::F32,
        ElementType::F64,
        ElementType::Bf16,
        ElementType::U8,
        ElementType::I32,
        ElementType::I64,
    ];
    let ty = TYPES[usize::from(bytes.next()) % TYPES.len()];
    let rank = usize::from(bytes.next()) % (MAX_RANK + 3);
    let dims: Vec<u32> = (0..rank).map(|_| dimension(bytes)).collect();
    let product = dims
        .iter()
        .try_fold(ty.size() as u128, |n, d| n.checked_mul(u128::from(*d)));
    let length = match (bytes.next(), product) {
        (mode, Some(product)) if mode % 4 > 0 && product <= BYTES => product as usize,
        (mode, _) => usize::from(mode),
    };
    let data = bytes.repeated(length);
    match Tensor::new(dims.clone(), ty, data) {
        Ok(tensor) => {
            assert_eq!(product, Some(length as u128));
            assert_eq!((tensor.dims(), tensor.ty()), (&dims[..], ty));
            assert_eq!(tensor.elements() * ty.size(), length);
            assert_eq!(tensor.to_f32().is_some(), ty == ElementType::F32);
            assert_eq!(tensor.to_i64().is_some(), ty == ElementType::I64);
            Some(tensor)
        }
        Err(error) => {
            let most = u128::from(u32::MAX);
            match &error {
                TensorError::Rank { rank } => assert!(*rank == 0 || *rank > MAX_RANK),
                TensorError::ZeroDimension { axis, .. } => assert_eq!(dims[*axis], 0),
                TensorError::TooLarge { .. } => assert!(product.is_none_or(|n| n > most)),
                TensorError::Length { needed, given, .. } => {
                    assert_eq!(product, Some(u128::from(*needed)));
                    assert_ne!(*needed as usize, *given);
                }
            }
            assert!(error.to_string().len() <= MESSAGE);
            None
        }
    }
}

fn dimension(bytes: &mut Taken<'_>) -> u32 {
    match bytes.next() {
        small @ 0..200 => u32::from(small % 20),
        200..230 => u32::from(bytes.next()) << 8 | u32::from(bytes.next()),
        _ => u32::from_le_bytes([bytes.next(), bytes.next(), bytes.next(), bytes.next()]),
    }
}

/// All at once each has the answer, or the refusal, that it has alone.
async fn together_is_alone(calls: &[Vec<NamedTensor>]) {
    let deadline = Instant::now() + LONG;
    let begin = |inputs: &Vec<NamedTensor>| Box::pin(MODEL.infer(inputs.clone(), deadline));
    // Each is in the queue before the first is waited for.
    let mut running: Vec<_> = calls.iter().map(begin).collect();
    let mut ends: Vec<_> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (call, end) in running.iter_mut().zip(&mut ends) {
            if end.is_none()
                && let std::task::Poll::Ready(ended) = call.as_mut().poll(context)
            {
                *end = Some(ended);
            }
        }
        match ends.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    for (inputs, together) in calls.iter().zip(ends.into_iter().flatten()) {
        let alone = begin(inputs).await;
        match (together, alone) {
            (Ok(together), Ok(alone)) => assert_eq!(together.outputs, alone.outputs),
            (Err(together), Err(alone)) => {
                assert_eq!(together, alone);
                assert!(
                    matches!(alone, InferError::InvalidInput(_) | InferError::TooLarge(_)),
                    "{alone}"
                );
                assert!(alone.to_string().len() <= MESSAGE);
            }
            (together, alone) => panic!("{together:?} together, {alone:?} alone"),
        }
    }
}

/// Bytes that are used up; zeros after their end.
struct Taken<'a>(&'a [u8]);

impl Taken<'_> {
    fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// So many bytes: the next few, again and again.
    fn repeated(&mut self, length: usize) -> Bytes {
        let seed = [self.next(), self.next(), self.next()];
        (0..length)
            .map(|place| seed[place % 3].wrapping_add(place as u8))
            .collect()
    }
}
