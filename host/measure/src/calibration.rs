//! Whether a confidence means what it says, and what is gained by leaving the unsure to a person.

use serde::Serialize;

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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The least confidence that is kept.
    pub threshold: f64,
    /// The share of cases that is kept.
    pub coverage: f64,
    /// The share of those that is right.
    pub accuracy: f64,
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

/// Coverage and accuracy as the threshold rises, from everything kept downwards.
pub(crate) fn coverage(all: &[Sure]) -> Vec<Point> {
    let mut sorted: Vec<(f64, bool)> = all
        .iter()
        .map(|sure| (sure.confidence, sure.right))
        .collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut points) = (0_u64, Vec::new());
    for (place, (confidence, is_right)) in sorted.iter().enumerate() {
        right += u64::from(*is_right);
        // A threshold keeps all that are as sure as the last one that it keeps.
        let last_of_its_kind = sorted
            .get(place + 1)
            .is_none_or(|next| next.0 < *confidence);
        if last_of_its_kind {
            points.push(Point {
                threshold: *confidence,
                coverage: (place + 1) as f64 / sorted.len() as f64,
                accuracy: right as f64 / (place + 1) as f64,
            });
        }
    }
    points.reverse();
    thinned(points)
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
