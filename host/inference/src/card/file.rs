//! A model's files: where they lie, and whether they are the ones that the card describes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Card, CardError};

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFile {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) from: Option<Origin>,
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
}

/// Where a file that is not shipped beside its card comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// A package of the Python index and its exact version: `NAME==VERSION`.
    pub pypi: String,
    /// The file's path inside that package's wheel.
    pub member: String,
}

impl Card {
    /// Where `file` lies: beside the card, else in the folder for pulled files where there is one. The path
    /// is returned whether or not the file exists.
    pub fn file_path(&self, file: &CardFile) -> PathBuf {
        let beside = self.dir.join(&file.path);
        match &self.pulled {
            Some(pulled) if file.from.is_some() && !beside.exists() => pulled
                .join(&self.name)
                .join(self.version.to_string())
                .join(&file.path),
            _ => beside,
        }
    }

    /// Reads every file and compares its length and digest with the card. Memory use is constant.
    ///
    /// # Errors
    /// [`CardError::Missing`], [`CardError::Unreadable`] or [`CardError::Altered`] for the first file at fault.
    pub fn verify_files(&self) -> Result<(), CardError> {
        self.files.iter().try_for_each(|file| self.verify(file))
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
                Some(_) => "run `fleetwright models pull`".to_owned(),
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

/// The digest of a file, read in pieces of 64 KiB.
fn sha256_of(path: &Path) -> std::io::Result<String> {
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
