//! Precompiled components, kept by the digest of their bytes and the engine's own hash.
//!
//! Default place: `components/` under the state directory. An entry is one file: a SHA-256, then the machine code. The hash
//! covers the code and what it is the code of, so that an entry that was cut, changed or put in another's place does not
//! match; it is compiled anew and replaced, and is never an error. Default bounds: 256 entries, 2 GiB; those that were not
//! used for the longest time go first.
//!
//! The cache is as trusted as the host's binary: whoever can write to it runs code in the host. The directory must belong
//! to the host's user; one that others could write to is emptied before it is used.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Precompiled};

use crate::error::LoadError;

const HASH_BYTES: usize = 32;
const SUFFIX: &str = "cwasm";
/// Files that a killed host left half-written.
const UNFINISHED: &str = ".unfinished-";
/// After this long nobody is writing to such a file any more.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The digest of some bytes: `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// What code must be compiled for to run in an engine: wasmtime's version, the target and the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineHash(Arc<str>);

impl EngineHash {
    pub(crate) fn of(engine: &Engine) -> Self {
        let mut hasher = Sha(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        EngineHash(hex::encode(hasher.0.finalize()).into())
    }

    pub(crate) fn hex(&self) -> &str {
        &self.0
    }
}

/// SHA-256 behind the standard trait, for a value that can only be hashed.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// What a cache holds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheBounds {
    pub(crate) entries: usize,
    pub(crate) bytes: u64,
}

impl Default for CacheBounds {
    fn default() -> Self {
        CacheBounds {
            entries: 256,
            bytes: 2 << 30,
        }
    }
}

/// The cache's directory, or nothing where components are compiled at every start.
pub(crate) struct Cache {
    dir: Option<PathBuf>,
    bounds: CacheBounds,
}

/// What an entry is the code of.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    component: String,
    engine: EngineHash,
}

impl Key {
    pub(crate) fn new(component_digest: &str, engine: &EngineHash) -> Self {
        Key {
            component: component_digest.to_owned(),
            engine: engine.clone(),
        }
    }

    fn file(&self) -> String {
        let component = self.component.trim_start_matches("sha256:");
        let engine = self.engine.hex().get(..16).unwrap_or_default();
        format!("{component}-{engine}.{SUFFIX}")
    }

    /// Both names have a fixed length: no two keys and codes run together to the same bytes.
    fn seal(&self, code: &[u8]) -> [u8; HASH_BYTES] {
        let mut hash = Sha256::new();
        hash.update(self.component.as_bytes());
        hash.update(self.engine.hex().as_bytes());
        hash.update(code);
        hash.finalize().into()
    }
}

impl Cache {
    pub(crate) fn open(dir: Option<PathBuf>) -> Result<Self, LoadError> {
        Cache::bounded(dir, CacheBounds::default())
    }

    pub(crate) fn bounded(dir: Option<PathBuf>, bounds: CacheBounds) -> Result<Self, LoadError> {
        if let Some(dir) = &dir {
            prepare(dir).map_err(|e| LoadError::Cache {
                path: dir.clone(),
                error: e.to_string(),
            })?;
        }
        Ok(Cache { dir, bounds })
    }

    /// The component, where a sound entry stands for it. Blocks on the file.
    pub(crate) fn find(&self, engine: &Engine, key: &Key) -> Option<Component> {
        let path = self.dir.as_ref()?.join(key.file());
        let code = read(&path, key)?;
        // For the order in which entries go; an entry that cannot be touched only goes sooner.
        if let Ok(file) = File::options().append(true).open(&path) {
            file.set_modified(SystemTime::now()).unwrap_or_default();
        }
        deserialize(engine, &code).ok()
    }

    /// Keeps machine code that was just compiled, and lets the oldest entries go. Blocks on files.
    pub(crate) fn keep(&self, key: &Key, code: &[u8]) {
        let Some(dir) = &self.dir else { return };
        if let Err(error) = write(dir, key, code).and_then(|()| self.sweep(dir)) {
            tracing::warn!(path = %dir.display(), %error, "cannot keep the compiled component; the next start compiles it again");
        }
    }

    /// Lets an entry go that will not be asked for again. Blocks on the file.
    pub(crate) fn forget(&self, key: &Key) {
        if let Some(dir) = &self.dir {
            // It may never have been there; one that stays goes when it is the oldest.
            fs::remove_file(dir.join(key.file())).unwrap_or_default();
        }
    }

    /// Newest first; what passes a bound goes.
    fn sweep(&self, dir: &Path) -> std::io::Result<()> {
        let now = SystemTime::now();
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            let used = about.modified()?;
            let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            if path.extension().is_some_and(|suffix| suffix == SUFFIX) {
                entries.push((used, about.len(), path));
            } else if unfinished && now.duration_since(used).is_ok_and(|age| age > ABANDONED) {
                fs::remove_file(path)?;
            }
        }
        entries.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut bytes = 0;
        for (index, (_, length, path)) in entries.into_iter().enumerate() {
            bytes += length;
            if index >= self.bounds.entries || bytes > self.bounds.bytes {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Machine code that has just been compiled, as a component.
pub(crate) fn component(engine: &Engine, code: &[u8]) -> Result<Component, LoadError> {
    deserialize(engine, code).map_err(|error| {
        // Sound code of a component that asks for more than any instance is given: more memories or tables, say.
        let reason = format!("{error:#}");
        match Engine::detect_precompiled(code) {
            Some(Precompiled::Component) => LoadError::Compile(reason),
            _ => LoadError::Compiler(reason),
        }
    })
}

/// Only the host's own user may read or write what the host will execute.
#[cfg(unix)]
fn prepare(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    fs::create_dir_all(dir)?;
    let about = fs::metadata(dir)?;
    if about.uid() != rustix::process::geteuid().as_raw() {
        let owner = about.uid();
        return Err(std::io::Error::other(format!("it belongs to user {owner}")));
    }
    let was_open = about.mode() & 0o022 != 0;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    if was_open {
        empty(dir)?;
    }
    Ok(())
}

/// Anybody might have put there what is there.
#[cfg(unix)]
fn empty(dir: &Path) -> std::io::Result<()> {
    let mut entries = 0;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == SUFFIX) {
            fs::remove_file(path)?;
            entries += 1;
        }
    }
    if entries > 0 {
        tracing::warn!(path = %dir.display(), entries, "others could write to the precompiled components; they are compiled anew");
    }
    Ok(())
}

#[cfg(not(unix))]
fn prepare(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)
}

fn read(path: &Path, key: &Key) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut seal = [0; HASH_BYTES];
    let mut code = Vec::new();
    let whole = file
        .read_exact(&mut seal)
        .and_then(|()| file.read_to_end(&mut code));
    if whole.is_err() || key.seal(&code) != seal {
        tracing::warn!(path = %path.display(), "a precompiled component does not match its digest; it is compiled anew");
        return None;
    }
    Some(code)
}

// One of the host's two unsafe blocks. Deserializing trusts the machine code. `code` comes from one of two places: from
// the compiler that this host runs, over a pipe that nobody else holds; or from an entry in a directory that only this user
// can write to, which has just been held against the SHA-256 of this code for this component and this engine. wasmtime
// itself refuses code of another version or configuration.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    unsafe { Component::deserialize(engine, code) }
}

/// An entry appears whole or not at all.
fn write(dir: &Path, key: &Key, code: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(dir)?;
    file.write_all(&key.seal(code))?;
    file.write_all(code)?;
    file.persist(dir.join(key.file()))?;
    Ok(())
}

#[cfg(test)]
mod tests;
