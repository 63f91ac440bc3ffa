//! `fleetwright eval`: a stage or the fleet over a data file, through the path that requests take.
//!
//! It prints a table and writes `report.json` and `report.html` into a folder, by default `eval/NAME` for `NAME.jsonl`.
//! It ends badly where nothing was answered, where it was stopped before its end, and with `--fail-on-worse` where a figure of
//! all cases is worse than the baseline's beyond noise, or a measure or such a figure of the baseline is gone. Stopped by a signal it ends what it
//! has begun, and writes a report that says that it is not complete. So does one of `--limit`, which ends well all the same: it
//! did what was asked for.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fleetwright_fleet::Fleet;
use fleetwright_fleet::evaluation::{
    Baseline, BaselineError, Compared, Draws, EvaluationError, Plan, Programs, Progress as Come,
    Report, UnreadableProgram, evaluate,
};
use fleetwright_inference::{BackendError, Backends};
use serde_json::json;

use super::signals::Signals;
use super::{Ending, VerbError};
use crate::submission::media;
use crate::terminal::{Progress, Terminal};
use crate::{cli, onnxruntime};

mod page;
mod said;
mod table;

/// Between two lines of progress.
const PACE: Duration = Duration::from_millis(100);

/// Why there is no evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// It cannot be run.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// The baseline cannot be read.
    #[error("cannot read the baseline `{}`: {source}: name a `report.json` that is there", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The baseline is none.
    #[error("`{}` is no baseline: {source}", path.display())]
    Baseline {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BaselineError,
    },
    /// What runs it cannot be named.
    #[error(transparent)]
    Program(#[from] UnreadableProgram),
    /// The library that infers cannot be asked what it is.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Signals cannot be received.
    #[error("signals cannot be received ({0}): evaluate where signal handlers may be installed")]
    Signals(io::Error),
    /// The report cannot be written.
    #[error("cannot write `{}`: {source}: name a folder that can be written to with `--out`", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Evaluates, prints and writes.
///
/// # Errors
/// The fleet does not start, the data or the baseline cannot be used, or nothing can be written.
pub async fn eval(arguments: &cli::Eval, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let baseline = arguments.baseline.as_deref().map(baseline).transpose()?;
    let folder = folder(arguments);
    let mut signals = Signals::listen().map_err(EvalError::Signals)?;
    // Before the work: nobody wants to learn at its end that it cannot be kept.
    std::fs::create_dir_all(&folder).map_err(|source| unwritable(&folder, source))?;
    let options = onnxruntime::options(&arguments.fleet.places())?;
    let progress = Progress::standard();
    progress.step("starting the fleet …");
    let fleet = tokio::select! {
        fleet = Fleet::to_evaluate(&options, arguments.deadline) => fleet,
        () = signals.next() => return Ok(Ending::Badly),
    };
    progress.end();
    let fleet = fleet?;
    let plan = plan(arguments, programs(options.onnxruntime.as_deref())?);
    let ran = evaluate(
        fleet.current(),
        &arguments.data,
        &plan,
        signals.next(),
        pace(&progress),
    )
    .await;
    progress.end();
    let mut report = ran.map_err(EvalError::from)?;
    report.compared = baseline.map(|baseline| baseline.compare(&report));
    let file = write(&folder, "report.json", &report.to_text())?;
    let page = write(&folder, "report.html", &page::drawn(&report))?;
    if terminal.json() {
        terminal.value(&json!({"report": file, "page": page, "digest": report.digest, "complete": report.measured.complete, "compared": report.compared}))?;
    } else {
        terminal.text(&table::drawn(&report, &folder, terminal.style()))?;
    }
    Ok(ending(&report, arguments.fail_on_worse))
}

fn ending(report: &Report, fail_on_worse: bool) -> Ending {
    let measured = &report.measured;
    let answered = measured
        .samples
        .iter()
        .any(|sample| sample.failed.is_empty());
    // What a limit leaves out was not to be run.
    let ran = measured.samples.len() == measured.data.samples;
    let worse = report.compared.as_ref().is_some_and(Compared::is_worse);
    match ran && answered && !(fail_on_worse && worse) {
        true => Ending::Well,
        false => Ending::Badly,
    }
}

/// What runs here. The fleet has loaded the library: asking for the same one is free.
fn programs(library: Option<&Path>) -> Result<Programs, EvalError> {
    let library = Backends::detect(library)?.describe();
    Ok(Programs::here(&library)?)
}

fn plan(arguments: &cli::Eval, programs: Programs) -> Plan {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Plan {
        stage: arguments.stage.clone(),
        limit: arguments.limit,
        jobs: arguments.jobs.unwrap_or(cores),
        deadline: arguments.deadline,
        draws: Draws {
            seed: arguments.seed,
            resamples: arguments.resamples,
        },
        media_type: media::of_name,
        programs,
    }
}

fn folder(arguments: &cli::Eval) -> PathBuf {
    let name = arguments.data.file_stem().unwrap_or_default();
    let given = arguments.out.clone();
    given.unwrap_or_else(|| Path::new("eval").join(name))
}

fn baseline(path: &Path) -> Result<Baseline, EvalError> {
    let path = match path.is_dir() {
        true => path.join("report.json"),
        false => path.to_owned(),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(EvalError::Unreadable { path, source }),
    };
    Baseline::read(&text).map_err(|source| EvalError::Baseline { path, source })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, EvalError> {
    let file = folder.join(name);
    std::fs::write(&file, text).map_err(|source| unwritable(&file, source))?;
    Ok(file)
}

fn unwritable(path: &Path, source: io::Error) -> EvalError {
    EvalError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

/// Says how far it is, not more often than a person can read.
fn pace(progress: &Progress) -> impl FnMut(Come) + '_ {
    let began = Instant::now();
    let mut said: Option<Instant> = None;
    move |come| {
        if said.is_some_and(|said| said.elapsed() < PACE) {
            return;
        }
        said = Some(Instant::now());
        let rate = come.done as f64 / began.elapsed().as_secs_f64().max(1e-3);
        let left = (come.all - come.done) as f64 / rate.max(1e-3);
        let failed = match come.failed {
            0 => String::new(),
            failed => format!("  {failed} failed"),
        };
        progress.step(&format!(
            "{} of {}  {}%  {rate:.0}/s  {left:.0} s left{failed}",
            come.done,
            come.all,
            100 * come.done / come.all.max(1)
        ));
    }
}
