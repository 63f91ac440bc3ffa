//! Evaluation: a stage or the fleet over a data file, through the path that requests take, and a report of what came of it.
//!
//! [`evaluate`] looks the data file through, runs every sample (component, sandbox, wasi-nn, models as they are shipped),
//! compares the answers with what is expected, and gives a [`Report`]. Its part `measured` depends on the data, the fleet, the
//! settings and the seed alone: equal ones give equal bytes, which is what its digest and a certificate are over. When and
//! where that was, by which programs' bytes, and how long it took, is in `run`.
//!
//! Models run each call by itself there ([`crate::Fleet::to_evaluate`]), so that an answer's digits do not depend on how many
//! samples run at once. A sample that a stage fails on counts as wrong, and is told with its reason. Default: one job a core,
//! 60 s a sample, 1,000 resamples, seed 1. Memory grows with the number of samples, not with their size.

mod answer;
mod canonical;
mod compare;
mod data;
mod measure;
mod report;
mod run;
mod runner;
mod sample;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use compare::{Baseline, BaselineError, Compared, Comparison, Times};
pub use data::{Mistake, Mistakes};
pub use fleetwright_measure::{Bin, Change, Confused, Draws, Estimate, Point, Verdict};
pub use measure::Task;
pub use report::{Measured, MeasuredStage, Report, Told};
pub use run::{Inference, Latency, Machine, Program, Programs, Run, UnreadableProgram};

use crate::snapshot::Snapshot;
use data::{Accepted, quoted, survey};
use measure::{Measure, allowed, check_pointer};
use runner::Course;

/// The time that a sample has where nobody says.
const DEADLINE: Duration = Duration::from_secs(60);
/// Samples that run at once at most: several stages may ask one model, whose queue holds 256 calls.
const JOBS: usize = 64;

/// What is evaluated, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The stage that is evaluated alone. Default: the one that the data name, else the fleet.
    pub stage: Option<String>,
    /// No more samples than this, from the first; a report that leaves any out is not complete. Default: all.
    pub limit: Option<usize>,
    /// How many samples run at once: at most 64, and no more than each stage takes.
    pub jobs: usize,
    /// The time that each has, and each stage in place of its own. Default: 60 s a sample, and the stages' own.
    pub deadline: Option<Duration>,
    /// What intervals are drawn by.
    pub draws: Draws,
    /// The media type that a file's name speaks for.
    pub media_type: fn(&str) -> &'static str,
    /// What runs it, for the report.
    pub programs: Programs,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Samples that have ended.
    pub done: usize,
    /// Those among them that a stage failed on.
    pub failed: usize,
    /// All samples.
    pub all: usize,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// The data file cannot be read.
    #[error("cannot read `{}`: {source}: name a data file of JSON lines", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is too long.
    #[error("`{}`, line {line}: longer than {most} bytes: put large files beside it and name them in `attachments`", path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The longest line.
        most: u64,
    },
    /// The data file has no sample.
    #[error("`{}` has no sample: give it a line such as `{{\"id\": \"1\", \"fields\": {{\"body\": \"…\"}}, \"expect\": {{\"answer\": {{\"/type\": \"card\"}}}}}}`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The data file has mistakes.
    #[error("{0}")]
    Data(Mistakes),
    /// There is no such stage.
    #[error("`{name}` is no stage of this fleet: name one of {}", quoted(stages))]
    NoStage {
        /// What was asked for.
        name: String,
        /// Those that there are.
        stages: Vec<String>,
    },
    /// The file is not what it was when it was looked through.
    #[error("`{}` changed while it was read: run it again once it is whole", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// An attachment was there and cannot be read.
    #[error("sample `{id}`: {detail}: make it readable, and run it again")]
    Attachment {
        /// The sample.
        id: String,
        /// What is wrong.
        detail: String,
    },
    /// A task ended without an answer.
    #[error("a sample ended without an outcome: try again, and report it if that fails too")]
    Lost,
}

