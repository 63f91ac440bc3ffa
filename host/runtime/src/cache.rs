//! Precompiled components, kept by the digest of their bytes and the engine's own hash.
//!
//! Default place: `components/` under the state directory. An entry is one file: the SHA-256 of the machine code, then
//! the machine code. An entry that does not match its SHA-256, or that wasmtime refuses, is compiled anew and replaced; it
//! is never an error. The cache is as trusted as the host's binary: whoever can write to it runs code in the host.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::LoadError;

const HASH_BYTES: usize = 32;

/// The digest of some bytes: `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The cache's directory, or nothing where components are compiled at every start.
pub(crate) struct Cache(Option<PathBuf>);

impl Cache {
    pub(crate) fn open(dir: Option<PathBuf>) -> Result<Self, LoadError> {
        if let Some(dir) = &dir {
            fs::create_dir_all(dir).map_err(|e| LoadError::Cache {
                path: dir.clone(),
                error: e.to_string(),
            })?;
            restrict(dir).map_err(|e| LoadError::Cache {
                path: dir.clone(),
                error: e.to_string(),
            })?;
        }
        Ok(Cache(dir))
    }

    /// The compiled component: from the cache where a sound entry stands there, else compiled and then kept.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        bytes: &[u8],
        digest: &str,
    ) -> Result<Component, LoadError> {
        let Some(path) = self.entry(engine, digest) else {
            return compile(engine, bytes);
        };
        if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        let component = compile(engine, bytes)?;
        if let Err(error) = keep(&component, &path) {
            tracing::warn!(path = %path.display(), error, "cannot keep the compiled component; the next start compiles it again");
        }
        Ok(component)
    }

    fn entry(&self, engine: &Engine, digest: &str) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let digest = digest.trim_start_matches("sha256:");
        Some(
            self.0
                .as_ref()?
                .join(format!("{digest}-{:016x}.cwasm", hasher.finish())),
        )
    }
}

/// Only the host's own user may read or write what the host will execute.
#[cfg(unix)]
fn restrict(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::from_binary(engine, bytes).map_err(|e| LoadError::Compile(format!("{e:#}")))
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let entry = fs::read(path).ok()?;
    let (hash, code) = entry.split_at_checked(HASH_BYTES)?;
    if Sha256::digest(code).as_slice() != hash {
        tracing::warn!(path = %path.display(), "a precompiled component does not match its digest; it is compiled anew");
        return None;
    }
    deserialize(engine, code)
}

// The one unsafe block of the workspace. Deserializing trusts the machine code: `code` was written by `keep` into a
// directory that only this user can write to, is named after the component's digest and the engine's hash, and has just
// been held against the SHA-256 beside it. wasmtime itself refuses code of another version or configuration.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    unsafe { Component::deserialize(engine, code) }.ok()
}

fn keep(component: &Component, path: &Path) -> Result<(), String> {
    let code = component.serialize().map_err(|e| e.to_string())?;
    let dir = path.parent().ok_or("no parent directory")?;
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(|e| e.to_string())?;
    file.write_all(&Sha256::digest(&code))
        .and_then(|()| file.write_all(&code))
        .map_err(|e| e.to_string())?;
    file.persist(path).map_err(|e| e.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn an_entry_is_kept_and_a_tampered_one_is_compiled_anew() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(Some(dir.path().join("components"))).unwrap();
        let digest = digest(EMPTY);
        let path = cache.entry(&engine, &digest).unwrap();

        cache.component(&engine, EMPTY, &digest).unwrap();
        assert!(read(&engine, &path).is_some());

        let mut entry = fs::read(&path).unwrap();
        *entry.last_mut().unwrap() ^= 1;
        fs::write(&path, &entry).unwrap();
        assert!(read(&engine, &path).is_none(), "a flipped bit is seen");
        cache.component(&engine, EMPTY, &digest).unwrap();
        assert!(read(&engine, &path).is_some(), "and mended");
    }

    #[test]
    fn what_is_not_a_component_is_refused_with_its_reason() {
        let engine = Engine::default();
        let cache = Cache::open(None).unwrap();
        for bytes in [&b""[..], b"hello", b"\0asm\x01\0\0\0", &EMPTY[..5]] {
            let error = cache
                .component(&engine, bytes, &digest(bytes))
                .map(|_| ())
                .unwrap_err();
            assert!(matches!(error, LoadError::Compile(_)), "{bytes:?}: {error}");
        }
    }
}
