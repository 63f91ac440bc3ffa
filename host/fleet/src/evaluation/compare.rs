//! Against a baseline: what got better or worse, and whether by more than noise.
//!
//! Where at least half of the samples are the same in both reports, by id and digest, figures are compared over those, case by
//! case: both sides are resampled alike, so that what is common to them cancels. Elsewhere a figure has changed where the two
//! intervals do not touch. Figures of single classes are compared too, but so many that some will seem to change by chance:
//! only those of all cases decide whether something is worse. A measure that is gone is not compared, and so not shown to be no
//! worse. Times have no verdict: they hang on the machine and on what else ran there.

use std::collections::BTreeMap;

use fleetwright_measure::{Change, Draws, Estimate, Figure, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Case, Set, Terms};
use super::canonical;
use super::report::{Report, SCHEMA, Told};
use super::run::{Latency, Machine, Programs, Run};
use fleetwright_runtime::digest;

/// The part of the samples that must be the same for a comparison case by case.
const ALIKE: f64 = 0.5;

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no report.
    #[error("it is no report ({0}): name a `report.json` that `fleetwright eval` wrote")]
    NoReport(String),
    /// It is of another form.
    #[error(
        "it is a report of form {0}, and this host reads form {SCHEMA}: make it anew with this version"
    )]
    Form(u64),
    /// It was changed.
    #[error(
        "its `digest` is not that of what it says was measured: it was changed after it was written; make it anew"
    )]
    Changed,
}

/// A report against a baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The digest of what the baseline measured.
    pub baseline: String,
    /// Whether both are of the same data file.
    pub same_data: bool,
    /// Whether both ran the same samples: a limit, or a stop, leaves some out of a file.
    pub same_samples: bool,
    /// One entry a measure that both have.
    pub measures: Vec<Comparison>,
    /// Measures of the baseline that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Measures that the baseline does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<String>,
    /// Times of a sample in both, where the baseline tells its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Figures of all cases that are better beyond noise.
    pub better: usize,
    /// Figures of all cases that are worse beyond noise.
    pub worse: usize,
}

/// A measure against the baseline's.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The measure's name.
    pub name: String,
    /// Samples that are the same in both.
    pub matched: usize,
    /// Whether figures were compared case by case.
    pub paired: bool,
    /// Every figure that both have.
    pub changes: Vec<Change>,
    /// Figures of all cases that the baseline has and this report has not, such as a calibration error once no answer says how
    /// sure it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
}

impl Compared {
    /// Whether a figure of all cases is worse beyond noise, or a measure or such a figure is gone, of which nobody can say that it is not.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        let figures = || self.measures.iter().any(|one| !one.gone.is_empty());
        self.worse > 0 || !self.gone.is_empty() || figures()
    }
}

/// Times of a sample before and now. The baseline's digest is not over its times.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// The baseline's.
    pub before: Latency,
    /// Those of this report.
    pub after: Latency,
    /// The baseline's machine, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_machine: Option<Machine>,
    /// How many samples ran at once there, where it is another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_jobs: Option<usize>,
    /// Whether both are of one program and one inference library, byte for byte; nothing where the baseline does not name its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_programs: Option<bool>,
}

/// A report that another one is compared with.
#[derive(Debug, Deserialize)]
pub struct Baseline {
    digest: String,
    measured: BaselineMeasured,
    #[serde(default)]
    run: Option<BaselineRun>,
}

#[derive(Debug, Deserialize)]
struct BaselineRun {
    jobs: usize,
    machine: Machine,
    latency: Latency,
    #[serde(default)]
    programs: Option<Programs>,
}

impl BaselineRun {
    fn times(&self, run: &Run) -> Times {
        let programs = self.programs.as_ref();
        Times {
            before: self.latency,
            after: run.latency,
            other_machine: (self.machine != run.machine).then(|| self.machine.clone()),
            other_jobs: (self.jobs != run.jobs).then_some(self.jobs),
            same_programs: programs.map(|programs| programs.same_bytes(&run.programs)),
        }
    }
}

#[derive(Debug, Deserialize)]
struct BaselineMeasured {
    data: BaselineData,
    measures: Vec<BaselineMeasure>,
    samples: Vec<BaselineSample>,
}

#[derive(Debug, Deserialize)]
struct BaselineData {
    digest: String,
    contents: String,
}

