//! `fleet.lock`: which plugin and model each range of the manifest was resolved to, with digests.
//!
//! It lies beside the manifest and is written after each change that is served. It restrains nothing by itself, so that a
//! newer file that fits a range is taken up; under `--locked` nothing else than what it names is served.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;
const HEAD: &str = "# What fleet.toml was resolved to. Written by `fleetwright serve`; `--locked` serves this and nothing else.\n";
/// Letters of what the parser says that are repeated.
const LONGEST_MESSAGE: usize = 400;
const MAX_BYTES: u64 = 1 << 20;

/// One plugin or model, exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// `sha256:` and the digest of the component, or of the model's card.
    pub digest: String,
}

/// Everything that a fleet was resolved to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The plugins, canaries and shadows among them.
    #[serde(default, rename = "plugin")]
    pub plugins: BTreeSet<Pin>,
    /// The models.
    #[serde(default, rename = "model")]
    pub models: BTreeSet<Pin>,
}

impl Pins {
    /// Reads the text of a lock.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Pins, String> {
        let file: File = toml::from_str(text).map_err(|error| placed(text, &error))?;
        if file.schema != SCHEMA {
            return Err(format!(
                "`schema` is `{}`; this release reads {SCHEMA}",
                file.schema
            ));
        }
        Ok(Pins {
            plugins: file.plugins,
            models: file.models,
        })
    }

    /// The text of the lock that says this.
    ///
    /// # Errors
    /// It cannot be written as TOML.
    pub fn to_text(&self) -> Result<String, String> {
        let file = File {
            schema: SCHEMA,
            plugins: self.plugins.clone(),
            models: self.models.clone(),
        };
        let body = toml::to_string(&file).map_err(|error| error.to_string())?;
        Ok(format!("{HEAD}{body}"))
    }

    /// Whether this very component may be used.
    pub(crate) fn allow_plugin(&self, name: &str, version: &Version, digest: &str) -> bool {
        allow(&self.plugins, name, version, digest)
    }

    /// Whether this very model may be used.
    pub(crate) fn allow_model(&self, name: &str, version: &Version, digest: &str) -> bool {
        allow(&self.models, name, version, digest)
    }
}

fn allow(pins: &BTreeSet<Pin>, name: &str, version: &Version, digest: &str) -> bool {
    pins.iter()
        .any(|pin| pin.name == name && pin.version == *version && pin.digest == digest)
}

/// Why a lock file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be used: {detail}", path.display())]
pub struct LockError {
    path: PathBuf,
    detail: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default, rename = "plugin")]
    plugins: BTreeSet<Pin>,
    #[serde(default, rename = "model")]
    models: BTreeSet<Pin>,
}

/// What is wrong with a text, and the line where: the line itself may be as long as the file.
fn placed(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message: String = error.message().chars().take(LONGEST_MESSAGE).collect();
    format!("line {line}: {message}")
}

/// Where the lock of a manifest lies: `fleet.toml` has `fleet.lock`.
pub(crate) fn path_of(manifest: &Path) -> PathBuf {
    manifest.with_extension("lock")
}

/// Reads the lock of a manifest.
pub(crate) fn read(manifest: &Path) -> Result<Pins, LockError> {
    let path = path_of(manifest);
    let failed = |detail: String| LockError {
        path: path.clone(),
        detail,
    };
    let size = fs::metadata(&path)
        .map_err(|error| {
            failed(format!(
                "{error}; serve once without `--locked` to write it"
            ))
        })?
        .len();
    if size > MAX_BYTES {
        return Err(failed(format!(
            "{size} bytes; a lock has at most {MAX_BYTES}"
        )));
    }
    let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    let mend = "restore it, or serve once without `--locked` to write it anew";
    Pins::parse(&text).map_err(|error| failed(format!("{error}; {mend}")))
}

/// Writes the lock of a manifest where it says something else, in one step.
pub(crate) fn write(manifest: &Path, pins: &Pins) -> Result<(), LockError> {
    let path = path_of(manifest);
    let failed = |detail: String| LockError {
        path: path.clone(),
        detail,
    };
    let text = pins.to_text().map_err(failed)?;
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    replace(&path, text.as_bytes()).map_err(|error| failed(error.to_string()))
}

/// Puts a file in the place of another in one step: who reads sees the old one or the new one, whole, be it that this
/// process is killed meanwhile. Whether it survives a loss of power is left to the caller, who may synchronise it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".fleetwright-")
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(name: &str, version: &str) -> Pin {
        Pin {
            name: name.into(),
            version: version.parse().unwrap(),
            digest: format!("sha256:{}", "ab".repeat(32)),
        }
    }

    #[test]
    fn what_is_no_lock_is_told_by_its_line_however_long_that_is() {
        let no_key = format!("schema = 1\n\"{}\"\n", "x".repeat(1 << 16));
        let unknown = format!("schema = 1\n{} = 1\n", "y".repeat(1 << 16));
        for text in [no_key, unknown] {
            let error = Pins::parse(&text).unwrap_err();
            assert!(error.starts_with("line 2: "), "{error}");
            assert!(error.len() < 1024, "{}", error.len());
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_left_alone_where_it_says_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("fleet.toml");
        let pins = Pins {
            plugins: [pin("classify", "1.0.0"), pin("classify", "1.1.0")].into(),
            models: [pin("minilm", "1.0.0")].into(),
        };
        write(&manifest, &pins).unwrap();
        let written = fs::metadata(path_of(&manifest))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(read(&manifest).unwrap(), pins);
        write(&manifest, &pins).unwrap();
        let again = fs::metadata(path_of(&manifest))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(written, again);
    }

    #[test]
    fn what_is_no_lock_says_how_to_get_one() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("fleet.toml");
        for text in [
            None,
            Some(""),
            Some("schema = 2"),
            Some("[[plugin]]\nname = 1"),
        ] {
            if let Some(text) = text {
                fs::write(path_of(&manifest), text).unwrap();
            }
            let error = read(&manifest).unwrap_err().to_string();
            assert!(error.contains("without `--locked`"), "{error}");
        }
    }

    #[test]
    fn another_digest_is_not_allowed() {
        let pins = Pins {
            plugins: [pin("classify", "1.0.0")].into(),
            ..Pins::default()
        };
        let version = Version::new(1, 0, 0);
        assert!(pins.allow_plugin("classify", &version, &pin("x", "1.0.0").digest));
        assert!(!pins.allow_plugin("classify", &version, "sha256:00"));
        assert!(!pins.allow_model("classify", &version, &pin("x", "1.0.0").digest));
    }
}
