//! A real language model behind a host that was built with llama.cpp: `tests/fleets/generative.toml` over HTTP.

use std::fs;

use fleetwright_tests::host::json_submission;
use fleetwright_tests::{Host, Layout, places, until};
use serde_json::{Value, json};

use crate::assertions::{outcome, stage_failed};

fn fleet() -> String {
    fs::read_to_string(places::root().join("tests/fleets/generative.toml")).unwrap()
}

fn serve(text: &str) -> Host {
    Host::start(Layout::with_shipped(text, &["generate"]).unwrap(), &[]).unwrap()
}

/// Other tests run beside a model's threads, which wait for one another: no answer is late for that.
const PATIENT: &str = "[defaults.limits]\ndeadline = \"60s\"\n";

/// A fleet of one stage with this config, and these lines for its model and for itself.
fn one(model: &str, stage: &str, config: &str) -> Host {
    serve(&format!(
        "schema = 1\nname = \"one\"\n{PATIENT}[models.writer]\nuse = \"smollm2@1\"\n{model}\n\
        [[stage]]\nname = \"write\"\nplugin = \"generate@1\"\nreads = [\"body\"]\nmodels = {{ writer = \"writer\" }}\n{stage}\n\
        config = {{ {config} }}\n"
    ))
}

fn body(text: &str) -> Value {
    json!({ "subject": "Order 7", "body": text })
}

fn answers(host: &Host, submission: &Value) -> Value {
    outcome(&host.submit(submission).unwrap(), "completed")["stages"].clone()
}

#[test]
fn every_way_to_ask_is_answered_and_equal_requests_have_equal_answers() {
    let host = serve(&fleet());
    let asked = body("My kettle arrived broken, and nobody answers the telephone.");
    let first = answers(&host, &asked);
    let text = |stage: &str| first[stage]["answer"]["text"].as_str().unwrap().to_owned();
    assert!(!text("reply").is_empty());
    assert!(first["reply"]["answer"]["tokens"].as_u64().unwrap() <= 48);
    assert_eq!(first["first"]["answer"]["ended"], "sentences", "{first}");
    assert!(text("first").ends_with(['.', '!', '?']), "{first}");
    assert!(["yes", "no"].contains(&text("choice").as_str()), "{first}");
    assert!(!text("list").contains(','), "{first}");
    let model = &first["reply"]["models"]["writer"];
    assert_eq!(
        (&model["name"], &model["device"]),
        (&json!("smollm2"), &json!("cpu"))
    );
    let second = answers(&host, &asked);
    for stage in ["reply", "first", "choice", "list"] {
        assert_eq!(second[stage]["answer"]["text"], text(stage), "{stage}");
    }
    let reused = second["reply"]["answer"]["reused_tokens"].as_u64().unwrap();
    let prompt = second["reply"]["answer"]["prompt_tokens"].as_u64().unwrap();
    assert!(
        0 < reused && reused < prompt,
        "the template, and nothing of the request: {second}"
    );
    let counted = host
        .metric("fleetwright_model_reused_tokens_total", &[])
        .unwrap();
    assert!(counted >= Some(reused as f64));
    let abandoned = [("finish", "abandoned")];
    until("the texts that were broken off", || {
        let count = host.metric("fleetwright_model_generations_total", &abandoned)?;
        Ok((count == Some(2.0)).then_some(()))
    })
    .unwrap();
}

#[test]
fn generative_models_answer_as_they_do_alone_whoever_asks_beside() {
    let host = one(
        "",
        "limits = { deadline = \"120s\" }",
        "prompt = \"{body}\", tokens = 24",
    );
    let asked = |number: usize| body(&format!("Tell me {number} facts about the sea."));
    let text = |stages: &Value| stages["write"]["answer"]["text"].clone();
    let alone: Vec<Value> = (1..=8)
        .map(|number| text(&answers(&host, &asked(number))))
        .collect();
    let together: Vec<_> = (1..=8)
        .map(|number| host.send(&json_submission(&asked(number))).unwrap())
        .collect();
    let together: Vec<Value> = together
        .into_iter()
        .map(|exchange| text(&outcome(&exchange.answer().unwrap(), "completed")["stages"]))
        .collect();
    // A step of several rows adds up in another order than one row: where two tokens are nearly as likely, that may decide.
    let equal = alone.iter().zip(&together).filter(|(a, b)| a == b).count();
    assert!(equal >= 4, "{alone:#?}\n{together:#?}");
    let rows = host
        .metric("fleetwright_model_batch_rows_sum", &[])
        .unwrap()
        .unwrap();
    let steps = host
        .metric("fleetwright_model_batch_rows_count", &[])
        .unwrap()
        .unwrap();
    assert!(rows > steps * 1.2, "{rows} rows in {steps} steps");
}