/// Evaluates what `snapshot` serves over a data file. Once `stop` is done no further sample is begun, and the report says that
/// it is not complete.
///
/// # Errors
/// [`EvaluationError`]: the data file cannot be used, with every mistake in it, or changes meanwhile.
pub async fn evaluate(
    snapshot: Arc<Snapshot>,
    data: &Path,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    tell: impl FnMut(Progress),
) -> Result<Report, EvaluationError> {
    let course = course(snapshot, data, plan).await?;
    let plan = &Plan {
        jobs: plan.jobs.min(places(&course)),
        ..plan.clone()
    };
    let course = Arc::new(course);
    let began = jiff::Timestamp::now();
    let runs = runner::run(course.clone(), data, plan, stop, tell).await?;
    let (name, plan) = (run::file_name(data), plan.clone());
    let drawing = tokio::task::spawn_blocking(move || {
        let settings = report::Settings::new(&course.survey.header, &plan);
        report::report(
            &course,
            runs,
            settings,
            report::Where {
                name,
                began,
                jobs: plan.jobs,
                programs: plan.programs,
            },
        )
    });
    drawing.await.map_err(|_| EvaluationError::Lost)
}

/// How many samples no stage refuses for their number, and no model's queue.
fn places(course: &Course) -> usize {
    let alone = course.survey.alone.as_deref();
    let nodes = course.snapshot.nodes.iter();
    let run = nodes.filter(|node| alone.is_none_or(|alone| node.name() == alone));
    let each = run.map(|node| {
        let limits = node.arm.stage.limits();
        limits.concurrency.saturating_add(limits.queue)
    });
    each.fold(JOBS, usize::min).max(1)
}

/// Looks the data through, and settles what is measured.
async fn course(
    snapshot: Arc<Snapshot>,
    data: &Path,
    plan: &Plan,
) -> Result<Course, EvaluationError> {
    let stages: Vec<String> = snapshot
        .nodes
        .iter()
        .map(|node| node.name().to_owned())
        .collect();
    if let Some(name) = plan.stage.as_ref().filter(|name| !stages.contains(name)) {
        return Err(EvaluationError::NoStage {
            name: name.clone(),
            stages,
        });
    }
    let (path, alone, limit) = (data.to_owned(), plan.stage.clone(), plan.limit);
    let served = snapshot.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let accepted = Accepted {
            fields: served.fields(),
            stages: &stages,
        };
        survey(&path, alone.as_deref(), limit, &accepted)
    });
    let mut survey = looking.await.map_err(|_| EvaluationError::Lost)??;
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for key in survey.keys.keys().filter(|key| key.task == Task::Label) {
        *labels.entry(key.stage.clone()).or_default() += 1;
    }
    let keys = std::mem::take(&mut survey.keys);
    let mut mistakes = Vec::new();
    let mut measures = Vec::new();
    for (key, (line, words)) in keys {
        let node = snapshot.nodes.iter().find(|node| node.name() == key.stage);
        let plugin = node.map(|node| node.arm.stage.plugin());
        let schema = plugin
            .as_ref()
            .map(|plugin| &plugin.description().answer_schema);
        if let Some(Err(known)) = schema.map(|schema| check_pointer(schema, &key.at)) {
            mistakes.push(Mistake {
                line,
                detail: format!(
                    "`{}` leads to nothing in an answer of `{}`: its members there are {}",
                    key.at,
                    key.stage,
                    quoted(&known)
                ),
            });
        }
        let only = labels.get(&key.stage) == Some(&1);
        measures.push(Measure::new(key, words, only, &survey.header));
    }
    if !mistakes.is_empty() {
        return Err(EvaluationError::Data(Mistakes {
            path: data.to_owned(),
            all: mistakes.len(),
            told: mistakes,
        }));
    }
    Ok(Course {
        snapshot,
        survey,
        measures,
    })
}

/// The labels that a measure can find: those that the answer's schema lists, else those of the model's output of that name.
fn possible(snapshot: &Snapshot, measure: &Measure) -> Option<BTreeSet<String>> {
    let node = snapshot
        .nodes
        .iter()
        .find(|node| node.name() == measure.key.stage)?;
    let stage = &node.arm.stage;
    let listed = allowed(&stage.plugin().description().answer_schema, &measure.key.at);
    let output = measure.key.at.rsplit('/').next()?;
    let of_models = || {
        let outputs = stage
            .grants()
            .models
            .values()
            .filter_map(|binding| binding.model.card().outputs().get(output));
        let labels: BTreeSet<String> = outputs.flat_map(|port| port.labels.clone()).collect();
        // A flag's labels are `no` and `yes`, and its answer is a boolean.
        let flag = labels.iter().eq(["no", "yes"]);
        match flag {
            true => Some(["false", "true"].map(str::to_owned).into()),
            false => (!labels.is_empty()).then_some(labels),
        }
    };
    listed.or_else(of_models)
}
