//! Precision, recall and F1 of counts.

use serde::{Deserialize, Serialize};

/// How many were expected, how many found, and how many of those found are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Those that should be found.
    pub expected: u64,
    /// Those that were.
    pub found: u64,
    /// Those found that are expected.
    pub right: u64,
}

impl Counts {
    /// Adds `other`, `times` over.
    pub(crate) fn add(&mut self, other: Counts, times: u64) {
        self.expected += other.expected * times;
        self.found += other.found * times;
        self.right += other.right * times;
    }

    /// The right ones among those found; nothing where none was found.
    #[must_use]
    pub fn precision(self) -> Option<f64> {
        share(self.right, self.found)
    }

    /// The right ones among those expected; nothing where none was expected.
    #[must_use]
    pub fn recall(self) -> Option<f64> {
        share(self.right, self.expected)
    }

    /// The harmonic mean of both; nothing where there is nothing to find and nothing was found.
    #[must_use]
    pub fn f1(self) -> Option<f64> {
        share(2 * self.right, self.expected + self.found)
    }
}

/// A part of a whole that is not empty.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f1_is_1_of_a_perfect_answer_0_of_an_empty_one_and_undefined_where_nothing_is() {
        let of = |expected, found, right| Counts {
            expected,
            found,
            right,
        };
        assert_eq!(of(3, 3, 3).f1(), Some(1.0));
        assert_eq!(of(3, 0, 0).f1(), Some(0.0));
        assert_eq!(of(0, 2, 0).f1(), Some(0.0));
        assert_eq!(of(0, 0, 0).f1(), None);
        assert_eq!(of(3, 0, 0).precision(), None);
        assert_eq!(of(4, 2, 1).f1(), Some(1.0 / 3.0));
    }
}