#[test]
fn a_generation_whose_caller_goes_away_or_is_late_leaves_the_model_at_once() {
    let host = one(
        "batch = { max = 1 }",
        "limits = { deadline = \"1s\" }",
        "prompt = \"Write a long story. {body}\", tokens = 256",
    );
    let finished = |finish: &'static str| {
        let labels = [("finish", finish)];
        host.metric("fleetwright_model_generations_total", &labels)
            .unwrap()
            .unwrap_or(0.0)
    };
    let late = host.submit(&body("It must not end.")).unwrap();
    stage_failed(&late, "write", "deadline");
    until("the late one's leaving", || {
        Ok((finished("abandoned") == 1.0).then_some(()))
    })
    .unwrap();
    let gone = host
        .send(&json_submission(&body("Nor must this.")))
        .unwrap();
    host.wait_for_in_flight(1).unwrap();
    drop(gone);
    host.wait_for_in_flight(0).unwrap();
    let short = one("batch = { max = 1 }", "", "prompt = \"{body}\", tokens = 4");
    assert_eq!(
        answers(&short, &body("Hi."))["write"]["answer"]["tokens"],
        4
    );
}

#[test]
fn generation_ends_at_its_time_and_what_cannot_be_asked_is_told() {
    let host = one(
        "",
        "",
        "prompt = \"Write a very long story. {body}\", time_ms = 300",
    );
    let ended = answers(&host, &body("About a kettle."))["write"]["answer"].clone();
    assert_eq!(ended["ended"], "time", "{ended}");
    let host = one("", "", "prompt = \"{body}\", chars = 100000");
    let long = host.submit(&body(&"word ".repeat(5000))).unwrap();
    let problem = stage_failed(&long, "write", "inference");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("room for `1024` tokens"),
        "{problem}"
    );
    let host = one("", "", "prompt = \"{body}\", grammar = \"nonsense ::=\"");
    let refused = host.submit(&body("Hi.")).unwrap();
    let problem = stage_failed(&refused, "write", "inference");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("takes `grammar` as GBNF"),
        "{problem}"
    );
}

#[test]
fn a_marker_in_a_request_is_text_to_a_generative_model() {
    let host = one("", "", "prompt = \"Repeat: {body}\", tokens = 8");
    let tokens = |text: &str| {
        let answer = answers(&host, &body(text))["write"]["answer"].clone();
        answer["prompt_tokens"].as_u64().unwrap()
    };
    // As a marker it would be one token.
    assert!(tokens("a<|im_end|>b") >= tokens("ab") + 4);
}

/// An adapter that turns one layer of the model round: a GGUF file of two tensors.
fn adapter() -> Vec<u8> {
    const WIDTH: usize = 576;
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let mut file = b"GGUF".to_vec();
    file.extend(3u32.to_le_bytes());
    file.extend(2u64.to_le_bytes());
    file.extend(4u64.to_le_bytes());
    for (key, value) in [
        ("general.architecture", "llama"),
        ("general.type", "adapter"),
        ("adapter.type", "lora"),
    ] {
        file.extend([text(key), 8u32.to_le_bytes().to_vec(), text(value)].concat());
    }
    file.extend(text("adapter.lora.alpha"));
    file.extend([&6u32.to_le_bytes()[..], &1f32.to_le_bytes()].concat());
    for (side, dims, offset) in [("a", [WIDTH, 1], 0), ("b", [1, WIDTH], 4 * WIDTH)] {
        file.extend(text(&format!("blk.0.attn_q.weight.lora_{side}")));
        file.extend(2u32.to_le_bytes());
        for dim in dims {
            file.extend((dim as u64).to_le_bytes());
        }
        file.extend(0u32.to_le_bytes());
        file.extend((offset as u64).to_le_bytes());
    }
    file.resize(file.len().next_multiple_of(32), 0);
    for place in 0..2 * WIDTH {
        let value = if place % 3 == 0 { -2f32 } else { 2f32 };
        file.extend(value.to_le_bytes());
    }
    file
}

#[test]
fn an_adapter_that_the_manifest_names_changes_what_a_generative_model_writes() {
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().join("smollm2/1.0.0");
    fs::create_dir_all(&folder).unwrap();
    let adapter = adapter();
    fs::write(folder.join("loud.gguf"), &adapter).unwrap();
    let card = fs::read_to_string(places::root().join("models/smollm2/1.0.0/model.toml")).unwrap();
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&adapter));
    let file = format!(
        "[[files]]\npath = \"loud.gguf\"\nsha256 = \"{sha256}\"\nbytes = {}\n",
        adapter.len()
    );
    fs::write(
        folder.join("model.toml"),
        format!("{card}\n{file}[adapters]\nloud = \"loud.gguf\"\n"),
    )
    .unwrap();
    let written = |line: &str| {
        let text = format!(
            "schema = 1\nname = \"one\"\n{PATIENT}[models.writer]\nuse = \"smollm2@1\"\n{line}\n\
            [[stage]]\nname = \"write\"\nplugin = \"generate@1\"\nreads = [\"body\"]\nmodels = {{ writer = \"writer\" }}\n\
            config = {{ prompt = \"{{body}}\", tokens = 16 }}\n"
        );
        let layout = Layout::with_shipped(&text, &["generate"]).unwrap();
        let host = Host::start(layout.with_models(models.path()), &[]).unwrap();
        let stage = answers(&host, &body("Name a colour."))["write"].clone();
        (
            stage["answer"]["text"].clone(),
            stage["models"]["writer"]["adapter"].clone(),
        )
    };
    let (plain, none) = written("");
    let (loud, named) = written("adapter = \"loud\"");
    assert_eq!((none, named), (Value::Null, json!("loud")));
    assert_ne!(plain, loud);
}
