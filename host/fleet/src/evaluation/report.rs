//! The report: what was measured, which is what a certificate is over, and the run that measured it.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetwright_inference::ModelIdentity;
use fleetwright_measure::{BINS, Bin, Confused, Estimate, Point, quantile};
use fleetwright_runtime::digest;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::answer::{Case, Set, Terms};
use super::canonical;
use super::compare::Compared;
use super::measure::{Measure, Task};
use super::run::{Latency, Machine, Programs, Run};
use super::runner::{Course, Ran, Runs};
use super::sample::Header;
use super::{DEADLINE, Plan, possible};
use crate::outcome::PluginUsed;

/// The version of the report's form.
pub(super) const SCHEMA: u32 = 1;
/// What a reader of a recall at a precision should know where it is of flags.
const UNRAISED: &str = "a flag that is not raised counts as below every threshold: recall at a precision looks from the stage's own threshold upwards alone";
/// The most samples that a failure names.
const NAMED: usize = 5;

/// What came of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this form.
    pub schema: u32,
    /// The digest of `measured`, as it is written canonically.
    pub digest: String,
    /// What was measured: equal data, fleet, settings and seed give equal bytes.
    pub measured: Measured,
    /// When, where and how fast.
    pub run: Run,
    /// Against a baseline, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// What measured it: `fleetwright` and its version.
    pub tool: String,
    /// Whether every sample of the data was run: neither a limit left any out, nor was the run stopped.
    pub complete: bool,
    /// The stage that was evaluated alone; nothing: the fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The fleet's name.
    pub fleet: String,
    /// Digest of its manifest.
    pub manifest: String,
    /// The stages that ran, exactly.
    pub stages: Vec<MeasuredStage>,
    /// The data.
    pub data: Data,
    /// What decides the figures beside them.
    pub settings: Settings,
    /// What was measured, one entry a place in an answer.
    pub measures: Vec<Told>,
    /// Samples without an answer, by stage and reason.
    pub failures: Vec<Failure>,
    /// Every sample, in the data's order.
    pub samples: Vec<Sample>,
}

/// A stage that ran.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredStage {
    /// Its name.
    pub name: String,
    /// Its plugin.
    pub plugin: PluginUsed,
    /// Its models, by role.
    pub models: BTreeMap<String, ModelIdentity>,
    /// Digest of its config.
    pub config: String,
}

/// The data file.
#[derive(Clone, Debug, Serialize)]
pub struct Data {
    /// What its header calls it; else its file's name.
    pub name: String,
    /// Digest of the file.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// How many samples it has.
    pub rows: usize,
    /// How many of them were to be run.
    pub samples: usize,
    /// Digest over the digests of those that ran, their attached files included.
    pub contents: String,
}

/// What decides figures beside data and fleet.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// No more samples than this were to be run, from the first; nothing: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// What resamples are drawn by.
    pub seed: u64,
    /// How many are.
    pub resamples: u32,
    /// How much of them an interval holds.
    pub interval: f64,
    /// Bins of a calibration error.
    pub bins: usize,
    /// The precision that recalls are asked at.
    pub precision: f64,
    /// The time that a sample had, in milliseconds.
    pub deadline_ms: u64,
    /// Whether each stage had its own deadline besides.
    pub own_deadlines: bool,
}

impl Settings {
    pub(super) fn new(header: &Header, plan: &Plan) -> Self {
        Settings {
            limit: plan.limit,
            seed: plan.draws.seed,
            resamples: plan.draws.resamples,
            interval: 0.95,
            bins: BINS,
            precision: header.precision,
            deadline_ms: u64::try_from(plan.deadline.unwrap_or(DEADLINE).as_millis())
                .unwrap_or(u64::MAX),
            own_deadlines: plan.deadline.is_none(),
        }
    }
}

/// One measure: a place in a stage's answer.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// The stage and the pointer.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// The pointer into its answer.
    pub at: String,
    /// How it is read.
    #[serde(flatten)]
    pub(super) terms: Terms,
    /// How many samples expect something there.
    pub cases: usize,
    /// How many of those have no answer.
    pub failed: usize,
    /// How many answers say how sure they are, where it is a label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_confidence: Option<usize>,
    /// Its figures.
    pub figures: Vec<Estimate>,
    /// The figures of all cases of each group.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<Estimate>>,
    /// What was found where what was expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confused: Vec<Confused>,
    /// Confidence against what is right, by bin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Bin>,
    /// What is right among the surest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Point>,
    /// Kinds or flags that the data never name, and how often they were found.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ignored: BTreeMap<String, u64>,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Told {
    /// How it is compared.
    #[must_use]
    pub fn task(&self) -> Task {
        self.terms.task
    }

    /// The label that means out of scope.
    #[must_use]
    pub fn out_of_scope(&self) -> Option<&str> {
        self.terms.out_of_scope.as_deref()
    }
}

