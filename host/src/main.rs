//! `fleetwright`: command line → telemetry → verb → exit code.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use fleetwright::cli::{Cli, Verb};
use fleetwright::telemetry::{self, LogFormat};
use fleetwright::terminal::{Terminal, colour_on_error};
use fleetwright::verbs::{self, Ending, VerbError};
use tracing_subscriber::filter::LevelFilter;

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("threads cannot be started: free some, or raise the user's limit (`ulimit -u`)")?;
    let mut terminal = Terminal::standard(cli.json);
    let ended = runtime.block_on(verbs::run(cli, &mut terminal));
    // What still runs then was cut, and the verb has said so: waiting for it would undo the bound on draining.
    runtime.shutdown_background();
    Ok(ended)
}

fn complain(text: &str) -> ExitCode {
    let mut output = std::io::stderr().lock();
    // Where even this cannot be written there is nobody to tell.
    output.write_all(text.as_bytes()).unwrap_or_default();
    ExitCode::FAILURE
}
