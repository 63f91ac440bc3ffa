//! Real graphs, through both libraries that run them.
//!
//! rten is always there. What concerns onnxruntime runs where `FLEETWRIGHT_ONNXRUNTIME` names its library,
//! and else says that it did not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use fleetwright_inference::{
    Backends, CARD_FILE, Card, Device, InferError, Inference, LIBRARY_VARIABLE, LoadOptions, Model,
    NamedTensor, Tensor,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::time::Instant;

const TINY: &str = r#"
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
[inputs.mask]
type = "i64"
dims = ["batch", "tokens"]
[outputs.mean]
type = "f32"
dims = ["batch", 4]
[outputs.states]
type = "f32"
dims = ["batch", "tokens", 4]
[batch]
axis = "batch"
length = "tokens"
max = 8
"#;

const ODD: &str =
    "[inputs.x]\ntype = \"f32\"\ndims = [3]\n[outputs.y]\ntype = \"f32\"\ndims = [3]\n";

/// A card over one of the graphs that `models/make.py` writes, in a folder that lives as long as the test.
fn card(graph: &str, signature: &str) -> (TempDir, Card) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    card_over(graph, &fs::read(models.join(graph)).unwrap(), signature)
}

fn card_over(graph: &str, bytes: &[u8], signature: &str) -> (TempDir, Card) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(graph), bytes).unwrap();
    let text = format!(
        "schema = 1\nname = \"tiny\"\nversion = \"1.0.0\"\nformat = \"onnx\"\nlicence = \"Apache-2.0\"\nsource = \"tests\"\n\
         [[files]]\npath = \"{graph}\"\nsha256 = \"{}\"\nbytes = {}\n{signature}",
        hex::encode(Sha256::digest(bytes)),
        bytes.len()
    );
    fs::write(dir.path().join(CARD_FILE), text).unwrap();
    let card = Card::read(dir.path()).unwrap();
    (dir, card)
}

/// The libraries to try: rten, and onnxruntime where there is one.
fn libraries() -> Vec<Backends> {
    let mut libraries = vec![Backends::embedded()];
    match std::env::var_os(LIBRARY_VARIABLE) {
        Some(_) => libraries.push(Backends::detect(None).unwrap()),
        None => {
            eprintln!("onnxruntime is not tested: `{LIBRARY_VARIABLE}` does not name its library")
        }
    }
    libraries
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

fn words(ids: &[&[i64]]) -> Vec<NamedTensor> {
    let dims = vec![ids.len() as u32, ids[0].len() as u32];
    let mask = vec![1; ids.len() * ids[0].len()];
    vec![
        (
            "ids".to_owned(),
            Tensor::from_i64(dims.clone(), &ids.concat()).unwrap(),
        ),
        ("mask".to_owned(), Tensor::from_i64(dims, &mask).unwrap()),
    ]
}

async fn ask(model: &Model, inputs: Vec<NamedTensor>) -> Result<Inference, InferError> {
    model
        .infer(inputs, Instant::now() + Duration::from_secs(60))
        .await
}

fn output(answer: &Inference, name: &str) -> (Vec<u32>, Vec<f32>) {
    let (_, tensor) = answer
        .outputs
        .iter()
        .find(|(output, _)| output == name)
        .unwrap();
    (tensor.dims().to_vec(), tensor.to_f32().unwrap())
}

/// What the table of `make.py` holds for a word.
fn state(word: i64) -> Vec<f32> {
    (0..4)
        .map(|column| ((word * 4 + column - 17) as f32) / 8.0)
        .collect()
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
            delay: Duration::from_secs(600),
            ..LoadOptions::default()
        };
        let model = Model::load(&card, &backends, options).unwrap();
        let call = |length: i64| {
            let model = model.clone();
            let ids: Vec<i64> = (0..length).map(|n| (n * 7 + length) % 10).collect();
            tokio::spawn(async move { (ids.clone(), ask(&model, words(&[&ids])).await.unwrap()) })
        };
        let calls: Vec<_> = (1..=16).map(call).collect();
        for call in calls {
            let (ids, answer) = call.await.unwrap();
            let states: Vec<f32> = ids.iter().flat_map(|id| state(*id)).collect();
            assert_eq!(
                output(&answer, "states"),
                (vec![1, ids.len() as u32, 4], states)
            );
            assert_eq!(answer.batch, 8);
        }
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

#[test]
fn a_graph_may_give_more_than_its_card_names() {
    let states = "[outputs.states]\ntype = \"f32\"\ndims = [\"batch\", \"tokens\", 4]\n";
    let (_dir, card) = card("tiny.onnx", &TINY.replace(states, ""));
    for backends in libraries() {
        load(&card, &backends);
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

#[test]
fn cuda_is_had_or_refused_and_never_replaced() {
    let (_dir, card) = card("tiny.onnx", TINY);
    for backends in libraries() {
        let options = LoadOptions {
            device: Device::Cuda(0),
            ..LoadOptions::default()
        };
        match Model::load(&card, &backends, options) {
            Ok(model) => assert_eq!(model.identity().device, "cuda:0"),
            Err(error) => assert!(
                error
                    .to_string()
                    .starts_with("device `cuda:0` cannot be had: "),
                "{error}"
            ),
        }
    }
}
