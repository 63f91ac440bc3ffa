use bytes::{BufMut, Bytes};
use proptest::prelude::*;

use super::*;
use crate::backend::{Backend, StubBackend};
use crate::card::parse_for_test;
use crate::tensor::ElementType;

/// A card whose length axis stands last, in the middle, and in no place of a port.
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
[inputs.turned]
type = "u8"
dims = ["batch", 2, "tokens"]
pad = 200
[inputs.flags]
type = "u8"
dims = ["batch", 2]
[outputs.score]
type = "f32"
dims = ["batch"]
[outputs.tags]
type = "u8"
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

/// A call whose rows are so long, each padded to `length` by what its inputs pad with.
fn padded(card: &Card, lengths: &[u32], length: u32, seed: u8) -> Request {
    let rows = u32::try_from(lengths.len()).unwrap();
    let mut next = seed;
    let mut value = || {
        next = next.wrapping_mul(31).wrapping_add(7);
        next % 7
    };
    let (mut ids, mut turned, mut flags) = (Vec::new(), Vec::new(), Vec::new());
    for own in lengths {
        for place in 0..length {
            ids.put_i64_le(if place < *own { value().into() } else { 9 });
        }
        for _ in 0..2 {
            turned.extend((0..length).map(|place| if place < *own { value() } else { 200 }));
        }
        flags.extend([value(), value()]);
    }
    let tensor = |dims: &[u32], ty, data: Vec<u8>| {
        Tensor::new(dims.to_vec(), ty, Bytes::from(data)).unwrap()
    };
    let inputs = vec![
        (
            "ids".to_owned(),
            tensor(&[rows, length], ElementType::I64, ids),
        ),
        (
            "turned".to_owned(),
            tensor(&[rows, 2, length], ElementType::U8, turned),
        ),
        (
            "flags".to_owned(),
            tensor(&[rows, 2], ElementType::U8, flags),
        ),
    ];
    Request::check(card, inputs).unwrap()
}

fn run(card: &Card, request: &Request) -> Vec<NamedTensor> {
    let outputs = StubBackend::new(card).run(&request.inputs).unwrap();
    batch::check(card, &request.shape, &outputs).unwrap();
    outputs
}

/// The rows of each part, and how long they are there; nothing of a call that stays whole.
fn parts(lengths: &[u32], length: u32) -> Vec<(Vec<u32>, u32)> {
    let card = card();
    match divide(&card, padded(&card, lengths, length, 1)).unwrap() {
        Divided::Whole(_) => Vec::new(),
        Divided::Parts { parts, .. } => {
            let parts = parts.into_iter();
            parts
                .map(|part| (part.rows, part.request.shape.length))
                .collect()
        }
    }
}

#[test]
fn rows_of_like_length_run_together_and_others_by_themselves() {
    let mut found = parts(&[22, 40, 21, 39, 6], 40);
    found.sort();
    assert_eq!(found, [(vec![0, 2], 22), (vec![1, 3], 40), (vec![4], 6)]);
}

#[test]
fn a_row_that_is_padded_to_a_fixed_length_is_cut() {
    assert_eq!(parts(&[6], 256), [(vec![0], 6)]);
    assert_eq!(parts(&[6, 5], 256), [(vec![0, 1], 6)]);
    assert_eq!(parts(&[0], 256), [(vec![0], 1)], "one place at least");
}

#[test]
fn a_call_of_which_too_little_is_saved_stays_whole() {
    assert_eq!(parts(&[40, 40], 40), []);
    assert_eq!(
        parts(&[40, 37], 40),
        [],
        "a run costs more than three places"
    );
    assert_eq!(parts(&[40], 40), []);
}

#[test]
fn a_call_past_the_bounds_stays_whole() {
    let steps: Vec<u32> = (1..=8).map(|step| step * 20).collect();
    assert_eq!(parts(&steps, 160).len(), MOST_PARTS);
    let more: Vec<u32> = (1..=9).map(|step| step * 20).collect();
    assert_eq!(parts(&more, 180), []);
    let rows = |count: u32| [vec![100], vec![1; count as usize - 1]].concat();
    assert_eq!(parts(&rows(MOST_ROWS), 100).len(), 2);
    assert_eq!(parts(&rows(MOST_ROWS + 1), 100), []);
}

