//! Cards: what a model is, which files it has, what it takes and gives.
//!
//! A card is `model.toml` in `models/<name>/<version>/`. [`Card::read`] refuses unknown keys and whatever
//! contradicts itself, and says which file, which key and both sides. A file that does not lie beside its
//! card may say where it is pulled `from`; it is then looked for in the folder given to [`Card::with_pulled`].

mod check;
mod file;
mod generation;
mod raw;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use self::file::{CardFile, Member, Origin, Recipe, sha256_of};
pub use self::generation::{Chat, Generation};
pub(crate) use self::raw::{Failure, Stub};
use crate::tensor::ElementType;

/// The name of a card's file in its folder.
pub const CARD_FILE: &str = "model.toml";

/// A model's card, read and found free of contradictions.
#[derive(Clone, Debug)]
pub struct Card {
    name: String,
    version: Version,
    summary: String,
    licence: String,
    source: String,
    format: Format,
    files: Vec<CardFile>,
    inputs: BTreeMap<String, Port>,
    outputs: BTreeMap<String, Port>,
    batch: Option<BatchAxes>,
    limits: BTreeMap<String, u32>,
    warm_up: BTreeMap<String, u32>,
    stub: Stub,
    generation: Option<Generation>,
    adapters: BTreeMap<String, String>,
    adapter: Option<String>,
    digest: String,
    dir: PathBuf,
    pulled: Option<PathBuf>,
}

impl Card {
    /// Reads and checks `model.toml` in `dir`. Files are not opened: [`Card::verify_files`] does that.
    ///
    /// # Errors
    /// [`CardError`] naming the file, the key and both sides.
    pub fn read(dir: &Path) -> Result<Card, CardError> {
        let file = dir.join(CARD_FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| CardError::Unreadable {
            file: file.clone(),
            reason: error.to_string(),
        })?;
        Card::parse(&text, &file, dir)
    }

