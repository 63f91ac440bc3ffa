//! The bootstrap: how far a figure would move had other samples of the same kind been drawn.
//!
//! Percentile intervals of 95 %, from resamples of the cases with repetition. A figure that is biased in a resample, as a
//! calibration error is, may lie outside; the interval is then widened to hold it. Default: 1,000 resamples, seed 1.

use serde::{Deserialize, Serialize};

use crate::figure::{Cases, Figure};
use crate::quantile::quantile;

/// The share of resamples that lies below the interval, and above it.
const TAIL: f64 = 0.025;

/// Which resamples are drawn. Equal draws over equally many cases are equal resamples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// What decides all of them.
    pub seed: u64,
    /// How many are drawn.
    pub resamples: u32,
}

impl Default for Draws {
    fn default() -> Self {
        Draws {
            seed: 1,
            resamples: 1000,
        }
    }
}

/// A figure's value, and where it would lie in 95 of 100 resamples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What it is a value of.
    #[serde(flatten)]
    pub figure: Figure,
    /// The value over all cases.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// What became of a figure since a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Better, beyond noise.
    Better,
    /// Worse, beyond noise.
    Worse,
    /// Another value or the same, and no more than noise makes.
    Same,
}

/// A figure against a baseline's, over the samples that both have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What changed.
    #[serde(flatten)]
    pub figure: Figure,
    /// The baseline's value.
    pub before: f64,
    /// The value now.
    pub after: f64,
    /// The lower end of the difference's interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Whether that is better or worse.
    pub verdict: Verdict,
}

impl Draws {
    /// Every figure of `cases` that is defined.
    #[must_use]
    pub fn estimates(self, cases: &impl Cases) -> Vec<Estimate> {
        let figures = cases.figures();
        let values = cases.values(&vec![1; cases.len()]);
        let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); figures.len()];
        self.each(cases.len(), |weights| {
            for (all, value) in drawn.iter_mut().zip(cases.values(weights)) {
                all.extend(value);
            }
        });
        let told = figures.into_iter().zip(values).zip(drawn);
        told.filter_map(|((figure, value), drawn)| {
            let value = value?;
            let (low, high) = interval(drawn).unwrap_or((value, value));
            Some(Estimate {
                figure,
                value,
                low: low.min(value),
                high: high.max(value),
            })
        })
        .collect()
    }

    /// Every figure that both have, over cases that are of the same samples in the same order.
    #[must_use]
    pub fn changes<C: Cases>(self, before: &C, after: &C) -> Vec<Change> {
        let figures = after.figures();
        let old = before.figures();
        let place = |figure: &Figure| old.iter().position(|other| other.is_of(figure));
        let places: Vec<Option<usize>> = figures.iter().map(place).collect();
        let pairs = |weights: &[u32]| -> Vec<Option<(f64, f64)>> {
            let (before, after) = (before.values(weights), after.values(weights));
            let pair = |(now, place): (Option<f64>, &Option<usize>)| {
                Some((before.get((*place)?).copied().flatten()?, now?))
            };
            after.into_iter().zip(&places).map(pair).collect()
        };
        let whole = pairs(&vec![1; after.len()]);
        let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); figures.len()];
        self.each(after.len(), |weights| {
            for (all, pair) in drawn.iter_mut().zip(pairs(weights)) {
                all.extend(pair.map(|(before, after)| after - before));
            }
        });
        let told = figures.into_iter().zip(whole).zip(drawn);
        told.filter_map(|((figure, pair), drawn)| {
            let (before, after) = pair?;
            let (low, high) = interval(drawn).unwrap_or((0.0, 0.0));
            let verdict = verdict(&figure, low, high);
            Some(Change {
                figure,
                before,
                after,
                low,
                high,
                verdict,
            })
        })
        .collect()
    }

    /// Every figure that both have, where their samples are not the same: beyond noise is what both intervals leave no
    /// doubt of.
    #[must_use]
    pub fn apart(before: &[Estimate], after: &[Estimate]) -> Vec<Change> {
        let changes = after.iter().filter_map(|now| {
            let old = before.iter().find(|old| old.figure.is_of(&now.figure))?;
            let (low, high) = (now.low - old.high, now.high - old.low);
            Some(Change {
                figure: now.figure.clone(),
                before: old.value,
                after: now.value,
                low,
                high,
                verdict: verdict(&now.figure, low, high),
            })
        });
        changes.collect()
    }

    /// Shows each resample's weights.
    pub(crate) fn each(self, cases: usize, mut shown: impl FnMut(&[u32])) {
        let mut weights = vec![0_u32; cases];
        for resample in 0..u64::from(self.resamples) {
            let mut stream = Stream::of(self.seed, resample);
            weights.fill(0);
            for _ in 0..cases {
                if let Some(weight) = weights.get_mut(stream.below(cases)) {
                    *weight += 1;
                }
            }
            shown(&weights);
        }
    }
}