#[derive(Debug, Deserialize)]
struct BaselineMeasure {
    name: String,
    #[serde(flatten)]
    terms: Terms,
    figures: Vec<Estimate>,
}

impl BaselineMeasure {
    fn is_of(&self, now: &Told) -> bool {
        (&self.name, self.terms.task) == (&now.name, now.terms.task)
    }

    /// Figures of all cases that `now` has no more.
    fn gone(&self, now: &Told) -> Vec<String> {
        let all = self.figures.iter().map(|one| &one.figure);
        let had = all.filter(|figure| figure.of.is_none());
        let left = |figure: &&Figure| !now.figures.iter().any(|one| one.figure.is_of(figure));
        had.filter(left)
            .map(|figure| figure.name.to_string())
            .collect()
    }
}

#[derive(Debug, Deserialize)]
struct BaselineSample {
    id: String,
    digest: String,
    cases: BTreeMap<String, Value>,
}

impl Baseline {
    /// Reads a report as it was written.
    ///
    /// # Errors
    /// [`BaselineError`]: the text is no report, or was changed.
    pub fn read(text: &str) -> Result<Self, BaselineError> {
        let no_report = |error: serde_json::Error| BaselineError::NoReport(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(no_report)?;
        let form = value.get("schema").and_then(Value::as_u64);
        if let Some(form) = form.filter(|form| *form != u64::from(SCHEMA)) {
            return Err(BaselineError::Form(form));
        }
        let measured = value.get("measured").map(canonical::text);
        let own = digest(measured.unwrap_or_default().as_bytes());
        let baseline: Baseline = serde_json::from_value(value).map_err(no_report)?;
        match baseline.digest == own {
            true => Ok(baseline),
            false => Err(BaselineError::Changed),
        }
    }

    /// What a report says that this one did not.
    #[must_use]
    pub fn compare(&self, report: &Report) -> Compared {
        let old = &self.measured;
        let samples = old
            .samples
            .iter()
            .map(|sample| ((sample.id.as_str(), sample.digest.as_str()), sample));
        let samples = samples.collect();
        let (mut measures, mut gone) = (Vec::new(), Vec::new());
        let all = &report.measured.measures;
        for before in &old.measures {
            match all.iter().find(|now| before.is_of(now)) {
                Some(now) => measures.push(compared(report, now, before, &samples)),
                None => gone.push(before.name.clone()),
            }
        }
        let told = |wanted: Verdict| {
            let all = measures.iter().flat_map(|measure| &measure.changes);
            all.filter(|change| change.figure.of.is_none() && change.verdict == wanted)
                .count()
        };
        let known = |now: &&Told| old.measures.iter().any(|before| before.is_of(now));
        let new = all.iter().filter(|now| !known(now));
        let data = &report.measured.data;
        Compared {
            same_data: old.data.digest == data.digest,
            same_samples: old.data.contents == data.contents,
            new: new.map(|now| now.name.clone()).collect(),
            times: self.run.as_ref().map(|run| run.times(&report.run)),
            better: told(Verdict::Better),
            worse: told(Verdict::Worse),
            baseline: self.digest.clone(),
            measures,
            gone,
        }
    }
}

fn compared(
    report: &Report,
    now: &Told,
    before: &BaselineMeasure,
    samples: &BTreeMap<(&str, &str), &BaselineSample>,
) -> Comparison {
    let pairs = report.measured.samples.iter().filter_map(|sample| {
        let old = samples.get(&(sample.id.as_str(), sample.digest.as_str()))?;
        let old = Case::read(before.terms.task, old.cases.get(&now.name)?)?;
        Some((old, sample.cases.get(&now.name)?))
    });
    let (old, new): (Vec<Case>, Vec<&Case>) = pairs.unzip();
    let matched = new.len();
    let paired = matched > 0 && matched as f64 >= ALIKE * now.cases as f64;
    let settings = &report.measured.settings;
    let changes = match paired {
        true => {
            let old = Set::of(&before.terms, old.iter());
            let new = Set::of(&now.terms, new.into_iter());
            let draws = Draws {
                seed: settings.seed,
                resamples: settings.resamples,
            };
            draws.changes(&old, &new)
        }
        false => Draws::apart(&before.figures, &now.figures),
    };
    Comparison {
        name: now.name.clone(),
        matched,
        paired,
        changes,
        gone: before.gone(now),
    }
}
