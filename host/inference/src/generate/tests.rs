//! The thread and its calls, over an engine of letters: a token is a byte, and the answer is the prompt in capitals.

use std::sync::{Mutex, mpsc as std_mpsc};

use serde_json::Value;
use tokio::time::Instant;

use super::engine::{Engine, Part, Token};
use super::options::Sampling;
use super::*;
use crate::backend::LoadError;
use crate::caller::Caller;
use crate::card::{Card, parse_for_test};
use crate::model::{InferError, LoadOptions, Model};
use crate::tensor::{NamedTensor, Tensor};
use crate::threads::Threads;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A card with room for two answers of 32 tokens, and `rest`.
pub(crate) fn card(rest: &str) -> Card {
    let text = format!(
        r#"
schema = 1
name = "m"
version = "1.0.0"
format = "gguf"
licence = "Apache-2.0"
source = "tests"
[[files]]
path = "m.gguf"
sha256 = "{DIGEST}"
bytes = 1
[generation]
context = 64
sequences = 2
tokens = 32
{rest}"#
    );
    parse_for_test(&text).unwrap()
}

/// An engine of letters. It panics at `!`, fails at `?`, and takes no grammar.
#[derive(Default)]
pub(crate) struct Letters {
    held: Vec<Vec<Token>>,
    /// How long each prompt was, once a token was chosen after it.
    prompts: Vec<Option<usize>>,
    last: Vec<Part>,
    told: Option<Told>,
}

/// What a test sees of each step, and lets it go on with.
#[derive(Clone)]
struct Told {
    steps: std_mpsc::SyncSender<Vec<Part>>,
    gate: Arc<Mutex<std_mpsc::Receiver<()>>>,
}

impl Letters {
    /// What `#` is in a template.
    pub(crate) const MARKER: Token = Token(1000);
    const END: Token = Token(1001);

    fn with_slots(count: usize, told: Option<Told>) -> Letters {
        Letters {
            held: vec![Vec::new(); count],
            prompts: vec![None; count],
            told,
            ..Letters::default()
        }
    }
}

impl Engine for Letters {
    fn tokens(&self, text: &str, markers: bool, _first: bool) -> Vec<Token> {
        let token = |byte: u8| match byte {
            b'#' if markers => Letters::MARKER,
            other => Token(other.into()),
        };
        text.bytes().map(token).collect()
    }

    fn piece(&self, token: Token) -> Vec<u8> {
        u8::try_from(token.0)
            .map(|byte| vec![byte])
            .unwrap_or_default()
    }

    fn ends(&self, token: Token) -> bool {
        token == Letters::END
    }

    fn begin(&mut self, slot: usize, sampling: &Sampling) -> Result<(), String> {
        self.prompts[slot] = None;
        match sampling.grammar {
            Some(_) => Err("no such rule".to_owned()),
            None => Ok(()),
        }
    }

    fn keep(&mut self, slot: usize, tokens: usize) -> Result<(), String> {
        assert!(tokens <= self.held[slot].len(), "what was never there");
        self.held[slot].truncate(tokens);
        Ok(())
    }

    fn copy(&mut self, from: usize, to: usize) -> Result<(), String> {
        self.held[to] = self.held[from].clone();
        Ok(())
    }

    fn step(&mut self, parts: &[Part]) -> Result<(), String> {
        if let Some(told) = &self.told {
            told.steps.send(parts.to_vec()).ok();
            told.gate.lock().unwrap().recv().ok();
        }
        for part in parts {
            let held = &mut self.held[part.slot];
            assert_eq!(held.len(), part.at, "one after the other");
            held.extend(&part.tokens);
            match part.tokens.first() {
                Some(Token(33)) => panic!("!"),
                Some(Token(63)) => return Err("?".to_owned()),
                _ => {}
            }
        }
        self.last = parts.to_vec();
        Ok(())
    }

