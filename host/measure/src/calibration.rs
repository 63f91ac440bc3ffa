//! Whether a confidence means what it says, and what is gained by leaving the unsure to a person.

use serde::Serialize;

use crate::counts::share;
use crate::draws::{Draws, interval};

/// Bins of equal width from 0 to 1.
pub const BINS: usize = 15;
/// Points of a coverage curve at most.
const POINTS: usize = 41;

/// Cases whose confidence lies in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub cases: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub right: f64,
}

/// What is left, and how much of it is right, where a person takes what is less sure than `threshold`.
///
/// The interval is of a threshold that was settled beforehand: one that is chosen because it looks best on these cases does
/// worse on others. Where nothing that is kept is wrong, no resample has anything wrong, and the interval says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The least confidence that is kept.
    pub threshold: f64,
    /// The share of cases that is kept.
    pub coverage: f64,
    /// The share of those that is right.
    pub accuracy: f64,
    /// The share of those that is wrong.
    pub error: f64,
    /// The lower end of the interval that holds it in 95 of 100 resamples.
    pub error_low: f64,
    /// The upper end.
    pub error_high: f64,
}

impl Point {
    fn new(threshold: f64, kept: usize, right: u64, all: usize) -> Self {
        let accuracy = right as f64 / kept as f64;
        let error = (kept as u64 - right) as f64 / kept as f64;
        Point {
            threshold,
            coverage: kept as f64 / all as f64,
            accuracy,
            error,
            error_low: error,
            error_high: error,
        }
    }
}

/// A case's confidence, and whether its answer is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sure {
    pub(crate) case: usize,
    pub(crate) confidence: f64,
    pub(crate) right: bool,
}

/// The bins, empty ones included.
pub(crate) fn bins(all: &[Sure], weights: &[u32]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for sure in all {
        let weight = f64::from(weights.get(sure.case).copied().unwrap_or(0));
        let place = ((sure.confidence * BINS as f64) as usize).min(BINS - 1);
        if let Some(bin) = bins.get_mut(place) {
            bin.cases += weight as u64;
            bin.confidence += weight * sure.confidence;
            bin.right += weight * f64::from(u8::from(sure.right));
        }
    }
    for bin in bins.iter_mut().filter(|bin| bin.cases > 0) {
        bin.confidence /= bin.cases as f64;
        bin.right /= bin.cases as f64;
    }
    bins
}

/// The expected calibration error (Guo et al. 2017): the mean gap between confidence and share of right, by bin.
pub(crate) fn error(all: &[Sure], weights: &[u32]) -> Option<f64> {
    let bins = bins(all, weights);
    let cases: u64 = bins.iter().map(|bin| bin.cases).sum();
    let gap = |bin: &Bin| bin.cases as f64 * (bin.confidence - bin.right).abs();
    (cases > 0).then(|| bins.iter().map(gap).sum::<f64>() / cases as f64)
}

/// Coverage and accuracy as the threshold rises, from everything kept downwards. `cases` are all, also those that do not say
/// how sure they are: so many are drawn.
pub(crate) fn coverage(all: &[Sure], cases: usize, draws: Draws) -> Vec<Point> {
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut points = thinned(points(&sorted));
    let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); points.len()];
    draws.each(cases, |weights| {
        for (all, error) in drawn.iter_mut().zip(errors(&sorted, &points, weights)) {
            all.extend(error);
        }
    });
    for (point, drawn) in points.iter_mut().zip(drawn) {
        let (low, high) = interval(drawn).unwrap_or((point.error, point.error));
        point.error_low = low.min(point.error);
        point.error_high = high.max(point.error);
    }
    points
}

/// A point at every confidence that occurs, the lowest first. `sorted` has the surest first.
fn points(sorted: &[Sure]) -> Vec<Point> {
    let (mut right, mut points) = (0_u64, Vec::new());
    for (place, sure) in sorted.iter().enumerate() {
        right += u64::from(sure.right);
        // A threshold keeps all that are as sure as the last one that it keeps.
        let last_of_its_kind = sorted
            .get(place + 1)
            .is_none_or(|next| next.confidence < sure.confidence);
        if last_of_its_kind {
            let (kept, all) = (place + 1, sorted.len());
            points.push(Point::new(sure.confidence, kept, right, all));
        }
    }
    points.reverse();
    points
}

/// What is wrong of what each point keeps, where case `i` counts `weights[i]` times; nothing where none of that is drawn.
fn errors(sorted: &[Sure], points: &[Point], weights: &[u32]) -> Vec<Option<f64>> {
    let (mut kept, mut wrong) = (0_u64, 0_u64);
    let mut rest = sorted.iter().peekable();
    let mut errors = Vec::with_capacity(points.len());
    for point in points.iter().rev() {
        while let Some(sure) = rest.next_if(|sure| sure.confidence >= point.threshold) {
            let weight = u64::from(weights.get(sure.case).copied().unwrap_or(0));
            kept += weight;
            wrong += if sure.right { 0 } else { weight };
        }
        errors.push(share(wrong, kept));
    }
    errors.reverse();
    errors
}

/// At most [`POINTS`] of them, evenly over the coverage, the first and the last among them.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    if points.len() <= POINTS {
        return points;
    }
    let step = (points.len() - 1) as f64 / (POINTS - 1) as f64;
    let chosen =
        (0..POINTS).filter_map(|i| points.get((i as f64 * step).round() as usize).copied());
    chosen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sure(case: usize, confidence: f64, right: bool) -> Sure {
        Sure {
            case,
            confidence,
            right,
        }
    }

    #[test]
    fn an_error_among_what_is_kept_has_the_interval_that_theory_says() {
        // Of the surer half a tenth is wrong, of the other half a fifth.
        let all: Vec<Sure> = (0..2000)
            .map(|case| match case < 1000 {
                true => sure(case, 0.9, case % 10 != 0),
                false => sure(case, 0.4, case % 5 != 0),
            })
            .collect();
        let points = coverage(&all, 2000, Draws::default());
        let [whole, surer] = points[..] else {
            panic!("{points:?}")
        };
        assert_eq!((whole.coverage, surer.coverage), (1.0, 0.5));
        for (point, error, kept) in [(whole, 0.15, 2000.0), (surer, 0.1, 1000.0)] {
            assert_eq!((point.error, point.accuracy), (error, 1.0 - error));
            let half = 1.96 * (error * (1.0 - error) / kept).sqrt();
            let low_gap = (point.error_low - (error - half)).abs();
            let high_gap = (point.error_high - (error + half)).abs();
            assert!(low_gap < 0.004 && high_gap < 0.004, "{point:?}");
        }
    }

    #[test]
    fn the_interval_at_full_coverage_is_that_of_all_that_is_wrong() {
        let all: Vec<Sure> = (0..60)
            .map(|case| sure(case, 0.5 + 0.005 * (case % 7) as f64, case % 3 != 0))
            .collect();
        let (draws, mut drawn) = (Draws::default(), Vec::new());
        draws.each(60, |weights| {
            let wrong = all.iter().filter(|sure| !sure.right);
            let wrong: u32 = wrong.map(|sure| weights[sure.case]).sum();
            drawn.push(f64::from(wrong) / 60.0);
        });
        let whole = coverage(&all, 60, draws)[0];
        assert_eq!(
            interval(drawn),
            Some((whole.error_low, whole.error_high)),
            "the same resamples"
        );
    }
}
