//! What holds of figures whatever the cases are: bounds, order, perfect and empty answers, intervals.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use fleetwright_measure::{
    Cases, Draws, Field, Fields, Flags, Label, Labels, Raised, Rouge, Span, Spans, auroc,
    recall_at_precision,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const FEW: Draws = Draws {
    seed: 3,
    resamples: 40,
};

fn label() -> impl Strategy<Value = Label> {
    let name = || select(vec!["card", "order", "other", "refund"]);
    let unit = || option::of(0.0..=1.0_f64);
    (name(), option::of(name()), unit(), unit()).prop_map(
        |(expected, found, confidence, outside)| Label {
            expected: expected.into(),
            confidence: found.and(confidence),
            outside: found.and(outside),
            found: found.map(str::to_owned),
        },
    )
}

fn labels() -> impl Strategy<Value = Vec<Label>> {
    vec(label(), 1..40)
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let span = (select(vec!["person", "date"]), 0..30_u64, 1..6_u64);
    let span = span.prop_map(|(kind, start, length)| Span {
        kind: kind.into(),
        place: "body".into(),
        start,
        end: start + length,
    });
    vec(span, 0..8)
}

fn raised() -> impl Strategy<Value = Raised> {
    let name = || select(vec!["threat", "abuse"]).prop_map(str::to_owned);
    let found = btree_map(name(), option::of(0.0..=1.0_f64), 0..3);
    (vec(name(), 0..3), found).prop_map(|(expected, found)| Raised {
        expected: expected.into_iter().collect(),
        found,
    })
}

fn field() -> impl Strategy<Value = Field> {
    select(vec![
        Field::Right,
        Field::Wrong,
        Field::Missing,
        Field::Spurious,
        Field::Absent,
    ])
}

/// Every figure lies between 0 and 1, and its interval holds it.
fn hold(cases: &impl Cases) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        cases.figures().len(),
        cases.values(&vec![1; cases.len()]).len()
    );
    for estimate in FEW.estimates(cases) {
        let within = 0.0 <= estimate.low
            && estimate.low <= estimate.value
            && estimate.value <= estimate.high
            && estimate.high <= 1.0 + 1e-9;
        prop_assert!(within, "{estimate:?}");
    }
    prop_assert_eq!(FEW.estimates(cases), FEW.estimates(cases));
    Ok(())
}

/// Values by figure, over all cases.
fn told(cases: &impl Cases) -> BTreeMap<(String, Option<String>), Option<f64>> {
    let values = cases.values(&vec![1; cases.len()]);
    let named = cases.figures().into_iter().zip(values);
    named
        .map(|(figure, value)| ((figure.name.into_owned(), figure.of), value))
        .collect()
}

fn nearly(
    a: &BTreeMap<(String, Option<String>), Option<f64>>,
    b: &BTreeMap<(String, Option<String>), Option<f64>>,
) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.0 == b.0
                && match (a.1, b.1) {
                    (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                    (a, b) => a == b,
                }
        })
}

