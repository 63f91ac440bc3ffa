//! Who may tell a host what to serve: whoever may write to its state.
//!
//! A host that serves listens on a socket of its own in the folder of its history (`control.sock`, mode 0700 above it): no
//! address, no port, no secret, and nothing of it can be reached over the network. It speaks HTTP/1.1 and JSON. Bounds:
//! eight connections at once, bodies of 1 MiB.

#[cfg(unix)]
mod client;
#[cfg(unix)]
mod server;

use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
pub use client::Control;
#[cfg(unix)]
pub use server::Server;

/// The largest manifest that a plan is made for.
pub const LARGEST: usize = 1 << 20;

/// Why a host cannot be told, or cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody serves this manifest with this state.
    #[error(
        "no host serves this manifest (nothing answers at `{}`): start one with `fleetwright serve`, or name the manifest and state of the one that runs with `--fleet` and `--state`", socket.display()
    )]
    NoHost {
        /// Where it would listen.
        socket: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen for orders at `{}`: {source}; make its folder writable, or name another state with `--state`", socket.display())]
    Listen {
        /// Where.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The host's answer cannot be read.
    #[error("the host gave no answer that can be read ({detail}): see its log")]
    Unreadable {
        /// What is wrong.
        detail: String,
    },
    /// The host refused.
    #[error("{detail}")]
    Refused {
        /// Its reason.
        detail: String,
        /// Every diagnostic, where a manifest is at fault.
        diagnostics: serde_json::Value,
    },
    /// This system has no such sockets.
    #[error(
        "hosts are told what to do by Unix sockets, which this system lacks: edit the manifest, which the host watches"
    )]
    Unsupported,
}

/// Where the host of a manifest listens.
fn socket(state: &Path, manifest: &Path) -> PathBuf {
    fleetwright_fleet::folder(state, manifest).join("control.sock")
}
