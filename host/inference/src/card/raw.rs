//! `model.toml` as it is written: syntax, key names and value types, nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Dim, Format, Generation, Origin};
use crate::device::Accelerator;
use crate::tensor::ElementType;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCard {
    pub(super) schema: u32,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) format: Format,
    #[serde(default)]
    pub(super) summary: String,
    pub(super) licence: String,
    pub(super) source: String,
    #[serde(default)]
    pub(super) files: Vec<RawFile>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, RawPort>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, RawPort>,
    pub(super) batch: Option<RawBatch>,
    #[serde(default)]
    pub(super) limits: BTreeMap<String, u32>,
    #[serde(default)]
    pub(super) warm_up: BTreeMap<String, u32>,
    pub(super) stub: Option<Stub>,
    pub(super) generation: Option<Generation>,
    #[serde(default)]
    pub(super) adapters: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) from: Option<Origin>,
    #[serde(default)]
    pub(super) devices: Vec<Accelerator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPort {
    #[serde(rename = "type")]
    pub(super) ty: ElementType,
    pub(super) dims: Vec<Dim>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    pub(super) pad: Option<Pad>,
}

/// The value that pads the length axis.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(untagged, expecting = "a pad value is a number")]
pub(super) enum Pad {
    Whole(i64),
    Fraction(f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBatch {
    pub(super) axis: String,
    pub(super) length: Option<String>,
    pub(super) max: u32,
}

/// How a stub behaves, so that tests can see queues, slow models and failures.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stub {
    /// How long each run takes, in milliseconds.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// How each run ends, where not well.
    pub(crate) fail: Option<Failure>,
    /// Whether it behaves so from its warm-up on.
    #[serde(default)]
    pub(crate) cold: bool,
}

/// How a stub fails.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    /// The backend reports an error.
    Error,
    /// The backend has no memory for the run.
    Memory,
    /// The backend panics.
    Panic,
}
