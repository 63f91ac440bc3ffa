//! A stage from JSON to JSON, as the host calls it: what fits, what does not, and what a failure says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use fleetwright_sdk::harness::{Harness, json, refuse};
use fleetwright_sdk::logging::Level;
use fleetwright_sdk::nn::Code;
use fleetwright_sdk::prelude::*;
use fleetwright_sdk::{Role, Stage};

stage! {
    name: "sum",
    version: "2.1.0",
    summary: "Sums up.",
    roles: { "adder": "`x` i64 [n] to `sum` i64 [1]" },
    config_schema: r#"{"type":"object"}"#,
    handle: sum,
}

#[derive(Deserialize)]
struct Fields {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    value: i64,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    confidence: f64,
    #[serde(default)]
    hold_from: Option<i64>,
}

#[derive(Serialize)]
struct Sum {
    sum: i64,
    files: Vec<String>,
}

fn sum(request: Request<Fields>, config: Config) -> Result<Answer<Sum>, Failure> {
    let values: Vec<_> = request.fields.parts.iter().map(|part| part.value).collect();
    logging::info(format_args!("{} parts", values.len()));
    let x = Tensor::new(&[values.len()], &values)?;
    let sum = Model::open("adder")?
        .run([("x", x)])?
        .i64("sum")?
        .shaped(&[1])?[0];
    let files = request
        .attachments
        .iter()
        .map(|file| format!("{} {}", file.name, file.bytes.len()))
        .collect();
    let answer = Answer::new(Sum { sum, files }).confidence(config.confidence);
    Ok(if config.hold_from.is_some_and(|from| sum >= from) {
        answer.hold("large")
    } else {
        answer
    })
}

fn harness() -> Harness<'static> {
    Harness::new(&STAGE)
        .fields(json!({ "parts": [{ "value": 2 }, { "value": 3 }] }))
        .model("adder", |given| {
            let sum: i64 = given.i64("x")?.iter().sum();
            Ok([("sum", Tensor::new(&[1], &[sum])?)].into_iter().collect())
        })
}

