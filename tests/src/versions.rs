//! Versions of one guest: `versioned` says which one it is, and a test makes as many of it as it needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::{Layout, places};

/// The version that the guest is built with; it stands in the component as these bytes.
const BUILT: &str = "1.0.70001";

/// The text of a version: `1.0.70001` for 1.
#[must_use]
pub fn version(number: u32) -> String {
    format!("1.0.{}", 70_000 + number)
}

/// The component of a version, from 1 to 9999.
///
/// # Errors
/// The guest is not built.
pub fn component(number: u32) -> Result<Vec<u8>> {
    let mut bytes = fs::read(places::guest("versioned")?).context("cannot read the guest")?;
    let wanted = version(number);
    let places: Vec<usize> = bytes
        .windows(BUILT.len())
        .enumerate()
        .filter(|(_, window)| *window == BUILT.as_bytes())
        .map(|(place, _)| place)
        .collect();
    if places.is_empty() || wanted.len() != BUILT.len() {
        bail!(
            "cannot make version {number} of the guest: its own stands {} times in it",
            places.len()
        );
    }
    for place in places {
        bytes
            .get_mut(place..place + wanted.len())
            .context("a version beyond the end")?
            .copy_from_slice(wanted.as_bytes());
    }
    Ok(bytes)
}

/// The same component with bytes that nobody has seen: a custom section that says nothing.
#[must_use]
pub fn unseen(component: &[u8]) -> Vec<u8> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nonce = format!(
        "{count}-{}-{}",
        std::process::id(),
        now.unwrap_or_default().as_nanos()
    );
    let name = b"nonce";
    // A few dozen bytes: each length is one.
    let length = |bytes: usize| u8::try_from(bytes).unwrap_or_default();
    let mut bytes = component.to_vec();
    bytes.extend([0, length(1 + name.len() + nonce.len()), length(name.len())]);
    bytes.extend(name);
    bytes.extend(nonce.as_bytes());
    bytes
}

/// Puts a version into a fleet's plugins under a file's name, in one step.
///
/// # Errors
/// The folder cannot be written to.
pub fn put(layout: &Layout, number: u32, file: &str) -> Result<PathBuf> {
    let path = layout.plugins().join(file);
    replace(&path, &component(number)?)?;
    Ok(path)
}

/// Replaces a file in one step, as editors and package managers do.
///
/// # Errors
/// The folder cannot be written to.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).with_context(|| format!("cannot write `{}`", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("cannot replace `{}`", path.display()))
}
