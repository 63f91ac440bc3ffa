//! Builds guests into components with the stock Rust toolchain: no wasm-tools, no wasi-sdk.
//!
//! A guest is a `cdylib` for `wasm32-unknown-unknown`; rustc's own `wasm-component-ld` links it straight into a component
//! that imports what its world names and nothing of WASI. All that an ordinary machine may lack is that target's standard
//! library, so [`Toolchain::find_or_make`] finds it, fetches it or builds it, in this order, and says what it tried:
//!
//! 1. the installed target; 2. an overlay that an earlier run made; 3. `rustup target add`, where rustup manages this
//!    compiler and reaches its server; then an overlay made from the sources of exactly this release: 4. the rust-src
//!    component, 5. `RUST_SRC`, 6. `/usr/src/rustc-RELEASE`, 7. Debian's rust-src; 8. Debian's rustc-web with its own sources.
//!
//! An overlay is a sysroot of one target, about 60 MB, built once (half a minute) under `FLEETWRIGHT_SYSROOT_CACHE`
//! (default: `fleetwright/sysroot` under the user's cache). Every outside command has a deadline; builders that run at once
//! share the cache under a lock.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod build;
mod cache;
mod command;
mod debian;
mod overlay;
mod rustc;
mod source;

use std::path::PathBuf;

pub use build::{BuildError, BuildRequest, Built};
pub use rustc::Release;
pub use source::{Attempt, Attempts, Source};

use command::CommandError;

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Where progress goes: one line of text a step, without a line end.
pub type Progress<'a> = dyn Fn(&str) + 'a;

/// A compiler and a standard library that fit each other and build guests.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// The rustc to compile with.
    rustc: PathBuf,
    /// The sysroot that holds the target's library; none where it is installed.
    overlay: Option<PathBuf>,
    /// The linker: a name that rustc knows, or a path.
    linker: PathBuf,
    /// Folders that the linker needs on `PATH`.
    tools: Vec<PathBuf>,
    source: Source,
    release: Release,
}

impl Toolchain {
    /// Finds the standard library for [`TARGET`], or makes it: see the crate's documentation for the order.
    ///
    /// `FLEETWRIGHT_STD_SOURCE` confines the search to one source (the names of [`Source`]), to test it.
    ///
    /// # Errors
    /// No compiler, a cache that cannot be written, or no source left: then the error lists what was tried, in order.
    pub fn find_or_make(progress: &Progress) -> Result<Toolchain, ToolchainError> {
        source::find_or_make(progress)
    }

    /// Builds the guests of `request` and puts each component into its `out_dir`, complete or not at all.
    ///
    /// # Errors
    /// cargo fails (its own output tells why), a package yields no component, or a file cannot be written.
    pub fn build(&self, request: &BuildRequest) -> Result<Vec<Built>, BuildError> {
        build::build(self, request)
    }

    /// Where the standard library came from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The release of the compiler that guests are built with.
    pub fn release(&self) -> &Release {
        &self.release
    }
}

/// Why there is no toolchain for guests.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// There is no rustc to ask.
    #[error(
        "no Rust compiler: {0}. Install Rust from https://rustup.rs, or set RUSTC to the compiler's path"
    )]
    NoCompiler(#[source] CommandError),
    /// rustc's description of itself lacks a line.
    #[error("`rustc -vV` names no `{0}`. Set RUSTC to a Rust compiler")]
    StrangeCompiler(&'static str),
    /// The cache cannot be used.
    #[error("the cache `{}` cannot be used: {source}. Set FLEETWRIGHT_SYSROOT_CACHE to a folder that can be written", path.display())]
    Cache {
        /// The file or folder at fault.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no folder for the cache.
    #[error(
        "no folder for the cache: HOME is not set. Set FLEETWRIGHT_SYSROOT_CACHE to a folder that can be written"
    )]
    NoCache,
    /// `FLEETWRIGHT_STD_SOURCE` holds an unknown name.
    #[error("FLEETWRIGHT_STD_SOURCE is `{0}`, which is no source. Take one of: {names}", names = Source::names())]
    UnknownSource(String),
    /// Every source was tried.
    #[error(
        "no standard library for `{TARGET}` and rustc {release}. Tried, in order:\n{attempts}\nRun `rustup target add {TARGET}`, or set RUST_SRC to the source tree of Rust {release}"
    )]
    NoStandardLibrary {
        /// The compiler's release, such as `1.95.0`.
        release: String,
        /// Each source with its finding.
        attempts: Attempts,
    },
}
