//! `cargo xtask …`: set-up, demo, tests and checks of this repository.
//!
//! Everything is built with `--release`: one profile, so that dependencies are compiled once. Each step prints its name and
//! its time to standard error; a step that fails names the command that runs it again.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool speaks to its terminal"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bench;
mod demo;
mod deny;
mod devices;
mod fuzz;
mod generative;
mod guests;
mod instructions;
mod lint;
mod process;
mod server;
mod setup;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use workspace::Workspace;

const USAGE: &str = "\
cargo xtask TASK

  demo [--once] [--listen ADDR]   build everything, serve on 127.0.0.1:8080, submit the requests of tests/data;
                                  --once: stop the host after them, and fail unless each completed or was held
  test [FILTER…]                  set up what tests need, then run every test; words that begin with `-` go to the runner
  setup                           the wasm library, the plugins, the test guests, the models
  plugins                         build plugins/* into plugins/*.wasm
  guests                          build tests/guests/* into target/guests/*.wasm
  bench [WORD…]                   run the benchmarks; words go to criterion
  bench instructions [--save]     count allocations of one call of each kind, and instructions under valgrind
  generative [bench]              build the host with llama.cpp, pull its model, run the tests of generative models on it; bench: measure it
                                  and llama.cpp's own server in turns. Needs a C++ compiler; cmake and libclang come from pip where absent
  fuzz TARGET|all [SECONDS] [--keep]
                                  run a target of host/fuzz, 300 s of processor time; --keep: take what it found into its corpus
  lint                            fmt, clippy and deny
  fmt | clippy | deny             one of them
  ci                              lint, then test";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match std::env::var(fuzz::COUNTED) {
        // This program is cargo's way to rustc, which `fuzz` has put it into.
        Ok(counted) => fuzz::rustc(&words, &counted),
        Err(_) => run(&words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let Some((task, rest)) = words.split_first() else {
        println!("{USAGE}");
        return Ok(());
    };
    if matches!(task.as_str(), "help" | "-h" | "--help") {
        println!("{USAGE}");
        return Ok(());
    }
    let workspace = Workspace::here()?;
    match task.as_str() {
        "demo" => return demo::run(&workspace, &demo::Options::parse(rest)?),
        "test" => return test::run(&workspace, rest),
        "bench" => return bench::run(&workspace, rest),
        "generative" => return generative::run(&workspace, rest),
        "fuzz" => return fuzz::run(&workspace, &fuzz::Options::parse(rest)?),
        _ => {}
    }
    if let Some(word) = rest.first() {
        bail!("`cargo xtask {task}` takes no `{word}`. Run `cargo xtask {task}` alone");
    }
    match task.as_str() {
        "setup" => setup::run(&workspace),
        "plugins" => guests::plugins(&workspace),
        "guests" => guests::hostile(&workspace),
        "lint" => lint::run(&workspace),
        "fmt" => lint::fmt(&workspace),
        "clippy" => lint::clippy(&workspace),
        "deny" => deny::run(&workspace),
        "ci" => lint::run(&workspace).and_then(|()| test::run(&workspace, &[])),
        _ => bail!("no task is named `{task}`. Run `cargo xtask help` for the list"),
    }
}
