//! `fleetwright`: command line → telemetry → verb → exit code.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use fleetwright::cli::{Cli, Verb};
use fleetwright::telemetry::{self, LogFormat};
use fleetwright::terminal::{Terminal, colour_on_error};
use fleetwright::verbs::{self, Ending, VerbError};
use fleetwright_turns::Rank;
use tracing_subscriber::filter::LevelFilter;

/// Every generation that is loaded and freed leaves holes in glibc's arenas, one for each thread: after 1,000 swaps the host
/// held a sixth more than after 50. jemalloc gives pages back by itself.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long the threads of models may take to let them go when the process ends.
const SETTLE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before there is a second thread, a log or anything else that this process must give up.
    if matches!(cli.verb, Verb::CompileComponent) {
        return fleetwright_fleet::compile_component();
    }
    match begin(&cli) {
        Ok(Ok(Ending::Well)) => ExitCode::SUCCESS,
        Ok(Ok(Ending::Badly)) => ExitCode::FAILURE,
        Ok(Err(error)) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            let text = if cli.json {
                format!("{}\n", error.to_json())
            } else {
                error.render(colour_on_error())
            };
            complain(&text)
        }
        Err(error) => complain(&format!("error: {error:#}\n")),
    }
}

/// The outer result is this process's own trouble, the inner one the verb's.
fn begin(cli: &Cli) -> anyhow::Result<Result<Ending, VerbError>> {
    let (format, level) = match &cli.verb {
        Verb::Serve(arguments) => (arguments.log_format, LevelFilter::INFO),
        // Their reports tell of failures.
        Verb::Eval(_) | Verb::Bench(_) => (LogFormat::Text, LevelFilter::ERROR),
        _ => (LogFormat::Text, LevelFilter::WARN),
    };
    // Dropped last: what this process says is written before it ends.
    let _logging = telemetry::log(format, level, colour_on_error())?;
    #[cfg(target_os = "linux")]
    if matches!(cli.verb, Verb::Serve(_)) {
        tend_memory();
    }
    answer_first();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(answer_first)
        .build()
        .context("threads cannot be started: free some, or raise the user's limit (`ulimit -u`)")?;
    let mut terminal = Terminal::standard(cli.json);
    let ended = runtime.block_on(verbs::run(cli, &mut terminal));
    // What still runs then was cut, and the verb has said so: waiting for it would undo the bound on draining.
    runtime.shutdown_background();
    let running = fleetwright_inference::settle(SETTLE);
    if !running.is_empty() {
        tracing::warn!(models = %running.join(", "), "this process ends while models compute");
    }
    Ok(ended)
}

/// Threads that answer have a core before those that compute. Where a sandbox refuses that, they take turns with them.
fn answer_first() {
    if let Err(error) = fleetwright_turns::take(Rank::Answer) {
        tracing::debug!(%error, "threads that answer take turns with those that compute");
    }
}

/// Has a thread give free pages back also while nothing asks for memory. Not in other processes: a compiler's bounds allow it no thread.
#[cfg(target_os = "linux")]
fn tend_memory() {
    if let Err(error) = tikv_jemalloc_ctl::background_thread::write(true) {
        tracing::warn!(%error, "free memory is given back only while more is asked for: no thread can be started for it");
    }
}

fn complain(text: &str) -> ExitCode {
    let mut output = std::io::stderr().lock();
    // Where even this cannot be written there is nobody to tell.
    output.write_all(text.as_bytes()).unwrap_or_default();
    ExitCode::FAILURE
}