    fn parse(text: &str, file: &Path, dir: &Path) -> Result<Card, CardError> {
        let raw: raw::RawCard = toml::from_str(text).map_err(|error| CardError::Syntax {
            file: file.to_path_buf(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        let mut card = check::check(raw).map_err(|finding| CardError::Key {
            file: file.to_path_buf(),
            key: finding.key,
            message: finding.message,
        })?;
        card.dir = dir.to_path_buf();
        card.digest = digest(&card);
        Ok(card)
    }

    /// The same card, whose files are also looked for in `<pulled>/<name>/<version>/`, where set-up puts
    /// those that are not shipped beside it.
    #[must_use]
    pub fn with_pulled(mut self, pulled: &Path) -> Card {
        self.pulled = Some(pulled.to_path_buf());
        self
    }

    /// The model's name, such as `minilm`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model's version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What the model does, in a line; empty where the card does not say.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The licence of the weights, as an SPDX expression.
    pub fn licence(&self) -> &str {
        &self.licence
    }

    /// Where the weights come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The format of the weights, which decides the backend.
    pub fn format(&self) -> Format {
        self.format
    }

    /// `sha256:` and 64 hexadecimal digits over all that shapes the model's answers: name, version, format,
    /// the files' digests, signature, batching and limits. Equal digests mean interchangeable models.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The files that make up the model.
    pub fn files(&self) -> &[CardFile] {
        &self.files
    }

    /// What the model takes, by name.
    pub fn inputs(&self) -> &BTreeMap<String, Port> {
        &self.inputs
    }

    /// What the model gives, by name.
    pub fn outputs(&self) -> &BTreeMap<String, Port> {
        &self.outputs
    }

    /// How entries are merged into one run; `None`: one entry a run.
    pub fn batch(&self) -> Option<&BatchAxes> {
        self.batch.as_ref()
    }

    /// The greatest length of each bounded axis.
    pub fn limits(&self) -> &BTreeMap<String, u32> {
        &self.limits
    }

    /// How long a free axis is in the run that warms the model up, where it is not as long as usual. No part of the digest.
    pub(crate) fn warm_up(&self) -> &BTreeMap<String, u32> {
        &self.warm_up
    }

    pub(crate) fn stub(&self) -> &Stub {
        &self.stub
    }

    /// How a generative model is asked; `None`: it is none.
    pub fn generation(&self) -> Option<&Generation> {
        self.generation.as_ref()
    }

    /// The names of its adapters.
    pub fn adapters(&self) -> impl Iterator<Item = &str> {
        self.adapters.keys().map(String::as_str)
    }

    /// The same card, whose model answers with one of its adapters; nothing where it has no such. The digest is the same: it
    /// covers all of them.
    #[must_use]
    pub fn with_adapter(&self, name: &str) -> Option<Card> {
        self.adapters.get(name)?;
        Some(Card {
            adapter: Some(name.to_owned()),
            ..self.clone()
        })
    }

    /// The adapter with which the model answers.
    pub fn adapter(&self) -> Option<&str> {
        self.adapter.as_deref()
    }

    /// The file of the adapter with which the model answers.
    #[cfg(feature = "llama")]
    pub(crate) fn adapter_file(&self) -> Option<PathBuf> {
        let path = self.adapters.get(self.adapter.as_deref()?)?;
        let file = self.files.iter().find(|file| file.path() == path)?;
        Some(self.file_path(file))
    }

    /// The file of a generative model's weights.
    #[cfg(feature = "llama")]
    pub(crate) fn weights(&self) -> PathBuf {
        let is_adapter = |file: &CardFile| self.adapters.values().any(|path| path == file.path());
        let mut files = self.files.iter();
        let weights = files.find(|file| file.path().ends_with(".gguf") && !is_adapter(file));
        // A card of this format without weights was refused when it was read.
        weights.map_or_else(|| self.dir.clone(), |file| self.file_path(file))
    }

    /// The folder that the card was read from.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The card as guests see it: name, version, signature and limits, as a JSON object.
    pub fn to_guest_json(&self) -> String {
        let ports = |ports: &BTreeMap<String, Port>| -> Map<String, Value> {
            ports
                .iter()
                .map(|(n, p)| (n.clone(), p.to_json()))
                .collect()
        };
        let mut card = json!({
            "name": self.name,
            "version": self.version.to_string(),
            "inputs": ports(&self.inputs),
            "outputs": ports(&self.outputs),
            "limits": self.limits,
        });
        if let (Some(object), Some(generation)) = (card.as_object_mut(), &self.generation) {
            object.insert("generation".to_owned(), generation.to_guest_json());
        }
        card.to_string()
    }
}

/// The digest over a canonical text of the card: one line a fact, in a fixed order.
fn digest(card: &Card) -> String {
    let mut lines = vec![format!(
        "model {} {} {}",
        card.name,
        card.version,
        card.format.name()
    )];
    lines.extend(
        card.files
            .iter()
            .map(|f| format!("file {} {}{}", f.path(), f.sha256(), for_devices(f))),
    );
    for (side, ports) in [("input", &card.inputs), ("output", &card.outputs)] {
        lines.extend(
            ports
                .iter()
                .map(|(name, port)| format!("{side} {name} {}", port.to_json())),
        );
    }
    lines.extend(
        card.batch
            .iter()
            .map(|b| format!("batch {} {:?} {}", b.axis, b.length, b.max)),
    );
    lines.extend(
        card.limits
            .iter()
            .map(|(axis, max)| format!("limit {axis} {max}")),
    );
    lines.extend(card.generation.iter().map(Generation::digest_line));
    lines.extend(
        card.adapters
            .iter()
            .map(|(name, path)| format!("adapter {name} {path}")),
    );
    if card.format == Format::Stub {
        lines.push(format!("stub {:?}", card.stub));
    }
    format!("sha256:{}", hex::encode(Sha256::digest(lines.join("\n"))))
}

/// Nothing for a file that is for every device, so that a card without others keeps its digest.
fn for_devices(file: &CardFile) -> String {
    let names = file.devices().iter().map(|device| device.name());
    names.map(|name| format!(" {name}")).collect()
}

/// The format of a model's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// An ONNX graph.
    Onnx,
    /// Weights of a generative model, as llama.cpp reads them.
    Gguf,
    /// No weights: answers are derived from a hash of the inputs. For tests of what stands above a model.
    Stub,
}

impl Format {
    /// Whether this build runs models of the format.
    pub fn is_served(self) -> bool {
        self != Format::Gguf || cfg!(feature = "llama")
    }

    /// The name used in cards.
    pub fn name(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::Gguf => "gguf",
            Format::Stub => "stub",
        }
    }
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// The element type.
    pub ty: ElementType,
    /// The dimensions, outermost first.
    pub dims: Vec<Dim>,
    /// The names of the classes along the last dimension; empty where it has none.
    pub labels: Vec<String>,
    /// The little-endian bytes of one element that pads the length axis.
    pub(crate) pad: Vec<u8>,
}

impl Port {
    /// The index of the dimension that is the free axis `axis`.
    pub(crate) fn position(&self, axis: &str) -> Option<usize> {
        self.dims
            .iter()
            .position(|d| matches!(d, Dim::Free(name) if name == axis))
    }

