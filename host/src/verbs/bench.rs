//! `fleetwright bench`: load on the fleet in this process (`Snapshot::run`, the path that requests take), or on any server that
//! takes a POST; open loop, closed loop, or a sweep of rates up to saturation.
//!
//! It prints a table and writes `report.json` and `latency.svg` into a folder, by default `bench`. It ends badly where a
//! measurement had no answer, and where it was stopped before its end; what was measured until then is written all the same.
//! Bounds: those of `fleetwright_load`, and 256 MiB for what is asked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetwright_load::{Arrivals, Load, LoadError, Plan, Running, Tally, start};
use serde_json::json;

use super::signals::Signals;
use super::{Ending, VerbError};
use crate::cli;
use crate::client::ClientError;
use crate::input::InputError;
use crate::telemetry::TelemetryError;
use crate::terminal::{Progress, Terminal};

use bodies::Bodies;
use report::{Report, Step};
use target::Asked;

mod bodies;
mod http;
mod models;
mod picture;
mod report;
mod table;
mod target;
mod usage;

/// Between two lines of progress.
const PACE: Duration = Duration::from_millis(200);
/// Clients that find out what a sweep's rates are shares of, where nobody says.
const CLIENTS: usize = 16;

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The load cannot be given.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file cannot be asked with.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file has nothing to ask.
    #[error("`{}` has no body: give it a line such as `{{\"body\": \"My card was declined.\"}}`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line is no JSON.
    #[error("`{}`, line {line}: no JSON ({detail}): a line is one body, as it is posted", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// The fleet takes no such submission.
    #[error("`{}`: the fleet takes no such submission: {detail}", place)]
    Refused {
        /// The file, and the line where it has several bodies.
        place: String,
        /// What the host would answer.
        detail: String,
    },
    /// The path is none.
    #[error("`{path}` is no path: write it as `/v1/submissions`")]
    Path {
        /// What was given.
        path: String,
    },
    /// The server cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no such process.
    #[error("no process `{pid}` can be seen: name the server's own with `--pid`, or leave it out")]
    Process {
        /// What was given.
        pid: u32,
    },
    /// A process was named that is not asked.
    #[error("`--pid` is of a server that is asked over HTTP: give `--url` too, or leave it out")]
    PidWithoutUrl,
    /// Metrics cannot be recorded.
    #[error(transparent)]
    Metrics(#[from] TelemetryError),
    /// Signals cannot be received.
    #[error("signals cannot be received ({0}): measure where signal handlers may be installed")]
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

/// Measures, prints and writes.
///
/// # Errors
/// The load or the bodies cannot be used, the fleet does not start, the server cannot be reached, or nothing can be written.
pub async fn bench(arguments: &cli::Bench, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let plans = plans(arguments)?;
    let bodies = Bodies::read(&arguments.body)?;
    let folder = &arguments.out;
    let mut signals = Signals::listen().map_err(BenchError::Signals)?;
    // Before the work: nobody wants to learn at its end that it cannot be kept.
    std::fs::create_dir_all(folder).map_err(|source| unwritable(folder, source))?;
    let progress = Progress::standard();
    let asked = tokio::select! {
        asked = Asked::open(arguments, bodies, &progress) => asked,
        () = signals.next() => return Ok(Ending::Badly),
    };
    progress.end();
    let mut bench = Bench {
        asked: Arc::new(asked?),
        signals,
        progress,
        steps: Vec::new(),
        stopped: false,
    };
    let began = jiff::Timestamp::now();
    bench.run(arguments, plans).await?;
    bench.progress.end();
    let report = Report::new(arguments, &bench.asked, began, bench.steps);
    let file = write(folder, "report.json", &report.to_text())?;
    let picture = write(folder, "latency.svg", &picture::drawn(&report))?;
    if terminal.json() {
        terminal.value(&json!({"report": file, "picture": picture, "complete": report.complete(), "steps": report.steps}))?;
    } else {
        terminal.text(&table::drawn(&report, folder, terminal.style()))?;
    }
    Ok(
        match report.complete() && report.steps.iter().all(|step| step.answered > 0) {
            true => Ending::Well,
            false => Ending::Badly,
        },
    )
}

/// What is to be measured; a sweep's rates are not known yet.
fn plans(arguments: &cli::Bench) -> Result<Vec<Plan>, BenchError> {
    let mut loads: Vec<Load> = arguments
        .clients
        .iter()
        .map(|&clients| Load::Closed { clients })
        .collect();
    if loads.is_empty() && arguments.sweep.is_some() {
        loads.push(Load::Closed { clients: CLIENTS });
    }
    loads.extend(arguments.rate.iter().map(|&rate| open(arguments, rate)));
    let plans: Vec<Plan> = loads
        .into_iter()
        .map(|load| plan(arguments, load))
        .collect();
    plans.iter().try_for_each(Plan::check)?;
    Ok(plans)
}

fn open(arguments: &cli::Bench, rate: f64) -> Load {
    Load::Open {
        rate,
        arrivals: match arguments.arrivals {
            cli::Spacing::Poisson => Arrivals::Poisson,
            cli::Spacing::Constant => Arrivals::Constant,
        },
    }
}

fn plan(arguments: &cli::Bench, load: Load) -> Plan {
    Plan {
        load,
        warm: arguments.warm,
        span: arguments.duration,
        deadline: arguments.deadline,
        in_flight: arguments.max_inflight,
        seed: arguments.seed,
    }
}

/// Measurements, one after the other.
struct Bench {
    asked: Arc<Asked>,
    signals: Signals,
    progress: Progress,
    steps: Vec<Step>,
    stopped: bool,
}

impl Bench {
    async fn run(&mut self, arguments: &cli::Bench, plans: Vec<Plan>) -> Result<(), BenchError> {
        for plan in plans {
            self.measure(plan).await?;
        }
        let saturation = self.steps.iter().filter(|step| step.clients.is_some());
        let saturation = saturation.map(|step| step.rate).fold(0.0, f64::max);
        // Nothing to be a share of: the report says that nothing was answered.
        for step in (1..=arguments.sweep.unwrap_or(0)).filter(|_| saturation > 0.0) {
            let share = f64::from(step) / f64::from(arguments.sweep.unwrap_or(1));
            let rate = open(arguments, saturation * share);
            self.measure(plan(arguments, rate)).await?;
        }
        Ok(())
    }

    async fn measure(&mut self, plan: Plan) -> Result<(), BenchError> {
        if self.stopped {
            return Ok(());
        }
        let mut running = start(plan, self.asked.clone())?;
        self.waited(&mut running, plan, Some(plan.warm)).await?;
        let before = self.asked.look(&running).await;
        let tally = self.waited(&mut running, plan, None).await?;
        let after = self.asked.look(&running).await;
        if let Some(tally) = tally {
            self.steps.push(Step::new(plan, &tally, &before, &after));
        }
        Ok(())
    }

    /// Waits for the end, or for `time`, and says meanwhile how far it is.
    async fn waited(
        &mut self,
        running: &mut Running,
        plan: Plan,
        time: Option<Duration>,
    ) -> Result<Option<Tally>, BenchError> {
        let end = time.map(|time| tokio::time::Instant::now() + time);
        loop {
            let tick = tokio::time::Instant::now() + PACE;
            let next = end.map_or(tick, |end| end.min(tick));
            tokio::select! {
                tally = running.tally(), if end.is_none() => return Ok(Some(tally?)),
                () = tokio::time::sleep_until(next) => {
                    if end == Some(next) {
                        return Ok(None);
                    }
                    let (ended, failed) = (running.ended(), running.failed());
                    let load = table::load(&plan.load);
                    self.progress.step(&format!("{load}: {ended} ended, {failed} failed"));
                }
                () = self.signals.next(), if !self.stopped => {
                    self.stopped = true;
                    running.stop();
                }
            }
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, BenchError> {
    let file = folder.join(name);
    std::fs::write(&file, text).map_err(|source| unwritable(&file, source))?;
    Ok(file)
}

fn unwritable(path: &Path, source: io::Error) -> BenchError {
    BenchError::Unwritable {
        path: path.to_owned(),
        source,
    }
}