fn verdict(figure: &Figure, low: f64, high: f64) -> Verdict {
    match (low > 0.0, high < 0.0, figure.lower_is_better()) {
        (true, _, false) | (_, true, true) => Verdict::Better,
        (_, true, false) | (true, _, true) => Verdict::Worse,
        (false, false, _) => Verdict::Same,
    }
}

/// Where 95 of 100 of what was drawn lie; nothing where nothing was.
pub(crate) fn interval(mut drawn: Vec<f64>) -> Option<(f64, f64)> {
    drawn.sort_by(f64::total_cmp);
    Some((quantile(&drawn, TAIL)?, quantile(&drawn, 1.0 - TAIL)?))
}

/// SplitMix64 (Steele, Lea and Flood 2014): one stream for each resample, so that none depends on how many came before.
struct Stream(u64);

impl Stream {
    fn of(seed: u64, resample: u64) -> Self {
        let mut own = Stream(seed);
        Stream(own.next() ^ Stream(resample).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, each as likely as any other but for one part in 2^32.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases whose one figure is their mean.
    struct Means(Vec<f64>);

    impl Cases for Means {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn figures(&self) -> Vec<Figure> {
            vec![Figure::of_all("mean", self.len())]
        }

        fn values(&self, weights: &[u32]) -> Vec<Option<f64>> {
            let count: u32 = weights.iter().sum();
            let sum: f64 = self
                .0
                .iter()
                .zip(weights)
                .map(|(value, weight)| value * f64::from(*weight))
                .sum();
            vec![(count > 0).then(|| sum / f64::from(count))]
        }
    }

    #[test]
    fn an_interval_of_a_mean_is_as_wide_as_theory_says() {
        let cases = Means((0..1000).map(|i| f64::from(u8::from(i % 4 == 0))).collect());
        let estimate = &Draws::default().estimates(&cases)[0];
        assert_eq!(estimate.value, 0.25);
        let half = 1.96 * (0.25_f64 * 0.75 / 1000.0).sqrt();
        assert!((estimate.low - (0.25 - half)).abs() < 0.004, "{estimate:?}");
        assert!(
            (estimate.high - (0.25 + half)).abs() < 0.004,
            "{estimate:?}"
        );
        assert_eq!(
            Draws::default().estimates(&cases),
            vec![estimate.clone()],
            "the seed decides"
        );
        let other = Draws {
            seed: 2,
            ..Draws::default()
        };
        assert_ne!(other.estimates(&cases), vec![estimate.clone()]);
    }

    #[test]
    fn a_paired_change_is_seen_where_two_intervals_overlap() {
        let before: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 2 == 0))).collect();
        let after: Vec<f64> = before
            .iter()
            .enumerate()
            .map(|(i, right)| if i % 40 == 1 { 1.0 } else { *right })
            .collect();
        let draws = Draws::default();
        let (before, after) = (Means(before), Means(after));
        let paired = &draws.changes(&before, &after)[0];
        assert_eq!(paired.verdict, Verdict::Better, "{paired:?}");
        let apart = &Draws::apart(&draws.estimates(&before), &draws.estimates(&after))[0];
        assert_eq!(apart.verdict, Verdict::Same, "{apart:?}");
        let back = &draws.changes(&after, &before)[0];
        assert_eq!(back.verdict, Verdict::Worse);
        let none = &draws.changes(&after, &after)[0];
        assert_eq!(
            (none.verdict, none.low, none.high),
            (Verdict::Same, 0.0, 0.0)
        );
    }
}