/// Samples on which a stage gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The stage.
    pub stage: String,
    /// Why, in a word.
    pub reason: String,
    /// How many.
    pub samples: usize,
    /// The first of them.
    pub first: Vec<String>,
}

/// One sample.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Its name.
    pub id: String,
    /// Its digest, attached files included.
    pub digest: String,
    /// What it says of each measure.
    pub(super) cases: BTreeMap<String, Case>,
    /// Stages without an answer, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
}

/// What the report says of the run that made it.
pub(super) struct Where {
    pub(super) name: String,
    pub(super) began: Timestamp,
    pub(super) jobs: usize,
    pub(super) programs: Programs,
}

/// Makes the report of a run.
pub(super) fn report(course: &Course, runs: Runs, settings: Settings, place: Where) -> Report {
    let run = Run {
        began: place.began.to_string(),
        file: place.name.clone(),
        seconds: runs.wall.as_secs_f64(),
        jobs: place.jobs,
        programs: place.programs,
        machine: Machine::here(),
        latency: latency(&runs),
        failures: details(&runs.ran),
    };
    let survey = &course.survey;
    let name = match survey.header.name.is_empty() {
        true => place.name,
        false => survey.header.name.clone(),
    };
    let contents: Vec<&str> = runs.ran.iter().map(|ran| ran.digest.as_str()).collect();
    let mut told = Vec::with_capacity(course.measures.len());
    for (at, measure) in course.measures.iter().enumerate() {
        told.push(tell(course, at, measure, &runs.ran, &settings));
    }
    let measured = Measured {
        tool: concat!("fleetwright ", env!("CARGO_PKG_VERSION")).to_owned(),
        complete: runs.complete,
        stage: survey.alone.clone(),
        fleet: course.snapshot.name().to_owned(),
        manifest: course.snapshot.manifest_digest().to_owned(),
        stages: stages(course),
        data: Data {
            name,
            digest: survey.digest.clone(),
            bytes: survey.bytes,
            rows: survey.rows,
            samples: survey.samples,
            contents: digest(contents.join("\n").as_bytes()),
        },
        measures: told,
        failures: failures(&runs.ran),
        samples: runs
            .ran
            .into_iter()
            .map(|ran| written(course, ran))
            .collect(),
        settings,
    };
    Report {
        schema: SCHEMA,
        digest: digest(canonical::text(&as_json(&measured)).as_bytes()),
        measured,
        run,
        compared: None,
    }
}

impl Report {
    /// As a program reads it: members in order, numbers of at most six decimals.
    #[must_use]
    pub fn to_json(&self) -> Value {
        canonical::settled(as_json(self))
    }

    /// The same as a file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        canonical::pretty(&as_json(self))
    }
}

/// What is made of strings, numbers, lists and maps by string is JSON.
fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn tell(course: &Course, at: usize, measure: &Measure, ran: &[Ran], settings: &Settings) -> Told {
    let terms = Terms {
        task: measure.key.task,
        out_of_scope: measure.outside.clone(),
        precision: settings.precision,
    };
    let of = |ran: &'_ Ran| ran.cases.iter().any(|(own, _)| *own == at);
    let with: Vec<&Ran> = ran.iter().filter(|ran| of(ran)).collect();
    let set = Set::of(&terms, with.iter().flat_map(|ran| cases(ran, at)));
    let draws = fleetwright_measure::Draws {
        seed: settings.seed,
        resamples: settings.resamples,
    };
    let mut ignored: BTreeMap<String, u64> = BTreeMap::new();
    for (name, times) in with.iter().filter_map(|ran| ran.ignored.get(&at)).flatten() {
        *ignored.entry(name.clone()).or_default() += times;
    }
    let failed = with
        .iter()
        .filter(|ran| ran.failed.contains_key(&measure.key.stage));
    let labels = match &set {
        Set::Labels(labels) => Some(labels),
        _ => None,
    };
    Told {
        name: measure.key.name(),
        stage: measure.key.stage.clone(),
        at: measure.key.at.clone(),
        cases: with.len(),
        failed: failed.count(),
        with_confidence: labels.map(fleetwright_measure::Labels::sure),
        groups: groups(&terms, &with, at, draws),
        confused: labels.map(|labels| labels.confused()).unwrap_or_default(),
        reliability: labels
            .map(|labels| labels.reliability())
            .unwrap_or_default(),
        coverage: labels
            .map(|labels| labels.coverage(draws))
            .unwrap_or_default(),
        notes: notes(course, at, measure, &with),
        figures: draws.estimates(&set),
        ignored,
        terms,
    }
}