proptest! {
    #[test]
    fn figures_of_labels_are_bounded_and_their_intervals_hold_them(labels in labels(), outside in any::<bool>()) {
        hold(&Labels::new(&labels, outside.then_some("other"), 0.8))?;
    }

    #[test]
    fn figures_of_spans_fields_and_flags_are_too(
        texts in vec((spans(), spans()), 1..12),
        fields in vec(btree_map(select(vec!["date", "total"]).prop_map(str::to_owned), field(), 1..3), 1..12),
        flags in vec(raised(), 1..20),
    ) {
        let spans = texts.iter().map(|(expected, found)| Spans::compare(expected, found));
        hold(&Spans::new(spans.collect()))?;
        hold(&Fields::new(fields))?;
        hold(&Flags::new(flags, 0.8))?;
    }

    #[test]
    fn the_order_of_cases_makes_no_difference(labels in labels(), turn in 0..40_usize) {
        let mut turned = labels.clone();
        turned.rotate_left(turn % labels.len());
        turned.reverse();
        let (one, other) = (Labels::new(&labels, Some("other"), 0.8), Labels::new(&turned, Some("other"), 0.8));
        prop_assert!(nearly(&told(&one), &told(&other)));
        prop_assert_eq!(one.confused(), other.confused());
    }

    #[test]
    fn a_weight_of_two_is_a_case_twice(labels in labels()) {
        let doubled: Vec<Label> = labels.iter().chain(&labels).cloned().collect();
        let one = Labels::new(&labels, Some("other"), 0.8);
        let other = Labels::new(&doubled, Some("other"), 0.8);
        let (a, b) = (one.values(&vec![2; labels.len()]), other.values(&vec![1; doubled.len()]));
        for (a, b) in a.iter().zip(b) {
            prop_assert!((a.unwrap_or(-1.0) - b.unwrap_or(-1.0)).abs() < 1e-9);
        }
    }

    #[test]
    fn perfect_answers_score_1_and_no_answers_0(labels in labels()) {
        let perfect: Vec<Label> = labels.iter().map(|label| Label { found: Some(label.expected.clone()), ..label.clone() }).collect();
        let empty: Vec<Label> = labels.iter().map(|label| Label { expected: label.expected.clone(), ..Label::default() }).collect();
        for (cases, wanted) in [(perfect, 1.0), (empty, 0.0)] {
            let told = told(&Labels::new(&cases, None, 0.8));
            for name in ["accuracy", "macro-f1"] {
                prop_assert_eq!(told[&(name.to_owned(), None)], Some(wanted));
            }
        }
    }

    #[test]
    fn equal_spans_are_exact(spans in spans()) {
        let told = told(&Spans::new(vec![Spans::compare(&spans, &spans)]));
        let wanted = (!spans.is_empty()).then_some(1.0);
        for name in ["precision", "recall", "f1", "overlap-precision", "overlap-recall"] {
            prop_assert_eq!(told[&(name.to_owned(), None)], wanted);
        }
    }

    /// By the definition, pair by pair.
    #[test]
    fn auroc_is_the_share_of_pairs_in_order(scores in vec((0..6_u8, any::<bool>()), 0..40)) {
        let scores: Vec<(f64, bool)> = scores.into_iter().map(|(score, positive)| (f64::from(score), positive)).collect();
        let (mut pairs, mut area) = (0.0, 0.0);
        for (score, _) in scores.iter().filter(|(_, positive)| *positive) {
            for (other, _) in scores.iter().filter(|(_, positive)| !*positive) {
                pairs += 1.0;
                area += if score > other { 1.0 } else if score == other { 0.5 } else { 0.0 };
            }
        }
        let wanted = (pairs > 0.0).then(|| area / pairs);
        prop_assert!((auroc(&scores).unwrap_or(-1.0) - wanted.unwrap_or(-1.0)).abs() < 1e-9);
    }

    /// By trying every threshold.
    #[test]
    fn recall_at_a_precision_is_the_best_of_all_thresholds(scores in vec((0..6_u8, any::<bool>()), 0..40), precision in 0.0..=1.0_f64) {
        let scores: Vec<(f64, bool)> = scores.into_iter().map(|(score, positive)| (f64::from(score), positive)).collect();
        let all = scores.iter().filter(|(_, positive)| *positive).count();
        let mut best = 0;
        for threshold in 0..6 {
            let found: Vec<_> = scores.iter().filter(|(score, _)| *score >= f64::from(threshold)).collect();
            let right = found.iter().filter(|(_, positive)| *positive).count();
            if right as f64 >= precision * found.len() as f64 {
                best = best.max(right);
            }
        }
        let wanted = (all > 0).then(|| best as f64 / all as f64);
        prop_assert_eq!(recall_at_precision(&scores, precision), wanted);
    }

    #[test]
    fn rouge_is_1_of_equal_texts_and_0_of_texts_without_a_common_word(words in vec("[a-m]{1,8}", 2..30)) {
        let text = words.join(" ");
        let other: Vec<String> = words.iter().map(|word| word.chars().map(|c| char::from(c as u8 + 13)).collect()).collect();
        for stemmed in [false, true] {
            let same = Rouge::of(&text, std::slice::from_ref(&text), stemmed);
            prop_assert_eq!((same.one, same.two, same.longest), (1.0, 1.0, 1.0));
            prop_assert_eq!(Rouge::of(&text, &[other.join(" ")], false), Rouge::default());
        }
    }
}
