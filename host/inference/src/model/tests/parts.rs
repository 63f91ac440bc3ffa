//! Calls whose rows are of unlike lengths.

use super::*;

/// A call whose rows are so long, padded to the longest.
fn of_lengths(lengths: &[u32]) -> Vec<NamedTensor> {
    let longest = lengths.iter().copied().max().unwrap();
    let places = |value: i64| -> Vec<i64> {
        let row = |own: &u32| {
            (0..longest)
                .map(move |place| if place < *own { value } else { 0 })
                .collect::<Vec<_>>()
        };
        lengths.iter().flat_map(row).collect()
    };
    let dims = vec![u32::try_from(lengths.len()).unwrap(), longest];
    vec![
        (
            "ids".to_owned(),
            Tensor::from_i64(dims.clone(), &places(7)).unwrap(),
        ),
        (
            "mask".to_owned(),
            Tensor::from_i64(dims, &places(1)).unwrap(),
        ),
    ]
}

#[tokio::test]
async fn rows_of_unlike_lengths_run_by_themselves_and_are_one_answer() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    gate.open();
    let answer = model.infer(of_lengths(&[16, 2, 15]), soon()).await.unwrap();
    assert_eq!(runs.try_iter().collect::<Vec<_>>(), [2, 1]);
    let dims: Vec<&[u32]> = answer
        .outputs
        .iter()
        .map(|(_, tensor)| tensor.dims())
        .collect();
    assert!(dims.iter().all(|dims| dims[0] == 3), "{dims:?}");
    assert_eq!(answer.batch, 2);
    for (row, length) in [(0, 16), (1, 2), (2, 15)] {
        let alone = model.infer(of_lengths(&[length]), soon()).await.unwrap();
        let of_three = crate::batch::rows(&answer.outputs[0].1, row, 1).unwrap();
        assert_eq!(of_three, alone.outputs[0].1, "row {row}");
    }
}

#[tokio::test]
async fn a_call_that_is_to_run_alone_keeps_its_rows_together() {
    let options = LoadOptions {
        merge: false,
        ..LoadOptions::default()
    };
    let (model, runs, gate) = gated(options, 1);
    gate.open();
    model.infer(of_lengths(&[16, 2]), soon()).await.unwrap();
    assert_eq!(runs.try_iter().collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_call_for_whose_parts_the_queue_has_no_place_leaves_none_behind() {
    let options = LoadOptions {
        queue: 1,
        ..LoadOptions::default()
    };
    let (model, runs, gate) = gated(options, 1);
    let running = spawn(&model, inputs(1, 3, 1));
    settle().await;
    assert_eq!(runs.recv().unwrap(), 1);
    let refused = model.infer(of_lengths(&[16, 2]), soon()).await;
    assert!(
        matches!(refused, Err(InferError::QueueFull { .. })),
        "{refused:?}"
    );
    let next = spawn(&model, inputs(3, 3, 1));
    settle().await;
    gate.open();
    running.await.unwrap().unwrap();
    next.await.unwrap().unwrap();
    assert_eq!(
        runs.try_iter().collect::<Vec<_>>(),
        [3],
        "of the refused call nothing ran"
    );
}
