//! All under paused time: it moves only when every task waits.

use std::time::Duration;

use super::*;
use crate::events::ModelLabels;
use crate::request::Shape;

type Answer = oneshot::Receiver<Result<Inference, InferError>>;

fn entry(rows: u32, length: u32, deadline: Duration) -> (Entry, Answer) {
    let (reply, answer) = oneshot::channel();
    let labels = ModelLabels {
        model: "m".into(),
        version: "1.0.0".into(),
    };
    let entry = Entry {
        request: Request {
            inputs: Vec::new(),
            shape: Shape {
                rows,
                length,
                ..Shape::default()
            },
        },
        deadline: Instant::now() + deadline,
        queued_at: Instant::now(),
        reply,
        pending: Pending::enter(&labels),
    };
    (entry, answer)
}

fn batcher(queue: usize, max_rows: usize, delay: Duration) -> (mpsc::Sender<Entry>, Batcher) {
    let (sender, receiver) = mpsc::channel(queue);
    (
        sender,
        Batcher::new(receiver, Policy::new(max_rows, delay, "cpu")),
    )
}

fn rows(entries: Option<Vec<Entry>>) -> Vec<u32> {
    entries
        .unwrap()
        .iter()
        .map(|entry| entry.request.shape.rows)
        .collect()
}

const LONG: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_millis(2);

#[tokio::test(start_paused = true)]
async fn without_delay_what_is_queued_runs_at_once() {
    let (sender, mut batcher) = batcher(8, 4, Duration::ZERO);
    let begun = Instant::now();
    let mut answers = Vec::new();
    for rows in [1, 2, 3, 1] {
        let (entry, answer) = entry(rows, 16, LONG);
        sender.try_send(entry).ok().unwrap();
        answers.push(answer);
    }
    assert_eq!(
        rows(batcher.next().await),
        [1, 2, 1],
        "3 rows do not fit beside 1 and 2"
    );
    assert_eq!(rows(batcher.next().await), [3]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn delay_is_counted_from_the_oldest() {
    let (sender, mut batcher) = batcher(8, 4, DELAY);
    let begun = Instant::now();
    let (first, _a) = entry(1, 16, LONG);
    sender.try_send(first).ok().unwrap();
    let later = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (second, answer) = entry(2, 16, LONG);
        sender.try_send(second).ok().unwrap();
        tokio::time::sleep(LONG).await;
        drop((sender, answer));
    });
    assert_eq!(rows(batcher.next().await), [1, 2]);
    assert_eq!(begun.elapsed(), DELAY);
    later.abort();
}

#[tokio::test(start_paused = true)]
async fn a_full_run_does_not_wait() {
    let (sender, mut batcher) = batcher(8, 2, Duration::from_secs(1));
    let begun = Instant::now();
    let (first, _a) = entry(1, 16, LONG);
    let (second, _b) = entry(1, 16, LONG);
    sender.try_send(first).ok().unwrap();
    sender.try_send(second).ok().unwrap();
    assert_eq!(rows(batcher.next().await), [1, 1]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn no_sender_left_means_no_wait_and_then_the_end() {
    let (sender, mut batcher) = batcher(8, 4, Duration::from_secs(1));
    let begun = Instant::now();
    let (last, _a) = entry(1, 16, LONG);
    sender.try_send(last).ok().unwrap();
    drop(sender);
    assert_eq!(rows(batcher.next().await), [1]);
    assert!(batcher.next().await.is_none());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_gone_and_the_late_are_dropped() {
    let (sender, mut batcher) = batcher(8, 1, Duration::ZERO);
    let (gone, answer) = entry(1, 16, LONG);
    drop(answer);
    let (late, mut late_answer) = entry(2, 16, Duration::from_millis(5));
    let (wanted, _c) = entry(3, 16, LONG);
    for entry in [gone, late, wanted] {
        sender.try_send(entry).ok().unwrap();
    }
    tokio::time::advance(Duration::from_millis(5)).await;
    assert_eq!(rows(batcher.next().await), [3]);
    assert!(matches!(
        late_answer.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    ));
}

#[tokio::test(start_paused = true)]
async fn unlike_entries_keep_their_order() {
    let (sender, mut batcher) = batcher(8, 8, Duration::ZERO);
    let mut answers = Vec::new();
    for (rows, length) in [(1, 16), (2, 100), (3, 16), (4, 100)] {
        let (entry, answer) = entry(rows, length, LONG);
        sender.try_send(entry).ok().unwrap();
        answers.push(answer);
    }
    assert_eq!(rows(batcher.next().await), [1, 3]);
    assert_eq!(rows(batcher.next().await), [2]);
    assert_eq!(
        rows(batcher.next().await),
        [4],
        "4 × 100 places are too many beside 2 × 100"
    );
}
