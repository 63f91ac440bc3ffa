//! Any number of flags for each case, raised or not: recall and precision by flag.
//!
//! Where answers say how sure a flag is, `recall-at-precision` is the best recall at a threshold on that. A flag that was
//! not raised has no confidence and is below every threshold: what the stage itself leaves out, for its own threshold, is never
//! found here, and what confidences below that would tell apart (AUROC, calibration) is not told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::figure::{Cases, Figure};
use crate::ranking::Ranked;

/// One case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// The flags that should be raised.
    pub expected: BTreeSet<String>,
    /// Those that were, each with its confidence where the answer says one.
    pub found: BTreeMap<String, Option<f64>>,
}

/// All cases of flags.
#[derive(Clone, Debug)]
pub struct Flags {
    cases: Vec<Raised>,
    /// Each flag, and in how many cases it is expected.
    names: BTreeMap<String, u64>,
    /// By the same names.
    ranked: Vec<Ranked>,
    precision: f64,
}

const NAMES: [&str; 4] = ["precision", "recall", "f1", "recall-at-precision"];

impl Flags {
    /// Of some cases; `precision` is the one that a recall is asked at.
    #[must_use]
    pub fn new(cases: Vec<Raised>, precision: f64) -> Self {
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        for case in &cases {
            for name in &case.expected {
                *names.entry(name.clone()).or_default() += 1;
            }
            for name in case.found.keys() {
                names.entry(name.clone()).or_default();
            }
        }
        let ranked = |name: &String| {
            let scores = cases.iter().enumerate().map(|(place, case)| {
                let score = match case.found.get(name) {
                    Some(confidence) => confidence.unwrap_or(1.0),
                    None => f64::NEG_INFINITY,
                };
                (place, score, case.expected.contains(name))
            });
            Ranked::new(scores)
        };
        Flags {
            ranked: names.keys().map(ranked).collect(),
            names,
            precision,
            cases,
        }
    }

    fn totals(&self, weights: &[u32]) -> BTreeMap<&str, Counts> {
        let mut totals: BTreeMap<&str, Counts> = BTreeMap::new();
        for (case, weight) in self.cases.iter().zip(weights) {
            let times = u64::from(*weight);
            for name in &case.expected {
                totals.entry(name).or_default().expected += times;
            }
            for name in case.found.keys() {
                let counts = totals.entry(name).or_default();
                counts.found += times;
                counts.right += u64::from(case.expected.contains(name)) * times;
            }
        }
        totals
    }
}

impl Cases for Flags {
    fn len(&self) -> usize {
        self.cases.len()
    }

    fn figures(&self) -> Vec<Figure> {
        let all: u64 = self.names.values().sum();
        let mut figures: Vec<_> = ["precision", "recall", "f1", "macro-f1"]
            .iter()
            .map(|name| Figure::of_all(name, all as usize))
            .collect();
        for (flag, expected) in &self.names {
            figures.extend(
                NAMES
                    .iter()
                    .map(|name| Figure::of_one(name, flag, *expected)),
            );
        }
        figures
    }

    fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let totals = self.totals(weights);
        let mut all = Counts::default();
        totals.values().for_each(|counts| all.add(*counts, 1));
        let occurring = totals.values().filter(|counts| counts.expected > 0);
        let f1: Vec<f64> = occurring.filter_map(|counts| counts.f1()).collect();
        let macro_f1 = (!f1.is_empty()).then(|| f1.iter().sum::<f64>() / f1.len() as f64);
        let mut values = vec![all.precision(), all.recall(), all.f1(), macro_f1];
        for (name, ranked) in self.names.keys().zip(&self.ranked) {
            let counts = totals.get(name.as_str()).copied().unwrap_or_default();
            values.extend([
                counts.precision(),
                counts.recall(),
                counts.f1(),
                ranked.recall_at(self.precision, weights),
            ]);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(expected: &[&str], found: &[(&str, Option<f64>)]) -> Raised {
        Raised {
            expected: expected.iter().map(|name| (*name).to_owned()).collect(),
            found: found
                .iter()
                .map(|(name, confidence)| ((*name).to_owned(), *confidence))
                .collect(),
        }
    }

    #[test]
    fn a_flag_that_was_not_raised_is_below_every_threshold() {
        let flags = Flags::new(
            vec![
                case(&["threat"], &[("threat", Some(0.9))]),
                case(&["threat"], &[("threat", Some(0.6))]),
                case(&[], &[("threat", Some(0.7))]),
                case(&["threat"], &[]),
                case(&[], &[]),
            ],
            0.8,
        );
        let told: BTreeMap<_, _> = flags
            .figures()
            .into_iter()
            .zip(flags.values(&[1; 5]))
            .map(|(figure, value)| ((figure.name.into_owned(), figure.of), value))
            .collect();
        let of = |name: &str| told[&(name.to_owned(), Some("threat".to_owned()))];
        assert_eq!(of("precision"), Some(2.0 / 3.0));
        assert_eq!(of("recall"), Some(2.0 / 3.0));
        assert_eq!(of("recall-at-precision"), Some(1.0 / 3.0));
    }
}
