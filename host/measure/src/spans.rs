//! Spans of kinds: found exactly, or overlapping what is expected.
//!
//! A span is exact where place, start, end and kind are those expected; it overlaps where kind and place are, and at least one
//! byte is common. Each expected span is matched once. Kinds that nobody expects anywhere are the caller's to leave out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::figure::{Cases, Figure};

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// What it is, such as `person`.
    pub kind: String,
    /// The text that it is in, such as `body`.
    pub place: String,
    /// Its first byte.
    pub start: u64,
    /// The byte after it.
    pub end: u64,
}

impl Span {
    fn overlaps(&self, other: &Span) -> bool {
        self.kind == other.kind
            && self.place == other.place
            && self.start < other.end
            && other.start < self.end
    }
}

/// What was found of one kind in one case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Spans that should be found.
    pub expected: u64,
    /// Spans that were.
    pub found: u64,
    /// Those found that are exactly as expected.
    pub exact: u64,
    /// Those expected that something of their kind overlaps.
    pub touched: u64,
    /// Those found that overlap something of their kind.
    pub touching: u64,
}

/// One case: what was found of each kind.
pub type Kinds = BTreeMap<String, Found>;

/// All cases of spans.
#[derive(Clone, Debug)]
pub struct Spans {
    cases: Vec<Kinds>,
    /// Each kind, and how many spans of it are expected.
    kinds: BTreeMap<String, u64>,
}

impl Spans {
    /// Of some cases.
    #[must_use]
    pub fn new(cases: Vec<Kinds>) -> Self {
        let mut kinds = BTreeMap::new();
        for (kind, found) in cases.iter().flatten() {
            *kinds.entry(kind.clone()).or_default() += found.expected;
        }
        Spans { cases, kinds }
    }

    /// Compares what was found in one text with what is expected there. A span that is told twice counts once.
    #[must_use]
    pub fn compare(expected: &[Span], found: &[Span]) -> Kinds {
        let once = |spans: &[Span]| {
            let mut spans = spans.to_vec();
            spans.sort();
            spans.dedup();
            spans
        };
        let (expected, found) = (once(expected), once(found));
        let mut kinds = Kinds::new();
        let touches =
            |span: &Span, others: &[Span]| others.iter().any(|other| span.overlaps(other));
        for span in &expected {
            let of = kinds.entry(span.kind.clone()).or_default();
            of.expected += 1;
            of.touched += u64::from(touches(span, &found));
        }
        for span in &found {
            let of = kinds.entry(span.kind.clone()).or_default();
            of.found += 1;
            of.exact += u64::from(expected.binary_search(span).is_ok());
            of.touching += u64::from(touches(span, &expected));
        }
        kinds
    }

    fn totals(&self, weights: &[u32]) -> BTreeMap<&str, Found> {
        let mut totals: BTreeMap<&str, Found> = BTreeMap::new();
        for (case, weight) in self.cases.iter().zip(weights) {
            let times = u64::from(*weight);
            for (kind, found) in case {
                let total = totals.entry(kind).or_default();
                total.expected += times * found.expected;
                total.found += times * found.found;
                total.exact += times * found.exact;
                total.touched += times * found.touched;
                total.touching += times * found.touching;
            }
        }
        totals
    }
}

impl Found {
    fn exactly(self) -> Counts {
        Counts {
            expected: self.expected,
            found: self.found,
            right: self.exact,
        }
    }

    fn recall_of_touched(self) -> Option<f64> {
        crate::counts::share(self.touched, self.expected)
    }

    fn precision_of_touching(self) -> Option<f64> {
        crate::counts::share(self.touching, self.found)
    }

    fn values(self) -> [Option<f64>; 5] {
        let exact = self.exactly();
        [
            exact.precision(),
            exact.recall(),
            exact.f1(),
            self.precision_of_touching(),
            self.recall_of_touched(),
        ]
    }
}

const NAMES: [&str; 5] = [
    "precision",
    "recall",
    "f1",
    "overlap-precision",
    "overlap-recall",
];

impl Cases for Spans {
    fn len(&self) -> usize {
        self.cases.len()
    }

    fn figures(&self) -> Vec<Figure> {
        let all: u64 = self.kinds.values().sum();
        let mut figures: Vec<_> = NAMES
            .iter()
            .map(|name| Figure::of_all(name, all as usize))
            .collect();
        for (kind, expected) in &self.kinds {
            figures.extend(
                NAMES
                    .iter()
                    .map(|name| Figure::of_one(name, kind, *expected)),
            );
        }
        figures
    }

    fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let totals = self.totals(weights);
        let mut all = Found::default();
        for found in totals.values() {
            all.expected += found.expected;
            all.found += found.found;
            all.exact += found.exact;
            all.touched += found.touched;
            all.touching += found.touching;
        }
        let kinds = self.kinds.keys();
        let each = kinds.map(|kind| totals.get(kind.as_str()).copied().unwrap_or_default());
        std::iter::once(all)
            .chain(each)
            .flat_map(Found::values)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(kind: &str, start: u64, end: u64) -> Span {
        Span {
            kind: kind.into(),
            place: "body".into(),
            start,
            end,
        }
    }

    #[test]
    fn a_span_is_exact_or_overlaps_or_is_missed() {
        let expected = [
            span("person", 0, 10),
            span("person", 20, 30),
            span("date", 40, 50),
        ];
        let found = [
            span("person", 0, 10),
            span("person", 0, 10),
            span("person", 25, 35),
            span("date", 50, 60),
        ];
        let kinds = Spans::compare(&expected, &found);
        let person = Found {
            expected: 2,
            found: 2,
            exact: 1,
            touched: 2,
            touching: 2,
        };
        let date = Found {
            expected: 1,
            found: 1,
            ..Found::default()
        };
        assert_eq!(
            kinds,
            [("person".to_owned(), person), ("date".to_owned(), date)].into()
        );
        let all = Spans::new(vec![kinds]).values(&[1]);
        assert_eq!(
            all[..3],
            [Some(1.0 / 3.0), Some(1.0 / 3.0), Some(1.0 / 3.0)]
        );
        assert_eq!(all[3..5], [Some(2.0 / 3.0), Some(2.0 / 3.0)]);
    }
}
