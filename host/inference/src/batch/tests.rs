use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::backend::{Backend, StubBackend};
use crate::card::parse_for_test;
use crate::tensor::ElementType;

/// A card with a padded axis in the middle, one at the end, an axis of its own, and outputs of every kind.
fn card() -> Card {
    let text = r#"
schema = 1
name = "m"
version = "1.0.0"
format = "stub"
licence = "Apache-2.0"
source = "tests"
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
pad = 9
[inputs.states]
type = "f32"
dims = ["batch", "tokens", "width"]
pad = -1.5
[inputs.flags]
type = "u8"
dims = ["batch", 2]
[outputs.score]
type = "f32"
dims = ["batch"]
[outputs.tags]
type = "f16"
dims = ["batch", "tokens", 3]
[outputs.turned]
type = "i32"
dims = ["batch", 2, "tokens"]
[batch]
axis = "batch"
length = "tokens"
max = 8
"#;
    parse_for_test(text).unwrap()
}

fn request(card: &Card, rows: u32, length: u32, width: u32, seed: u8) -> Request {
    let bytes = |count: u32| -> Bytes {
        (0..count)
            .map(|n| (n as u8).wrapping_mul(31).wrapping_add(seed) % 7)
            .collect()
    };
    let inputs = vec![
        (
            "ids".to_owned(),
            Tensor::new(
                vec![rows, length],
                ElementType::I64,
                bytes(rows * length * 8),
            )
            .unwrap(),
        ),
        (
            "states".to_owned(),
            Tensor::new(
                vec![rows, length, width],
                ElementType::F32,
                bytes(rows * length * width * 4),
            )
            .unwrap(),
        ),
        (
            "flags".to_owned(),
            Tensor::new(vec![rows, 2], ElementType::U8, bytes(rows * 2)).unwrap(),
        ),
    ];
    Request::check(card, inputs).unwrap()
}

fn run(card: &Card, request: &Request) -> Vec<NamedTensor> {
    let outputs = StubBackend::new(card).run(&request.inputs).unwrap();
    check(card, &request.shape, &outputs).unwrap();
    outputs
}

proptest! {
    /// Merged, run once and split again, every request has the answer that it has when it runs alone.
    #[test]
    fn merged_is_alone(parts in prop::collection::vec((1u32..4, 1u32..9, any::<u8>()), 1..6), width in 1u32..4) {
        let card = card();
        let axes = card.batch().unwrap();
        let requests: Vec<Request> = parts.iter().map(|(rows, length, seed)| request(&card, *rows, *length, width, *seed)).collect();
        let requests: Vec<&Request> = requests.iter().collect();
        let merged = merge(&card, axes, &requests).unwrap();
        prop_assert_eq!(merged.shape.rows, parts.iter().map(|part| part.0).sum::<u32>());
        let answers = split(&card, axes, &requests, &run(&card, &merged)).unwrap();
        for (request, answer) in requests.iter().zip(answers) {
            prop_assert_eq!(run(&card, request), answer);
        }
    }

    /// Cut into runs of a few rows and joined, a request has the answer that it has in one run.
    #[test]
    fn in_parts_is_whole(total in 1u32..9, step in 1u32..4, length in 1u32..6, seed in any::<u8>()) {
        let card = card();
        let whole = request(&card, total, length, 2, seed);
        let parts: Vec<_> = (0..total).step_by(step as usize).map(|first| {
            let count = step.min(total - first);
            let inputs = whole.inputs.iter().map(|(name, tensor)| (name.clone(), rows(tensor, first, count).unwrap())).collect();
            run(&card, &Request::check(&card, inputs).unwrap())
        }).collect();
        prop_assert_eq!(run(&card, &whole), join(&parts).unwrap());
    }
}

#[test]
fn padding_is_the_cards() {
    let card = card();
    let (short, long) = (request(&card, 1, 1, 1, 3), request(&card, 1, 3, 1, 4));
    let merged = merge(&card, card.batch().unwrap(), &[&short, &long]).unwrap();
    assert_eq!(merged.inputs[1].1.to_i64().unwrap()[1..3], [9, 9]);
    assert_eq!(merged.inputs[2].1.to_f32().unwrap()[1..3], [-1.5, -1.5]);
    assert_eq!(merged.inputs[0].1.dims(), [2, 2]);
}

#[test]
fn outputs_that_differ_from_the_card_are_refused() {
    let card = card();
    let asked = request(&card, 2, 3, 1, 0);
    let mut outputs = run(&card, &asked);
    outputs[0].1 = Tensor::from_f32(vec![3], &[0.0; 3]).unwrap();
    let message = check(&card, &asked.shape, &outputs).unwrap_err();
    assert_eq!(
        message,
        "output `score` came as `f32` of `[3]`, and the card says `f32` of `[batch]` with `2` rows of length `3`"
    );
    outputs.pop();
    let message = check(&card, &asked.shape, &outputs).unwrap_err();
    assert_eq!(
        message,
        "the run gave outputs [\"score\", \"tags\"], and the card says [\"score\", \"tags\", \"turned\"]"
    );
}
