//! The stub: outputs of the declared shapes, derived from a hash of the inputs.
//!
//! For tests of what stands above a model. The same row gives the same answer in whatever run it is, however
//! far it was padded, so that a test can tell a wrong merge or split from a right one. A card may make it
//! slow or make it fail, from the run after its warm-up on.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use half::{bf16, f16};

use super::{Backend, RunError, Signature};
use crate::card::{Card, Dim, Failure, Port};
use crate::tensor::{ElementType, NamedTensor, Tensor};
use crate::watchdog::Stop;

pub(super) const NAME: &str = "stub";

pub(crate) struct StubBackend {
    card: Card,
    /// Whether the next run is neither slow nor fails.
    spared: bool,
    nap: Arc<Nap>,
}

/// How a stub is slow: until its time is over, or it is told to stop.
#[derive(Default)]
struct Nap {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Nap {
    fn take(&self, time: Duration) -> Result<(), String> {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = self
            .changed
            .wait_timeout_while(stopped, time, |stopped| !*stopped);
        let (stopped, _) = ended.unwrap_or_else(PoisonError::into_inner);
        match *stopped {
            true => Err("the stub was told to stop".to_owned()),
            false => Ok(()),
        }
    }

    fn set(&self, stopped: bool) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = stopped;
        self.changed.notify_all();
    }
}

impl Stop for Nap {
    fn stop(&self) {
        self.set(true);
    }

    fn reset(&self) {
        self.set(false);
    }
}

impl StubBackend {
    #[cfg(test)]
    pub(crate) fn new(card: &Card) -> StubBackend {
        StubBackend {
            card: card.clone(),
            spared: false,
            nap: Arc::default(),
        }
    }

    /// One whose first run is its warm-up.
    pub(crate) fn cold(card: &Card) -> StubBackend {
        StubBackend {
            card: card.clone(),
            spared: !card.stub().cold,
            nap: Arc::default(),
        }
    }

    /// What the card says of a run beside its answer.
    fn misbehave(&self) -> Result<(), RunError> {
        if self.card.stub().delay_ms > 0 {
            self.nap
                .take(Duration::from_millis(self.card.stub().delay_ms))?;
        }
        match self.card.stub().fail {
            Some(Failure::Error) => {
                return Err("the stub's card says that it fails".to_owned().into());
            }
            Some(Failure::Memory) => {
                let said = "the stub's card says that it has none".to_owned();
                return Err(RunError::OutOfMemory(said));
            }
            Some(Failure::Panic) => fail_by_panic(),
            None => {}
        }
        Ok(())
    }

    /// The length of every free axis in `inputs`.
    fn axes(&self, inputs: &[NamedTensor]) -> BTreeMap<String, u32> {
        let mut axes = BTreeMap::new();
        for (name, tensor) in inputs {
            let dims = self
                .card
                .inputs()
                .get(name)
                .map(|port| port.dims.as_slice())
                .unwrap_or_default();
            for (dim, size) in dims.iter().zip(tensor.dims()) {
                if let Dim::Free(axis) = dim {
                    axes.insert(axis.clone(), *size);
                }
            }
        }
        axes
    }

    /// One output: the hash of its row, mixed with the place within the row.
    fn output(
        &self,
        port: &Port,
        axes: &BTreeMap<String, u32>,
        rows: &[u64],
    ) -> Result<Tensor, String> {
        let dims: Vec<u32> = port
            .dims
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => *size,
                Dim::Free(axis) => axes.get(axis).copied().unwrap_or(1),
            })
            .collect();
        let elements: usize = dims.iter().map(|d| *d as usize).product();
        let per_row = (elements / rows.len().max(1)).max(1);
        let mut data = Vec::with_capacity(elements * port.ty.size());
        for place in 0..elements {
            let row = rows.get(place / per_row).copied().unwrap_or_default();
            data.extend(element(
                port.ty,
                mix(row, place_in_row(place % per_row, &dims)),
            ));
        }
        Tensor::new(dims, port.ty, Bytes::from(data)).map_err(|error| error.to_string())
    }

    /// One hash a row, over every element that is not padding, so that padding changes nothing.
    fn row_hashes(&self, inputs: &[NamedTensor]) -> Vec<u64> {
        let merged = self.card.batch().is_some();
        let rows = inputs
            .first()
            .and_then(|(_, t)| t.dims().first())
            .map_or(1, |rows| if merged { *rows as usize } else { 1 });
        let mut hashes = vec![0u64; rows];
        for (index, (name, tensor)) in inputs.iter().enumerate() {
            let port = self.card.inputs().get(name);
            let pad = port.map(|port| port.pad.as_slice()).unwrap_or_default();
            let padded = self
                .card
                .batch()
                .and_then(|batch| port?.position(batch.length.as_deref()?))
                .is_some();
            let per_row = (tensor.elements() / rows).max(1);
            for (place, element) in tensor.data().chunks_exact(tensor.ty().size()).enumerate() {
                if padded && element == pad {
                    continue;
                }
                let place_hash = mix(index as u64, place_in_row(place % per_row, tensor.dims()));
                let value = element
                    .iter()
                    .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                if let Some(hash) = hashes.get_mut(place / per_row) {
                    *hash = hash.wrapping_add(mix(place_hash, value));
                }
            }
        }
        hashes
    }
}

impl Backend for StubBackend {
    fn runs_here(&self) -> bool {
        true
    }

    fn signature(&self) -> Option<Signature> {
        None
    }

    fn stop(&self) -> Option<Arc<dyn Stop>> {
        Some(self.nap.clone())
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
        if !std::mem::take(&mut self.spared) {
            self.misbehave()?;
        }
        let (axes, rows) = (self.axes(inputs), self.row_hashes(inputs));
        let outputs = self.card.outputs().iter();
        outputs
            .map(|(name, port)| Ok((name.clone(), self.output(port, &axes, &rows)?)))
            .collect()
    }
}

#[allow(
    clippy::panic,
    reason = "tests ask for it, to see that a worker outlives it"
)]
fn fail_by_panic() {
    panic!("the stub's card says that it panics");
}

/// A place within a row as a number that does not depend on how far the row is padded: its coordinates, mixed.
fn place_in_row(place: usize, dims: &[u32]) -> u64 {
    let mut rest = place as u64;
    let mut mixed = 0u64;
    for (axis, size) in dims.iter().enumerate().skip(1).rev() {
        mixed = mix(mixed, ((axis as u64) << 32) | (rest % u64::from(*size)));
        rest /= u64::from(*size);
    }
    mixed
}

/// A well-mixed number from two: the finalizer of SplitMix64.
fn mix(a: u64, b: u64) -> u64 {
    let mut z = a
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(b)
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One element: fractions lie in 0 to 1, whole numbers in 0 to 255.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "any number will do"
)]
fn element(ty: ElementType, hash: u64) -> Vec<u8> {
    let whole = hash >> 56;
    let fraction = (hash >> 40) as f32 / (1u64 << 24) as f32;
    match ty {
        ElementType::U8 => vec![whole as u8],
        ElementType::I32 => (whole as i32).to_le_bytes().to_vec(),
        ElementType::I64 => (whole as i64).to_le_bytes().to_vec(),
        ElementType::F32 => fraction.to_le_bytes().to_vec(),
        ElementType::F64 => f64::from(fraction).to_le_bytes().to_vec(),
        ElementType::F16 => f16::from_f32(fraction).to_le_bytes().to_vec(),
        ElementType::Bf16 => bf16::from_f32(fraction).to_le_bytes().to_vec(),
    }
}
