//! Real graphs, through both libraries that run them.
//!
//! rten is always there. What concerns onnxruntime runs where `FLEETWRIGHT_ONNXRUNTIME` names its library, or
//! `fleetwright models pull` put it into this project's state, and else says that it did not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::time::Duration;

use fleetwright_inference::{Backends, Card, Device, InferError, LoadOptions, Model, Tensor};

mod common;

use common::{TINY, ask, card, card_over, each_gets_its_own, onnxruntime, output, state, words};

const ODD: &str =
    "[inputs.x]\ntype = \"f32\"\ndims = [3]\n[outputs.y]\ntype = \"f32\"\ndims = [3]\n";

/// The libraries to try: rten, and onnxruntime where there is one.
fn libraries() -> Vec<Backends> {
    let onnxruntime = onnxruntime().map(|file| Backends::detect(Some(&file)).unwrap());
    [Backends::embedded()]
        .into_iter()
        .chain(onnxruntime)
        .collect()
}

fn load(card: &Card, backends: &Backends) -> Model {
    Model::load(
        card,
        backends,
        LoadOptions {
            device: Device::Cpu,
            ..LoadOptions::default()
        },
    )
    .unwrap()
}

fn refused(graph: &str, from: &str, to: &str, backends: &Backends) -> String {
    assert!(TINY.contains(from));
    let (_dir, card) = card(graph, &TINY.replace(from, to));
    let error = Model::load(&card, backends, LoadOptions::default())
        .unwrap_err()
        .to_string();
    error.replace(&format!("{}/", card.dir().display()), "")
}

