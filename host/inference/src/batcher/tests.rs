use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::caller::{Caller, Presence};
use crate::device::Place;
use crate::events::{ModelLabels, Pending};
use crate::model::{InferError, Inference};
use crate::queue::Refused;
use crate::request::{Request, Shape};
use std::time::Duration;

type Answer = oneshot::Receiver<Result<Inference, InferError>>;

const LONG: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_millis(2);

fn labels() -> ModelLabels {
    ModelLabels {
        model: "m".into(),
        version: "1.0.0".into(),
    }
}

/// A queue and the batcher behind it.
struct Bench {
    queue: Arc<Queue>,
    crowd: Arc<Crowd>,
    batcher: Batcher,
}

impl Bench {
    fn new(queue: usize, max_rows: usize, delay: Duration) -> Bench {
        let queue = Arc::new(Queue::new(labels(), queue));
        let crowd = Arc::new(Crowd::new(queue.changed().clone()));
        let policy = Policy::new(max_rows, None, delay, Place::Cpu);
        Bench {
            batcher: Batcher::new(queue.clone(), crowd.clone(), policy, None),
            queue,
            crowd,
        }
    }

    fn push(&self, stage: &str, rows: u32, length: u32, left: Duration) -> Result<Answer, Refused> {
        self.push_of(stage, false, rows, length, left)
    }

    fn push_of(
        &self,
        stage: &str,
        aside: bool,
        rows: u32,
        length: u32,
        left: Duration,
    ) -> Result<Answer, Refused> {
        let (reply, answer) = oneshot::channel();
        let shape = Shape {
            rows,
            length,
            ..Shape::default()
        };
        let entry = Entry {
            request: Request {
                inputs: Vec::new(),
                shape,
            },
            caller: Caller {
                aside,
                stage: stage.into(),
                deadline: Instant::now() + left,
            },
            queued_at: Instant::now(),
            reply,
            pending: Pending::enter(&labels()),
            asked: None,
        };
        self.queue.push(entry).map(|()| answer)
    }

    fn ask(&self, rows: u32, length: u32) -> Answer {
        self.push("a", rows, length, LONG).unwrap()
    }

