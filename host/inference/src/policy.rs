//! Which waiting entries run together. Pure: no clock, no channel.
//!
//! The oldest entry always runs. Others join it while they are alike: equal in every axis but batch and
//! length, in the same bucket of lengths (16, 32, 64, …), within the most rows, and, on the CPU, within 256
//! padded places, past which a batch is slower than its entries one by one. An entry beyond those bounds by
//! itself runs alone, [`Policy::rows_per_run`] at a time, which also bounds the memory of a run.

use std::time::Duration;

use crate::request::Shape;

/// The most padded places (rows × length) of a merged run on the CPU.
const PLACES_ON_CPU: u64 = 256;
/// The same on a device that is fast only when it is full.
const PLACES_ON_ACCELERATOR: u64 = 16 * 1024;
/// The shortest bucket of lengths.
const SHORTEST_BUCKET: u32 = 16;

/// How entries are merged into runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The most rows of a run; 1: nothing is merged.
    pub(crate) max_rows: usize,
    /// The most padded places of a run of several rows.
    pub(crate) max_places: u64,
    /// How long the oldest entry waits for others; 0: it takes those that are there.
    pub(crate) delay: Duration,
    /// Whether entries of several callers run together at all.
    pub(crate) merges: bool,
}

/// Which entries run now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Their places in the queue, ascending; the first is always the oldest.
    pub(crate) picked: Vec<usize>,
    /// Whether waiting for more cannot add a row.
    pub(crate) full: bool,
}

impl Policy {
    pub(crate) fn new(max_rows: usize, delay: Duration, device: &str) -> Policy {
        let max_places = if device == "cpu" {
            PLACES_ON_CPU
        } else {
            PLACES_ON_ACCELERATOR
        };
        Policy {
            max_rows,
            max_places,
            delay,
            merges: true,
        }
    }

    /// The same, but that every entry runs by itself, its own rows together.
    pub(crate) fn without_merging(self) -> Policy {
        Policy {
            merges: false,
            ..self
        }
    }

    /// How many entries are worth looking at before a choice.
    pub(crate) fn lookahead(&self) -> usize {
        if self.max_rows > 1 && self.merges {
            self.max_rows.saturating_mul(2)
        } else {
            1
        }
    }

    /// Chooses among `waiting`, oldest first; `None` where nothing waits.
    pub(crate) fn choose<'a>(
        &self,
        waiting: impl IntoIterator<Item = &'a Shape>,
    ) -> Option<Choice> {
        let mut waiting = waiting.into_iter().enumerate();
        let (_, oldest) = waiting.next()?;
        let mut picked = vec![0];
        if !self.merges {
            return Some(Choice { picked, full: true });
        }
        let (mut rows, mut length) = (u64::from(oldest.rows), oldest.length);
        for (place, shape) in waiting {
            let joined = (rows + u64::from(shape.rows), length.max(shape.length));
            if alike(oldest, shape) && self.holds(joined.0, joined.1) {
                picked.push(place);
                (rows, length) = joined;
            }
        }
        Some(Choice {
            picked,
            full: !self.holds(rows + 1, length),
        })
    }

    /// The most rows of `length` places each that one run takes; at least 1.
    pub(crate) fn rows_per_run(&self, length: u32) -> u32 {
        let rows = (self.max_places / u64::from(length.max(1))).min(self.max_rows as u64);
        u32::try_from(rows).unwrap_or(u32::MAX).max(1)
    }

    fn holds(&self, rows: u64, length: u32) -> bool {
        rows <= self.max_rows as u64 && rows.saturating_mul(u64::from(length)) <= self.max_places
    }
}

fn alike(a: &Shape, b: &Shape) -> bool {
    a.others == b.others && bucket(a.length) == bucket(b.length)
}

fn bucket(length: u32) -> u32 {
    length
        .max(SHORTEST_BUCKET)
        .checked_next_power_of_two()
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(rows: u32, length: u32) -> Shape {
        Shape {
            rows,
            length,
            ..Shape::default()
        }
    }

    fn policy(max_rows: usize) -> Policy {
        Policy::new(max_rows, Duration::ZERO, "cpu")
    }

    #[test]
    fn alike_entries_join_the_oldest() {
        let waiting = [
            shape(1, 20),
            shape(1, 30),
            shape(1, 40),
            shape(2, 17),
            shape(1, 32),
        ];
        let choice = policy(8).choose(&waiting).unwrap();
        assert_eq!(
            choice,
            Choice {
                picked: vec![0, 1, 3, 4],
                full: false
            }
        );
    }

    #[test]
    fn without_merging_every_entry_runs_by_itself_and_its_own_rows_together() {
        let alone = policy(8).without_merging();
        let waiting = vec![shape(1, 20); 3];
        let choice = Choice {
            picked: vec![0],
            full: true,
        };
        assert_eq!(alone.choose(&waiting), Some(choice));
        assert_eq!(alone.lookahead(), 1);
        assert_eq!(alone.rows_per_run(32), policy(8).rows_per_run(32));
    }

    #[test]
    fn rows_and_places_bound_a_run() {
        let waiting = vec![shape(1, 32); 20];
        assert_eq!(
            policy(4).choose(&waiting).unwrap(),
            Choice {
                picked: vec![0, 1, 2, 3],
                full: true
            }
        );
        assert_eq!(
            policy(64).choose(&waiting).unwrap().picked.len(),
            8,
            "8 × 32 = 256 places"
        );
        assert_eq!(
            policy(1).choose(&waiting).unwrap(),
            Choice {
                picked: vec![0],
                full: true
            }
        );
    }

    #[test]
    fn other_axes_must_be_equal() {
        let mut odd = shape(1, 1);
        odd.others.insert("width".to_owned(), 3);
        assert_eq!(
            policy(8)
                .choose([&shape(1, 1), &odd, &shape(1, 1)])
                .unwrap()
                .picked,
            [0, 2]
        );
    }

    #[test]
    fn an_entry_over_every_bound_runs_alone() {
        let choice = policy(8).choose(&[shape(100, 256), shape(1, 256)]).unwrap();
        assert_eq!(
            choice,
            Choice {
                picked: vec![0],
                full: true
            }
        );
        assert_eq!(policy(8).choose([]), None);
    }

    #[test]
    fn rows_of_a_run_are_bounded_by_rows_and_places() {
        let rows = [1, 32, 100, 256, 1000].map(|length| policy(8).rows_per_run(length));
        assert_eq!(rows, [8, 8, 2, 1, 1]);
    }

    proptest! {
        /// The oldest is always picked, each at most once, and merged runs keep every bound.
        #[test]
        fn bounds_hold(waiting in prop::collection::vec((1u32..6, 1u32..300), 1..40), max_rows in 1usize..20) {
            let waiting: Vec<Shape> = waiting.into_iter().map(|(rows, length)| shape(rows, length)).collect();
            let choice = policy(max_rows).choose(&waiting).unwrap();
            prop_assert_eq!(choice.picked[0], 0);
            prop_assert!(choice.picked.is_sorted_by(|a, b| a < b));
            let picked: Vec<&Shape> = choice.picked.iter().map(|place| &waiting[*place]).collect();
            if picked.len() > 1 {
                let rows: u32 = picked.iter().map(|shape| shape.rows).sum();
                let longest = picked.iter().map(|shape| shape.length).max().unwrap();
                prop_assert!(rows as usize <= max_rows && rows * longest <= 256);
                prop_assert!(picked.iter().all(|shape| bucket(shape.length) == bucket(longest)));
            }
        }
    }
}