#[test]
fn an_input_says_how_long_a_row_is_where_any_of_them_does() {
    let card = card();
    let mut request = padded(&card, &[3, 3], 90, 1);
    assert_eq!(request.inputs[2].0, "turned");
    let mut turned = request.inputs[2].1.data().to_vec();
    // The second row's second stretch, at place 60.
    turned[3 * 90 + 60] = 0;
    let dims = request.inputs[2].1.dims().to_vec();
    request.inputs[2].1 = Tensor::new(dims, ElementType::U8, turned.into()).unwrap();
    let lengths = lengths(&card, card.batch().unwrap(), &request);
    assert_eq!(lengths, [3, 61]);
}

#[test]
fn a_model_without_a_length_axis_is_left_alone() {
    let text = "schema = 1\nname = \"m\"\nversion = \"1.0.0\"\nformat = \"stub\"\nlicence = \"x\"\nsource = \"x\"\n[inputs.a]\ntype = \"u8\"\ndims = [\"batch\", 4]\n[outputs.b]\ntype = \"u8\"\ndims = [\"batch\"]\n[batch]\naxis = \"batch\"\nmax = 8\n";
    let card = parse_for_test(text).unwrap();
    let zeros = Tensor::new(vec![2, 4], ElementType::U8, vec![0; 8].into()).unwrap();
    let request = Request::check(&card, vec![("a".to_owned(), zeros)]).unwrap();
    assert!(matches!(divide(&card, request), Ok(Divided::Whole(_))));
}

/// Zeros at the places of each row past its own length.
fn blank(card: &Card, outputs: &[NamedTensor], lengths: &[u32]) -> Vec<NamedTensor> {
    let blanked = outputs.iter().map(|(name, tensor)| {
        let Some(axis) = card.outputs()[name].position("tokens") else {
            return (name.clone(), tensor.clone());
        };
        let mut data = Vec::new();
        for (row, own) in (0..).zip(lengths) {
            let row = batch::rows(tensor, row, 1).unwrap();
            let cut = batch::cut(&row, axis, (*own).max(1)).unwrap();
            let mut back = BytesMut::new();
            let zero = vec![0; tensor.ty().size()];
            batch::pad_into(&mut back, &cut, axis, tensor.dims()[axis], &zero);
            data.extend_from_slice(&back);
        }
        let dims = tensor.dims().to_vec();
        (
            name.clone(),
            Tensor::new(dims, tensor.ty(), data.into()).unwrap(),
        )
    });
    blanked.collect()
}

proptest! {
    /// Divided, run part by part and put together, a call has at its rows' own places the answer that it has whole; and it computes
    /// less than it did, further runs included.
    #[test]
    fn divided_is_whole(lengths in prop::collection::vec(0u32..60, 1..12), more in 0u32..40, seed in any::<u8>()) {
        let card = card();
        let length = lengths.iter().copied().max().unwrap().max(1) + more;
        let request = padded(&card, &lengths, length, seed);
        let own = super::lengths(&card, card.batch().unwrap(), &request);
        let wanted = blank(&card, &run(&card, &request), &own);
        let places = request.shape.places();
        match divide(&card, request).unwrap() {
            Divided::Whole(request) => prop_assert_eq!(request.shape.places(), places),
            Divided::Parts { shape, parts } => {
                let cost: u64 = parts.iter().map(|part| part.request.shape.places() + RUN_ON_CPU).sum();
                prop_assert!(cost < places + RUN_ON_CPU, "{} against {}", cost, places);
                let answered: Vec<_> = parts.iter().map(|part| (part.rows.clone(), run(&card, &part.request))).collect();
                let found = whole(&card, &shape, &answered).unwrap();
                batch::check(&card, &shape, &found).unwrap();
                prop_assert_eq!(blank(&card, &found, &own), wanted);
            }
        }
    }
}
