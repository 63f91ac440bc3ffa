//! WASI, item by item: an interface is linked only for a stage whose manifest entry grants it. Default: none.

use std::collections::BTreeSet;

use wasmtime::component::Linker;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{clocks, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::state::CallState;

/// One item of WASI that a stage can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// `wasi:clocks/wall-clock` and `wasi:clocks/monotonic-clock`, with the `wasi:io` that waiting needs.
    Clocks,
    /// `wasi:random/random`, `insecure` and `insecure-seed`.
    Random,
}

impl Grant {
    /// As the manifest writes it.
    pub fn name(self) -> &'static str {
        match self {
            Grant::Clocks => "clocks",
            Grant::Random => "random",
        }
    }

    /// The grant that would link an import, if one would.
    pub(crate) fn for_import(import: &str) -> Option<Grant> {
        match import.split(['/', '@']).next()? {
            "wasi:clocks" | "wasi:io" => Some(Grant::Clocks),
            "wasi:random" => Some(Grant::Random),
            _ => None,
        }
    }
}

/// Links what is granted, and nothing else.
pub(crate) fn link(
    linker: &mut Linker<CallState>,
    grants: &BTreeSet<Grant>,
) -> wasmtime::Result<()> {
    for grant in grants {
        match grant {
            Grant::Clocks => {
                wasmtime_wasi_io::add_to_linker_async(linker)?;
                clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, CallState::clocks)?;
                clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, CallState::clocks)?;
            }
            Grant::Random => {
                random::random::add_to_linker::<_, WasiRandom>(linker, CallState::random)?;
                random::insecure::add_to_linker::<_, WasiRandom>(linker, CallState::random)?;
                random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, CallState::random)?;
            }
        }
    }
    Ok(())
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Made at the first use: most stages are granted nothing of WASI. An empty context has no files, variables,
        // arguments or sockets.
        let ctx = self.wasi.get_or_insert_with(|| WasiCtx::builder().build());
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}