    /// The rows of each entry of the next run.
    async fn next(&mut self) -> Vec<u32> {
        let batch = self.batcher.next().await.unwrap();
        batch
            .entries
            .iter()
            .map(|entry| entry.request.shape.rows)
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn without_delay_what_is_queued_runs_at_once() {
    let mut bench = Bench::new(8, 4, Duration::ZERO);
    let begun = Instant::now();
    let _answers: Vec<_> = [1, 2, 3, 1].map(|rows| bench.ask(rows, 16)).into();
    assert_eq!(
        bench.next().await,
        [1, 2, 1],
        "3 rows do not fit beside 1 and 2"
    );
    assert_eq!(bench.next().await, [3]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn delay_is_counted_from_the_oldest() {
    let mut bench = Bench::new(8, 4, DELAY);
    let begun = Instant::now();
    let _first = bench.ask(1, 16);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let _second = bench.push("a", 2, 16, LONG).unwrap();
    assert_eq!(bench.next().await, [1, 2]);
    assert_eq!(begun.elapsed(), DELAY);
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_the_delay_joins() {
    let Bench {
        queue,
        crowd,
        batcher,
    } = Bench::new(8, 4, DELAY);
    let policy = batcher.policy();
    let other = Bench {
        batcher: Batcher::new(queue.clone(), crowd.clone(), policy, None),
        queue,
        crowd,
    };
    let _first = other.ask(1, 16);
    let run = tokio::spawn(async move { batcher.next().await.unwrap().entries.len() });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let _second = other.ask(1, 16);
    assert_eq!(run.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_run_does_not_wait() {
    let mut bench = Bench::new(8, 2, Duration::from_secs(1));
    let begun = Instant::now();
    let _answers = [bench.ask(1, 16), bench.ask(1, 16)];
    assert_eq!(bench.next().await, [1, 1]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn once_every_instance_waits_nothing_is_waited_for() {
    let mut bench = Bench::new(8, 8, Duration::from_secs(1));
    let begun = Instant::now();
    let enter = || Presence::in_crowds(vec![bench.crowd.clone()]);
    let (first, second, third) = (enter(), enter(), enter());
    let _answer = bench.ask(1, 16);
    let _one = first.waits();
    let ends = async {
        tokio::time::sleep(DELAY).await;
        // One comes to wait, perhaps for another model, and one ends without asking.
        let waits = second.waits();
        tokio::time::sleep(DELAY).await;
        drop(third);
        tokio::time::sleep(LONG).await;
        drop(waits);
    };
    let batcher = &mut bench.batcher;
    let run = async {
        let rows = batcher.next().await.unwrap().entries.len();
        (rows, begun.elapsed())
    };
    let (rows, waited) = tokio::select! {
        run = run => run,
        () = ends => panic!("the run was due long before"),
    };
    assert_eq!((rows, waited), (1, DELAY * 2));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_computes_may_still_ask() {
    let mut bench = Bench::new(8, 8, DELAY);
    let begun = Instant::now();
    let enter = || Presence::in_crowds(vec![bench.crowd.clone()]);
    let (waiting, _computing) = (enter(), enter());
    let _answer = bench.ask(1, 16);
    let _waits = waiting.waits();
    assert_eq!(bench.next().await, [1]);
    assert_eq!(begun.elapsed(), DELAY);
}

#[tokio::test(start_paused = true)]
async fn nobody_left_who_asks_means_no_wait_and_then_the_end() {
    let mut bench = Bench::new(8, 4, Duration::from_secs(1));
    let begun = Instant::now();
    let _last = bench.ask(1, 16);
    bench.queue.finish();
    assert_eq!(bench.next().await, [1]);
    assert!(bench.batcher.next().await.is_none());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_gone_and_the_late_are_dropped() {
    let mut bench = Bench::new(8, 1, Duration::ZERO);
    drop(bench.ask(1, 16));
    let mut late = bench.push("a", 2, 16, Duration::from_millis(5)).unwrap();
    let _wanted = bench.ask(3, 16);
    tokio::time::advance(Duration::from_millis(5)).await;
    assert_eq!(bench.next().await, [3]);
    assert!(matches!(
        late.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    ));
}

#[tokio::test(start_paused = true)]
async fn what_is_unwanted_once_the_threads_are_free_does_not_run() {
    let threads = Threads::new(Some(1));
    let bench = Bench::new(8, 1, Duration::ZERO);
    let with = Some((threads.clone(), 1));
    let batcher = Batcher::new(
        bench.queue.clone(),
        bench.crowd.clone(),
        bench.batcher.policy(),
        with,
    );
    let busy = threads.take(1).await;
    let late = bench.push("a", 1, 16, Duration::from_millis(5)).unwrap();
    let wanted = bench.ask(2, 16);
    let run = tokio::spawn(async move { batcher.next().await.unwrap().entries.len() });
    tokio::time::sleep(Duration::from_millis(6)).await;
    drop(busy);
    assert_eq!(run.await.unwrap(), 1);
    drop((late, wanted));
}

#[tokio::test(start_paused = true)]
async fn of_two_workers_that_see_a_full_run_the_second_waits_for_one_of_its_own() {
    let mut bench = Bench::new(8, 2, Duration::from_secs(1));
    let threads = Threads::new(Some(1));
    bench.batcher.threads = Some((threads.clone(), 1));
    let busy = threads.take(1).await;
    let worker =
        |batcher: Batcher| tokio::spawn(async move { batcher.next().await.unwrap().entries.len() });
    let _full = [bench.ask(1, 16), bench.ask(1, 16)];
    let workers = [bench.batcher.clone(), bench.batcher.clone()].map(worker);
    // Both have seen two entries, and wait for the thread, when a third comes.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let _third = bench.ask(1, 16);
    drop(busy);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let _fourth = bench.ask(1, 16);
    for worker in workers {
        assert_eq!(worker.await.unwrap(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn unlike_entries_keep_their_order() {
    let mut bench = Bench::new(8, 8, Duration::ZERO);
    let asked = [(1, 16), (2, 100), (3, 16), (4, 100)];
    let _answers: Vec<_> = asked.map(|(rows, length)| bench.ask(rows, length)).into();
    assert_eq!(bench.next().await, [1, 3]);
    assert_eq!(bench.next().await, [2]);
    assert_eq!(
        bench.next().await,
        [4],
        "4 × 100 places are too many beside 2 × 100"
    );
}

#[tokio::test(start_paused = true)]
async fn the_earliest_deadline_runs_first() {
    let mut bench = Bench::new(8, 1, Duration::ZERO);
    let _answers: Vec<_> = [(1, 30), (2, 10), (3, 20)]
        .map(|(rows, seconds)| {
            bench
                .push("a", rows, 16, Duration::from_secs(seconds))
                .unwrap()
        })
        .into();
    for rows in [2, 3, 1] {
        assert_eq!(bench.next().await, [rows]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_full_for_the_stage_that_fills_it() {
    let mut bench = Bench::new(3, 1, Duration::ZERO);
    let mut greedy: Vec<_> = (1..=3)
        .map(|rows| bench.push("greedy", rows, 16, LONG * rows).unwrap())
        .collect();
    assert_eq!(
        bench.push("greedy", 9, 16, LONG).unwrap_err(),
        Refused::Full
    );
    let _modest = bench.push("modest", 4, 16, LONG * 4).unwrap();
    let evicted = greedy.pop().unwrap().await.unwrap().unwrap_err();
    assert_eq!(
        evicted,
        InferError::QueueFull {
            model: "m@1.0.0".to_owned(),
            queue: 3
        }
    );
    assert_eq!(
        bench.push("modest", 5, 16, LONG).unwrap_err(),
        Refused::Full,
        "it would hold as many"
    );
    drop(greedy.pop());
    let _again = bench.push("greedy", 6, 16, LONG * 6).unwrap();
    assert_eq!(bench.next().await, [1], "who is gone holds no place");
}

/// A shadow's calls: nobody waits for their answers.
#[tokio::test(start_paused = true)]
async fn calls_aside_run_last_and_take_nobodys_place() {
    let mut bench = Bench::new(3, 1, Duration::ZERO);
    let aside = bench
        .push_of("a/shadow", true, 9, 16, Duration::from_secs(1))
        .unwrap();
    let _own: Vec<_> = [1, 2].map(|rows| bench.ask(rows, 16)).into();
    assert_eq!(
        bench
            .push_of("a/shadow", true, 8, 16, Duration::from_secs(1))
            .unwrap_err(),
        Refused::Full,
        "no place is made for it"
    );
    let _third = bench.ask(3, 16);
    assert!(matches!(
        aside.await.unwrap(),
        Err(InferError::QueueFull { .. })
    ));
    assert_eq!(bench.next().await, [1]);
    let _late = bench
        .push_of("a/shadow", true, 7, 16, Duration::from_millis(1))
        .unwrap();
    for rows in [2, 3, 7] {
        assert_eq!(bench.next().await, [rows], "whatever time is left");
    }
}

proptest! {
    /// Whatever comes, in whatever order and with whatever time left: each entry is in one run, or was refused, or nobody
    /// wanted it; never two of these.
    #[test]
    fn everything_is_taken_refused_or_unwanted_once(
        asked in prop::collection::vec((0usize..3, 1u32..4, 1u32..200, 0u64..40, any::<bool>(), 0u64..8), 1..60),
        queue in 1usize..12,
        delay in 0u64..4,
    ) {
        let paused = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let ended: Result<(), TestCaseError> = paused.block_on(async {
            let bench = Bench::new(queue, 4, Duration::from_millis(delay));
            let policy = bench.batcher.policy();
            let Bench { queue, crowd, batcher } = bench;
            let bench = Bench { batcher: Batcher::new(queue.clone(), crowd.clone(), policy, None), queue, crowd };
            let worker = tokio::spawn(async move {
                let mut ran = 0usize;
                while let Some(batch) = batcher.next().await {
                    for entry in batch.entries {
                        assert!(entry.is_wanted());
                        ran += 1;
                        entry.answer(Err(InferError::Backend("ran".to_owned())));
                    }
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
                ran
            });
            let (mut answers, mut refused) = (Vec::new(), 0usize);
            for (stage, rows, length, left, gone, pause) in &asked {
                match bench.push(["a", "b", "c"][*stage], *rows, *length, Duration::from_millis(*left)) {
                    Ok(answer) if *gone => drop(answer),
                    Ok(answer) => answers.push(answer),
                    Err(_) => refused += 1,
                }
                tokio::time::sleep(Duration::from_millis(*pause)).await;
            }
            bench.queue.finish();
            let ran = worker.await.unwrap();
            let (mut answered, mut evicted, mut dropped) = (0usize, 0usize, 0usize);
            for mut answer in answers {
                match answer.try_recv() {
                    Ok(Err(InferError::Backend(_))) => answered += 1,
                    Ok(Err(InferError::QueueFull { .. })) => evicted += 1,
                    Err(oneshot::error::TryRecvError::Closed) => dropped += 1,
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            prop_assert_eq!(ran, answered, "what ran was answered, and nothing else");
            let gone = asked.iter().filter(|asked| asked.4).count();
            prop_assert!(answered + evicted + dropped + refused + gone >= asked.len());
            Ok(())
        });
        ended?;
    }
}