#[test]
fn the_description_is_what_the_macro_says() {
    let description = &STAGE.description;
    assert_eq!(
        (description.name, description.version, description.summary),
        ("sum", "2.1.0", "Sums up.")
    );
    assert!(matches!(description.roles, [Role { name: "adder", .. }]));
    assert_eq!(description.answer_schema, r#"{"type":"object"}"#);
}

#[test]
fn an_answer_comes_back_with_its_log() {
    let run = harness()
        .attach("a.txt", "text/plain", "abc")
        .config(json!({ "confidence": 0.5 }))
        .run();
    assert_eq!(
        run.answer().fields,
        json!({ "sum": 5, "files": ["a.txt 3"] })
    );
    assert_eq!(
        (run.answer().confidence, &run.answer().disposition),
        (Some(0.5), &Disposition::Continue)
    );
    assert_eq!(run.log, [(Level::Info, "2 parts".to_owned())]);
}

#[test]
fn a_stage_can_hold() {
    let run = harness().config(json!({ "hold_from": 5 })).run();
    assert_eq!(
        run.answer().disposition,
        Disposition::Hold("large".to_owned())
    );
}

#[test]
fn a_field_that_does_not_fit_is_named_by_its_path() {
    let run = harness()
        .fields(json!({ "parts": [{ "value": 1 }, { "value": "two" }] }))
        .run();
    let Failure::InvalidInput(text) = run.failure() else {
        panic!("{:?}", run.failure())
    };
    assert!(
        text.contains("`parts[1].value`") && text.contains("invalid type: string"),
        "{text}"
    );
    let run = harness().fields(json!({})).run();
    let Failure::InvalidInput(text) = run.failure() else {
        panic!("{:?}", run.failure())
    };
    assert!(
        text.contains("missing field `parts`") && text.contains("`reads`"),
        "{text}"
    );
}

#[test]
fn config_that_does_not_fit_is_named_by_its_path() {
    let run = harness().config(json!({ "hold_from": "five" })).run();
    let Failure::InvalidConfig(text) = run.failure() else {
        panic!("{:?}", run.failure())
    };
    assert!(text.contains("`hold_from`"), "{text}");
}

#[test]
fn a_confidence_must_be_one() {
    let run = harness().config(json!({ "confidence": 1.5 })).run();
    assert!(matches!(run.failure(), Failure::Internal(text) if text.contains("`1.5`")));
}

#[test]
fn a_refusal_keeps_its_code_and_text() {
    let run = harness()
        .model("adder", |_| Err(refuse(Code::TooLarge, "2 of 1 values")))
        .run();
    assert_eq!(
        run.failure().to_string(),
        "inference: model `adder`: too-large: 2 of 1 values"
    );
    let unbound = Harness::new(&STAGE)
        .fields(json!({ "parts": [{ "value": 1 }] }))
        .run();
    assert!(
        unbound
            .failure()
            .to_string()
            .starts_with("inference: model `adder`: not-found")
    );
}

#[test]
fn a_model_of_another_shape_is_named() {
    let run = harness()
        .model("adder", |_| {
            Ok([("sum", Tensor::new(&[1], &[1f32])?)].into_iter().collect())
        })
        .run();
    assert!(
        run.failure()
            .to_string()
            .contains("tensor `sum` is f32 [1], not i64"),
        "{}",
        run.failure()
    );
    let run = harness().fields(json!({ "parts": [] })).run();
    assert!(
        run.failure().to_string().contains("cannot hold 0 elements"),
        "{}",
        run.failure()
    );
}

#[test]
fn cards_give_labels_or_say_what_is_missing() {
    static CARD: Stage = Stage {
        description: fleetwright_sdk::Description {
            name: "card",
            version: "1.0.0",
            summary: "Reads a card.",
            roles: &[],
            config_schema: "{}",
            answer_schema: "{}",
        },
        handle: |request| fleetwright_sdk::Handler::call(read_card, request),
    };
    fn read_card(_: Request<serde_json::Value>) -> Result<Answer<serde_json::Value>, Failure> {
        let card = nn::card("heads")?;
        Ok(Answer::new(
            json!({ "labels": card.labels("type")?, "tokens": card.tokens_or(9) }),
        ))
    }
    let card = json!({ "name": "h", "version": "1.0.0", "outputs": {
        "type": { "type": "f32", "dims": ["batch", 2], "labels": ["a", "b"] } }, "limits": { "tokens": 7 } });
    let run = Harness::new(&CARD).card("heads", card).run();
    assert_eq!(
        run.answer().fields,
        json!({ "labels": ["a", "b"], "tokens": 7 })
    );
    let bare = json!({ "name": "h", "version": "1.0.0", "outputs": { "type": { "type": "f32", "dims": [] } } });
    let run = Harness::new(&CARD).card("heads", bare).run();
    assert!(
        run.failure()
            .to_string()
            .contains("gives output `type` no labels"),
        "{}",
        run.failure()
    );
    assert!(
        Harness::new(&CARD)
            .run()
            .failure()
            .to_string()
            .contains("is absent: bind the role")
    );
}

#[test]
fn outside_a_harness_nothing_is_bound() {
    assert_eq!(
        Model::open("adder").err().and_then(|e| e.code()),
        Some(Code::NotFound)
    );
    logging::warn("dropped");
}

#[test]
fn an_answer_must_be_an_object() {
    fn array(_: Request<serde_json::Value>) -> Result<Answer<Vec<u8>>, Failure> {
        Ok(Answer::new(vec![1]))
    }
    let failure = fleetwright_sdk::Handler::call(
        array,
        fleetwright_sdk::RawRequest {
            fields: "{}".to_owned(),
            ..Default::default()
        },
    );
    assert!(matches!(failure, Err(Failure::Internal(text)) if text.contains("not a JSON object")));
}
