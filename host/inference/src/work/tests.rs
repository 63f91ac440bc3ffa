use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::*;
use crate::model::LoadOptions;
use crate::model::tests::{gated, inputs, settle, soon};

/// A call for `value` by `work`, in a task of its own.
fn spawn(
    work: &Arc<Work>,
    model: &Model,
    value: i64,
) -> tokio::task::JoinHandle<Result<Inference, InferError>> {
    let (work, model) = (work.clone(), model.clone());
    tokio::spawn(async move { work.infer(&model, inputs(1, 3, value), soon()).await })
}

fn shared(model: &Model) -> Arc<Work> {
    Arc::new(Work::new([model.clone()].into()))
}

#[tokio::test]
async fn equal_calls_share_a_run_that_is_under_way_or_over() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    let work = shared(&model);
    let first = spawn(&work, &model, 5);
    settle().await;
    let second = spawn(&work, &model, 5);
    settle().await;
    gate.open();
    let (first, second) = (
        first.await.unwrap().unwrap(),
        second.await.unwrap().unwrap(),
    );
    let third = work.infer(&model, inputs(1, 3, 5), soon()).await.unwrap();
    assert_eq!(runs.try_iter().count(), 1);
    assert_eq!(first.outputs, second.outputs);
    assert_eq!(first.outputs, third.outputs);
    assert!(first.compute > Duration::ZERO);
    assert_eq!(
        (second.compute, third.compute),
        (Duration::ZERO, Duration::ZERO)
    );
}

#[tokio::test]
async fn what_differs_by_an_element_a_model_or_a_submission_is_computed() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    let (other, other_runs, other_gate) = gated(LoadOptions::default(), 1);
    gate.open();
    other_gate.open();
    let work = Work::new([model.clone(), other.clone()].into());
    for (model, value) in [(&model, 1), (&model, 2), (&other, 1)] {
        work.infer(model, inputs(1, 3, value), soon())
            .await
            .unwrap();
    }
    // Rows and lengths of the same bytes are not the same input.
    work.infer(&model, inputs(3, 1, 1), soon()).await.unwrap();
    shared(&model)
        .infer(&model, inputs(1, 3, 1), soon())
        .await
        .unwrap();
    assert_eq!(
        (runs.try_iter().count(), other_runs.try_iter().count()),
        (4, 1)
    );
}

#[tokio::test]
async fn a_model_that_one_stage_binds_is_asked_once_by_it_and_each_time_by_a_shadow() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    gate.open();
    for (work, expected) in [(Work::default(), 1), (Work::aside(), 2)] {
        for _ in 0..2 {
            work.infer(&model, inputs(1, 3, 1), soon()).await.unwrap();
        }
        assert_eq!(runs.try_iter().count(), expected);
    }
}

#[tokio::test]
async fn the_next_computes_where_the_first_fails_or_is_dropped() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    let work = shared(&model);
    let dropped = spawn(&work, &model, 5);
    settle().await;
    runs.recv().unwrap();
    let next = spawn(&work, &model, 5);
    settle().await;
    dropped.abort();
    settle().await;
    gate.open();
    assert!(next.await.unwrap().unwrap().compute > Duration::ZERO);
    // The stub fails on 13: each caller is told so by a run of its own.
    for _ in 0..2 {
        let failed = work.infer(&model, inputs(1, 3, 13), soon()).await;
        assert_eq!(failed.unwrap_err(), InferError::Backend("13".to_owned()));
    }
    assert_eq!(
        runs.try_iter().count(),
        3,
        "the next one's, and two that failed"
    );
}

#[tokio::test]
async fn a_call_that_waits_for_anothers_answer_ends_at_its_own_deadline() {
    let (model, _runs, gate) = gated(LoadOptions::default(), 1);
    let work = shared(&model);
    let first = spawn(&work, &model, 5);
    settle().await;
    let soon = Instant::now() + Duration::from_millis(20);
    let late = work.infer(&model, inputs(1, 3, 5), soon).await.unwrap_err();
    assert_eq!(late.reason(), "deadline");
    gate.open();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_one_stage_takes_no_room_of_several() {
    let (alone, alone_runs, alone_gate) = gated(LoadOptions::default(), 1);
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    alone_gate.open();
    gate.open();
    let work = shared(&model);
    fill(&work, &alone, &alone_runs, WITHIN).await;
    fill(&work, &model, &runs, BETWEEN).await;
    assert_eq!(work.within.asked.lock().unwrap().len(), WITHIN.answers);
    assert_eq!(work.between.asked.lock().unwrap().len(), BETWEEN.answers);
}

/// Asks for one thing more than is kept; the first is kept then, and the last is not.
async fn fill(work: &Work, model: &Model, runs: &Receiver<u32>, most: Most) {
    let last = 1000 + i64::try_from(most.answers).unwrap();
    // Each run is taken note of at once: the gated model tells of 64 at most before it waits.
    let mut seen = 0;
    for value in (1000..=last).chain([1000, last]) {
        work.infer(model, inputs(1, 3, value), soon())
            .await
            .unwrap();
        seen += runs.try_iter().count();
    }
    assert_eq!(seen, most.answers + 2);
}

#[tokio::test]
async fn bytes_beyond_the_bound_are_not_kept() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    gate.open();
    let work = Work::default();
    work.within.bytes.store(WITHIN.bytes, Ordering::Relaxed);
    for _ in 0..2 {
        work.infer(&model, inputs(1, 3, 1), soon()).await.unwrap();
    }
    assert_eq!(runs.try_iter().count(), 2);
}
