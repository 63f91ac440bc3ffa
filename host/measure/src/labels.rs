//! One label for each case: accuracy, F1 by class, calibration, and what is out of scope.
//!
//! Macro-F1 is the mean over the classes that are expected of any case. An answer that is missing is wrong: it lowers the
//! recall of its class and is found as no other. Out of scope is a class like others, and has figures of its own besides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calibration::{self, Bin, Point, Sure};
use crate::counts::{Counts, share};
use crate::draws::Draws;
use crate::figure::{Cases, Figure};
use crate::ranking::Ranked;

/// One case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The label that is right.
    pub expected: String,
    /// The label that the answer gives; nothing where there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// How sure the answer is of it, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// How much speaks for out of scope, in whatever measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<f64>,
}

impl Label {
    fn is_right(&self) -> bool {
        self.found.as_ref() == Some(&self.expected)
    }
}

/// How often one label was found where another was expected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Confused {
    /// The label that is right.
    pub expected: String,
    /// The label that was found; nothing where there was no answer.
    pub found: Option<String>,
    /// How often.
    pub cases: u64,
}

/// All cases of one label.
#[derive(Clone, Debug)]
pub struct Labels {
    /// In alphabetical order.
    classes: Vec<String>,
    /// How many cases expect each class.
    support: Vec<u64>,
    /// Places among the classes: expected, and found.
    cases: Vec<(usize, Option<usize>)>,
    /// The class of what is out of scope.
    outside: Option<usize>,
    sure: Vec<Sure>,
    /// Out of scope against everything else, or `true` against `false`.
    ranked: Option<Ranked>,
    precision: f64,
}

impl Labels {
    /// Of some cases. `outside` is the label of what is out of scope; `precision` the one that a recall is asked at.
    #[must_use]
    pub fn new(labels: &[Label], outside: Option<&str>, precision: f64) -> Self {
        let names = labels
            .iter()
            .flat_map(|label| [Some(&label.expected), label.found.as_ref()])
            .flatten()
            .map(String::as_str)
            .chain(outside);
        let mut places: BTreeMap<&str, usize> = names.map(|name| (name, 0)).collect();
        places
            .values_mut()
            .enumerate()
            .for_each(|(place, of)| *of = place);
        let place = |name: &str| places.get(name).copied().unwrap_or(usize::MAX);
        let mut support = vec![0; places.len()];
        let mut cases = Vec::with_capacity(labels.len());
        for label in labels {
            let expected = place(&label.expected);
            if let Some(support) = support.get_mut(expected) {
                *support += 1;
            }
            cases.push((expected, label.found.as_deref().map(place)));
        }
        let sure = |(case, label): (usize, &Label)| {
            Some(Sure {
                case,
                confidence: label.confidence?.clamp(0.0, 1.0),
                right: label.is_right(),
            })
        };
        Labels {
            classes: places.keys().map(|name| (*name).to_owned()).collect(),
            support,
            cases,
            outside: outside.map(place),
            sure: labels.iter().enumerate().filter_map(sure).collect(),
            ranked: ranked(labels, outside),
            precision,
        }
    }

    /// What was found where what was expected, those that never happened left out.
    #[must_use]
    pub fn confused(&self) -> Vec<Confused> {
        let mut counts: BTreeMap<(usize, Option<usize>), u64> = BTreeMap::new();
        for case in &self.cases {
            *counts.entry(*case).or_default() += 1;
        }
        let name = |place: usize| self.classes.get(place).cloned().unwrap_or_default();
        let confused = counts
            .into_iter()
            .map(|((expected, found), cases)| Confused {
                expected: name(expected),
                found: found.map(name),
                cases,
            });
        confused.collect()
    }

    /// Confidence against the share of right ones, by bin; empty where no answer says how sure it is.
    #[must_use]
    pub fn reliability(&self) -> Vec<Bin> {
        match self.sure.is_empty() {
            true => Vec::new(),
            false => calibration::bins(&self.sure, &vec![1; self.cases.len()]),
        }
    }

    /// What is right among the surest; empty where no answer says how sure it is. The same draws as of the figures give each
    /// point's interval.
    #[must_use]
    pub fn coverage(&self, draws: Draws) -> Vec<Point> {
        match self.sure.is_empty() {
            true => Vec::new(),
            false => calibration::coverage(&self.sure, self.cases.len(), draws),
        }
    }

    /// How many answers say how sure they are.
    #[must_use]
    pub fn sure(&self) -> usize {
        self.sure.len()
    }