fn cases(ran: &Ran, at: usize) -> impl Iterator<Item = &Case> {
    ran.cases
        .iter()
        .filter(move |(own, _)| *own == at)
        .map(|(_, case)| case)
}

/// The figures of all cases of each group, where the data have groups.
fn groups(
    terms: &Terms,
    with: &[&Ran],
    at: usize,
    draws: fleetwright_measure::Draws,
) -> BTreeMap<String, Vec<Estimate>> {
    let mut groups: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for ran in with {
        if let Some(group) = &ran.group {
            groups.entry(group).or_default().extend(cases(ran, at));
        }
    }
    let each = groups.into_iter().map(|(group, cases)| {
        let set = Set::of(terms, cases.into_iter());
        let mut figures = draws.estimates(&set);
        figures.retain(|estimate| estimate.figure.of.is_none());
        (group.to_owned(), figures)
    });
    each.collect()
}

fn notes(course: &Course, at: usize, measure: &Measure, with: &[&Ran]) -> Vec<String> {
    let mut notes = Vec::new();
    if matches!(measure.key.task, Task::Label | Task::Flags)
        && let Some(possible) = possible(&course.snapshot, measure)
    {
        let own = |word: &&String| {
            let kinds = &course.survey.header.kinds;
            possible.contains(*word)
                || kinds
                    .iter()
                    .any(|(from, to)| to == *word && possible.contains(from))
        };
        let never: Vec<String> = measure
            .words
            .iter()
            .filter(|word| !own(word))
            .map(|word| format!("`{word}`"))
            .collect();
        if !never.is_empty() {
            notes.push(format!(
                "expected and none of the labels that can be found: {}; no answer can be right there",
                never.join(", ")
            ));
        }
    }
    let absent = with.iter().filter(|ran| ran.absent.contains(&at)).count();
    if absent > 0 {
        notes.push(format!(
            "{absent} answers have nothing at `{}`",
            measure.key.at
        ));
    }
    let sure = |case: &Case| matches!(case, Case::Flags(raised) if raised.found.values().any(Option::is_some));
    if with.iter().flat_map(|ran| cases(ran, at)).any(sure) {
        notes.push(UNRAISED.to_owned());
    }
    notes
}

fn stages(course: &Course) -> Vec<MeasuredStage> {
    let alone = course.survey.alone.as_deref();
    let ran = course
        .snapshot
        .nodes
        .iter()
        .filter(|node| alone.is_none_or(|alone| node.name() == alone));
    ran.map(|node| MeasuredStage {
        name: node.name().to_owned(),
        plugin: node.arm.plugin.clone(),
        models: node.arm.models.clone(),
        config: digest(node.arm.key.config.as_bytes()),
    })
    .collect()
}

fn written(course: &Course, ran: Ran) -> Sample {
    let name = |at: usize| course.measures.get(at).map(|measure| measure.key.name());
    let cases = ran.cases.into_iter();
    Sample {
        id: ran.id,
        digest: ran.digest,
        cases: cases
            .filter_map(|(at, case)| Some((name(at)?, case)))
            .collect(),
        failed: ran
            .failed
            .into_iter()
            .map(|(stage, (reason, _))| (stage, reason))
            .collect(),
    }
}

fn failures(ran: &[Ran]) -> Vec<Failure> {
    let mut all: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for ran in ran {
        for (stage, (reason, _)) in &ran.failed {
            all.entry((stage, reason)).or_default().push(&ran.id);
        }
    }
    let each = all.into_iter().map(|((stage, reason), ids)| Failure {
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        samples: ids.len(),
        first: ids.iter().take(NAMED).map(|id| (*id).to_owned()).collect(),
    });
    each.collect()
}

/// What each kind of failure said of its first sample.
fn details(ran: &[Ran]) -> BTreeMap<String, String> {
    let mut details = BTreeMap::new();
    for (stage, (reason, detail)) in ran.iter().flat_map(|ran| &ran.failed) {
        details
            .entry(format!("{stage} {reason}"))
            .or_insert_with(|| detail.clone());
    }
    details
}

fn latency(runs: &Runs) -> Latency {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let mut totals: Vec<f64> = runs
        .ran
        .iter()
        .map(|ran| millis(ran.timings.total))
        .collect();
    totals.sort_by(f64::total_cmp);
    let at = |share: f64| quantile(&totals, share).unwrap_or(0.0);
    let samples = runs.ran.len().max(1) as f64;
    let mean = |of: fn(&Ran) -> Duration| millis(runs.ran.iter().map(of).sum()) / samples;
    Latency {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        most: at(1.0),
        cpu: millis(runs.cpu) / samples,
        guest: mean(|ran| ran.timings.guest),
        inference: mean(|ran| ran.timings.inference),
        queue: mean(|ran| ran.timings.queue),
    }
}
