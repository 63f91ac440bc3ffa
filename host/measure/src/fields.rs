//! Named fields with one value each, such as those of an invoice: exactly as expected, or not.
//!
//! A field may be expected to be absent. `exact-match` counts such a field as right where nothing was found; precision,
//! recall and F1 look at values alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counts::{Counts, share};
use crate::figure::{Cases, Figure};

/// What became of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The value that is expected.
    Right,
    /// Another value.
    Wrong,
    /// No value where one is expected.
    Missing,
    /// A value where none is expected.
    Spurious,
    /// No value, and none is expected.
    Absent,
}

impl Field {
    fn is_as_expected(self) -> bool {
        matches!(self, Field::Right | Field::Absent)
    }

    fn counts(self) -> Counts {
        let (expected, found, right) = match self {
            Field::Right => (1, 1, 1),
            Field::Wrong => (1, 1, 0),
            Field::Missing => (1, 0, 0),
            Field::Spurious => (0, 1, 0),
            Field::Absent => (0, 0, 0),
        };
        Counts {
            expected,
            found,
            right,
        }
    }
}

/// One case: each field by name.
pub type Named = BTreeMap<String, Field>;

/// All cases of fields.
#[derive(Clone, Debug)]
pub struct Fields {
    cases: Vec<Named>,
    /// Each field, and in how many cases it is asked for.
    names: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Default)]
struct Total {
    asked: u64,
    exact: u64,
    counts: Counts,
}

impl Total {
    fn add(&mut self, field: Field, times: u64) {
        self.asked += times;
        self.exact += u64::from(field.is_as_expected()) * times;
        self.counts.add(field.counts(), times);
    }

    fn values(self) -> [Option<f64>; 4] {
        let counts = self.counts;
        [
            share(self.exact, self.asked),
            counts.precision(),
            counts.recall(),
            counts.f1(),
        ]
    }
}

const NAMES: [&str; 4] = ["exact-match", "precision", "recall", "f1"];

impl Fields {
    /// Of some cases.
    #[must_use]
    pub fn new(cases: Vec<Named>) -> Self {
        let mut names = BTreeMap::new();
        for name in cases.iter().flat_map(BTreeMap::keys) {
            *names.entry(name.clone()).or_default() += 1;
        }
        Fields { cases, names }
    }
}

impl Cases for Fields {
    fn len(&self) -> usize {
        self.cases.len()
    }

    fn figures(&self) -> Vec<Figure> {
        let asked: u64 = self.names.values().sum();
        let mut figures: Vec<_> = NAMES
            .iter()
            .map(|name| Figure::of_all(name, asked as usize))
            .collect();
        figures.push(Figure::of_all("all-fields", self.cases.len()));
        for (field, asked) in &self.names {
            figures.extend(NAMES.iter().map(|name| Figure::of_one(name, field, *asked)));
        }
        figures
    }

    fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let mut each: BTreeMap<&str, Total> = BTreeMap::new();
        let (mut all, mut whole, mut cases) = (Total::default(), 0, 0);
        for (case, weight) in self.cases.iter().zip(weights) {
            let times = u64::from(*weight);
            cases += times;
            whole += u64::from(case.values().all(|field| field.is_as_expected())) * times;
            for (name, field) in case {
                all.add(*field, times);
                each.entry(name).or_default().add(*field, times);
            }
        }
        let mut values = all.values().to_vec();
        values.push(share(whole, cases));
        for name in self.names.keys() {
            values.extend(
                each.get(name.as_str())
                    .copied()
                    .unwrap_or_default()
                    .values(),
            );
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_field_is_exact_and_no_value() {
        let case = |fields: &[(&str, Field)]| {
            let own = fields
                .iter()
                .map(|(name, field)| ((*name).to_owned(), *field));
            own.collect::<Named>()
        };
        let fields = Fields::new(vec![
            case(&[("date", Field::Right), ("tax", Field::Absent)]),
            case(&[("date", Field::Wrong), ("tax", Field::Missing)]),
        ]);
        let told: BTreeMap<_, _> = fields
            .figures()
            .into_iter()
            .zip(fields.values(&[1, 1]))
            .map(|(figure, value)| ((figure.name.into_owned(), figure.of), value))
            .collect();
        assert_eq!(told[&("exact-match".into(), None)], Some(0.5));
        assert_eq!(told[&("all-fields".into(), None)], Some(0.5));
        assert_eq!(told[&("precision".into(), None)], Some(0.5));
        assert_eq!(told[&("recall".into(), None)], Some(1.0 / 3.0));
        assert_eq!(told[&("exact-match".into(), Some("tax".into()))], Some(0.5));
        assert_eq!(told[&("precision".into(), Some("tax".into()))], None);
    }
}