    fn by_class(&self, weights: &[u32]) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.classes.len()];
        for ((expected, found), weight) in self.cases.iter().zip(weights) {
            let weight = u64::from(*weight);
            if let Some(counts) = counts.get_mut(*expected) {
                counts.expected += weight;
                counts.right += if *found == Some(*expected) { weight } else { 0 };
            }
            if let Some(counts) = found.and_then(|found| counts.get_mut(found)) {
                counts.found += weight;
            }
        }
        counts
    }

    /// Classes that are expected of any case: those that have figures.
    fn expected(&self) -> impl Iterator<Item = (usize, &String, u64)> {
        let all = self.classes.iter().zip(&self.support).enumerate();
        all.filter(|(_, (_, support))| **support > 0)
            .map(|(place, (name, support))| (place, name, *support))
    }

    /// Whether there is anything out of scope to tell of.
    fn outside(&self) -> Option<(usize, u64)> {
        let place = self.outside?;
        let support = self.support.get(place).copied().unwrap_or(0);
        (support > 0).then_some((place, support))
    }
}

/// What scores can tell apart: out of scope from the rest, or `true` from `false`.
fn ranked(labels: &[Label], outside: Option<&str>) -> Option<Ranked> {
    let numbered = labels.iter().enumerate();
    if let Some(outside) = outside {
        let scores = numbered
            .filter_map(|(case, label)| Some((case, label.outside?, label.expected == outside)));
        return Some(Ranked::new(scores));
    }
    let is_flag = |label: &Label| ["true", "false"].contains(&label.expected.as_str());
    if labels.is_empty() || !labels.iter().all(is_flag) {
        return None;
    }
    let scores = numbered.filter_map(|(case, label)| {
        let confidence = label.confidence?;
        let score = match label.found.as_deref()? {
            "true" => confidence,
            _ => 1.0 - confidence,
        };
        Some((case, score, label.expected == "true"))
    });
    Some(Ranked::new(scores))
}

impl Cases for Labels {
    fn len(&self) -> usize {
        self.cases.len()
    }

    fn figures(&self) -> Vec<Figure> {
        let all = self.cases.len();
        let mut figures = vec![
            Figure::of_all("accuracy", all),
            Figure::of_all("macro-f1", all),
            Figure::of_all("calibration-error", self.sure.len()),
        ];
        if let Some((_, support)) = self.outside() {
            let inside = all as u64 - support;
            figures.push(Figure::of_all("in-scope-accuracy", inside as usize));
            for name in [
                "out-of-scope-recall",
                "out-of-scope-precision",
                "out-of-scope-auroc",
                "out-of-scope-recall-at-precision",
            ] {
                figures.push(Figure::of_all(name, support as usize));
            }
        } else if self.ranked.is_some() && self.outside.is_none() {
            figures.push(Figure::of_all("auroc", all));
            figures.push(Figure::of_all("recall-at-precision", all));
        }
        for (_, name, support) in self.expected() {
            for figure in ["precision", "recall", "f1"] {
                figures.push(Figure::of_one(figure, name, support));
            }
        }
        figures
    }

    fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let counts = self.by_class(weights);
        let of = |place: usize| counts.get(place).copied().unwrap_or_default();
        let (right, all) = counts.iter().fold((0, 0), |(right, all), class| {
            (right + class.right, all + class.expected)
        });
        let occurring = counts.iter().filter(|class| class.expected > 0);
        let f1: Vec<f64> = occurring.filter_map(|class| class.f1()).collect();
        let macro_f1 = (!f1.is_empty()).then(|| f1.iter().sum::<f64>() / f1.len() as f64);
        let mut values = vec![
            share(right, all),
            macro_f1,
            calibration::error(&self.sure, weights),
        ];
        let auroc = || self.ranked.as_ref()?.auroc(weights);
        let recall_at = || self.ranked.as_ref()?.recall_at(self.precision, weights);
        if let Some((place, _)) = self.outside() {
            let outside = of(place);
            values.push(share(right - outside.right, all - outside.expected));
            values.extend([outside.recall(), outside.precision(), auroc(), recall_at()]);
        } else if self.ranked.is_some() && self.outside.is_none() {
            values.extend([auroc(), recall_at()]);
        }
        for (place, _, _) in self.expected() {
            let class = of(place);
            values.extend([class.precision(), class.recall(), class.f1()]);
        }
        values
    }
}