    fn choose(&mut self, part: usize) -> Result<Token, String> {
        let slot = self.last[part].slot;
        let held = &self.held[slot];
        let prompt = *self.prompts[slot].get_or_insert(held.len());
        let capital = |token: &Token| match u8::try_from(token.0) {
            Ok(byte) => Token(byte.to_ascii_uppercase().into()),
            Err(_) => *token,
        };
        let said = held.len() - prompt;
        Ok(held[..prompt].get(said).map_or(Letters::END, capital))
    }

    fn end(&mut self, _slot: usize) {}
}

struct Opener {
    slots: usize,
    told: Option<Told>,
    opened: Mutex<usize>,
}

impl Open for Opener {
    fn name(&self) -> String {
        "letters".to_owned()
    }

    fn with(&self, serve: &mut dyn FnMut(&mut dyn Engine)) -> Result<(), LoadError> {
        *self.opened.lock().unwrap() += 1;
        serve(&mut Letters::with_slots(self.slots, self.told.clone()));
        Ok(())
    }
}

/// A model of letters.
fn model(options: LoadOptions, told: Option<Told>) -> (Model, Arc<Opener>) {
    let card = card("");
    let open = Arc::new(Opener {
        slots: 2,
        told,
        opened: Mutex::new(0),
    });
    let generation = card.generation().unwrap().clone();
    let threads = Threads::new(Some(2));
    let model = Model::start_generative(&card, &generation, options, threads, open.clone());
    (model.unwrap(), open)
}

fn free() -> Model {
    model(LoadOptions::default(), None).0
}

/// A model that tells of its steps and waits for `()` before each.
fn stepwise(
    options: LoadOptions,
) -> (
    Model,
    std_mpsc::Receiver<Vec<Part>>,
    std_mpsc::SyncSender<()>,
) {
    let (steps, seen) = std_mpsc::sync_channel(1024);
    let (go, gate) = std_mpsc::sync_channel(1024);
    let gate = Arc::new(Mutex::new(gate));
    let (model, _) = model(options, Some(Told { steps, gate }));
    (model, seen, go)
}