#[tokio::test]
async fn every_library_gives_the_same_right_answer() {
    let (_dir, card) = card("tiny.onnx", TINY);
    for backends in libraries() {
        let model = load(&card, &backends);
        assert!(
            model
                .identity()
                .backend
                .starts_with(backends.describe().name),
            "{:?}",
            model.identity()
        );
        assert_eq!(model.identity().device, "cpu");
        let answer = ask(&model, words(&[&[1, 3], &[9, 0]])).await.unwrap();
        assert_eq!(
            output(&answer, "states"),
            (vec![2, 2, 4], [1, 3, 9, 0].map(state).concat())
        );
        let mean = |a: i64, b: i64| {
            state(a)
                .into_iter()
                .zip(state(b))
                .map(|(a, b)| (a + b) / 2.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            output(&answer, "mean"),
            (vec![2, 4], [mean(1, 3), mean(9, 0)].concat())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn merged_calls_get_their_own_answers() {
    let (_dir, card) = card("tiny.onnx", TINY);
    for backends in libraries() {
        let options = LoadOptions {
            // Longer than the test: a run starts when it is full, whatever the clock says.
            delay: Some(Duration::from_secs(600)),
            ..LoadOptions::default()
        };
        let model = Model::load(&card, &backends, options).unwrap();
        each_gets_its_own(&model, &[9; 16], 8).await;
    }
}

#[tokio::test]
async fn a_run_that_fails_is_an_error_and_the_model_serves_on() {
    let (_dir, card) = card("tiny.onnx", TINY);
    for backends in libraries() {
        let model = load(&card, &backends);
        let error = ask(&model, words(&[&[10]])).await.unwrap_err();
        assert!(
            matches!(error, InferError::Backend(_)),
            "no word has number 10: {error}"
        );
        ask(&model, words(&[&[9]])).await.unwrap();
    }
    let rten = load(&card, &Backends::embedded());
    let error = ask(&rten, words(&[&[1 << 40]])).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the model's run failed: input `ids` has the value `1099511627776`, and rten takes at most `2147483647`"
    );
}

#[tokio::test]
async fn a_model_without_a_batch_axis_runs_call_by_call() {
    let (_dir, card) = card("odd.onnx", ODD);
    for backends in libraries() {
        let model = load(&card, &backends);
        let x = Tensor::from_f32(vec![3], &[0.5, 1.5, -2.0]).unwrap();
        let answer = ask(&model, vec![("x".to_owned(), x)]).await.unwrap();
        assert_eq!(output(&answer, "y"), (vec![3], vec![1.5, 2.5, -1.0]));
    }
}

#[test]
fn a_graph_that_differs_from_its_card_is_refused_with_both_sides() {
    let cases = [
        (
            "[inputs.mask]",
            "[inputs.weights]",
            "the card has input `weights`, and the graph's inputs are `ids`, `mask`",
        ),
        (
            "[inputs.mask]\ntype = \"i64\"\ndims = [\"batch\", \"tokens\"]\n",
            "",
            "the graph has input `mask`, and the card's inputs are `ids`",
        ),
        (
            "[outputs.mean]",
            "[outputs.median]",
            "the card has output `median`, and the graph's outputs are `mean`, `states`",
        ),
        (
            "[inputs.ids]\ntype = \"i64\"",
            "[inputs.ids]\ntype = \"i32\"",
            "input `ids` is `i64` in the graph and `i32` in the card",
        ),
        (
            "dims = [\"batch\", 4]",
            "dims = [\"batch\", 5]",
            "output `mean` is `[?, 4]` in the graph and `[batch, 5]` in the card",
        ),
        (
            "dims = [\"batch\", 4]",
            "dims = [\"batch\"]",
            "output `mean` is `[?, 4]` in the graph and `[batch]` in the card",
        ),
        (
            "dims = [\"batch\", 4]",
            "dims = [\"batch\", \"width\"]",
            "output `mean` is `[?, 4]` in the graph and `[batch, width]` in the card",
        ),
    ];
    for backends in libraries() {
        for (from, to, expected) in cases {
            let message = refused("tiny.onnx", from, to, &backends);
            let expected = format!(
                "model `tiny@1.0.0`: the graph and `model.toml` disagree: {expected}; correct the card, or restore the file"
            );
            assert_eq!(message, expected, "{}", backends.describe());
        }
    }
}

#[tokio::test]
async fn a_graph_may_give_more_than_its_card_names() {
    let dropped = "[outputs.states]\ntype = \"f32\"\ndims = [\"batch\", \"tokens\", 4]\n";
    let (_dir, card) = card("tiny.onnx", &TINY.replace(dropped, ""));
    for backends in libraries() {
        let model = load(&card, &backends);
        let answer = ask(&model, words(&[&[1, 1]])).await.unwrap();
        assert_eq!(answer.outputs.len(), 1);
        assert_eq!(output(&answer, "mean"), (vec![1, 4], state(1)));
    }
}

#[test]
fn a_file_that_is_no_graph_is_refused() {
    for bytes in [&b"not a graph, and of some length too"[..], &[0; 3]] {
        let (_dir, card) = card_over("tiny.onnx", bytes, TINY);
        for backends in libraries() {
            let error = Model::load(&card, &backends, LoadOptions::default()).unwrap_err();
            assert!(error.to_string().contains("does not load"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_run_without_memory_is_an_error_of_its_own_and_the_model_serves_on() {
    let vast = "[inputs.shape]\ntype = \"i64\"\ndims = [1]\n[outputs.zeros]\ntype = \"f32\"\ndims = [\"places\"]\n";
    let (_dir, card) = card("vast.onnx", vast);
    let Some(file) = onnxruntime() else { return };
    let model = load(&card, &Backends::detect(Some(&file)).unwrap());
    let asked = |places: i64| {
        let shape = Tensor::from_i64(vec![1], &[places]).unwrap();
        ask(&model, vec![("shape".to_owned(), shape)])
    };
    let error = asked(1 << 46).await.unwrap_err();
    assert_eq!(error.reason(), "out-of-memory", "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("model `tiny@1.0.0` had no memory on `cpu` for this run ("),
        "{text}"
    );
    assert_eq!(
        output(&asked(3).await.unwrap(), "zeros"),
        (vec![3], vec![0.0; 3])
    );
}

#[test]
fn an_accelerator_that_the_library_lacks_is_refused_with_the_way_to_one() {
    let (_dir, card) = card("tiny.onnx", TINY);
    for backends in libraries() {
        for (device, name) in [(Device::Cuda(0), "cuda"), (Device::WebGpu, "webgpu")] {
            let options = LoadOptions {
                device,
                ..LoadOptions::default()
            };
            let error = Model::load(&card, &backends, options)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(&format!("device `{device}` cannot be had: "))
                    && error.contains(&format!("`fleetwright models pull --onnxruntime {name}`")),
                "{error}"
            );
        }
        assert_eq!(backends.devices(), []);
    }
}

#[test]
fn the_graph_that_computes_is_named_by_its_digest() {
    let (_dir, card) = card("tiny.onnx", TINY);
    let expected = format!("sha256:{}", card.files()[0].sha256());
    for backends in libraries() {
        let model = load(&card, &backends);
        assert_eq!(model.identity().graph.as_deref(), Some(&*expected));
    }
}
