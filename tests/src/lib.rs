//! The harness of the end-to-end tests: the built host as a process, HTTP over a plain socket, real components.
//!
//! [`Layout`] puts a manifest, plugins and models into a folder of its own; [`Host`] serves it; [`command`] runs one of
//! the host's other verbs. Every wait polls, and ends after [`PATIENCE`]: a bound on hangs, which no slow machine reaches.
//!
//! What must be built before is built by `cargo xtask test`; where something is missing, the error says so.

pub mod command;
pub mod data;
pub mod host;
pub mod http;
pub mod layout;
pub mod places;
pub mod versions;
pub mod wat;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use command::{Ended, command};
pub use host::Host;
pub use http::{Exchange, Request, Response};
pub use layout::Layout;
pub use wat::Guest;

/// The longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(5);

/// Polls until `look` finds something.
///
/// # Errors
/// `look` fails, or finds nothing within [`PATIENCE`]; the error names `what`.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} in vain for: {what}");
        }
        std::thread::sleep(LOOK);
    }
}

/// `sha256:` and the digest of some bytes, as answers write it.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
