//! Runs the samples: so many at once, each under its deadline, as a request would be.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fleetwright_runtime::{Timings, process_time};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answer::{Case, judge};
use super::data::{Loaded, Survey, read_again};
use super::measure::{Measure, Task};
use super::{DEADLINE, EvaluationError, Plan, Progress};
use crate::outcome::StageOutcome;
use crate::snapshot::Snapshot;
use crate::submission::{Submission, SubmissionId};

/// What a run needs to know of what it measures.
pub(super) struct Course {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) survey: Survey,
    pub(super) measures: Vec<Measure>,
}

/// A sample that was run.
pub(super) struct Ran {
    pub(super) place: usize,
    pub(super) id: String,
    pub(super) group: Option<String>,
    pub(super) digest: String,
    /// By the measure's place.
    pub(super) cases: Vec<(usize, Case)>,
    /// Kinds and flags that nobody asked for, by the measure's place.
    pub(super) ignored: BTreeMap<usize, BTreeMap<String, u64>>,
    /// Measures whose pointer leads to nothing in an answer that is there.
    pub(super) absent: Vec<usize>,
    /// Measured stages without an answer: why, in a word and in a sentence.
    pub(super) failed: BTreeMap<String, (String, String)>,
    pub(super) timings: Timings,
}

/// Everything that was run, in the file's order.
pub(super) struct Runs {
    pub(super) ran: Vec<Ran>,
    /// Whether that is every sample that the file has.
    pub(super) complete: bool,
    pub(super) wall: Duration,
    /// Processor time of the whole process.
    pub(super) cpu: Duration,
}

/// Runs every sample, until `stop` is done: then those that have begun.
pub(super) async fn run(
    course: Arc<Course>,
    data: &Path,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(Progress),
) -> Result<Runs, EvaluationError> {
    let (give, mut samples) = mpsc::channel(plan.jobs);
    let reading = {
        let (path, course, media_type) = (data.to_owned(), course.clone(), plan.media_type);
        tokio::task::spawn_blocking(move || {
            read_again(&path, &course.survey, media_type, |loaded| {
                give.blocking_send(loaded).is_ok()
            })
        })
    };
    let mut stop = pin!(stop);
    let (mut running, mut ran) = (JoinSet::new(), Vec::new());
    let mut progress = Progress {
        done: 0,
        failed: 0,
        all: course.survey.samples,
    };
    let (mut open, mut stopped) = (true, false);
    let (began, used) = (Instant::now(), process_time());
    while open || !running.is_empty() {
        tokio::select! {
            next = samples.recv(), if open && running.len() < plan.jobs => match next {
                Some(loaded) => {
                    running.spawn(one(course.clone(), loaded, plan.deadline.unwrap_or(DEADLINE)));
                }
                None => open = false,
            },
            Some(ended) = running.join_next() => {
                let ended: Ran = ended.map_err(|_| EvaluationError::Lost)?;
                progress.done += 1;
                progress.failed += usize::from(!ended.failed.is_empty());
                tell(progress);
                ran.push(ended);
            }
            () = &mut stop, if !stopped => {
                (open, stopped) = (false, true);
                samples.close();
            }
        }
    }
    let (wall, cpu) = (began.elapsed(), process_time().saturating_sub(used));
    drop(samples);
    reading.await.map_err(|_| EvaluationError::Lost)??;
    ran.sort_by_key(|ran| ran.place);
    Ok(Runs {
        complete: ran.len() == course.survey.rows,
        ran,
        wall,
        cpu,
    })
}

async fn one(course: Arc<Course>, loaded: Loaded, deadline: Duration) -> Ran {
    let Loaded {
        place,
        sample,
        attachments,
        digest,
    } = loaded;
    let submission = Submission {
        id: SubmissionId::new(),
        fields: sample.fields,
        attachments,
        marks: Default::default(),
    };
    let deadline = Instant::now() + deadline;
    let (stages, timings) = match &course.survey.alone {
        Some(stage) => {
            let snapshot = &course.snapshot;
            let called = snapshot.run_alone(stage, &submission, &sample.stages, deadline);
            let outcome = called.await;
            let timings = outcome.as_ref().and_then(|outcome| outcome.ms);
            let stages: Vec<_> = outcome
                .map(|outcome| (stage.clone(), outcome))
                .into_iter()
                .collect();
            (stages, timings.unwrap_or_default())
        }
        None => {
            let outcome = course.snapshot.run(submission, deadline).await;
            let timings = together(&outcome.stages, outcome.ms);
            (outcome.stages, timings)
        }
    };
    let mut ran = Ran {
        place,
        id: sample.id,
        group: sample.group,
        digest,
        cases: Vec::new(),
        ignored: BTreeMap::new(),
        absent: Vec::new(),
        failed: BTreeMap::new(),
        timings,
    };
    for (key, expected) in &sample.wanted {
        let found = course.measures.iter().position(|one| one.key == *key);
        let Some((at, measure)) = found.and_then(|at| Some((at, course.measures.get(at)?))) else {
            continue;
        };
        let outcome = stages.iter().find(|(name, _)| *name == key.stage);
        let outcome = outcome.map(|(_, outcome)| outcome);
        let judged = judge(measure, expected, outcome, &course.survey.header);
        match outcome.filter(|outcome| outcome.answer.is_some()) {
            Some(_) if !judged.present && key.task != Task::Held => ran.absent.push(at),
            Some(_) => {}
            None => {
                ran.failed.insert(key.stage.clone(), why(outcome));
            }
        }
        ran.cases.push((at, judged.case));
        if !judged.ignored.is_empty() {
            ran.ignored.insert(at, judged.ignored);
        }
    }
    ran
}

/// Why a stage has no answer: in a word, and in a sentence.
fn why(outcome: Option<&StageOutcome>) -> (String, String) {
    let Some(outcome) = outcome else {
        return ("absent".into(), "the stage did not run".into());
    };
    match &outcome.failure {
        Some(failure) => (failure.reason.name().to_owned(), failure.detail.clone()),
        None => (
            outcome.status.name().to_owned(),
            outcome.reason.clone().unwrap_or_default(),
        ),
    }
}

/// The times of all stages; the total is the submission's own.
fn together(stages: &[(String, StageOutcome)], total: Duration) -> Timings {
    let each = stages.iter().filter_map(|(_, outcome)| outcome.ms);
    each.fold(
        Timings {
            total,
            ..Timings::default()
        },
        |all, one| Timings {
            total,
            queue: all.queue + one.queue,
            inference: all.inference + one.inference,
            guest: all.guest + one.guest,
        },
    )
}
