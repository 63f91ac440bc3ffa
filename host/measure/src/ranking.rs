//! How well a score tells two kinds apart.

/// Scores with the kind that each belongs to, the highest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranked(Vec<Scored>);

#[derive(Clone, Copy, Debug)]
struct Scored {
    case: usize,
    score: f64,
    positive: bool,
}

impl Ranked {
    /// Of (case, score, whether it is of the kind that is looked for).
    pub(crate) fn new(scores: impl IntoIterator<Item = (usize, f64, bool)>) -> Self {
        let scored = |(case, score, positive)| Scored {
            case,
            score,
            positive,
        };
        let mut all: Vec<Scored> = scores.into_iter().map(scored).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ranked(all)
    }

    /// How many of both kinds have each score, the highest score first.
    fn steps(&self, weights: &[u32]) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut last = None;
        for scored in &self.0 {
            let weight = u64::from(weights.get(scored.case).copied().unwrap_or(0));
            if last != Some(scored.score) {
                steps.push(Step::default());
                last = Some(scored.score);
            }
            if let Some(step) = steps.last_mut() {
                match scored.positive {
                    true => step.positives += weight,
                    false => step.negatives += weight,
                }
            }
        }
        steps
    }

    /// The probability that one of the kind scores higher than one that is not; equal scores count half.
    pub(crate) fn auroc(&self, weights: &[u32]) -> Option<f64> {
        let (mut above, mut area) = (0_u64, 0_u128);
        let mut negatives = 0_u64;
        for step in self.steps(weights) {
            // Twice the pairs, so that halves stay whole.
            area += u128::from(step.negatives) * u128::from(2 * above + step.positives);
            above += step.positives;
            negatives += step.negatives;
        }
        let pairs = u128::from(above) * u128::from(negatives);
        (pairs > 0).then(|| area as f64 / (2 * pairs) as f64)
    }

    /// The most that is found of the kind at any threshold that keeps this precision; 0 where none does.
    pub(crate) fn recall_at(&self, precision: f64, weights: &[u32]) -> Option<f64> {
        let (mut positives, mut found, mut best) = (0_u64, 0_u64, 0_u64);
        for step in self.steps(weights) {
            positives += step.positives;
            found += step.positives + step.negatives;
            if positives as f64 >= precision * found as f64 {
                best = positives;
            }
        }
        (positives > 0).then(|| best as f64 / positives as f64)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Step {
    positives: u64,
    negatives: u64,
}

/// The probability that a positive scores higher than a negative; equal scores count half. Nothing where one kind is absent.
#[must_use]
pub fn auroc(scores: &[(f64, bool)]) -> Option<f64> {
    ranked(scores).auroc(&vec![1; scores.len()])
}

/// The most positives that are found at a threshold whose precision is at least `precision`. Nothing without positives.
#[must_use]
pub fn recall_at_precision(scores: &[(f64, bool)], precision: f64) -> Option<f64> {
    ranked(scores).recall_at(precision, &vec![1; scores.len()])
}

fn ranked(scores: &[(f64, bool)]) -> Ranked {
    let numbered = scores.iter().enumerate();
    Ranked::new(numbered.map(|(case, (score, positive))| (case, *score, *positive)))
}
