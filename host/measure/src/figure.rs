//! What is told of cases, by name.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One figure: its name, and the class, kind or field that it is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Figure {
    /// Such as `accuracy` or `recall`.
    pub name: Cow<'static, str>,
    /// What it is of, where it is not of all cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How many cases, spans or fields of this kind were expected.
    pub cases: u64,
}

impl Figure {
    /// A figure of all cases.
    pub(crate) fn of_all(name: &'static str, cases: usize) -> Self {
        Figure {
            name: Cow::Borrowed(name),
            of: None,
            cases: cases as u64,
        }
    }

    /// A figure of one class, kind or field.
    pub(crate) fn of_one(name: &'static str, of: &str, cases: u64) -> Self {
        Figure {
            name: Cow::Borrowed(name),
            of: Some(of.to_owned()),
            cases,
        }
    }

    /// Whether both tell the same, of whatever cases.
    #[must_use]
    pub fn is_of(&self, other: &Figure) -> bool {
        (&self.name, &self.of) == (&other.name, &other.of)
    }

    /// Whether less of it is better.
    #[must_use]
    pub fn lower_is_better(&self) -> bool {
        self.name == "calibration-error"
    }
}

/// Cases of one kind. `figures` and `values` give the same number, in the same order.
pub trait Cases {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What can be told of them.
    fn figures(&self) -> Vec<Figure>;

    /// Each figure's value where case `i` counts `weights[i]` times; nothing where it is not defined, such as the recall of
    /// a class that does not occur.
    fn values(&self, weights: &[u32]) -> Vec<Option<f64>>;
}
