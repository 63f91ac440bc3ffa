//! The verbs of the command line, one file each, and the errors that end them.

pub mod bench;
pub mod check;
pub mod control;
pub mod doctor;
pub mod eval;
pub mod models;
pub mod plugin;
pub mod run;
pub mod serve;
mod signals;

use std::io;
use std::path::PathBuf;

use fleetwright_fleet::{ChangeError, HistoryError};
use serde_json::{Value, json};

use crate::cli::{Cli, Verb};
use crate::client::ClientError;
use crate::control::ControlError;
use crate::edit::EditError;
use crate::input::InputError;
use crate::onnxruntime::PinError;
use crate::terminal::Terminal;
use bench::BenchError;
use eval::EvalError;
use serve::ServeError;

/// How a verb ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is wrong.
    Well,
    /// Something is, and the verb has said what.
    Badly,
}

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    /// The fleet does not start.
    #[error(transparent)]
    Start(#[from] ChangeError),
    /// What was served cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A running host refuses, or there is none.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A manifest is not edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The host does not serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is no evaluation.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// There is no measurement.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The pin of the library cannot be used.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// A card cannot be used.
    #[error(transparent)]
    Card(#[from] fleetwright_inference::CardError),
    /// A file is no submission.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A host cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A component cannot be read.
    #[error("cannot read `{}`: {source}: name a component, such as `plugins/classify.wasm`", file.display())]
    Component {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A component is none of ours.
    #[error("`{}`: {detail}: build it with `fleetwright plugin build DIR`", file.display())]
    Inspect {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no toolchain for plugins.
    #[error(transparent)]
    Toolchain(#[from] fleetwright_toolchain::ToolchainError),
    /// A plugin does not build.
    #[error(transparent)]
    Build(#[from] fleetwright_toolchain::BuildError),
    /// A task of this verb ended without an answer.
    #[error("{what} ended without an answer: try again, and report it if that fails too")]
    Lost {
        /// What it was doing.
        what: &'static str,
    },
    /// Standard output is closed.
    #[error("standard output cannot be written ({0}): give it somewhere to go")]
    Output(#[from] io::Error),
}

impl VerbError {
    /// Whether the reader of standard output has gone, which is no error of ours: `fleetwright … | head`.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, VerbError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// For a person.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        match self {
            VerbError::Start(ChangeError::Refused(report)) => report.render(colour),
            other if colour => format!("\x1b[1;31merror\x1b[0m: {other}\n"),
            other => format!("error: {other}\n"),
        }
    }

    /// For a program.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            VerbError::Control(ControlError::Refused {
                detail,
                diagnostics,
            }) => json!({"error": detail, "diagnostics": diagnostics}),
            VerbError::Start(ChangeError::Refused(report)) => {
                json!({"error": "the manifest is refused: correct what `diagnostics` name", "diagnostics": report.to_json()})
            }
            other => json!({"error": other.to_string()}),
        }
    }
}

/// Does what the command line asks.
///
/// # Errors
/// It cannot be done; the error says why and ends with the way out.
pub async fn run(cli: &Cli, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    match &cli.verb {
        Verb::Serve(arguments) => serve::serve(arguments, terminal).await,
        Verb::Run(arguments) => run::run(arguments, terminal).await,
        Verb::Eval(arguments) => eval::eval(arguments, terminal).await,
        Verb::Bench(arguments) => bench::bench(arguments, terminal).await,
        Verb::Check(arguments) => check::check(arguments, terminal).await,
        Verb::Plan(arguments) => control::plan(arguments, terminal).await,
        Verb::Ps(arguments) => control::ps(arguments, terminal).await,
        Verb::Swap(arguments) => control::swap(arguments, terminal).await,
        Verb::Rollback(arguments) => control::rollback(arguments, terminal).await,
        Verb::History(arguments) => control::history(arguments, terminal),
        Verb::Models(arguments) => models::models(arguments, terminal).await,
        Verb::Plugin(arguments) => plugin::plugin(arguments, terminal).await,
        Verb::Doctor(arguments) => doctor::doctor(arguments, terminal).await,
        // `main` does it before there is a runtime to be in.
        Verb::CompileComponent => Ok(Ending::Badly),
    }
}