    /// The dimensions as messages show them: `[batch, 384]`.
    pub(crate) fn show_dims(&self) -> String {
        let dims: Vec<String> = self.dims.iter().map(Dim::to_string).collect();
        format!("[{}]", dims.join(", "))
    }

    fn to_json(&self) -> Value {
        let dims: Vec<Value> = self
            .dims
            .iter()
            .map(|dim| match dim {
                Dim::Free(name) => json!(name),
                Dim::Fixed(size) => json!(size),
            })
            .collect();
        let mut port = json!({ "type": self.ty.name(), "dims": dims });
        if let (Some(object), false) = (port.as_object_mut(), self.labels.is_empty()) {
            object.insert("labels".to_owned(), json!(self.labels));
        }
        port
    }
}

/// One dimension of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(
    untagged,
    expecting = "a dimension is a number from 1 or the name of a free axis"
)]
pub enum Dim {
    /// Always this long.
    Fixed(u32),
    /// As long as the caller makes it, equally wherever the name occurs.
    Free(String),
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Dim::Fixed(size) => write!(f, "{size}"),
            Dim::Free(name) => f.write_str(name),
        }
    }
}

/// How entries are merged into one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAxes {
    /// The outermost axis of every input and output, along which entries are joined.
    pub axis: String,
    /// The axis that is padded to the longest entry of a run, and cut back in the outputs.
    pub length: Option<String>,
    /// The most rows of a run of merged entries.
    pub max: usize,
}

/// What is wrong with a card or its files. Every message names the file, the key and both sides.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CardError {
    /// A card or a folder of cards cannot be read.
    #[error("cannot read `{}`: {reason}", file.display())]
    Unreadable {
        /// The file or folder.
        file: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// A card is not TOML, or has an unknown key, a missing key or a value of the wrong type.
    #[error("`{}` is not a model card: {message}", file.display())]
    Syntax {
        /// The card.
        file: PathBuf,
        /// Line, column and what was expected.
        message: String,
    },
    /// A key's value contradicts the format or another key.
    #[error("`{}`: key `{key}`: {message}", file.display())]
    Key {
        /// The card.
        file: PathBuf,
        /// The key, dotted.
        key: String,
        /// Both sides, and the way out.
        message: String,
    },
    /// A file of the model is not there.
    #[error("model `{model}` needs `{}`, which is not there; {hint}", file.display())]
    Missing {
        /// Name and version.
        model: String,
        /// Where it was looked for last.
        file: PathBuf,
        /// The way out.
        hint: String,
    },
    /// A file is not the one that the card describes.
    #[error("model `{model}`: `{}` has {what} `{found}`, and its card says `{expected}`; restore the file, or correct the card", file.display())]
    Altered {
        /// Name and version.
        model: String,
        /// The file.
        file: PathBuf,
        /// What differs: `bytes` or `sha256`.
        what: &'static str,
        /// What the file has.
        found: String,
        /// What the card says.
        expected: String,
    },
}

#[cfg(test)]
pub(crate) fn parse_for_test(text: &str) -> Result<Card, CardError> {
    Card::parse(
        text,
        Path::new("models/m/1.0.0/model.toml"),
        Path::new("models/m/1.0.0"),
    )
}

#[cfg(test)]
mod tests;
