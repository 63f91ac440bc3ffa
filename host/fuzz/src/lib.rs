//! What is fuzzed: for each reader of bytes that others make, `run` gives it some and holds what comes of them to its
//! promises. A panic, an overflow, or a promise that is broken is a finding.
//!
//! Two programs call these functions: the fuzzer's targets (`fuzz_targets/`, by `cargo xtask fuzz`), and the host's test
//! `corpus`, which gives them every file that is kept under `corpus/`, in the ordinary test run. So this file is compiled in
//! two crates; it takes from the host's crates only what they show to everybody.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "what breaks a promise ends the run, with its place"
)]

pub mod component;
pub mod description;
pub mod history;
pub mod json;
pub mod lock;
pub mod mail;
pub mod manifest;
pub mod multipart;
pub mod submission;
pub mod tensor;

/// What is said of bytes that are refused fits a screen, however long they are.
pub const MESSAGE: usize = 4096;

/// One thread's runtime: what is fuzzed waits for nothing but its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
