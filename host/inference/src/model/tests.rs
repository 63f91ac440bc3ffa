use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc as std_mpsc};

use super::*;
use crate::backend::{Backend, Opened, RunError, Signature, StubBackend};
use crate::card::parse_for_test;
use crate::device::Device;
use crate::tensor::{ElementType, Tensor};

mod parts;
mod stopping;

const CARD: &str = r#"
schema = 1
name = "m"
version = "1.0.0"
format = "stub"
licence = "Apache-2.0"
source = "tests"
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
pad = 0
[inputs.mask]
type = "i64"
dims = ["batch", "tokens"]
[outputs.score]
type = "f32"
dims = ["batch", 2]
[batch]
axis = "batch"
length = "tokens"
max = 4
[limits]
tokens = 16
"#;

fn card(extra: &str) -> Card {
    parse_for_test(&format!("{CARD}{extra}")).unwrap()
}

fn stub(extra: &str, options: LoadOptions) -> Model {
    Model::load(&card(extra), &Backends::embedded(), options).unwrap()
}

pub(crate) fn inputs(rows: u32, tokens: u32, value: i64) -> Vec<NamedTensor> {
    let count = (rows * tokens) as usize;
    vec![
        (
            "ids".to_owned(),
            Tensor::from_i64(vec![rows, tokens], &vec![value; count]).unwrap(),
        ),
        (
            "mask".to_owned(),
            Tensor::from_i64(vec![rows, tokens], &vec![1; count]).unwrap(),
        ),
    ]
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A stub that tells of each run, waits to be let go on, and panics on the value 666.
struct Gated {
    stub: StubBackend,
    runs: std_mpsc::SyncSender<u32>,
    gate: std_mpsc::Receiver<()>,
}

impl Backend for Gated {
    fn signature(&self) -> Option<Signature> {
        None
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
        self.runs.send(inputs[0].1.dims()[0]).unwrap();
        self.gate.recv().ok();
        match inputs[0].1.to_i64().unwrap() {
            ids if ids.contains(&666) => panic!("666"),
            ids if ids.contains(&13) => Err("13".to_owned().into()),
            _ => self.stub.run(inputs),
        }
    }
}

/// A gated model, the rows of each of its runs, and the gate: dropped, it stays open.
pub(crate) fn gated(options: LoadOptions, loads: usize) -> (Model, std_mpsc::Receiver<u32>, Gate) {
    let (runs, seen) = std_mpsc::sync_channel(64);
    let gates = Arc::new(Mutex::new(Vec::new()));
    let (count, gate) = (AtomicUsize::new(0), gates.clone());
    let card = card("");
    let stub = card.clone();
    let open = move || {
        if count.fetch_add(1, Ordering::SeqCst) >= loads {
            return Err(LoadError::Worker {
                model: "m".to_owned(),
                reason: "no more loads".to_owned(),
            });
        }
        let (hold, gate_end) = std_mpsc::sync_channel(64);
        gate.lock().unwrap().push(hold);
        let backend = Box::new(Gated {
            stub: StubBackend::new(&stub),
            runs: runs.clone(),
            gate: gate_end,
        });
        Ok(Opened::on_processor(
            backend,
            "gated".to_owned(),
            String::new(),
        ))
    };
    let model = Model::start(
        &card,
        options,
        Threads::new(Some(options.share.map_or(1, |share| share.workers))),
        Arc::new(open),
    )
    .unwrap();
    (model, seen, Gate(gates))
}

pub(crate) struct Gate(Arc<Mutex<Vec<std_mpsc::SyncSender<()>>>>);

impl Gate {
    fn open_once(&self) {
        self.0.lock().unwrap().last().unwrap().send(()).unwrap();
    }

    pub(crate) fn open(&self) {
        self.0.lock().unwrap().clear();
    }
}

fn spawn(
    model: &Model,
    inputs: Vec<NamedTensor>,
) -> tokio::task::JoinHandle<Result<Inference, InferError>> {
    let model = model.clone();
    tokio::spawn(async move { model.infer(inputs, soon()).await })
}

/// Lets spawned calls reach the queue: they do so before they first wait.
pub(crate) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_is_answered() {
    let model = stub("", LoadOptions::default());
    let answer = model.infer(inputs(2, 3, 5), soon()).await.unwrap();
    assert_eq!(
        (answer.outputs[0].0.as_str(), answer.outputs[0].1.dims()),
        ("score", &[2, 2][..])
    );
    assert_eq!(answer.batch, 2);
    let identity = serde_json::to_value(model.identity()).unwrap();
    assert_eq!(
        (&identity["name"], &identity["device"], &identity["backend"]),
        (&"m".into(), &"cpu".into(), &"stub".into())
    );
    assert_eq!(identity["digest"], model.card().digest());
}

#[tokio::test]
async fn inputs_are_held_to_the_card() {
    let model = stub("", LoadOptions::default());
    let good = || inputs(1, 3, 5);
    let with = |name: &str, tensor: Tensor| {
        let mut inputs: BTreeMap<String, Tensor> = good().into_iter().collect();
        inputs.insert(name.to_owned(), tensor);
        inputs.into_iter().collect::<Vec<_>>()
    };
    let twice = [good(), good()].concat();
    let cases = [
        (
            good()[..1].to_vec(),
            "model `m@1.0.0` needs input `mask`, which was not given; give `i64` of `[batch, tokens]`",
        ),
        (
            with("extra", Tensor::from_i64(vec![1], &[1]).unwrap()),
            "model `m@1.0.0` takes `ids`, `mask`, and input `extra` was given",
        ),
        (
            twice,
            "model `m@1.0.0` takes input `ids` once, and it was given twice",
        ),
        (
            with("mask", Tensor::from_f32(vec![1, 3], &[1.0; 3]).unwrap()),
            "model `m@1.0.0` takes input `mask` as `i64`, and it was given as `f32`",
        ),
        (
            with("mask", Tensor::from_i64(vec![3], &[1; 3]).unwrap()),
            "model `m@1.0.0` takes input `mask` as `[batch, tokens]`, and it was given as `[3]`",
        ),
        (
            with("mask", Tensor::from_i64(vec![1, 2], &[1; 2]).unwrap()),
            "model `m@1.0.0` has one axis `tokens`, and input `ids` makes it `3` where input `mask` makes it `2`",
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(
            model.infer(given, soon()).await.unwrap_err(),
            InferError::InvalidInput(expected.to_owned())
        );
    }
    let expected = "model `m@1.0.0` takes at most `16` along axis `tokens`, and input `ids` has `17`; cut or split it";
    assert_eq!(
        model.infer(inputs(1, 17, 1), soon()).await.unwrap_err(),
        InferError::TooLarge(expected.to_owned())
    );
}

#[tokio::test]
async fn a_full_queue_is_an_error_at_once() {
    let (model, runs, gate) = gated(
        LoadOptions {
            queue: 2,
            max_batch: Some(1),
            ..LoadOptions::default()
        },
        1,
    );
    let running = spawn(&model, inputs(1, 3, 1));
    settle().await;
    runs.recv().unwrap();
    let waiting: Vec<_> = (0..2)
        .map(|value| spawn(&model, inputs(1, 3, value)))
        .collect();
    settle().await;
    let refused = model.infer(inputs(1, 3, 1), soon()).await.unwrap_err();
    assert_eq!(
        refused,
        InferError::QueueFull {
            model: "m@1.0.0".to_owned(),
            queue: 2
        }
    );
    gate.open();
    for call in waiting.into_iter().chain([running]) {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(20);
    let error = model.infer(inputs(1, 3, 1), deadline).await.unwrap_err();
    assert_eq!(
        error,
        InferError::DeadlineExceeded {
            model: "m@1.0.0".to_owned(),
            waited: Duration::from_millis(20)
        }
    );
    assert_eq!(begun.elapsed(), Duration::from_millis(20));
    assert_eq!(
        model
            .infer(inputs(1, 3, 1), begun)
            .await
            .unwrap_err()
            .reason(),
        "deadline"
    );
    drop(gate);
    drop(runs);
}

#[tokio::test]
async fn waiting_calls_share_a_run_and_the_abandoned_cost_none() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    let running = spawn(&model, inputs(1, 3, 1));
    settle().await;
    assert_eq!(runs.recv().unwrap(), 1);
    let abandoned = spawn(&model, inputs(2, 3, 2));
    let waiting: Vec<_> = [3, 5]
        .map(|tokens| spawn(&model, inputs(1, tokens, 3)))
        .into();
    settle().await;
    abandoned.abort();
    assert!(abandoned.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(running.await.unwrap().unwrap().batch, 1);
    let alone = stub("", LoadOptions::default());
    for (call, tokens) in waiting.into_iter().zip([3, 5]) {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.batch, 2);
        assert_eq!(
            answer.outputs,
            alone
                .infer(inputs(1, tokens, 3), soon())
                .await
                .unwrap()
                .outputs
        );
    }
    assert_eq!(runs.try_recv(), Ok(2));
    assert!(runs.try_recv().is_err(), "nothing else ran");
}

#[tokio::test]
async fn what_one_entry_breaks_its_companions_do_not_pay_for() {
    for (poison, expected) in [(13, "13"), (666, "the backend panicked: 666")] {
        let (model, runs, gate) = gated(LoadOptions::default(), 10);
        let running = spawn(&model, inputs(1, 3, 1));
        settle().await;
        runs.recv().unwrap();
        let calls: Vec<_> = [2, poison, 3]
            .map(|value| spawn(&model, inputs(1, 3, value)))
            .into();
        settle().await;
        gate.open();
        running.await.unwrap().unwrap();
        // A model that was loaded anew has a new gate, which is shut.
        let opened = std::thread::spawn(move || {
            while runs.recv_timeout(Duration::from_secs(60)).is_ok() {
                gate.open()
            }
        });
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap().map(|answer| answer.batch));
        }
        assert_eq!(
            answers,
            [Ok(1), Err(InferError::Backend(expected.to_owned())), Ok(1)]
        );
        drop(model);
        opened.join().unwrap();
    }
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_anew_is_gone() {
    let (model, runs, gate) = gated(
        LoadOptions {
            max_batch: Some(1),
            ..LoadOptions::default()
        },
        1,
    );
    let breaking = spawn(&model, inputs(1, 3, 666));
    settle().await;
    runs.recv().unwrap();
    let waiting = spawn(&model, inputs(1, 3, 1));
    settle().await;
    gate.open_once();
    let gone = InferError::WorkerGone {
        model: "m@1.0.0".to_owned(),
    };
    assert_eq!(breaking.await.unwrap().unwrap_err(), gone);
    assert_eq!(waiting.await.unwrap().unwrap_err(), gone);
    assert_eq!(
        model.infer(inputs(1, 3, 1), soon()).await.unwrap_err(),
        gone
    );
}

#[tokio::test]
async fn an_entry_with_too_many_rows_runs_in_parts() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    gate.open();
    let answer = model.infer(inputs(10, 3, 1), soon()).await.unwrap();
    assert_eq!(runs.try_iter().collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(answer.outputs[0].1.dims(), [10, 2]);
    let call = spawn(&model, inputs(10, 3, 1));
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_waits_for_a_dropped_model() {
    let (model, runs, gate) = gated(LoadOptions::default(), 1);
    let running = spawn(&model, inputs(1, 3, 1));
    settle().await;
    runs.recv().unwrap();
    // The worker is in the middle of a run that does not end; neither drop waits for it.
    running.abort();
    running.await.unwrap_err();
    drop(model);
    gate.open();
    assert!(
        runs.recv().is_err(),
        "the worker ended, and its backend with it"
    );
}

#[tokio::test]
async fn a_stub_fails_as_its_card_says() {
    let model = stub("[stub]\nfail = \"error\"\n", LoadOptions::default());
    let error = model.infer(inputs(1, 1, 1), soon()).await.unwrap_err();
    assert_eq!(
        error,
        InferError::Backend("the stub's card says that it fails".to_owned())
    );
    let model = stub("[stub]\nfail = \"panic\"\n", LoadOptions::default());
    for _ in 0..2 {
        let error = model.infer(inputs(1, 1, 1), soon()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the model's run failed: the backend panicked: the stub's card says that it panics"
        );
    }
}

#[tokio::test]
async fn models_take_turns_on_the_threads_that_there_are() {
    let (threads, card) = (Threads::new(Some(1)), card(""));
    let (runs, seen) = std_mpsc::sync_channel(64);
    let start = |runs: std_mpsc::SyncSender<u32>| {
        let (hold, gate) = std_mpsc::sync_channel(64);
        let gate = Mutex::new(Some(gate));
        let stub = card.clone();
        let open = move || {
            let backend = Box::new(Gated {
                stub: StubBackend::new(&stub),
                runs: runs.clone(),
                gate: gate.lock().unwrap().take().unwrap(),
            });
            Ok(Opened::on_processor(
                backend,
                "gated".to_owned(),
                String::new(),
            ))
        };
        let options = LoadOptions::default();
        let model = Model::start(&card, options, threads.clone(), Arc::new(open)).unwrap();
        assert_eq!(
            model.share(),
            Share {
                threads: 1,
                workers: 1
            }
        );
        (model, hold)
    };
    let ((one, first), (other, second)) = (start(runs.clone()), start(runs));
    let running = spawn(&one, inputs(1, 3, 1));
    settle().await;
    assert_eq!(seen.recv().unwrap(), 1);
    let waiting = spawn(&other, inputs(2, 3, 1));
    settle().await;
    let early = seen.recv_timeout(Duration::from_millis(50));
    assert!(early.is_err(), "the one thread is taken");
    drop(first);
    running.await.unwrap().unwrap();
    assert_eq!(seen.recv().unwrap(), 2);
    drop(second);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn workers_run_at_once_and_end_together() {
    let options = LoadOptions {
        share: Some(Share {
            threads: 1,
            workers: 2,
        }),
        ..LoadOptions::default()
    };
    let (model, seen, gate) = gated(options, 2);
    assert_eq!(
        model.share(),
        Share {
            threads: 1,
            workers: 2
        }
    );
    let calls = [inputs(3, 3, 1), inputs(2, 3, 1)].map(|inputs| spawn(&model, inputs));
    settle().await;
    let mut rows = [seen.recv().unwrap(), seen.recv().unwrap()];
    rows.sort_unstable();
    assert_eq!(rows, [2, 3], "neither waits for the other");
    gate.open();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // One panics and cannot be loaded anew.
    let error = model.infer(inputs(1, 3, 666), soon()).await.unwrap_err();
    assert_eq!(error.reason(), "worker-gone");
    // The caller may know a moment before the queue does.
    while model.serves() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = model.infer(inputs(1, 3, 1), soon()).await.unwrap_err();
    assert_eq!(error.reason(), "worker-gone");
}

/// A change may bring models and more threads at once, and its models are loaded before.
#[tokio::test]
async fn a_share_of_threads_that_are_yet_to_come_is_kept() {
    let share = Share {
        threads: 4,
        workers: 1,
    };
    let options = LoadOptions {
        share: Some(share),
        ..LoadOptions::default()
    };
    let backends = Backends::embedded();
    backends.set_threads(Some(1));
    let model = Model::load(&card(""), &backends, options).unwrap();
    assert_eq!(model.share(), share);
    model.infer(inputs(1, 3, 1), soon()).await.unwrap();
}

#[test]
fn options_out_of_bounds_are_refused() {
    let load = |options, card: &Card| {
        Model::load(card, &Backends::embedded(), options)
            .unwrap_err()
            .to_string()
    };
    let base = LoadOptions::default();
    let card = card("");
    let cases = [
        (
            LoadOptions { queue: 0, ..base },
            "model `m@1.0.0`: a queue of `0` is asked for; it holds `1` to `65536`",
        ),
        (
            LoadOptions {
                queue: usize::MAX,
                ..base
            },
            "model `m@1.0.0`: a queue of `18446744073709551615` is asked for; it holds `1` to `65536`",
        ),
        (
            LoadOptions {
                share: Some(Share {
                    threads: 0,
                    workers: 9,
                }),
                ..base
            },
            "model `m@1.0.0`: `0` threads and `9` workers are asked for; give `1` to `1024` and `1` to `4`",
        ),
        (
            LoadOptions {
                max_tokens: Some(0),
                ..base
            },
            "model `m@1.0.0`: a batch of `0` tokens is asked for; give at least `1`",
        ),
        (
            LoadOptions {
                run: Duration::ZERO,
                ..base
            },
            "model `m@1.0.0`: a run of no time is asked for; give at least `1ms`",
        ),
        (
            LoadOptions {
                max_batch: Some(0),
                ..base
            },
            "model `m@1.0.0`: a batch of `0` rows is asked for; give at least `1`",
        ),
        (
            LoadOptions {
                device: Device::Cuda(0),
                ..base
            },
            "device `cuda:0` cannot be had: `stub` runs on `cpu` alone; pull and use a library that has it, `fleetwright models pull --onnxruntime cuda` and `serve --onnxruntime cuda`, or declare `cpu`",
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(load(options, &card), expected);
    }
    let text = CARD.split("[batch]").next().unwrap().replace("pad = 0", "");
    let unbatched = parse_for_test(&text).unwrap();
    assert_eq!(
        load(
            LoadOptions {
                max_batch: Some(2),
                ..base
            },
            &unbatched
        ),
        "model `m@1.0.0`: a batch of `2` rows is asked for, and the card has no `[batch]`; add one, or ask for `1`"
    );
    assert_eq!(unbatched.inputs()["ids"].ty, ElementType::I64);
}