fn inputs(prompt: &str, metadata: &str) -> Vec<NamedTensor> {
    let text = |text: &str| Tensor::from_text(text.to_owned()).unwrap();
    vec![
        ("prompt".to_owned(), text(prompt)),
        ("metadata".to_owned(), text(metadata)),
    ]
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn of(stage: &str) -> Caller {
    Caller {
        aside: false,
        stage: stage.into(),
        deadline: soon(),
    }
}

/// The text, and how it came about.
async fn ask(model: &Model, prompt: &str, metadata: &str) -> Result<(String, Value), InferError> {
    let answer = model.infer(inputs(prompt, metadata), soon()).await?;
    let text = |place: usize| {
        let data = answer.outputs[place].1.data().to_vec();
        String::from_utf8(data).unwrap()
    };
    Ok((text(0), serde_json::from_str(&text(1)).unwrap()))
}

#[tokio::test]
async fn a_prompt_is_answered_and_usage_says_how() {
    let model = free();
    let (text, usage) = ask(&model, "hello", "").await.unwrap();
    assert_eq!(text, "HELLO");
    let expected =
        serde_json::json!({ "prompt-tokens": 5, "reused-tokens": 0, "tokens": 5, "finish": "end" });
    assert_eq!(usage, expected);
    assert_eq!(model.identity().backend, "letters");
    assert_eq!((model.share().threads, model.share().workers), (2, 1));
}

#[tokio::test]
async fn an_answer_ends_at_its_limits() {
    let model = free();
    for (metadata, text, finish) in [
        (r#"{"n-predict": 2}"#, "HE", "length"),
        (r#"{"stop": "LO"}"#, "HEL", "stop"),
        (r#"{"stop": ["X", "H"]}"#, "", "stop"),
    ] {
        let (given, usage) = ask(&model, "hello", metadata).await.unwrap();
        assert_eq!(
            (given.as_str(), &usage["finish"]),
            (text, &finish.into()),
            "{metadata}"
        );
    }
    // 60 of 64 places are the prompt's.
    let (text, usage) = ask(&model, &"a".repeat(60), "").await.unwrap();
    assert_eq!(
        (text.as_str(), &usage["finish"]),
        ("AAAA", &"length".into())
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_at_once() {
    let model = free();
    let error = |prompt: String, metadata: &'static str| {
        let model = model.clone();
        async move { ask(&model, &prompt, metadata).await.unwrap_err() }
    };
    let long = error("a".repeat(64), "").await;
    assert_eq!(long.reason(), "too-large");
    assert!(long.to_string().contains("room for `64` tokens"), "{long}");
    assert_eq!(error(String::new(), "").await.reason(), "invalid-input");
    let grammar = error("a".to_owned(), r#"{"grammar": "x"}"#).await;
    assert!(
        grammar
            .to_string()
            .contains("takes `grammar` as GBNF with a rule `root`: no such rule"),
        "{grammar}"
    );
    assert_eq!(
        error("a".to_owned(), r#"{"n-predict": 33}"#).await.reason(),
        "invalid-input"
    );
    assert_eq!(ask(&model, "ok", "").await.unwrap().0, "OK");
}

#[tokio::test]
async fn answers_come_about_together_and_a_free_slot_is_taken_in_the_next_step() {
    let (model, seen, go) = stepwise(LoadOptions::default());
    let call = |prompt: &'static str| {
        let model = model.clone();
        tokio::spawn(async move { ask(&model, prompt, "").await.unwrap().0 })
    };
    let rows = |parts: Vec<Part>| parts.len();
    let next = || async {
        loop {
            match seen.try_recv() {
                Ok(parts) => return parts,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let long = call("abcdef");
    assert_eq!(rows(next().await), 1);
    let (short, later) = (call("x"), call("y"));
    while model_waiting(&model) < 2 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    // The prompt of one beside the answer of another; the third has no slot.
    assert_eq!(rows(next().await), 2);
    for _ in 0..64 {
        go.send(()).unwrap();
    }
    assert_eq!(short.await.unwrap(), "X");
    assert_eq!(later.await.unwrap(), "Y");
    assert_eq!(long.await.unwrap(), "ABCDEF");
    let most = std::iter::from_fn(|| seen.try_recv().ok()).map(rows).max();
    assert_eq!(most, Some(2));
}

fn model_waiting(model: &Model) -> usize {
    model.waiting()
}

#[tokio::test]
async fn whoever_goes_away_frees_the_slot_before_the_next_step() {
    let (model, seen, go) = stepwise(LoadOptions::default());
    let gone = tokio::spawn({
        let model = model.clone();
        async move { ask(&model, "abcdefgh", "").await }
    });
    let parts = tokio::task::spawn_blocking(move || (seen.recv().unwrap(), seen));
    let (_, seen) = parts.await.unwrap();
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let next = tokio::spawn({
        let model = model.clone();
        async move { ask(&model, "z", "").await.unwrap().0 }
    });
    for _ in 0..8 {
        go.send(()).unwrap();
    }
    assert_eq!(next.await.unwrap(), "Z");
    let after: Vec<usize> = std::iter::from_fn(|| seen.try_recv().ok())
        .map(|parts| parts.len())
        .collect();
    assert!(after.iter().all(|rows| *rows == 1), "{after:?}");
}

#[tokio::test]
async fn time_ends_an_answer_with_what_there_is_and_the_models_run_with_an_error() {
    let short = LoadOptions {
        run: Duration::from_millis(1),
        ..LoadOptions::default()
    };
    for (options, metadata, finish) in [
        (LoadOptions::default(), r#"{"time-ms": 1}"#, Ok("A")),
        (short, "", Err("overrun")),
    ] {
        let (model, seen, go) = stepwise(options);
        let call = tokio::spawn({
            let model = model.clone();
            async move { ask(&model, "abcdef", metadata).await }
        });
        let waited = tokio::task::spawn_blocking(move || {
            seen.recv().unwrap();
            std::thread::sleep(Duration::from_millis(5));
            seen
        });
        let _seen = waited.await.unwrap();
        for _ in 0..8 {
            go.send(()).unwrap();
        }
        match (call.await.unwrap(), finish) {
            (Ok((text, usage)), Ok(expected)) => {
                assert_eq!(
                    (text.as_str(), &usage["finish"]),
                    (expected, &"time".into())
                );
            }
            (Err(error), Err(reason)) => assert_eq!(error.reason(), reason),
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_deadline_is_an_error_and_frees_the_slot() {
    let (model, _seen, go) = stepwise(LoadOptions::default());
    let deadline = Instant::now() + Duration::from_millis(20);
    let late = model.infer(inputs("abcdef", ""), deadline).await;
    assert_eq!(late.unwrap_err().reason(), "deadline");
    for _ in 0..8 {
        go.send(()).unwrap();
    }
    assert_eq!(ask(&model, "ok", "").await.unwrap().0, "OK");
}

#[tokio::test]
async fn a_template_is_reused_by_its_own_stage_alone() {
    let model = free();
    let reused = |stage: &'static str, prompt: &'static str| {
        let model = model.clone();
        async move {
            let metadata = r#"{"data": [[8, 11]], "n-predict": 1}"#;
            let answer = model
                .infer(inputs(prompt, metadata), of(stage))
                .await
                .unwrap();
            let usage: Value = serde_json::from_slice(answer.outputs[1].1.data()).unwrap();
            usage["reused-tokens"].as_u64().unwrap()
        }
    };
    assert_eq!(reused("s", "TEMPLATEone.").await, 0);
    assert_eq!(reused("s", "TEMPLATEtwo.").await, 8);
    assert_eq!(
        reused("s", "TEMPLATEtwo.").await,
        8,
        "what is data is never reused"
    );
    assert_eq!(reused("t", "TEMPLATEtwo.").await, 0);
}

#[tokio::test]
async fn text_comes_piece_by_piece() {
    let model = free();
    let mut generation = model.generate(inputs("abc", ""), soon()).unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = generation.next().await.unwrap() {
        pieces.push(piece);
    }
    assert_eq!(pieces, ["A", "B", "C"]);
    let whole = generation.whole().unwrap();
    assert_eq!(&whole.outputs[0].1.data()[..], b"ABC");
    assert_eq!(generation.next().await, Ok(None));
}

#[tokio::test]
async fn a_step_that_fails_or_panics_ends_its_calls_and_the_model_goes_on() {
    let (model, open) = model(LoadOptions::default(), None);
    for (prompt, told) in [
        ("?", "the model's run failed: ?"),
        ("!", "the backend panicked: !"),
    ] {
        let error = ask(&model, prompt, "").await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert_eq!(ask(&model, "ok", "").await.unwrap().0, "OK");
    }
    assert_eq!(*open.opened.lock().unwrap(), 2);
    let mut generation = model.generate(inputs("?", ""), soon()).unwrap();
    assert_eq!(generation.next().await.unwrap_err().reason(), "backend");
    assert_eq!(generation.next().await, Ok(None));
}

#[test]
fn options_that_do_not_suit_it_are_refused() {
    let card = card("");
    let load = |options: LoadOptions| {
        let backends = crate::backend::Backends::embedded();
        Model::load(&card, &backends, options)
            .unwrap_err()
            .to_string()
    };
    let rows = load(LoadOptions {
        max_batch: Some(3),
        ..LoadOptions::default()
    });
    assert!(rows.contains("room for `1` to `2`"), "{rows}");
    let delay = load(LoadOptions {
        delay: Some(Duration::from_millis(1)),
        ..LoadOptions::default()
    });
    assert!(delay.contains("leave it out"), "{delay}");
}

#[cfg(not(feature = "llama"))]
#[test]
fn without_the_feature_a_card_is_refused_with_the_way_out() {
    let backends = crate::backend::Backends::embedded();
    let error = Model::load(&card(""), &backends, LoadOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "model `m@1.0.0` has the format `gguf`, and this host was built without the feature `llama`: build it with `cargo xtask generative`, or with `cargo build --release --features fleetwright/llama` where cmake and libclang are"
    );
}
