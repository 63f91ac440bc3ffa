//! Summaries against references: the means of ROUGE-1, -2 and -L, plain and on stems.

use serde::{Deserialize, Serialize};

use crate::figure::{Cases, Figure};
use crate::rouge::Rouge;

/// One case: F measures, the best over the references of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// On words as they are.
    pub plain: Rouge,
    /// On their stems.
    pub stemmed: Rouge,
    /// How many words the summary has, between spaces.
    pub words: u64,
}

impl Summary {
    /// Compares a summary with its references. What has no reference scores 0.
    #[must_use]
    pub fn compare(summary: &str, references: &[String]) -> Self {
        Summary {
            plain: Rouge::of(summary, references, false),
            stemmed: Rouge::of(summary, references, true),
            words: summary.split_whitespace().count() as u64,
        }
    }

    fn values(&self) -> [f64; 7] {
        [
            self.plain.one,
            self.plain.two,
            self.plain.longest,
            self.stemmed.one,
            self.stemmed.two,
            self.stemmed.longest,
            self.words as f64,
        ]
    }
}

/// All cases of summaries.
#[derive(Clone, Debug)]
pub struct Summaries(Vec<Summary>);

impl Summaries {
    /// Of some cases.
    #[must_use]
    pub fn new(cases: Vec<Summary>) -> Self {
        Summaries(cases)
    }
}

impl Cases for Summaries {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn figures(&self) -> Vec<Figure> {
        let names = [
            "rouge-1",
            "rouge-2",
            "rouge-l",
            "rouge-1-stemmed",
            "rouge-2-stemmed",
            "rouge-l-stemmed",
            "words",
        ];
        names
            .iter()
            .map(|name| Figure::of_all(name, self.0.len()))
            .collect()
    }

    fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let (mut sums, mut cases) = ([0.0; 7], 0.0);
        for (case, weight) in self.0.iter().zip(weights) {
            cases += f64::from(*weight);
            for (sum, value) in sums.iter_mut().zip(case.values()) {
                *sum += value * f64::from(*weight);
            }
        }
        sums.iter()
            .map(|sum| (cases > 0.0).then(|| sum / cases))
            .collect()
    }
}
